"""The Replay page: the desk as it stood at a past candle, computed from the store and held against the journal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from core.errors import PairsightError
from core.types import DeskStatus
from ui.controls import LOOK_BARS, Controls, moment
from ui.markup import el
from ui.panels import banner, checklist, evidence, journal_says, metrics, record, snapshot, state, ticket, trigger
from ui.port import DeskPort
from ui.reading import Reading
from ui.shape import Frame, rerun_when_changed
from ui.theme import heading
from ui.ticket import ticket as ticket_of

EVERY_S = 1.0
CANDLES = 240  # the slider's stretch
JOURNAL_ROWS = 500
BARS = max(LOOK_BARS.values())
ONCE_THERE = "The first that both share is shown as soon as it is stored."
NOTE = "the desk as it stood at a past candle, from what is stored"


def draw(desk: DeskPort, controls: Controls, status: DeskStatus) -> None:
    """Draw the page; one fragment moves with the slider and while it plays, the other looks for what was not there."""
    st.html(el("h1", "Replay ", el("small", NOTE), cls="ps-title"))
    params = controls.params
    if params is None:
        state.render(state.PageState("choose", "These choices do not go together", controls.problem, ""), desk)
        return
    state.notice(status, desk)
    with st.container(key="ps-moment", horizontal=True, vertical_alignment="bottom"):
        until_ms = moment.stretch_end_ms()
        speed = moment.playing()
    show = partial(_moment, desk, controls, until_ms, speed is not None)
    st.fragment(show, run_every=None if speed is None else 1.0 / speed)()
    st.fragment(_again, run_every=None if controls.paused else EVERY_S)(desk, controls, until_ms, Frame.of(status))


def _moment(desk: DeskPort, controls: Controls, until_ms: int | None, plays: bool) -> None:
    assert controls.params is not None
    opens = common_opens(desk, controls, until_ms)
    if opens:
        candle_ms = moment.moment(opens, controls.params.timeframe_s * 1000, onward=plays)
        if plays and candle_ms == opens[-1]:
            moment.halt()
            st.rerun()
    found = _found(desk, controls, opens, until_ms)
    if isinstance(found, Reading):
        moment.keep_missing(None)
        _show(found)
    else:
        moment.keep_missing(found)
        state.render(found, desk)


def _again(desk: DeskPort, controls: Controls, until_ms: int | None, frame: Frame) -> None:
    """Where no candle is shown, look once more; what is found then is drawn with the whole page."""
    rerun_when_changed(Frame.of(desk.status()), frame)
    missing = moment.missing()
    if missing is not None:
        rerun_when_changed(_found(desk, controls, common_opens(desk, controls, until_ms), until_ms), missing)


def _found(desk: DeskPort, controls: Controls, opens: Sequence[int], until_ms: int | None) -> Reading | state.PageState:
    """The chosen candle as it was, or why there is none."""
    if not opens:
        until, step = ("yet", ONCE_THERE) if until_ms is None else ("up to then", "Choose a later moment.")
        sentence = f"No {controls.symbol_y} and {controls.symbol_x} candles of this timeframe are stored {until}."
        return state.PageState("failed", "Nothing to replay", sentence, step)
    try:
        return past(desk, controls, moment.chosen(opens))
    except PairsightError as error:
        return state.failed(str(error))


def common_opens(desk: DeskPort, controls: Controls, until_ms: int | None) -> Sequence[int]:
    """Opens of the newest stored candles that both legs share and that ended by then, oldest first."""
    assert controls.params is not None
    timeframe_s = controls.params.timeframe_s
    to_ms = None if until_ms is None else until_ms - timeframe_s * 1000 + 1
    legs = (controls.symbol_y, controls.symbol_x)
    y, x = (desk.candles(s, timeframe_s, limit=CANDLES, to_ms=to_ms) for s in legs)
    return [int(t) for t in np.intersect1d(y.open_ms, x.open_ms)]


def past(desk: DeskPort, controls: Controls, candle_ms: int) -> Reading:
    """What the desk knew at that candle. Raises PairsightError where that is not stored."""
    params = controls.params
    assert params is not None
    pair = (controls.symbol_y, controls.symbol_x)
    return Reading(
        *pair,
        params,
        desk.status(),
        desk.as_of(*pair, params, candle_ms),
        catalogue=desk.catalogue(),
        said=desk.journal_before(*pair, params, JOURNAL_ROWS, candle_ms + 1),
        past=True,
    )


def _show(now: Reading) -> None:
    row = next((r for r in reversed(now.said) if r.candle_ms == now.report.newest_ms), None)
    with st.container(key="ps-top"):
        banner.render(now)
        metrics.render(now)
    with st.container(key="ps-body"):
        left, right = st.columns([1.55, 1], gap="small")
    with left:
        st.html(heading("Readiness", "as it was answered then"))
        checklist.render(now.look.decision)
    with right:
        st.html(heading("The journal", "what was said then, beside what is computed now"))
        journal_says.render(now.look, row)
        st.html(heading("Trigger", "where z stood, and how far entry was"))
        trigger.render(now)
        st.html(heading("Ticket", "at the closes of then, rounded for the exchange"))
        ticket.render(ticket_of(now.look, now.catalogue))
        st.html(heading("Record", "as far as it was known then"))
        record.render(now.look)
    st.html(heading("Decision snapshot", "the candles before, as known then"))
    snapshot.render(now)
    st.html(heading("Evidence", "up to this candle"))
    with st.container(key="ps-charts"):
        evidence.render(now, BARS)
