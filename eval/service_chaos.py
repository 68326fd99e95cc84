"""Chaos: faults strike a running service while clients use it, and afterwards every recording is accounted for.

    python -m eval.service_chaos embedded --jobs 100
    python -m eval.service_chaos production --jobs 100      (needs redis-server and PostgreSQL)
    python -m eval.service_chaos production-s3 --jobs 100   (and moto's server, on the path or named by MOTO_SERVER)

Faults, one after the other in a seeded order: kill -9 of a random process below a worker, of a worker itself, of the
API, of Redis, of PostgreSQL; Redis away for 30 s; S3 silent for 20 s; for root a full disk for 15 s; where there is a C
compiler the wall clock of every process an hour ahead, an hour behind, and right again. Clients repeat what was not
answered, with an Idempotency-Key, or send recordings in pieces and go on where they were. It fails (exit status 1)
where a job does not end, ends twice, is made twice or fails without a reason; where a file of a done job is missing;
where a blob is left without a job; or where anything is left after everything has been deleted: rows, blobs, files half
written, temporary files. Of an upload in pieces whose first answer was lost nobody knows; it is to end after a day.
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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

import sqlalchemy as sa

from eval.chaos_clients import ENDED, Outcome, be_client, insist
from eval.service_setup import KINDS, Setup, descendants, serving
from eval.shifted_clock import NoCompiler, ShiftedClock

DISK_MB = 256  # of the small disk: some forty times what 100 short jobs take, so that only the ballast fills it
BROKER_AWAY_S = 30.0
S3_SILENT_S = 20.0
UPLOAD_WAIT_S = 20.0
DISK_FULL_S = 15.0
CLOCK_JUMP_S = 3600
DAY_S = 25 * 3600  # after which an upload that nobody goes on with is given up
# After the last job: an upload that was cut off is given up after two minutes, by a sweep of each second.
SETTLE_PATIENCE_S = 240.0


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

    def silent() -> None:
        process = setup.processes["s3"].process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        time.sleep(S3_SILENT_S)
        process.send_signal(signal.SIGCONT)

    known = [Fault("process below a worker killed", kill_below)] * 3
    for name, supervised in setup.processes.items():
        if name != "s3":  # moto holds everything in memory
            known.append(Fault(f"{name} killed", supervised.kill))
    if "s3" in setup.processes:
        known.append(Fault(f"s3 silent for {S3_SILENT_S:.0f} s", silent))
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
    query = sa.text("SELECT id, state, error_code, error_message, owner, lease_until, files, upload FROM jobs")
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    engine.dispose()
    return found


def wait_for_upload(outcome: Outcome) -> None:
    """So that whoever receives is killed in the middle of an upload in pieces, where there is one soon."""
    deadline_s = time.monotonic() + UPLOAD_WAIT_S
    while not outcome.uploading and time.monotonic() < deadline_s:
        time.sleep(0.1)


def settled(row: dict[str, Any], outcome: Outcome) -> bool:
    """It has ended, or will by itself: an upload in pieces whose beginning was lost on its way to the client."""
    unknown = row["state"] == "receiving" and row["upload"] and row["id"] not in outcome.jobs.values()
    return row["state"] in ENDED or bool(unknown)


def wait_settled(setup: Setup, outcome: Outcome) -> None:
    deadline_s = time.monotonic() + SETTLE_PATIENCE_S
    while time.monotonic() < deadline_s and not all(settled(row, outcome) for row in rows(setup)):
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


def findings(setup: Setup, outcome: Outcome, jobs: int) -> dict[str, Any]:
    """What is there, and `wrong`: one sentence for each thing that must not be."""
    everything, stored, ends = rows(setup), setup.files.blobs(), ends_told(setup)
    table = [row for row in everything if row["state"] != "receiving" or not settled(row, outcome)]
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
        if pieces := [name for name in there if name.startswith("piece-")]:
            wrong.append(f"job {row['id']} keeps {len(pieces)} pieces of its upload")
    wrong += [f"files of {id}, which is no job" for id in stored.keys() - {row["id"] for row in everything}]
    return {
        "jobs": len(table),
        "states": Counter(row["state"] for row in table),
        "failures": Counter(row["error_code"] for row in table if row["state"] == "failed"),
        "in_pieces": outcome.in_pieces,
        "resumed": outcome.resumed,
        "begun_anew": outcome.begun_anew,
        "uploads_nobody_knows": len(everything) - len(table),
        "repeats": dict(outcome.repeats),
        "unfinished_files": len(setup.files.unfinished()),
        "wrong": wrong,
    }


def delete_all(setup: Setup, outcome: Outcome, clock: ShiftedClock | None) -> list[str]:
    """Everything, by the API, and by time what nobody knows; what is left of it."""
    for id in outcome.jobs.values():
        with suppress(urllib.error.HTTPError):
            insist(outcome, urllib.request.Request(f"{setup.address}/v1/transcriptions/{id}", method="DELETE"))
    if clock:
        clock.shift(DAY_S)
    for supervised in setup.processes.values():
        if supervised.name in ("all", "listen", "notate"):
            supervised.kill()  # and is started again, which is when it looks for what was left
    deadline_s = time.monotonic() + SETTLE_PATIENCE_S
    while (left := remains(setup)) and time.monotonic() < deadline_s:
        time.sleep(1.0)
    return left


def remains(setup: Setup) -> list[str]:
    return [
        *(f"row {row['id']}" for row in rows(setup)),
        *(f"files of {id}" for id in setup.files.blobs()),
        *(f"unfinished file {name}" for name in setup.files.unfinished()),
        *(
            f"temporary file {path.relative_to(setup.temporary)}"
            for path in setup.temporary.rglob("*")
            if path.is_file()
        ),
    ]


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
        threads = [
            threading.Thread(target=be_client, args=(setup.address, work, outcome), daemon=True) for _ in range(clients)
        ]
        for thread in threads:
            thread.start()
        known = faults(setup, clock, disk, draw)
        for fault in itertools.chain.from_iterable(draw.sample(known, len(known)) for _ in itertools.count()):
            deadline_s = time.monotonic() + pause_s
            while time.monotonic() < deadline_s and any(thread.is_alive() for thread in threads):
                time.sleep(0.1)
            if not any(thread.is_alive() for thread in threads):
                break
            if fault.name in ("all killed", "api killed"):
                wait_for_upload(outcome)
            print(f"{time.monotonic() - started_s:6.1f} s  {fault.name}", flush=True)
            fault.strike()
            struck[fault.name] += 1
        took_s = time.monotonic() - started_s
        if clock:
            clock.shift(0)
        wait_settled(setup, outcome)
        found = findings(setup, outcome, jobs)
        found["wrong"] += [f"{left} is left after deleting" for left in delete_all(setup, outcome, clock)]
        restarts = {name: supervised.starts - 1 for name, supervised in setup.processes.items()}
    return {"setup": kind, "seed": seed, "took_s": round(took_s, 1), "faults": struck, "restarts": restarts} | found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setup", choices=KINDS)
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
