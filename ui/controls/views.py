"""Choices that belong to a part of a page and stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

KINDS: Final[dict[str, Literal["csv", "parquet"]]] = {"CSV": "csv", "Parquet": "parquet"}
TRADES_S: Final = {"No trades": 0, "10 min": 600, "1 h": 3600, "6 h": 21_600, "24 h": 86_400}
BARS: Final = {"120": 120, "400": 400, "1,000": 1000, "2,000": 2000}


@dataclass(frozen=True, slots=True)
class FileChoice:
    """How files are written, and how far back trades go."""

    kind: Literal["csv", "parquet"]
    trades_s: int  # 0: none


def file_choice() -> FileChoice:
    """What the download buttons give."""
    kind = st.segmented_control(
        "File format",
        list(KINDS),
        default="CSV",
        key="file_kind",
        required=True,
        label_visibility="collapsed",
        help="CSV for a spreadsheet, Parquet for exact types.",
    )
    trades = st.selectbox(
        "Trades of the last",
        list(TRADES_S),
        index=0,
        key="file_trades",
        width=140,
        label_visibility="collapsed",
        help="How far back the trades file goes.",
    )
    return FileChoice(KINDS[kind], TRADES_S[trades])


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
