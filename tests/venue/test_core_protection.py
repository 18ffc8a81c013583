"""Market maker protection, the dead-man switch, and portfolio margin in the core."""

from decimal import Decimal as D

import pytest

from tests.venue.test_core_orders import Trader
from tests.venue.test_core_stops import stop
from tests.venue.venue_market import CALL, PERPETUAL, PUT, Clock, HandMarket, later
from trader.venue.core.deadman import Heartbeat, HeartbeatAction
from trader.venue.core.events import MmpEvent
from trader.venue.core.exchange import Exchange
from trader.venue.core.mmp import MmpConfig, MmpState
from trader.venue.core.refusal import Refused
from trader.venue.core.settings import CoreSettings


def protect(trader: Trader, *, group: str = "mmp1", freeze: int = 10, **limits: str) -> MmpState:
    config = MmpConfig(
        asset="BTC",
        mmp=group,
        window_interval=5,
        freeze_interval=freeze,
        **{name: D(value) for name, value in limits.items()},  # type: ignore[arg-type]
    )
    state = MmpState(config=config)
    trader.account.mmp["BTC", group] = state
    return state


def test_group_beyond_its_trade_limit_loses_its_orders_and_is_frozen_until_the_interval_ends(
    exchange: Exchange, trader: Trader, clock: Clock
) -> None:
    protect(trader, trade_limit="0.02")
    tagged = trader.place("buy", 5, "390", mmp="mmp1")
    stopped = trader.place("buy", 5, None, mmp="mmp1", stop=stop("450"))
    plain = trader.place("buy", 5, "390")
    trader.place("sell", 20, "399", mmp="mmp1")  # 0.02 BTC: at the limit, not beyond
    assert tagged.state == "open"
    exchange.drain_events()
    trader.place("sell", 1, "398", mmp="mmp1")
    assert (tagged.state, tagged.cancellation_reason) == ("cancelled", "mmp_triggered")
    assert stopped.state == "cancelled" and plain.state == "open"
    (event,) = [e for e in exchange.drain_events() if isinstance(e, MmpEvent)]
    assert (event.asset, event.frozen_till) == ("BTC", later(seconds=10))
    assert trader.refused("buy", 1, "390", mmp="mmp1") == "trading_blocked"
    exchange.advance(later(seconds=9))
    assert trader.refused("buy", 1, "390", mmp="mmp1") == "trading_blocked"
    exchange.advance(later(seconds=10))
    assert trader.place("buy", 1, "390", mmp="mmp1").state == "open"


def test_window_forgets_what_was_traded_before_it(exchange: Exchange, trader: Trader) -> None:
    protect(trader, trade_limit="0.015")
    trader.place("sell", 15, "399", mmp="mmp1")
    exchange.advance(later(seconds=5))
    trader.place("sell", 5, "399", mmp="mmp1")
    assert trader.place("buy", 1, "390", mmp="mmp1").state == "open"


def test_delta_limit_nets_both_sides(exchange: Exchange, trader: Trader) -> None:
    protect(trader, delta_limit="0.0013")  # the call's delta is 0.12: ten contracts are 0.0012
    trader.place("sell", 10, "399", mmp="mmp1")
    trader.place("buy", 10, "401", mmp="mmp1")
    trader.place("buy", 10, "401", mmp="mmp1")
    assert not trader.account.mmp["BTC", "mmp1"].frozen(exchange.now)
    trader.place("buy", 1, "402", mmp="mmp1")
    assert trader.account.mmp["BTC", "mmp1"].frozen(exchange.now)


def test_freeze_of_zero_lasts_until_the_reset_and_leaves_other_groups_alone(exchange: Exchange, trader: Trader) -> None:
    state = protect(trader, freeze=0, trade_limit="0.001")
    protect(trader, group="mmp2", trade_limit="0.001")
    trader.place("sell", 2, "399", mmp="mmp1")
    exchange.advance(later(hours=5))
    assert trader.refused("buy", 1, "390", mmp="mmp1") == "trading_blocked"
    assert trader.place("buy", 1, "390", mmp="mmp2").state == "open"
    state.reset()
    assert trader.place("buy", 1, "390", mmp="mmp1").state == "open"


