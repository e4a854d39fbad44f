"""Choices that belong to a part of a page and stand beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

LOOK_BARS: Final = {"120": 120, "300": 300}  # as many rows with statistics as every look has, whatever its N
FILE_BARS: Final = {**LOOK_BARS, "1,000": 1000, "2,000": 2000}  # a file's report has all its rows


def shown_bars(lengths: Mapping[str, int] = LOOK_BARS, key: str = "bars") -> int:
    """How many candles the figure shows."""
    chosen = st.segmented_control(
        "Candles shown",
        list(lengths),
        default="300",
        key=key,
        bind="query-params",
        required=True,
        help="How many of the newest confirmed candles the figure shows.",
    )
    return lengths[chosen]


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
