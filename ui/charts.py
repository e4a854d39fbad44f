"""The evidence figure: prices, spread, z, correlation and p-value over one time axis.

No Streamlit here. ``evidence_spec`` is a Vega-Lite dictionary, built once; its data are named ``rows``, ``levels``,
``gaps``, ``checkpoints`` and ``said``, come from ``ui.chart_data`` and are passed beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import altair as alt

from ui import theme
from ui.vega import stacked

HEIGHTS: Final = {"prices": 170, "spread": 140, "z": 170, "corr": 90, "p": 90}
AXIS_WIDTH: Final = 46  # the same in every panel, so that the time axes stand under each other
SOLID: Final = [1, 0]
DASHED: Final = [5, 4]
DOTTED: Final = [2, 2]

# A date where a day begins, else the time with as much as it needs; always UTC.
CLOCK: Final = (
    "utchours(datum.value) + utcminutes(datum.value) + utcseconds(datum.value) == 0"
    " ? utcFormat(datum.value, '%d %b') : utcseconds(datum.value) ? utcFormat(datum.value, '%H:%M:%S')"
    " : utcFormat(datum.value, '%H:%M')"
)
MOMENT: Final = "utcFormat(datum.t, '%d %b %H:%M:%S')"

Value = tuple[str, str, str]  # field, its name in the tooltip, its number format
Layers = Sequence[alt.Chart]


@lru_cache(maxsize=16)
def evidence_spec(leg_y: str, leg_x: str, unit: str, z_name: str, other_name: str) -> dict[str, Any]:
    """The five panels. The same dictionary for the same arguments; nobody may change it."""
    panels = (
        _panel(
            "prices", "Prices, 100 = first shown", _prices(), (("y_index", leg_y, ".2f"), ("x_index", leg_x, ".2f"))
        ),
        _panel("spread", f"Spread, {unit}", _spread(), (("spread", "spread", ".2f"), ("mean", "mean", ".2f"))),
        _panel("z", "z", _z(), (("z", z_name, ".2f"), ("other_z", other_name, ".2f"))),
        _panel("corr", "Correlation of log returns", [_line("corr", theme.LINE)], (("corr", "correlation", ".2f"),)),
        _panel("p", "Engle-Granger p-value", _pvalues(), (("p", "p", ".4f"),)),
    )
    views = [f"cross_{name}" for name in HEIGHTS]
    spec = stacked(views, panels, spacing=6)
    spec["params"].append(  # one crosshair for all panels
        {
            "name": "hover",
            "select": {
                "type": "point",
                "encodings": ["x"],
                "nearest": True,
                "on": "pointerover",
                "clear": "pointerout",
            },
            "views": views,
        }
    )
    return spec


def _panel(name: str, title: str, layers: Layers, values: Sequence[Value]) -> alt.LayerChart | alt.FacetChart:
    tooltip = [alt.Tooltip("when:N", title="UTC"), *(alt.Tooltip(f"{f}:Q", title=t, format=d) for f, t, d in values)]
    gaps = _named("gaps").mark_rect(color=theme.INK, opacity=0.13).encode(x=_time(), x2="until:T")
    cross = (
        _named("rows")
        .transform_calculate(when=MOMENT)
        .mark_rule(color=theme.INK, strokeWidth=1)
        .encode(x=time_axis(labels=name == "p"), opacity=_when_hovered(), tooltip=tooltip)
    )
    return alt.layer(gaps, *layers, cross).properties(title=title, height=HEIGHTS[name])


def _prices() -> Layers:
    return [_line("x_index", theme.LEG_X), _line("y_index", theme.LEG_Y)]


def _spread() -> Layers:
    area = alt.MarkDef(type="area", color=theme.BAND, opacity=0.14)
    band: alt.Chart = _marked("rows", area).encode(x=_time(), y=value_axis("band_low"), y2="band_high:Q")
    return [band, _line("mean", theme.BAND, 1, DASHED), _line("spread", theme.LINE)]


def _z() -> Layers:
    point = alt.MarkDef(type="point", filled=True, size=60, opacity=1)
    words, looks = list(theme.VERDICT_MARK), list(theme.VERDICT_MARK.values())
    said: alt.Chart = _marked("said", point).encode(
        x=_time(),
        y=value_axis("z"),
        color=alt.Color("word:N", scale=alt.Scale(domain=words, range=[c for c, _ in looks]), legend=None),
        shape=alt.Shape("word:N", scale=alt.Scale(domain=words, range=[s for _, s in looks]), legend=None),
        tooltip=[alt.Tooltip("word:N", title="said from here")],
    )
    return [
        _level("mean", theme.INK, SOLID),
        _level("entry", theme.ENTRY, DASHED),
        _level("stop", theme.STOP, DOTTED),
        _line("other_z", theme.ROLLING, 1, DOTTED),
        _line("z", theme.LINE),
        said,
    ]


def _pvalues() -> Layers:
    scale = alt.Scale(type="log", domain=[1e-4, 1], clamp=True)
    line = _line("p", theme.LINE, scale=scale)
    point = alt.MarkDef(type="point", filled=True, size=40, color=theme.ENTRY, opacity=1)
    six: alt.Chart = _marked("checkpoints", point).encode(
        x=_time(),
        y=value_axis("p", scale),
        tooltip=[alt.Tooltip("p:Q", format=".4f"), alt.Tooltip("word:N", title="checkpoint")],
    )
    return [_level("related", theme.ENTRY, DASHED, scale), line, six]


def _line(
    field: str, colour: str, width: float = 1.5, dash: list[int] | None = None, scale: alt.Scale | None = None
) -> alt.Chart:
    mark = alt.MarkDef(type="line", strokeWidth=width, color=colour, strokeDash=dash or SOLID)
    chart: alt.Chart = _marked("rows", mark).encode(x=_time(), y=value_axis(field, scale))
    return chart


def _level(kind: str, colour: str, dash: list[int], scale: alt.Scale | None = None) -> alt.Chart:
    """Thresholds are data: one row each, so that they move with the settings and scale with the axis."""
    mark = alt.MarkDef(type="rule", color=colour, strokeDash=dash, strokeWidth=1)
    rows: alt.Chart = _marked("levels", mark).transform_filter(alt.datum.kind == kind)
    chart: alt.Chart = rows.encode(y=value_axis("level", scale))
    return chart


def _named(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=name))


def _marked(name: str, mark: alt.MarkDef) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=name), mark=mark)


def _time() -> alt.X:
    return alt.X("t:T", title=None, scale=alt.Scale(type="utc"))


def time_axis(labels: bool) -> alt.X:
    """The axis of a panel, said by one layer alone; only the lowest panel writes the times."""
    axis = alt.Axis(grid=False, tickCount=8, labelOverlap=True, labelExpr=CLOCK, labels=labels, ticks=labels)
    return alt.X("t:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def value_axis(field: str, scale: alt.Scale | None = None) -> alt.Y:
    """The axis of a panel's values, as wide as that of every other panel."""
    axis = alt.Axis(tickCount=4, minExtent=AXIS_WIDTH, maxExtent=AXIS_WIDTH)
    return alt.Y(f"{field}:Q", title=None, scale=scale or alt.Scale(zero=False, nice=True), axis=axis)


def _when_hovered() -> alt.OpacityValue:
    return alt.OpacityValue(0, condition={"param": "hover", "empty": False, "value": 0.8})
