"""The job table."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
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
    )
    op.create_index("jobs_state_send_at", "jobs", ["state", "send_at"])
    op.create_index("jobs_state_lease_until", "jobs", ["state", "lease_until"])
    op.create_index("jobs_created_at", "jobs", ["created_at", "id"])


def downgrade() -> None:
    op.drop_table("jobs")
