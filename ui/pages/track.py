"""The Track record page: was what the desk said worth anything?"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from analytics.paper_view import TrackFigures, TrackView, figures
from core.clock import DAY_MS
from core.errors import PairsightError
from core.types import DeskStatus
from ui.controls import Controls
from ui.controls.track import Whose, whose
from ui.markup import el
from ui.panels import state, track_head, track_list, track_open, track_tables
from ui.port import DeskPort
from ui.reading import exchange_now_ms
from ui.shape import Frame, rerun_when_changed
from ui.theme import heading

EVERY_S = 1.0
NOTE = "what the desk said, traded on paper: promised against realised"


@dataclass(frozen=True, slots=True)
class TrackShape:
    """What the page below the open trades depends on: the frame, and which trades there are."""

    frame: Frame
    mark: tuple[int, ...]


def draw(desk: DeskPort, controls: Controls, status: DeskStatus) -> None:
    """Draw the page. Open trades are kept current each second; the rest is drawn anew when a trade changes."""
    st.html(el("h1", "Track record ", el("small", NOTE), cls="ps-title"))
    state.notice(status, desk)
    try:
        view = desk.track_record()
    except PairsightError as error:
        _failed(error, desk)
        return
    shape = TrackShape(Frame.of(status), view.mark)
    chosen = whose(view)
    left_out = track_head.not_counted(view, chosen.settings, len(chosen.of_settings(view.trades)))
    if left_out:
        st.html(el("p", left_out, cls="ps-note", data_key="not_counted"))
    now_ms = exchange_now_ms(status)
    found = _figures(view.mark, chosen, None if now_ms is None else int(now_ms) // DAY_MS, view)
    track_head.render(found)
    st.html(heading("Open trades", "followed until the rule set at their look ends them"))
    st.fragment(_open, run_every=None if controls.paused else EVERY_S)(desk, chosen, shape)
    track_tables.figures(found)
    track_tables.tables(found)
    st.html(heading("Closed trades", "newest first"))
    track_list.render(chosen.of(view.trades), _file(view.mark, chosen, view), now_ms or 0)


def _open(desk: DeskPort, chosen: Whose, drawn: TrackShape) -> None:
    """The open trades; where one was opened or closed, the whole page."""
    try:
        status, view, worth = desk.status(), desk.track_record(), desk.paper_now()
    except PairsightError as error:
        _failed(error, desk)
        return
    rerun_when_changed(TrackShape(Frame.of(status), view.mark), drawn)
    if status.track_problem:
        st.html(el("p", status.track_problem, cls="ps-note ps-alert-warning", data_key="track_problem"))
    track_open.render(chosen.of(view.on), worth, status)


def _failed(error: PairsightError, desk: DeskPort) -> None:
    state.render(state.PageState("failed", "The track record cannot be read", str(error), "Try again later."), desk)


@st.cache_resource(max_entries=16, show_spinner=False)
def _figures(mark: tuple[int, ...], chosen: Whose, today: int | None, _view: TrackView) -> TrackFigures:
    """Made once a day for the same closed trades; their intervals take a tenth of a second.

    Score of some settings has been kept since their first trade of any pair.
    """
    first = next(iter(chosen.of_settings(_view.trades)), None)
    span_ms = None if today is None or first is None else (first.look_ms, today * DAY_MS)
    return figures(chosen.of(_view.trades), span_ms, fee_bps=_view.fee_bps)


@st.cache_resource(max_entries=8, show_spinner=False)
def _file(mark: tuple[int, ...], chosen: Whose, _view: TrackView) -> bytes:
    """The same for the file: an open one changes without the page being drawn anew, and would be out of date in it."""
    return track_list.file_of([t for t in chosen.of(_view.trades) if t.state == "closed"])
