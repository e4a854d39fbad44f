"""The chart: prices, spread, z and correlation over one time axis. Built once; data are passed beside it, by name.

No Streamlit here. ``evidence_spec`` is a Vega-Lite dictionary whose data are named ``rows``, ``levels``, ``gaps`` and
``said``; ``ui.chart_data`` makes those.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import altair as alt

from ui import theme

# A date where a day begins, else the time; always UTC.
CLOCK: Final = (
    (
        "hours(datum.value) + minutes(datum.value) + seconds(datum.value) == 0"
        " ? utcFormat(datum.value, '%d %b') : seconds(datum.value) ? utcFormat(datum.value, '%H:%M:%S')"
        " : utcFormat(datum.value, '%H:%M')"
    )
    .replace("hours(", "utchours(")
    .replace("minutes(", "utcminutes(")
    .replace("seconds(", "utcseconds(")
)
TIME: Final = alt.X(
    "t:T",
    title=None,
    scale=alt.Scale(type="utc"),
    axis=alt.Axis(grid=False, tickCount=8, labelOverlap=True, labelExpr=CLOCK),
)
AXIS_WIDTH: Final = 56  # the same in every panel, so that the time axes stand under each other
HEIGHTS: Final = {"prices": 170, "spread": 150, "z": 170, "corr": 100}
DASH: Final = [4, 3]


@lru_cache(maxsize=16)
def evidence_spec(leg_y: str, leg_x: str, spread_unit: str, z_name: str) -> dict[str, Any]:
    """The four panels. The same dictionary for the same arguments; nobody may change it."""
    panels = (
        _panel("prices", _prices(leg_y, leg_x), (("y_index", leg_y, ".2f"), ("x_index", leg_x, ".2f"))),
        _panel("spread", _spread(spread_unit), (("spread", f"Spread, {spread_unit}", ".2f"), ("mean", "Mean", ".2f"))),
        _panel("z", _z(), (("z", z_name, ".2f"), ("other_z", "other z", ".2f"))),
        _panel("corr", _corr(), (("corr", "Correlation", ".2f"),)),
    )
    chart = (
        alt.vconcat(*panels, spacing=14)
        .resolve_scale(x="shared", color="independent")
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=11, titleFontSize=11, titleFontWeight="normal")
    )
    spec: dict[str, Any] = chart.to_dict()
    # One zoom for all panels. Written out, since Altair would add it to each panel and complain that they are equal.
    interval = {"type": "interval", "encodings": ["x"]}
    views = [f"cross_{name}" for name in HEIGHTS]
    spec["params"] = [*spec.get("params", ()), {"name": "zoom", "select": interval, "bind": "scales", "views": views}]
    return spec


def _named(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=name))


def _value(field: str, title: str, **scale: Any) -> alt.Y:
    return alt.Y(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(zero=False, nice=True, **scale),
        axis=alt.Axis(tickCount=4, minExtent=AXIS_WIDTH, maxExtent=AXIS_WIDTH, titlePadding=4),
    )


def _line(field: str, title: str, colour: str, width: float = 1.5, dash: list[int] | None = None) -> alt.Chart:
    mark = alt.MarkDef(type="line", strokeWidth=width, color=colour, strokeDash=dash or [1, 0])
    return alt.Chart(alt.NamedData(name="rows"), mark=mark).encode(x=TIME, y=_value(field, title))


def _level(kind: str, colour: str, title: str, dash: list[int]) -> alt.Chart:
    """Thresholds are data: one row each, so that they move with the settings and scale with the axis."""
    rows: alt.Chart = _named("levels").transform_filter(alt.datum.kind == kind)
    return rows.mark_rule(color=colour, strokeDash=dash, strokeWidth=1).encode(y=_value("level", title))


def _prices(leg_y: str, leg_x: str) -> list[alt.Chart]:
    title = "100 = first shown"
    return [_line("y_index", title, theme.LEG_Y), _line("x_index", title, theme.LEG_X)]


def _spread(unit: str) -> list[alt.Chart]:
    title = f"Spread, {unit}"
    band = (
        _named("rows")
        .mark_area(color=theme.BAND, opacity=0.14)
        .encode(x=TIME, y=_value("band_low", title), y2="band_high:Q")
    )
    return [band, _line("mean", title, theme.BAND, 1, DASH), _line("spread", title, theme.LINE)]


def _z() -> list[alt.Chart]:
    title = "z"
    said = (
        _named("said")
        .mark_point(filled=True, size=46, opacity=1, color=theme.GOOD, shape="triangle-up")
        .encode(x=TIME, y=_value("z", title), tooltip=[alt.Tooltip("word:N", title="said")])
    )
    return [
        _level("mean", theme.INK, title, [1, 0]),
        _level("entry", theme.ENTRY, title, DASH),
        _level("stop", theme.STOP, title, [1, 2]),
        _line("other_z", title, theme.ROLLING, 1, [2, 2]),
        _line("z", title, theme.LINE),
        said,
    ]


def _corr() -> list[alt.Chart]:
    return [_line("corr", "Correlation", theme.LINE)]


def _panel(
    name: str, layers: list[alt.Chart], values: tuple[tuple[str, str, str], ...]
) -> alt.LayerChart | alt.FacetChart:
    hover = alt.selection_point(
        name=f"hover_{name}", nearest=True, on="pointerover", clear="pointerout", encodings=["x"], empty=False
    )
    gaps = (
        _named("gaps")
        .mark_rect(color=theme.INK, opacity=0.12)
        .encode(x=TIME, x2="until:T", tooltip=[alt.Tooltip("word:N", title="no data")])
    )
    tooltip = [alt.Tooltip("when:N", title="UTC"), *(alt.Tooltip(f"{f}:Q", title=t, format=d) for f, t, d in values)]
    cross = (
        _named("rows")
        .transform_calculate(when="utcFormat(datum.t, '%d %b %H:%M:%S')")
        .mark_rule(color=theme.INK, strokeWidth=1)
        .encode(x=TIME, opacity=alt.condition(hover, alt.value(0.8), alt.value(0)), tooltip=tooltip)
        .add_params(hover)
        .properties(name=f"cross_{name}")
    )
    return alt.layer(gaps, *layers, cross).properties(height=HEIGHTS[name])
