"""The sweeper's verbs of the job table: what was lost is done again, what is over is removed."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from worker.job import MAX_ATTEMPTS, State, Task
from worker.rows import Rows, cancelled, come, due_in, failed, released, told, visible
from worker.schema import jobs, now_s

LAST_RESEND_S = 600.0
ASKED_AT_ONCE = 500  # ids in one statement; older SQLite takes 999 parameters
WORKER_LOST = "worker-lost"
WORKER_LOST_MESSAGE = (
    "The transcription stopped unexpectedly three times and was given up; the recording may be too large for this"
    " machine, or damaged in an unusual way."
)


class Upkeep(Rows):
    def __init__(self, engine: sa.Engine, lease_s: float) -> None:
        super().__init__(engine)
        self.lease_s = lease_s

    def clock_s(self) -> float:
        """What the database takes for the time."""
        with self.engine.connect() as connection:
            return float(connection.execute(sa.select(now_s())).scalar_one())

    def requeue_stale(self) -> int:
        """Running jobs whose lease has ended become queued and due at once; returns how many."""
        stale = sa.and_(jobs.c.state == State.RUNNING, self._lease_ended(), jobs.c.attempts < MAX_ATTEMPTS)
        return self.changes(stale, state=State.QUEUED, **released(), **due_in(0.0))

    def fail_poison(self) -> list[str]:
        """Fail the jobs that lost a worker at each allowed attempt; returns their ids."""
        lost = sa.or_(jobs.c.state == State.QUEUED, sa.and_(jobs.c.state == State.RUNNING, self._lease_ended()))
        statement = (
            sa.update(jobs)
            .where(jobs.c.attempts >= MAX_ATTEMPTS, lost)
            .values(
                updated_at=now_s(),
                **failed(WORKER_LOST, WORKER_LOST_MESSAGE),
                **released(),
                **told(),
            )
            .returning(jobs.c.id)
        )
        with self.engine.begin() as connection:
            return list(connection.execute(statement).scalars())

    def take_due(self) -> list[tuple[str, Task]]:
        """Queued jobs whose message is due, again or for the first time; each is handed to one caller only."""
        next_wait = sa.case((jobs.c.resend_s * 2 < LAST_RESEND_S, jobs.c.resend_s * 2), else_=LAST_RESEND_S)
        statement = (
            sa.update(jobs)
            .where(jobs.c.state == State.QUEUED, come(jobs.c.send_at, LAST_RESEND_S))
            .values(send_at=now_s() + jobs.c.resend_s, resend_s=next_wait)
            .returning(jobs.c.id, jobs.c.task)
        )
        with self.engine.begin() as connection:
            return [(id, Task(task)) for id, task in connection.execute(statement)]

    def postpone(self, ids: Sequence[str], delay_s: float) -> None:
        """Their messages could not be sent; they are due again after `delay_s`."""
        self.changes(sa.and_(jobs.c.id.in_(ids), jobs.c.state == State.QUEUED), **due_in(delay_s))

    def cancel_abandoned_uploads(self) -> int:
        abandoned = sa.and_(jobs.c.state == State.RECEIVING, jobs.c.lease_until < now_s())
        return self.changes(abandoned, **cancelled())

    def cancel_expired(self) -> int:
        """Jobs whose time to be kept is over; returns how many."""
        return self.changes(sa.and_(jobs.c.expires_at < now_s(), visible()), **cancelled())

    def removable(self, id: str | None = None) -> list[str]:
        """Cancelled jobs that no worker writes to any more; with `id`, that one or none."""
        ended = sa.or_(jobs.c.lease_until.is_(None), self._lease_ended())
        query = sa.select(jobs.c.id).where(jobs.c.state == State.CANCELLED, ended)
        if id is not None:
            query = query.where(jobs.c.id == id)
        with self.engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def unknown(self, ids: Sequence[str]) -> set[str]:
        """Those that no row tells of."""
        known: set[str] = set()
        with self.engine.connect() as connection:
            for start in range(0, len(ids), ASKED_AT_ONCE):
                query = sa.select(jobs.c.id).where(jobs.c.id.in_(ids[start : start + ASKED_AT_ONCE]))
                known.update(connection.execute(query).scalars())
        return set(ids) - known

    def remove(self, id: str) -> None:
        """Forget a cancelled job whose files are gone."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(jobs).where(jobs.c.id == id, jobs.c.state == State.CANCELLED))

    def _lease_ended(self) -> sa.ColumnElement[bool]:
        """Also one longer than any that is given: the clock was set back, and whoever lives has renewed it since."""
        return sa.or_(jobs.c.lease_until < now_s(), jobs.c.lease_until > now_s() + 2 * self.lease_s)
