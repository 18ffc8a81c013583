"""The exchange's error codes in plain sentences, and what each one leaves to do.

Sources: exchange documentation, "Place order errors", "Edit order errors", "Authentication / Common Errors".
"""

import msgspec

from trader.domain.remedy import Remedy
from trader.domain.wording import clause


class ErrorCode(msgspec.Struct, frozen=True):
    """One documented code: what it means in a sentence, and what it leaves to do."""

    sentence: str
    remedy: Remedy = Remedy.GIVE_UP


_E = ErrorCode
_R = Remedy

ORDER_CODES: dict[str, ErrorCode] = {
    "insufficient_margin": _E("The account's free margin does not cover the order."),
    "close_position_insufficient_margin": _E("The account cannot even fund the closing order at this price and size."),
    "insufficient_commission": _E("The account's free balance does not cover the trading fee."),
    "order_size_exceed_available": _E("The book holds fewer contracts than the order asks for.", _R.RETRY),
    "order_size_not_available_in_orderbook": _E("The book does not hold that many contracts at that price.", _R.RETRY),
    "close_order_position_unavailable": _E("There is no position to close."),
    "risk_limits_breached": _E("The order would exceed the product's risk limit."),
    "invalid_contract": _E("The contract is unknown or has expired."),
    "immediate_liquidation": _E("The resulting position would be liquidated at once."),
    "out_of_bankruptcy": _E("The price lies beyond the position's bankruptcy price."),
    "self_matching_disrupted_post_only": _E("The order would meet our own order during an auction.", _R.RETRY),
    "overlapping_buy_sell_orders": _E("The order would trade with our own resting order.", _R.UNBLOCK),
    "immediate_execution_post_only": _E("The post-only order would have taken liquidity."),
    "naked_short_restricted": _E("Uncovered short options beyond the account's allowance.", _R.HALT),
    "portfolio_risk_limits_breached": _E("The portfolio-margin limit of the account is reached."),
    "liquidation_risk_limits_breached": _E(
        "The account is close to liquidation: only reduce-only orders are accepted.", _R.HALT
    ),
    "greeks_limits_breached": _E("The account's delta, gamma or vega limit is reached."),
    "no_position_for_reduce_only": _E(
        "A reduce-only order without a position; also for a moment after the opening fill."
    ),
    "no_position_left_for_reduce_only": _E("Other reduce-only orders already use up the whole position."),
    "max_leverage_exceeded": _E("The leverage is above the product's maximum.", _R.HALT),
    "min_leverage_exceeded": _E("The leverage is below the product's minimum.", _R.HALT),
    "leverage_limit_exceeded": _E("The notional is too large for the chosen leverage."),
    "order_already_filled": _E("The order is already filled."),
    "less_than_order_min_size": _E("The size is below the exchange's minimum."),
    "order_max_size_exceeded": _E("The size is above the exchange's maximum."),
    "reduce_only_orders_allowed_sell_side": _E("Sells in this product must be reduce-only now."),
    "reduce_only_orders_allowed": _E("The product or the account is in reduce-only mode."),
    "trading_blocked": _E("Trading is blocked for this account.", _R.HALT),
    "derivatives_trading_blocked": _E("Derivatives trading is blocked for this account.", _R.HALT),
    "spot_trading_blocked": _E("Spot trading is blocked for this account.", _R.HALT),
    "spot_blocked_country": _E("Spot trading is blocked in the account's country.", _R.HALT),
    "kyc_pending": _E("The account's identity check is not finished.", _R.HALT),
    "trading_credits_breached": _E("The account's trading credit limit is reached.", _R.HALT),
    "account_risk_limits_breached": _E("The account's overall risk limit is reached.", _R.HALT),
    "position_under_liquidation": _E("The position is being liquidated by the exchange.", _R.HALT),
    "position_bracket_exist_or_invalid_data": _E("The position already has a bracket, or its data is wrong.", _R.HALT),
    "no_open_position": _E("There is no open position."),
    "stale_order": _E("The exchange considers the order too old.", _R.RETRY),
    "limit_order_not_allowed_for_binary_options": _E("Binary options take no limit orders."),
    "stop_orders_not_allowed_for_binary_options": _E("Binary options take no stop orders."),
    "not_a_binary_options_product": _E("The product is not a binary option."),
    "offset_by_reduce_only": _E("The full size is not affordable; only the reducing part was considered."),
    "limit_price_out_of_price_band": _E("The limit lies outside the exchange's price band.", _R.MARKET),
    "unsupported": _E("There is no book to check a market order's price against."),
    "no_orders": _E("The batch is empty.", _R.HALT),
    "no_liquidity_for_market_order": _E("The book cannot fill a market order.", _R.MARKET),
    "family_position_limit_exceeded": _E("The position limit across linked accounts is reached."),
    "trading_not_allowed_on_current_margin_mode": _E("The account's margin mode does not allow this trade.", _R.HALT),
    "max_orders_count_exceeded": _E("Too many open orders.", _R.HALT),
    "invalid_index_symbol": _E("The basket order names an unknown index.", _R.HALT),
    "open_order_not_found": _E("The order is not open: filled, cancelled, or never existed."),
    "bad_schema": _E("The exchange could not accept the request's fields.", _R.HALT),
    "immediate_execution_stop_order": _E("The stop's trigger is already met."),
    "product_not_found": _E("The exchange does not know this product."),
    "order_not_found": _E("The exchange does not know this order."),
    "not_sent": _E("The request did not leave this machine.", _R.RESEND),
    "rate_limit_exceeded": _E("Too many requests: turned away, not processed.", _R.WAIT),
}

