"""The job table's verbs. Each is one statement, so that two processes can never both succeed.

A worker owns a job while its lease lasts; every write of a worker names the owner and does nothing once the job has
gone to another worker or was cancelled.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from worker.job import MAX_ATTEMPTS, Job, Known, Recording, Stage, State, Task, Wishes
from worker.rows import (
    FIRST_RESEND_S,
    cancelled,
    come,
    done,
    drawn_before,
    due_in,
    failed,
    held,
    released,
    sent_now,
    told,
    visible,
)
from worker.schema import jobs, now_s
from worker.upkeep import Upkeep

RECEIVE_LEASE_S = 120.0  # an upload of which nothing is heard for so long was cut off with the process that received it
NO_TIMINGS: Mapping[str, float] = {}
NO_FILES: Mapping[str, int] = {}
REDRAW_HEAD_START_S = 7 * 24 * 3600.0  # somebody looks at the page: before whatever else waits, first come first served
SHARE_BYTES = 24  # of chance in a shared address: nobody finds one by trying
LONGEST_RETRY_S = 60.0  # until a job may be tried again; what is ordered is far below
MOST_EARLIER = 5  # looked at for results that can be used again


class AlreadyReceived(Exception):
    """The idempotency key belongs to the job `id`."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.id = id


class JobTable(Upkeep):
    """All access to the job table."""

    def __init__(self, engine: sa.Engine, lease_s: float, version: str) -> None:
        super().__init__(engine, lease_s)
        self.version = version

    # The uploader's side.

    def receive(self, account: str = "", idempotency_key: str | None = None) -> str:
        """A new job for an upload that begins; returns its id, which cannot be guessed.

        Raises AlreadyReceived where the account has a job, or an upload under way, with the same key.
        """
        id = uuid.uuid4().hex
        row = {
            "id": id,
            "state": State.RECEIVING,
            "task": Task.LISTEN,
            "stage": Stage.LISTEN,
            "progress": 0.0,
            "attempts": 0,
            "lease_until": now_s() + RECEIVE_LEASE_S,
            "resend_s": FIRST_RESEND_S,
            "file_name": "",
            "file_blob": "",
            "file_bytes": 0,
            "is_midi": False,
            "wishes": Wishes().as_json(),
            "warnings": [],
            "files": {},
            "version": self.version,
            "account": account,
            "idempotency_key": idempotency_key,
            "rank": now_s(),
            "created_at": now_s(),
            "updated_at": now_s(),
        }
        try:
            with self.engine.begin() as connection:
                connection.execute(sa.insert(jobs).values(row))
        except sa.exc.IntegrityError as cause:
            same = sa.and_(jobs.c.account == account, jobs.c.idempotency_key == idempotency_key)
            with self.engine.connect() as connection:
                earlier = connection.execute(sa.select(jobs.c.id).where(same)).scalar()
            if earlier is None:
                raise
            raise AlreadyReceived(earlier) from cause
        return id

    def enqueue(
        self,
        id: str,
        recording: Recording,
        wishes: Wishes,
        known: Known | None = None,
        keep_s: float | None = None,
        webhook: str | None = None,
    ) -> Job | None:
        """The upload is complete; None where it was given up meanwhile. The caller sends the message if it is queued.

        What is `known` is not done again; all of the job is deleted after `keep_s`; its end is told to `webhook`.
        """
        task = Task.NOTATE if recording.is_midi or known else Task.LISTEN
        values: dict[str, Any] = {"state": State.QUEUED, "stage": Stage(task)} | sent_now()
        if known:
            values |= {
                "warnings": list(known.warnings),
                "duration_s": known.duration_s,
                "heard_by": known.heard_by,
                "heard": dict(known.heard),
            }
        if known and known.files:
            values |= done(known.files) | {"webhook_due": now_s() if webhook else None}
        return self.update(
            sa.and_(jobs.c.id == id, jobs.c.state == State.RECEIVING),
            task=task,
            lease_until=None,
            file_name=recording.name,
            file_blob=recording.blob,
            file_bytes=recording.size_bytes,
            is_midi=recording.is_midi,
            content=recording.sha256,
            wishes=wishes.as_json(),
            rank=now_s() + recording.expected_s,
            expires_at=None if keep_s is None else now_s() + keep_s,
            webhook=webhook,
            **values,
        )

    def get(self, id: str, account: str) -> Job | None:
        """The account's job, unless it is another's, still being received, deleted or never was."""
        query = sa.select(jobs).where(jobs.c.id == id, jobs.c.account == account, visible())
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return Job.from_row(dict(row)) if row else None

    def latest(self, account: str, limit: int, before: tuple[float, str] | None = None) -> list[Job]:
        """The account's, newest first; `before` is the time of creation and the id of the last on the page before."""
        query = sa.select(jobs).where(jobs.c.account == account, visible())
        query = query.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(sa.tuple_(jobs.c.created_at, jobs.c.id) < before)
        with self.engine.connect() as connection:
            return [Job.from_row(dict(row)) for row in connection.execute(query).mappings()]

    def with_content(self, account: str, sha256: str) -> list[Job]:
        """The account's jobs with the same recording, newest first."""
        query = sa.select(jobs).where(jobs.c.account == account, jobs.c.content == sha256, visible())
        query = query.order_by(jobs.c.created_at.desc()).limit(MOST_EARLIER)
        with self.engine.connect() as connection:
            return [Job.from_row(dict(row)) for row in connection.execute(query).mappings()]

    def cancel(self, id: str, account: str) -> bool:
        """Mark the job for removal; its worker notices at its next report. False where the account has no such job."""
        mine = sa.and_(jobs.c.id == id, jobs.c.account == account, visible())
        return self.changes(mine, **cancelled()) > 0

    def change(self, id: str, account: str, revision: int, wishes: Wishes) -> Job | None:
        """Ask for something else; None where the account has no such job at this revision.

        A job that was drawn before waits to be drawn again, at once or when the worker that has it is through; the
        caller sends the message if it is queued.
        """
        mine = sa.and_(jobs.c.id == id, jobs.c.account == account, jobs.c.revision == revision, visible())
        waits = sa.and_(drawn_before(), jobs.c.state.in_([State.DONE, State.QUEUED]))

        def where_it_waits(**values: Any) -> dict[str, Any]:
            return {name: sa.case((waits, value), else_=jobs.c[name]) for name, value in values.items()}

        return self.update(
            mine,
            wishes=wishes.as_json(),
            revision=jobs.c.revision + 1,
            rank=sa.case((drawn_before(), now_s() - REDRAW_HEAD_START_S), else_=jobs.c.rank),
            **where_it_waits(
                state=State.QUEUED,
                task=Task.NOTATE,
                stage=Stage.NOTATE,
                attempts=0,
                ready_at=0.0,
                error_code=sa.null(),
                error_message=sa.null(),
                **sent_now(),
            ),
        )

    def share(self, id: str, account: str) -> Job | None:
        """From now on whoever has the secret word may read it; sharing again changes nothing. None: no such job."""
        mine = sa.and_(jobs.c.id == id, jobs.c.account == account, visible())
        return self.update(mine, share=sa.func.coalesce(jobs.c.share, secrets.token_urlsafe(SHARE_BYTES)))

    def end_sharing(self, id: str, account: str) -> Job | None:
        """The secret word is forgotten for good. None: no such job."""
        return self.update(sa.and_(jobs.c.id == id, jobs.c.account == account, visible()), share=None)

    def shared(self, word: str) -> Job | None:
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(jobs).where(jobs.c.share == word, visible())).mappings().first()
        return Job.from_row(dict(row)) if row else None

    def give_up(self, id: str) -> None:
        """The upload failed: nothing of it is to stay."""
        self.changes(sa.and_(jobs.c.id == id, jobs.c.state == State.RECEIVING), **cancelled(), lease_until=None)

    # The worker's side.

    def claim(self, task: Task, owner: str) -> Job | None:
        """Take the first waiting job of this task for `owner`; None where none waits, or all were tried too often."""
        waiting = sa.and_(
            jobs.c.state == State.QUEUED,
            jobs.c.task == task,
            jobs.c.attempts < MAX_ATTEMPTS,
            come(jobs.c.ready_at, LONGEST_RETRY_S),
        )
        first = sa.select(jobs.c.id).where(waiting).order_by(jobs.c.rank, jobs.c.id).limit(1)
        # PostgreSQL: two workers that look at the same moment take two jobs, and neither waits for the other.
        first = first.with_for_update(skip_locked=True)
        return self.update(
            sa.and_(jobs.c.id == first.scalar_subquery(), jobs.c.state == State.QUEUED),
            state=State.RUNNING,
            owner=owner,
            lease_until=now_s() + self.lease_s,
            attempts=jobs.c.attempts + 1,
            stage=Stage(task),
            progress=0.0,
            send_at=None,
            drawing=jobs.c.revision,
            version=self.version,
        )

    def beat(self, id: str, owner: str, stage: Stage, progress: float) -> bool:
        """Extend the lease and note the progress; False where the job is no longer this owner's."""
        return self.changes(held(id, owner), lease_until=now_s() + self.lease_s, stage=stage, progress=progress) > 0

    def advance(
        self,
        id: str,
        owner: str,
        task: Task,
        warnings: Sequence[str],
        duration_s: float,
        timings: Mapping[str, float] = NO_TIMINGS,
        heard: Mapping[str, int] = NO_FILES,
    ) -> Job | None:
        """This task is finished and `task` follows; None where the job is no longer this owner's."""
        return self.update(
            held(id, owner),
            state=State.QUEUED,
            task=task,
            stage=Stage(task),
            progress=0.0,
            attempts=0,
            warnings=list(warnings),
            duration_s=duration_s,
            heard_by=self.version,
            heard=dict(heard),
            timings=dict(timings),
            **released(),
            **sent_now(),
        )

    def show(self, id: str, owner: str, files: Mapping[str, int]) -> Job | None:
        """The pages of the revision that is being drawn replace all files; None where the job is not this owner's."""
        return self.update(held(id, owner), files=dict(files), drawn=jobs.c.drawing)

    def finish(
        self,
        id: str,
        owner: str,
        files: Mapping[str, int],
        duration_s: float,
        timings: Mapping[str, float] = NO_TIMINGS,
    ) -> Job | None:
        """All files are there; None where the job is not this owner's. Queued again where it was changed meanwhile."""
        values = done(files) | released() | told() | {"duration_s": duration_s, "timings": dict(timings)}
        values |= {"drawn": jobs.c.drawing, "error_code": None, "error_message": None}
        return self.update(held(id, owner), **values)

    def fail(self, id: str, owner: str, code: str, message: str) -> Job | None:
        return self.update(held(id, owner), **failed(code, message), **released(), **told())

    def retry(self, id: str, owner: str, delay_s: float) -> bool:
        """Give the job back after a fault of the machine; the attempt counts."""
        values = released() | due_in(delay_s) | {"state": State.QUEUED, "ready_at": now_s() + delay_s}
        return self.changes(held(id, owner), **values) > 0

    def hand_back(self, id: str, owner: str) -> bool:
        """Give the job back because this worker is stopping; the attempt does not count."""
        uncounted = {"state": State.QUEUED, "attempts": jobs.c.attempts - 1}
        return self.changes(held(id, owner), **uncounted, **released(), **due_in(0.0)) > 0

    def let_go(self, id: str, owner: str) -> bool:
        """A worker that lost its job has stopped writing; True where the job was cancelled and can be removed now."""
        cancelled = sa.and_(jobs.c.id == id, jobs.c.owner == owner, jobs.c.state == State.CANCELLED)
        return self.changes(cancelled, **released()) > 0

    def expire(self, owner_prefix: str) -> int:
        """End the leases of a worker process that is known to be dead; returns how many jobs it held."""
        held = sa.and_(
            jobs.c.owner.startswith(owner_prefix, autoescape=True), jobs.c.state.in_([State.RUNNING, State.CANCELLED])
        )
        return self.changes(held, lease_until=0.0)
