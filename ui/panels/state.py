"""Page states: what stands where the desk would, when there is nothing to judge. Designed like the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from core.types import DeskStatus
from ui import theme
from ui.controls.answers import answered, show
from ui.markup import Markup, el
from ui.port import DeskPort

Kind = Literal["choose", "unreachable", "stopped", "failed"]
GLYPH: dict[Kind, str] = {"choose": "unknown", "unreachable": "nodata", "stopped": "pause", "failed": "trap"}


@dataclass(frozen=True, slots=True)
class PageState:
    """One sentence of what is, one of what to do."""

    kind: Kind
    title: str
    sentence: str
    next_step: str


def blocking(status: DeskStatus, problem: str, have_candles: bool) -> PageState | None:
    """The state that replaces the desk; None while there is something to judge."""
    if problem:
        return PageState("choose", "These choices do not go together", problem, "Change them in the sidebar.")
    if have_candles:
        return None
    if status.simulator_offered:
        why = status.problem or "The exchange gives no answer."
        step = "The desk keeps trying. Meanwhile a local simulator can stand in: same protocol, made-up prices."
        return PageState("unreachable", "The exchange cannot be reached", why, step)
    if not status.running:
        what = "feed to collect trades" if status.may_collect else "Pairsight that collects into this database"
        step = f"Start the {what}; candles follow as they are confirmed."
        return PageState(
            "stopped", "The feed is stopped", status.problem or "Nothing is stored for this pair yet.", step
        )
    return None


def failed(sentence: str) -> PageState:
    """The pair cannot be analysed."""
    return PageState("failed", "This pair cannot be judged", sentence, "Choose another pair, timeframe or window.")


def render(state: PageState, desk: DeskPort) -> None:
    """Draw the state and its one action."""
    with st.container(key=f"ps-state-{state.kind}", horizontal_alignment="center"):
        st.html(markup(state))
        if state.kind == "unreachable":
            _simulator_button(desk)
        elif state.kind == "stopped":
            _start_button(desk)


def notice(status: DeskStatus, desk: DeskPort) -> None:
    """A bar above the desk when it shows stored candles only: why, and the one thing to do about it."""
    why = store_problem(status)
    if why:
        with st.container(key="ps-store-notice"):
            st.html(_sentence("The database is not being written.", why))
    if status.store.state == "reading":
        with st.container(key="ps-reader-notice"):
            st.html(_sentence("This window reads.", status.store.reason))
    if status.running and not status.simulator_offered:
        return
    with st.container(key="ps-notice", horizontal=True, vertical_alignment="center"):
        if status.simulator_offered:
            st.html(_sentence("The exchange cannot be reached.", status.problem))
            _simulator_button(desk)
        else:
            if status.store.state == "reading":
                st.html(_sentence("Nobody collects now.", "What is shown is what was stored."))
            else:
                st.html(_sentence("The feed is stopped.", "What is shown is what was stored."))
            _start_button(desk)


def store_problem(status: DeskStatus) -> str:
    """Why nothing can be written, as a sentence; empty while the store is well."""
    return status.store.reason or "The cause is in the log." if status.store.state == "failing" else ""


def _simulator_button(desk: DeskPort) -> None:
    # Not in a callback: what that draws would stand in the place of the page's style.
    if st.button(
        "Start the simulator",
        type="primary",
        icon=":material/play_arrow:",
        key="state_simulator",
        help="Runs on this machine. Everything on screen then says SIMULATED.",
    ):
        with st.spinner("Starting the simulator; this takes some seconds."):
            answered("state", desk.use_simulator)()
        st.rerun()
    show("state")


def _start_button(desk: DeskPort) -> None:
    if not desk.status().may_collect:
        return
    st.button(
        "Start the feed",
        type="primary",
        icon=":material/play_arrow:",
        on_click=answered("state", desk.start),
        key="state_start",
    )
    show("state")


def _sentence(what: str, why: str) -> Markup:
    return el("p", el("strong", what), f" {why}", cls="ps-notice-words")


def markup(state: PageState) -> Markup:
    """The state's words."""
    return el(
        "section",
        theme.glyph(GLYPH[state.kind]),
        el("h1", state.title),
        el("p", state.sentence, cls="ps-why"),
        el("p", state.next_step, cls="ps-next"),
        cls=f"ps-pagestate ps-pagestate-{state.kind}",
        data_key="state",
        data_value=state.kind,
    )


def source_strip(status: DeskStatus) -> Markup:
    """Says on every page that the prices are not the market's; empty when they are."""
    note = theme.SOURCE_NOTE[status.source]
    if not note:
        return Markup()
    return el(
        "div",
        el("strong", status.source),
        el("span", note),
        cls="ps-strip",
        data_key="source",
        data_value=status.source,
        role="note",
    )
