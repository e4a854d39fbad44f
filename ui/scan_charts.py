"""The two maps of a scan: which symbols move together, and where each pair stands. Specs and data; no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import altair as alt
import numpy as np
import pyarrow as pa

from analytics.scan_order import cluster_order
from analytics.scanner import Scan
from ui import theme
from ui.chart_data import encode
from ui.vega import canvas

HEIGHT: Final = 460
MOST_CELLS: Final = 120  # symbols on a side
MOST_POINTS: Final = 4_000
QUOTE: Final = "USDT"


@lru_cache(maxsize=1)
def correlation_spec() -> dict[str, Any]:
    """Squares: blue moves together, vermillion against each other, the fainter the less. Serves both themes."""
    axis = alt.Axis(title=None, labelFontSize=9, labelOverlap=True, ticks=False, domain=False, labelLimit=60)
    sign = alt.condition("datum.r >= 0", alt.value(theme.LEG_Y), alt.value(theme.LEG_X))
    chart = (
        alt.Chart(alt.NamedData(name="cells"))
        .mark_rect()
        .encode(
            x=alt.X("a:N", sort=None, axis=axis),
            y=alt.Y("b:N", sort=None, axis=axis),
            color=sign,
            opacity=alt.Opacity("size:Q", scale=alt.Scale(domain=[0, 1], range=[0.03, 1]), legend=None),
            tooltip=[
                alt.Tooltip("a:N", title="one"),
                alt.Tooltip("b:N", title="other"),
                alt.Tooltip("r:Q", format=".2f"),
            ],
        )
        .properties(height=HEIGHT)
        .configure_view(stroke=None)
    )
    return canvas(chart.to_dict())


@lru_cache(maxsize=1)
def scatter_spec() -> dict[str, Any]:
    """Points: how far each pair is stretched against how surely it returns; candidates filled."""
    points = alt.Chart(alt.NamedData(name="points"))
    x = alt.X("z:Q", title="z now", scale=alt.Scale(nice=False, zero=True, padding=14))
    y = alt.Y("strength:Q", title="strength, −t of the test", scale=alt.Scale(zero=False, nice=True))
    tooltip = [
        alt.Tooltip("pair:N"),
        alt.Tooltip("z:Q", format="+.2f"),
        alt.Tooltip("strength:Q", title="−t", format=".2f"),
        alt.Tooltip("adjusted:Q", title="rate it passes at", format=".2g"),
    ]
    levels = alt.Chart(alt.NamedData(name="levels"))  # rows of their own: they move with the settings
    rules = levels.mark_rule(strokeWidth=1).encode(
        x="z:Q",
        color=alt.condition("datum.kind == 'entry'", alt.value(theme.ENTRY), alt.value(theme.STOP)),
        strokeDash=alt.condition("datum.kind == 'entry'", alt.value([5, 4]), alt.value([1, 3])),
    )
    others = points.transform_filter("!datum.candidate").mark_point(filled=True, size=14, color=theme.INK, opacity=0.35)
    found = points.transform_filter("datum.candidate").mark_point(
        filled=True, size=90, color=theme.GOOD, opacity=1, shape="diamond"
    )
    chart = alt.layer(
        rules, others.encode(x=x, y=y, tooltip=tooltip), found.encode(x=x, y=y, tooltip=tooltip)
    ).properties(height=HEIGHT)
    return canvas(chart.configure_view(stroke=None).to_dict())


@lru_cache(maxsize=4)
def data(scan: Scan) -> Mapping[str, bytes]:
    """Both charts' data, encoded once a scan: the largest symbols' squares, the strongest pairs' points."""
    return {"cells": encode(cells(scan)), "points": encode(points(scan)), "levels": encode(levels(scan))}


def cells(scan: Scan) -> pa.Table:
    """The correlations among the ``MOST_CELLS`` largest symbols, those that move together side by side."""
    corr = scan.correlations()[:MOST_CELLS, :MOST_CELLS]
    order = cluster_order(corr)
    names = np.array([str(name).removesuffix(QUOTE) for name in scan.symbols[: len(corr)][order]])
    r = corr[order][:, order]
    m = len(names)
    known = np.isfinite(r).ravel()
    return pa.table(
        {
            "a": pa.array(np.tile(names, m)[known].tolist(), pa.string()),
            "b": pa.array(np.repeat(names, m)[known].tolist(), pa.string()),
            "r": r.ravel()[known],
            "size": np.abs(r.ravel()[known]),
        }
    )


def points(scan: Scan) -> pa.Table:
    """The ``MOST_POINTS`` strongest tested pairs."""
    k = np.flatnonzero(scan.tested & np.isfinite(scan.z) & np.isfinite(scan.stat))
    k = k[np.argsort(scan.stat[k], kind="stable")][:MOST_POINTS]
    return pa.table(
        {
            "pair": pa.array([scan.pair(row) for row in k.tolist()], pa.string()),
            "z": scan.z[k],
            "strength": -scan.stat[k],
            "adjusted": scan.adjusted[k],
            "candidate": np.isin(k, scan.candidates),
        }
    )


def levels(scan: Scan) -> pa.Table:
    """Entry and stop, on both sides."""
    z = [-scan.stop_z, -scan.entry_z, scan.entry_z, scan.stop_z]
    return pa.table({"z": z, "kind": ["stop", "entry", "entry", "stop"]})
