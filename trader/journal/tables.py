"""The tables. Which kind of record goes into which, and what its row is searched by, is said in `engine/record_kinds`.

Every record table has the same columns: `seq` (global order, given inside the writing transaction), the run, the kind,
both instants, the cause and `body`, the whole record as JSON. The columns beside them are copies of parts of the body
that are searched by. Instants are ISO-8601 UTC text with six decimals, so that text order is time order; money is
decimal text. Rows are never changed: triggers refuse UPDATE and DELETE (see the migrations).
"""

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.schema import SchemaItem

metadata = MetaData()

APPLICATION_ID = 0x5344_4A31  # "SDJ1" in the SQLite header: tells our journal from any other SQLite file
SCHEMA_REVISION = "0003"  # newest migration; a test holds it to the migrations folder
KNOWN_REVISIONS = ("0001", "0002", "0003")


def _record_table(name: str, *keys: SchemaItem) -> Table:
    return Table(
        name,
        metadata,
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("account", Text, nullable=False),
        Column("run_id", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("wall", Text, nullable=False),
        Column("market", Text),
        Column("cause", Text, nullable=False),
        *keys,
        Column("body", Text, nullable=False),
        Index(f"ix_{name}_run", "run_id", "seq"),
    )


runs = _record_table(
    "runs",
    Column("env", Text),
    Column("preset", Text),
    Column("underlying", Text),
    Column("config_hash", Text),
    Column("exit_reason", Text),
    Column("realized_pnl", Text),
    Column("fees", Text),
    Index("ux_runs_once", "run_id", "kind", unique=True),
    Index("ix_runs_account", "account", "kind", "seq"),
)
orders = _record_table(
    "orders",
    Column("client_order_id", Text, nullable=False),
    Column("leg", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Index(
        "ux_orders_intent",
        "client_order_id",
        unique=True,
        # PostgreSQL has the same condition, in the migration; naming it here would load that dialect into every process.
        sqlite_where=text("kind = 'order_intended'"),
    ),
)
execution_events = _record_table(
    "execution_events",
    Column("client_order_id", Text),
    Column("fill_id", Text),
    Column("status", Text),
    Index("ix_execution_events_fill", "account", "fill_id"),
)
fills = _record_table(
    "fills",
    Column("fill_id", Text, nullable=False),
    Column("client_order_id", Text),
    Column("leg", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Index("ux_fills_once", "account", "fill_id", unique=True),
    Index("ix_fills_wall", "account", "wall"),
)
positions = _record_table("positions", Column("symbol", Text, nullable=False), Column("quantity", BigInteger))
decisions = _record_table("decisions")
alerts = _record_table("alerts", Column("level", Text, nullable=False), Column("code", Text, nullable=False))

RECORD_TABLES: tuple[Table, ...] = (runs, orders, execution_events, fills, positions, decisions, alerts)

commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("command_id", Text, nullable=False, unique=True),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("issued_at", Text, nullable=False),
    Column("issued_by", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False),  # new, accepted, refused, done
    Column("detail", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Index("ix_commands_open", "account", "status", "id"),
)
leases = Table(
    "leases",
    metadata,
    Column("account", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("code_hash", Text, nullable=False),
    Column("schema_revision", Text, nullable=False),
    Column("ttl_secs", Text, nullable=False),
    Column("taken_at", Text, nullable=False),
    Column("renewed_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
)
live = Table(
    "live",
    metadata,
    Column("account", Text, primary_key=True),
    Column("wall", Text, nullable=False),
    Column("body", Text, nullable=False),
)
samples = Table(
    "samples",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", Text, nullable=False),
    Column("wall_us", BigInteger, nullable=False),  # microseconds since 1970-01-01 UTC
    Column("market_us", BigInteger),
    Column("pnl", Text),
    Column("pnl_pct", Text),
    Column("spot", Text),
    Column("level_pct", Text),
    Column("max_loss_usd", Text),
    Column("max_profit_usd", Text),
    Column("legs", Text),  # JSON: see `trader.journal.views.LegSample`
    Index("ix_samples_run", "run_id", "id"),
)
results = Table(
    "results",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # of the run's end
    Column("account", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("version", Integer, nullable=False),  # of the arithmetic that made it; an older one is made again
    Column("body", Text, nullable=False),  # JSON; empty for a run that never traded
    Index("ix_results_account", "account", "seq"),
)
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("key", Text, nullable=False),  # what it is about: the same is told to a channel once
    Column("channel", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("run_id", Text, nullable=False),  # whose it is; empty: the account's
    Column("alerts", Text, nullable=False),  # numbers of the alerts it tells of, parted by commas
    Column("made_at", Text, nullable=False),
    Column("state", Text, nullable=False),  # waiting, sending, sent, failed, uncertain
    Column("tries", Integer, nullable=False),
    Column("next_at", Text, nullable=False),  # waiting: not before
    Column("changed_at", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("ux_outbox_once", "account", "key", "channel", unique=True),
    Index("ix_outbox_due", "account", "state", "next_at"),
)
notified = Table(
    "notified",
    metadata,
    Column("account", Text, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),  # of the last record that messages were made of
)
watchers = Table(  # who sends: at most one watchdog per account, on whichever machine
    "watchers",
    metadata,
    Column("account", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("since", Text, nullable=False),
    Column("seen_at", Text, nullable=False),
)
configurations = Table(
    "configurations",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("at", Text, nullable=False),
)
meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
sequence = Table(
    "sequence", metadata, Column("id", Integer, primary_key=True), Column("last_seq", BigInteger, nullable=False)
)


def instant_text(at: datetime) -> str:
    """An aware instant as text whose order is time order.

    Raises:
        ValueError: The instant has no zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"expected an aware instant, was {at!r}")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def parse_instant(value: str) -> datetime:
    """Inverse of `instant_text`."""
    return datetime.fromisoformat(value)


def decimal_text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def parse_decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
