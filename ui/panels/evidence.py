"""The charts as evidence: one figure, four panels, one time axis."""

from __future__ import annotations

import streamlit as st

from ui import charts
from ui.chart_data import encoded
from ui.reading import Reading


def render(reading: Reading, bars: int) -> None:
    """Draw the figure from data encoded once per confirmed candle."""
    units = "quote" if reading.params.price_units else "bps"
    z_name = f"z, rolling {reading.params.z_bars}" if reading.params.preset == "classic" else "z of the fit"
    spec = charts.evidence_spec(reading.symbol_y, reading.symbol_x, units, z_name)
    datasets = encoded(reading.report, tuple(reading.said), bars)
    st.vega_lite_chart(
        None,
        {**spec, "datasets": dict(datasets)},
        width="stretch",
        key="evidence",
        alt=f"Prices, spread, z and correlation of {reading.symbol_y} and {reading.symbol_x}",
    )
