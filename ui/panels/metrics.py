"""The metric strip: live numbers beside confirmed ones, in two styles that cannot be taken for each other."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import streamlit as st

from analytics.decision import Verdict
from analytics.hedge import TITLES
from analytics.report import PairReport
from core.types import Floats
from ui import formats, theme
from ui.markup import Markup, el, join
from ui.reading import Reading, deciding_z, finite, last, quantity_ratio

TREND_BARS = 60
NO_NET = {
    Verdict.WAIT: "not known yet",
    Verdict.NO_DATA: "needs current data",
    Verdict.WARMING_UP: "needs a full window",
}
LEAST_TREND = 4  # points below which a line says nothing


@dataclass(frozen=True, slots=True)
class Tile:
    """One number with its name, unit and context. ``value`` is the number itself, for whoever checks the screen."""

    key: str
    label: str
    text: str
    sub: str
    kind: Literal["live", "confirmed"]
    value: float | None = None
    help: str = ""
    trend: str = ""  # data address of a small line
    words: bool = False  # text rather than a number


def render(reading: Reading) -> None:
    """Draw the strip."""
    st.html(markup(reading))


def markup(reading: Reading) -> Markup:
    """The strip as HTML. Old live numbers say so."""
    return el("div", *(_tile(t, reading) for t in tiles(reading)), cls="ps-tiles")


def tiles(reading: Reading) -> tuple[Tile, ...]:
    """Every tile, always all of them and in this order, so that nothing moves.

    Of the past there is nothing live: its closes and its cost stand instead.
    """
    if reading.past:
        return (
            _z_confirmed(reading),
            _hedge(reading),
            _spread(reading),
            _correlation(reading),
            _net(reading),
            _close(reading, reading.symbol_y, reading.report.y),
            _close(reading, reading.symbol_x, reading.report.x),
            _regime(reading),
            _half_life(reading),
            _cost(reading),
        )
    return (
        _z_live(reading),
        _z_confirmed(reading),
        _hedge(reading),
        _spread(reading),
        _correlation(reading),
        _prices(reading),
        _regime(reading),
        _half_life(reading),
        _net(reading),
        _funding(reading),
    )


def _z_live(r: Reading) -> Tile:
    sub = "scored once the fit is known"
    if r.live is not None and r.live_z is not None:
        sell, buy = finite(r.live.z_sell_spread), finite(r.live.z_buy_spread)
        sub = f"at executable: sell {formats.z_score(sell)}, buy {formats.z_score(buy)}"
    return Tile(
        "z_live",
        "z now",
        formats.z_score(r.live_z),
        sub,
        "live",
        r.live_z,
        "The newest trades of both legs, scored with the confirmed fit. It decides nothing. Executable: "
        "selling the spread at the last taker-sell of Y and taker-buy of X, and the reverse.",
    )


def _z_confirmed(r: Reading) -> Tile:
    z = last(deciding_z(r.report))
    over = f"rolling, W = {r.params.z_bars}" if r.params.preset == "classic" else f"fit, N = {r.params.fit_bars}"
    return Tile(
        "z",
        "z",
        formats.z_score(z),
        f"{over} · entry ±{formats.number(r.params.entry_z)}",
        "confirmed",
        z,
        "The spread of the last confirmed candle, in standard deviations. This one decides.",
        _trend(r.report, "z"),
    )


def _hedge(r: Reading) -> Tile:
    hedge, ratio = r.report.hedge, quantity_ratio(r.report)
    beta, sub = None, "unknown until the fit window is full"
    if hedge is not None and ratio is not None:
        beta, se = hedge.beta, formats.number(hedge.beta_se, 3)
        sub = f"± {se} · 1 {_base(r, r.symbol_y)} ↔ {_significant(ratio)} {_base(r, r.symbol_x)}"
    tested = r.params.method == "ols"
    unit = "units of X per unit of Y" if r.params.price_units else "a ratio of notionals"
    return Tile(
        "beta",
        "Hedge ratio β" if tested else f"β by {TITLES[r.params.method]}",
        formats.number(beta, 3),
        sub,
        "confirmed",
        beta,
        f"How much X hedges Y, {unit}, with one standard error; beside it both quantities.",
        _trend(r.report, "beta") if tested else "",  # of the other methods there is no history
    )


def _spread(r: Reading) -> Tile:
    spread = last(r.report.spread)
    live = finite(r.live.spread) if r.live else None
    return Tile(
        "spread",
        "Spread",
        spread_text(spread, r.params.price_units),
        _spread_sub(r, live),
        "confirmed",
        spread,
        "Distance of Y from where X says it should be. In logs shown in bps of price.",
        _trend(r.report, "spread"),
    )


def _spread_sub(r: Reading, live: float | None) -> str:
    if r.past:
        return "last residual of the fit"
    if live is None:
        return "no live score yet"
    return f"{theme.live_word(r.stale, r.status.source).lower()} {spread_text(live, r.params.price_units)}"


def _correlation(r: Reading) -> Tile:
    corr = last(r.report.corr)
    return Tile(
        "corr",
        "Correlation",
        formats.number(corr, 2),
        f"of log returns, W = {r.params.z_bars}",
        "confirmed",
        corr,
        "Correlation of the two legs' log returns, candle by candle.",
        _trend(r.report, "corr"),
    )


def _prices(r: Reading) -> Tile:
    y, x = (r.live.price_y, r.live.price_x) if r.live else (None, None)
    return Tile(
        "price_y",
        _base(r, r.symbol_y),
        formats.price(y, r.tick_size(r.symbol_y)),
        f"{_base(r, r.symbol_x)} {formats.price(x, r.tick_size(r.symbol_x))}",
        "live",
        finite(y),
        "Last trade of each leg.",
    )


def _close(r: Reading, symbol: str, closes: Floats) -> Tile:
    close = last(closes)
    return Tile(
        f"close_{symbol}",
        f"{_base(r, symbol)} close",
        formats.price(close, r.tick_size(symbol)),
        "of this candle",
        "confirmed",
        close,
        "Last trade of the candle.",
    )


def _cost(r: Reading) -> Tile:
    costs = r.look.costs
    parts = () if costs is None else (costs.fees_bps, costs.half_spreads_bps, costs.funding_bps)
    split = " + ".join(formats.number(part, 1) for part in parts) or "unknown"
    total = None if costs is None else finite(costs.total_bps)
    return Tile(
        "cost",
        "Cost, round trip",
        formats.known_cost(total, whole=costs is None or not costs.missing),
        f"{split} · fees, spread, funding",
        "confirmed",
        total,
        "Fees, half price-spreads and funding over the mean hold, in bps of gross notional.",
    )


def _regime(r: Reading) -> Tile:
    test = r.report.adf if r.params.preset == "classic" else r.report.engle_granger
    name = "ADF" if r.params.preset == "classic" else "Engle-Granger"
    p = finite(test.pvalue) if test else None
    head, rest = _clause(formats.prose(r.look.decision.regime))
    return Tile(
        "regime",
        "Regime",
        head or formats.UNKNOWN,
        rest or (f"{name} not tested yet" if p is None else f"{name} p {formats.pvalue(p)}"),
        "confirmed",
        p,
        "What the test supports, in words that claim no more than it does.",
        words=True,
    )


def _half_life(r: Reading) -> Tile:
    h = r.report.half_life
    if h is None:
        return Tile(
            "half_life",
            "Half-life",
            formats.UNKNOWN,
            "shown only once the test supports a return",
            "confirmed",
            None,
            "Without a passed test a half-life describes noise.",
        )
    seconds = h.bars * r.params.timeframe_s
    return Tile(
        "half_life",
        "Half-life",
        f"{formats.number(h.bars, 0)} candles",
        f"{formats.number(h.low, 0)} to {formats.number(h.high, 0)} at 95 % · {formats.age(seconds)}",
        "confirmed",
        finite(h.bars),
        "Candles until half of a deviation is gone.",
    )


def _net(r: Reading) -> Tile:
    d = r.look.decision
    net = d.expected_net_bps if d.verdict in {Verdict.TRADABLE, Verdict.WAIT} else None
    whole = r.look.costs is not None and not r.look.costs.missing  # without a split only the fees are known
    cost = "cost unknown" if d.cost_bps is None else f"{formats.known_cost(d.cost_bps, whole=whole)} cost"
    sub = f"lower bound, after {cost}"
    if net is None:
        sub = f"{NO_NET.get(d.verdict, 'shown only with a relationship')}, {cost}"
    return Tile(
        "net",
        "Expected net",
        formats.bps(net),
        sub,
        "confirmed",
        finite(net),
        "Lower bound of what such a stretch of this pair has returned, minus cost, in bps of gross notional.",
    )


def _funding(r: Reading) -> Tile:
    mark_y, mark_x = r.marks.get(r.symbol_y), r.marks.get(r.symbol_x)
    rate_y = mark_y.funding_rate if mark_y else None
    rate_x = mark_x.funding_rate if mark_x else None
    settles = [m.next_funding_ms for m in (mark_y, mark_x) if m and m.next_funding_ms]
    left = (min(settles) - r.now_ms) / 1000 if settles and r.now_ms is not None else None
    sub = f"{_base(r, r.symbol_x)} {formats.percent(rate_x, 4, sign=True)} · in {formats.countdown(left)}"
    if mark_y is None and mark_x is None:
        sub = "no mark price has arrived yet"
    return Tile(
        "funding_y",
        f"Funding {_base(r, r.symbol_y)}",
        formats.percent(rate_y, 4, sign=True),
        sub,
        "live",
        finite(rate_y),
        "Rate of the next settlement; positive: longs pay shorts. Beside it the time to it.",
    )


def spread_text(spread: float | None, price_units: bool) -> str:
    """A spread in its unit: bps of price for logs, quote currency for prices."""
    if price_units:
        return formats.number(spread, 4, sign=True)
    return formats.bps(None if spread is None else spread * 1e4)


def _clause(sentence: str) -> tuple[str, str]:
    """A regime's first clause, and the rest of it.

    >>> _clause("Mean reversion supported (Engle-Granger, p = 0.017).")
    ('Mean reversion supported', 'Engle-Granger, p = 0.017')
    """
    match = re.match(r"([^(:]+?)\s*[(:]\s*(.*?)\)?\.?$", sentence)
    return (match[1], match[2]) if match else (sentence.rstrip("."), "")


def _base(r: Reading, symbol: str) -> str:
    info = r.catalogue.get(symbol)
    return info.base if info else symbol


def _significant(value: float) -> str:
    return f"{value:,.4g}"


def _tile(tile: Tile, r: Reading) -> Markup:
    kind = "offline" if r.offline else "stale" if r.stale and tile.kind == "live" else tile.kind
    trend = el("img", src=tile.trend, alt="", cls="ps-trend") if tile.trend else Markup()
    return el(
        "div",
        el("div", el("span", tile.label, cls="ps-label"), theme.tag(kind, r.status.source), cls="ps-tile-head"),
        el("div", join(el("span", tile.text), trend), cls="ps-value ps-words" if tile.words else "ps-value"),
        el("div", tile.sub, cls="ps-sub"),
        cls=f"ps-tile ps-{kind}",
        title=tile.help or None,
        data_key=tile.key,
        data_value="" if tile.value is None else repr(tile.value),
        data_at=str(r.live.ts_ms) if r.live is not None and tile.kind == "live" else None,
    )


@lru_cache(maxsize=64)
def _trend(report: PairReport, name: str) -> str:
    values = deciding_z(report) if name == "z" else getattr(report, name)
    return trend_image(values[-TREND_BARS:])


def trend_image(values: Floats) -> str:
    """A small line as an image address; empty when there is nothing to draw. NaN breaks the line."""
    known = values[np.isfinite(values)]
    if len(known) < LEAST_TREND:
        return ""
    low, high = float(known.min()), float(known.max())
    span = (high - low) or 1.0
    path, pen = [], "M"
    for i, v in enumerate(values):
        if not np.isfinite(v):
            pen = "M"
            continue
        path.append(f"{pen}{60 * i / (len(values) - 1):.1f} {17 - 14 * (v - low) / span:.1f}")
        pen = "L"
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="20" viewBox="-2 0 64 20">'
        f'<path d="{"".join(path)}" fill="none" stroke="{theme.INK}" stroke-width="1.5" stroke-linejoin="round"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