EXPIRED = "SignatureExpired"

AUTH_CODES: dict[str, ErrorCode] = {
    EXPIRED: _E("The request reached the exchange more than 5 seconds after it was signed: clock or delay.", _R.RETRY),
    "expired_signature": _E("The request reached the exchange more than 5 seconds after it was signed.", _R.RETRY),
    "InvalidApiKey": _E("The exchange does not know this API key: wrong key, or a key of another deployment.", _R.HALT),
    "UnauthorizedApiAccess": _E("The API key lacks the permission for this request.", _R.HALT),
    "unauthorized": _E("The API key lacks the permission for this request.", _R.HALT),
    "ip_not_whitelisted_for_api_key": _E("This machine's address is not on the API key's whitelist.", _R.HALT),
    "Signature Mismatch": _E("The signature is wrong: the API secret does not belong to the key.", _R.HALT),
    "invalid_signature": _E("The signature is wrong: the API secret does not belong to the key.", _R.HALT),
    "Forbidden": _E("The exchange's front door blocked the request: User-Agent or source address.", _R.HALT),
}

# Named like a refusal, but the request may have had its effect.
AMBIGUOUS_CODES: dict[str, ErrorCode] = {
    # Our ids are used once: an order of this id can only be this very one, sent twice by something on the way.
    "duplicate_client_order_id": _E("It may be this very order, taken a moment before."),
    "internal_server_error": _E("The exchange failed inside; the request may have been processed."),
    "unavailable": _E("The exchange was unavailable; the request may have been processed."),
}

LOGIN_STATUSES: dict[str, str] = {
    "incomplete_payload": "the login lacks key, signature or timestamp",
    "invalid_signature": "the signature is wrong: the API secret does not belong to the key",
    "ip_not_whitelisted": "this machine's address is not on the API key's whitelist",
    "api_key_not_found": "the exchange does not know this API key: wrong key, or a key of another deployment",
    "request_expired": "the login reached the exchange more than 5 seconds after it was signed: check the clock",
    "internal_server_error": "the exchange failed inside",
}


def normalise(code: str) -> str:
    """One spelling for the many of each code: lower case without blanks and underscores."""
    return code.replace(" ", "").replace("_", "").lower()


_AUTH = {normalise(code): entry for code, entry in AUTH_CODES.items()}
_AMBIGUOUS = {normalise(code): entry for code, entry in AMBIGUOUS_CODES.items()}
_ALL = {normalise(code): entry for code, entry in ORDER_CODES.items()} | _AUTH | _AMBIGUOUS

NOT_FOUND = frozenset(normalise(code) for code in ("order_not_found", "open_order_not_found", "not_found"))


def is_auth(code: str) -> bool:
    """True for refusals of key, signature, permission or address."""
    return normalise(code) in _AUTH


def is_expired_signature(code: str) -> bool:
    """True when a request was signed for another time than the exchange's: a newly signed one may pass."""
    return normalise(code) in (normalise(EXPIRED), "expiredsignature")


def is_too_many(code: str) -> bool:
    """True when the exchange turned the request away because there were too many."""
    return normalise(code) in ("ratelimitexceeded", "toomanyrequests")


def is_ambiguous(code: str) -> bool:
    """True for codes that do not prove the request had no effect."""
    return normalise(code) in _AMBIGUOUS


def explain(code: str) -> ErrorCode | None:
    """The sentence and remedy of a code; None for one the documentation does not list."""
    return _ALL.get(normalise(code))


def sentence(code: str, message: str = "") -> str:
    """A sentence for people, without its full stop: ours where the code is known, the exchange's own words appended where it
    sent some."""
    known = explain(code)
    text = clause(known.sentence) if known else f"The exchange refused with the code {code!r}"
    return f"{text} ({clause(message)})" if message else text
