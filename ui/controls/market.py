"""The Scanner page's choices: which symbols, which rows; and the click that leaves for a pair's decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from analytics.market import MOST_BARS, TIMEFRAME_S, MarketRule
from analytics.params import FIT_BARS, Params
from core.types import TIMEFRAME_NAMES, WatchedPair
from ui.controls.answers import answered
from ui.port import DeskPort

Rows = Literal["candidates", "watched", "all"]
Pair = tuple[str, str]  # Y, X

MOST: Final = {"50": 50, "100": 100, "200": 200, "400": 400}
DAY: Final = {"Any": 0.0, "1 M": 1e6, "10 M": 1e7, "100 M": 1e8}
MINUTE: Final = {"Any": 0.0, "1 k": 1e3, "10 k": 1e4, "100 k": 1e5}
ROWS: Final[dict[str, Rows]] = {"Candidates": "candidates", "Watch-list": "watched", "All pairs": "all"}
OPENED: Final = "scan_opened"  # the pair to leave for
TABLES: Final = "scan_tables"  # counts them: a table that was left must forget its selection


@dataclass(frozen=True, slots=True)
class Shown:
    """Which rows of the scan stand in the table."""

    rows: Rows
    text: str  # a part of a symbol's name
    stretched: bool  # only those stretched now


def market_rule(params: Params | None) -> MarketRule:
    """Draw the choice of symbols; thresholds and fees are those of the sidebar."""
    with st.container(key="ps-scan-rule", horizontal=True, vertical_alignment="bottom"):
        most = st.segmented_control(
            "Symbols",
            list(MOST),
            default="100",
            key="most",
            bind="query-params",
            required=True,
            help="Contracts of the largest 24 h volume in USDT. Their minutes are streamed while this page is used.",
        )
        day = st.selectbox(
            "24 h volume, at least",
            list(DAY),
            key="day_volume",
            bind="query-params",
            width=170,
            help="In USDT, by the exchange's own count.",
        )
        minute = st.selectbox(
            "Median minute, at least",
            list(MINUTE),
            key="minute_volume",
            bind="query-params",
            width=180,
            help="In USDT. A minute without a trade counts as nothing.",
        )
        both = st.toggle(
            "Both directions",
            key="both",
            bind="query-params",
            help="Also X on Y, as tests of their own: twice as many are answered for. "
            "Otherwise X is the leg of more volume, fixed before any test.",
        )
        closing = st.toggle(
            "Stocks and metals",
            key="closing",
            bind="query-params",
            help="Contracts whose underlying has closing hours. Their prices stand still then.",
        )
    p = params or Params()
    fitted = p.fit_bars if p.timeframe_s == TIMEFRAME_S else FIT_BARS[TIMEFRAME_S]
    return MarketRule(
        most=MOST[most],
        min_day_volume=DAY[day],
        min_minute_volume=MINUTE[minute],
        closing_markets=closing,
        both_directions=both,
        fit_bars=min(fitted, MOST_BARS),
        cost_bps=max(0.0, 2 * p.fee_bps),
        entry_z=p.entry_z,
        stop_z=p.stop_z,
    )


def shown_rows() -> Shown:
    """Draw the choice of rows."""
    rows = st.segmented_control(
        "Rows",
        list(ROWS),
        default="Candidates",
        key="rows",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
        help="Candidates passed the correction for all tests; the other rows did not, or are on your watch-list.",
    )
    text = st.text_input(
        "Symbol", key="scan_text", placeholder="Symbol, for example ETH", width=200, label_visibility="collapsed"
    )
    stretched = st.toggle(
        "Stretched now", key="scan_stretched", help="Past the entry and the break-even, short of the stop."
    )
    return Shown(ROWS[rows], text.strip().upper(), stretched)


def table_key() -> str:
    """The name of the table on screen: another one after each click."""
    return f"scan_table_{st.session_state.get(TABLES, 0)}"


def clicked(key: str, pairs: Sequence[Pair]) -> Callable[[], None]:
    """The callback of a table whose rows are these pairs: leave for the one that was clicked."""

    def run() -> None:
        cells = st.session_state[key].selection.cells
        if cells and cells[0][0] < len(pairs):
            _open(pairs[cells[0][0]])

    return run


def actions(desk: DeskPort, pairs: Sequence[Pair], watched: Sequence[Pair], params: Params) -> Pair | None:
    """Draw what can be done with one pair, for whoever does not click into the table. Returns the chosen one."""
    names = {f"{y} / {x}": (y, x) for y, x in dict.fromkeys((*watched, *pairs))}
    with st.container(key="ps-scan-actions", horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Pair", list(names), key="scan_pair", width=280, disabled=not names, help="Y / X")
        pair = names.get(name) if name else None
        on_list = pair in set(watched)
        how = f"At {TIMEFRAME_NAMES[params.timeframe_s]} by {params.preset.capitalize()}, as chosen in the sidebar."
        st.button(
            "Open on the Decision page",
            icon=":material/balance:",
            key="scan_open",
            disabled=pair is None,
            on_click=lambda: _open(names[st.session_state["scan_pair"]]),
        )
        st.button(
            "Take off the watch-list" if on_list else "Watch",
            icon=":material/star:",
            key="scan_watch",
            disabled=pair is None,
            on_click=answered("scan", lambda: _watch(desk, names[st.session_state["scan_pair"]], params, not on_list)),
            help="It leaves at each of its timeframes and presets." if on_list else how,
        )
    return pair


def opened() -> Pair | None:
    """The pair that was clicked in this run, once."""
    pair: Pair | None = st.session_state.pop(OPENED, None)
    return pair


def _watch(desk: DeskPort, pair: Pair, params: Params, keep: bool) -> None:
    if keep:
        desk.watch_pair(WatchedPair(*pair, params.timeframe_s, params.preset), True)
        return
    for entry in desk.watch_list():
        if (entry.symbol_y, entry.symbol_x) == pair:
            desk.watch_pair(entry, False)


def _open(pair: Pair) -> None:
    st.session_state["y"], st.session_state["x"] = pair
    st.session_state["tf"] = TIMEFRAME_NAMES[TIMEFRAME_S]
    st.session_state[OPENED] = pair
    st.session_state[TABLES] = st.session_state.get(TABLES, 0) + 1
