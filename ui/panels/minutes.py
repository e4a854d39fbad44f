"""The per-minute table of one symbol, with its file."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import streamlit as st

from ui import exports, formats
from ui.controls.download import download
from ui.markup import el

COLUMNS = {
    "minute_utc": st.column_config.DatetimeColumn("Minute, UTC", format="YYYY-MM-DD HH:mm"),
    "trades": st.column_config.NumberColumn("Trades", format="localized"),
    "volume": st.column_config.NumberColumn("Volume, base", format="%.3f"),
    "return_bps": st.column_config.NumberColumn("Return, bps", format="%.1f"),
    "range_bps": st.column_config.NumberColumn("High to low, bps", format="%.1f"),
    "from": st.column_config.TextColumn("Built from"),
}


def render(symbol: str, frame: pd.DataFrame, newest_ms: int | None, tick_size: float | None) -> None:
    """Draw the table and its download; one line where there is nothing to draw yet.

    ``tick_size`` is the exchange's price step; None while unknown.
    """
    if frame.empty:
        st.html(el("p", f"No minute of {symbol} has been confirmed yet.", cls="ps-none", data_key="no_minutes"))
        return
    close = f"%.{formats.step_places(tick_size)}f" if tick_size else "%.6g"
    columns = {**COLUMNS, "close": st.column_config.NumberColumn("Close, quote", format=close)}
    st.dataframe(frame, column_config=columns, hide_index=True, height=420, width="stretch", key="minutes")
    download(
        "Minutes, CSV",
        exports.encode(pa.Table.from_pandas(frame, preserve_index=False), "csv"),
        exports.file_name("minutes", (symbol,), 60, newest_ms or 0),
        "export_minutes",
    )
