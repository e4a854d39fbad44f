"""A run over time: what it won, how far it fell, and its trades on z. Specs and thinned data; no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import altair as alt
import numpy as np
import pyarrow as pa

from analytics.backtest import WalkForward
from analytics.equity import drawdown
from analytics.round_trips import REASONS, RoundTrip
from analytics.trial import Trial
from core.types import Floats, Ints
from ui import formats, theme
from ui.chart_data import encode
from ui.charts import DASHED, DOTTED, MOMENT, SOLID, time_axis, value_axis
from ui.vega import stacked

MOST_ROWS: Final = 1_800  # of a line: more than there are pixels for it
MOST_MARKS: Final = 1_500  # trades drawn, the newest ones
HEIGHTS: Final = {"won": 170, "below": 80, "z": 190}
LUCK_HEIGHT: Final = 110


def thin(values: Floats, most: int = MOST_ROWS) -> Ints:
    """The rows to draw: in each of ``most`` / 3 stretches the lowest, the highest and the last, in order.

    Whoever takes every k-th row instead loses the peaks, which are what a drawdown is. NaN is never an extreme.

    >>> thin(np.array([0.0, 9.0, 1.0, 2.0, -5.0, 3.0, 4.0, 4.0]), most=6).tolist()
    [0, 1, 3, 4, 6, 7]
    """
    n = len(values)
    if n <= most:
        return np.arange(n, dtype=np.int64)
    edges = np.linspace(0, n, max(1, most // 3) + 1).astype(np.int64)
    low, high = np.where(np.isnan(values), np.inf, values), np.where(np.isnan(values), -np.inf, values)
    kept = [np.array([0], np.int64)]
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        kept.append(np.array([start + low[start:end].argmin(), start + high[start:end].argmax(), end - 1]))
    rows: Ints = np.unique(np.concatenate(kept))
    return rows


@lru_cache(maxsize=1)  # of one run: its candles are held by whatever is kept here
def encoded(run: WalkForward) -> Mapping[str, bytes]:
    """``tables`` as the browser reads them."""
    return {name: encode(table) for name, table in tables(run).items()}


def tables(run: WalkForward) -> dict[str, pa.Table]:
    """The columns that ``walk_spec`` draws. Times are the ends of candles, when their rows were known."""
    first = run.first_row
    report, p = run.report, run.report.params
    end = (report.open_ms[first:] + report.step_ms).astype(np.float64)
    won, z = run.equity[first:], run.verdicts.z[first:]
    below = -drawdown(won) / p.notional * 1e4
    curve, fall, line = thin(won), thin(below), thin(z)
    levels = {"mean": (0.0,), "entry": (p.entry_z, -p.entry_z), "stop": (p.stop_z, -p.stop_z)}
    if not run.execution.stop:
        levels.pop("stop")
    return {
        "won": pa.table({"t": end[curve], "won": won[curve]}),
        "below": pa.table({"t": end[fall], "below": below[fall]}),
        "z": pa.table({"t": end[line], "z": z[line]}),
        "levels": pa.table(
            {
                "kind": pa.array([kind for kind, at in levels.items() for _ in at], pa.string()),
                "level": [level for at in levels.values() for level in at],
            }
        ),
        "trades": _marks(run.trades[-MOST_MARKS:], report.step_ms),
    }


def _marks(trades: Sequence[RoundTrip], step_ms: int) -> pa.Table:
    rows: list[tuple[float, float, str, str]] = []
    for t in trades:
        sold = "sold" if t.side > 0 else "bought"
        rows.append((float(t.look_ms + step_ms), t.z, sold, f"spread {sold} at the next candle"))
        net = formats.bps(t.net_bps)
        rows.append((float(t.exit_look_ms + step_ms), t.exit_z, "left", f"left, {REASONS[t.reason]}: {net} net"))
    t_ms, z, kind, word = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table(
        {
            "t": pa.array(t_ms, pa.float64()),
            "z": pa.array(z, pa.float64()),
            "kind": pa.array(kind, pa.string()),
            "word": pa.array(word, pa.string()),
        }
    )


@lru_cache(maxsize=1)
def walk_spec() -> dict[str, Any]:
    """Three panels over one time axis; data are named as in ``tables``."""
    won = alt.layer(
        _level("mean", theme.INK, SOLID),
        _line("won", "won", theme.LINE, [alt.Tooltip("won:Q", title="won, quote", format="+,.2f")]),
    ).properties(height=HEIGHTS["won"], title="Won since the start, net, quote currency")
    area = alt.Chart(alt.NamedData(name="below"), mark=alt.MarkDef(type="area", color=theme.STOP, opacity=0.35))
    below = area.encode(x=time_axis(labels=False), y=value_axis("below")).properties(
        height=HEIGHTS["below"], title="Below its best, bps of gross notional"
    )
    z = alt.layer(
        _level("mean", theme.INK, SOLID),
        _level("entry", theme.ENTRY, DASHED),
        _level("stop", theme.STOP, DOTTED),
        _line("z", "z", theme.BAND, [alt.Tooltip("z:Q", format="+.2f")], width=1, labels=True),
        _points("left", "circle", theme.INK, 22),
        _points("sold", "triangle-down", theme.LEG_X, 55),
        _points("bought", "triangle-up", theme.LEG_Y, 55),
    ).properties(height=HEIGHTS["z"], title="z that the rule entered and left by, and its trades")
    return stacked([f"walk_{name}" for name in HEIGHTS], (won, below, z), spacing=12)


@lru_cache(maxsize=1)
def luck_spec() -> dict[str, Any]:
    """What each redrawn run won, as ticks, and the true one among them."""
    x = alt.X("net:Q", title="won in all, net, quote currency", scale=alt.Scale(zero=True, nice=True, padding=12))
    runs = alt.Chart(alt.NamedData(name="runs"))
    tip = [alt.Tooltip("name:N"), alt.Tooltip("net:Q", format="+,.2f"), alt.Tooltip("trades:Q")]
    drawn = runs.transform_filter("!datum.real").mark_tick(thickness=2, size=34, color=theme.INK, opacity=0.75)
    real = runs.transform_filter("datum.real").mark_point(
        filled=True, shape="diamond", size=160, color=theme.ENTRY, opacity=1
    )
    chart = alt.layer(drawn.encode(x=x, tooltip=tip), real.encode(x=x, tooltip=tip)).properties(height=LUCK_HEIGHT)
    spec: dict[str, Any] = chart.configure_view(stroke=None).to_dict()
    return spec


def luck_table(trial: Trial) -> pa.Table:
    """The runs that ``luck_spec`` draws."""
    assert trial.run is not None
    s = trial.run.summary
    nets = [*(one.net for one in trial.drawn), s.net]
    k = len(trial.drawn)
    return pa.table(
        {
            "net": pa.array(nets, pa.float64()),
            "trades": pa.array([*(one.trades for one in trial.drawn), s.trades], pa.float64()),
            "real": pa.array([False] * k + [True], pa.bool_()),
            "name": pa.array([*(f"redrawn {i + 1}" for i in range(k)), "this run"], pa.string()),
        }
    )


def _line(
    data: str, field: str, colour: str, tooltip: list[alt.Tooltip], *, width: float = 1.5, labels: bool = False
) -> alt.Chart:
    mark = alt.MarkDef(type="line", strokeWidth=width, color=colour, opacity=0.6 if width == 1 else 1.0)
    chart: alt.Chart = alt.Chart(alt.NamedData(name=data), mark=mark).encode(
        x=time_axis(labels), y=value_axis(field), tooltip=tooltip
    )
    return chart


def _level(kind: str, colour: str, dash: list[int]) -> alt.Chart:
    mark = alt.MarkDef(type="rule", color=colour, strokeDash=dash, strokeWidth=1)
    rows: alt.Chart = alt.Chart(alt.NamedData(name="levels"), mark=mark).transform_filter(alt.datum.kind == kind)
    chart: alt.Chart = rows.encode(y=value_axis("level"))
    return chart


def _points(kind: str, shape: str, colour: str, size: int) -> alt.Chart:
    mark = alt.MarkDef(type="point", filled=True, size=size, shape=shape, color=colour, opacity=0.9)
    data = alt.Chart(alt.NamedData(name="trades"), mark=mark)
    rows: alt.Chart = data.transform_filter(alt.datum.kind == kind).transform_calculate(when=MOMENT)
    moment = alt.Tooltip("when:N", title="UTC")
    chart: alt.Chart = rows.encode(
        x=time_axis(labels=True), y=value_axis("z"), tooltip=["word:N", alt.Tooltip("z:Q", format="+.2f"), moment]
    )
    return chart
