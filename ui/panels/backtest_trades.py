"""A run over time, its trades one by one, and the files to keep."""

from __future__ import annotations

import streamlit as st

from analytics.trial import Trial
from core.types import Source
from ui import exports, formats, tear_sheet, walk_charts, walk_tables
from ui.controls.download import download
from ui.markup import Markup, el
from ui.theme import heading

SEEN = 1_000  # rows in the table, the newest; the file has all
ROW, MOST_ROWS = 35, 11

_NUMBER = st.column_config.NumberColumn
_MOMENT = st.column_config.DatetimeColumn
COLUMNS = {
    "look_utc": _MOMENT("Look, UTC", format="YYYY-MM-DD HH:mm:ss", help="End of the candle that said so"),
    "exit_look_utc": _MOMENT("Left by the look of", format="YYYY-MM-DD HH:mm:ss"),
    "spread": st.column_config.TextColumn("Spread", help="Sold: Y sold and X bought"),
    "left": st.column_config.TextColumn("Why left"),
    "z": _NUMBER("z", format="%+.2f"),
    "exit_z": _NUMBER("z then", format="%+.2f"),
    "beta": _NUMBER("β", format="%.3f", help="Of the fit at the look"),
    "gross": _NUMBER("gross", format="%+.2f", help="Quote currency, at the fills"),
    "given_up": _NUMBER("fill took", format="%.2f", help="What the next closes would have returned more"),
    "fees": _NUMBER("fees", format="%.2f"),
    "half_spreads": _NUMBER("half spreads", format="%.2f"),
    "funding": _NUMBER("funding", format="%.2f", help="Paid; negative: received"),
    "net": _NUMBER("net", format="%+.2f"),
    "net_bps": _NUMBER("net, bps", format="%+.1f", help="Of gross notional"),
    "promised_bps": _NUMBER("promised, bps", format="%+.1f"),
}


def render_chart(trial: Trial) -> None:
    """Draw equity, drawdown, and the trades on z."""
    run = trial.run
    assert run is not None
    st.html(key(len(run.trades)))
    with st.container(key="ps-charts"):
        st.vega_lite_chart(
            None,
            {**walk_charts.walk_spec(), "datasets": dict(walk_charts.encoded(run))},
            width="stretch",
            key="walk_chart",
            alt=f"What the run won over time, its drawdown, and z with {len(run.trades)} trades",
        )


def key(trades: int) -> Markup:
    """What the marks mean."""
    newest = f"; the newest {walk_charts.MOST_MARKS:,} are drawn" if trades > walk_charts.MOST_MARKS else ""
    words = f"▼ spread sold, ▲ bought, ● left{newest}. Long histories keep each stretch's lowest, highest and last."
    return el("p", words, cls="ps-note")


def render_table(trial: Trial, source: Source) -> None:
    """Draw the trades, newest first, and the files."""
    run = trial.run
    assert run is not None
    st.html(heading("Trades", "newest first; quote currency"))
    whole = walk_tables.trades_table(run)
    if whole.num_rows:
        shown = whole.select(list(COLUMNS)).to_pandas().iloc[::-1].head(SEEN)
        st.dataframe(
            shown,
            column_config=COLUMNS,
            hide_index=True,
            height=3 + ROW * (1 + min(len(shown), MOST_ROWS)),
            width="stretch",
            key="walk_trades",
            alt=f"{len(shown)} trades, newest first",
        )
        if whole.num_rows > SEEN:
            st.html(el("p", f"The newest {formats.count(SEEN)} of {formats.count(whole.num_rows)}.", cls="ps-note"))
    else:
        st.html(el("div", el("p", "No trades."), cls="ps-no-figure ps-low", data_key="no_trades"))
    ask = trial.ask
    pair, tf = (ask.symbol_y, ask.symbol_x), ask.params.timeframe_s
    end_ms = (run.report.newest_ms or 0) + run.report.step_ms
    with st.container(key="ps-files", horizontal=True, vertical_alignment="center"):
        csv = exports.file("walk-forward", pair, tf, end_ms, whole, "csv")
        download(
            "Trades, CSV",
            csv.data,
            csv.name,
            "export_walk",
            disabled=not csv.rows,
        )
        download(
            "Tear sheet, HTML",
            tear_sheet.sheet(trial, "OFFLINE" if ask.legs is not None else source).encode(),
            exports.file_name("tear-sheet", pair, tf, end_ms, "html"),
            "export_sheet",
            mime="text/html",
            help_text="One file with everything on this page, to keep. It loads nothing from anywhere.",
        )
