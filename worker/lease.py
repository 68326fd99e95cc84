"""The lease on a running job: a thread extends it, and the work hears through it that it must stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import TracebackType
from typing import Self

import structlog

from worker.job import Job, Stage
from worker.jobs import JobTable

BEAT_S = 1.0  # as often as the page asks; the shortest lease is many beats long
TOOK_TOO_LONG = "took-too-long"
TOOK_TOO_LONG_MESSAGE = "The transcription took longer than this service allows; try a shorter part of the recording."

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """The job was cancelled or went to another worker: nothing more may be written."""


class Stopping(Exception):
    """This worker is shutting down: the job goes back to the queue."""


class Lease:
    """Held for the length of one task: `with Lease(...) as lease: ... lease.report(stage, fraction) ...`."""

    def __init__(
        self, jobs: JobTable, job: Job, owner: str, stopping: threading.Event, limit_s: float, beat_s: float = BEAT_S
    ) -> None:
        self._jobs = jobs
        self._job = job
        self._owner = owner
        self._stopping = stopping
        self._limit_s = limit_s
        self._beat_s = beat_s
        self._stage = job.stage
        self._progress = 0.0
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_end, name=f"lease-{job.id}", daemon=True)

    def report(self, stage: Stage, progress: float = 0.0) -> None:
        """Note how far the work is; raises LeaseLost or Stopping where it must end here."""
        self._stage, self._progress = stage, min(max(progress, 0.0), 1.0)
        if self._lost.is_set():
            raise LeaseLost(self._job.id)
        if self._stopping.is_set():
            raise Stopping(self._job.id)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _beat_until_end(self) -> None:
        started_s = last_beat_s = time.monotonic()
        while not self._ended.wait(self._beat_s):
            if time.monotonic() - started_s > self._limit_s:
                self._end_overlong_work()
            try:
                held = self._jobs.beat(self._job.id, self._owner, self._stage, self._progress)
            except Exception:
                # A database that is away for a moment must not end the work; after a whole lease the job is lost.
                log.exception("heartbeat failed", job=self._job.id)
                held = time.monotonic() - last_beat_s < self._jobs.lease_s
            else:
                last_beat_s = time.monotonic()
            if not held:
                self._lost.set()
                return

    def _end_overlong_work(self) -> None:
        """Native code cannot be interrupted from a thread, so the whole worker process ends; it is started anew."""
        log.error("stage took too long, worker process ends", job=self._job.id, limit_s=self._limit_s)
        self._jobs.fail(self._job.id, self._owner, TOOK_TOO_LONG, TOOK_TOO_LONG_MESSAGE)
        os.kill(os.getpid(), signal.SIGKILL)
