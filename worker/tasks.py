"""What a worker does with a message: claim the job, work under a lease, and say in the row how it ended."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager

import structlog
from sqlalchemy.exc import OperationalError
from structlog.contextvars import bound_contextvars

from transcriber.errors import EditError, NoNotes, OptionError, RecordingError, TranscriberError
from worker.job import MAX_ATTEMPTS, Job, State, Task
from worker.lease import Lease, LeaseLost, Stopping
from worker.queues import task_name
from worker.services import Services
from worker.stages import Written, discard_earlier, listen_to, write_down
from worker.sweeper import remove
from worker.tracing import TRACING

USER_ERRORS = (RecordingError, NoNotes, OptionError, EditError)  # trying again gives the same answer
INTERNAL_ERROR = "internal-error"
INTERNAL_ERROR_MESSAGE = (
    "Something went wrong on our side, and trying again did not help; the recording is not at fault."
)
RETRY_WAIT_S = (2.0, 30.0)  # after the first and the second attempt: a hiccup, then a restart, or a disk made room on

log = structlog.get_logger(__name__)


def process_name() -> str:
    """Begins the owner's name of every job that this process holds."""
    return process_name_of(os.getpid())


def process_name_of(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/"


def register_tasks(services: Services) -> None:
    """Make the two Celery tasks that run jobs with these services."""
    for task in Task:

        def run(id: str, task: Task = task) -> None:
            perform(services, task)

        services.celery.task(run, name=task_name(task))


def perform(services: Services, task: Task) -> None:
    """Do one task of the job that comes first, which need not be the one that the message told of.

    Whatever happens is written into its row. Nothing happens where no job waits, or where the database is away: what
    was begun is taken over when its lease has ended.
    """
    try:
        _claim_and_work(services, task)
    except OperationalError as error:
        log.error("database unreachable", task=task.value, error=str(error.orig))


def _claim_and_work(services: Services, task: Task) -> None:
    owner = process_name() + uuid.uuid4().hex
    job = services.jobs.claim(task, owner)
    if job is None:
        return
    id = job.id
    with bound_contextvars(job=id, task=task.value, attempt=job.attempts), _traced(job):
        log.info("task started")
        try:
            settled = _work(services, job, owner)
        except LeaseLost:
            settled = False
        except Stopping:
            log.info("job handed back, worker is stopping")
            settled = services.jobs.hand_back(id, owner)
        except USER_ERRORS as error:
            log.info("job failed", code=error.code, message=error.message)
            settled = _followed(services, services.jobs.fail(id, owner, error.code, error.message))
        except Exception as error:
            log.exception("task failed")
            settled = _settle_fault(services, job, owner, error)
        except BaseException:
            services.jobs.hand_back(id, owner)
            raise
        if not settled:
            _leave(services, id, owner)


def _traced(job: Job) -> AbstractContextManager[None]:
    return TRACING.job("redraw" if job.is_redraw else job.task.value, job.id, attempt=job.attempts)


def _work(services: Services, job: Job, owner: str) -> bool:
    """True where the result is in the row, False where the job was lost at the last moment."""
    settings = services.settings
    started_s = time.monotonic()

    def timings() -> dict[str, float]:
        return {**job.timings, "redraw" if job.is_redraw else job.task.value: round(time.monotonic() - started_s, 3)}

    with Lease(services.jobs, job, owner, services.stopping, settings.stage_limit_s) as lease:
        if job.task is Task.NOTATE:
            written = _drawn_again(services, job, owner, lease) if job.is_redraw else _drawn(services, job, lease)
            finished = services.jobs.finish(job.id, owner, written.files, written.duration_s, timings())
            log.info("job done" if finished else "job lost", files=len(written.files), revision=job.drawing)
            return _followed(services, finished)
        heard = listen_to(
            job, services.storage, settings.device, settings.max_duration_s, lease.report, settings.checkpoint
        )
        advanced = services.jobs.advance(
            job.id, owner, Task.NOTATE, heard.warnings, heard.duration_s, timings(), heard.files
        )
    if advanced is None:
        return False
    log.info("task finished")
    services.send(job.id, Task.NOTATE)
    return True


def _drawn(services: Services, job: Job, lease: Lease) -> Written:
    return write_down(job, services.storage, lease.report)


def _drawn_again(services: Services, job: Job, owner: str, lease: Lease) -> Written:
    def show(files: Mapping[str, int]) -> bool:
        shown = services.jobs.show(job.id, owner, files)
        if shown is None:
            raise LeaseLost(job.id)
        return shown.revision == job.drawing

    return write_down(job, services.storage, lease.report, show)


def _followed(services: Services, job: Job | None) -> bool:
    """The job as its worker left it, None where it was lost: what was asked for meanwhile is sent, the rest tidied."""
    if job is None:
        return False
    if job.state is State.QUEUED:
        services.send(job.id, job.task)
    if job.drawn:
        discard_earlier(job, services.storage)
    return True


def _settle_fault(services: Services, job: Job, owner: str, error: Exception) -> bool:
    is_answer = job.is_redraw and isinstance(error, TranscriberError)  # whoever changed a score waits for one
    if job.attempts < MAX_ATTEMPTS and not is_answer:
        return services.jobs.retry(job.id, owner, RETRY_WAIT_S[job.attempts - 1])
    if isinstance(error, TranscriberError):
        return _followed(services, services.jobs.fail(job.id, owner, error.code, error.message))
    return _followed(services, services.jobs.fail(job.id, owner, INTERNAL_ERROR, INTERNAL_ERROR_MESSAGE))


def _leave(services: Services, id: str, owner: str) -> None:
    """The job was cancelled or taken over meanwhile; in the first case this worker removes what it wrote."""
    log.info("job given up, it was deleted or taken over")
    if services.jobs.let_go(id, owner):
        remove(services.jobs, services.storage, id)
