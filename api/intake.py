"""What every way to upload has in common: the quota, the row that lasts as long as the upload does, and the job."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

import sqlalchemy as sa
import structlog
from starlette.concurrency import run_in_threadpool

from api.problems import Problem
from api.upload import Upload
from api.wishes import read_webhook, read_wishes
from worker.accounts import Account
from worker.job import Job, State
from worker.jobs import RECEIVE_LEASE_S
from worker.reuse import reuse
from worker.services import Services
from worker.storage import BlobMissing
from worker.sweeper import remove
from worker.tracing import TRACING

RECEIVE_BEAT_S = RECEIVE_LEASE_S / 6
RECEIVE_LIMIT_S = 6 * 3600.0  # of one request: 1 GB at 50 kB a second

log = structlog.get_logger(__name__)


def take_quota(services: Services, account: Account) -> None:
    """Count one recording. Raises Problem 429."""
    if account.id and not services.accounts.take_upload(account):
        raise Problem(
            429, "quota-used-up", f"This key has used up its {account.uploads_per_day} uploads of today (UTC)."
        )


@asynccontextmanager
async def received_by(services: Services, id: str) -> AsyncIterator[None]:
    """The row of an upload lasts while the block does; where it ends by an exception nothing of the upload stays.

    Should this process be killed, the row's lease ends soon, and the sweeper removes what there is. Raises Problem as
    `told_if_unstored` does.
    """
    async with kept(services, [id]):
        try:
            with told_if_unstored():
                yield
        except BaseException:
            # Also when the server stops in the middle, hence not in another thread, which would have to be waited for.
            discard(services, id)
            raise


@asynccontextmanager
async def kept(services: Services, ids: Sequence[str]) -> AsyncIterator[None]:
    """The rows of these uploads, whose number may grow, last while the block does."""
    beating = asyncio.create_task(_beat(services, ids))
    try:
        yield
    finally:
        beating.cancel()


async def _beat(services: Services, ids: Sequence[str]) -> None:
    for _ in range(round(RECEIVE_LIMIT_S / RECEIVE_BEAT_S)):
        await asyncio.sleep(RECEIVE_BEAT_S)
        for id in list(ids):
            try:
                await run_in_threadpool(services.uploads.keep, id, RECEIVE_LEASE_S)
            except sa.exc.SQLAlchemyError:
                log.exception("the row of an upload could not be kept", job=id)


def discard(services: Services, id: str) -> None:
    """Nothing of the upload is to stay."""
    services.jobs.give_up(id)
    if services.jobs.removable(id):
        remove(services.jobs, services.storage, id)


@contextmanager
def told_if_unstored() -> Iterator[None]:
    """Raises Problem 507 in place of an OSError where the storage is full, 400 where the upload was given up."""
    try:
        yield
    except BlobMissing as cause:
        raise given_up() from cause
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Problem(507, "storage-full", "The service has no room left for recordings; try later.") from error


def make_job(services: Services, account: Account, id: str, received: Upload) -> Job:
    """The upload is whole: a job of it, and word to a worker. Raises OptionError, and Problem where it was given up."""
    wishes = read_wishes(received.fields)
    settings = services.settings
    webhook = usable_webhook(services, account, received.fields)
    known = None
    if account.id or settings.lists_all:
        known = reuse(services.jobs, services.storage, id, account.id, received.recording, wishes)
    with TRACING.job("accept", id, bytes=received.recording.size_bytes):
        job = services.jobs.enqueue(id, received.recording, wishes, known, settings.retention_s, webhook)
    if job is None:
        raise given_up()
    log.info("job accepted", job=id, task=job.task.value, state=job.state.value, bytes=received.recording.size_bytes)
    if job.state is State.QUEUED:
        services.send(id, job.task)
    return job


def given_up() -> Problem:
    return Problem(400, "upload-incomplete", "The upload took too long and was given up; please send it again.")


def usable_webhook(services: Services, account: Account, fields: Mapping[str, str]) -> str | None:
    """Raises OptionError."""
    settings = services.settings
    return read_webhook(fields, account.webhook_secret or settings.webhook_secret, settings.webhook_private)


def earlier_job(services: Services, account: Account, id: str) -> Job:
    """Of an idempotency key that was sent before. Raises Problem 409 while its upload is under way."""
    job = services.jobs.get(id, account.id)
    if job is None:
        raise Problem(
            409,
            "upload-in-progress",
            "An upload with this Idempotency-Key is still coming in; wait for it.",
            {"Retry-After": str(round(RECEIVE_LEASE_S))},  # should it have broken off, it is forgotten by then
        )
    return job


def refuse_another(job: Job, repeated: Upload) -> None:
    """Raises Problem 422 where the idempotency key's job is not what was sent with it again."""
    wishes = job.wishes if job.revision else read_wishes(repeated.fields)  # they may have been changed since
    if (repeated.recording, wishes) != (job.recording, job.wishes):
        raise Problem(422, "key-reused", "This Idempotency-Key belongs to an upload of something else; take a new one.")
