"""Decision snapshot: the live row on top, the confirmed rows below as they were known then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from analytics.decision import Decision
from analytics.paper_entry import entered_by
from analytics.params import Params
from analytics.report import PairReport
from core.journal import JournalRow
from ui import formats, theme
from ui.markup import Markup, el
from ui.panels.metrics import spread_text
from ui.reading import Reading, deciding_z, finite, last

ROWS = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One confirmed candle as it was known then. ``said`` is empty where nothing was said."""

    end_ms: int
    y: float | None
    x: float | None
    beta: float | None
    spread: float | None
    z: float | None
    corr: float | None
    said: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """How the columns are named and written for one pair."""

    symbol_y: str
    symbol_x: str
    tick_y: float | None
    tick_x: float | None
    price_units: bool


def render(reading: Reading) -> None:
    """Draw the table."""
    st.html(markup(reading))


def markup(reading: Reading) -> Markup:
    """The table as HTML: always one live row and ROWS confirmed ones."""
    columns = Columns(
        reading.symbol_y,
        reading.symbol_x,
        reading.tick_size(reading.symbol_y),
        reading.tick_size(reading.symbol_x),
        reading.params.price_units,
    )
    unit = "quote" if columns.price_units else "bps"
    ratio = "β" if reading.params.method == "ols" else "β, least squares"  # of the test's fit, whatever is traded
    names = (
        "Candle end, UTC",
        columns.symbol_y,
        columns.symbol_x,
        ratio,
        f"Spread, {unit}",
        "z",
        "Correlation",
        "Said",
    )
    return el(
        "div",
        el(
            "table",
            el("thead", el("tr", *(el("th", name, scope="col") for name in names))),
            el(
                "tbody",
                Markup() if reading.past else _live(reading, columns),
                _confirmed(rows_of(reading), columns),
            ),
            cls="ps-snapshot",
            aria_label="Decision snapshot",
        ),
        cls="ps-scroll",
        tabindex="0",
    )


def rows_of(reading: Reading) -> tuple[Row, ...]:
    """The reading's newest confirmed rows, newest first."""
    return rows(reading.report, reading.said, reading.look.decision)


def rows(report: PairReport, said: Sequence[JournalRow], decision: Decision, limit: int = ROWS) -> tuple[Row, ...]:
    """The newest confirmed rows, newest first: the journal's where it has them, else the report's.

    The report's rows are as they were known then too, but nothing was said at them; only the newest carries the
    verdict on screen.
    """
    step = report.params.timeframe_s * 1000
    journal = {row.candle_ms: row for row in said[-4 * limit :]}
    z = deciding_z(report)
    found = []
    for i in range(len(report.open_ms) - 1, max(-1, len(report.open_ms) - 1 - limit), -1):
        told = journal.get(int(report.open_ms[i]))
        if told is not None:
            found.append(_told(told, step, report.params))
            continue
        found.append(
            Row(
                end_ms=int(report.open_ms[i]) + step,
                y=finite(report.y[i]),
                x=finite(report.x[i]),
                beta=finite(report.beta[i]),
                spread=finite(report.spread[i]),
                z=finite(z[i]),
                corr=finite(report.corr[i]),
                said=decision.verdict.value if decision.candle_ms == report.open_ms[i] else "",
            )
        )
    return tuple(found)


def _told(row: JournalRow, step_ms: int, params: Params) -> Row:
    return Row(
        end_ms=row.candle_ms + step_ms,
        y=finite(row.price_y),
        x=finite(row.price_x),
        beta=finite(row.beta),
        spread=finite(row.spread),
        z=finite(entered_by(row, params)),
        corr=finite(row.corr),
        said=row.verdict,
        note=row.note,
    )


def _live(r: Reading, c: Columns) -> Markup:
    """A live value has no verdict; it only stands somewhere."""
    live = r.live
    place = formats.UNKNOWN
    if r.live_z is not None:
        place = "beyond entry" if abs(r.live_z) >= r.params.entry_z else "inside entry"
    return el(
        "tr",
        el("td", theme.tag("stale" if r.stale else "live", r.status.source)),
        el("td", formats.price(live.price_y if live else None, c.tick_y)),
        el("td", formats.price(live.price_x if live else None, c.tick_x)),
        el("td", formats.number(last(r.report.beta) if live else None, 4)),
        el("td", _bare(live.spread if live else None, c.price_units)),
        el("td", formats.z_score(r.live_z)),
        el("td", formats.UNKNOWN),
        el("td", place),
        cls="ps-live-row ps-stale" if r.stale else "ps-live-row",
        data_key="row_live",
    )


@lru_cache(maxsize=32)  # a tick redraws the live row only
def _confirmed(known: tuple[Row, ...], c: Columns) -> Markup:
    drawn = [
        el(
            "tr",
            el("td", formats.clock(row.end_ms)),
            el("td", formats.price(row.y, c.tick_y)),
            el("td", formats.price(row.x, c.tick_x)),
            el("td", formats.number(row.beta, 4)),
            el("td", _bare(row.spread, c.price_units)),
            el("td", formats.z_score(row.z)),
            el("td", formats.number(row.corr, 2)),
            el("td", f"{row.said}, {row.note}" if row.note else row.said or formats.UNKNOWN),
            data_key="row",
            data_value=str(row.end_ms),
        )
        for row in known
    ]
    empty = el("tr", *(el("td", formats.UNKNOWN) for _ in range(8)), cls="ps-empty-row")
    return Markup("".join([*drawn, *[empty] * (ROWS - len(drawn))]))


def _bare(spread: float | None, price_units: bool) -> str:
    return spread_text(spread, price_units).removesuffix(" bps")
