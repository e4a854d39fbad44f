"""Download buttons for what is on screen.

The files are made with the buttons. Streamlit can also make one at the click, but deletes it again at the end of the
second script run after that, of whatever tab: with a page that refreshes itself twice a second the browser comes late.
"""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from ui import exports
from ui.controls import FileChoice
from ui.port import DeskPort
from ui.reading import Reading

CANDLES = 20_000
TRADES = 500_000
MIME = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def render(desk: DeskPort, reading: Reading, choice: FileChoice) -> None:
    """Draw one button a file; what its name says is what it holds."""
    pair = (reading.symbol_y, reading.symbol_x)
    timeframe_s, newest = reading.params.timeframe_s, reading.report.newest_ms
    now, ends = int(reading.now_ms or 0), (newest or 0) + timeframe_s * 1000
    candles = analytics = journal = trades = None
    if newest is not None:
        candles = exports.candles_table(desk.candles(s, timeframe_s, limit=CANDLES, to_ms=ends) for s in pair)
        analytics = exports.analytics_table(reading.report)
    if reading.said:
        journal = exports.journal_table(reading.said)
    if choice.trades_s and now:
        trades = exports.trades_table(desk.trades(s, now - choice.trades_s * 1000, now + 1, TRADES) for s in pair)
    for what, table, ms in (
        ("candles", candles, ends),
        ("analytics", analytics, ends),
        ("journal", journal, ends),
        ("trades", trades, now),
    ):
        _button(what, table, exports.file_name(what, pair, timeframe_s, ms, choice.kind), choice)


def _button(what: str, table: pa.Table | None, name: str, choice: FileChoice) -> None:
    st.download_button(
        what.capitalize(),
        b"" if table is None else exports.encode(table, choice.kind),
        name,
        MIME[choice.kind],
        key=f"export_{what}",
        on_click="ignore",
        icon=":material/download:",
        disabled=table is None,
    )
