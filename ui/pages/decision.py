"""The Decision page: is this pair tradable right now, and what evidence says so?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from analytics.decision import Verdict
from core.types import DeskStatus
from ui import theme
from ui.controls import Controls, file_choice, keep_files, made_files, shown_bars, turned
from ui.panels import banner, checklist, evidence, exports, glossary, metrics, record, snapshot, state, ticket, trigger
from ui.port import DeskPort
from ui.reading import Reading, exchange_now_ms
from ui.shape import Shape, read, rerun_when_changed
from ui.theme import heading
from ui.ticket import ticket as ticket_of

LIVE_EVERY_S = 0.5
CONFIRMED_EVERY_S = 1.0
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


def draw(desk: DeskPort, controls: Controls, status: DeskStatus) -> None:
    """Draw the page for one run of the script; the fragments keep it current after that."""
    shape, now = read(desk, controls, JOURNAL_ROWS)
    if now is None:
        if shape.blocked is not None:
            state.render(shape.blocked, desk)
        st.fragment(_watch, run_every=None if controls.paused else CONFIRMED_EVERY_S)(desk, controls, shape)
        return
    state.notice(status, desk)
    slots, bars = _layout()
    st.fragment(_live, run_every=None if controls.paused else LIVE_EVERY_S)(desk, controls, shape, slots)
    st.fragment(_confirmed, run_every=None if controls.paused else CONFIRMED_EVERY_S)(desk, controls, slots, bars)
    st.html(heading("Files", "of one time range, made when asked for"))
    st.fragment(_files)(desk, controls)
    glossary.render()


def _layout() -> tuple[Slots, int]:
    top = st.container(key="ps-top")
    with st.container(key="ps-body"):
        left, right = st.columns([1.55, 1], gap="small")
    with left:
        st.html(heading("Readiness", "what the rule asks, and what would change each answer"))
        checks = st.container(key="ps-checks")
    with right:
        st.html(heading("Trigger", "where z stands, and how far entry is"))
        at = st.container(key="ps-trigger")
        st.html(heading("Ticket", "at the confirmed closes, rounded for the exchange"))
        ticket_slot = st.container(key="ps-ticket")
        st.html(heading("Record", "what this pair's own past stretches returned"))
        record_slot = st.container(key="ps-record")
    st.html(heading("Decision snapshot", "live above, confirmed below as known at the time"))
    rows = st.container(key="ps-rows")
    with st.container(key="ps-evidence-head", horizontal=True, vertical_alignment="bottom"):
        st.html(heading("Evidence", "confirmed candles; drag to move, scroll to zoom, double-click to reset"))
        bars = shown_bars()
    chart = st.container(key="ps-charts")
    return Slots(top, checks, at, ticket_slot, record_slot, rows, chart), bars


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
    verdict = now.look.decision.verdict
    before = turned((now.symbol_y, now.symbol_x, now.params), verdict.value)
    if before is not None and worth_saying(Verdict(before), verdict):
        st.toast(banner.turn(now, before), icon=theme.TOAST_ICON[verdict], duration="long")
    with slots.trigger:
        trigger.render(now)
    with slots.rows:
        snapshot.render(now)


def worth_saying(before: Verdict, now: Verdict) -> bool:
    """Every turn but those of a desk that is only starting up."""
    return now is Verdict.TRADABLE or before not in {Verdict.NO_DATA, Verdict.WARMING_UP}


def _confirmed(desk: DeskPort, controls: Controls, slots: Slots, bars: int) -> None:
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
        evidence.render(now, bars)


def _files(desk: DeskPort, controls: Controls) -> None:
    """Nothing here refreshes itself: what was made is what is downloaded. What is quickly made is there at once."""
    params, pair = controls.params, (controls.symbol_y, controls.symbol_x)
    if params is None:
        return
    now_ms = _files_to_ms(desk, pair, params.timeframe_s)
    if now_ms is None:
        st.html(exports.note(None))
        return
    with st.container(key="ps-files", horizontal=True, vertical_alignment="center"):
        choice, asked = file_choice(now_ms)
        about = (pair, params, choice)
        made = made_files(about)
        if asked:
            made = keep_files(about, exports.make(desk, pair, params, choice, now_ms))
        elif made is None and exports.quick(choice, params, now_ms):
            made = exports.make(desk, pair, params, choice, now_ms, trades=False)
        exports.render(made)
    st.html(exports.note(made))


def _files_to_ms(desk: DeskPort, pair: tuple[str, str], timeframe_s: int) -> int | None:
    """Up to when files go: the exchange's time, else the end of what is stored; None while there is neither."""
    now_ms = exchange_now_ms(desk.status())
    if now_ms is not None:
        return int(now_ms)
    newest_ms = desk.newest_candle_ms(*pair, timeframe_s)
    return None if newest_ms is None else newest_ms + timeframe_s * 1000
