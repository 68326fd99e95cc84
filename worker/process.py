"""A worker of one queue, and the child process of the embedded service: `python -m worker.process listen`."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import socket
import sys
import threading
import warnings
from functools import partial
from typing import Any

import structlog
from celery.platforms import SecurityWarning
from celery.signals import (
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
    worker_shutting_down,
)

from transcriber.errors import TranscriberError
from worker.engraving import PRESSES
from worker.job import Task
from worker.log import configure_logging
from worker.services import Services
from worker.settings import Settings
from worker.stages import warm_up
from worker.tasks import register_tasks
from worker.temporary import discard_abandoned
from worker.tracing import TRACING

PING_WAIT_S = 5.0

log = structlog.get_logger(__name__)


def main(arguments: list[str] | None = None) -> None:
    """Work on one job at a time until SIGTERM, which hands the running job back, or until standard input is closed."""
    parser = argparse.ArgumentParser(prog="python -m worker.process", description=__doc__)
    parser.add_argument("task", type=Task, choices=list(Task), help="the queue to work on")
    options = parser.parse_args(arguments)
    threading.Thread(target=_stop_with_parent, name="parent-watch", daemon=True).start()
    _run(Settings(), options.task, ["--pool", "solo"])


def run_worker(settings: Settings, task: Task, concurrency: int, *, one_process: bool = False) -> None:
    """Work on `concurrency` jobs at a time until SIGTERM.

    In as many processes, which finish their jobs then; or in one, whose threads share the network and the GPU that it
    is on, and hand their jobs back.
    """
    _run(settings, task, ["--pool", "threads" if one_process else "prefork", "--concurrency", str(concurrency)])


def workers_answer(settings: Settings) -> bool:
    """Whether a worker of this machine answers through the broker, busy or not."""
    answers = Services(settings).celery.control.inspect(timeout=PING_WAIT_S).ping() or {}
    return any(name.endswith(f"@{socket.gethostname()}") for name in answers)


def _run(settings: Settings, task: Task, pool: list[str]) -> None:
    configure_logging(settings.log_format)
    services = Services(settings)
    register_tasks(services)

    def note_stop(**_: Any) -> None:
        services.stopping.set()

    worker_shutting_down.connect(note_stop)
    # After the fork, which a GPU's driver does not survive, nor the parent of a child process.
    get_ready = partial(_warm_ear, settings) if task is Task.LISTEN else _warm_pen
    begun = worker_init if "threads" in pool else worker_process_init

    def begin_tracing(**_: Any) -> None:
        TRACING.begin(task.value)

    def tidy_up(**_: Any) -> None:
        discard_abandoned()

    for prepare in (begin_tracing, tidy_up, get_ready):
        begun.connect(prepare, weak=False)
    for ended in (worker_process_shutdown, worker_shutdown):
        ended.connect(_end_tracing, weak=False)
    # It warns root of unpickled messages; ours are JSON, and an id at that.
    warnings.filterwarnings("ignore", category=SecurityWarning)
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
            "--without-heartbeat",  # its timer would hold up the end of the process
            *pool,
        ]
    )


def _end_tracing(**_: Any) -> None:
    TRACING.end()


def _warm_ear(settings: Settings, **_: Any) -> None:
    try:
        warm_up(settings.device, settings.checkpoint)
    except TranscriberError as error:
        log.error("the note model cannot be used", code=error.code, message=error.message)


def _warm_pen(**_: Any) -> None:
    """Nobody who changes a score waits for libraries to load."""
    import transcriber.notate  # noqa: F401

    PRESSES.keep_ready()
    gc.freeze()  # looking again through all that is loaded takes up to a third of the time to write a score


def _stop_with_parent() -> None:
    """The parent holds the other end of standard input, which closes however it ends."""
    while os.read(sys.stdin.fileno(), 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
