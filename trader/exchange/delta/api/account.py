"""The account over REST, typed: positions, margin, money, preferences, protection. One method per documented endpoint.

Changes are sent once and end in `Done`, `Rejected` (with proof) or `Unknown`. Reads return the whole truth or raise
`ExchangeError`; `PartialList` carries the rows that could be read.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from trader.domain.errors import WireError
from trader.domain.margin import MODES, MarginedPosition
from trader.domain.outcome import Rejected, Unknown
from trader.domain.wallet import Transaction
from trader.exchange.common.budget import Priority
from trader.exchange.common.outcomes import Done, UnsendableOrder, outcome_of
from trader.exchange.common.rows import sift
from trader.exchange.delta.http import endpoints as at
from trader.exchange.delta.http.queries import filters, id_lists, span
from trader.exchange.delta.http.rest import Endpoint, RestClient, Text
from trader.exchange.delta.wire import account as rows
from trader.exchange.delta.wire import numbers as n
from trader.exchange.delta.wire.listing import Rows
from trader.exchange.delta.wire.parse_account import (
    parse_balance,
    parse_heartbeat,
    parse_leverage,
    parse_margined,
    parse_preferences,
    parse_stats,
    parse_transaction,
    parse_user,
)
from trader.exchange.delta.wire.values import (
    Balances,
    HeartbeatState,
    Leverage,
    Preferences,
    TradingStats,
    User,
)

TRANSACTIONS_PAGE = 200
_MARGINED = "the positions with their margin"

T = TypeVar("T")


class MmpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Market-maker protection of one underlying and tag: orders with that tag are cancelled and frozen for
    `freeze_secs` (0: until reset) once a limit is reached within `window_secs` of the first trade. Limits are in the
    unit the exchange shows for the account (its texts disagree: underlying or USD)."""

    asset: str
    window_secs: int
    freeze_secs: int
    trade_limit: Decimal
    delta_limit: Decimal
    vega_limit: Decimal
    tag: str = "mmp1"


class DeadMan(msgspec.Struct, frozen=True, kw_only=True):
    """A dead-man switch: when its acknowledgements stay out `unhealthy_count` times, the exchange cancels the orders it
    covers, resting stop-losses most likely included. It never closes a position, so arming it while short can add risk.
    """

    heartbeat_id: str
    contract_types: tuple[str, ...] = ()
    product_symbols: tuple[str, ...] = ()
    underlyings: tuple[str, ...] = ()
    unhealthy_count: int = 1


