"""Every trade on paper as a table, and as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pyarrow as pa
import streamlit as st

from analytics.paper_account import account
from core.paper import PaperTrade
from ui import exports, formats
from ui.controls.download import download
from ui.markup import el
from ui.track_words import LEFT, REFUSED, and_more

SHOWN = 500
NOT_IN_THE_FILE = {"inputs"}  # the key of the parameters is
MONEY = ("gross", "fees", "half_spreads", "net", "net_bps")
COLUMNS = {
    "look": st.column_config.DatetimeColumn("Look, UTC", format="YYYY-MM-DD HH:mm:ss"),
    "pair": st.column_config.TextColumn("Pair"),
    "preset": st.column_config.TextColumn("Preset"),
    "said": st.column_config.TextColumn("Said", help="The verdict; where it refused, because of what"),
    "side": st.column_config.TextColumn("Spread", help="What was done with the spread Y − βX"),
    "z": st.column_config.NumberColumn("z", format="%+.2f"),
    "promised": st.column_config.NumberColumn("Promised, bps", format="%+.1f", help="Net, as the look said it"),
    "net": st.column_config.NumberColumn("Net, bps", format="%+.1f"),
    "gross": st.column_config.NumberColumn("Gross, bps", format="%+.1f"),
    "held": st.column_config.TextColumn("Held"),
    "left": st.column_config.TextColumn("Left by"),
    "fills": st.column_config.TextColumn("Fills", help="touch: prices an order would have met; candle: next closes"),
}


def render(trades: Sequence[PaperTrade], file: bytes, now_ms: float) -> None:
    """Draw the newest closed ones, and the button with the file of all of them and those that were never filled."""
    over = [t for t in trades if t.state == "closed"]
    closed = sorted((t for t in over if not t.dropped), key=lambda t: -t.out_ms)
    if closed:
        st.dataframe(
            listed(closed[:SHOWN]).to_pandas(),
            column_config=COLUMNS,
            hide_index=True,
            height=min(38 + 35 * len(closed), 420),
            width="stretch",
            key="track_list",
            placeholder=formats.UNKNOWN,
            alt=f"{len(closed)} closed trades, newest first",
        )
    else:
        st.html(el("div", el("p", "No trade is closed yet."), cls="ps-no-figure ps-low", data_key="no_closed"))
    if len(closed) > SHOWN:
        more = f"{and_more(len(closed) - SHOWN)}; all are in the file"
        st.html(el("p", more, cls="ps-note", data_key="more_closed"))
    download(
        "Closed trades, CSV",
        file,
        f"pairsight_track-record_{formats.file_stamp(now_ms)}.csv",
        "export_track",
        disabled=not over,
    )


def listed(trades: Sequence[PaperTrade]) -> pa.Table:
    """The columns of the table on screen."""
    money = [account(t) for t in trades]
    return pa.table(
        {
            "look": pa.array([t.look_ms + t.timeframe_s * 1000 for t in trades], pa.timestamp("ms")),
            "pair": [t.pair.replace("/", " / ") for t in trades],
            "preset": [t.preset for t in trades],
            "said": [t.verdict if t.said else f"{t.verdict}: {REFUSED.get(t.failed, t.failed)}" for t in trades],
            "side": ["sold" if t.side > 0 else "bought" for t in trades],
            "z": pa.array([t.z for t in trades], pa.float64()),
            "promised": pa.array([t.promised_bps for t in trades], pa.float64(), from_pandas=True),
            "net": pa.array([None if m is None else m.net_bps for m in money], pa.float64()),
            "gross": pa.array([None if m is None else m.gross_bps for m in money], pa.float64()),
            "held": [formats.age((t.out_ms - t.in_ms) / 1000) for t in trades],
            "left": [LEFT.get(t.reason, t.reason) for t in trades],
            "fills": [f"{t.in_fill}, {t.out_fill}" for t in trades],
        }
    )


def file_of(trades: Sequence[PaperTrade]) -> bytes:
    """These as CSV."""
    return exports.encode(everything(trades), "csv")


def everything(trades: Sequence[PaperTrade]) -> pa.Table:
    """Every column of every trade, with what it left; what is not known is empty."""
    kinds = {"str": pa.string(), "int": pa.int64(), "float": pa.float64()}
    stored = {
        f.name: pa.array([getattr(t, f.name) for t in trades], kinds[str(f.type)], from_pandas=True)
        for f in fields(PaperTrade)
        if f.name not in NOT_IN_THE_FILE
    }
    money = [account(t) for t in trades]
    made = {n: pa.array([None if m is None else getattr(m, n) for m in money], pa.float64()) for n in MONEY}
    return pa.table({"look_utc": pa.array([t.look_ms for t in trades], pa.timestamp("ms")), **stored, **made})
