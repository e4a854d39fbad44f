"""The ranked pairs: a table to sort and search, a click that opens one, and its file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import streamlit as st

from analytics.market import TIMEFRAME_S, MarketView
from analytics.params import Params
from analytics.scanner import Scan, why
from core.types import DeskStatus
from ui import exports, formats
from ui.controls.answers import show
from ui.controls.download import download
from ui.controls.market import Pair, Shown, actions, clicked, table_key
from ui.markup import Markup, el
from ui.port import DeskPort
from ui.scan_table import MOST_ROWS, frame

_NUMBER = st.column_config.NumberColumn
COLUMNS = {
    "watched": st.column_config.TextColumn("★", width=30, help="On your watch-list"),
    "y": st.column_config.TextColumn("Y", help="The leg that is priced"),
    "x": st.column_config.TextColumn("X", help="The leg that hedges it: the one of more volume"),
    "z": _NUMBER("z", format="%+.2f", help="Last residual of the fit, in its standard deviations"),
    "break_even_z": _NUMBER("pays from |z|", format="%.1f", help="Where all of a stretch would pay the round trip"),
    "half_life_bars": _NUMBER("half-life, min", format="%.1f", help="Minutes until half of a deviation is gone"),
    "adjusted": _NUMBER(
        "FDR", format="%.2g", help="After all tests: the smallest false discovery rate at which the pair passes"
    ),
    "pvalue": _NUMBER("EG p", format="%.2g", help="Engle-Granger, 2 lags; of this test alone"),
    "stat": _NUMBER("EG t", format="%.2f", help="Engle-Granger statistic, 2 lags: the lower, the stronger"),
    "beta": _NUMBER("β", format="%.2f", help="Notional of X per notional of Y"),
    "corr": _NUMBER("corr", format="%.2f", help="Of log returns"),
    "sd_bps": _NUMBER("spread sd, bps", format="%.1f", help="Of gross notional"),
    "stale_share": _NUMBER("stale", format="percent", help="Worse leg's share of minutes without a new price"),
    "reason": st.column_config.TextColumn("Why", width=900),
}
ROW, LEAST_ROWS, MOST_SEEN = 35, 4, 11  # pixels; rows before the table scrolls
EMPTY = {
    "candidates": "No pair passes the correction for all tests now, the usual answer. Each minute asks again.",
    "watched": "Nothing on the watch-list is in this scan. Choose a pair below and press Watch.",
    "all": "No pair fits this filter.",
}


def render(desk: DeskPort, view: MarketView, scan: Scan, shown: Shown, params: Params) -> None:
    """Draw the table, or the sentence that stands for it; then what can be done with a pair."""
    table = frame(scan, shown, view.pairs)
    pairs = list(zip(table["y"].tolist(), table["x"].tolist(), strict=True))
    with st.container(key="ps-scan-table"):
        if table.empty:
            st.html(el("div", el("p", EMPTY[shown.rows]), cls="ps-no-figure", data_key="no_rows"))
        else:
            key = table_key()
            st.dataframe(
                table,
                column_config=COLUMNS,
                hide_index=True,
                height=3 + ROW * (1 + min(max(len(table), LEAST_ROWS), MOST_SEEN)),
                width="stretch",
                key=key,
                on_select=clicked(key, pairs),
                selection_mode="single-cell",
                alt=f"{len(table)} pairs, best first",
            )
    if len(table) == MOST_ROWS:
        st.html(el("p", f"Only the strongest {formats.count(MOST_ROWS)} rows are shown.", cls="ps-note"))
    chosen = actions(desk, pairs, view.pairs, params)
    show("scan")
    if chosen is not None:
        st.html(el("p", reason(scan, chosen), cls="ps-note", data_key="reason"))
    download(
        "Rows shown, CSV",
        exports.encode(pa.Table.from_pandas(table, preserve_index=False), "csv"),
        exports.file_name("scan", ("market",), TIMEFRAME_S, (view.candle_ms or 0) + 60_000),
        "export_scan",
        disabled=table.empty,
    )


def reason(scan: Scan, pair: Pair) -> str:
    """Why a pair is a candidate or not, in the scan's words; either way round."""
    names = scan.symbols.tolist()
    at = [names.index(symbol) if symbol in names else -1 for symbol in pair]
    for y, x in (at, at[::-1]):
        found = np.flatnonzero((scan.y == y) & (scan.x == x))
        if len(found):
            return formats.prose(why(scan, int(found[0])))
    gone = next((symbol for symbol, k in zip(pair, at, strict=True) if k < 0), pair[0])
    return f"{gone} is not in this scan."


def nothing(view: MarketView, status: DeskStatus) -> Markup:
    """What stands in the table's place before the first scan."""
    words = {
        "off": "The market is not streamed. It is as soon as the feed runs.",
        "choosing": "The exchange cannot be reached: without its list no symbol can be chosen."
        if status.simulator_offered
        else "The symbols are being chosen: the exchange's list and its 24 h volumes are on their way.",
        "loading": "The first pairs are tested as soon as two symbols have their minutes.",
        "live": "The first scan is being made.",
    }[view.stage if status.running else "off"]
    return el("div", el("p", view.problem or words), cls="ps-no-figure", data_key="no_scan")
