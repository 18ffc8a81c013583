"""What a preset would trade now: its legs, what that brings and costs, what may come of it, or why nothing qualifies."""

import time
from decimal import Decimal

import streamlit as st

from trader.config.preset import Preset
from trader.desk import Preview, PreviewLeg, reach_of_preview
from trader.desk.market import exit_figures
from trader.domain.errors import TraderError
from trader.domain.margin import counted_words
from trader.domain.structure_words import verb
from trader.panel import cards, markup, parts, payoff, service
from trader.panel import format as fmt
from trader.panel.cards import Card

_SHARED_SECS = 1.5
_REDRAWN_SECS = 30.0  # a Plotly chart whose data changes is built anew, and with it goes what one points at
_FIGURE = "dash_payoff"
_seen: dict[tuple[int, str], tuple[float, Preview | str]] = {}


def look(preset: Preset) -> Preview | str:
    """The preview, or one sentence why the exchange cannot be asked; shared by the parts of a page and by tabs."""
    desk = service.desk()
    key = (id(desk), preset.config_hash)
    found = _seen.get(key)
    if found is not None and time.monotonic() - found[0] < _SHARED_SECS:
        return found[1]
    try:
        seen: Preview | str = desk.preview(preset)
    except TraderError as error:
        seen = fmt.plain(error)
    if len(_seen) > 50:  # edits make new hashes
        _seen.clear()
    _seen[key] = (time.monotonic(), seen)
    return seen


def draw(preset: Preset) -> None:
    """The whole of it, refreshed every 3 s; for one's own frame around it."""
    cards.style()
    _draw(preset)


@st.fragment(run_every=3)
def _draw(preset: Preset) -> None:
    seen = look(preset)
    title = f"What it would {verb(preset.structure)} now"
    if isinstance(seen, str):
        st.markdown(fmt.strong(title))
        st.markdown(":red[The exchange cannot be asked; it is tried again every 3 s.]")
        st.text(seen)
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="xsmall"):
        st.markdown(fmt.strong(title), help=fmt.safe(_closing_words(seen), 600), width="content")
        st.markdown(fmt.safe(_market_line(seen, preset)), help=fmt.utc_hint(seen.expiry), width="content")
    if seen.reasons or seen.warnings:
        barred = [cards.row(False, "", reason) for reason in seen.reasons]
        warned = [cards.row(None, "", warning) for warning in seen.warnings]
        markup.draw(markup.tag("div", *barred, *warned, class_="ar-told"))
    if not seen.legs:
        return
    with st.container(key="preview_open"):
        left, right = st.columns([1, 1.15], gap="medium")
        with left:
            markup.draw(legs_table(seen))
        with right:
            _payoff(preset, seen, "preview_figure")
    _words(preset, seen)
    with st.container(key="preview_figures"):
        markup.draw(cards.cards(figures(preset, seen)))
    with st.container(key="preview_folded"), st.expander("Strikes and payoff", key="preview_fold"):
        with st.container(key="preview_fold_figures"):  # beside a result a phone has no room for them either
            markup.draw(cards.cards(figures(preset, seen)))
        markup.draw(legs_table(seen))  # a phone has room for them on demand
        _payoff(preset, seen, "preview_figure_folded")


def _market_line(seen: Preview, preset: Preset) -> str:
    hours = ""
    if seen.expiry is not None and seen.market is not None:
        hours = f" ({(seen.expiry - seen.market).total_seconds() / 3600:.0f}\u00a0h)"
    return f"{preset.strategy.underlying} {parts.spot(seen.spot)} · expiry {fmt.ist_day_time(seen.expiry)}{hours}"


def _closing_words(seen: Preview) -> str:
    return exit_figures(seen) or "At the first limit prices of all legs; nothing is reserved."


def leg_name(leg: PreviewLeg) -> str:
    """``C 80,000``, the space unbreakable."""
    return f"{'C' if leg.kind == 'call' else 'P'}\u00a0{leg.strike.normalize():,f}"


def legs_table(seen: Preview) -> markup.Html:
    """A column for each leg."""
    legs = seen.legs
    decimals = parts.price_places([price for leg in legs for price in (leg.bid, leg.ask)])
    return cards.columns(
        [f"{leg.side.capitalize()} {leg_name(leg)}" for leg in legs],
        [
            *(
                [("Contracts", [_whole(leg.quantity) for leg in legs])]
                if len({leg.quantity for leg in legs}) > 1
                else []
            ),
            ("Delta", [parts.number(leg.delta, 3, signed=True) for leg in legs]),
            ("IV", [parts.percent(None if leg.iv is None else leg.iv * 100, signed=False) for leg in legs]),
            ("Bid × size", [f"{parts.price(leg.bid, decimals)} × {_whole(leg.bid_size)}" for leg in legs]),
            ("Ask", [parts.price(leg.ask, decimals) for leg in legs]),
            ("Mark", [parts.price(leg.mark, decimals) for leg in legs]),
            ("Spread", [parts.percent(spread_pct(leg), signed=False) for leg in legs]),
            ("Open interest", [_whole(leg.open_interest) for leg in legs]),
        ],
    )


