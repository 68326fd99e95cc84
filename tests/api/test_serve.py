"""The whole service in processes of its own: killed, stopped, and on Redis. Each test starts it as a user would."""

import gzip
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.recordings import piano_like, wav

PATIENCE_S = 240.0  # far above the few seconds that each step takes on an idle machine


@dataclass
class Service:
    process: subprocess.Popen[str]
    address: str
    database: Path

    def upload(self, name: str, data: bytes) -> str:
        """Returns the job's address."""
        head = f'--b\r\nContent-Disposition: form-data; name="recording"; filename="{name}"\r\n\r\n'.encode()
        request = urllib.request.Request(
            f"{self.address}/v1/transcriptions",
            head + data + b"\r\n--b--\r\n",
            {"Content-Type": "multipart/form-data; boundary=b"},
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 202
            return self.address + str(answer.headers["Location"])

    def job(self, address: str) -> dict[str, Any]:
        with urllib.request.urlopen(address) as answer:
            job = json.load(answer)
        assert isinstance(job, dict)
        return job

    def wait_done(self, address: str) -> dict[str, Any]:
        wait_for(lambda: self.job(address)["state"] in ("done", "failed"))
        job = self.job(address)
        assert job["state"] == "done", job
        return job

    def column(self, name: str) -> Any:
        """Of the only job."""
        with sqlite3.connect(self.database) as connection:
            return connection.execute(f"SELECT {name} FROM jobs").fetchone()[0]

    def workers(self) -> list[int]:
        """Process ids of the service's children, whichever thread started them."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]


def wait_for(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Service]:
    """`transcriber-serve` on a free port; killed with all its workers if the test has not stopped it."""
    data = folder / "data"
    variables = {f"TRANSCRIBER_{name.upper()}": value for name, value in settings.items()}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.serve", "--port", "0", "--data-dir", str(data)],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    workers: list[int] = []
    try:
        match = re.search(r"http://\S+", process.stdout.readline())
        assert match is not None
        service = Service(process, match[0], data / "jobs.sqlite3")
        workers = service.workers()
        yield service
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        wait_for(lambda: not any(alive(pid) for pid in workers))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_killed_worker_loses_nothing_and_ctrl_c_leaves_nothing(tmp_path: Path, midi: bytes) -> None:
    with serving(tmp_path) as service:
        job = service.upload("scale.mid", midi)
        wait_for(lambda: service.column("state") == "running")
        victim = int(service.column("owner").split("/")[1])
        assert victim in service.workers()
        os.kill(victim, signal.SIGKILL)
        done = service.wait_done(job)
        assert service.column("attempts") == 2
        with urllib.request.urlopen(service.address + done["links"]["pdf"]) as answer:
            assert answer.read(5) == b"%PDF-"
        with urllib.request.urlopen(service.address + done["links"]["pages"][0]) as answer:
            assert b"<svg" in answer.read()

        workers = service.workers()
        assert len(workers) == 2
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(PATIENCE_S) == 0
        assert not any(alive(pid) for pid in workers)
    told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    events = [line["event"] for line in told if line.get("job") == job.rpartition("/")[2]]
    assert events[-2:] == ["task started", "job done"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_workers_do_not_outlive_a_killed_service_and_give_their_jobs_back(tmp_path: Path, midi: bytes) -> None:
    with serving(tmp_path) as service:
        service.upload("scale.mid", midi)
        wait_for(lambda: service.column("state") == "running")
        workers = service.workers()
        service.process.kill()
        wait_for(lambda: not any(alive(pid) for pid in workers))
        assert (service.column("state"), service.column("attempts")) in (("queued", 0), ("done", 1))


def test_jobs_of_one_process_are_heard_side_by_side(tmp_path: Path) -> None:
    with serving(tmp_path, listen_workers="0") as service:
        tunes = [
            piano_like([(0.4 * place, 0.4 * place + 0.4, 60 + step * place) for place in range(12)]) for step in (1, 2)
        ]
        jobs = [service.upload(f"{number}.wav", wav(tune)) for number, tune in enumerate(tunes)]
        with (tmp_path / "ear").open("w") as told:
            ear = subprocess.Popen(
                [sys.executable, "-m", "api.serve", "listen", "--one-process", "--concurrency", "2"],
                env=os.environ | {"TRANSCRIBER_DATA_DIR": str(tmp_path / "data"), "TRANSCRIBER_LOG_FORMAT": "json"},
                stderr=told,
            )
        try:
            assert all(service.wait_done(job)["links"]["pages"] for job in jobs)
        finally:
            ear.terminate()
        assert ear.wait(PATIENCE_S) == 0
    events = [json.loads(line)["event"] for line in (tmp_path / "ear").read_text().splitlines()]
    assert events == ["task started", "task started", "task finished", "task finished"]


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and what is sent to it."""
    received: list[bytes] = []

    class Collecting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collecting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


def test_every_process_tells_a_collector_of_the_job(
    tmp_path: Path, midi: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collector() as (address, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        with serving(tmp_path) as service:
            job = service.upload("scale.mid", midi)
            service.wait_done(job)
            trace = bytes.fromhex(job.rpartition("/")[2])

            def told_by(part: bytes) -> bool:
                return any(trace in sent and part in sent for sent in received)

            wait_for(lambda: told_by(b"transcriber-api") and told_by(b"transcriber-notate"))
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(PATIENCE_S) == 0


def test_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "api.serve", "--port", str(port), "--data-dir", str(tmp_path)],
            capture_output=True,
            text=True,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Cannot listen on 127.0.0.1 port {port}")
    assert ended.stderr.count("\n") == 1


@pytest.fixture
def redis_address(tmp_path: Path) -> Iterator[str]:
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("no redis-server is installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [server, "--port", str(port), "--dir", str(tmp_path), "--appendonly", "yes", "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
    )

    def answers() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return False
        return True

    try:
        wait_for(answers)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.redis
def test_a_worker_that_is_told_to_stop_finishes_its_job(tmp_path: Path, redis_address: str, midi: bytes) -> None:
    alone = {"broker_url": redis_address, "listen_workers": "0", "notate_workers": "0"}
    with serving(tmp_path, **alone) as service:
        worker = subprocess.Popen(
            [sys.executable, "-m", "api.serve", "notate", "--data-dir", str(tmp_path / "data")],
            env=os.environ | {"TRANSCRIBER_BROKER_URL": redis_address},
            stderr=subprocess.DEVNULL,
        )
        try:
            service.upload("scale.mid", midi)
            wait_for(lambda: service.column("state") in ("running", "done"))
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(PATIENCE_S) == 0
            assert (service.column("state"), service.column("attempts")) == ("done", 1)
        finally:
            worker.kill()
            worker.wait()


@pytest.mark.redis
def test_job_through_redis(tmp_path: Path, redis_address: str, midi: bytes) -> None:
    with serving(tmp_path, broker_url=redis_address) as service:
        done = service.wait_done(service.upload("scale.mid", midi))
        assert done["links"]["pages"]
        assert service.column("attempts") == 1
        assert not (tmp_path / "data" / "queue").exists()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE_S) == 0
