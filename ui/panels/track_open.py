"""Trades on paper that are on: at confirmed closes, and what they would leave if both legs were traded back now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from analytics.paper_account import Account, marked
from core.paper import PaperTrade
from core.types import TIMEFRAME_NAMES, DeskStatus
from ui import formats, theme
from ui.markup import Markup, el
from ui.track_words import LEFT, REFUSED, STATES, and_more

Key = tuple[str, int, str, int]
SHOWN = 60


def render(trades: Sequence[PaperTrade], now: Mapping[Key, Account], status: DeskStatus) -> None:
    """Draw the table."""
    st.html(markup(trades, now, status))


def markup(trades: Sequence[PaperTrade], now: Mapping[Key, Account], status: DeskStatus) -> Markup:
    """The newest first, TRADABLE ones before refused ones."""
    live = theme.tag("live", status.source) if status.trades.state == "live" else theme.tag("stale")
    head = (
        el("th", "Pair", scope="col"),
        el("th", "Said", scope="col"),
        el("th", "Spread", scope="col"),
        el("th", "Look, UTC", scope="col"),
        el("th", "Candles", scope="col", cls="ps-num"),
        el("th", "Net ", theme.tag("confirmed"), scope="col", cls="ps-num"),
        el("th", "Net if closed now ", live, scope="col", cls="ps-num"),
        el("th", "State", scope="col"),
    )
    order = sorted(trades, key=lambda t: (not t.said, -t.look_ms))
    rows = [_row(t, now.get(t.key)) for t in order[:SHOWN]]
    if len(order) > SHOWN:
        rows.append(el("tr", el("td", and_more(len(order) - SHOWN), colspan=str(len(head))), data_key="more_open"))
    if not rows:
        rows = [el("tr", el("td", "No trade is open.", colspan=str(len(head))))]
    return el(
        "div",
        el("table", el("thead", el("tr", *head)), el("tbody", *rows), cls="ps-table", aria_label="Open trades"),
        cls="ps-scroll",
        tabindex="0",
        data_key="open_trades",
        data_value=str(len(trades)),
    )


def _row(t: PaperTrade, now: Account | None) -> Markup:
    confirmed = marked(t, t.mark_y, t.mark_x, t.half_bps)
    y, x = t.symbols
    state = STATES.get(t.state, t.state)
    if t.state == "open":
        state = f"open, in at the {t.in_fill}"
    if t.state == "leaving":
        state = f"{LEFT.get(t.reason, t.reason)}: {state}"
    return el(
        "tr",
        el("td", f"{y} / {x}, {TIMEFRAME_NAMES.get(t.timeframe_s, str(t.timeframe_s))}, {t.preset}"),
        el("td", t.verdict if t.said else f"{t.verdict}: {REFUSED.get(t.failed, t.failed)}"),
        el("td", "sold" if t.side > 0 else "bought"),
        el("td", formats.stamp(t.look_ms + t.timeframe_s * 1000)),
        el("td", f"{formats.count(t.bars)} of {formats.count(t.limit_bars)}", cls="ps-num"),
        el("td", formats.bps(None if confirmed is None else confirmed.net_bps), cls="ps-num"),
        el("td", formats.bps(None if now is None else now.net_bps), cls="ps-num ps-now"),
        el("td", state),
        data_key="open_trade",
        data_value=str(t.look_ms),
    )
