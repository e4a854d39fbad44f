"""Klines of the exchange, computed from its bars when asked; nothing of the future is in them."""

from __future__ import annotations

from dataclasses import dataclass

from core.types import Ints
from simulator.bars import HOUR_MS, INTERVALS_MS, MINUTE_MS, MONTH, Bars, next_open, open_of, opens, roll_up
from simulator.decimals import printed
from simulator.exchange import Exchange
from simulator.records import Instrument

Row = list[int | str]


@dataclass(frozen=True, slots=True)
class Span:
    """Which bars are wanted: their opening times, where the last one ends, and whether hours will do as base."""

    at: list[int]
    end_ms: int
    coarse: bool


def span_of(
    exchange: Exchange, symbol: str, interval: str, limit: int, start_ms: int | None = None, end_ms: int | None = None
) -> Span | None:
    """At most ``limit`` bars from ``start_ms`` on, or the newest up to ``end_ms``; the open one included."""
    now = exchange.now_ms
    first_known = exchange.listed_ms(symbol)
    if first_known is None or now < first_known:
        return None
    last = min(now, end_ms) if end_ms is not None else now
    if start_ms is not None and start_ms > last:
        return None
    first = first_known
    if start_ms is not None and start_ms > first:
        first = open_of(interval, start_ms)
        if first < start_ms:
            first = next_open(interval, first)
    if first > last:
        return None
    if interval != MONTH:  # keeps the list of opening times short
        span = limit * INTERVALS_MS[interval]
        if start_ms is None:
            first = max(first, open_of(interval, last) - span + INTERVALS_MS[interval])
        else:
            last = min(last, first + span - 1)
    at = opens(interval, first, last)
    at = at[-limit:] if start_ms is None else at[:limit]
    end = min(next_open(interval, at[-1]), now // MINUTE_MS * MINUTE_MS + MINUTE_MS)
    coarse = interval == MONTH or INTERVALS_MS[interval] >= HOUR_MS
    return Span(at, end, coarse)


def bars_of(
    exchange: Exchange, symbol: str, interval: str, limit: int, start_ms: int | None = None, end_ms: int | None = None
) -> Bars:
    """Bars of one interval, oldest first, as ``span_of`` says."""
    span = span_of(exchange, symbol, interval, limit, start_ms, end_ms)
    if span is None:
        return Bars.of([])
    base = exchange.bars(symbol, span.at[0], span.end_ms, span.coarse)
    return roll_up(base, span.at, span.end_ms, exchange.close_before(symbol, span.at[0]))


def rest_rows(bars: Bars, interval: str, instrument: Instrument) -> list[Row]:
    """The rows that REST answers, texts printed as the exchange prints them."""
    price, qty, quote = instrument.price_decimals, instrument.qty_decimals, instrument.quote_decimals
    return [
        [
            t,
            printed(o, price),
            printed(h, price),
            printed(low, price),
            printed(c, price),
            printed(v, qty),
            next_open(interval, t) - 1,
            printed(qv, quote),
            n,
            printed(bv, qty),
            printed(bq, quote),
            "0",
        ]
        for t, o, h, low, c, v, qv, n, bv, bq in zip(*(column.tolist() for column in columns(bars)), strict=True)
    ]


def columns(bars: Bars) -> tuple[Ints, ...]:
    """The columns in field order."""
    return (
        *(bars.open_ms, bars.open, bars.high, bars.low, bars.close),
        *(bars.volume, bars.quote_volume, bars.count, bars.buy_volume, bars.buy_quote),
    )
