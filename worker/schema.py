"""The tables, the database's own clock, and how to reach a database.

Leases are compared with the database's clock, so that machines whose clocks differ agree on what has expired.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x5C04E  # any constant: PostgreSQL's advisory lock that lets one process migrate at a time
SQLITE_BUSY_S = 15.0  # writers queue for so long before "database is locked"

metadata = sa.MetaData()

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("task", sa.String(16), nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("progress", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(255)),
    sa.Column("lease_until", sa.Double),
    sa.Column("send_at", sa.Double),
    sa.Column("resend_s", sa.Double, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("file_blob", sa.String(64), nullable=False),
    sa.Column("file_bytes", sa.BigInteger, nullable=False),
    sa.Column("is_midi", sa.Boolean(create_constraint=False), nullable=False),
    sa.Column("wishes", sa.JSON, nullable=False),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("files", sa.JSON, nullable=False),
    sa.Column("error_code", sa.String(64)),
    sa.Column("error_message", sa.Text),
    sa.Column("duration_s", sa.Double),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Column("finished_at", sa.Double),
    sa.Column("account", sa.String(32), nullable=False, server_default=""),
    sa.Column("idempotency_key", sa.String(255)),
    sa.Column("content", sa.String(64)),
    sa.Column("heard_by", sa.String(64)),
    sa.Column("timings", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("rank", sa.Double, nullable=False, server_default="0"),
    sa.Column("ready_at", sa.Double, nullable=False, server_default="0"),
    sa.Column("expires_at", sa.Double),
    sa.Column("webhook", sa.Text),
    sa.Column("webhook_due", sa.Double),
    sa.Column("webhook_attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("upload", sa.JSON),
    sa.Column("received_bytes", sa.BigInteger),
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    sa.Column("drawing", sa.Integer, nullable=False, server_default="0"),
    sa.Column("drawn", sa.Integer, nullable=False, server_default="0"),
    sa.Column("share", sa.String(64)),
    sa.Column("heard", sa.JSON, nullable=False, server_default="{}"),
    sa.Index("jobs_state_send_at", "state", "send_at"),
    sa.Index("jobs_state_lease_until", "state", "lease_until"),
    sa.Index("jobs_created_at", "created_at", "id"),
    sa.Index("jobs_account_created_at", "account", "created_at", "id"),
    sa.Index("jobs_account_idempotency_key", "account", "idempotency_key", unique=True),
    sa.Index("jobs_account_content", "account", "content"),
    sa.Index("jobs_state_task_rank", "state", "task", "rank"),
    sa.Index("jobs_expires_at", "expires_at"),
    sa.Index("jobs_webhook_due", "webhook_due"),
    sa.Index("jobs_share", "share", unique=True),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("key_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("webhook_secret", sa.String(64), nullable=False),
    sa.Column("is_operator", sa.Boolean(create_constraint=False), nullable=False),
    sa.Column("requests_per_minute", sa.Integer, nullable=False),
    sa.Column("uploads_per_day", sa.Integer, nullable=False),
    sa.Column("quota_day", sa.Integer, nullable=False),
    sa.Column("quota_used", sa.Integer, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("revoked_at", sa.Double),
)


class now_s(FunctionElement[float]):  # noqa: N801, read as the SQL function that it is
    """Unix seconds by the database's clock, to about a millisecond."""

    type = sa.Double()
    inherit_cache = True


@compiles(now_s, "sqlite")
def _now_in_sqlite(element: now_s, compiler: Any, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now_s, "postgresql")
def _now_in_postgresql(element: now_s, compiler: Any, **options: Any) -> str:
    return "EXTRACT(EPOCH FROM clock_timestamp())::double precision"


def connect(url: str) -> sa.Engine:
    """An engine; in SQLite readers do not wait for a writer. Raises ValueError where `url` is not an address."""
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError as cause:
        raise ValueError(f"TRANSCRIBER_DATABASE_URL is not a database address: {url!r}") from cause
    if address.get_backend_name() == "postgresql" and address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() != "sqlite":
        return sa.create_engine(address, pool_pre_ping=True)
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, connect_args={"timeout": SQLITE_BUSY_S})

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def migrate(engine: sa.Engine, revision: str = "head") -> None:
    """Bring the database to `revision`, from empty or from any earlier version; safe to run from several processes."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
