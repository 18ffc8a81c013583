"""Who the caller is: preferences, margin mode, turnover, and the accounts beside this one.

The accounts of a venue belong to one person: the one with the lowest user id is the main account, the others are its
sub-accounts.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trader.domain.instrument import index_symbol
from trader.venue.core.account import Account
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.fields import decimal, flag, integer, needed_integer, nested, text
from trader.venue.wire.paging import page
from trader.venue.wire.problem import key_not_authorised
from trader.venue.wire.text import iso, plain, plain_or_none

_EMAIL = ("adl", "liquidation", "margin_topup", "marketing", "order_cancel", "order_fill", "stop_order_trigger")
_NOTIFICATION = (*_EMAIL, "price_alert")


def preferences(call: Call) -> Answer:
    """GET /v2/users/trading_preferences: the keyed "who am I"."""
    return Answer(preference_row(call))


def set_preferences(call: Call) -> Answer:
    """PUT /v2/users/trading_preferences. Only `default_auto_topup` changes anything here; the rest is kept."""
    account, body = call.account, call.body
    kept: dict[str, Any] = {}
    for name in ("interest_credit", "showMarketOrdersForOptionsInBracket"):
        if body.get(name) is not None:
            kept[name] = flag(body, name)
    for name, known in (("email_preferences", _EMAIL), ("notification_preferences", _NOTIFICATION)):
        given = nested(body, name)
        if given is not None:
            kept[name] = _switches(account, name) | {key: flag(given, key) for key in given if key in known}
    wanted = flag(body, "default_auto_topup", account.default_auto_topup)
    account.preferences.update(kept)
    account.default_auto_topup = wanted
    return Answer(preference_row(call))


def preference_row(call: Call) -> dict[str, Any]:
    """The UserPreference object."""
    account = call.account
    return {
        "user_id": account.user_id,
        "default_auto_topup": account.default_auto_topup,
        "mmp_config": _newest_mmp(account),
        "deto_for_commission": False,
        "vip_level": 0,
        "vip_discount_factor": "0",
        "volume_30d": plain(_turnover(account, call.now, 30)),
        "email_preferences": _switches(account, "email_preferences"),
        "notification_preferences": _switches(account, "notification_preferences"),
        "price_alert_assets": [],
        "enabled_portfolios": _portfolios(call),
        "interest_credit": bool(account.preferences.get("interest_credit", False)),
        "showMarketOrdersForOptionsInBracket": bool(
            account.preferences.get("showMarketOrdersForOptionsInBracket", False)
        ),
    }


def _newest_mmp(account: Account) -> dict[str, Any] | None:
    """The documentation shows one object: with several groups, the one configured last."""
    if not account.mmp:
        return None
    config = list(account.mmp.values())[-1].config
    return {
        "asset": config.asset,
        "mmp": config.mmp,
        "window_interval": config.window_interval,
        "freeze_interval": config.freeze_interval,
        "trade_limit": plain_or_none(config.trade_limit),
        "delta_limit": plain_or_none(config.delta_limit),
        "vega_limit": plain_or_none(config.vega_limit),
    }


def _switches(account: Account, name: str) -> dict[str, bool]:
    known = _EMAIL if name == "email_preferences" else _NOTIFICATION
    kept: dict[str, bool] = account.preferences.get(name, {})
    return dict.fromkeys(known, False) | kept


def _portfolios(call: Call) -> dict[str, bool]:
    on = call.account.margin_mode == "portfolio"
    return {index_symbol(underlying): on for underlying in call.exchange.market.underlyings}


def stats(call: Call) -> Answer:
    """GET /v2/stats: turnover in USD of 30 days, 7 days and 24 hours, of everyone at this venue."""
    accounts = call.exchange.accounts.values()
    by_days = {days: sum((_turnover(a, call.now, days) for a in accounts), Decimal(0)) for days in (30, 7, 1)}
    return Answer(
        {
            "last_30_days_volume": float(by_days[30]),
            "last_7_days_volume": float(by_days[7]),
            "total_volume": float(by_days[1]),
        }
    )


def _turnover(account: Account, now: datetime, days: int) -> Decimal:
    since = now - timedelta(days=days)
    total = Decimal(0)
    for fill in reversed(account.fills):
        if fill.created_at < since:
            break
        total += fill.notional
    return total


def profile(call: Call) -> Answer:
    """GET /v2/profile: refused for API keys since 19 August 2026."""
    raise key_not_authorised()


def set_margin_mode(call: Call) -> Answer:
    """PUT /v2/users/margin_mode, for the caller or one of its sub-accounts."""
    account = call.account
    other = text(call.body, "subaccount_user_id")
    if other is not None and other != str(account.user_id):
        account = _sub_account(call, other)
    mode = text(call.body, "margin_mode")
    if mode is None:
        raise bad_schema("margin_mode", "is required")
    call.exchange.positions.set_margin_mode(account, mode)
    return Answer({"id": str(account.user_id), "margin_mode": account.margin_mode})


def sub_accounts(call: Call) -> Answer:
    """GET /v2/sub_accounts; main account only."""
    _check_main(call)
    others = [a for a in call.exchange.accounts.values() if a is not call.account]
    return Answer([_user_row(call, account) for account in others])


def transfer(call: Call) -> Answer:
    """POST /v2/wallets/sub_account_balance_transfer: cash between accounts of this venue; main account only."""
    _check_main(call)
    body, exchange = call.body, call.exchange
    giver = exchange.accounts.get(needed_integer(body, "transferrer_user_id"))
    taker = exchange.accounts.get(needed_integer(body, "transferee_user_id"))
    amount = decimal(body, "amount")
    if giver is None or taker is None or giver is taker:
        raise bad_schema("transferee_user_id", "name two accounts of this venue")
    if text(body, "asset_symbol") != "USD":
        raise bad_schema("asset_symbol", "must be USD")
    if amount is None or amount <= 0:
        raise bad_schema("amount", "must be greater than 0")
    available = exchange.wallet(giver).available_balance
    if amount > available:
        raise Refused("insufficient_margin", {"asset_symbol": "USD", "available_balance": plain(available)})
    exchange.ledger.transfer(giver, -amount, "sub_account_transfer", call.now)
    exchange.ledger.transfer(taker, amount, "sub_account_transfer", call.now)
    return Answer(None)


def transfers(call: Call) -> Answer:
    """GET /v2/wallets/sub_accounts_transfer_history, newest first."""
    _check_main(call)
    wanted = integer(call.query, "subaccount_user_id")
    rows = [
        t
        for account in call.exchange.accounts.values()
        if wanted in (None, account.user_id)
        for t in account.transactions
        if t.transaction_type == "sub_account_transfer"
    ]
    rows.sort(key=lambda t: t.id, reverse=True)
    chosen, meta = page(rows, lambda t: t.id, call.query, default=50, maximum=200)
    return Answer(
        [
            {
                "id": t.id,
                "user_id": t.user_id,
                "amount": plain(t.amount),
                "balance": plain(t.balance),
                "asset_symbol": "USD",
                "transaction_type": t.transaction_type,
                "created_at": iso(t.created_at),
            }
            for t in chosen
        ],
        meta,
    )


def _user_row(call: Call, account: Account) -> dict[str, Any]:
    main = min(call.exchange.accounts)
    return {
        "id": str(account.user_id),
        "email": f"user{account.user_id}@venue.invalid",
        "account_name": "Main" if account.user_id == main else f"Sub {account.user_id}",
        "first_name": "Local",
        "last_name": "Trader",
        "dob": None,
        "country": "India",
        "phone_number": "",
        "margin_mode": account.margin_mode,
        "pf_index_symbol": index_symbol(call.exchange.market.underlyings[0]),
        "is_sub_account": account.user_id != main,
        "is_kyc_done": True,
    }


def _check_main(call: Call) -> None:
    if call.account.user_id != min(call.exchange.accounts):
        raise key_not_authorised()


def _sub_account(call: Call, user_id: str) -> Account:
    _check_main(call)
    found = call.exchange.accounts.get(int(user_id)) if user_id.isascii() and user_id.isdigit() else None
    if found is None:
        raise bad_schema("subaccount_user_id", "is no account of this venue")
    return found
