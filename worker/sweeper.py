"""The sweeper makes up for every message and worker that was lost, and removes what was deleted.

Any number of sweepers may run; each of their steps is one statement of the job table.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from worker.job import Task
from worker.jobs import JobTable
from worker.storage import Storage

SWEEP_S = 1.0  # a lost worker's job waits at most its lease and this
TIDY_S = 3600.0
JUMP_S = 3.0  # above what a busy machine is late by, and below every lease worth the name
RENEWAL_S = 5.0  # several heartbeats
BROKER_AWAY_S = 5.0  # until the next try: each one may itself wait for seconds

log = structlog.get_logger(__name__)

Send = Callable[[str, Task], bool]  # tells a worker that this job wants this task; False where it could not


def remove(jobs: JobTable, storage: Storage, id: str) -> None:
    """Files first: where this is interrupted the row still says what is left to do."""
    storage.delete(id)
    jobs.remove(id)


class Sweeper:
    def __init__(self, jobs: JobTable, storage: Storage, send: Send) -> None:
        self.jobs = jobs
        self.storage = storage
        self.send = send
        self._orphans: set[str] = set()  # at the last look
        self._clock_ahead_s = 0.0  # of the monotonic clock; nothing is known before the first look
        self._steady_from_s = 0.0

    def sweep(self) -> None:
        if self._clock_is_steady():
            for id in self.jobs.fail_poison():
                log.error("job failed", job=id, code="worker-lost")
            if stale := self.jobs.requeue_stale():
                log.warning("jobs of lost workers queued again", count=stale)
            self.jobs.cancel_abandoned_uploads()
        self._send_due()
        self.jobs.cancel_expired()
        for id in self.jobs.removable():
            remove(self.jobs, self.storage, id)

    def _clock_is_steady(self) -> bool:
        """False for a moment after the database's clock has jumped, be it set or its machine asleep.

        By then every worker that lives has renewed its lease by the new time, and only those of dead ones have ended.
        """
        ahead_s, at_s = self.jobs.clock_s() - time.monotonic(), time.monotonic()
        if abs(ahead_s - self._clock_ahead_s) > JUMP_S:
            if self._clock_ahead_s:
                log.warning("the clock jumped", by_s=round(ahead_s - self._clock_ahead_s, 1))
                self._steady_from_s = at_s + RENEWAL_S
            self._clock_ahead_s = ahead_s
        return at_s >= self._steady_from_s

    def tidy(self) -> None:
        """Delete what interrupted processes left: unfinished files, and blobs that no row tells of.

        A row is made before its first blob and deleted after its last; only a process that went on after it had lost
        its job leaves others. The health check's own has no row either, hence the second look.
        """
        self.storage.discard_stale()
        orphans = self.jobs.unknown(self.storage.job_ids())
        for id in orphans & self._orphans:
            log.warning("files without a job deleted", job=id)
            self.storage.delete(id)
        self._orphans = orphans

    def _send_due(self) -> None:
        due = self.jobs.take_due()
        for place, (id, task) in enumerate(due):
            if not self.send(id, task):
                self.jobs.postpone([id for id, _ in due[place:]], BROKER_AWAY_S)
                return

    def run(self, stop: threading.Event) -> None:
        """Sweep until `stop` is set. A failing database or storage is reported and tried again."""
        tidied_s = -TIDY_S
        while not stop.is_set():
            try:
                self.sweep()
                if time.monotonic() - tidied_s >= TIDY_S:
                    self.tidy()
                    tidied_s = time.monotonic()
            except Exception:
                log.exception("sweep failed")
            stop.wait(SWEEP_S)
