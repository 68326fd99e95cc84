"""Single-machine mode: the workers as child processes, sweeper and courier as threads, of the process that serves.

A worker that dies is started again and the jobs that it held are free at once, without waiting for their leases.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from worker.job import Task
from worker.schema import migrate
from worker.services import Services
from worker.tasks import process_name_of

POLL_S = 0.2
STOP_WAIT_S = 5.0  # for the running chunk to end and the job to be handed back; then the worker is killed
RESTART_WAIT_S = 2.0  # between two starts of a worker that ends at once

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WorkerProcess:
    task: Task
    process: subprocess.Popen[bytes]
    started_s: float


class Embedded:
    """`with Embedded(services): serve()`: everything but the API, started and stopped together."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._stop = threading.Event()
        self._workers: list[WorkerProcess] = []
        self._watcher = threading.Thread(target=self._watch, name="worker-watch")
        self._loops = [
            threading.Thread(target=services.sweeper.run, args=(self._stop,), name="sweeper"),
            threading.Thread(target=services.courier.run, args=(self._stop,), name="courier"),
        ]

    def __enter__(self) -> Self:
        migrate(self.services.jobs.engine)
        settings = self.services.settings
        for task, count in ((Task.LISTEN, settings.listen_workers), (Task.NOTATE, settings.notate_workers)):
            self._workers.extend(self._start(task) for _ in range(count))
        self._watcher.start()
        for loop in self._loops:
            loop.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._watcher.join()  # before any worker ends, or it would start another
        for worker in self._workers:
            worker.process.terminate()
        for loop in self._loops:
            loop.join()
        deadline_s = time.monotonic() + STOP_WAIT_S
        for worker in self._workers:
            self._end(worker, deadline_s)

    def worker_pids(self, task: Task) -> list[int]:
        return [worker.process.pid for worker in self._workers if worker.task is task]

    def _start(self, task: Task) -> WorkerProcess:
        """In its own session, so that Ctrl-C reaches it through `__exit__` alone; it never outlives this process."""
        process = subprocess.Popen(
            [sys.executable, "-m", "worker.process", task.value],
            env=os.environ | self.services.settings.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # logs go to standard error; Celery says its farewell here
            start_new_session=True,
        )
        return WorkerProcess(task, process, time.monotonic())

    def _watch(self) -> None:
        while not self._stop.wait(POLL_S):
            for worker in self._workers:
                status = worker.process.poll()
                if status is None or time.monotonic() - worker.started_s < RESTART_WAIT_S:
                    continue
                log.error("worker process ended, starting another", task=worker.task.value, status=status)
                self._free_jobs(worker.process.pid)
                fresh = self._start(worker.task)
                worker.process, worker.started_s = fresh.process, fresh.started_s

    def _end(self, worker: WorkerProcess, deadline_s: float) -> None:
        try:
            worker.process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
            self._free_jobs(worker.process.pid)
        if worker.process.stdin is not None:
            worker.process.stdin.close()

    def _free_jobs(self, pid: int) -> None:
        try:
            self.services.jobs.expire(process_name_of(pid))
        except Exception:
            log.exception("leases of a dead worker could not be ended; they run out by themselves")
