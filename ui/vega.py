"""What figures have in common: how they are drawn, panels over one time axis. Vega-Lite dictionaries; no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from ui import theme

ZOOM: Final = {"name": "zoom", "select": {"type": "interval", "encodings": ["x"]}, "bind": "scales"}


def stacked(
    names: Sequence[str], panels: Sequence[alt.Chart | alt.LayerChart | alt.FacetChart], spacing: int
) -> dict[str, Any]:
    """The panels, whose newest layer is called by its name, and the zoom that moves all of them.

    The zoom is written out, since Altair would add one panel by panel.
    """
    chart = (
        alt.vconcat(*panels, spacing=spacing)
        .resolve_scale(x="shared")
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=11)
        .configure_title(fontSize=12, fontWeight="normal", anchor="start", offset=4, color=theme.INK)
    )
    spec: dict[str, Any] = chart.to_dict()
    for name, panel in zip(names, spec["vconcat"], strict=True):
        (panel["layer"][-1] if "layer" in panel else panel)["name"] = name
    spec["params"] = [{**ZOOM, "views": list(names)}]
    return canvas(spec)


def canvas(spec: dict[str, Any]) -> dict[str, Any]:
    """The same, drawn as pixels: a redraw a second stays smooth."""
    spec["usermeta"] = {"embedOptions": {"renderer": "canvas"}}
    return spec
