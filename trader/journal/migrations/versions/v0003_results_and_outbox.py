"""What finished runs have made, kept so that thousands are read at once (all of it can be made from the records again), and the
messages that go to a person's phone. Executions are found by when they came: what a day has made is asked each second, and went through
a million of them.

Once shipped this file is never edited: a later change is a later migration.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    op.create_table(
        "results",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        _text("account"),
        _text("run_id"),
        sa.Column("version", sa.Integer, nullable=False),
        _text("body"),
    )
    op.create_index("ix_results_account", "results", ["account", "seq"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        *(_text(name) for name in ("account", "key", "channel", "severity", "title", "body", "run_id", "alerts")),
        *(_text(name) for name in ("made_at", "state")),
        sa.Column("tries", sa.Integer, nullable=False),
        *(_text(name) for name in ("next_at", "changed_at", "why")),
    )
    op.create_index("ux_outbox_once", "outbox", ["account", "key", "channel"], unique=True)
    op.create_index("ix_outbox_due", "outbox", ["account", "state", "next_at"])
    op.create_table(
        "notified",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "watchers",
        sa.Column("account", sa.Text, primary_key=True),
        _text("holder"),
        _text("machine"),
        sa.Column("pid", sa.Integer, nullable=False),
        _text("since"),
        _text("seen_at"),
    )
    op.create_index("ix_fills_wall", "fills", ["account", "wall"])
