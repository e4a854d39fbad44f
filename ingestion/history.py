"""The history before the start, from closed klines: what to ask for, newest first. Returns values; stores nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from core.types import Candles
from ingestion.binance_rest import INTERVALS, SETTLING_MS

BARS_A_CALL: Final = 1500


class Klines(Protocol):
    """What history asks of REST."""

    def klines(
        self, symbol: str, timeframe_s: int, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Candles: ...


def history(
    symbol: str, timeframe_s: int, need: int, have: Iterable[int], rest: Klines, now_ms: int
) -> Iterator[tuple[Candles, float]]:
    """The candles of the newest ``need`` closed intervals that are not stored yet, in pages.

    Parameters
    ----------
    timeframe_s : int
        60 or more: the exchange keeps no finer bars.
    need : int
        Intervals before now, not candles: one without a trade gives none.
    have : iterable of int
        Open times already stored; they are not asked for again, unless they lie between missing ones.
    now_ms : int
        The exchange's clock. The running interval is never part of it, nor one that ended less than `SETTLING_MS` ago.

    Yields
    ------
    (Candles, float)
        A page, oldest candle first, and how much of what was missing has been asked for by now, up to 1. The newest
        page comes first, so that the screen has something to say soon.

    Raises
    ------
    ValueError
        If the exchange has no bars of that length.
    RestError
        As `ingestion.rest`; the pages yielded before stand.
    """
    if timeframe_s not in INTERVALS:
        raise ValueError(f"timeframe_s must be one of {sorted(INTERVALS)}, was {timeframe_s}")
    step_ms = timeframe_s * 1000
    end_ms = (now_ms - SETTLING_MS) // step_ms * step_ms
    stored = set(have)
    missing = [open_ms for open_ms in range(end_ms - need * step_ms, end_ms, step_ms) if open_ms not in stored]
    asked = 0
    for first_ms, last_ms, count in pages(missing, step_ms):
        bars = (last_ms - first_ms) // step_ms + 1
        candles = rest.klines(symbol, timeframe_s, start_ms=first_ms, end_ms=last_ms, limit=bars)
        asked += count
        yield candles, asked / len(missing)


def pages(missing: list[int], step_ms: int, most: int = BARS_A_CALL) -> list[tuple[int, int, int]]:
    """Spans of at most ``most`` bars that cover the missing opens (in order), the newest first.

    Each is (first open, last open, missing ones in it).

    >>> pages([0, 1, 2, 7, 8], step_ms=1, most=4)
    [(7, 8, 2), (0, 2, 3)]
    """
    spans = []
    at = len(missing)
    while at:
        last_ms = missing[at - 1]
        start = at
        while start and missing[start - 1] > last_ms - most * step_ms:
            start -= 1
        spans.append((missing[start], last_ms, at - start))
        at = start
    return spans
