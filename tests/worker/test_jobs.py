"""The job table in real databases: who may do what to a job, and when."""

import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.worker.pumped import queue_job
from worker.job import MAX_ATTEMPTS, Job, Recording, Stage, State, Task, Wishes
from worker.jobs import FIRST_RESEND_S, WORKER_LOST, JobTable
from worker.schema import jobs as table
from worker.schema import now_s
from worker.settings import Settings


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(data_dir=tmp_path / "data")
    server = request.getfixturevalue("postgres")
    name = f"jobs_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return Settings(data_dir=tmp_path / "data", database_url=f"{server}/{name}")


def end_lease(jobs: JobTable, id: str) -> None:
    with jobs.engine.begin() as connection:
        connection.execute(sa.update(table).where(table.c.id == id).values(lease_until=1.0))


def make_due(jobs: JobTable, id: str) -> None:
    with jobs.engine.begin() as connection:
        connection.execute(sa.update(table).where(table.c.id == id).values(send_at=1.0))


def reload(jobs: JobTable, id: str) -> Job:
    job = jobs.get(id)
    assert job is not None
    return job


def test_job_goes_through_both_tasks(jobs: JobTable, job: Job) -> None:
    assert (job.state, job.wishes.title, job.recording.name) == (State.QUEUED, "Étude", "étude.wav")
    claimed = jobs.claim(job.id, Task.LISTEN, "a")
    assert claimed is not None
    assert (claimed.state, claimed.attempts) == (State.RUNNING, 1)
    assert jobs.beat(job.id, "a", Stage.LISTEN, 0.5)
    assert reload(jobs, job.id).progress == 0.5
    advanced = jobs.advance(job.id, "a", Task.NOTATE, ["A part was damaged."], 61.5)
    assert advanced is not None
    assert (advanced.state, advanced.task, advanced.attempts) == (State.QUEUED, Task.NOTATE, 0)
    assert jobs.claim(job.id, Task.LISTEN, "a") is None
    assert jobs.claim(job.id, Task.NOTATE, "b") is not None
    assert jobs.finish(job.id, "b", {"score.pdf": 10}, 61.5)
    done = reload(jobs, job.id)
    assert (done.state, done.progress, dict(done.files)) == (State.DONE, 1.0, {"score.pdf": 10})
    assert done.warnings == ("A part was damaged.",)
    assert done.finished_at is not None
    assert done.finished_at >= done.created_at


def test_upload_is_unseen_until_it_is_complete(jobs: JobTable) -> None:
    id = jobs.receive()
    assert jobs.get(id) is None
    assert jobs.latest(10) == []
    assert not jobs.cancel(id)
    jobs.give_up(id)
    assert jobs.enqueue(id, Recording("a", "recording", 1), Wishes()) is None
    assert jobs.removable() == [id]


