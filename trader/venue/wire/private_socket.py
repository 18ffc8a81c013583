"""The private socket: login, then orders, positions, fills, margins and protection events of the account."""

import hmac
import time
from typing import Any

from trader.domain.instrument import index_symbol
from trader.venue.core.account import Account
from trader.venue.core.events import (
    Event,
    MmpEvent,
    OrderEvent,
    PositionEvent,
    PublicTrade,
    TradeEvent,
    WalletEvent,
)
from trader.venue.core.exchange import Exchange
from trader.venue.market.instants import to_us
from trader.venue.wire import account_rows
from trader.venue.wire.auth import LIVE_PATH, KeyRing, in_window, sign
from trader.venue.wire.broadcast import Broadcast, BroadcastHub
from trader.venue.wire.catalogue import CONTRACT_TYPES, KINDS
from trader.venue.wire.channels import Change, Channel
from trader.venue.wire.connection import Connection

_PORTFOLIO_SECS = 2.0
_LOGIN_REFUSALS = {
    400: ("incomplete_payload", "incomplete payload"),
    401: ("invalid_signature", "invalid signature"),
    404: ("api_key_not_found", "api key not found"),
    408: ("request_expired", "request expired"),
}


class PrivateHub(BroadcastHub):
    """Logged-in connections and what they follow."""

    def __init__(self, exchange: Exchange, keys: KeyRing, legacy: Broadcast, *, old_login: bool = False) -> None:
        """`legacy` are the public channels this host still carries; they need no login."""
        super().__init__(legacy)
        self._exchange = exchange
        self._old_login = old_login
        self._keys = keys
        self._published = 0.0
        by_contract = ("orders", "positions", "v2/user_trades", "user_trades")
        self.channels = {
            **{name: Channel(name=name, takes=self._takes, private=True) for name in by_contract},
            **{name: Channel(name=name, private=True) for name in ("margins", "mmp_trigger")},
            "portfolio_margins": Channel(name="portfolio_margins", takes=self._takes_index, private=True),
            **legacy.channels,
        }

    def joined(self, connection: Connection, change: Change) -> None:
        """Snapshots for single contracts; `all` and categories get none, as at the exchange."""
        super().joined(connection, change)
        if connection.user_id is None:
            return
        account = self._exchange.accounts[connection.user_id]
        for name, symbol in change.added:
            if symbol is None or symbol == "all" or symbol in KINDS:
                continue
            if name == "orders":
                connection.send(self._orders_snapshot(account, symbol))
            elif name == "positions":
                connection.send(self._positions_snapshot(account, symbol))

    def other_frame(self, connection: Connection, kind: str, payload: Any) -> None:
        """Logins and log-outs. The old `auth` login works only where the venue's settings ask for it."""
        if kind == "key-auth" or (kind == "auth" and self._old_login):
            self._login(connection, payload if isinstance(payload, dict) else {}, kind)
        elif kind == "unauth":
            connection.user_id = None
            connection.subscriptions.drop_private()
            connection.send(connection.subscriptions.acknowledgement({}))
        else:
            connection.send({"type": "error", "message": f"{kind} is not supported"})

    def publish(self, wall_secs: float) -> None:
        """Send what is sent by the clock: the portfolio margins of accounts in that mode, every two seconds."""
        if wall_secs - self._published < _PORTFOLIO_SECS:
            return
        self._published = wall_secs
        for connection in self.connections:
            followed = connection.subscriptions.current.get("portfolio_margins")
            if not followed or connection.user_id is None:
                continue
            account = self._exchange.accounts[connection.user_id]
            if account.margin_mode != "portfolio":
                continue
            for underlying in self._exchange.market.underlyings:
                if index_symbol(underlying) in followed:
                    connection.send(account_rows.portfolio_frame(self._exchange, account, underlying))

    def deliver(self, event: Event) -> None:
        """Send one event to the connections of its account that follow it."""
        if isinstance(event, PublicTrade):
            return
        receivers = [c for c in self.connections if c.user_id == event.user_id]
        if not receivers:
            return
        account = self._exchange.accounts[event.user_id]
        frame, symbol = self._frame(account, event)
        self._send(receivers, frame, symbol)
        if isinstance(event, TradeEvent):
            self._send(receivers, account_rows.slow_trade_frame(event, self._exchange.settings), symbol)

    def _send(self, receivers: list[Connection], frame: dict[str, Any], symbol: str | None) -> None:
        category = "" if symbol is None else self._category(symbol)
        for connection in receivers:
            followed = connection.subscriptions.current.get(frame["type"])
            if followed is None:
                continue
            if symbol is None or symbol in followed or "all" in followed or category in followed:
                connection.send(frame)

    def _frame(self, account: Account, event: Event) -> tuple[dict[str, Any], str | None]:
        match event:
            case OrderEvent():
                return account_rows.order_frame(event), event.order.symbol
            case TradeEvent():
                return account_rows.trade_frame(event, self._exchange.settings), event.fill.symbol
            case PositionEvent():
                return account_rows.position_frame(self._exchange, account, event), event.holding.symbol
            case WalletEvent():
                return account_rows.margins_frame(self._exchange, account, event.ts), None
            case MmpEvent():
                return account_rows.mmp_frame(event), None
            case PublicTrade():
                raise ValueError("public trades do not belong to an account")

    def _login(self, connection: Connection, payload: dict[str, Any], kind: str) -> None:
        """Answer a login of either form; the old one spoke of success or error without codes."""
        status = self._check_login(payload)
        credential = self._keys.find(payload["api-key"]) if status == 200 else None
        if credential is None:
            word, message = _LOGIN_REFUSALS[status]
            refusal = {"type": kind, "success": False, "status_code": status, "status": word, "message": message}
            connection.send(refusal if kind == "key-auth" else {"type": "error", "message": message})
            return
        if connection.user_id not in (None, credential.user_id):
            connection.subscriptions.drop_private()  # another account's: nothing of the first may follow
        connection.user_id = credential.user_id
        if kind == "key-auth":
            connection.send({"type": kind, "success": True, "status_code": 200, "status": "authenticated"})
        else:
            connection.send({"type": "success", "message": "Authenticated"})

    def _check_login(self, payload: dict[str, Any]) -> int:
        key, signature, stamp = payload.get("api-key"), payload.get("signature"), payload.get("timestamp")
        if isinstance(stamp, int) and not isinstance(stamp, bool):
            stamp = str(stamp)
        if not (isinstance(key, str) and isinstance(signature, str) and isinstance(stamp, str)):
            return 400
        credential = self._keys.find(key)
        if credential is None:
            return 404
        if not in_window(stamp, time.time()):
            return 408
        expected = sign(credential.api_secret, "GET", stamp, LIVE_PATH, "", b"")
        return 200 if hmac.compare_digest(expected.encode(), signature.encode()) else 401

    def _orders_snapshot(self, account: Account, symbol: str) -> dict[str, Any]:
        rows = [account_rows.order_row(o, self._exchange.settings) for o in account.live_orders if o.symbol == symbol]
        meta = {"seq_no": account.order_seq.get(symbol, 0), "timestamp": to_us(self._exchange.now)}
        return {
            "type": "orders",
            "action": "snapshot",
            "success": True,
            "symbol": symbol,
            "meta": meta,
            "result": rows,
        }

    def _positions_snapshot(self, account: Account, symbol: str) -> dict[str, Any]:
        held = account.holdings.get(symbol)
        rows = [account_rows.position_snapshot_row(self._exchange, account, held)] if held else []
        return {"type": "positions", "action": "snapshot", "success": True, "symbol": symbol, "result": rows}

    def _takes(self, symbol: str) -> bool:
        return symbol == "all" or symbol in KINDS or self._exchange.products.find(symbol) is not None

    def _takes_index(self, symbol: str) -> bool:
        return symbol in map(index_symbol, self._exchange.market.underlyings)

    def _category(self, symbol: str) -> str:
        instrument = self._exchange.products.find(symbol)
        return CONTRACT_TYPES[instrument.kind] if instrument else ""