def test_unknown_unconfigured_and_disabled_groups_are_refused(market: HandMarket, trader: Trader) -> None:
    assert trader.refused("buy", 1, "390", mmp="mmp9") == "bad_schema"
    assert trader.refused("buy", 1, "390", mmp="mmp1") == "bad_schema"
    other = Trader(Exchange(market, CoreSettings(mmp_enabled=False)))
    protect(other)
    assert other.refused("buy", 1, "390", mmp="mmp1") == "bad_schema"


# the dead-man switch


def beat(trader: Trader, *actions: HeartbeatAction, **scope: list[str]) -> Heartbeat:
    fields: dict[str, list[str]] = {"contract_types": [], "underlying_assets": [], "product_symbols": []} | scope
    heartbeat = Heartbeat(heartbeat_id="h", impact="contracts", config=list(actions), **fields)  # type: ignore[arg-type]
    trader.account.heartbeats["h"] = heartbeat
    return heartbeat


CANCEL = HeartbeatAction(action="cancel_orders")


def test_missed_heartbeat_cancels_orders_and_never_positions(exchange: Exchange, trader: Trader) -> None:
    heartbeat = beat(trader, CANCEL, contract_types=["call_options"])
    trader.place("sell", 10, "399")
    covered, waiting = trader.place("buy", 1, "390"), trader.place("buy", 1, None, stop=stop("450"))
    put, future = trader.place("buy", 1, "390", symbol=PUT), trader.place("buy", 1, "65000", symbol=PERPETUAL)
    exchange.check_heartbeats(10**15)
    assert covered.state == "open", "it guards nothing before its first acknowledgement"
    exchange.acknowledge(trader.account, heartbeat, 30_000, 1_000)
    exchange.check_heartbeats(30_999)
    assert covered.state == "open"
    exchange.acknowledge(trader.account, heartbeat, 30_000, 30_000)
    exchange.check_heartbeats(31_000)
    assert covered.state == "open"
    exchange.check_heartbeats(60_000)
    assert (covered.state, covered.cancellation_reason) == ("cancelled", "heartbeat_missed")
    assert waiting.state == "cancelled" and (put.state, future.state) == ("open", "open")
    assert trader.account.position_size(CALL) == -10


def test_ttl_of_zero_switches_it_off(exchange: Exchange, trader: Trader) -> None:
    heartbeat = beat(trader, CANCEL)
    order = trader.place("buy", 1, "390")
    exchange.acknowledge(trader.account, heartbeat, 5_000, 0)
    exchange.acknowledge(trader.account, heartbeat, 0, 1_000)
    exchange.check_heartbeats(10**12)
    assert order.state == "open" and not heartbeat.enabled


def test_actions_wait_for_their_count_of_missed_beats(exchange: Exchange, trader: Trader) -> None:
    widen = HeartbeatAction(action="spreads", unhealthy_count=1, value=D(100))
    heartbeat = beat(trader, widen, HeartbeatAction(action="cancel_orders", unhealthy_count=3))
    bid, ask = trader.place("buy", 1, "390"), trader.place("sell", 1, "410")
    exchange.acknowledge(trader.account, heartbeat, 1_000, 0)
    exchange.check_heartbeats(1_000)
    assert (bid.limit_price, ask.limit_price) == (D("386.1"), D("414.1"))
    exchange.check_heartbeats(2_999)
    assert bid.state == "open"
    exchange.check_heartbeats(3_000)
    assert (bid.state, ask.state, heartbeat.missed) == ("cancelled", "cancelled", 3)


def test_tagged_action_spares_plain_orders(exchange: Exchange, trader: Trader) -> None:
    protect(trader, trade_limit="1")
    heartbeat = beat(trader, HeartbeatAction(action="cancel_orders", tag="mmp"))
    plain, tagged = trader.place("buy", 1, "390"), trader.place("buy", 1, "390", mmp="mmp1")
    exchange.acknowledge(trader.account, heartbeat, 1_000, 0)
    exchange.check_heartbeats(1_000)
    assert (plain.state, tagged.state) == ("open", "cancelled")


# portfolio margin


@pytest.fixture
def manager(exchange: Exchange, trader: Trader) -> Trader:
    exchange.positions.set_margin_mode(trader.account, "portfolio")
    return trader


