"""How the account is margined, in the engine: when it is asked, what is kept and told, and what an entry counts with."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, ISOLATED, SPOT, D, Phase, Scene, holding, preset
from tests.engine.several import config, second
from trader.domain.margin import MarginedPosition, MarginTerms, mode_words, terms_of, topup_words
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import evolve
from trader.engine.prerequisites import Facts, Unread, prerequisites
from trader.engine.state import State

PORTFOLIO = MarginTerms(mode="portfolio", portfolios=(".DEXBTUSD",), default_auto_topup=False)


def row(symbol: str = CALL, *, mode: str | None = "isolated", topup: bool = False) -> MarginedPosition:
    return MarginedPosition(
        symbol=symbol, product_id=1, quantity=-2, entry_price=D(200), mark=D(205), margin=D("2.4"),
        liquidation_price=D(700), bankruptcy_price=D(1200), blocked_commission=D(0), realized_pnl=D(0), realized_funding=D(0),
        realized_cashflow=D(0), margin_mode=mode, auto_topup=topup, created_at=None,
    )  # fmt: skip


def fresh(scene: Scene | None = None) -> Scene:
    """Nothing has been told yet."""
    scene = scene or Scene()
    scene.state = replace(scene.state, margin=None, margin_asked=None, margin_pending=False)
    return scene


def told(scene: Scene, terms: MarginTerms | None, error: str = "") -> None:
    scene.feed(ev.MarginRead, terms=terms, error=error)


def asked(scene: Scene, seconds: int) -> list[int]:
    """After how many seconds it was asked for, with a tick each."""
    return [at for at in range(1, seconds + 1) if any(isinstance(e, ef.ReadMargin) for e in scene.tick(1))]


def answered(scene: Scene, seconds: int, terms: MarginTerms | None) -> list[int]:
    """The same, each answered at once."""
    times = []
    for at in range(1, seconds + 1):
        if any(isinstance(e, ef.ReadMargin) for e in scene.tick(1)):
            times.append(at)
            told(scene, terms, "" if terms else "read timed out")
    return times


def observed(scene: Scene) -> list[str | None]:
    return [record.mode for record in scene.records if isinstance(record, rec.MarginObserved)]


def armed(terms: MarginTerms | None = None, **risk: Any) -> Scene:
    """Started, strikes picked, account read; nothing sent yet where something bars it."""
    scene = fresh()
    scene.feed(ev.ClockTicked)
    if terms is not None:
        told(scene, terms)
    scene.start(preset(risk=risk) if risk else None)
    scene.read_chain()
    scene.prices()
    scene.read_account()
    scene.prices()
    return scene


# ------------------------------------------------------------------------------------------------- asking, keeping


def test_it_is_asked_at_the_start_and_without_a_run_no_more_once_it_is_known() -> None:
    scene = fresh()
    assert any(isinstance(e, ef.ReadMargin) for e in scene.tick())
    told(scene, ISOLATED)
    assert asked(scene, 120) == []
    assert scene.state.account.margin_mode == "isolated" and scene.state.mode_on("BTC") == "isolated"


def test_with_a_run_it_is_asked_every_half_minute_once_for_all_runs() -> None:
    scene = holding(config(0))
    second(scene, config(1))
    told(scene, ISOLATED)
    times = answered(scene, 70, ISOLATED)
    assert len(times) >= 2 and times[1] - times[0] == 30


def test_while_it_is_not_known_a_run_asks_soon_again() -> None:
    scene = fresh(holding())
    told(scene, None, "read timed out")
    times = answered(scene, 12, None)
    assert len(times) >= 2 and times[1] - times[0] == 5


def test_a_read_that_never_answers_is_not_piled_up_behind() -> None:
    scene = fresh(holding())
    told(scene, None, "read timed out")
    first, *more = asked(scene, 100)
    assert [at - first for at in more] == [60]


def test_nothing_is_asked_while_an_exit_needs_the_readers() -> None:
    scene = holding()
    told(scene, ISOLATED)
    scene.stop()
    assert scene.phase is Phase.EXITING and asked(scene, 90) == []


def test_one_failed_read_changes_nothing_after_two_nothing_is_known() -> None:
    scene = holding()
    told(scene, PORTFOLIO)
    told(scene, None, "read timed out")
    assert scene.state.mode_on("BTC") == "portfolio"
    told(scene, None, "read timed out")
    assert scene.state.mode_on("BTC") is None and scene.state.account.margin_mode == "portfolio"
    told(scene, PORTFOLIO)
    assert scene.state.mode_on("BTC") == "portfolio" and observed(scene) == ["portfolio"]


def test_a_429_keeps_it_from_being_asked_for() -> None:
    scene = fresh(holding())
    scene.feed(ev.MarginRead, error="429", retry_after_secs=40.0)
    assert asked(scene, 39) == [] and asked(scene, 3)


def test_a_change_is_recorded_and_survives_a_restart() -> None:
    scene = holding()
    for terms in (ISOLATED, ISOLATED, replace(ISOLATED, default_auto_topup=True), PORTFOLIO):
        told(scene, terms)
    assert observed(scene) == ["isolated", "isolated", "portfolio"], "the same twice is told once"
    state = State(installation="abcd1234", epoch=2, env="paper", account_key="acc")
    for record in scene.records:
        state = evolve(state, record)
    assert state.account.margin_mode == "portfolio" and state.margin is None
    other = evolve(replace(state, account_key="other", account=type(state.account)()), scene.records[-1])
    assert other.account.margin_mode is None


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        (ISOLATED, PORTFOLIO, ["margin_mode_changed"]),
        (PORTFOLIO, replace(PORTFOLIO, mode="cross"), ["margin_mode_changed"]),
        (ISOLATED, replace(ISOLATED, mode=None), []),
        (replace(ISOLATED, mode=None), ISOLATED, []),
        (ISOLATED, replace(ISOLATED, default_auto_topup=True), []),
        (
            replace(ISOLATED, positions=(row(),)),
            replace(ISOLATED, positions=(row(topup=True),)),
            ["auto_topup_changed"],
        ),
        (ISOLATED, replace(ISOLATED, positions=(row(topup=True),)), []),
    ],
)
def test_what_a_person_changes_during_a_run_is_told_at_the_next_read(
    before: MarginTerms, after: MarginTerms, codes: list[str]
) -> None:
    scene = fresh(holding())
    told(scene, before)
    first = len(scene.alerts())
    told(scene, after)
    assert scene.alerts()[first:] == codes


def test_where_the_exchange_would_liquidate_a_position_is_kept_for_the_run_that_holds_it() -> None:
    scene = fresh(holding())
    told(scene, replace(ISOLATED, positions=(row(),)))
    assert scene.watch.liquidation == {CALL: D(700)}
    assert [leg.liquidation_px for leg in scene.view.legs if leg.symbol == CALL] == [700]


def test_a_mode_that_is_not_told_any_more_leaves_what_was_told() -> None:
    scene = fresh(holding())
    told(scene, PORTFOLIO)
    told(scene, MarginTerms())
    assert scene.state.account.margin_mode == "portfolio" and scene.state.mode_on("BTC") is None


def test_a_mode_that_nobody_here_knows_is_told_as_it_is() -> None:
    scene = holding()
    told(scene, ISOLATED)
    told(scene, replace(ISOLATED, mode="cross"))
    text = [r.text for r in scene.records if isinstance(r, rec.AlertRaised)][-1]
    assert text.startswith("The account's margin mode was isolated and is now cross: the exchange's word")
    assert scene.phase is Phase.HOLDING


def test_the_wallet_shows_another_mode_and_the_whole_is_asked_for_soon() -> None:
    scene = holding()
    scene.tick()
    told(scene, ISOLATED)
    scene.read_account(margin_mode="isolated")
    assert asked(scene, 10) == []
    scene.read_account(margin_mode="portfolio")
    assert asked(scene, 1) == [1]
    told(scene, PORTFOLIO)
    assert asked(scene, 10) == []


# ------------------------------------------------------------------------------------------------- counting with it


def needed(scene: Scene) -> list[str]:
    return [why for why in scene.view.why_not if "margin" in why]


def test_an_entry_counts_in_the_mode_the_account_is_in() -> None:
    # Isolated: 2 contracts x 2 legs x (1,000 + 205) x 0.001 = 4.82. Portfolio: the floor, 0.5 % of notional a leg, and the marks.
    for terms, amount in (
        (ISOLATED, "4.82"),
        (PORTFOLIO, "2.82"),
        (replace(ISOLATED, mode="cross"), "4.82"),
        (None, "4.82"),
    ):
        scene = armed_with(terms, D(amount) - D("0.01"))
        assert scene.phase is Phase.WAITING and f"needed {amount} USD" in needed(scene)[0], needed(scene)
        assert armed_with(terms, D(amount)).phase is Phase.ENTERING


def armed_with(terms: MarginTerms | None, available: Decimal) -> Scene:
    scene = fresh()
    scene.exchange.available = available
    scene.tick()
    if terms is not None:
        told(scene, terms)
    scene.start()
    scene.read_chain()
    scene.prices()
    scene.read_account()
    return scene


def test_an_underlying_whose_index_is_not_in_the_portfolio_is_isolated() -> None:
    assert PORTFOLIO.mode_of("BTC") == "portfolio" and PORTFOLIO.mode_of("ETH") == "isolated"
    scene = armed_with(replace(PORTFOLIO, portfolios=(".DEETHUSD",)), D("4.81"))
    assert "isolated margin needed 4.82 USD" in needed(scene)[0]


def test_a_second_run_counts_what_it_adds_to_the_first() -> None:
    scene = holding(config(0))
    told(scene, PORTFOLIO)
    scene.exchange.available = D("2.81")
    scene.start(config(1))
    for _ in range(4):
        scene.prices()
        for effect in list(scene.due):
            if isinstance(effect, ef.ReadChain):
                scene.read_chain(run_id=effect.run_id)
            elif isinstance(effect, ef.ReadAccount):
                scene.read_account()
    assert scene.phase is Phase.WAITING
    assert any("portfolio margin needed 2.82 USD exceeds" in why for why in needed(scene)), scene.view.why_not


@pytest.mark.parametrize(
    ("risk", "terms", "words"),
    [
        ({}, ISOLATED, ""),
        ({}, None, ""),
        ({"margin_mode": "portfolio"}, PORTFOLIO, ""),
        (
            {"margin_mode": "portfolio"},
            ISOLATED,
            "the account's margin mode is isolated, and this preset wants portfolio",
        ),
        (
            {"margin_mode": "isolated"},
            replace(ISOLATED, mode="cross"),
            "the account's margin mode is cross, and this preset",
        ),
        (
            {"margin_mode": "isolated"},
            None,
            "the account's margin mode is not known (the account has not been asked yet)",
        ),
        ({"auto_topup": "off"}, ISOLATED, ""),
        ({"auto_topup": "on"}, ISOLATED, "auto top-up of new positions is off, and this preset wants it on"),
        (
            {"auto_topup": "off"},
            replace(ISOLATED, default_auto_topup=True),
            "auto top-up of new positions is on, and this",
        ),
        (
            {"auto_topup": "off"},
            replace(ISOLATED, default_auto_topup=None),
            "auto top-up of new positions is not known",
        ),
        ({"auto_topup": "on"}, PORTFOLIO, ""),
    ],
)
def test_a_preset_that_wants_another_margin_does_not_enter_and_says_how_to_set_it(
    risk: dict[str, str], terms: MarginTerms | None, words: str
) -> None:
    scene = armed(terms, **risk)
    if not words:
        assert scene.phase is Phase.ENTERING, scene.view.why_not
        return
    assert scene.phase is Phase.WAITING
    [why] = [one for one in scene.view.why_not if words in one]
    assert "python -m trader account " in why
    wanted = {name: PORTFOLIO.mode if value == "portfolio" else value for name, value in risk.items()}
    told(
        scene,
        MarginTerms(mode=wanted.get("margin_mode", "isolated"), default_auto_topup=risk.get("auto_topup") == "on"),
    )
    scene.tick(1)
    assert scene.phase is Phase.ENTERING, scene.view.why_not


def test_the_board_says_what_each_means() -> None:
    def board(facts: Facts) -> dict[str, tuple[bool | None, str]]:
        return {item.code: (item.passed, item.sentence) for item in prerequisites(facts)}

    nothing = board(Facts())
    assert nothing["margin mode"] == nothing["auto top-up"] == (None, "not known here")
    met = board(Facts(margin_terms=ISOLATED, underlying="BTC", margin_needed=D(5), available=D(9)))
    assert met["margin mode"] == (True, mode_words("isolated")) and "liquidated for itself" in mode_words("isolated")
    assert met["auto top-up"] == (True, topup_words(False, "isolated"))
    assert met["margin"] == (True, "about 5.00 USD isolated margin needed, 9.00 USD available")
    unread = board(Facts(margin_terms=Unread("read timed out"), margin_needed=D(5), available=D(9)))
    assert unread["margin mode"] == (None, "the account's margin mode is not known (read timed out)")
    assert "the larger of both modes" in unread["margin"][1]


def test_the_picture_tells_the_mode_and_the_margin_in_it() -> None:
    scene = holding()
    told(scene, ISOLATED)
    scene.prices()
    isolated = scene.view
    told(scene, PORTFOLIO)
    netted = scene.view
    assert (isolated.margin_mode, netted.margin_mode) == ("isolated", "portfolio")
    assert isolated.margin is not None and netted.margin is not None and netted.margin < isolated.margin
    assert isolated.margin == 2 * 2 * (SPOT / 100 + 205) * D("0.001")


# ------------------------------------------------------------------------------------------------- what the exchange says


@pytest.mark.parametrize(
    ("modes", "portfolios", "mode"),
    [
        ([], None, None),
        ([], (), "isolated"),
        ([], (".DEXBTUSD",), "portfolio"),
        (["isolated"], (".DEXBTUSD",), "isolated"),
        (["portfolio", "portfolio"], None, "portfolio"),
        (["cross"], (), "cross"),
        (["isolated", "portfolio"], (".DEXBTUSD",), "portfolio"),
        (["isolated", "portfolio"], None, None),
        ([None], (), "isolated"),
    ],
)
def test_positions_say_the_mode_before_the_list_of_portfolios(
    modes: list[str | None], portfolios: tuple[str, ...] | None, mode: str | None
) -> None:
    assert terms_of(tuple(row(mode=one) for one in modes), portfolios, True).mode == mode
