"""Jobs that are drawn again when their owner changes something, and that can be shared."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def columns() -> list[sa.Column[Any]]:
    """New ones at each call: a column belongs to one table for good."""
    return [
        sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
        sa.Column("drawing", sa.Integer, nullable=False, server_default="0"),
        sa.Column("drawn", sa.Integer, nullable=False, server_default="0"),
        sa.Column("share", sa.String(64)),
        sa.Column("heard", sa.JSON, nullable=False, server_default="{}"),
    ]


def upgrade() -> None:
    for column in columns():
        op.add_column("jobs", column)
    op.create_index("jobs_share", "jobs", ["share"], unique=True)


def downgrade() -> None:
    op.drop_index("jobs_share", "jobs")
    for column in columns():
        op.drop_column("jobs", column.name)
