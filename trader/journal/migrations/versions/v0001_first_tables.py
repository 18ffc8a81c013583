"""The first tables, and the triggers that keep records as they were written.

Once shipped this file is never edited: a later change is a later migration.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_APPEND_ONLY = (
    "runs",
    "orders",
    "execution_events",
    "fills",
    "positions",
    "decisions",
    "alerts",
    "samples",
    "configurations",
    "meta",
)
_COMMAND_FACTS = ("id", "command_id", "account", "kind", "issued_at", "issued_by", "body")
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def _record_table(name: str, *keys: sa.Column[str] | sa.Column[int]) -> None:
    op.create_table(
        name,
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("wall", sa.Text, nullable=False),
        sa.Column("market", sa.Text),
        sa.Column("cause", sa.Text, nullable=False),
        *keys,
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index(f"ix_{name}_run", name, ["run_id", "seq"])


def _text(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def upgrade() -> None:
    _create_record_tables()
    _create_other_tables()
    _create_triggers()
    _first_rows()


def _create_record_tables() -> None:
    _record_table(
        "runs",
        *(_text(n) for n in ("env", "preset", "underlying", "config_hash", "exit_reason", "realized_pnl", "fees")),
    )
    op.create_index("ux_runs_once", "runs", ["run_id", "kind"], unique=True)
    op.create_index("ix_runs_account", "runs", ["account", "kind", "seq"])
    _record_table("orders", *(_text(n, nullable=False) for n in ("client_order_id", "leg", "symbol")))
    intended = sa.text("kind = 'order_intended'")
    op.create_index(
        "ux_orders_intent",
        "orders",
        ["client_order_id"],
        unique=True,
        sqlite_where=intended,
        postgresql_where=intended,
    )
    _record_table("execution_events", _text("client_order_id"), _text("fill_id"), _text("status"))
    op.create_index("ix_execution_events_fill", "execution_events", ["account", "fill_id"])
    _record_table(
        "fills",
        _text("fill_id", nullable=False),
        _text("client_order_id"),
        _text("leg", nullable=False),
        _text("symbol", nullable=False),
    )
    op.create_index("ux_fills_once", "fills", ["account", "fill_id"], unique=True)
    _record_table("positions", _text("symbol", nullable=False), sa.Column("quantity", sa.BigInteger))
    _record_table("decisions")
    _record_table("alerts", _text("level", nullable=False), _text("code", nullable=False))


def _create_other_tables() -> None:
    op.create_table(
        "commands",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("command_id", sa.Text, nullable=False, unique=True),
        *(
            _text(n, nullable=False)
            for n in ("account", "kind", "issued_at", "issued_by", "body", "status", "detail", "updated_at")
        ),
    )
    op.create_index("ix_commands_open", "commands", ["account", "status", "id"])
    op.create_table(
        "leases",
        sa.Column("account", sa.Text, primary_key=True),
        _text("holder", nullable=False),
        _text("host", nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        *(
            _text(n, nullable=False)
            for n in ("code_hash", "schema_revision", "ttl_secs", "taken_at", "renewed_at", "expires_at")
        ),
    )
    op.create_table(
        "live",
        sa.Column("account", sa.Text, primary_key=True),
        _text("wall", nullable=False),
        _text("body", nullable=False),
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        _text("run_id", nullable=False),
        sa.Column("wall_us", sa.BigInteger, nullable=False),
        sa.Column("market_us", sa.BigInteger),
        *(_text(n) for n in ("pnl", "pnl_pct", "spot", "level_pct", "max_loss_usd", "max_profit_usd")),
    )
    op.create_index("ix_samples_run", "samples", ["run_id", "id"])
    op.create_table(
        "configurations",
        sa.Column("hash", sa.Text, primary_key=True),
        _text("body", nullable=False),
        _text("at", nullable=False),
    )
    op.create_table("meta", sa.Column("key", sa.Text, primary_key=True), _text("value", nullable=False))
    op.create_table(
        "sequence",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
    )


def _create_triggers() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _create_postgresql_triggers()
        return
    for table in _APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'the journal is append-only: {table}'); END"
            )
    op.execute(
        f"CREATE TRIGGER commands_no_rewrite BEFORE UPDATE OF {', '.join(_COMMAND_FACTS)} ON commands "
        "BEGIN SELECT RAISE(ABORT, 'the journal is append-only: commands'); END"
    )
    op.execute(
        "CREATE TRIGGER commands_no_delete BEFORE DELETE ON commands "
        "BEGIN SELECT RAISE(ABORT, 'the journal is append-only: commands'); END"
    )


def _create_postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the journal is append-only: %', TG_TABLE_NAME; END $$"
    )
    refuse = "EXECUTE FUNCTION journal_is_append_only()"
    for table in (*_APPEND_ONLY, "commands"):
        verbs = "UPDATE OR DELETE" if table != "commands" else f"UPDATE OF {', '.join(_COMMAND_FACTS)} OR DELETE"
        op.execute(f"CREATE TRIGGER {table}_no_rewrite BEFORE {verbs} ON {table} FOR EACH ROW {refuse}")
        op.execute(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")


def _first_rows() -> None:
    installation = "".join(secrets.choice(_BASE32) for _ in range(4))
    bind = op.get_bind()
    bind.execute(sa.text("INSERT INTO meta (key, value) VALUES ('installation', :name)"), {"name": installation})
    bind.execute(sa.text("INSERT INTO sequence (id, last_seq) VALUES (1, 0)"))
