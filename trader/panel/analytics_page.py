"""Analytics: the desk's board of finished runs, in rows of figures and charts."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from trader.analytics.board import Board, Execution, Seller, Slice
from trader.analytics.performance import FEW, Performance
from trader.desk.analytics.figures import Shown
from trader.panel import analytics_charts as charts
from trader.panel import cards, markup, parts, run_filter, service, sheet, words
from trader.panel import format as fmt
from trader.panel.cards import Card
from trader.report.csv_text import table_csv

# Four figures in a row, so that two amounts fit into one; a phone has two, as everywhere.
_CSS = "@media (min-width: 641px) { .st-key-an_figures .ar-cards, .st-key-an_orders_box .ar-cards { grid-template-columns: repeat(4, minmax(0, 1fr)); } }"
_UNITS = {"usd": "$", "pct": "%"}
TOO_FEW = "n too small"


def draw(shown: Shown, asked: run_filter.Asked) -> None:
    """All of it, of one board."""
    markup.stylesheet(_CSS)
    board, sample = shown.board, shown.sample
    places = max(2, parts.places(board.figures.premium / board.figures.runs if board.figures.runs else None))
    if sample:
        st.warning(
            "**SAMPLE.** No run has finished on this account yet. What follows are runs that never were, to show what stands here "
            "after the first: start one on the Dashboard.",
            icon=":material/science:",
        )
        st.page_link("pages/dashboard.py", label="Start a paper trade now", icon=":material/play_arrow:")
    elif not board.figures.runs:
        st.info("No finished run matches the filter.", icon=":material/filter_list_off:")
        st.button("Show all runs", key="an_clear", on_click=st.query_params.clear)
        return
    with st.container(key="an_figures"):
        markup.draw(cards.cards(_headline(board, places, capital=sample or asked.capital is not None)))
    if not sample:
        _ways_on(asked, board.figures.runs)
    _over_time(board, asked, places, sample=sample)
    _parted(board, places, sample=sample)
    _of_a_seller(board.seller, sample=sample)
    _orders(board.figures, board.execution, places, sample=sample)
    with st.container(border=True, key="an_parts_box"):
        _title(f"Where the P&L came from, by {board.per}", sample=sample)
        _plot(charts.attribution(board, places), "an_parts", _parts_words(board, places), sample=sample)


# ---------------------------------------------------------------- figures


def _headline(board: Board, places: int, *, capital: bool) -> list[Card]:
    """Eight figures, each with how many runs it is of, and the interval where it has one."""
    one, n = board.figures, f"n {board.figures.runs:,}"
    falls = one.drawdown
    return [
        Card(
            "Net P&L",
            parts.dollars(one.total, places, signed=True),
            f"{n} · mean {parts.dollars(one.average, places, signed=True)}",
            "Realised, fees and taxes in.",
            parts.tone(one.total),
        ),
        Card(
            "Win rate",
            _share(one.win_rate),
            f"{one.won:,} of {one.runs:,} · 95 %: {_share(one.win_low, 0)} to {_share(one.win_high, 0)}",
            "With its 95 % score interval (Wilson).",
        ),
        Card(
            "Mean win / loss",
            f"{parts.dollars(one.average_win, places, signed=True)} / {parts.dollars(one.average_loss, places, signed=True)}",
            f"n {one.won:,} / {one.lost:,} · worst {parts.dollars(one.worst, places, signed=True)}",
        ),
        Card(
            "Profit factor",
            parts.number(one.profit_factor),
            f"{n} · {one.streak_won} won, {one.streak_lost} lost in a row at most",
            "Sum of the wins over the size of the sum of the losses.",
        ),
        Card(
            "Expectancy",
            parts.percent(one.expectancy_pct),
            f"of the premium · {_interval(board)}",
            "Mean P&L of a run in % of its net credit, or of the most that can be lost where there is none.",
            parts.tone(one.expectancy_pct),
        ),
        Card(
            "Max drawdown",
            parts.dollars(falls.usd, places, signed=True),
            f"{one.days:,} days · longest below a high {falls.days:,} days"
            + (f" · {_share(falls.share)}" if falls.share is not None else ""),
            "The deepest fall of the equity at the ends of days.",
        ),
        _ratios(one, capital=capital),
        Card(
            "Fees",
            parts.percent(one.fees_pct_of_premium, signed=False),
            f"of the premium · {parts.dollars(one.fees, places)}, of it tax {parts.dollars(one.tax, places)}",
        ),
    ]


def _ratios(one: Performance, *, capital: bool) -> Card:
    meaning = "Of daily returns over all calendar days, a year of 365 days, no interest."
    if not one.enough:
        return Card("Sharpe", TOO_FEW, f"n {one.runs:,}, from {FEW} runs on", meaning)
    if not capital:
        return Card("Sharpe", parts.DASH, "needs the capital: give it in the filter", meaning)
    more = f"Sortino {parts.number(one.sortino)} · Calmar {parts.number(one.calmar)} · n {one.days:,} days"
    return Card("Sharpe", parts.number(one.sharpe), more, meaning)


def _interval(board: Board) -> str:
    if not board.figures.enough or board.expectancy is None:
        return f"n {board.figures.runs:,}: {TOO_FEW} for an interval"
    low, high = board.expectancy
    return f"95 %: {parts.percent(low)} to {parts.percent(high)}"


def _share(value: float | None, decimals: int = 1) -> str:
    return parts.percent(None if value is None else value * 100, decimals, signed=False)


def _ways_on(asked: run_filter.Asked, runs: int) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="an_ways"):
        st.download_button(
            "Export CSV",
            lambda: table_text(asked),
            "runs.csv",
            "text/csv",
            key="an_csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.page_link(
            "pages/history.py",
            label=f"These {runs:,} runs in History" if runs > 1 else "This run in History",
            icon=":material/history:",
            query_params=run_filter.address(),
        )


def table_text(asked: run_filter.Asked) -> str:
    """The runs of a filter as CSV."""
    return table_csv(*service.desk().analytics.table(asked.wanted, account=asked.account))


# ---------------------------------------------------------------- rows of charts


def _over_time(board: Board, asked: run_filter.Asked, places: int, *, sample: bool) -> None:
    left, right = st.columns([1.25, 1], gap="small")
    with left, st.container(border=True, key="an_equity_box", height="stretch"):
        has_capital = sample or asked.capital is not None
        _title("Equity and drawdown" if has_capital else "P&L added up, and drawdown", sample=sample)
        last, falls = board.days[-1], board.figures.drawdown
        _plot(
            charts.equity(board, has_capital, places),
            "an_equity",
            f"Equity over {len(board.days)} days: last {parts.dollars(last.equity, places, signed=not has_capital)}, "
            f"deepest fall {parts.dollars(falls.usd, places, signed=True)}",
            sample=sample,
        )
    with right, st.container(border=True, key="an_days_box", height="stretch"):
        in_percent = _unit() == "pct"
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            _title("Days", sample=sample)
            _unit_field()
        best, worst = max(board.cells, key=lambda one: one.made), min(board.cells, key=lambda one: one.made)
        _plot(
            charts.calendar(board, in_percent=in_percent, places=places),
            "an_days",
            f"P&L of {len(board.cells)} days: best {parts.dollars(best.made, places, signed=True)} on {best.day:%d %b %Y}, "
            f"worst {parts.dollars(worst.made, places, signed=True)} on {worst.day:%d %b %Y}",
            sample=sample,
        )
        st.markdown("Indian days on which runs ended, the last 53 weeks; % is of the premium sold.")


def _unit() -> str:
    unit = st.query_params.get("unit", "usd")
    if unit in _UNITS:
        return unit
    st.warning(
        fmt.safe(f"unit={fmt.plain(unit, 40)} is neither usd nor pct: days are in USD."), icon=":material/link_off:"
    )
    return "usd"


def _unit_field() -> None:
    st.session_state["an_unit"] = st.query_params.get("unit") if st.query_params.get("unit") in _UNITS else "usd"
    st.segmented_control(
        "Unit of the days", list(_UNITS), key="an_unit", format_func=_UNITS.__getitem__, required=True, label_visibility="collapsed",
        on_change=lambda: run_filter.put("unit", None if st.session_state["an_unit"] == "usd" else "pct"),
    )  # fmt: skip


def _parted(board: Board, places: int, *, sample: bool) -> None:
    exits, hours, pnl = st.columns(3, gap="small", border=True)
    with exits:
        _title("By exit", sample=sample)
        names = [words.ended_by(one.label) for one in board.exits]
        _plot(charts.boxes(board.exits, names), "an_exits", _slices_words(board.exits, names), sample=sample)
    with hours:
        _title("By hour of the entry (IST)", sample=sample)
        _plot(charts.hours(board.hours, places), "an_hours", f"Mean P&L of {len(board.hours)} hours", sample=sample)
    with pnl:
        _title("P&L of a run", sample=sample)
        _plot(charts.histogram(board.pnl, "$"), "an_pnl", f"P&L of {board.figures.runs} runs by size", sample=sample)
    for place, title, slices, key in zip(
        st.columns(3, gap="small", border=True),
        ("By days to expiry", "By volatility at entry", "By version of the preset"),
        (board.expiries, board.volatilities, board.versions),
        ("an_expiries", "an_volatilities", "an_versions"),
        strict=True,
    ):
        with place:
            _title(title, sample=sample)
            labels = [one.label for one in slices]
            _plot(charts.bars(slices, places), key, _slices_words(slices, labels), sample=sample)


def _slices_words(slices: Sequence[Slice], names: Sequence[str]) -> str:
    return "Mean P&L: " + "; ".join(
        f"{name} {parts.percent(one.average_pct)} of {one.runs:,} runs" for one, name in zip(slices, names, strict=True)
    )


def _of_a_seller(seller: Seller, *, sample: bool) -> None:
    kept, past, moves, volatility = (
        *st.columns(2, gap="small", border=True), *st.columns(2, gap="small", border=True),
    )  # fmt: skip
    with kept:
        _title("Premium kept", sample=sample)
        levels = [(words.ended_by(reason), at) for reason, at in seller.levels]
        said = f"Median {parts.percent(seller.kept_median)} of the premium kept"
        _plot_or_say(charts.histogram(seller.kept, "%", levels=levels), "an_kept", said, seller.kept, sample=sample)
    with past:
        _title("Past the stop", sample=sample)
        said = (
            f"{seller.stopped:,} runs that a stop has ended: median {parts.percent(seller.past_stop_median)}, "
            f"worst {parts.percent(seller.past_stop_worst)} of the premium beyond the level"
        )
        _plot_or_say(
            charts.histogram(seller.past_stop, "%", toned=False), "an_past", said, seller.past_stop, sample=sample
        )
    with moves:
        _title("Realised against implied move", sample=sample)
        said = f"Spot moved no more than implied in {_share(seller.inside)} of {seller.moved:,} runs (one standard deviation: 68 %)"
        figure = charts.scatter(seller.moves, "Implied move", "Realised move", diagonal=True)
        _plot_or_say(figure, "an_moves", said, seller.moves, sample=sample)
    with volatility:
        _title("Volatility at entry against result", sample=sample)
        said = f"{len(seller.volatility):,} runs by the implied volatility of their legs when they were chosen"
        figure = charts.scatter(seller.volatility, "Volatility", "P&L of the premium")
        _plot_or_say(figure, "an_iv", said, seller.volatility, sample=sample)


def _orders(one: Performance, more: Execution, places: int, *, sample: bool) -> None:
    with st.container(border=True, key="an_orders_box"):
        _title("How the orders went", sample=sample)
        markup.draw(cards.cards(_order_cards(one, more, places)))
        left, right = st.columns([1, 1], gap="small")
        with left:
            if more.slips:
                sheet.draw(*slip_rows(more), name="Slippage by leg", right=("Contracts", "Ticks worse than decided"))
            else:
                st.markdown("Slippage by leg is not recorded of these runs.")
        with right:
            said = "Seconds from an order's intent to its last fill"
            _plot_or_say(
                charts.histogram(more.fill_secs, "s", toned=False, of="orders"),
                "an_fill_secs",
                said,
                more.fill_secs,
                sample=sample,
            )


def _order_cards(one: Performance, more: Execution, places: int) -> list[Card]:
    return [
        Card(
            "Slippage",
            parts.dollars(one.slippage_usd, places, signed=True),
            "worse than decided; below 0: better",
            "Against the price each order was decided on, all contracts.",
        ),
        Card(
            "Time to fill",
            _secs(one.fill_secs_median),
            f"median · 95 % within {_secs(one.fill_secs_p95)}",
            "From an order's intent to its last fill, this machine's clock.",
        ),
        Card("As maker", _share(one.maker_share), f"of {more.filled:,} contracts"),
        Card("Filled", _share(one.fill_rate), "of the contracts sent"),
        Card(
            "Rejected",
            _share(one.rejection_rate),
            f"{more.rejected:,} of {one.attempts:,} orders · our gate let {_share(one.risk_pass_rate)} out",
        ),
        Card(
            "Out after the decision",
            _secs(more.exit_secs_median),
            f"median · 95 % within {_secs(more.exit_secs_p95)} · n {more.exits:,}",
            "From the decision to leave to the last fill of the run.",
        ),
        Card(
            "One leg alone",
            _secs(one.naked_secs),
            f"the longest · {_secs(more.naked_secs)} in {more.naked_runs:,} runs",
            f"Worst exposure {parts.dollars(one.worst_exposure_usd, 0)} of notional.",
        ),
        Card("On margin", parts.percent(one.return_on_margin_pct), "P&L over the margin when entered"),
    ]


def slip_rows(more: Execution) -> tuple[tuple[str, ...], list[list[str]]]:
    """A line for each leg, entered and left."""
    head = ("Leg", "Contracts", "Ticks worse than decided")
    return head, [
        [f"{one.leg} {one.way}", f"{one.contracts:,}", parts.number(one.ticks, signed=True)] for one in more.slips
    ]


def _secs(value: float | None) -> str:
    return parts.DASH if value is None else f"{value:,.1f} s"


def _parts_words(board: Board, places: int) -> str:
    return f"P&L of {len(board.spans)} {board.per}s by what it came from, " + "; ".join(
        f"{one.label} {parts.dollars(one.pnl, places, signed=True)}" for one in board.spans[-8:]
    )


# ---------------------------------------------------------------- drawing


def _title(text: str, *, sample: bool) -> None:
    st.markdown(fmt.tagged("orange", "SAMPLE", text) if sample else fmt.strong(text))


def _plot(figure: go.Figure, key: str, alt: str, *, sample: bool) -> None:
    st.plotly_chart(
        charts.marked_sample(figure) if sample else figure,
        key=key,
        config={"displayModeBar": False},
        alt=f"Sample. {alt}" if sample else alt,
    )


def _plot_or_say(figure: go.Figure, key: str, said: str, data: Sequence[object], *, sample: bool) -> None:
    """The chart with its sentence; without data, that there is none."""
    if data:
        _plot(figure, key, said, sample=sample)
        st.markdown(fmt.safe(said))
    else:
        st.markdown("Not recorded of these runs.")
