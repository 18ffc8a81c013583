"""ccxt's own Delta class behind the gateway verbs.

ccxt's unified structures leave out what options need (greeks, margin rates, fee caps, the real-time position); the raw rows
it keeps beside them are read by the same parsers as in the house's own client. Used to check ccxt against the local
exchange, and as the pattern for other exchanges.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from trader.domain.errors import ExchangeError, WireError
from trader.domain.fill import Fill, Position
from trader.domain.instrument import Instrument
from trader.domain.margin import MarginedPosition, MarginTerms, terms_of
from trader.domain.order import OrderIntent, OrderSnapshot, TimeInForce
from trader.domain.outcome import Rejected, Unknown
from trader.domain.quote import Quote
from trader.domain.wallet import Transaction, Wallet
from trader.exchange.ccxt.gateway import CcxtGateway
from trader.exchange.ccxt.wire import load_ccxt
from trader.exchange.common.budget import DEFAULT_QUOTA, Priority
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.decoding import convert
from trader.exchange.common.outcomes import outcome_of
from trader.exchange.common.patience import CCXT, Patience
from trader.exchange.common.rows import convert_rows
from trader.exchange.common.transport import proxies_for
from trader.exchange.delta.api.health import explain_failure
from trader.exchange.delta.api.order_requests import stop_fields
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire import numbers as n
from trader.exchange.delta.wire.account import FullPreferencesRow, LeverageRow, MarginedPositionRow, TransactionRow
from trader.exchange.delta.wire.parse import (
    parse_fill,
    parse_instrument,
    parse_named_wallet,
    parse_order,
    parse_position,
    parse_ticker,
)
from trader.exchange.delta.wire.parse_account import (
    parse_leverage,
    parse_margined,
    parse_preferences,
    parse_transaction,
)
from trader.exchange.ports import MaySign

_KINDS = ("perpetual_futures", "call_options", "put_options")
_MARKETS_PAGE = 1000  # ccxt reads one page; each kind fits into the exchange's largest
_FLAGS = dict.fromkeys(("cancel_limit_orders", "cancel_stop_orders", "cancel_reduce_only_orders"), "true")


class CcxtDeltaGateway(CcxtGateway):
    """A Delta account through ccxt."""

    def __init__(
        self,
        rest_url: str,
        credentials: Credentials | None,
        *,
        quota: int = DEFAULT_QUOTA,
        proxy: str | None = None,
        patience: Patience = CCXT,
    ) -> None:
        """Check URLs with `environments.check_urls` before.

        Raises:
            ConfigError: ccxt is not installed.
        """
        # ccxt lists products in one loop that a single odd row ends: those it does not get to see.
        sound = {"products": lambda row: parse_instrument(_read(wire.ProductRow, row))}
        self._rest_url = rest_url
        super().__init__(
            _maker(rest_url, credentials, proxy), settle="USD", quota=quota, patience=patience, sound=sound
        )

    # --------------------------------------------------------------------------------------------------- said

    def market_pages(self) -> Sequence[dict[str, Any]]:
        return [{"contract_types": kind, "states": "live", "page_size": _MARKETS_PAGE} for kind in _KINDS]

    def order_params(self, intent: OrderIntent) -> dict[str, Any]:
        params: dict[str, Any] = {"clientOrderId": intent.client_order_id, "reduceOnly": intent.reduce_only}
        if intent.time_in_force is not TimeInForce.GTC:
            params["time_in_force"] = intent.time_in_force.value
        if intent.post_only:
            params["post_only"] = "true"
        if not intent.reduce_only:
            del params["reduceOnly"]
        if intent.stop is not None:
            params |= stop_fields(intent.stop, intent.side)
        return params

    def cancel_all_params(self) -> dict[str, Any]:
        return dict(_FLAGS)

    def send_cancel(
        self, symbol: str, client_order_id: str | None, venue_order_id: str | None, may_sign: MaySign | None
    ) -> Any:
        if venue_order_id is not None:
            return super().send_cancel(symbol, client_order_id, venue_order_id, may_sign)
        # ccxt cancels by the exchange's id only; the exchange takes ours as well.
        body = {"client_order_id": client_order_id, "product_id": self.wire.exchange.market(symbol)["numericId"]}
        answer = self.wire.change(
            "cancel_order", lambda x: x.privateDeleteOrders(body), priority=Priority.EXIT, may_sign=may_sign
        )
        return {"info": _part(answer, "result")}

    def next_page(self, exchange: Any, rows: list[Any]) -> dict[str, Any] | None:
        answer = exchange.last_json_response
        after = _part(_part(answer, "meta"), "after")
        return {"after": after} if after else None

    # --------------------------------------------------------------------------------------------------- read

    def positions(self, underlying: str) -> list[Position]:
        """Real time: ccxt's own method reads the list that may lag fills by 10 s, which proves nothing flat."""
        self._loaded()
        answer = self.wire.read("positions", lambda x: x.privateGetPositions({"underlying_asset_symbol": underlying}))
        rows = _listed(wire.PositionRow, _part(answer, "result"), "the positions")
        return self._whole("the positions", rows, self._position_of, None, lambda position: position.product_id)

    def _position_of(self, row: wire.PositionRow) -> Position:
        position = parse_position(row)
        if not position.symbol:
            raise WireError(f"it names no symbol, only product {position.product_id}")
        return position

    def settlement_price(self, symbol: str) -> Decimal | None:
        answer = self.wire.read("products", lambda x: x.publicGetProductsSymbol({"symbol": symbol}))
        row = _read(wire.ProductRow, _part(answer, "result"))
        price = n.decimal_of(row.settlement_price, "settlement_price")
        if price is not None and price < 0:
            raise WireError(f"settlement price of {symbol} is negative: {price}")
        return price

    def who_am_i(self) -> str:
        answer = self.wire.read("trading_preferences", lambda x: x.privateGetUsersTradingPreferences())
        return n.id_of(_part(_part(answer, "result"), "user_id"), "user_id")

    def margin_terms(self) -> MarginTerms:
        answer = self.wire.read("trading_preferences", lambda x: x.privateGetUsersTradingPreferences())
        preferences = parse_preferences(_read(FullPreferencesRow, _part(answer, "result")))
        answer = self.wire.read("positions_margined", lambda x: x.privateGetPositionsMargined())
        rows = _listed(MarginedPositionRow, _part(answer, "result"), "the positions with their margin")
        held: list[MarginedPosition] = self.usable("the positions with their margin", rows, parse_margined)
        return terms_of(tuple(held), preferences.portfolios, preferences.default_auto_topup)

    def set_margin_mode(self, mode: str) -> Rejected | Unknown | None:
        return self._set("margin_mode", lambda x: x.privatePutUsersMarginMode({"margin_mode": mode}))

    def set_auto_topup(self, product_id: int | None, on: bool) -> Rejected | Unknown | None:
        if product_id is None:
            return self._set("preferences", lambda x: x.privatePutUsersTradingPreferences({"default_auto_topup": on}))
        body = {"product_id": product_id, "auto_topup": on}
        return self._set("auto_topup", lambda x: x.privatePutPositionsAutoTopup(body))

    def leverage(self, product_id: int) -> Decimal:
        symbol = self._symbol(product_id)
        answer = self.wire.read("leverage", lambda x: x.fetch_leverage(symbol))["info"]
        return parse_leverage(_read(LeverageRow, answer), product_id).leverage

    def _set(self, what: str, call: Callable[[Any], Any]) -> Rejected | Unknown | None:
        def send() -> None:
            self.wire.change(what, call, priority=Priority.OWN)

        return outcome_of(send, what)

    def wallet(self) -> Wallet:
        self._loaded()
        answer = self.wire.read("fetch_balance", lambda x: x.fetch_balance())["info"]
        equity = _part(_part(answer, "meta"), "net_equity")
        rows = _listed(wire.WalletRow, _part(answer, "result"), "the balances")
        wallets = self.usable("the balances", rows, parse_named_wallet)
        for wallet in wallets:
            if wallet.asset == "USD":
                return replace(wallet, equity=n.signed_or_none(equity))
        raise WireError("the wallet has no USD row")

    def tickers(self, underlying: str, expiry: Any = None) -> list[Quote]:
        self._loaded()
        types = "call_options,put_options" + (",perpetual_futures" if expiry is None else "")
        params: dict[str, Any] = {"contract_types": types, "underlying_asset_symbols": underlying}
        if expiry is not None:
            params["expiry_date"] = f"{expiry:%d-%m-%Y}"
        rows = self.wire.read("fetch_tickers", lambda x: x.fetch_tickers(None, params), priority=Priority.MARKET)
        quotes = self.usable("the tickers", [*rows.values(), *self.wire.left_out()], self.parse_ticker)
        if any(quote.symbol not in self._ids and quote.symbol not in self._left_out for quote in quotes):
            self._instruments.doubt()  # contracts were listed since the markets were read
        return quotes

    def explain(self, error: ExchangeError) -> str:
        return explain_failure(error, rest_url=self._rest_url, clock_offset_secs=self.clock_offset_secs)

    def index_price(self, row: Any) -> Decimal | None:
        return parse_ticker(_read(wire.TickerRow, row["info"])).spot

    def parse_order(self, row: Any) -> OrderSnapshot:
        return parse_order(_read(wire.OrderRow, row["info"]))

    def parse_fill(self, row: Any) -> Fill:
        return parse_fill(_read(wire.FillRow, row["info"]))

    def parse_transaction(self, row: Any) -> Transaction:
        return parse_transaction(_read(TransactionRow, row["info"]))

    def parse_position(self, row: Any) -> Position:
        symbol, product_id = self._named(row.get("symbol"))
        return parse_position(_read(wire.PositionRow, row["info"]), symbol=symbol, product_id=product_id)

    def parse_ticker(self, row: Any) -> Quote:
        return parse_ticker(_read(wire.TickerRow, row["info"]))

    def parse_market(self, market: Any) -> Instrument | None:
        return parse_instrument(_read(wire.ProductRow, market["info"]))


