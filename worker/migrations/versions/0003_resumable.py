"""Uploads in pieces: what is known of them before they are whole, and how much has come in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("upload", sa.JSON))
    op.add_column("jobs", sa.Column("received_bytes", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("jobs", "received_bytes")
    op.drop_column("jobs", "upload")
