from pathlib import Path

import pytest

from worker.job import Job, Recording, Task, Wishes
from worker.jobs import JobTable
from worker.schema import migrate
from worker.services import Services
from worker.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def services(settings: Settings) -> Services:
    services = Services(settings)
    migrate(services.jobs.engine)
    return services


@pytest.fixture
def jobs(services: Services) -> JobTable:
    return services.jobs


@pytest.fixture
def job(jobs: JobTable) -> Job:
    """A queued recording."""
    return queue_job(jobs)


def queue_job(jobs: JobTable, is_midi: bool = False) -> Job:
    blob = "recording.mid" if is_midi else "recording.wav"
    job = jobs.enqueue(jobs.receive(), Recording("étude.wav", blob, 1000, is_midi), Wishes(title="Étude"))
    assert job is not None
    assert job.task is (Task.NOTATE if is_midi else Task.LISTEN)
    return job
