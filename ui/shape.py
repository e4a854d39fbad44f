"""What the page is made of. While only values change, fragments redraw; when the shape changes, the page does."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.types import DeskStatus, Source
from ui.controls import Controls
from ui.panels.state import PageState, blocking
from ui.port import DeskPort


@dataclass(frozen=True, slots=True)
class Shape:
    """The parts of the desk's state that decide which elements there are."""

    source: Source
    running: bool
    symbols: tuple[str, ...]
    blocked: PageState | None

    @classmethod
    def of(cls, desk: DeskPort, controls: Controls, status: DeskStatus) -> Shape:
        """The shape for a status."""
        have = False
        if controls.params is not None:
            newest = desk.newest_candle_ms(controls.symbol_y, controls.symbol_x, controls.params.timeframe_s)
            have = newest is not None
        return cls(status.source, status.running, status.symbols, blocking(status, controls.problem, have))


def rerun_when_changed(desk: DeskPort, controls: Controls, drawn: Shape) -> None:
    """Redraw the whole page when its shape is no longer the one that was drawn. Called from a fragment's tick."""
    if Shape.of(desk, controls, desk.status()) != drawn:
        st.rerun()
