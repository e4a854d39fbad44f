"""The charts as evidence: one figure, five panels, one time axis, and the key to its lines."""

from __future__ import annotations

from typing import Final

import streamlit as st

from analytics.verdict import Verdict
from ui import charts, theme
from ui.chart_data import encoded, marks
from ui.markup import Markup, el
from ui.reading import Reading

GLYPHS: Final = {"diamond": "◆", "triangle-up": "▲", "circle": "●"}


def render(reading: Reading, bars: int) -> None:
    """Draw the figure from data encoded once per confirmed candle."""
    if reading.report.newest_ms is None:
        st.html(
            el("div", "The figure begins with the first confirmed candle that both legs share.", cls="ps-no-figure")
        )
        return
    classic = reading.params.preset == "classic"
    rolling, fitted = f"rolling z, W = {reading.params.z_bars}", f"z of the fit, N = {reading.params.fit_bars}"
    z_name, other_name = (rolling, fitted) if classic else (fitted, rolling)
    unit = "quote currency" if reading.params.price_units else "bps of price"
    st.html(key(reading.symbol_y, reading.symbol_x, z_name, other_name))
    spec = charts.evidence_spec(reading.symbol_y, reading.symbol_x, unit, z_name, other_name)
    datasets = encoded(reading.report, marks(reading.said, reading.params), bars)
    st.vega_lite_chart(
        None,
        {**spec, "datasets": dict(datasets)},
        width="stretch",
        key="evidence",
        alt=f"Prices, spread, z, correlation and p-value of {reading.symbol_y} and {reading.symbol_x}",
    )


def key(leg_y: str, leg_x: str, z_name: str, other_name: str) -> Markup:
    """What each line is: colour, stroke and word."""
    return el(
        "div",
        _entry(leg_y, theme.LEG_Y),
        _entry(leg_x, theme.LEG_X),
        _entry(z_name, theme.LINE),
        _entry(other_name, theme.ROLLING, "dotted"),
        _entry("entry, p = 0.05", theme.ENTRY, "dashed"),
        _entry("stop", theme.STOP, "dotted"),
        el("span", el("i", cls="ps-key-block ps-key-band"), "mean of the spread ± entry", cls="ps-key-entry"),
        el("span", el("i", cls="ps-key-block"), "no candles", cls="ps-key-entry"),
        el(
            "span",
            "turned to",
            _mark(Verdict.TRADABLE),
            "TRADABLE",
            _mark(Verdict.TRAP),
            "TRAP",
            _mark(Verdict.WAIT),
            "any other verdict",
            cls="ps-key-entry",
        ),
        cls="ps-key",
        data_key="legend",
    )


def _entry(name: str, colour: str, stroke: str = "solid") -> Markup:
    return el("span", el("i", style=f"border-top:2px {stroke} {colour}"), name, cls="ps-key-entry")


def _mark(verdict: Verdict) -> Markup:
    """As the figure draws it."""
    colour, shape = theme.VERDICT_MARK[verdict]
    return el("b", GLYPHS[shape], style=f"color:{colour}")
