"""Download buttons. The file is made when it is asked for, not when the button is drawn."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui import exports
from ui.controls import FileChoice
from ui.port import DeskPort
from ui.reading import Reading

EXPORT_CANDLES = 20_000
EXPORT_TRADES = 500_000
MIME = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def render(desk: DeskPort, reading: Reading, choice: FileChoice) -> None:
    """Draw one button a file."""
    pair = (reading.symbol_y, reading.symbol_x)
    timeframe_s, newest = reading.params.timeframe_s, reading.report.newest_ms

    def candles() -> exports.Table:
        return exports.candles_table(desk.candles(s, timeframe_s, limit=EXPORT_CANDLES) for s in pair)

    def analytics() -> exports.Table:
        return exports.analytics_table(reading.report)

    def journal() -> exports.Table:
        return exports.journal_table(reading.said)

    def trades() -> exports.Table:
        until = int(reading.now_ms or 0) + 1
        since = until - choice.trades_s * 1000
        return exports.trades_table(desk.trades(s, since, until, EXPORT_TRADES) for s in pair)

    for label, what, table, missing in (
        ("Candles", "candles", candles, newest is None),
        ("Analytics", "analytics", analytics, newest is None),
        ("Journal", "journal", journal, not reading.said),
        (f"Trades, last {choice.trades}", "trades", trades, reading.now_ms is None),
    ):
        st.download_button(
            label,
            _lazily(table, choice.kind),
            exports.file_name(what, pair, timeframe_s, newest or 0, choice.kind),
            MIME[choice.kind],
            key=f"export_{what}",
            on_click="ignore",
            icon=":material/download:",
            disabled=missing,
        )


def _lazily(table: Callable[[], exports.Table], kind: exports.Kind) -> Callable[[], bytes]:
    return lambda: exports.encode(table(), kind)
