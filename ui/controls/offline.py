"""Choices about files: which, which leg is which, and what files do not tell."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.candle_file import MAX_BYTES, CandleFile, read
from ui.offline import Assumed

DEFAULT = Assumed()
HELP = (
    "Binance's kline files, their names as they came (BTCUSDT-1m-2024-07.csv), one for each leg; or one file with the "
    "columns open_time_ms, symbol, open, high, low, close, volume. They stay in this tab's memory and go nowhere else."
)


def files() -> list[CandleFile]:
    """What was given, each file read and checked."""
    given = st.file_uploader(
        "Candles of both legs, CSV",
        type="csv",
        accept_multiple_files=True,
        max_upload_size=MAX_BYTES // 1_000_000,
        key="offline_files",
        help=HELP,
    )
    return [read(one.name, one.getvalue()) for one in given[:4]]


def legs(symbols: Sequence[str]) -> tuple[str, str]:
    """Which symbol is priced, and which hedges it."""
    one, other = st.columns(2)
    with one:
        y = st.selectbox("Y, the leg that is priced", symbols, index=0, key="offline_y", help="The fit explains it.")
    with other:
        x = st.selectbox("X, the leg that hedges it", symbols, index=1, key="offline_x", help="It explains Y.")
    return y, x


def assumed() -> Assumed:
    """Costs that no candle shows."""
    one, other = st.columns(2)
    with one:
        half = st.number_input(
            "Half price-spread of each leg, bps",
            0.0,
            100.0,
            DEFAULT.half_spread_bps,
            0.1,
            key="offline_half",
            help="Paid as often as a fee: twice on each leg.",
        )
    with other:
        funding = st.number_input(
            "Funding over the hold, bps of gross",
            -100.0,
            100.0,
            DEFAULT.funding_bps,
            0.1,
            key="offline_funding",
            help="Positive is paid, negative received.",
        )
    return Assumed(float(half), float(funding))
