"""Chaos: faults strike a running service while clients use it, and afterwards every recording is accounted for.

    python -m eval.service_chaos embedded --jobs 100
    python -m eval.service_chaos production --jobs 100      (needs redis-server and PostgreSQL)

Faults, one after the other in a seeded order: kill -9 of a random process below a worker, of a worker itself, of the
API, of Redis, of PostgreSQL; Redis away for 30 s; for root a full disk for 15 s; where there is a C compiler the wall
clock of every process an hour ahead, an hour behind, and right again. Clients repeat what was not answered, with an
Idempotency-Key. It fails (exit status 1) where a job does not end, ends twice, is made twice or fails without a reason;
where a file of a done job is missing; where a blob is left without a job; or where anything is left after everything
has been deleted.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import sqlalchemy as sa

from eval.service_load import decaying_tones, midi_scale
from eval.service_setup import Setup, descendants, serving
from eval.shifted_clock import NoCompiler, ShiftedClock

LENGTHS_S = (2.0, 3.0, 4.0)
MIDI_SHARE = 0.5
DISK_MB = 256  # of the small disk: some forty times what 100 short jobs take, so that only the ballast fills it
BROKER_AWAY_S = 30.0
DISK_FULL_S = 15.0
CLOCK_JUMP_S = 3600
POLL_S = 0.5
RETRY_WAIT_S = 1.0
JOB_PATIENCE_S = 1800.0
# After the last job: an upload that was cut off is given up after two minutes, by a sweep of each second.
SETTLE_PATIENCE_S = 240.0
ENDED = ("done", "failed")


@dataclass
class Outcome:
    """What the clients saw: the job of each recording, how it ended, and how often they had to repeat themselves."""

    jobs: dict[int, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    repeats: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


def insist(outcome: Outcome, request: urllib.request.Request) -> bytes:
    """The answer, however often it takes: while nobody answers, or the service says that it cannot at this moment."""
    deadline_s = time.monotonic() + JOB_PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body: bytes = answer.read()
            return body
        except urllib.error.HTTPError as error:
            if error.code not in (409, 500, 503, 507) or time.monotonic() > deadline_s:
                raise
            reason = str(error.code)
        except (OSError, ValueError) as error:
            if time.monotonic() > deadline_s:
                raise
            reason = type(error).__name__
        with outcome.lock:
            outcome.repeats[reason] += 1
        time.sleep(RETRY_WAIT_S)


def be_client(root: str, work: Queue[int], outcome: Outcome) -> None:
    """Send one recording after the other, each followed to its end."""
    while True:
        try:
            number = work.get_nowait()
        except Empty:
            return
        draw = random.Random(number)
        is_midi = draw.random() < MIDI_SHARE
        data = midi_scale(number) if is_midi else decaying_tones(draw.choice(LENGTHS_S), number)
        name = f"{number}.{'mid' if is_midi else 'wav'}"
        head = f'--b\r\nContent-Disposition: form-data; name="recording"; filename="{name}"\r\n\r\n'.encode()
        kind = {"Content-Type": "multipart/form-data; boundary=b", "Idempotency-Key": f"chaos-{number}"}
        upload = urllib.request.Request(f"{root}/v1/transcriptions", head + data + b"\r\n--b--\r\n", kind)
        id = str(json.loads(insist(outcome, upload))["id"])
        with outcome.lock:
            outcome.jobs[number] = id
        deadline_s = time.monotonic() + JOB_PATIENCE_S
        state = ""
        while state not in ENDED and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
            state = str(json.loads(insist(outcome, urllib.request.Request(f"{root}/v1/transcriptions/{id}")))["state"])
            outcome.states[id] = state


@dataclass(frozen=True)
class Fault:
    name: str
    strike: Callable[[], None]


def faults(setup: Setup, clock: ShiftedClock | None, disk: Path | None, draw: random.Random) -> list[Fault]:
    """Those that this setup knows."""
    workers = [setup.processes[name] for name in ("all", "listen", "notate") if name in setup.processes]

    def kill_below() -> None:
        pids = [pid for worker in workers if worker.process for pid in descendants(worker.process.pid)]
        if pids:
            with suppress(ProcessLookupError):
                os.kill(draw.choice(pids), signal.SIGKILL)

    def away() -> None:
        redis = setup.processes["redis"]
        redis.held_down = True
        redis.kill()
        time.sleep(BROKER_AWAY_S)
        redis.held_down = False

    known = [Fault("process below a worker killed", kill_below)] * 3
    for name, supervised in setup.processes.items():
        known.append(Fault(f"{name} killed", supervised.kill))
    if "redis" in setup.processes:
        known.append(Fault(f"redis away for {BROKER_AWAY_S:.0f} s", away))
    if disk is not None:
        known.append(Fault(f"disk full for {DISK_FULL_S:.0f} s", lambda: fill(disk)))
    if clock is not None:
        known += [
            Fault(f"clock {name}", partial(clock.shift, shift_s))
            for name, shift_s in (("an hour ahead", CLOCK_JUMP_S), ("an hour behind", -CLOCK_JUMP_S), ("right", 0))
        ]
    return known


def fill(disk: Path) -> None:
    """Every free byte taken for a while."""
    ballast = disk / "ballast"
    try:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1024 * 1024))
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"x")
        time.sleep(DISK_FULL_S)
    finally:
        ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """A file system in memory at `place`; None, and `place` as it is, where this user may not mount one."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "transcriber-chaos", str(place)]
    mounted = os.getuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def rows(setup: Setup) -> list[dict[str, Any]]:
    engine = sa.create_engine(setup.database_url)
    query = sa.text("SELECT id, state, error_code, error_message, owner, lease_until, files FROM jobs")
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    engine.dispose()
    return found


