"""One worker process: `python -m worker.process listen` or `notate`, taking its settings from the environment."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import warnings
from typing import Any

from celery.platforms import SecurityWarning
from celery.signals import worker_shutting_down

from worker.job import Task
from worker.log import configure_logging
from worker.services import Services
from worker.settings import Settings
from worker.tasks import register_tasks


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m worker.process", description=__doc__)
    parser.add_argument("task", type=Task, choices=list(Task), help="the queue to work on")
    parser.add_argument("--concurrency", type=int, default=1, help="jobs at a time, each in a process of its own")
    parser.add_argument("--stop-at-eof", action="store_true", help="stop when standard input is closed")
    options = parser.parse_args(arguments)
    run_worker(Settings(), options.task, options.concurrency, options.stop_at_eof)


def run_worker(settings: Settings, task: Task, concurrency: int, stop_at_eof: bool = False) -> None:
    """Work until SIGTERM, which hands the running job back. One job at a time needs no pool of processes."""
    configure_logging(settings.log_format)
    services = Services(settings)
    register_tasks(services)

    def note_stop(**_: Any) -> None:
        services.stopping.set()

    worker_shutting_down.connect(note_stop)
    if stop_at_eof:
        threading.Thread(target=_stop_with_parent, name="parent-watch", daemon=True).start()
    # It warns root of unpickled messages; ours are JSON, and an id at that.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    pool = ["--pool", "solo"] if concurrency == 1 else ["--pool", "prefork", "--concurrency", str(concurrency)]
    services.celery.worker_main(
        [
            "--quiet",
            "worker",
            "--queues",
            task.value,
            "--hostname",
            f"{task.value}-{os.getpid()}@%h",
            "--loglevel",
            "WARNING",
            "--without-gossip",
            "--without-mingle",
            *pool,
        ]
    )


def _stop_with_parent() -> None:
    """The parent holds the other end of standard input, which closes however it ends."""
    while os.read(sys.stdin.fileno(), 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
