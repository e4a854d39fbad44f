"""Compares a database with the sequence that was sent: every row by count, ids and checksums, every candle by field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from analytics.resample import resample
from benchmarks.sender import BLOCK, PER_S, SYMBOLS, Frames
from core.types import Candles, Ticks
from storage.connect import connect_reader
from storage.reader import StoreReader

PART: Final = 60 * PER_S // BLOCK  # blocks of one minute of exchange time: candles never straddle two parts
# Weighted by the id, so that two rows that swapped a value would show.
_SUMS: Final = """
    SELECT name, count(*), min(trade_id), max(trade_id), sum(first_id = trade_id),
        sum((trade_id % 1009 + 1) * (ts_ms - :start_ms)),
        sum((trade_id % 1009 + 1) * CAST(round(price * 1000) AS INTEGER)),
        sum((trade_id % 1009 + 1) * CAST(round(qty * 1000) AS INTEGER)),
        sum((trade_id % 1009 + 1) * buyer_is_maker)
    FROM trades JOIN symbols ON symbols.id = symbol_id GROUP BY name"""
_NAMES: Final = ("count", "lowest id", "highest id", "first ids", "times", "prices", "quantities", "sides")


def wrong_trades(path: Path, frames: Frames, blocks: int) -> list[str]:
    """What the table ``trades`` has that was not sent in the first ``blocks`` blocks, or the other way round."""
    start_ms = int(frames.truth(SYMBOLS[0], 0, 1).ts_ms[0])
    with closing(connect_reader(path)) as connection:
        found = {name: sums for name, *sums in connection.execute(_SUMS, {"start_ms": start_ms})}
    wrong = [f"{symbol} was never sent" for symbol in found.keys() - set(SYMBOLS)]
    for symbol in SYMBOLS:
        true = _sums(_parts(frames, symbol, blocks), start_ms)
        have = found.get(symbol, [0] * len(true))
        wrong += [f"{symbol}: {n} {h}, not {t}" for n, h, t in zip(_NAMES, have, true, strict=True) if h != t]
    return wrong


def _sums(parts: Iterator[Ticks], start_ms: int) -> list[int]:
    count, low, high, sums = 0, 1 << 62, 0, np.zeros(5, np.int64)
    for t in parts:
        count, low, high = count + len(t), min(low, int(t.trade_id[0])), max(high, int(t.trade_id[-1]))
        weight = t.trade_id % 1009 + 1
        columns = (t.ts_ms - start_ms, np.rint(t.price * 1000), np.rint(t.qty * 1000), t.buyer_is_maker)
        sums[0] += len(t)
        sums[1:] += [int((weight * column.astype(np.int64)).sum()) for column in columns]
    return [count, low, high, *sums.tolist()]


def wrong_candles(store: StoreReader, frames: Frames, blocks: int, confirmed_ms: int) -> list[str]:
    """Candles of 1 s and 1 min that differ from the trades sent. The first is incomplete, the last not confirmed."""
    wrong = []
    for symbol in SYMBOLS:
        for timeframe_s in (1, 60):
            have = store.candles(symbol, timeframe_s)
            parts = [resample(ticks, timeframe_s) for ticks in _parts(frames, symbol, blocks)]
            true = _joined(parts)
            true = true.take((true.open_ms > true.open_ms[0]) & (true.open_ms + timeframe_s * 1000 <= confirmed_ms))
            names = ("open_ms", "open", "high", "low", "close", "volume", "trade_count")
            wrong += [
                f"{symbol} candles of {timeframe_s} s: {name} differs"
                for name in names
                if not np.array_equal(getattr(have, name), getattr(true, name))
            ]
    return wrong


def _parts(frames: Frames, symbol: str, blocks: int) -> Iterator[Ticks]:
    for first in range(0, blocks, PART):
        yield frames.truth(symbol, first, min(blocks, first + PART))


def _joined(parts: list[Candles]) -> Candles:
    names = ("open_ms", "open", "high", "low", "close", "volume", "trade_count", "provenance")
    return Candles(
        parts[0].symbol, parts[0].timeframe_s, *(np.concatenate([getattr(p, n) for p in parts]) for n in names)
    )