def wait_settled(setup: Setup) -> None:
    deadline_s = time.monotonic() + SETTLE_PATIENCE_S
    while time.monotonic() < deadline_s and any(row["state"] not in ENDED for row in rows(setup)):
        time.sleep(1.0)


def ends_told(setup: Setup) -> Counter[str]:
    """How often the logs say of each job that it ended."""
    ends: Counter[str] = Counter()
    for supervised in setup.processes.values():
        for line in supervised.log.read_bytes().splitlines():
            with suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict) and told.get("event") in ("job done", "job failed"):
                    ends[told["job"]] += 1
    return ends


def blobs(setup: Setup) -> dict[str, dict[str, int]]:
    """Of every job that has any: the names and sizes of its files."""
    return {
        folder.name: {path.name: path.stat().st_size for path in folder.iterdir()}
        for folder in setup.files.iterdir()
        if not folder.name.startswith(".")
    }


def findings(setup: Setup, outcome: Outcome, jobs: int) -> dict[str, Any]:
    """What is there, and `wrong`: one sentence for each thing that must not be."""
    table, stored, ends = rows(setup), blobs(setup), ends_told(setup)
    wrong = [f"job {row['id']} is {row['state']}" for row in table if row["state"] not in ENDED]
    wrong += [f"job {row['id']} still has an owner" for row in table if row["owner"] or row["lease_until"]]
    wrong += [
        f"job {row['id']} failed without a reason"
        for row in table
        if row["state"] == "failed" and not (row["error_code"] and row["error_message"])
    ]
    wrong += [f"job {id} ended {times} times" for id, times in ends.items() if times > 1]
    if len(table) != jobs or len(set(outcome.jobs.values())) != jobs:
        wrong.append(f"{jobs} recordings made {len(table)} jobs, of which clients know {len(outcome.jobs)}")
    for row in table:
        files = json.loads(row["files"]) if isinstance(row["files"], str) else row["files"]
        there = stored.get(row["id"], {})
        missing = {name for name, size in files.items() if there.get(name) != size}
        if missing:
            wrong.append(f"job {row['id']} lacks {sorted(missing)}")
    wrong += [f"files of {id}, which is no job" for id in stored.keys() - {row["id"] for row in table}]
    return {
        "jobs": len(table),
        "states": Counter(row["state"] for row in table),
        "failures": Counter(row["error_code"] for row in table if row["state"] == "failed"),
        "repeats": dict(outcome.repeats),
        "unfinished_files": len(list((setup.files / ".incoming").iterdir())),
        "wrong": wrong,
    }


def delete_all(setup: Setup, outcome: Outcome) -> list[str]:
    """Everything, by the API; what is left of it."""
    for id in outcome.jobs.values():
        with suppress(urllib.error.HTTPError):
            insist(outcome, urllib.request.Request(f"{setup.address}/v1/transcriptions/{id}", method="DELETE"))
    return [*(f"row {row['id']}" for row in rows(setup)), *(f"files of {id}" for id in blobs(setup))]


def run(kind: str, jobs: int, clients: int, pause_s: float, seed: int, folder: Path) -> dict[str, Any]:
    draw = random.Random(seed)
    folder.chmod(0o755)  # PostgreSQL's user passes through
    clock: ShiftedClock | None = None
    with suppress(NoCompiler):
        clock = ShiftedClock(folder).build()
    outcome, struck, work = Outcome(), Counter[str](), Queue[int]()
    for number in range(jobs):
        work.put(number)
    with (
        small_disk(folder / "data") as disk,
        serving(kind, folder, folder / "data", clock.environment if clock else {}) as setup,
    ):
        started_s = time.monotonic()
        threads = [threading.Thread(target=be_client, args=(setup.address, work, outcome)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        known = faults(setup, clock, disk, draw)
        for fault in itertools.chain.from_iterable(draw.sample(known, len(known)) for _ in itertools.count()):
            deadline_s = time.monotonic() + pause_s
            while time.monotonic() < deadline_s and any(thread.is_alive() for thread in threads):
                time.sleep(0.1)
            if not any(thread.is_alive() for thread in threads):
                break
            print(f"{time.monotonic() - started_s:6.1f} s  {fault.name}", flush=True)
            fault.strike()
            struck[fault.name] += 1
        took_s = time.monotonic() - started_s
        if clock:
            clock.shift(0)
        wait_settled(setup)
        found = findings(setup, outcome, jobs)
        found["wrong"] += [f"{left} is left after deleting" for left in delete_all(setup, outcome)]
        restarts = {name: supervised.starts - 1 for name, supervised in setup.processes.items()}
    return {"setup": kind, "seed": seed, "took_s": round(took_s, 1), "faults": struck, "restarts": restarts} | found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setup", choices=["embedded", "production"])
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--pause", type=float, default=20.0, help="seconds between two faults; a worker starts in them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for logs; by default a temporary one")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends by way of everything that was started
    folder = options.keep or Path(tempfile.mkdtemp(prefix="transcriber-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        report = run(options.setup, options.jobs, options.clients, options.pause, options.seed, folder)
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report, indent=1))
    sys.exit(1 if report["wrong"] else 0)


if __name__ == "__main__":
    main()
