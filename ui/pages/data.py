"""The Data page: is what is stored the truth of the exchange, and where is it not?"""

from __future__ import annotations

import streamlit as st

from core.types import Candles, DeskStatus
from ui import minutes as minute_table
from ui.controls import Controls, minutes_of
from ui.markup import el
from ui.panels import gaps, health, minutes
from ui.port import DeskPort
from ui.shape import Frame, rerun_when_changed
from ui.theme import heading

EVERY_S = 1.0
SLOWLY_S = 5.0
MINUTES = 240


def draw(desk: DeskPort, controls: Controls, status: DeskStatus) -> None:
    """Draw the page. Two fragments keep it current; the minutes carry a file, and are drawn when one more is there."""
    frame = Frame.of(status)
    st.html(el("h1", "Data", cls="ps-title"))
    st.fragment(_health, run_every=None if controls.paused else EVERY_S)(desk, frame)
    st.html(heading("Minutes", "what was traded in each, from confirmed candles"))
    symbol = minutes_of(status.symbols, controls.symbol_y)
    found = _minutes(desk, symbol, MINUTES)
    newest_ms = _newest_ms(found)
    if symbol is not None:
        known = desk.catalogue().get(symbol)
        minutes.render(symbol, minute_table.table(found), newest_ms, known.tick_size if known else None)
    st.fragment(_stored, run_every=None if controls.paused else SLOWLY_S)(desk, symbol, newest_ms)


def _minutes(desk: DeskPort, symbol: str | None, most: int) -> Candles:
    if symbol is None:
        return Candles.empty("", minute_table.MINUTE_S)
    return desk.candles(symbol, minute_table.MINUTE_S, limit=most)


def _newest_ms(found: Candles) -> int | None:
    return int(found.open_ms[-1]) if len(found) else None


def _health(desk: DeskPort, frame: Frame) -> None:
    status = desk.status()
    rerun_when_changed(Frame.of(status), frame)
    health.render(status)


def _stored(desk: DeskPort, symbol: str | None, drawn_ms: int | None) -> None:
    """What changes slowly; with another minute the whole page."""
    rerun_when_changed(_newest_ms(_minutes(desk, symbol, 1)), drawn_ms)
    status = desk.status()
    st.html(heading("Gaps", "candles they touch are in no statistic until repaired"))
    gaps.render([gap for s in status.symbols for gap in desk.gaps(s)])
    st.html(heading("Log", "newest first"))
    st.html(health.log(status.log))
