"""The two legs: search over every symbol, swap, and the sentence when they do not make a pair."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import streamlit as st

from core.errors import PairsightError
from core.settings import Settings
from core.types import DeskStatus
from ui.candle_row import SYMBOL
from ui.port import DeskPort


@dataclass(frozen=True, slots=True)
class ChosenPair:
    """The chosen pair. ``problem`` says why it is none."""

    symbol_y: str
    symbol_x: str
    problem: str


def draw(desk: DeskPort, settings: Settings, status: DeskStatus) -> ChosenPair:
    """Draw both choices and the swap. Both legs are streamed from then on."""
    options = _options(desk, settings, status)
    default_x = settings.symbols[0]
    default_y = settings.symbols[1] if len(settings.symbols) > 1 else default_x
    st.subheader("Pair")
    symbol_y = st.selectbox(
        "Y, the leg that is priced",
        options,
        index=options.index(default_y),
        key="y",
        bind="query-params",
        help="The leg that the fit explains. Type to search over all symbols.",
    )
    symbol_x = st.selectbox(
        "X, the leg that hedges it",
        options,
        index=options.index(default_x),
        key="x",
        bind="query-params",
        help="The leg that explains. β says how much of X hedges Y.",
    )
    st.button(
        "Swap Y and X",
        icon=":material/swap_vert:",
        on_click=_swap,
        key="swap",
        width="stretch",
        help="The fit is not symmetric: the other order is another question.",
    )
    problem = _problem(desk, symbol_y, symbol_x, set(status.symbols))
    if problem:
        st.error(problem, icon=":material/error:")
    return ChosenPair(symbol_y, symbol_x, problem)


def _options(desk: DeskPort, settings: Settings, status: DeskStatus) -> list[str]:
    """Every trading contract, what is streamed, and what a link asks for before the list has come."""
    trading = {s for s, info in desk.catalogue().items() if info.status == "TRADING"}
    asked = {str(st.query_params.get(k) or st.session_state.get(k) or "") for k in ("y", "x")}
    return sorted(trading | {*settings.symbols, *status.symbols} | {s for s in asked if SYMBOL.fullmatch(s)})


def _problem(desk: DeskPort, symbol_y: str, symbol_x: str, streamed: Set[str]) -> str:
    if symbol_y == symbol_x:
        return f"Y and X are both {symbol_y}. A pair needs two different symbols."
    for symbol in (symbol_y, symbol_x):
        if symbol not in streamed:
            try:
                desk.add_symbol(symbol)
            except PairsightError as error:
                return str(error)
    return ""


def _swap() -> None:
    st.session_state["y"], st.session_state["x"] = st.session_state["x"], st.session_state["y"]
