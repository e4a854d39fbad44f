"""The sidebar: what the trader chose, as one frozen value. The only writer of st.session_state.

Every choice is bound to the URL, so that a link reopens the same view.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from analytics.params import Params
from core.settings import Settings
from core.types import DeskStatus
from ui.controls import feed, pair, rule, symbols
from ui.controls.files import FileChoice, file_choice, keep_files, made_files
from ui.controls.memory import turned
from ui.controls.views import FILE_BARS, LOOK_BARS, minutes_of, shown_bars
from ui.port import DeskPort

__all__ = [
    "FILE_BARS", "LOOK_BARS", "Controls", "FileChoice", "draw", "file_choice", "keep_files", "made_files", "minutes_of",
    "shown_bars", "turned",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Controls:
    """One state of the sidebar. ``params`` is None when ``problem`` says why the choices cannot be used."""

    symbol_y: str
    symbol_x: str
    params: Params | None
    problem: str = ""
    paused: bool = False


def draw(desk: DeskPort, settings: Settings, status: DeskStatus) -> Controls:
    """Draw the sidebar and return what it says."""
    with st.sidebar:
        paused = feed.draw(desk, settings, status)
        legs = pair.draw(desk, settings, status)
        chosen = rule.draw(settings)
        symbols.draw(desk, keep=(legs.symbol_y, legs.symbol_x))
    problem = legs.problem or chosen.problem
    return Controls(legs.symbol_y, legs.symbol_x, None if problem else chosen.params, problem, paused)
