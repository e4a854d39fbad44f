"""Decision snapshot: the live row on top, the confirmed rows below as they were known then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from analytics.look import Said
from analytics.report import PairReport
from ui import formats, theme
from ui.markup import Markup, el
from ui.panels.metrics import spread_text
from ui.reading import Reading, deciding_z, finite, last

ROWS = 10
HEADINGS = ("Candle end, UTC", "Y", "X", "β", "Spread", "z", "Correlation", "Said")


@dataclass(frozen=True, slots=True)
class Row:
    """One confirmed candle as it was known then. ``said`` is the journal's word; empty: not journalled."""

    end_ms: int
    y: float | None
    x: float | None
    beta: float | None
    spread: float | None
    z: float | None
    corr: float | None
    said: str
    note: str = ""


def render(reading: Reading) -> None:
    """Draw the table."""
    st.html(markup(reading))


def markup(reading: Reading) -> Markup:
    """The table as HTML: always one live row and ROWS confirmed ones."""
    return el(
        "div",
        el(
            "table",
            el("thead", el("tr", *(el("th", h, scope="col") for h in _headings(reading)))),
            el("tbody", _live_row(reading), _confirmed(reading)),
            cls="ps-snapshot",
            aria_label="Decision snapshot",
        ),
        cls="ps-scroll",
    )


def rows(report: PairReport, said: Sequence[Said], verdict: str, limit: int = ROWS) -> tuple[Row, ...]:
    """The newest confirmed rows, newest first: the journal's where it has them, else the report's.

    The report's rows are as they were known then too, but nothing was said at them; only the newest carries the
    verdict on screen.
    """
    step = report.params.timeframe_s * 1000
    journal = {s.candle_ms: s for s in said}
    z = deciding_z(report)
    out = []
    for i in range(len(report.open_ms) - 1, max(-1, len(report.open_ms) - 1 - limit), -1):
        open_ms = int(report.open_ms[i])
        row = journal.get(open_ms)
        newest = verdict if i == len(report.open_ms) - 1 else ""
        out.append(
            Row(
                open_ms + step,
                finite(report.y[i]),
                finite(report.x[i]),
                row.beta if row else finite(report.beta[i]),
                row.spread if row else finite(report.spread[i]),
                row.z if row else finite(z[i]),
                row.corr if row else finite(report.corr[i]),
                row.verdict.value if row else newest,
                row.note if row else "",
            )
        )
    return tuple(out)


def _headings(reading: Reading) -> tuple[str, ...]:
    unit = "Spread, quote" if reading.params.price_units else "Spread, bps"
    names = {"Y": reading.symbol_y, "X": reading.symbol_x, "Spread": unit}
    return tuple(names.get(h, h) for h in HEADINGS)


def _live_row(r: Reading) -> Markup:
    live = r.live
    cells = [theme.tag("live")]
    if live is None:
        cells += [Markup(formats.UNKNOWN)] * (len(HEADINGS) - 1)
    else:
        cells += [
            Markup(formats.price(live.price_y, r.tick_size(r.symbol_y))),
            Markup(formats.price(live.price_x, r.tick_size(r.symbol_x))),
            Markup(formats.number(last(r.report.beta), 4)),
            Markup(_bare(live.spread, r.params.price_units)),
            Markup(formats.z_score(r.live_z)),
            Markup(formats.UNKNOWN),
            Markup(_where(r.live_z, r.params.entry_z)),
        ]
    return el("tr", *(el("td", c) for c in cells), cls="ps-live-row", data_key="row_live")


def _where(z: float | None, entry_z: float) -> str:
    """A live value has no verdict; it only stands somewhere."""
    if z is None:
        return formats.UNKNOWN
    return "beyond entry" if abs(z) >= entry_z else "inside"


def _confirmed(r: Reading) -> Markup:
    return _confirmed_rows(
        r.report, tuple(r.said[-ROWS:]), r.look.decision.verdict.value, r.tick_size(r.symbol_y), r.tick_size(r.symbol_x)
    )


@lru_cache(maxsize=32)  # a tick redraws the live row only
def _confirmed_rows(
    report: PairReport, said: tuple[Said, ...], verdict: str, tick_y: float | None, tick_x: float | None
) -> Markup:
    units = report.params.price_units
    known = rows(report, said, verdict)
    drawn = [
        el(
            "tr",
            el("td", formats.clock(row.end_ms)),
            el("td", formats.price(row.y, tick_y)),
            el("td", formats.price(row.x, tick_x)),
            el("td", formats.number(row.beta, 4)),
            el("td", _bare(row.spread, units)),
            el("td", formats.z_score(row.z)),
            el("td", formats.number(row.corr, 2)),
            el("td", f"{row.said}, {row.note}" if row.note else row.said or "not journalled"),
            data_key="row",
            data_value=str(row.end_ms),
        )
        for row in known
    ]
    empty = el("tr", *(el("td", formats.UNKNOWN) for _ in HEADINGS), cls="ps-empty-row")
    return Markup("".join([*drawn, *[empty] * (ROWS - len(drawn))]))


def _bare(spread: float | None, price_units: bool) -> str:
    return spread_text(spread, price_units).removesuffix(" bps")
