import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.worker.pumped import PumpedServices, queue_job
from worker.job import Job, Stage, State, Task
from worker.jobs import JobTable
from worker.rows import FIRST_RESEND_S
from worker.schema import jobs as table
from worker.schema import now_s
from worker.settings import Settings
from worker.storage import write_blob
from worker.sweeper import BROKER_AWAY_S, Sweeper


@pytest.fixture
def settings(either: Settings) -> Settings:
    return either


def test_lost_message_is_sent_again(services: PumpedServices, job: Job) -> None:
    services.sweeper.sweep()
    assert services.sent == []
    with services.jobs.engine.begin() as connection:
        connection.execute(sa.update(table).values(send_at=1.0))
    services.sweeper.sweep()
    services.sweeper.sweep()
    assert services.sent == [(job.id, Task.LISTEN)]


def test_message_that_could_not_be_sent_is_due_again_soon(
    services: PumpedServices, jobs: JobTable, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = queue_job(jobs)
    tried: list[str] = []

    def broken(id: str, task: Task) -> bool:
        tried.append(id)
        return False

    sweeper = Sweeper(jobs, services.storage, broken)
    for _ in range(2):
        with jobs.engine.begin() as connection:
            connection.execute(sa.update(table).values(send_at=1.0))
        sweeper.sweep()
    assert len(tried) == 2, "after one failure the broker is left alone for a while"
    with jobs.engine.connect() as connection:
        waits = connection.execute(sa.select(table.c.send_at - now_s(), table.c.resend_s)).all()
    assert len(waits) == 2
    for wait in waits:
        assert tuple(wait) == pytest.approx((BROKER_AWAY_S, FIRST_RESEND_S), abs=4.0)
    assert services.job(other.id).state is State.QUEUED


def test_job_of_a_dead_worker_is_sent_again_at_once(services: PumpedServices, job: Job) -> None:
    services.jobs.claim(Task.LISTEN, "host/1/a")
    services.jobs.expire("host/1/")
    services.sweeper.sweep()
    assert services.sent == [(job.id, Task.LISTEN)]
    assert services.job(job.id).state is State.QUEUED


def test_deleted_job_and_broken_upload_leave_nothing(services: PumpedServices, job: Job) -> None:
    upload = services.jobs.receive()
    for id in (job.id, upload):
        write_blob(services.storage, f"{id}/recording.wav", b"RIFF")
    services.jobs.cancel(job.id, "")
    with services.jobs.engine.begin() as connection:
        connection.execute(sa.update(table).where(table.c.id == upload).values(lease_until=1.0))
    services.sweeper.sweep()
    assert [path for path in Path(services.settings.storage_address).rglob("*") if path.is_file()] == []
    with services.jobs.engine.connect() as connection:
        assert connection.execute(sa.select(table.c.id)).all() == []


def test_files_without_a_job_go_at_the_second_look(services: PumpedServices, job: Job) -> None:
    """A worker that went on writing after its job had been deleted."""
    orphan = "f" * 32
    for id in (job.id, orphan):
        write_blob(services.storage, f"{id}/performance.json", b"{}")
    services.sweeper.tidy()
    assert sorted(services.storage.job_ids()) == sorted([job.id, orphan])
    services.sweeper.tidy()
    assert services.storage.job_ids() == [job.id]


def test_a_clock_that_is_set_takes_no_job_from_a_living_worker(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set ahead: every lease seems to have ended. A worker that lives renews its own before anything is judged."""
    jobs, sweeper = services.jobs, services.sweeper
    sweeper.sweep()
    jobs.claim(Task.LISTEN, "me")
    _shift_leases(jobs, -3600.0)
    monkeypatch.setattr(jobs, "clock_s", lambda: time.time() + 3600.0)
    sweeper.sweep()
    assert services.job(job.id).state is State.RUNNING
    assert jobs.beat(job.id, "me", Stage.LISTEN, 0.5)
    monkeypatch.setattr(sweeper, "_steady_from_s", 0.0)
    sweeper.sweep()
    assert (services.job(job.id).state, services.job(job.id).owner) == (State.RUNNING, "me")


def test_a_clock_that_is_set_back_keeps_no_job_of_a_dead_worker(services: PumpedServices, job: Job) -> None:
    """Its lease, its next try and its message would all be due in an hour."""
    jobs, sweeper = services.jobs, services.sweeper
    jobs.claim(Task.LISTEN, "dead")
    _shift_leases(jobs, 3600.0)
    sweeper.sweep()
    assert services.sent == [(job.id, Task.LISTEN)]
    assert jobs.claim(Task.LISTEN, "me") is not None
    jobs.retry(job.id, "me", 1.0)
    services.sent.clear()
    with jobs.engine.begin() as connection:
        connection.execute(sa.update(table).values(ready_at=now_s() + 3600.0, send_at=now_s() + 3600.0))
    sweeper.sweep()
    assert services.sent == [(job.id, Task.LISTEN)]
    assert jobs.claim(Task.LISTEN, "me") is not None


def _shift_leases(jobs: JobTable, by_s: float) -> None:
    with jobs.engine.begin() as connection:
        connection.execute(sa.update(table).values(lease_until=table.c.lease_until + by_s))