class AccountAPI:
    """Everything about the account but its orders."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest

    # ------------------------------------------------------------------------------------- positions and margin

    def margined(
        self, *, product_ids: Sequence[int] | None = None, contract_types: Sequence[str] = ()
    ) -> list[MarginedPosition]:
        """Positions with their margin, up to 10 s behind the fills. Whether something is flat, `positions` says."""
        kinds = filters(contract_types=contract_types)
        if product_ids is None:
            return self._rest.whole(_MARGINED, self._margined(kinds), parse_margined)
        found = [row for ids in id_lists(product_ids) for row in self._margined([*kinds, ("product_ids", ids)])]
        return self._rest.whole(_MARGINED, found, parse_margined)

    def change_margin(self, product_id: int, delta: Decimal) -> Done[MarginedPosition] | Rejected | Unknown:
        """Add (above 0) or take (below 0) margin of an isolated position, in USD."""

        def send() -> Done[MarginedPosition]:
            if not delta.is_finite() or delta == 0:
                raise UnsendableOrder(f"a margin change is a finite number other than 0, was {delta}")
            body = {"product_id": product_id, "delta_margin": f"{delta:f}"}
            return Done(_of_product(self._change(rows.MarginedPositionRow, at.CHANGE_MARGIN, body), product_id))

        return outcome_of(send, f"change_margin {product_id}")

    def set_auto_topup(self, product_id: int, on: bool) -> Done[MarginedPosition] | Rejected | Unknown:
        """Whether free balance flows into a position before it is liquidated."""

        def send() -> Done[MarginedPosition]:
            body = {"product_id": product_id, "auto_topup": on}
            return Done(_of_product(self._change(rows.MarginedPositionRow, at.AUTO_TOPUP, body), product_id))

        return outcome_of(send, f"auto_topup {product_id}")

    def close_all(
        self, user_id: str, *, portfolio: bool = True, isolated: bool = True
    ) -> Done[None] | Rejected | Unknown:
        """Have the exchange close every position of the account at market, anybody's. It says only that it agreed:
        verify with the positions."""

        def send() -> Done[None]:
            if not user_id.isdigit():
                raise UnsendableOrder(f"close_all needs the numeric user id, was {user_id!r}")
            body = {"close_all_portfolio": portfolio, "close_all_isolated": isolated, "user_id": int(user_id)}
            self._rest.change(Any, at.CLOSE_ALL, body, priority=Priority.EXIT)
            return Done(None)

        return outcome_of(send, "close_all")

    def leverage(self, product_id: int) -> Leverage:
        return parse_leverage(self._read(rows.LeverageRow, at.get_leverage(product_id)), product_id)

    def set_leverage(self, product_id: int, leverage: Decimal) -> Done[Leverage] | Rejected | Unknown:
        """Leverage of a product's orders, those that rest included, and of the positions they open."""

        def send() -> Done[Leverage]:
            if not leverage.is_finite() or leverage <= 0:
                raise UnsendableOrder(f"leverage must be above 0, was {leverage}")
            row = self._change(rows.LeverageRow, at.set_leverage(product_id), {"leverage": f"{leverage:f}"})
            return Done(parse_leverage(row, product_id))

        return outcome_of(send, f"leverage {product_id}")

    def set_margin_mode(self, mode: str, *, user_id: str | None = None) -> Done[str] | Rejected | Unknown:
        """Isolated or portfolio margin, of this account or of a sub-account; the answer is the mode in force."""

        def send() -> Done[str]:
            if mode not in MODES:
                raise UnsendableOrder(f"the margin mode is one of {', '.join(MODES)}, was {mode!r}")
            body = {"margin_mode": mode} | ({"subaccount_user_id": user_id} if user_id is not None else {})
            row: rows.MarginModeRow = self._change(rows.MarginModeRow, at.MARGIN_MODE, body)
            return Done(row.margin_mode or mode)

        return outcome_of(send, f"margin_mode {mode}")

    # ------------------------------------------------------------------------------------------- money, identity

    def balances(self) -> Balances:
        """Every asset of the wallet, and the account's equity where the exchange told it."""
        envelope = self._rest.read(Rows(rows.FullWalletRow), at.BALANCES)
        assets, odd = sift("the balances", envelope.result or (), parse_balance)
        self._rest.leave_out(odd)
        return Balances(
            assets=tuple(assets),
            net_equity=n.signed_or_none(envelope.meta.net_equity) if envelope.meta else None,
            unreadable=tuple(row.words for row in odd),
        )

    def transactions(
        self, *, since: datetime | None = None, until: datetime | None = None, kinds: Sequence[str] = ()
    ) -> list[Transaction]:
        """The ledger's lines in a span (without `since` about 90 days), to the end of the list."""
        query = [*span(since, until), *filters(transaction_types=kinds)]
        found = self._rest.read_pages(rows.TransactionRow, at.TRANSACTIONS, query=query, page_size=TRANSACTIONS_PAGE)
        return self._rest.whole("the transactions", found, parse_transaction, once=lambda line: line.transaction_id)

    def transactions_csv(self, *, since: datetime | None = None, until: datetime | None = None) -> str:
        """The exchange's own download of the ledger."""
        text: str = self._rest.fetch(Text, at.TRANSACTIONS_CSV, query=span(since, until))
        return text

    def preferences(self) -> Preferences:
        return parse_preferences(self._read(rows.FullPreferencesRow, at.PREFERENCES))

    def set_default_auto_topup(self, on: bool) -> Done[Preferences] | Rejected | Unknown:
        """Whether new positions start with auto top-up."""

        def send() -> Done[Preferences]:
            body = {"default_auto_topup": on}
            return Done(parse_preferences(self._change(rows.FullPreferencesRow, at.SET_PREFERENCES, body)))

        return outcome_of(send, "trading_preferences")

    def stats(self) -> TradingStats:
        return parse_stats(self._read(rows.StatsRow, at.STATS))

    def sub_accounts(self) -> list[User]:
        return self._rest.whole("the sub-accounts", self._read(Rows(rows.UserRow), at.SUB_ACCOUNTS), parse_user)

    def transfer(self, *, sender: str, receiver: str, asset: str, amount: Decimal) -> Done[None] | Rejected | Unknown:
        """Move money between the main account and a sub-account; takes the main account's key. Ids are user ids."""

        def send() -> Done[None]:
            if not amount.is_finite() or amount <= 0:
                raise UnsendableOrder(f"a transfer needs an amount above 0, was {amount}")
            if not (sender.isdigit() and receiver.isdigit()):
                raise UnsendableOrder(f"a transfer needs numeric user ids, was {sender!r} to {receiver!r}")
            body = {
                "transferrer_user_id": int(sender),
                "transferee_user_id": int(receiver),
                "asset_symbol": asset,
                "amount": f"{amount:f}",
            }
            self._rest.change(Any, at.TRANSFER, body, priority=Priority.OWN)
            return Done(None)

        return outcome_of(send, f"transfer to {receiver}")

    def transfers(self, user_id: str) -> list[dict[str, Any]]:
        """The log of transfers of a sub-account, rows as the exchange sends them (their fields are not documented)."""
        query = [("subaccount_user_id", user_id)]
        found = self._rest.read_pages(dict[str, Any], at.TRANSFERS, query=query, page_size=TRANSACTIONS_PAGE)
        return self._rest.whole("the transfers", found, lambda row: dict[str, Any](row))

    # ------------------------------------------------------------------------------------------------ protection

    def configure_mmp(self, limits: MmpLimits) -> Done[Preferences] | Rejected | Unknown:
        """Set one underlying's market-maker protection."""

        def send() -> Done[Preferences]:
            body = {
                "asset": limits.asset,
                "window_interval": limits.window_secs,
                "freeze_interval": limits.freeze_secs,
                "trade_limit": f"{limits.trade_limit:f}",
                "delta_limit": f"{limits.delta_limit:f}",
                "vega_limit": f"{limits.vega_limit:f}",
                "mmp": limits.tag,
            }
            return Done(parse_preferences(self._change(rows.FullPreferencesRow, at.UPDATE_MMP, body)))

        return outcome_of(send, f"mmp {limits.asset}")

    def reset_mmp(self, asset: str, tag: str = "mmp1") -> Done[None] | Rejected | Unknown:
        """End a freeze by hand."""

        def send() -> Done[None]:
            self._rest.change(Any, at.RESET_MMP, {"asset": asset, "mmp": tag}, priority=Priority.OWN)
            return Done(None)

        return outcome_of(send, f"reset_mmp {asset}")

    def create_dead_man(self, switch: DeadMan) -> Done[str] | Rejected | Unknown:
        """Define a dead-man switch. It is armed by the first acknowledgement, not by this."""

        def send() -> Done[str]:
            if bool(switch.contract_types) == bool(switch.product_symbols):
                raise UnsendableOrder("a dead-man switch covers contract types or products, one of the two")
            body = {
                "heartbeat_id": switch.heartbeat_id,
                "impact": "contracts" if switch.contract_types else "products",
                "contract_types": list(switch.contract_types),
                "underlying_assets": list(switch.underlyings),
                "product_symbols": list(switch.product_symbols),
                "config": [{"action": "cancel_orders", "unhealthy_count": switch.unhealthy_count}],
            }
            row: rows.HeartbeatCreatedRow = self._change(rows.HeartbeatCreatedRow, at.CREATE_HEARTBEAT, body)
            return Done(row.heartbeat_id or switch.heartbeat_id)

        return outcome_of(send, f"dead man {switch.heartbeat_id}")

    def acknowledge_dead_man(self, heartbeat_id: str, ttl_ms: int) -> Done[datetime | None] | Rejected | Unknown:
        """Arm a switch, or put its deadline off, to `ttl_ms` from now; 0 disarms it. The answer is the deadline."""

        def send() -> Done[datetime | None]:
            if ttl_ms < 0:
                raise UnsendableOrder(f"the time to live is 0 or more milliseconds, was {ttl_ms}")
            body = {"heartbeat_id": heartbeat_id, "ttl": ttl_ms}
            # Not to be put off: without it the exchange cancels what rests.
            row: rows.HeartbeatAckRow = self._change(rows.HeartbeatAckRow, at.ACK_HEARTBEAT, body, Priority.EXIT)
            return Done(n.instant_or_none(row.heartbeat_timestamp))

        return outcome_of(send, f"dead man {heartbeat_id}")

    def dead_men(self, user_id: str | None = None) -> list[HeartbeatState]:
        """The account's dead-man switches."""
        query = [("user_id", user_id)] if user_id else []
        found = self._rest.fetch(Rows(rows.HeartbeatRow), at.HEARTBEATS, query=query)
        return self._rest.whole("the dead-man switches", found, parse_heartbeat)

    # --------------------------------------------------------------------------------------------------- helpers

    def _margined(self, query: list[tuple[str, str]]) -> list[Any]:
        found: list[Any] = self._rest.fetch(Rows(rows.MarginedPositionRow), at.MARGINED, query=query)
        return found

    def _read(self, row: Any, endpoint: Endpoint) -> Any:
        return self._rest.fetch(row, endpoint)

    def _change(self, row: Any, endpoint: Endpoint, body: dict[str, Any], priority: Priority = Priority.OWN) -> Any:
        return self._rest.change(row, endpoint, body, priority=priority)


def _of_product(row: rows.MarginedPositionRow, product_id: int) -> MarginedPosition:
    position = parse_margined(row)
    if position.product_id != product_id:
        raise WireError(f"mismatch: asked about product {product_id}, answered {position.product_id}")
    return position
