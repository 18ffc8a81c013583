"""Clock offset, back-off, sequence numbers, error table, instrument cache."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.errors import AuthError, OutcomeUnknown, RateLimited, VenueRefused
from trader.domain.instrument import Instrument
from trader.exchange.common.backoff import Backoff
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.instruments import InstrumentCache
from trader.exchange.common.sequence import SequenceTracker, Verdict
from trader.exchange.delta.http import errors
from trader.exchange.delta.http.refusal import parse_error_body, refusal


@given(st.floats(-20, 20), st.lists(st.tuples(st.floats(0.01, 3), st.floats(0.001, 0.4)), min_size=1, max_size=40))
def test_clock_offset_stays_within_its_own_bounds(true_offset: float, calls: list[tuple[float, float]]) -> None:
    clock, now = ClockOffset(), 1_780_000_000.0
    for pause, trip in calls:
        now += pause
        header = formatdate(int(now + trip / 2 + true_offset), usegmt=True)
        clock.learn(header, sent_at=now, received_at=now + trip)
        now += trip
    uncertainty = clock.uncertainty_secs
    assert uncertainty is not None
    assert abs(clock.secs - true_offset) <= uncertainty + 1e-6
    assert uncertainty <= 0.71


def test_clock_offset_narrows_and_follows_a_clock_that_was_set() -> None:
    clock = ClockOffset()
    for index in range(10):
        at = 1_780_000_000.0 + index * 1.1
        clock.learn(formatdate(int(at + 3.3), usegmt=True), sent_at=at, received_at=at + 0.01)
    assert clock.secs == pytest.approx(3.3, abs=0.15)
    clock.learn(formatdate(1_780_000_020, usegmt=True), sent_at=1_780_000_020.5, received_at=1_780_000_020.6)
    assert clock.secs == pytest.approx(0.0, abs=0.6)


@pytest.mark.parametrize("header", [None, "", "soon", "99999999999"])
def test_unreadable_date_teaches_nothing(header: str | None) -> None:
    clock = ClockOffset()
    clock.learn(header, sent_at=1.0, received_at=1.1)
    assert clock.secs == 0
    assert clock.uncertainty_secs is None


def test_backoff_doubles_and_starts_over_after_a_stable_connection() -> None:
    backoff = Backoff(lambda: 0.0, lambda low, high: high, first_secs=1, longest_secs=8)
    delays = []
    for _ in range(6):
        backoff.ended(0)
        delays.append(backoff.delay_secs())
    assert delays == [1, 2, 4, 8, 8, 8]
    backoff.ended(31)
    assert backoff.delay_secs() == 1


def test_no_more_than_thirty_connects_in_five_minutes() -> None:
    now = 0.0
    backoff = Backoff(lambda: now, lambda low, high: low, first_secs=0.01, longest_secs=0.02)
    connects: list[float] = []
    while now < 1000:
        now += backoff.delay_secs()
        backoff.connecting()
        connects.append(now)
        backoff.ended(0)
        assert len([at for at in connects if at > now - 300]) <= 30
    assert len(connects) >= 90


def test_sequence_verdicts() -> None:
    tracker = SequenceTracker()
    tracker.snapshot("orders", "A", 10)
    script = [
        (9, Verdict.REPEAT),
        (10, Verdict.REPEAT),
        (11, Verdict.NEWS),
        (11, Verdict.REPEAT),
        (13, Verdict.GAP),
        (12, Verdict.GAP),  # overtaken: still handed on
        (13, Verdict.NEWS),
        (1, Verdict.GAP),  # the exchange restarted
        (2, Verdict.NEWS),
    ]
    assert [tracker.observe("orders", "A", number).verdict for number, _ in script] == [v for _, v in script]
    assert tracker.observe("orders", "B", 77).verdict is Verdict.NEWS


DOCUMENTED = """insufficient_margin close_position_insufficient_margin insufficient_commission
order_size_exceed_available order_size_not_available_in_orderbook close_order_position_unavailable
risk_limits_breached invalid_contract immediate_liquidation out_of_bankruptcy self_matching_disrupted_post_only
overlapping_buy_sell_orders immediate_execution_post_only naked_short_restricted portfolio_risk_limits_breached
liquidation_risk_limits_breached greeks_limits_breached no_position_for_reduce_only no_position_left_for_reduce_only
max_leverage_exceeded min_leverage_exceeded leverage_limit_exceeded order_already_filled less_than_order_min_size
order_max_size_exceeded reduce_only_orders_allowed_sell_side reduce_only_orders_allowed trading_blocked
derivatives_trading_blocked spot_trading_blocked spot_blocked_country kyc_pending trading_credits_breached
account_risk_limits_breached position_under_liquidation position_bracket_exist_or_invalid_data no_open_position
stale_order limit_order_not_allowed_for_binary_options stop_orders_not_allowed_for_binary_options
not_a_binary_options_product offset_by_reduce_only unsupported no_orders no_liquidity_for_market_order
family_position_limit_exceeded trading_not_allowed_on_current_margin_mode max_orders_count_exceeded
invalid_index_symbol open_order_not_found bad_schema immediate_execution_stop_order unauthorized unavailable
internal_server_error SignatureExpired InvalidApiKey UnauthorizedApiAccess ip_not_whitelisted_for_api_key
Forbidden invalid_api_key signature_mismatch expired_signature rate_limit_exceeded""".split()


@pytest.mark.parametrize("code", [*DOCUMENTED, "Signature Mismatch"])
def test_every_documented_code_has_a_sentence_and_a_remedy(code: str) -> None:
    known = errors.explain(code)
    assert known is not None
    assert known.sentence.endswith(".")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"success":false,"error":{"code":"insufficient_margin","context":{"a":"1"}}}', VenueRefused),
        (400, b'{"success":false,"error":{"code":"x","context":"text"}}', VenueRefused),
        (400, b'{"success":false,"error":"some_code"}', VenueRefused),
        (401, b'{"error":"SignatureExpired","message":"late"}', AuthError),
        (401, b'{"success":false,"error":{"code":"Signature Mismatch"}}', AuthError),
        (401, b'{"error":{"code":"invalid_api_key"},"success":false}', AuthError),
        (401, b'{"error":{"code":"signature_expired","context":{"server_time":1}},"success":false}', AuthError),
        (403, b'{"error":"Forbidden","message":"Request blocked by CDN"}', AuthError),
        (401, b'{"success":false,"error":{"code":"ip_not_whitelisted_for_api_key"}}', AuthError),
        (400, b'{"success":false,"error":{"code":"internal_server_error"}}', OutcomeUnknown),
        (400, b'{"success":false,"error":{"code":"unavailable"}}', OutcomeUnknown),
        (500, b'{"success":false,"error":{"code":"insufficient_margin"}}', OutcomeUnknown),
        (503, b"<html>maintenance</html>", OutcomeUnknown),
        (403, b"<html>blocked</html>", OutcomeUnknown),
        (400, b"", OutcomeUnknown),
        (400, b'{"success":false}', OutcomeUnknown),
        (400, b'{"success":true,"error":{"code":"x"}}', OutcomeUnknown),
        (400, b'{"error":{"code":7}}', OutcomeUnknown),
        (408, b'{"error":"timeout"}', OutcomeUnknown),
        (302, b'{"error":"x"}', OutcomeUnknown),
        (429, b"", RateLimited),
    ],
)
def test_what_an_error_answer_proves(status: int, body: bytes, kind: type[Exception]) -> None:
    error = refusal(status, body, what="POST /v2/orders")
    assert type(error) is kind or (kind is OutcomeUnknown and isinstance(error, OutcomeUnknown))


@given(st.binary(max_size=200))
def test_error_bodies_never_break_the_reader(body: bytes) -> None:
    parse_error_body(body)
    refusal(400, body, what="x")


def test_deeply_nested_error_body_is_unreadable_not_a_crash() -> None:
    assert isinstance(refusal(400, b"[" * 100_000, what="x"), OutcomeUnknown)


def test_instrument_cache_loads_once_per_ttl_and_keeps_nothing_of_a_failed_load(instrument: Instrument) -> None:
    now, loads = 0.0, 0

    def load() -> list[Instrument]:
        nonlocal loads
        loads += 1
        if loads == 2:
            raise OutcomeUnknown("down")
        return [instrument]

    cache = InstrumentCache(load, lambda: now, ttl_secs=60)
    assert cache.figures.hit_rate is None
    assert cache.of("BTC") == [instrument]
    assert cache.of("ETH") == []
    assert (loads, cache.figures.hit_rate) == (1, 0.5)
    now = 60.0
    with pytest.raises(OutcomeUnknown):
        cache.of("BTC")
    assert cache.by_id(instrument.product_id) == instrument
    assert cache.of("BTC") == [instrument]
    now += 60
    cache.of("BTC")
    assert loads == 4


def test_instrument_cache_in_doubt_loads_again_but_not_right_after_a_load(instrument: Instrument) -> None:
    now, loads = [0.0], []

    def load() -> list[Instrument]:
        loads.append(now[0])
        return [instrument]

    cache = InstrumentCache(load, lambda: now[0])
    cache.of("BTC")
    cache.doubt()
    cache.of("BTC")
    assert loads == [0.0]
    now[0] = 2.0
    cache.doubt()
    cache.of("BTC")
    assert loads == [0.0, 2.0]
