"""A run as one HTML file to keep: no scripts, nothing loaded from anywhere, every text escaped. No Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from analytics.equity import drawdown
from analytics.trial import Trial
from core.types import Floats, Ints
from ui import formats, theme, walk_tables, walk_words
from ui.markup import Markup, el, join, style, void
from ui.walk_charts import thin
from ui.walk_tables import Line

TRADES: Final = 2_000  # listed, the newest; the CSV has all
WIDTH, LEFT, POINTS = 1000, 64, 1_500
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
CSS: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 66rem; padding: 0 1rem; color: light-dark(#161b22, #e4e9f0);
  background: light-dark(#ffffff, #0e1318); font-variant-numeric: tabular-nums; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; max-width: 52rem; } .soft, dt, figcaption { color: light-dark(#56616f, #9fabb9); }
.tag { border: 1px solid; border-radius: 4px; padding: 0 .4rem; font-size: .75rem; letter-spacing: .06em; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: .6rem 1.2rem; margin: 1rem 0; }
dt { font-size: .8rem; } dd { margin: 0; font-weight: 600; } dd small { display: block; font-weight: 400; }
figure { margin: 1rem 0; } svg { width: 100%; height: auto; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; white-space: nowrap; }
th, td { text-align: right; padding: .2rem .7rem; border-bottom: 1px solid light-dark(#d9dfe7, #2a343f); }
th { font-weight: 400; } th:first-child, td:first-child { text-align: left; } tr.own { font-weight: 700; }
tr.own th { font-weight: 700; }
@media print { body { margin: 0; max-width: none; } .wide { overflow: visible; } table { font-size: .7rem; } }
"""


@lru_cache(maxsize=1)
def sheet(trial: Trial, source: str) -> str:
    """The whole file.

    Parameters
    ----------
    trial : Trial
        With its run; what is still being made of it is left out, and that is said.
    source : str
        Whose prices these are: LIVE, SIMULATED, REPLAY or OFFLINE.
    """
    run, said = trial.run, trial.banner
    if run is None or said is None:
        raise ValueError("a tear sheet needs a run")
    title = f"{trial.ask.symbol_y} / {trial.ask.symbol_x}, walk-forward"
    parts = [
        el("p", title, " ", el("span", source, cls="tag"), cls="soft"),
        el("h1", said.headline),
        el("p", formats.prose(said.text)),
        el("p", formats.prose(f"{said.assumed} {trial.funding_note}"), cls="soft"),
        _pairs(walk_words.facts(trial)),
        el("h2", "Figures"),
        _pairs([(name, value, below) for _, name, value, below in walk_words.figures(run)]),
        _charts(trial),
        el("h2", "Where it went"),
        _table(walk_tables.MONEY_HEAD, walk_tables.money(run)),
        el("h2", "Luck"),
        el("p", formats.prose(walk_words.luck(trial))),
        el("h2", "Neighbouring settings"),
        el("p", formats.prose(walk_words.tries(trial))),
        _table(walk_tables.SETTINGS_HEAD, walk_tables.settings(trial.tried)) if trial.tried else Markup(),
        el("h2", "Trades"),
        _trades(trial),
        el("h2", "The rule's parameters"),
        el("p", run.report.params.key, cls="soft"),
        el("p", "Nothing here is advice, and nothing here was traded.", cls="soft"),
    ]
    head = join(
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=POLICY),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        style(CSS),
    )
    return "<!doctype html>\n" + el("html", el("head", head), el("body", *parts), lang="en")


def _pairs(rows: Sequence[tuple[str, ...]]) -> Markup:
    return el(
        "dl",
        *(
            el("div", el("dt", name), el("dd", value, *(el("small", text, cls="soft") for text in below)))
            for name, value, *below in rows
        ),
    )


def _table(head: Sequence[str], lines: Sequence[Line]) -> Markup:
    rows = (
        el("tr", el("th", line.name, scope="row"), *(el("td", c) for c in line.cells), cls="own" if line.own else "")
        for line in lines
    )
    columns = el("thead", el("tr", *(el("th", name, scope="col") for name in head)))
    return el("div", el("table", columns, el("tbody", *rows)), cls="wide")


def _trades(trial: Trial) -> Markup:
    assert trial.run is not None
    trades, step_ms = trial.run.trades, trial.run.report.step_ms
    if not trades:
        return el("p", "None.")
    rows = (el("tr", *(el("td", c) for c in walk_tables.trade_cells(t, step_ms))) for t in trades[::-1][:TRADES])
    head = el("thead", el("tr", *(el("th", name, scope="col") for name in walk_tables.TRADES_HEAD)))
    note = f"Newest first; money in quote currency, bps of {formats.number(trades[0].notional, 0)} gross notional."
    if len(trades) > TRADES:
        note += f" The newest {formats.count(TRADES)} of {formats.count(len(trades))}."
    return join(el("p", note, cls="soft"), el("div", el("table", head, el("tbody", *rows)), cls="wide"))


# ---- drawings


def _charts(trial: Trial) -> Markup:
    run = trial.run
    assert run is not None
    if not run.tested:
        return Markup()
    first, step_ms = run.first_row, run.report.step_ms
    end_ms, won = run.report.open_ms[first:] + step_ms, run.equity[first:]
    below = -drawdown(won) / run.report.params.notional * 1e4
    return join(
        _figure("Won since the start, net, quote currency", end_ms, won, theme.LINE, 220),
        _figure("Below its best, bps of gross notional", end_ms, below, theme.STOP, 120),
        _figure("z that the rule entered and left by", end_ms, run.verdicts.z[first:], theme.BAND, 180),
    )


def _figure(title: str, at_ms: Ints, values: Floats, colour: str, height: int) -> Markup:
    """A line over time, its ends and extremes written beside it. NaN breaks it."""
    rows = thin(values, POINTS)
    x, y = at_ms[rows].astype(np.float64), values[rows]
    known = y[np.isfinite(y)]
    if not len(known):
        return Markup()
    low, high = min(0.0, float(known.min())), max(0.0, float(known.max()))
    span, width = (high - low) or 1.0, (x[-1] - x[0]) or 1.0
    inner = height - 34

    def down(value: float) -> float:
        return 8 + inner * (high - value) / span

    path, pen = [], "M"
    for at, value in zip(x.tolist(), y.tolist(), strict=True):
        if not np.isfinite(value):
            pen = "M"
            continue
        path.append(f"{pen}{LEFT + (WIDTH - LEFT) * (at - x[0]) / width:.1f} {down(value):.1f}")
        pen = "L"
    grey = {"fill": theme.INK, "font_size": "12"}
    labels = [
        el("text", formats.number(v, 2), x=str(LEFT - 6), y=f"{down(v) + 4:.1f}", text_anchor="end", **grey)
        for v in sorted({low, 0.0, high})
        if v == 0.0 or abs(down(v) - down(0.0)) > 14
    ]
    moments = [
        el("text", formats.stamp(float(ms))[:16], x=str(at), y=str(height - 6), text_anchor=anchor, **grey)
        for ms, at, anchor in ((x[0], LEFT, "start"), (x[-1], WIDTH, "end"))
    ]
    zero = {"x1": str(LEFT), "x2": str(WIDTH), "y1": f"{down(0.0):.1f}", "y2": f"{down(0.0):.1f}"}
    drawing = el(
        "svg",
        el("line", stroke=theme.INK, stroke_width="1", **zero),
        el("path", d="".join(path), fill="none", stroke=colour, stroke_width="1.5", stroke_linejoin="round"),
        *labels,
        *moments,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=title,
    )
    return el("figure", el("figcaption", title), drawing)
