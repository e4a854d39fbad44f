"""The Decision page: is this pair tradable right now, and what evidence says so?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.types import DeskStatus
from ui.controls import Controls, FileChoice, file_choice, shown_bars
from ui.panels import banner, checklist, evidence, exports, glossary, metrics, record, snapshot, state, ticket, trigger
from ui.port import DeskPort
from ui.reading import Reading
from ui.shape import Shape, read, rerun_when_changed
from ui.theme import heading
from ui.ticket import ticket as ticket_of

LIVE_EVERY_S = 0.5
CONFIRMED_EVERY_S = 1.0
FILES_EVERY_S = 20.0
JOURNAL_ROWS = 500


@dataclass(frozen=True, slots=True)
class Slots:
    """Where each part stands; made once per run, so that what changes never moves what does not."""

    top: Any  # Streamlit's containers have no public type
    checks: Any
    trigger: Any
    ticket: Any
    record: Any
    rows: Any
    charts: Any
    files: Any


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen beside the parts themselves."""

    bars: int
    files: FileChoice


def draw(desk: DeskPort, controls: Controls, status: DeskStatus) -> None:
    """Draw the page for one run of the script; the fragments keep it current after that."""
    shape, now = read(desk, controls, JOURNAL_ROWS)
    if now is None:
        if shape.blocked is not None:
            state.render(shape.blocked, desk)
        st.fragment(_watch, run_every=None if controls.paused else CONFIRMED_EVERY_S)(desk, controls, shape)
        return
    state.notice(status, desk)
    slots, choice = _layout()
    st.fragment(_live, run_every=None if controls.paused else LIVE_EVERY_S)(desk, controls, shape, slots)
    st.fragment(_confirmed, run_every=None if controls.paused else CONFIRMED_EVERY_S)(desk, controls, slots, choice)
    with slots.files:
        st.fragment(_files, run_every=_files_every(controls, choice.files))(desk, controls, choice.files)


def _layout() -> tuple[Slots, Choice]:
    top = st.container(key="ps-top")
    with st.container(key="ps-body"):
        left, right = st.columns([1.55, 1], gap="small")
    with left:
        st.html(heading("Readiness", "what the rule asks, and what would change each answer"))
        checks = st.container(key="ps-checks")
    with right:
        st.html(heading("Trigger", "where z stands, and how far entry is"))
        at = st.container(key="ps-trigger")
        st.html(heading("Ticket", "rounded to what the exchange takes"))
        ticket_slot = st.container(key="ps-ticket")
        st.html(heading("Record", "what this pair's own past stretches returned"))
        record_slot = st.container(key="ps-record")
    st.html(heading("Decision snapshot", "live above, confirmed below as known at the time"))
    rows = st.container(key="ps-rows")
    with st.container(key="ps-evidence-head", horizontal=True, vertical_alignment="bottom"):
        st.html(heading("Evidence", "confirmed candles; drag to move, scroll to zoom, double-click to reset"))
        bars = shown_bars()
    chart = st.container(key="ps-charts")
    st.html(heading("Files", "of what is on screen, to the candle that the name says"))
    with st.container(key="ps-files-row", horizontal=True, vertical_alignment="center"):
        choice = file_choice()
        files = st.container(key="ps-files", width="content")
    glossary.render()
    return Slots(top, checks, at, ticket_slot, record_slot, rows, chart, files), Choice(bars, choice)


def _watch(desk: DeskPort, controls: Controls, drawn: Shape) -> Reading | None:
    """Read the desk; where it has taken another shape than was drawn, draw the page anew."""
    shape, now = read(desk, controls, JOURNAL_ROWS)
    rerun_when_changed(shape, drawn)
    return now


def _live(desk: DeskPort, controls: Controls, drawn: Shape, slots: Slots) -> None:
    """What changes with each trade."""
    now = _watch(desk, controls, drawn)
    if now is None:
        return
    with slots.top:
        banner.render(now)
        metrics.render(now)
    with slots.trigger:
        trigger.render(now)
    with slots.rows:
        snapshot.render(now)


def _confirmed(desk: DeskPort, controls: Controls, slots: Slots, choice: Choice) -> None:
    """What changes with each confirmed candle. Between two candles it says the same again, from what is encoded."""
    _, now = read(desk, controls, JOURNAL_ROWS)
    if now is None:
        return
    with slots.checks:
        checklist.render(now.look.decision)
    with slots.ticket:
        ticket.render(ticket_of(now.look, now.catalogue))
    with slots.record:
        record.render(now.look)
    with slots.charts:
        evidence.render(now, choice.bars)


def _files_every(controls: Controls, choice: FileChoice) -> float | None:
    """Trades of hours take a second to write: those are made when asked for, not again and again."""
    return None if controls.paused or choice.trades_s else FILES_EVERY_S


def _files(desk: DeskPort, controls: Controls, choice: FileChoice) -> None:
    """The files of what is on screen, made anew now and then."""
    _, now = read(desk, controls, JOURNAL_ROWS)
    if now is not None:
        with st.container(horizontal=True):
            exports.render(desk, now, choice)
