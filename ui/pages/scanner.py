"""The Scanner page: which pair of the whole market deserves a look?"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from analytics.market import MarketRule, MarketView
from analytics.params import Params
from core.types import DeskStatus
from ui.controls import Controls
from ui.controls.market import market_rule, opened, shown_rows
from ui.markup import el
from ui.panels import scan_head, scan_list, scan_maps, state
from ui.port import DeskPort
from ui.reading import exchange_now_ms
from ui.shape import Frame, rerun_when_changed
from ui.theme import heading

EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class ScanShape:
    """What the page below its head depends on: the frame, and which scan is drawn."""

    frame: Frame
    number: int
    stage: str
    problem: str
    left_out: int
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, status: DeskStatus, view: MarketView) -> ScanShape:
        """The shape for a status and what is known of the market."""
        gone = len(view.left_out)
        return cls(Frame.of(status), view.number, view.stage, view.problem, gone, view.pairs)


def draw(desk: DeskPort, controls: Controls, status: DeskStatus, decision: StreamlitPage) -> None:
    """Draw the page. Its head is kept current each second; the rest is drawn anew with each scan."""
    if opened() is not None:
        # Without a query of its own the switch would clear parameters that belong to the sidebar, which it may not.
        st.switch_page(decision, query_params={})
    st.html(el("h1", "Scanner", cls="ps-title"))
    state.notice(status, desk)
    rule = market_rule(controls.params)
    view = desk.market(rule)
    shape = ScanShape.of(status, view)
    st.fragment(_head, run_every=None if controls.paused else EVERY_S)(desk, rule, shape)
    with st.container(key="ps-scan-rows", horizontal=True, vertical_alignment="bottom"):
        st.html(heading("Pairs", "click a row to open it on the Decision page"))
        shown = shown_rows()
    if view.scan is None:
        st.html(scan_list.nothing(view, status))
    else:
        scan_list.render(desk, view, view.scan, shown, controls.params or Params())
        scan_maps.render(view.scan)
    if view.left_out or (view.scan is not None and view.scan.left_out):
        with st.expander("Symbols left out"):
            st.html(scan_head.left_out(view))


def _head(desk: DeskPort, rule: MarketRule, drawn: ScanShape) -> None:
    """The cards; where another scan has been made, the whole page."""
    status, view = desk.status(), desk.market(rule)
    rerun_when_changed(ScanShape.of(status, view), drawn)
    scan_head.render(view, rule, exchange_now_ms(status))
