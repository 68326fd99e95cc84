from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from transcriber.options import AS_HEARD
from worker.job import State, Task
from worker.jobs import JobTable
from worker.schema import connect, metadata, migrate


def test_migrations_make_exactly_the_tables_of_the_schema(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'new' / 'jobs.sqlite3'}")
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """Of an empty database."""
    sqlite = f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
    engine = connect(sqlite if request.param == "sqlite" else request.getfixturevalue("database"))
    yield engine
    engine.dispose()


@pytest.mark.postgres
def test_migrations_of_several_processes_at_once(postgres: str) -> None:
    """And in PostgreSQL, whose types differ from SQLite's."""
    engine = connect(f"{postgres}/postgres")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [engine] * 4))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_migrations_go_down_to_an_empty_database(engine: sa.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    from worker.schema import MIGRATIONS

    migrate(engine)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]


def test_bad_address_is_named() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        connect("nonsense")


def test_jobs_of_the_version_before_live_on(engine: sa.Engine) -> None:
    migrate(engine, "0001")
    row = {
        "id": "a" * 32,
        "state": "queued",
        "task": "listen",
        "stage": "listen",
        "progress": 0.0,
        "attempts": 0,
        "resend_s": 15.0,
        "file_name": "a.mp3",
        "file_blob": "recording.mp3",
        "file_bytes": 3,
        "is_midi": False,
        "wishes": '{"title": "A"}',
        "warnings": "[]",
        "files": "{}",
        "version": "0.1.0",
        "created_at": 5.0,
        "updated_at": 5.0,
    }
    with engine.begin() as connection:
        names = ", ".join(row)
        connection.execute(sa.text(f"INSERT INTO jobs ({names}) VALUES (:{', :'.join(row)})"), row)
    migrate(engine)
    table = JobTable(engine, 30.0, "0.2.0")
    job = table.claim(Task.LISTEN, "me")
    assert job is not None
    assert (job.id, job.wishes.title, job.account, job.expires_at, dict(job.timings)) == ("a" * 32, "A", "", None, {})
    assert table.with_content("", "") == []


def test_scores_of_the_version_before_can_be_changed_and_shared(engine: sa.Engine) -> None:
    migrate(engine, "0003")
    row = {
        "id": "b" * 32,
        "state": "done",
        "task": "notate",
        "stage": "engrave",
        "progress": 1.0,
        "attempts": 1,
        "resend_s": 15.0,
        "file_name": "a.mp3",
        "file_blob": "recording.mp3",
        "file_bytes": 3,
        "is_midi": False,
        "wishes": '{"title": null, "composer": "", "metre": "3/4", "key": null}',
        "warnings": "[]",
        "files": '{"score.pdf": 4}',
        "version": "0.1.0",
        "created_at": 5.0,
        "updated_at": 5.0,
        "finished_at": 6.0,
    }
    with engine.begin() as connection:
        names = ", ".join(row)
        connection.execute(sa.text(f"INSERT INTO jobs ({names}) VALUES (:{', :'.join(row)})"), row)
    migrate(engine)
    table = JobTable(engine, 30.0, "0.2.0")
    job = table.get("b" * 32, "")
    assert job is not None
    assert (job.revision, job.drawn, job.share, dict(job.heard), job.wishes.edits) == (0, 0, None, {}, ())
    assert job.wishes.view == AS_HEARD
    shared = table.share(job.id, "")
    assert shared is not None
    assert shared.share is not None
    assert table.shared(shared.share) is not None
    changed = table.change(job.id, "", 0, replace(job.wishes, title="B"))
    assert changed is not None
    assert (changed.is_redraw, changed.shown_state, dict(changed.files)) == (True, State.DONE, {"score.pdf": 4})
    claimed = table.claim(Task.NOTATE, "me")
    assert claimed is not None
    assert (claimed.drawing, claimed.wishes.metre) == (1, "3/4")