def test_portfolio_margin_nets_a_strangle_and_isolated_does_not(exchange: Exchange, manager: Trader) -> None:
    """In one mode the legs' worst cases exclude each other, in the other they add up."""
    manager.place("sell", 20, "399")
    one = exchange.portfolio(manager.account)
    manager.place("sell", 20, "399", symbol=PUT)
    both = exchange.portfolio(manager.account)
    assert both.risk_margin < 2 * one.risk_margin
    assert both.ucf == -2 * 400 * 20 * D("0.001")
    wallet = exchange.wallet(manager.account)
    assert wallet.blocked_margin == wallet.portfolio_margin == both.blocked
    assert (wallet.order_margin, wallet.position_margin, wallet.commission) == (0, 0, 0)
    isolated = manager.account.wallet().blocked_margin
    assert both.blocked < isolated


def test_quantities_of_portfolio_margin_hang_together(exchange: Exchange, manager: Trader) -> None:
    manager.place("sell", 20, "399")
    manager.place("buy", 10, "66005", symbol=PERPETUAL)
    margin = exchange.portfolio(manager.account)
    assert len(margin.scenarios) == 29
    assert margin.floor == margin.futures_floor + margin.long_options_floor + margin.short_options_floor
    assert margin.im_without_ucf == max(margin.risk_margin, margin.floor)
    assert margin.im_with_ucf == margin.im_without_ucf - margin.ucf
    assert margin.mm_without_ucf == margin.im_without_ucf * D("0.8")
    assert margin.blocked == margin.im_with_ucf + margin.commission and not margin.at_risk


def test_a_hedge_lowers_the_requirement_and_an_order_that_raises_it_blocks_already(
    exchange: Exchange, manager: Trader
) -> None:
    manager.place("sell", 20, "399")
    naked = exchange.portfolio(manager.account)
    manager.place("sell", 20, "410")
    with_order = exchange.portfolio(manager.account)
    assert with_order.risk_margin > naked.risk_margin and with_order.ucf == naked.ucf
    exchange.cancel_all(manager.account, exchange.now, limit_orders=True)
    manager.place("buy", 3, "66005", symbol=PERPETUAL)
    assert exchange.portfolio(manager.account).risk_margin < naked.risk_margin


def test_portfolio_order_is_refused_when_the_balance_cannot_carry_it(exchange: Exchange) -> None:
    poor = Trader(exchange, exchange.open_account(99, initial_balance=D(5)).user_id)
    exchange.positions.set_margin_mode(poor.account, "portfolio")
    assert poor.refused("sell", 100, "397") == "insufficient_margin"
    assert poor.place("sell", 5, "399").state == "closed"
    assert poor.place("buy", 5, "401").state == "closed", "closing is always possible"


def test_portfolio_under_its_maintenance_is_closed_step_by_step(
    exchange: Exchange, market: HandMarket, clock: Clock
) -> None:
    poor = Trader(exchange, exchange.open_account(99, initial_balance=D(20)).user_id)
    exchange.positions.set_margin_mode(poor.account, "portfolio")
    poor.place("sell", 20, "399")
    poor.place("sell", 10, "399", symbol=PUT)
    resting = poor.place("buy", 1, "300")
    clock.tick(mark="1100")
    assert resting.state == "cancelled" and poor.account.position_size(CALL) == 0
    assert poor.account.position_size(PUT) == -10, "the rest is carried again"
    assert not exchange.portfolio(poor.account).under_liquidation


def test_margin_mode_changes_only_when_the_account_can_be_carried(exchange: Exchange) -> None:
    poor = Trader(exchange, exchange.open_account(99, initial_balance=D(12)).user_id)
    exchange.positions.set_margin_mode(poor.account, "portfolio")
    for symbol in (CALL, PUT):
        poor.place("sell", 10, "399", symbol=symbol)
    with pytest.raises(Refused, match="insufficient_margin"):
        exchange.positions.set_margin_mode(poor.account, "isolated")
    assert poor.account.margin_mode == "portfolio"
    with pytest.raises(Refused, match="bad_schema"):
        exchange.positions.set_margin_mode(poor.account, "cross")
    with pytest.raises(Refused, match="trading_not_allowed_on_current_margin_mode"):
        exchange.positions.change_margin(poor.account, exchange.products.live[CALL], D(1), exchange.now)
