"""The track record's two figures: what was won over time, and what was promised against what came. No Streamlit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import altair as alt
import numpy as np
import pyarrow as pa

from analytics.paper_score import Bin, Equity
from analytics.paper_view import TrackFigures
from ui import formats, theme
from ui.chart_data import encode
from ui.charts import AXIS_WIDTH, CLOCK
from ui.vega import canvas

HEIGHT: Final = 260
BELOW: Final = 110
NAMES: Final = ("TRADABLE", "refused")
COLOURS: Final = alt.Scale(domain=list(NAMES), range=[theme.GOOD, theme.LEG_X])
DASHES: Final = alt.Scale(domain=list(NAMES), range=[[1, 0], [5, 3]])
LEGEND: Final = alt.Legend(title=None, orient="top", symbolType="stroke", symbolSize=160)


@lru_cache(maxsize=1)
def equity_spec() -> dict[str, Any]:
    """Won since the beginning after each closed trade."""
    points = alt.Chart(alt.NamedData(name="equity"))
    time = _time()
    colour = alt.Color("what:N", scale=COLOURS, legend=LEGEND)
    dash = alt.StrokeDash("what:N", scale=DASHES, legend=LEGEND)
    tooltip = [
        alt.Tooltip("what:N", title="of"),
        alt.Tooltip("utc:N", title="closed, UTC"),
        alt.Tooltip("net:Q", title="won, quote", format="+,.2f"),
        alt.Tooltip("below:Q", title="below the best", format=",.2f"),
    ]
    zero = alt.Chart(alt.NamedData(name="zero")).mark_rule(color=theme.INK, strokeWidth=1, opacity=0.6)
    won = points.mark_line(interpolate="step-after", strokeWidth=1.8).encode(
        x=time, y=alt.Y("net:Q", title="won, quote currency", axis=_axis(5)), color=colour, strokeDash=dash
    )
    dots = points.mark_point(filled=True, size=14, opacity=0.9).encode(
        x=time, y="net:Q", color=alt.Color("what:N", scale=COLOURS, legend=None), tooltip=tooltip
    )
    chart = alt.layer(zero.encode(y="level:Q"), won, dots).properties(height=HEIGHT)
    return canvas(chart.configure_view(stroke=None).to_dict())


@lru_cache(maxsize=1)
def below_spec() -> dict[str, Any]:
    """How far that stood below its best."""
    chart = (
        alt.Chart(alt.NamedData(name="equity"))
        .mark_line(interpolate="step-after", strokeWidth=1.3)
        .encode(
            x=_time(),
            y=alt.Y("below:Q", title="drawdown", scale=alt.Scale(reverse=True), axis=_axis(3)),
            color=alt.Color("what:N", scale=COLOURS, legend=None),
            strokeDash=alt.StrokeDash("what:N", scale=DASHES, legend=None),
        )
        .properties(height=BELOW)
    )
    return canvas(chart.configure_view(stroke=None).to_dict())


@lru_cache(maxsize=1)
def calibration_spec() -> dict[str, Any]:
    """Mean realised against mean promised net of each bin, two standard errors either way; on the line both agree."""
    bins = alt.Chart(alt.NamedData(name="bins"))
    x = alt.X("promised:Q", title="promised net, bps", scale=alt.Scale(zero=False, nice=True, padding=12))
    colour = alt.Color("what:N", scale=COLOURS, legend=alt.Legend(title=None, orient="top"))
    line = (
        alt.Chart(alt.NamedData(name="same"))
        .mark_line(color=theme.INK, strokeDash=[5, 4], strokeWidth=1)
        .encode(x="promised:Q", y="realised:Q")
    )
    bars = bins.mark_rule(strokeWidth=1.6).encode(x=x, y="low:Q", y2="high:Q", color=colour)
    dots = bins.mark_point(filled=True, size=80, opacity=1).encode(
        x=x,
        y=alt.Y("realised:Q", title="realised net, bps", scale=alt.Scale(zero=False, nice=True)),
        color=colour,
        shape=alt.Shape(
            "what:N", scale=alt.Scale(domain=list(NAMES), range=["circle", "diamond"]), legend=alt.Legend(title=None)
        ),
        tooltip=[
            alt.Tooltip("what:N", title="of"),
            alt.Tooltip("count:Q", title="trades"),
            alt.Tooltip("promised:Q", format="+.1f"),
            alt.Tooltip("realised:Q", format="+.1f"),
            alt.Tooltip("se:Q", title="standard error", format=".1f"),
        ],
    )
    chart = alt.layer(line, bars, dots).properties(height=HEIGHT + BELOW + 8)
    return canvas(chart.configure_view(stroke=None).to_dict())


def data(found: TrackFigures) -> dict[str, bytes]:
    """Both figures' data."""
    sides = (found.said, found.refused)
    bins = [(name, b) for name, side in zip(NAMES, sides, strict=True) for b in side.bins]
    return {
        "equity": encode(
            pa.concat_tables([_equity(NAMES[0], found.said.equity), _equity(NAMES[1], found.refused.equity)])
        ),
        "zero": encode(pa.table({"level": [0.0]})),
        "bins": encode(_bins(bins)),
        "same": encode(_same([b for _, b in bins])),
    }


def _equity(what: str, e: Equity) -> pa.Table:
    """From nothing at the first entry on."""
    n = len(e.ms) and 1
    ms = np.concatenate((np.full(n, e.since_ms), e.ms))
    return pa.table(
        {
            "t": ms.astype(np.float64),
            "utc": pa.array([formats.stamp(t) for t in ms.tolist()], pa.string()),
            "net": np.concatenate((np.zeros(n), e.net)),
            "below": np.concatenate((np.zeros(n), e.below)),
            "what": pa.array([what] * len(ms), pa.string()),
        }
    )


def _bins(bins: list[tuple[str, Bin]]) -> pa.Table:
    reach = [2.0 * (b.se or 0.0) for _, b in bins]
    return pa.table(
        {
            "what": pa.array([what for what, _ in bins], pa.string()),
            "count": pa.array([b.count for _, b in bins], pa.int64()),
            "promised": pa.array([b.promised for _, b in bins], pa.float64()),
            "realised": pa.array([b.realised for _, b in bins], pa.float64()),
            "se": pa.array([b.se for _, b in bins], pa.float64()),
            "low": pa.array([b.realised - r for (_, b), r in zip(bins, reach, strict=True)], pa.float64()),
            "high": pa.array([b.realised + r for (_, b), r in zip(bins, reach, strict=True)], pa.float64()),
        }
    )


def _same(bins: list[Bin]) -> pa.Table:
    """The line on which what came is what was promised, as far as there are bins."""
    at = [min((b.promised for b in bins), default=0.0), max((b.promised for b in bins), default=0.0)]
    return pa.table({"promised": at, "realised": at})


def _time() -> alt.X:
    return alt.X("t:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(labelExpr=CLOCK, grid=False))


def _axis(ticks: int) -> alt.Axis:
    """As wide in both figures, so that their times stand under each other."""
    return alt.Axis(tickCount=ticks, minExtent=AXIS_WIDTH, maxExtent=AXIS_WIDTH)
