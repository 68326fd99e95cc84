"""Rows of uploads that are still coming in, in SQLite and in PostgreSQL."""

import pytest
import sqlalchemy as sa

from tests.worker.pumped import PumpedServices
from worker.job import Recording, State, Wishes
from worker.jobs import RECEIVE_LEASE_S
from worker.schema import jobs as table
from worker.schema import now_s
from worker.settings import Settings
from worker.uploads import PIECES_KEPT_S, UploadTable


@pytest.fixture
def settings(either: Settings) -> Settings:
    return either


@pytest.fixture
def uploads(services: PumpedServices) -> UploadTable:
    return services.uploads


def seconds_left(services: PumpedServices, id: str) -> float:
    with services.engine.connect() as connection:
        query = sa.select(table.c.lease_until - now_s()).where(table.c.id == id)
        return float(connection.execute(query).scalar_one())


def test_pieces_follow_each_other(services: PumpedServices, uploads: UploadTable) -> None:
    id = services.jobs.receive("owner")
    begun = uploads.expect(id, "filename YQ==", 10)
    assert begun is not None
    assert (begun.metadata, begun.length, begun.received_bytes, begun.pieces) == ("filename YQ==", 10, 0, ())
    half = uploads.add(begun, "piece-0", 4)
    assert half is not None
    assert uploads.add(begun, "piece-other", 9) is None, "another was faster"
    whole = uploads.add(half, "piece-4", 6)
    assert whole is not None
    assert (whole.pieces, whole.whole, whole.receiving) == (("piece-0", "piece-4"), True, True)
    assert uploads.find(id, "owner") == whole
    assert uploads.find(id, "stranger") is None
    assert seconds_left(services, id) == pytest.approx(PIECES_KEPT_S, abs=30.0)


def test_an_upload_at_once_is_none_in_pieces(services: PumpedServices, uploads: UploadTable) -> None:
    assert uploads.find(services.jobs.receive(), "") is None


def test_a_row_is_kept_only_while_it_is_received(services: PumpedServices, uploads: UploadTable) -> None:
    id = services.jobs.receive()
    assert seconds_left(services, id) == pytest.approx(RECEIVE_LEASE_S, abs=30.0)
    assert uploads.keep(id, 1000.0)
    assert seconds_left(services, id) == pytest.approx(1000.0, abs=30.0)
    upload = uploads.expect(id, "", 10)
    assert upload is not None
    assert services.jobs.enqueue(id, Recording("a.mp3", "recording.mp3", 10), Wishes()) is not None
    assert not uploads.keep(id, 1000.0)
    assert uploads.expect(id, "", 10) is None
    assert uploads.add(upload, "piece-0", 10) is None
    found = uploads.find(id, "")
    assert found is not None
    assert (found.receiving, found.ends_at) == (False, None)


def test_a_key_is_free_when_its_upload_was_cut_off_with_its_process(services: PumpedServices) -> None:
    """Nobody extends the row any more; the sweeper gives it up, and the same key may begin anew."""
    id = services.jobs.receive("", "take-1")
    with services.engine.begin() as connection:
        connection.execute(sa.update(table).where(table.c.id == id).values(lease_until=now_s() - 1.0))
    services.sweeper.sweep()
    again = services.jobs.receive("", "take-1")
    assert again != id
    with services.engine.connect() as connection:
        rows = connection.execute(sa.select(table.c.id, table.c.state)).all()
    assert [tuple(row) for row in rows] == [(again, State.RECEIVING)]
