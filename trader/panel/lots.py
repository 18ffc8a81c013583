"""The lot sizer of the start box: the size of this one run, as contracts or as a target of money. The preset stays as it is."""

from decimal import Decimal
from typing import get_args

import streamlit as st

from trader.config.preset import Preset
from trader.desk import LotSize, SizeBy
from trader.domain.errors import TraderError
from trader.panel import format as fmt
from trader.panel import service, shown

_BY, _AMOUNT, _ANSWER = "dash_size_by", "dash_size_amount", "dash_size_answer"
_PRESET = "preset"
_NAMES = {
    _PRESET: "As preset",
    "contracts": "Contracts",
    "premium": "Premium $",
    "margin": "Margin $",
    "max_loss": "Max loss $",
}


def choose(preset: Preset) -> Preset:
    """The fields, and the preset with the quantity they give for this run."""
    shown.begin_with(_BY, _PRESET)
    by = st.segmented_control(
        "Size by", [_PRESET, *get_args(SizeBy)], format_func=_NAMES.__getitem__, key=_BY, required=True
    )
    if by == _PRESET or by is None:
        st.session_state[_ANSWER] = None
        st.markdown("The quantity of the preset.")
        return preset
    shown.begin_with(_AMOUNT, None)
    amount = st.number_input("At most", min_value=0.0, value=None, key=_AMOUNT, placeholder="Type a number")
    st.markdown("The most contracts that stay within it, for this run only; the preset keeps its own quantity.")
    if amount is None:
        st.session_state[_ANSWER] = None
        return preset
    try:
        size = service.desk().size_for(preset, by, Decimal(str(amount)))
    except TraderError as error:
        size = LotSize(contracts=0, words=fmt.plain(error))
    st.session_state[_ANSWER] = size
    return preset if size.contracts < 1 else _sized(preset, size.contracts)


def _sized(preset: Preset, contracts: int) -> Preset:
    return preset.model_copy(update={"strategy": preset.strategy.model_copy(update={"quantity": contracts})})


def target() -> tuple[object, object]:
    """What is asked for as it stands now."""
    return st.session_state.get(_BY, _PRESET), st.session_state.get(_AMOUNT)


def unmet() -> bool:
    """True while a target is given that no contract stays within: then there is nothing to start."""
    size: LotSize | None = st.session_state.get(_ANSWER)
    return size is not None and size.contracts < 1


def answer(stored: Preset, used: Preset) -> None:
    """What the target came to, beside the button; nothing while the preset's own quantity is used."""
    size: LotSize | None = st.session_state.get(_ANSWER)
    if size is None:
        return
    if size.contracts < 1:
        st.markdown(fmt.red(f"Nothing to start: {size.words}"))
        return
    said = (
        f"{used.strategy.quantity:,} for this run only; the preset stays at {stored.strategy.quantity:,}. {size.words}"
    )
    st.markdown(fmt.safe(said))
