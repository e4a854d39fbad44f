"""Trigger distance: where z stands between the thresholds, live and confirmed, and how far entry is."""

from __future__ import annotations

from math import copysign

import streamlit as st

from analytics.check_words import decimals
from analytics.ticket import price_at
from ui import formats, theme
from ui.markup import Markup, el, join
from ui.reading import Reading, bars_since_crossing, deciding_z, finite, last


def render(reading: Reading) -> None:
    """Draw the band and its sentences."""
    st.html(markup(reading))


def markup(reading: Reading) -> Markup:
    """A band from −stop to +stop with both markers, and the distance in z and in the price of Y."""
    params = reading.params
    z = last(deciding_z(reading.report))
    edge = params.stop_z * 1.1
    ticks = (
        (-params.stop_z, "stop"),
        (-params.entry_z, "entry"),
        (0.0, "mean"),
        (params.entry_z, "entry"),
        (params.stop_z, "stop"),
    )
    return el(
        "div",
        el(
            "div",
            _zone("buy", -params.stop_z, -params.entry_z, edge),
            _zone("sell", params.entry_z, params.stop_z, edge),
            *(_tick(at, edge) for at, _ in ticks),
            _marker("conf", z, edge, "confirmed"),
            _marker("live", reading.live_z, edge, _live_word(reading)),
            cls="ps-band",
            data_key="band",
            role="img",
            aria_label=f"z confirmed {formats.z_score(z)}"
            + ("" if reading.past else f", {_live_word(reading)} {formats.z_score(reading.live_z)}"),
        ),
        el("div", *(_label(at, word, edge) for at, word in ticks), cls="ps-band-labels", data_key="band_labels"),
        el("dl", *_distances(reading), cls="ps-pairs"),
        cls="ps-trigger ps-old" if reading.stale else "ps-trigger",
    )


def position(z: float, edge: float) -> float:
    """Where a z stands on the band, 0..100 %; beyond the band it stays at its end.

    >>> position(0.0, 4.4), position(-9.0, 4.4)
    (50.0, 0.0)
    """
    return 50.0 + 50.0 * min(max(z / edge, -1.0), 1.0)


def live_distance(reading: Reading) -> tuple[float | None, float | None]:
    """How far the live z is from the entry on its side: in z, and in bps of Y's price while X stays where it is now."""
    live, z, entry_z = reading.live, reading.live_z, reading.params.entry_z
    if live is None or z is None or not reading.report.have_bars:  # scored a moment after the look
        return None, None
    if abs(z) >= entry_z:
        return 0.0, 0.0
    entry_y = price_at(reading.report, copysign(entry_z, z), live.price_x)
    return entry_z - abs(z), finite(1e4 * abs(entry_y / live.price_y - 1))


def _distances(reading: Reading) -> tuple[Markup, ...]:
    trigger = reading.look.decision.trigger
    since = bars_since_crossing(reading.report, reading.params.entry_z)
    ago = "not within these candles" if len(reading.report.open_ms) else formats.UNKNOWN
    if since == 0:
        ago = "at this candle"
    elif since is not None:
        ago = f"{formats.count(since)} candle{'s' * (since > 1)} ago, {formats.age(since * reading.params.timeframe_s)}"
    live_z, live_bps = live_distance(reading)
    confirmed, at = formats.UNKNOWN, formats.UNKNOWN
    if trigger is not None:
        confirmed = _distance(trigger.distance_z, trigger.distance_bps)
        price = formats.price(trigger.trigger_price_y, reading.tick_size(reading.symbol_y))
        at = f"{price}, at z {formats.z_score(trigger.entry_z)}, X unchanged"
    mark = theme.tag("stale" if reading.stale else "live", reading.status.source)
    now = join(el("span", _distance(live_z, live_bps), cls="ps-now"), " ", mark)
    return (
        _pair("to_entry", "To entry, confirmed", confirmed),
        *(() if reading.past else (_pair("to_entry_now", "To entry, now", now),)),
        _pair("entry_price", f"Entry at {reading.symbol_y}", at),
        _pair("crossing", "Last crossing", ago),
    )


def _live_word(reading: Reading) -> str:
    return theme.live_word(reading.stale, reading.status.source).lower()


def _distance(in_z: float | None, in_bps: float | None) -> str:
    if in_z is None:
        return formats.UNKNOWN
    if in_z == 0:
        return "beyond entry"
    text = f"{formats.number(in_z, decimals(2, in_z, 0.0))} z"
    return text if in_bps is None else f"{text}, {formats.bps(in_bps, sign=False)} of price"


def _pair(key: str, name: str, value: str) -> Markup:
    return el("div", el("dt", name), el("dd", value, data_key=key))


def _zone(side: str, low: float, high: float, edge: float) -> Markup:
    left, right = position(low, edge), position(high, edge)
    return el("i", cls=f"ps-zone ps-zone-{side}", style=f"left:{left:.2f}%;width:{right - left:.2f}%")


def _tick(at: float, edge: float) -> Markup:
    return el("i", cls="ps-band-tick", style=f"left:{position(at, edge):.2f}%")


def _label(at: float, word: str, edge: float) -> Markup:
    return el("span", f"{formats.number(at, 1)}", el("small", word), style=f"left:{position(at, edge):.2f}%")


def _marker(kind: str, z: float | None, edge: float, name: str) -> Markup:
    if z is None:
        return Markup()
    beyond = " ps-beyond" if abs(z) > edge else ""
    return el(
        "b",
        cls=f"ps-marker ps-marker-{kind}{beyond}",
        style=f"left:{position(z, edge):.2f}%",
        title=f"{name} {formats.z_score(z)}",
    )
