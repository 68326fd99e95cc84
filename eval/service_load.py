"""Load on a service: many clients send short recordings, follow them to their end, and count what was lost.

    python -m eval.service_load embedded --jobs 500 --clients 20
    python -m eval.service_load production --jobs 500 --clients 20      (needs redis-server and PostgreSQL)
    python -m eval.service_load http://127.0.0.1:8000 --pid PID         (one that runs already)

Measured from the client's side: uploads accepted, jobs that ended, jobs lost or made twice, the time until an answer to
a question about a job begins while workers are busy, against `/healthz` of the idle service before; and the memory of
the service's processes, or of process `--pid`, before, after each quarter of the jobs, and after the last. It fails
(exit status 1) where a job is lost, doubled or failed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np

from eval.service_memory import MemoryWatch
from eval.service_recordings import decaying_tones, midi_scale, recordings, upload_request
from eval.service_setup import KINDS, serving

IDLE_PROBES = 200
POLL_S = 0.5
QUARTERS = 4
PATIENCE_S = 3600.0
LENGTHS_S = (2.0, 5.0, 10.0, 30.0)
MIDI_SHARE = 0.5


@dataclass
class Outcome:
    """What the clients saw; times in seconds."""

    sent: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    answers_s: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def timed(address: str) -> tuple[float, bytes]:
    started_s = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as answer:
        body: bytes = answer.read()
    return time.perf_counter() - started_s, body


def upload(root: str, name: str, data: bytes) -> str:
    with urllib.request.urlopen(upload_request(root, name, data), timeout=60) as answer:
        return str(json.load(answer)["id"])


def be_client(root: str, work: Queue[int], outcome: Outcome, midi_share: float) -> None:
    """Send one recording after the other, each followed to its end."""
    for recording in recordings(work, midi_share, LENGTHS_S):
        try:
            id = upload(root, recording.name, recording.data)
        except urllib.error.HTTPError as error:
            with outcome.lock:
                outcome.refused.append(error.code)
            continue
        with outcome.lock:
            outcome.sent.append(id)
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            took_s, body = timed(f"{root}/v1/transcriptions/{id}")
            state = json.loads(body)["state"]
            with outcome.lock:
                outcome.answers_s.append(took_s)
                outcome.states[id] = state
            if state in ("done", "failed"):
                break
            time.sleep(POLL_S)


def percentile(values: list[float], share: float) -> float:
    return float(np.quantile(values, share)) if values else float("nan")


@contextmanager
def service(target: str, pid: int | None) -> Iterator[tuple[str, dict[str, int]]]:
    """The address of the service meant, and the processes whose memory is watched."""
    if target not in KINDS:
        yield target.rstrip("/"), {} if pid is None else {"service": pid}
        return
    folder = Path(tempfile.mkdtemp(prefix="transcriber-load-"))
    try:
        folder.chmod(0o755)  # PostgreSQL's user passes through
        with serving(target, folder, folder / "data", {}) as setup:
            warm(setup.address)
            yield setup.address, {name: part.process.pid for name, part in setup.processes.items() if part.process}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def warm(root: str) -> None:
    """One recording of each kind, so that every worker has loaded what it needs before anything is measured."""
    for name, data in (("warm.mid", midi_scale(-1)), ("warm.wav", decaying_tones(LENGTHS_S[0], 0))):
        id = upload(root, name, data)
        while json.loads(timed(f"{root}/v1/transcriptions/{id}")[1])["state"] not in ("done", "failed"):
            time.sleep(POLL_S)


def load(root: str, pids: dict[str, int], jobs: int, clients: int, midi_share: float) -> dict[str, Any]:
    """What came of it."""
    idle_s = [timed(f"{root}/healthz")[0] for _ in range(IDLE_PROBES)]
    memory = MemoryWatch(pids)
    memory.look()
    work: Queue[int] = Queue()
    for number in range(jobs):
        work.put(number)
    outcome = Outcome()
    started_s = time.monotonic()
    threads = [
        threading.Thread(target=be_client, args=(root, work, outcome, midi_share), daemon=True) for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for quarter in range(1, QUARTERS):
        while work.qsize() > jobs * (1 - quarter / QUARTERS) and any(thread.is_alive() for thread in threads):
            time.sleep(POLL_S)
        memory.look()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - started_s
    memory.look()
    states = list(outcome.states.values())
    ended = states.count("done") + states.count("failed")
    idle_p99_s, busy_p99_s = percentile(idle_s, 0.99), percentile(outcome.answers_s, 0.99)
    return {
        "jobs": jobs,
        "accepted": len(outcome.sent),
        "refused": sorted(outcome.refused),
        "doubled": len(outcome.sent) - len(set(outcome.sent)),
        "lost": len(outcome.sent) - ended,
        "done": states.count("done"),
        "failed": states.count("failed"),
        "took_s": round(took_s, 1),
        "answers": len(outcome.answers_s),
        "idle_healthz_ms": {"p50": _ms(statistics.median(idle_s)), "p99": _ms(idle_p99_s)},
        "busy_job_ms": {"p50": _ms(percentile(outcome.answers_s, 0.5)), "p99": _ms(busy_p99_s)},
        "busy_to_idle_p99": round(busy_p99_s / idle_p99_s, 2),
        "memory_mb": memory.looks,
    }


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "service", help=f"{', '.join(KINDS)}, or the address of a service, such as http://127.0.0.1:8000"
    )
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument(
        "--midi-share", type=float, default=MIDI_SHARE, help="of all recordings; the rest is listened to"
    )
    parser.add_argument("--pid", type=int, help="of a service that runs already: the process whose memory is watched")
    options = parser.parse_args()
    with service(options.service, options.pid) as (root, pids):
        report = load(root, pids, options.jobs, options.clients, options.midi_share)
    print(json.dumps(report, indent=1))
    sys.exit(1 if report["done"] < options.jobs or report["doubled"] else 0)


if __name__ == "__main__":
    main()
