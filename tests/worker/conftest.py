from pathlib import Path

import pytest

from tests.worker.pumped import PumpedServices, queue_job
from worker.job import Job
from worker.jobs import JobTable
from worker.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def services(settings: Settings) -> PumpedServices:
    return PumpedServices(settings)


@pytest.fixture
def jobs(services: PumpedServices) -> JobTable:
    return services.jobs


@pytest.fixture
def job(jobs: JobTable) -> Job:
    """A queued recording."""
    return queue_job(jobs)
