"""The living Dashboard: figures of one picture agree, what is unknown is said, what is old looks old, places stay."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from tests.panel.fake_desk import FakeDesk
from tests.panel.test_markup import Seen
from trader.desk import Status
from trader.domain.errors import JournalError
from trader.engine.ladder import IN_PORTFOLIO
from trader.engine.records import Phase
from trader.engine.view import NakedView, Rung, RunView, Safety
from trader.panel import exits, hero, legs, live, parts, service
from trader.panel.watch import stage

D = Decimal
Open = Callable[..., tuple[AppTest, FakeDesk]]


def a_picture(scenario: str = "holding", **changed: Any) -> tuple[Status, RunView]:
    status = FakeDesk(scenario).status()
    assert status.run is not None
    run = replace(status.run, **changed)
    return replace(status, run=run), run


def cards(text: str) -> dict[str, tuple[str, str, str]]:
    """Label, value and note of each card."""
    found = re.findall(
        r'data-card="(\w+)"[^>]*><dt>(.*?)</dt><dd class="v[^"]*">(.*?)</dd><dd class="n">(.*?)</dd>', text
    )
    return {key: (Seen(label).said, Seen(value).said, Seen(note).said) for key, label, value, note in found}


def rows(text: str, what: str) -> dict[str, list[str]]:
    """Cells of a table's rows, by the row's key."""
    found = re.findall(rf'<tr[^>]*data-{what}="(\w+)"[^>]*>(.*?)</tr>', text)
    return {
        key: [
            Seen(cell.replace("</span>", "</span> ")).said.strip()
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
        ]
        for key, row in found
    }


def amount(text: str) -> Decimal:
    return D(re.sub(r"[^\d.+-]", "", text.replace(parts.MINUS, "-")))


# ----------------------------------------------------------------------------------- one picture


@pytest.mark.parametrize("seconds", range(0, 600, 47))
@pytest.mark.parametrize("premium", ["0.352", "84.20", "8420"])
def test_headline_pnl_legs_and_ladder_disagreed(seconds: int, premium: str) -> None:
    """They were drawn from different pictures, and rounded each on its own."""
    scale = D(premium) / D("84.20")
    pnl = (D("11.1377") + D(seconds) / 37) * scale
    status, run = a_picture()
    both = [pnl * D("0.3173"), pnl - pnl * D("0.3173")]
    run = replace(
        run,
        premium=D(premium),
        pnl=pnl,
        pnl_pct=pnl / D(premium) * 100,
        legs=tuple(replace(leg, pnl=part) for leg, part in zip(run.legs, both, strict=True)),
        ladder=tuple(replace(rung, at_pnl=None if rung.at_pnl is None else rung.at_pnl * scale) for rung in run.ladder),
    )
    text = live.figures(replace(status, run=run))
    shown = amount(cards(text)["pnl"][1])
    leg_rows = rows(text, "leg")
    assert amount(leg_rows["C"][1]) + amount(leg_rows["P"][1]) == shown == amount(leg_rows["total"][1])
    for code in ("max_loss", "max_profit", "trailing_stop"):
        _, fires, to_go, *_ = rows(text, "exit")[code]
        assert amount(fires.split()[-1]) - amount(to_go.split()[-1]) == shown, code


@pytest.mark.parametrize(
    ("values", "total", "shown"),
    [
        (["-2.796", "-1.694"], "-4.49", ["-2.80", "-1.69"]),
        (["-2.794", "-1.694"], "-4.488", ["-2.79", "-1.70"]),
        (["0.005", "0.005"], "0.01", ["0.01", "0.00"]),
        (["-0.004", "0.004"], "0", ["0.00", "0.00"]),
        (["1", "2"], "9", ["1.00", "2.00"]),  # not the sum of these: each for itself
    ],
)
def test_what_is_shown_adds_up(values: list[str], total: str, shown: list[str]) -> None:
    found = legs.adding_up([D(value) for value in values], D(total), 2)
    assert sorted(str(value).replace("-0.00", "0.00") for value in found) == sorted(shown)


def test_the_legs_fees_did_not_add_up_to_those_of_both() -> None:
    _, run = a_picture()
    both = tuple(replace(leg, fees_paid=D("0.30"), fee_to_close=D("0.1542")) for leg in run.legs)
    shown = rows(legs.legs(replace(run, legs=both)), "leg")
    assert sum(amount(cells[2]) for key, cells in shown.items() if key != "total") == amount(shown["total"][2])


def test_a_leg_without_a_price_leaves_the_other_as_it_is() -> None:
    assert legs.adding_up([D("1.239"), None], None, 2) == [D("1.24"), None]


def test_every_dollar_of_a_picture_has_the_premiums_precision() -> None:
    status, run = a_picture(premium=D("0.352"), pnl=D("-0.0313"), max_loss_usd=D("-0.352"))
    money = re.findall(r"\$[\d,.]*\d", legs.legs(run) + cards(hero.hero(status, run))["pnl"][1])
    assert money and all(re.fullmatch(r"\$[\d,]+\.\d{4}", one) for one in money), money


# ----------------------------------------------------------------------------------- the hero


def test_hero_while_holding() -> None:
    status, run = a_picture(pnl=D("-2.48"), pnl_pct=D("-2.945"), pnl_mark=D("-1.47"))
    found = cards(hero.hero(status, run))
    assert list(found) == ["pnl", "mark", "decay", "stop", "still", "today"]
    assert found["pnl"] == ("P&L if closed now", "−\u2060$2.48", "−2.9\u00a0% of net credit")
    assert found["mark"] == ("At mark", "−\u2060$1.47", "−\u2060$1.01 is spread & fees")
    assert found["decay"][1:] == ("+33\u00a0%", "of $84.20; time alone +21\u00a0%")
    assert found["stop"][1] == "94,020" and "1.2 σ" in found["stop"][2]
    assert "100 contracts × 0.001\u00a0BTC = 0.1\u00a0BTC per leg ≈ $9," in Seen(hero.hero(status, run)).said
    assert "(431.50 + 410.50) × 0.1 = $84.20" in hero.hero(status, run)


def test_today_says_runs_and_how_much_of_the_limit_is_used() -> None:
    status, run = a_picture()
    assert status.day is not None
    day = replace(status.day, realised=D("-27.50"), open=D("2.50"), runs_made=2, runs_most=3, loss_limit=D(500))
    assert cards(hero.hero(replace(status, day=day), run))["today"][1:] == (
        "−\u2060$25.00",
        "2 of 3 runs · 5 % of $500 limit",
    )
    won = cards(hero.hero(replace(status, day=replace(day, realised=D(40))), run))["today"]
    assert won[1:] == ("+\u2060$42.50", "2 of 3 runs · $500 loss limit")
    unknown = cards(hero.hero(replace(status, day=replace(day, open=None)), run))["today"]
    assert unknown[1:] == ("−\u2060$27.50", "2 of 3 runs · open P&L unknown")


@pytest.mark.parametrize(("premium", "shown"), [("0.35", "$25.00"), ("84.20", "$25.00"), ("759", "$25")])
def test_today_had_cents_beside_whole_dollars(premium: str, shown: str) -> None:
    status, run = a_picture(premium=D(premium))
    assert status.day is not None
    day = replace(status.day, realised=D("-27.50"), open=D("2.50"))
    assert cards(hero.hero(replace(status, day=day), run))["today"][1] == f"−\u2060{shown}"


UNKNOWN = {"pnl": None, "pnl_pct": None, "pnl_mark": None, "outlook": None, "nearest_stop": None, "corridor": None}


def test_unknown_is_a_dash_with_a_word_never_zero() -> None:
    status, run = a_picture(**UNKNOWN)
    found = cards(hero.hero(replace(status, day=None), run))
    assert {value for _, value, _ in found.values()} == {"–"}
    assert all(note for _, _, note in found.values())
    text = Seen(legs.legs(replace(run, net_delta=None, net_theta=None, net_vega=None))).said
    assert "greeks not known yet" in text


def test_entering_waits_for_both_legs() -> None:
    status, run = a_picture("entering")
    found = cards(live.figures(status))
    assert found["pnl"][1:] == ("–", "once both legs are sold")
    assert "40 of 100" in rows(legs.legs(run), "leg")["C"][0]


def test_a_leg_alone_has_a_meter_in_a_place_that_is_always_there() -> None:
    status, run = a_picture()
    naked = NakedView(
        key="P", symbol="P-BTC", since=status.wall - timedelta(seconds=4.2), limit_secs=30, worst_usd=D("-7.8")
    )
    text = hero.hero(status, replace(run, naked=naked))
    assert "PUT ALONE 4.2 s of 30 s" in Seen(text).said and "1 % of BTC against it: −\u2060$7.80" in Seen(text).said
    assert '<progress value="0.140"' in text
    assert text.count("lv-worry") == hero.hero(status, run).count("lv-worry") == 1


@pytest.mark.parametrize("secs", [-3.0, 400.0])
def test_a_meter_stays_within_its_ends(secs: float) -> None:
    status, run = a_picture()
    naked = NakedView(key="C", symbol="C", since=status.wall - timedelta(seconds=secs), limit_secs=30)
    text = hero.hero(status, replace(run, naked=naked))
    value = float(re.findall(r'progress value="([^"]+)"', text)[0])
    assert 0 <= value <= 1 and "against it: unknown" in Seen(text).said


# ----------------------------------------------------------------------------------- old and silent


def test_silent_runner_greys_the_figures_and_says_how_long() -> None:
    status, _ = a_picture("dead")
    text = live.figures(status)
    assert text.startswith('<div class="lv-live lv-is-open old">')
    said = Seen(text).said
    assert "The runner is silent — last heard 12 s ago; nothing is watched" in said
    assert "✕ app stop: off" in said, "nothing watches, whatever the last picture says"


def test_a_picture_that_froze_is_old_although_its_runner_was_alive() -> None:
    status, _ = a_picture()
    frozen = replace(status, runner=replace(status.runner, heartbeat_age_s=7.0))
    assert (
        'class="lv-live lv-is-open old"' in live.figures(frozen)
        and "last heard 7.0 s ago" in Seen(live.figures(frozen)).said
    )


def test_old_price_of_a_leg_is_said_with_its_age() -> None:
    status, run = a_picture()
    stale = replace(run.legs[0], fresh=False, price_age_s=12.4)
    text = live.figures(replace(status, run=replace(run, legs=(stale, run.legs[1]))))
    assert "⚠ Call price 12 s old — figures are old" in Seen(text).said and 'class="lv-live lv-is-open old"' in text
    assert "⚠ 12 s, old" in rows(text, "leg")["C"][-1]


def test_a_leg_bought_back_needs_no_price() -> None:
    status, run = a_picture("exiting")
    gone = replace(run.legs[0], open_quantity=0, exit_px=D("310.5"), fresh=False, price_age_s=99.0)
    run = replace(run, legs=(gone, run.legs[1]))
    assert not hero.is_old(status, run)
    cells = rows(legs.legs(run), "leg")["C"]
    assert cells[0] == "C 95,000, bought back" and cells[-1] == "not needed" and "bought 310.50" in cells


# ----------------------------------------------------------------------------------- what ends it


def test_every_exit_says_where_it_fires_how_far_and_where_spot_must_be() -> None:
    status, run = a_picture(pnl=D("-2.48"), pnl_pct=D("-2.945"))
    found = rows(exits.exits(status, run), "exit")
    assert found["max_loss"][0] == "Max loss"
    assert found["max_loss"][1:3] == ["−100\u00a0% −\u2060$84.20", "−97.1 −\u2060$81.72"]
    assert found["max_loss"][3:] == ["↓ 84,210 ↑ 97,350", "↓ 85,010 ↑ 97,350"]
    assert found["max_profit"][3] == "– out of reach"
    assert found["time"][2] == "2 h 14 m" and "IST" not in found["time"][1]


def test_a_trailing_stop_says_what_arms_it_until_it_is() -> None:
    status, run = a_picture(pnl=D("-2.48"), pnl_pct=D("-8.0"))
    rung = next(rung for rung in run.ladder if rung.code == "trailing_stop")
    waits = replace(rung, armed=False, at_pct=None, at_pnl=None, arms_at_pct=D(40))
    found = rows(exits.exits(status, replace(run, ladder=(waits,))), "exit")["trailing_stop"]
    assert found[1:3] == ["+40\u00a0% arms there", "+48.0"]


def test_fractions_of_a_percent_are_not_rounded_away() -> None:
    status, run = a_picture()
    rung = replace(next(rung for rung in run.ladder if rung.code == "trailing_stop"), at_pct=D("-12.50"))
    assert rows(exits.exits(status, replace(run, ladder=(rung,))), "exit")["trailing_stop"][1].startswith(
        "−12.5\u00a0%"
    )


def test_the_outlook_stands_under_the_exits_in_words() -> None:
    status, run = a_picture()
    assert "Best case by" in Seen(exits.exits(status, run)).said


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (None, ("exchange stop: unknown", "dead-man switch: unknown")),
        (Safety(app_stop=True), ("✓ app stop: on", "exchange stop: unknown", "dead-man switch: unknown")),
        (Safety(app_stop=True, exchange_stops=0, dead_man=False), ("exchange stop: none", "dead-man switch: off")),
        (Safety(app_stop=False, exchange_stops=2, dead_man=True), ("✓ exchange stop: 2", "✓ dead-man switch: on")),
    ],
)
def test_the_safety_net_was_a_constant_text(seen: Safety | None, said: tuple[str, ...]) -> None:
    status, run = a_picture(safety=seen)
    text = Seen(exits.exits(status, run)).said
    assert all(one in text for one in said), text


def test_the_exchange_stops_say_when_they_were_read() -> None:
    status, run = a_picture()
    safety = Safety(app_stop=True, exchange_stops=0, read_at=status.wall - timedelta(seconds=75))
    assert "exchange stop: none, read 1 m 15 s ago" in Seen(exits.exits(status, replace(run, safety=safety))).said


def test_getting_out_uses_the_place_of_the_exits() -> None:
    status, _ = a_picture("exiting")
    text = live.figures(status)
    said = Seen(text).said
    assert "Getting out" in said and "Entry orders cancelled and confirmed" in said
    assert "NOT FLAT: C-BTC-95000-221126, 100" in said and "app stop: buying back" in said
    assert re.findall(r'<section class="(lv-\w+)', text) == re.findall(
        r'<section class="(lv-\w+)', live.figures(a_picture()[0])
    )


# ----------------------------------------------------------------------------------- the page


def test_tables_are_tables_with_headers() -> None:
    text = live.figures(a_picture()[0])
    assert text.count("<table") == 2 and text.count('scope="col"') == 5 + 12
    assert all(label in text for label in ('aria-label="Legs"', 'aria-label="What ends it"', 'role="heading"'))


@pytest.mark.parametrize("scenario", ["entering", "holding", "exiting", "dead"])
def test_all_text_of_the_board_is_one_element(open_panel: Open, scenario: str) -> None:
    at, _ = open_panel(scenario)
    boards = [element for element in at.markdown if element.allow_html and "lv-live" in element.value]
    assert len(boards) == 1 and not at.exception
    assert "\n" not in boards[0].value and "lv-legs" in boards[0].value


@pytest.mark.parametrize("scenario", ["empty", "waiting", "done", "unreachable"])
def test_nothing_open_leaves_the_headline(open_panel: Open, scenario: str) -> None:
    at, _ = open_panel(scenario)
    [board] = [element.value for element in at.markdown if element.allow_html and "lv-live" in element.value]
    assert "lv-headline" in board and "lv-legs" not in board
    assert not [one for one in at.segmented_control if one.key == "dash_look"]


def test_the_range_of_the_chart_is_chosen_and_stays(open_panel: Open) -> None:
    at, _ = open_panel("holding")
    at.segmented_control(key="dash_look").set_value("15 m").run()
    assert at.segmented_control(key="dash_look").value == "15 m" and not at.exception


def test_a_journal_that_cannot_be_read_leaves_the_picture(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at, desk = open_panel("holding")

    def broken(*_: object, **__: object) -> None:
        raise JournalError("disk I/O error")

    for name in ("pnl_chart", "log_tail"):
        monkeypatch.setattr(desk, name, broken)
    service.forget()
    at.run()
    assert not at.exception and any("lv-legs" in element.value for element in at.markdown)


def test_page_follows_a_run_from_start_to_flat(open_panel: Open) -> None:
    """The board comes when it sells and goes when it is over; nobody has to reload."""
    at, desk = open_panel("waiting")
    seen = []
    for scenario in ("entering", "holding", "exiting", "done"):
        desk.scenario = scenario
        service.forget()
        at.run()
        assert not at.exception
        seen.append(any("lv-legs" in element.value for element in at.markdown))
    assert seen == [True, True, True, False]


def test_boards_by_phase() -> None:
    _, run = a_picture()
    assert [stage(replace(run, phase=phase)) for phase in Phase] == [
        {"WAITING": "waits", "DONE": "over"}.get(phase.name, "open") for phase in Phase
    ]


# -- liquidation ----------------------------------------------------------------------------------------------------------


def _ladder_of(*rungs: Rung) -> str:
    return str(exits.exits(*a_picture(ladder=rungs)))


def test_a_liquidation_says_its_mark_whose_number_it_is_and_how_far_that_is() -> None:
    rung = Rung(
        name="liquidation of C 80,000", armed=True, code="liquidation", leg="C", at_mark=D("705.00"),
        mark=D(205), mark_distance=D(500), mark_distance_pct=D("243.9"), gone_pct=D(12),
        spot_high=81_500.0, exit_high=82_000.0, smile_high=81_400.0,
    )  # fmt: skip
    seen = _ladder_of(rung)
    for part in ("Liquidated", "C ≈ 705.0", "estimate", "+500.0", "+244", "81,500", "82,000"):
        assert part in seen, part
    assert "If the smile moves with spot" in seen and "81,400" in seen
    assert "told by the exchange" in _ladder_of(replace(rung, told=True))


def test_in_portfolio_mode_the_rung_is_one_sentence() -> None:
    seen = _ladder_of(Rung(name="liquidation", armed=False, code="liquidation", words=IN_PORTFOLIO))
    assert "portfolio margin" in seen and "Liquidated" in seen


def test_the_legs_say_where_they_are_liquidated() -> None:
    _, run = a_picture()
    for told, words in ((False, "≈ 705"), (True, "705")):
        first = replace(run.legs[0], liquidation_px=D(705), liquidation_told=told)
        cell = rows(str(legs.legs(replace(run, legs=(first, *run.legs[1:])))), "leg")[first.key][6]
        assert cell.startswith(words)
