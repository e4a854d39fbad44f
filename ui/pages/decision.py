"""The Decision page: is this pair tradable right now, and what evidence says so?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from analytics.params import Params
from core.errors import PairsightError
from core.types import DeskStatus
from ui import reading
from ui.controls import Controls
from ui.panels import banner, checklist, evidence, exports, metrics, snapshot, state, ticket, trigger
from ui.port import DeskPort
from ui.reading import Reading
from ui.shape import Shape, rerun_when_changed
from ui.theme import heading
from ui.ticket import ticket as ticket_of

LIVE_EVERY_S = 0.5
CONFIRMED_EVERY_S = 1.0
JOURNAL_ROWS = 500
SHOWN_BARS = 400


@dataclass(frozen=True, slots=True)
class Slots:
    """Where each part stands; made once per run, so that what changes never moves what does not."""

    top: Any  # Streamlit's containers have no public type
    checks: Any
    trigger: Any
    ticket: Any
    rows: Any
    charts: Any
    files: Any


def draw(desk: DeskPort, controls: Controls, status: DeskStatus) -> None:
    """Draw the page for one run of the script; the fragments keep it current after that."""
    shape = Shape.of(desk, controls, status)
    every = None if controls.paused else LIVE_EVERY_S
    if shape.blocked is not None or controls.params is None:
        if shape.blocked is not None:
            state.render(shape.blocked, desk.start, desk.use_simulator)
        st.fragment(rerun_when_changed, run_every=every)(desk, controls, shape)
        return
    slots = _slots()
    st.fragment(_live, run_every=every)(desk, controls, controls.params, shape, slots)
    st.fragment(_confirmed, run_every=every and CONFIRMED_EVERY_S)(desk, controls, controls.params, slots)


def _slots() -> Slots:
    top = st.container(key="ps-top")
    left, right = st.columns([1.55, 1], gap="small")
    with left:
        st.html(heading("Readiness", "what the rule asks, and what would change each answer"))
        checks = st.container(key="ps-checks")
    with right:
        st.html(heading("Trigger", "where z stands, and how far entry is"))
        at = st.container(key="ps-trigger")
        st.html(heading("Ticket", "quantities rounded to what the exchange takes"))
        ticket_slot = st.container(key="ps-ticket")
    st.html(heading("Decision snapshot", "live above, confirmed below as known at the time"))
    rows = st.container(key="ps-rows")
    st.html(heading("Evidence", "confirmed candles only; drag to move, scroll to zoom, double-click to go back"))
    chart = st.container(key="ps-charts")
    files = st.container(key="ps-files", horizontal=True)
    return Slots(top, checks, at, ticket_slot, rows, chart, files)


def _read(desk: DeskPort, controls: Controls, params: Params) -> Reading | state.PageState:
    try:
        return reading.take(desk, controls.symbol_y, controls.symbol_x, params, JOURNAL_ROWS)
    except PairsightError as error:
        return state.failed(str(error))


def _live(desk: DeskPort, controls: Controls, params: Params, shape: Shape, slots: Slots) -> None:
    """What changes with each trade."""
    rerun_when_changed(desk, controls, shape)
    now = _read(desk, controls, params)
    with slots.top:
        if isinstance(now, state.PageState):
            state.render(now, desk.start, desk.use_simulator)
            return
        banner.render(now)
        metrics.render(now)
    with slots.trigger:
        trigger.render(now)
    with slots.rows:
        snapshot.render(now)


def _confirmed(desk: DeskPort, controls: Controls, params: Params, slots: Slots) -> None:
    """What changes with each confirmed candle. Between two candles it says the same again, from what is encoded."""
    now = _read(desk, controls, params)
    if isinstance(now, state.PageState):
        return
    with slots.checks:
        checklist.render(now.look.decision)
    with slots.ticket:
        ticket.render(ticket_of(now.look, now.catalogue))
    with slots.charts:
        evidence.render(now, SHOWN_BARS)
    with slots.files:
        exports.render(desk, now)
