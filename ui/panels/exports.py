"""Download buttons. The file is made when it is asked for, not when the button is drawn."""

from __future__ import annotations

import streamlit as st

from ui import exports
from ui.port import DeskPort
from ui.reading import Reading

EXPORT_CANDLES = 20_000


def render(desk: DeskPort, reading: Reading) -> None:
    """Draw one button a file."""
    pair = (reading.symbol_y, reading.symbol_x)
    timeframe, newest = reading.params.timeframe_s, reading.report.newest_ms
    empty = newest is None
    at = newest or 0

    def candles() -> str:
        return exports.candles_csv(desk.candles(s, timeframe, limit=EXPORT_CANDLES) for s in pair)

    def analytics() -> str:
        return exports.analytics_csv(reading.report)

    def journal() -> str:
        return exports.journal_csv(reading.said)

    for label, what, data, missing in (
        ("Candles, CSV", "candles", candles, empty),
        ("Analytics, CSV", "analytics", analytics, empty),
        ("Journal, CSV", "journal", journal, not reading.said),
    ):
        st.download_button(
            label,
            data,
            exports.file_name(what, pair, timeframe, at),
            "text/csv",
            key=f"export_{what}",
            on_click="ignore",
            icon=":material/download:",
            disabled=missing,
        )
