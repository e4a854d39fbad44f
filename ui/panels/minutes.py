"""The per-minute table of one symbol, with its file."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import streamlit as st

from ui import exports
from ui.controls.download import download
from ui.markup import el

COLUMNS = {
    "minute_utc": st.column_config.DatetimeColumn("Minute, UTC", format="YYYY-MM-DD HH:mm"),
    "trades": st.column_config.NumberColumn("Trades", format="localized"),
    "volume": st.column_config.NumberColumn("Volume, base", format="%.3f"),
    "close": st.column_config.NumberColumn("Close, quote", format="%.6g"),
    "return_bps": st.column_config.NumberColumn("Return, bps", format="%.1f"),
    "range_bps": st.column_config.NumberColumn("High to low, bps", format="%.1f"),
    "from": st.column_config.TextColumn("Built from"),
}


def render(symbol: str, frame: pd.DataFrame, newest_ms: int | None) -> None:
    """Draw the table and its download; one line where there is nothing to draw yet."""
    if frame.empty:
        st.html(el("p", f"No minute of {symbol} has been confirmed yet.", cls="ps-none", data_key="no_minutes"))
        return
    st.dataframe(frame, column_config=COLUMNS, hide_index=True, height=420, width="stretch", key="minutes")
    download(
        "Minutes, CSV",
        exports.encode(pa.Table.from_pandas(frame, preserve_index=False), "csv"),
        exports.file_name("minutes", (symbol,), 60, newest_ms or 0),
        "export_minutes",
    )