def _maker(rest_url: str, credentials: Credentials | None, proxy: str | None) -> Callable[[], Any]:
    ccxt = load_ccxt()

    def make() -> Any:
        key, secret = (None, None) if credentials is None else credentials.reveal()
        made = ccxt.delta({"apiKey": key, "secret": secret})
        made.urls["api"] = {"public": rest_url, "private": rest_url}
        made.httpsProxy = proxies_for(rest_url, proxy).get("https")
        return made

    return make


def _part(answer: Any, name: str) -> Any:
    """A part of an answer that may have any shape; None where there is no such part."""
    return answer.get(name) if isinstance(answer, dict) else None


def _listed(kind: Any, rows: Any, what: str) -> list[Any]:
    """Raw rows as ccxt keeps them, in the house's shape; an `OddRow` where one has another.

    Raises:
        WireError: They are no list.
    """
    if not isinstance(rows, list):
        raise WireError(f"{what} are no list")
    return convert_rows(rows, kind, what)


def _read(kind: Any, row: Any) -> Any:
    """A raw row as ccxt keeps it, in the house's shape.

    Raises:
        WireError: It has another shape.
    """
    try:
        return convert(row, kind)
    except msgspec.ValidationError as error:
        raise WireError(f"unreadable answer: {error}") from None
