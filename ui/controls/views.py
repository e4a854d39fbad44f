"""Choices that belong to a part of a page and stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

BARS: Final = {"120": 120, "400": 400, "1,000": 1000, "2,000": 2000}


def shown_bars() -> int:
    """How many candles the figure shows."""
    chosen = st.segmented_control(
        "Candles shown",
        list(BARS),
        default="400",
        key="bars",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
        help="How many of the newest confirmed candles the figure shows.",
    )
    return BARS[chosen]


def minutes_of(symbols: Sequence[str], first: str) -> str | None:
    """Whose minutes the Data page shows; None while nothing is streamed."""
    if not symbols:
        return None
    return st.selectbox(
        "Symbol",
        symbols,
        index=symbols.index(first) if first in symbols else 0,
        key="minutes",
        width=240,
        help="Any streamed symbol.",
    )
