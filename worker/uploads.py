"""The job table as the receiving side sees it: uploads that are still coming in, at once or in pieces.

An upload in pieces is a job whose recording comes over several connections. Each piece is a blob of its own, and counts
once the row says so: `received_bytes` moves from one piece's start to its end by one statement, so that of two
connections that send the same piece one succeeds. What breaks off ends by itself, as its lease is not extended.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from worker.job import State
from worker.rows import Rows
from worker.schema import jobs, now_s

PIECES_KEPT_S = 24 * 3600.0  # after the last one: a night, and the next evening of practice


@dataclass(frozen=True, slots=True)
class ResumableUpload:
    """`metadata` is the uploader's, as sent; `pieces` are the blobs, in order, that hold the `received_bytes`."""

    id: str
    metadata: str
    length: int
    received_bytes: int
    pieces: tuple[str, ...]
    receiving: bool
    ends_at: float | None  # Unix seconds; None once it is a job

    @property
    def whole(self) -> bool:
        return self.received_bytes == self.length


@dataclass(frozen=True, slots=True)
class _Told:
    """What the column `upload` holds."""

    metadata: str
    length: int
    pieces: tuple[str, ...] = ()


class UploadTable(Rows):
    """Access to the rows of uploads."""

    def keep(self, id: str, lasting_s: float) -> bool:
        """The upload is still coming in; False where it was given up meanwhile."""
        return self.changes(_receiving(id), lease_until=now_s() + lasting_s) > 0

    def expect(self, id: str, metadata: str, length: int) -> ResumableUpload | None:
        """The job that was begun comes in pieces; None where it was given up meanwhile."""
        told = _Told(metadata, length)
        return self._change(_receiving(id), upload=asdict(told), received_bytes=0)

    def find(self, id: str, account: str) -> ResumableUpload | None:
        """The account's upload in pieces, under way or whole."""
        mine = sa.and_(jobs.c.id == id, jobs.c.account == account, jobs.c.upload.is_not(None))
        query = sa.select(jobs).where(mine, jobs.c.state != State.CANCELLED)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return _upload(row) if row else None

    def add(self, upload: ResumableUpload, piece: str, size_bytes: int) -> ResumableUpload | None:
        """The piece follows what `upload` holds; None where another did, or the upload was given up."""
        told = _Told(upload.metadata, upload.length, (*upload.pieces, piece))
        follows = sa.and_(_receiving(upload.id), jobs.c.received_bytes == upload.received_bytes)
        return self._change(follows, upload=asdict(told), received_bytes=upload.received_bytes + size_bytes)

    def _change(self, where: sa.ColumnElement[bool], **values: Any) -> ResumableUpload | None:
        lasting = {"lease_until": now_s() + PIECES_KEPT_S, "updated_at": now_s()}
        statement = sa.update(jobs).where(where).values(**lasting, **values).returning(jobs)
        with self.engine.begin() as connection:
            row = connection.execute(statement).mappings().first()
        return _upload(row) if row else None


def _receiving(id: str) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.id == id, jobs.c.state == State.RECEIVING)


def _upload(row: sa.RowMapping) -> ResumableUpload:
    told = row["upload"]
    receiving = row["state"] == State.RECEIVING
    return ResumableUpload(
        id=row["id"],
        metadata=told["metadata"],
        length=told["length"],
        received_bytes=row["received_bytes"],
        pieces=tuple(told["pieces"]),
        receiving=receiving,
        ends_at=row["lease_until"] if receiving else None,
    )
