"""What every verb of the job table is made of: one statement, and the columns that change together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from worker.job import Job, Stage, State
from worker.schema import jobs, now_s

FIRST_RESEND_S = 15.0  # a message unanswered for so long may be lost; the wait doubles, as the queue may just be long


class Rows:
    """Access to the job table; each change is one statement, so that two processes can never both succeed."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def update(self, where: sa.ColumnElement[bool], **values: Any) -> Job | None:
        statement = sa.update(jobs).where(where).values(updated_at=now_s(), **values).returning(jobs)
        with self.engine.begin() as connection:
            row = connection.execute(statement).mappings().first()
        return Job.from_row(dict(row)) if row else None

    def changes(self, where: sa.ColumnElement[bool], **values: Any) -> int:
        statement = sa.update(jobs).where(where).values(updated_at=now_s(), **values)
        with self.engine.begin() as connection:
            return connection.execute(statement).rowcount


def visible() -> sa.ColumnElement[bool]:
    return jobs.c.state.not_in([State.RECEIVING, State.CANCELLED])


def held(id: str, owner: str) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.id == id, jobs.c.owner == owner, jobs.c.state == State.RUNNING)


def come(moment: sa.ColumnElement[float], longest_wait_s: float) -> sa.ColumnElement[bool]:
    """Whether it is time; also where the wait is far longer than any that is ordered: the clock was set back."""
    return sa.or_(moment <= now_s(), moment > now_s() + 2 * longest_wait_s)


def released() -> dict[str, Any]:
    return {"owner": None, "lease_until": None}


def drawn_before() -> sa.ColumnElement[bool]:
    """The job was done once; whatever happens now, it is done again afterwards."""
    return jobs.c.finished_at.is_not(None)


def changed_meanwhile() -> sa.ColumnElement[bool]:
    """Its owner asked for something else since a worker took it."""
    return jobs.c.revision > jobs.c.drawing


def first_finish() -> sa.ColumnElement[float]:
    return sa.func.coalesce(jobs.c.finished_at, now_s())


def done(files: Mapping[str, int]) -> dict[str, Any]:
    """All that was asked for is there, or its owner asked for something else meanwhile: then it waits again."""
    return {
        "state": sa.case((changed_meanwhile(), State.QUEUED), else_=State.DONE),
        "stage": Stage.ENGRAVE,
        "progress": 1.0,
        "files": dict(files),
        "finished_at": first_finish(),
        **due_again(changed_meanwhile()),
    }


def failed(code: str, message: str) -> dict[str, Any]:
    """The job ends without a score; one that has a score keeps it, and says why it shows no newer one."""
    again = sa.and_(drawn_before(), changed_meanwhile())
    return {
        "state": sa.case((again, State.QUEUED), (drawn_before(), State.DONE), else_=State.FAILED),
        "error_code": code,
        "error_message": message,
        "finished_at": first_finish(),
        **due_again(again),
    }


def due_again(again: sa.ColumnElement[bool]) -> dict[str, Any]:
    return {
        "send_at": sa.case((again, now_s()), else_=None),
        "attempts": sa.case((again, 0), else_=jobs.c.attempts),
    }


def told() -> dict[str, Any]:
    """The job has ended for the first time: whoever asked for it hears of that."""
    first = sa.and_(jobs.c.webhook.is_not(None), jobs.c.finished_at.is_(None))
    return {"webhook_due": sa.case((first, now_s()), else_=jobs.c.webhook_due)}


def cancelled() -> dict[str, Any]:
    """Whoever sent an idempotency key may send it again from now on."""
    return {"state": State.CANCELLED, "idempotency_key": None}


def sent_now() -> dict[str, Any]:
    """The caller sends the message itself; the sweeper repeats it only where nobody answers."""
    return {"send_at": now_s() + FIRST_RESEND_S, "resend_s": 2 * FIRST_RESEND_S}


def due_in(delay_s: float) -> dict[str, Any]:
    return {"send_at": now_s() + delay_s, "resend_s": FIRST_RESEND_S}
