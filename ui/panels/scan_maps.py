"""The two maps: who moves with whom, and which pair is how far from where."""

from __future__ import annotations

import streamlit as st

from analytics.scanner import Scan
from ui import scan_charts
from ui.theme import heading


def render(scan: Scan) -> None:
    """Draw both beside each other."""
    data = scan_charts.data(scan)
    with st.container(key="ps-scan-maps"):
        left, right = st.columns(2, gap="small")
    with left:
        most_points = scan_charts.MOST_POINTS
        shown = (
            f"the {most_points:,} strongest pairs" if scan.pairs_tested > most_points else "each point a tested pair"
        )
        st.html(heading("Stretch against strength", f"{shown}; diamonds are candidates; lines are entry and stop"))
        st.vega_lite_chart(
            None,
            {**scan_charts.scatter_spec(), "datasets": {name: data[name] for name in ("points", "levels")}},
            width="stretch",
            key="scan_scatter",
            alt="z of every tested pair against its test statistic",
        )
    with right:
        most = scan_charts.MOST_CELLS
        which = f"the {most} largest symbols" if len(scan.symbols) > most else "all symbols"
        st.html(heading("Correlation of log returns", f"{which}, neighbours move together; blue with, red against"))
        st.vega_lite_chart(
            None,
            {**scan_charts.correlation_spec(), "datasets": {"cells": data["cells"]}},
            width="stretch",
            key="scan_heatmap",
            alt="Correlation of log returns between symbols, in clustering order",
        )
