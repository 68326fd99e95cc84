import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.worker.postgres import running_postgres
from tests.worker.pumped import PumpedServices, queue_job
from tests.worker.s3 import VARIABLES, make_bucket, running_s3
from worker.job import Job
from worker.jobs import JobTable
from worker.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def production(tmp_path: Path, database: str, bucket: str) -> Settings:
    """PostgreSQL and S3 from real servers."""
    return Settings(data_dir=tmp_path / "data", database_url=database, storage=bucket)


@pytest.fixture(params=["laptop", pytest.param("production", marks=[pytest.mark.postgres, pytest.mark.s3])])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """SQLite and a folder, and PostgreSQL and S3: what a module does with jobs, it does with both."""
    if request.param == "laptop":
        return Settings(data_dir=tmp_path / "data")
    production = request.getfixturevalue("production")
    assert isinstance(production, Settings)
    return production


@pytest.fixture
def database(postgres: str) -> str:
    """A new one."""
    name = f"jobs_{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{postgres}/{name}"


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new one; s3fs finds the server by the environment, as it does in production."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3)
    name = f"jobs-{uuid.uuid4().hex}"
    make_bucket(s3, name)
    return f"s3://{name}/files"


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with running_s3() as address:
        yield address


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


@pytest.fixture
def services(settings: Settings) -> Iterator[PumpedServices]:
    services = PumpedServices(settings)
    yield services
    services.jobs.engine.dispose()


@pytest.fixture
def jobs(services: PumpedServices) -> JobTable:
    return services.jobs


@pytest.fixture
def job(jobs: JobTable) -> Job:
    """A queued recording."""
    return queue_job(jobs)
