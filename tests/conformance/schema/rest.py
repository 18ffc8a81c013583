"""Which object each endpoint answers with. Source: the documentation's endpoint pages."""

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """What a success carries: `result` in the language of the tables, and the table of `meta` where there is one."""

    result: str
    meta: str | None = None
    enveloped: bool = True


_PAGED = "@Paging"
_DONE = "null object"  # answers that say only "success"

ENDPOINTS: dict[str, Answer] = {
    "GET /v2/assets": Answer("[@Asset]"),
    "GET /v2/indices": Answer("[@Index]"),
    "GET /v2/products": Answer("[@Product]", _PAGED),
    "GET /v2/products/{symbol}": Answer("@Product"),
    "GET /v2/tickers": Answer("[@Ticker]"),
    "GET /v2/tickers/{symbol}": Answer("@Ticker [@Ticker]"),
    "GET /v2/l2orderbook/{symbol}": Answer("@Book"),
    "GET /v2/trades/{symbol}": Answer("[@Trade] @Trades"),
    "GET /v2/history/candles": Answer("[@Candle]"),
    "GET /v2/history/sparklines": Answer("object"),
    "GET /v2/rate_limits/quota": Answer("@Quota", enveloped=False),
    "GET /v2/settings": Answer("@Settings"),
    "POST /v2/orders": Answer("@Order"),
    "PUT /v2/orders": Answer("@Order"),
    "DELETE /v2/orders": Answer("@Order"),
    "GET /v2/orders": Answer("[@Order]", _PAGED),
    "GET /v2/orders/{order_id}": Answer("@Order"),
    "GET /v2/orders/client_order_id/{client_oid}": Answer("@Order"),
    "GET /v2/orders/history": Answer("[@Order]", _PAGED),
    "POST /v2/orders/bracket": Answer(_DONE),
    "PUT /v2/orders/bracket": Answer(_DONE),
    "POST /v2/orders/batch": Answer("[@Order]"),
    "PUT /v2/orders/batch": Answer("[@Order]"),
    "DELETE /v2/orders/batch": Answer("[@Order]"),
    "DELETE /v2/orders/all": Answer(_DONE),
    "GET /v2/products/{product_id}/orders/leverage": Answer("@OrderLeverage"),
    "POST /v2/products/{product_id}/orders/leverage": Answer("@OrderLeverage"),
    "GET /v2/fills": Answer("[@Fill]", _PAGED),
    "GET /v2/positions": Answer("@Position [@Position]"),
    "GET /v2/positions/margined": Answer("[@MarginedPosition]"),
    "PUT /v2/positions/auto_topup": Answer("@MarginedPosition"),
    "POST /v2/positions/change_margin": Answer("@MarginedPosition"),
    "POST /v2/positions/close_all": Answer(_DONE),
    "GET /v2/wallet/balances": Answer("[@Wallet]", "@Equity"),
    "GET /v2/wallet/transactions": Answer("[@Transaction]", _PAGED),
    "POST /v2/wallets/sub_account_balance_transfer": Answer("null"),
    "GET /v2/wallets/sub_accounts_transfer_history": Answer("[object]", _PAGED),
    "GET /v2/stats": Answer("@Stats"),
    "GET /v2/users/trading_preferences": Answer("@Preferences"),
    "PUT /v2/users/trading_preferences": Answer("@Preferences"),
    "GET /v2/sub_accounts": Answer("[@User]"),
    "GET /v2/profile": Answer("@User"),
    "PUT /v2/users/margin_mode": Answer("@MarginMode"),
    "PUT /v2/users/update_mmp": Answer("@Preferences"),
    "PUT /v2/users/reset_mmp": Answer(_DONE),
    "POST /v2/heartbeat/create": Answer("@HeartbeatCreated"),
    "POST /v2/heartbeat": Answer("@HeartbeatAck"),
    "GET /v2/heartbeat": Answer("[@Heartbeat]"),
}