def test_of_many_workers_one_gets_the_job(jobs: JobTable, job: Job) -> None:
    barrier = threading.Barrier(8)
    claims: list[Job | None] = []

    def claim(owner: str) -> None:
        barrier.wait()
        claims.append(jobs.claim(job.id, Task.LISTEN, owner))

    threads = [threading.Thread(target=claim, args=(f"w{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([claim for claim in claims if claim]) == 1
    assert reload(jobs, job.id).attempts == 1


def test_expired_lease_goes_to_the_next_worker_and_the_first_can_write_nothing(jobs: JobTable, job: Job) -> None:
    jobs.claim(job.id, Task.LISTEN, "first")
    assert jobs.claim(job.id, Task.LISTEN, "second") is None
    end_lease(jobs, job.id)
    taken = jobs.claim(job.id, Task.LISTEN, "second")
    assert taken is not None
    assert taken.attempts == 2
    late: list[Callable[[], object]] = [
        lambda: jobs.beat(job.id, "first", Stage.LISTEN, 0.9),
        lambda: jobs.advance(job.id, "first", Task.NOTATE, [], 1.0),
        lambda: jobs.finish(job.id, "first", {}, 1.0),
        lambda: jobs.fail(job.id, "first", "x", "y"),
        lambda: jobs.retry(job.id, "first", 0.0),
        lambda: jobs.hand_back(job.id, "first"),
    ]
    assert not any(write() for write in late)
    assert reload(jobs, job.id) == taken


def test_beat_extends_the_lease(jobs: JobTable, job: Job) -> None:
    jobs.claim(job.id, Task.LISTEN, "a")
    end_lease(jobs, job.id)
    assert jobs.beat(job.id, "a", Stage.LISTEN, 0.1)
    assert jobs.requeue_stale() == 0
    with jobs.engine.connect() as connection:
        left = connection.execute(sa.select(table.c.lease_until - now_s())).scalar_one()
    assert left == pytest.approx(jobs.lease_s, abs=5.0)


def test_third_lost_worker_fails_the_job_with_the_reason(jobs: JobTable, job: Job) -> None:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert jobs.fail_poison() == []
        claimed = jobs.claim(job.id, Task.LISTEN, f"w{attempt}")
        assert claimed is not None
        assert claimed.attempts == attempt
        end_lease(jobs, job.id)
        jobs.requeue_stale()
    assert jobs.claim(job.id, Task.LISTEN, "w4") is None
    assert jobs.fail_poison() == [job.id]
    failed = reload(jobs, job.id)
    assert (failed.state, failed.error_code) == (State.FAILED, WORKER_LOST)


def test_handing_back_does_not_use_up_an_attempt(jobs: JobTable, job: Job) -> None:
    for _ in range(2 * MAX_ATTEMPTS):
        assert jobs.claim(job.id, Task.LISTEN, "a") is not None
        assert jobs.hand_back(job.id, "a")
    assert reload(jobs, job.id).attempts == 0
    assert jobs.take_due() == [(job.id, Task.LISTEN)]


def test_retry_waits_and_counts(jobs: JobTable, job: Job) -> None:
    jobs.claim(job.id, Task.LISTEN, "a")
    assert jobs.retry(job.id, "a", 60.0)
    assert jobs.take_due() == []
    assert reload(jobs, job.id).attempts == 1


def test_message_is_sent_again_at_growing_intervals(jobs: JobTable, job: Job) -> None:
    assert jobs.take_due() == [], "the uploader has just sent it"
    waits = []
    for _ in range(8):
        make_due(jobs, job.id)
        assert jobs.take_due() == [(job.id, Task.LISTEN)]
        assert jobs.take_due() == []
        with jobs.engine.connect() as connection:
            waits.append(connection.execute(sa.select(table.c.send_at - now_s())).scalar_one())
    assert waits[:3] == pytest.approx([2 * FIRST_RESEND_S, 4 * FIRST_RESEND_S, 8 * FIRST_RESEND_S], abs=5.0)
    assert waits[-1] == pytest.approx(600.0, abs=5.0)


def test_running_job_is_not_sent_again(jobs: JobTable, job: Job) -> None:
    jobs.claim(job.id, Task.LISTEN, "a")
    assert jobs.take_due() == []
    assert jobs.requeue_stale() == 0


def test_deleted_job_is_gone_at_once_and_removable_when_its_worker_lets_go(jobs: JobTable, job: Job) -> None:
    jobs.claim(job.id, Task.LISTEN, "a")
    assert jobs.cancel(job.id)
    assert jobs.get(job.id) is None
    assert not jobs.cancel(job.id)
    assert not jobs.beat(job.id, "a", Stage.LISTEN, 0.1)
    assert jobs.removable() == []
    assert not jobs.let_go(job.id, "b")
    assert jobs.let_go(job.id, "a")
    assert jobs.removable() == [job.id]
    jobs.remove(job.id)
    assert jobs.removable() == []


def test_leases_of_a_dead_process_end_at_once(jobs: JobTable) -> None:
    ours, other = queue_job(jobs), queue_job(jobs)
    jobs.claim(ours.id, Task.LISTEN, "host/12/a")
    jobs.claim(other.id, Task.LISTEN, "host/123/b")
    assert jobs.expire("host/12/") == 1
    assert jobs.requeue_stale() == 1
    assert reload(jobs, ours.id).state is State.QUEUED
    assert reload(jobs, other.id).state is State.RUNNING


def test_upload_that_died_with_its_process_is_removed(jobs: JobTable) -> None:
    id = jobs.receive()
    assert jobs.cancel_abandoned_uploads() == 0
    end_lease(jobs, id)
    assert jobs.cancel_abandoned_uploads() == 1
    assert jobs.removable() == [id]


def test_list_is_newest_first_and_pages_do_not_overlap(jobs: JobTable) -> None:
    made = [queue_job(jobs).id for _ in range(5)]
    with jobs.engine.begin() as connection:
        for second, id in enumerate(made[:4]):
            connection.execute(sa.update(table).where(table.c.id == id).values(created_at=float(second // 2)))
    first = jobs.latest(2)
    second_page = jobs.latest(2, before=first[-1])
    third = jobs.latest(2, before=second_page[-1])
    assert first[0].id == made[4]
    assert sorted(job.id for job in [*first, *second_page, *third]) == sorted(made)
