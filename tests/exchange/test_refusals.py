"""What each refusal leaves to do, from the exchange's answer to the outcome that callers see."""

import json
from collections.abc import Callable

import pytest

from trader.domain.errors import AuthError, ExchangeError, NotSent, OutcomeUnknown, RateLimited, VenueRefused, WireError
from trader.domain.outcome import Ok, Rejected, Unknown, not_sent
from trader.domain.remedy import Remedy
from trader.exchange.common.budget import BudgetRefused
from trader.exchange.common.outcomes import UnsendableOrder, outcome_of
from trader.exchange.delta.http.errors import AUTH_CODES, ORDER_CODES
from trader.exchange.delta.http.refusal import refusal

R = Remedy
LEFT_TO_DO = {
    "order_size_exceed_available": R.RETRY,
    "order_size_not_available_in_orderbook": R.RETRY,
    "stale_order": R.RETRY,
    "no_liquidity_for_market_order": R.MARKET,
    "limit_price_out_of_price_band": R.MARKET,
    "overlapping_buy_sell_orders": R.UNBLOCK,
    "insufficient_margin": R.GIVE_UP,
    "invalid_contract": R.GIVE_UP,
    "no_position_for_reduce_only": R.GIVE_UP,
    "reduce_only_orders_allowed": R.GIVE_UP,
    "open_order_not_found": R.GIVE_UP,
    "naked_short_restricted": R.HALT,
    "trading_blocked": R.HALT,
    "bad_schema": R.HALT,
    "max_orders_count_exceeded": R.HALT,
    "InvalidApiKey": R.HALT,
    "SignatureExpired": R.HALT,  # signed again once already, and refused again
    "ip_not_whitelisted_for_api_key": R.HALT,
    "a_code_nobody_has_documented": R.GIVE_UP,
}


def ended(error: ExchangeError | Exception) -> Ok | Rejected | Unknown:
    def send() -> Ok:
        raise error

    return outcome_of(send, "order")


def answered(code: str, status: int = 400) -> Ok | Rejected | Unknown:
    body = json.dumps({"success": False, "error": {"code": code}}).encode()
    return ended(refusal(status, body, what="order"))


@pytest.mark.parametrize(("code", "remedy"), LEFT_TO_DO.items())
def test_what_a_code_leaves_to_do(code: str, remedy: Remedy) -> None:
    outcome = answered(code)
    assert isinstance(outcome, Rejected) and (outcome.code, outcome.remedy) == (code, remedy)


@pytest.mark.parametrize("code", ["duplicate_client_order_id", "internal_server_error", "unavailable"])
def test_codes_that_prove_nothing_are_unknown(code: str) -> None:
    assert isinstance(answered(code), Unknown)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotSent("refused"), not_sent("refused")),
        (BudgetRefused("used up", retry_after_secs=4), not_sent("used up", 4)),
        (UnsendableOrder("no price"), not_sent("no price")),
        (RateLimited("429", retry_after_secs=9), Rejected("rate_limit_exceeded", "429", 9, R.WAIT)),
        (AuthError("Whatever", "no"), Rejected("Whatever", "Whatever: no", remedy=R.HALT)),
        (VenueRefused("InsufficientFunds", "no"), Rejected("InsufficientFunds", "InsufficientFunds: no")),
        (OutcomeUnknown("reset"), Unknown("reset")),
        (WireError("html"), Unknown("html")),
        (ZeroDivisionError(), Unknown("our own error: ZeroDivisionError")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_other_end_of_a_request(error: Exception, outcome: Rejected | Unknown) -> None:
    assert ended(error) == outcome


@pytest.mark.parametrize(
    ("asked", "yes"),
    [
        (lambda remedy: remedy.may_pass, {R.RESEND, R.WAIT, R.RETRY, R.MARKET}),
        (lambda remedy: remedy.is_blameless, {R.RESEND, R.WAIT, R.MARKET}),
    ],
    ids=["another entry attempt", "no fruitless order"],
)
def test_what_the_remedies_say(asked: Callable[[Remedy], bool], yes: set[Remedy]) -> None:
    assert {remedy for remedy in Remedy if asked(remedy)} == yes


def test_no_code_of_the_tables_waits_or_resends_but_those_that_were_not_looked_at() -> None:
    tables = ORDER_CODES | AUTH_CODES
    unread = {code for code, known in tables.items() if known.remedy in (R.RESEND, R.WAIT)}
    assert unread == {"not_sent", "rate_limit_exceeded"}
