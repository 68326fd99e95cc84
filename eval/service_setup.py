"""The service under a supervisor that starts again whatever ended, as systemd or a container's restart policy does.

Three setups: `embedded`, one command with nothing else; `production`, Redis with its append-only file, PostgreSQL, the
API, a worker for each queue and a sweeper, each a process of its own; `production-s3`, the same with its files in a
bucket of moto's S3 server. The others keep them in one folder. All write JSON logs beside it.
"""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from eval.service_files import BucketFiles, Files, FolderFiles, s3_server

RESTART_WAIT_S = 1.0
START_PATIENCE_S = 120.0
STOP_PATIENCE_S = 20.0
APART: dict[str, list[str]] = {
    "api": ["api"],
    "listen": ["listen"],
    "notate": ["notate", "--concurrency", "2"],
    "sweep": ["sweep"],
}
PARTS: dict[str, dict[str, list[str]]] = {"embedded": {"all": []}, "production": APART, "production-s3": APART}
KINDS = tuple(PARTS)


@dataclass
class Supervised:
    """One command that is to run for ever; its output goes to `log`."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    user: str | None = None
    starts: int = 0
    held_down: bool = False  # a fault keeps it away for a while
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=dict(self.environment), stdout=log, stderr=log, user=self.user, start_new_session=True
            )
        self.starts += 1

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Setup:
    """A running service: its address, where its files, temporary ones and database are, and its processes by name."""

    address: str
    files: Files
    temporary: Path
    database_url: str
    processes: dict[str, Supervised] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._stop.wait(RESTART_WAIT_S):
            for supervised in self.processes.values():
                if not supervised.held_down and not supervised.runs:
                    supervised.start()

    def stop_watching(self) -> None:
        self._stop.set()

    def end(self) -> None:
        """The last started first, as they depend on each other."""
        for supervised in reversed(self.processes.values()):
            supervised.stop()


def descendants(pid: int) -> list[int]:
    """Process ids of all children and their children that live now."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def serving(kind: str, folder: Path, files: Path, environment: Mapping[str, str]) -> Iterator[Setup]:
    """A running setup, one of KINDS, of which nothing runs after the block.

    `folder` takes logs and servers' data, `files` the service's; `environment` is added to that of each process.
    """
    port, temporary = free_port(), files / "temporary"
    temporary.mkdir(parents=True)
    database_url = f"sqlite:///{files / 'jobs.sqlite3'}"
    setup = Setup(f"http://127.0.0.1:{port}", FolderFiles(files / "files"), temporary, database_url)
    settings = {
        "TRANSCRIBER_DATA_DIR": str(files),
        "TRANSCRIBER_PORT": str(port),
        "TRANSCRIBER_LOG_FORMAT": "json",
        "TRANSCRIBER_LISTING": "false",  # nor is a recording answered from an earlier one
    }

    def start(name: str, command: list[str], user: str | None = None) -> None:
        both = os.environ | dict(environment) | settings
        setup.processes[name] = Supervised(name, command, both, folder / f"{name}.log", user)
        setup.processes[name].start()

    try:
        if kind == "production-s3":
            setup.files = bucket = BucketFiles(f"http://127.0.0.1:{free_port()}")
            start("s3", s3_server(int(bucket.address.rpartition(":")[2])))
            until_it_works(bucket.make)
            settings |= bucket.settings()
        if kind != "embedded":
            redis, settings["TRANSCRIBER_BROKER_URL"] = redis_server(folder)
            start("redis", redis)
            postgres, setup.database_url = postgres_server(folder)
            settings["TRANSCRIBER_DATABASE_URL"] = setup.database_url
            start("postgres", postgres, postgres_user())
            migrate(os.environ | settings)
        settings["TMPDIR"] = str(temporary)  # from here on, as the servers have files of their own
        for name, arguments in PARTS[kind].items():
            start(name, [sys.executable, "-m", "api.serve", *arguments])
        until_it_works(lambda: urllib.request.urlopen(f"{setup.address}/healthz", timeout=5).close())
        watcher = threading.Thread(target=setup.watch, name="supervisor")
        watcher.start()
        try:
            yield setup
        finally:
            setup.stop_watching()
            watcher.join()
    finally:
        setup.end()


def redis_server(folder: Path) -> tuple[list[str], str]:
    """The command of a server that keeps its queue in an append-only file, and its address."""
    port = free_port()
    program = shutil.which("redis-server") or "redis-server"
    command = [program, "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--bind", "127.0.0.1"]
    return command, f"redis://127.0.0.1:{port}/0"


def postgres_server(folder: Path) -> tuple[list[str], str]:
    """The command of a server with a new cluster, and the address of its database."""
    initdb = Path(max(glob.glob("/usr/lib/postgresql/*/bin/initdb"), default="") or shutil.which("initdb") or "initdb")
    data, port = folder / "cluster", free_port()
    data.mkdir()
    if user := postgres_user():
        shutil.chown(data, user)
    made = [str(initdb), "--auth=trust", "--no-sync", "--username=postgres", f"--pgdata={data}"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, user=user, cwd=data)
    command = [str(initdb.with_name("postgres")), "-D", str(data), "-p", str(port), "-k", str(data)]
    return command, f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"


def postgres_user() -> str | None:
    """It refuses to run as root; Debian's package has made a user for it."""
    return "postgres" if os.getuid() == 0 else None


def migrate(environment: Mapping[str, str]) -> None:
    """Once the database answers."""
    command = [sys.executable, "-m", "api.serve", "migrate"]
    deadline_s = time.monotonic() + START_PATIENCE_S
    while (ended := subprocess.run(command, env=dict(environment), capture_output=True)).returncode != 0:
        if time.monotonic() > deadline_s:
            raise TimeoutError(ended.stderr.decode(errors="replace"))
        time.sleep(RESTART_WAIT_S)


def until_it_works(act: Callable[[], None]) -> None:
    """Raises the last OSError where it never does."""
    deadline_s = time.monotonic() + START_PATIENCE_S
    while True:
        try:
            act()
            return
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)