def _whole(value: Decimal | int | None) -> str:
    return parts.number(value, 0)


def spread_pct(leg: PreviewLeg) -> Decimal | None:
    """Bid-ask spread as a preset's widest spread counts it: % of the mid price."""
    if leg.bid is None or leg.ask is None or leg.bid + leg.ask <= 0:
        return None
    return (leg.ask - leg.bid) / (leg.ask + leg.bid) * 200


def figures(preset: Preset, seen: Preview) -> list[Card]:
    """What the trade brings, what it binds, and where it loses."""
    decimals = parts.places(seen.premium)
    return [
        Card(
            "Premium",
            parts.dollars(seen.premium, decimals),
            _arithmetic(preset, seen),
            f"At the first limit prices, before {parts.dollars(seen.fees, decimals)} of fees.",
        ),
        Card(
            "Margin, estimated",
            parts.dollars(seen.margin, parts.places(seen.margin)),
            f"{counted_words(seen.margined.mode)}; {parts.percent(seen.return_on_margin_pct, signed=False)} return if all is kept",
            "Premium less the fees of selling, of the margin: the most this trade can return on it.",
        ),
        Card(
            "Breakevens",
            _pair(seen.breakevens_after_fees or seen.breakevens),
            "at expiry, fees in" if seen.breakevens_after_fees else "at expiry, before fees",
            "Spot at expiry.",
        ),
        Card(
            "Max loss at",
            _pair((seen.stop_low, seen.stop_high)),
            "if spot were there now",
            "Where the maximum loss would fire, cost to close, at unchanged implied volatility.",
        ),
    ]


def _arithmetic(preset: Preset, seen: Preview) -> str:
    """``(152.60 + 151.10) × 0.025 BTC``, what is bought taken off."""
    if seen.contract_value is None or len({leg.quantity for leg in seen.legs}) > 1:
        return "net of all legs"
    signs = [" + " if leg.side == "sell" else f" {parts.MINUS} " for leg in seen.legs]
    prices = "".join(sign + parts.price(leg.limit_price) for sign, leg in zip(signs, seen.legs, strict=True))
    prices = prices.strip().removeprefix("+ ")
    units = parts.amount(preset.strategy.quantity * seen.contract_value)
    return f"({prices}) × {units}\u00a0{preset.strategy.underlying}"


def _pair(values: tuple[Decimal | float | None, ...]) -> str:
    if not any(value is not None for value in values):
        return parts.DASH
    return " / ".join(parts.spot(value) for value in values)


def _share(value: Decimal | None, seen: Preview) -> Decimal | None:
    return None if value is None or seen.basis is None else value / seen.basis.usd * 100


def start_words(seen: Preview) -> str:
    """``You start at −15 %: spread −7 %, fees in and out −8 %``: the parts add up as they are shown."""
    start, spread = _share(seen.start_pnl, seen), _share(seen.spread, seen)
    if start is None or spread is None:
        return "What you start at is not known."
    whole, part = round(start), round(-spread)
    shown = [parts.percent(value, 0) for value in (whole, part, whole - part)]
    money = parts.dollars(seen.start_pnl, parts.places(seen.premium), signed=True)
    return f"You start at {shown[0]}: spread {shown[1]}, fees in and out {shown[2]} ({money} of P&L)"


def _words(preset: Preset, seen: Preview) -> None:
    decimals = parts.places(seen.premium)
    money = (
        f"{parts.dollars(seen.spread, decimals)} of spread, {parts.dollars(seen.fees, decimals)} fees to sell and "
        f"{parts.dollars(seen.closing_fees, decimals)} to buy back now."
    )
    st.markdown(fmt.strong(start_words(seen)), help=fmt.safe(money))
    if said := reach_of_preview(preset, seen):
        st.markdown(fmt.safe(said, 600))


def _payoff(preset: Preset, seen: Preview, key: str) -> None:
    """Drawn again when the legs change, else at most every 30 s."""
    if seen.payoff is None:
        st.markdown("The payoff is not known yet.")
        return
    about = (preset.config_hash, tuple(leg.symbol for leg in seen.legs))
    kept: tuple[object, float, Preview] | None = st.session_state.get(_FIGURE)
    if kept is None or kept[0] != about or time.monotonic() - kept[1] > _REDRAWN_SECS:
        kept = (about, time.monotonic(), seen)
        st.session_state[_FIGURE] = kept
    st.plotly_chart(
        payoff.figure(kept[2]), key=key, config={"displayModeBar": False, "scrollZoom": False},
        alt=payoff.in_words(kept[2]),
    )  # fmt: skip
