"""What the page is made of. While only values change, fragments redraw; when the shape changes, the page does."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.errors import PairsightError
from core.types import DeskStatus, Source
from ui.controls import Controls
from ui.panels.state import PageState, blocking, failed, store_problem
from ui.port import DeskPort
from ui.reading import Reading, exchange_now_ms, take


@dataclass(frozen=True, slots=True)
class Frame:
    """What the parts around a page depend on: strip, sidebar, notice."""

    source: Source
    running: bool
    offered: bool
    store: str  # why nothing can be written
    reading: bool  # another process collects
    symbols: tuple[str, ...]

    @classmethod
    def of(cls, status: DeskStatus) -> Frame:
        """The frame for a status."""
        return cls(
            status.source,
            status.running,
            status.simulator_offered,
            store_problem(status),
            status.store.state == "reading",
            status.symbols,
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """What the Decision page depends on: the frame, the state in its place, and what its files can hold."""

    frame: Frame
    blocked: PageState | None
    loaded: bool = True  # with the history come the files of it, which do not refresh themselves
    dated: bool = True  # the exchange's time is known, up to which they go


def read(desk: DeskPort, controls: Controls, journal_rows: int) -> tuple[Shape, Reading | None]:
    """One reading of the desk, and the shape of the page that shows it. A reading only where nothing blocks it."""
    status, params = desk.status(), controls.params
    if params is None:
        return Shape(Frame.of(status), blocking(status, controls.problem, have_candles=False)), None
    dated = exchange_now_ms(status) is not None
    loading = {controls.symbol_y, controls.symbol_x} & status.warmup.keys()
    have = desk.newest_candle_ms(controls.symbol_y, controls.symbol_x, params.timeframe_s) is not None
    blocked = blocking(status, controls.problem, have)
    now = None
    if blocked is None:
        try:
            now = take(desk, status, (controls.symbol_y, controls.symbol_x), params, journal_rows, controls.paused)
        except PairsightError as error:
            blocked = failed(str(error))
    return Shape(Frame.of(status), blocked, have and not loading, dated), now


def rerun_when_changed(now: object, drawn: object) -> None:
    """Redraw the whole page when its shape is no longer the one that was drawn. Called from a fragment's tick."""
    if now != drawn:
        st.rerun()
