"""The Data page: is what is stored the truth of the exchange, and where is it not?"""

from __future__ import annotations

import streamlit as st

from core.types import DeskStatus
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
    """Draw the page; its two fragments keep it current."""
    frame = Frame.of(status)
    st.html(el("h1", "Data", cls="ps-title"))
    st.fragment(_health, run_every=None if controls.paused else EVERY_S)(desk, frame)
    st.html(heading("Minutes", "what was traded in each, from confirmed candles"))
    symbol = minutes_of(status.symbols, controls.symbol_y)
    st.fragment(_stored, run_every=None if controls.paused else SLOWLY_S)(desk, symbol)


def _health(desk: DeskPort, frame: Frame) -> None:
    status = desk.status()
    rerun_when_changed(Frame.of(status), frame)
    health.render(status)


def _stored(desk: DeskPort, symbol: str | None) -> None:
    """What changes by the minute."""
    status = desk.status()
    if symbol is not None:
        candles = desk.candles(symbol, minute_table.MINUTE_S, limit=MINUTES)
        newest = int(candles.open_ms[-1]) if len(candles) else None
        minutes.render(symbol, minute_table.table(candles), newest)
    st.html(heading("Gaps", "candles they touch are in no statistic until repaired"))
    gaps.render([gap for s in status.symbols for gap in desk.gaps(s)])
    st.html(heading("Log", "newest first"))
    st.html(health.log(status.log))
