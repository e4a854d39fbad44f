"""Databases of any size with the same newest hour, written through the store itself."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from analytics.resample import resample
from core.journal import JournalRow
from core.types import TIMEFRAMES_S, Candles, Gap, Ticks
from storage.sqlite import TradeStore

LEGS: Final = ("ETHUSDT", "BTCUSDT")
PAIR: Final = "/".join(LEGS)
LOOKS_OF: Final = "evidence"
PER_S: Final = 3  # trades of each leg: 10,000 of both give every 1 s candle that a look needs, and no more
END_MS: Final = 1_764_028_800_000  # a whole hour
HOUR_S: Final = 3_600
CHUNK_S: Final = 24 * HOUR_S
KLINE_DAYS: Final = 30  # of 1 min bars, that a record needs
LOOKS: Final = 2_000


def build(path: Path, trades: int) -> None:
    """Write so many trades of two legs, the candles of the same time, bars of before it, gaps and looks."""
    seconds = trades // len(LEGS) // PER_S
    with TradeStore(path, queue_rows=10_000_000, retention_days=36_500) as store:
        for leg, symbol in enumerate(LEGS):
            for first_s in range(-seconds, 0, CHUNK_S):
                ticks = _ticks(symbol, leg, first_s, min(0, first_s + CHUNK_S))
                store.put(ticks)
                for timeframe_s in TIMEFRAMES_S:
                    store.put_candles(resample(ticks, timeframe_s))
                store.flush(600.0)
            store.put_candles(_klines(symbol, -seconds // 60 * 60))
            for at_s in (*range(-HOUR_S, -seconds, -HOUR_S), -1_500, -900, -300):
                at_ms = END_MS + at_s * 1000
                store.put_gap(Gap(symbol, -at_s, -at_s + 9, at_ms, at_ms + 700, "repaired"))
        for timeframe_s in (1, 60):
            store.put_looks(_look(timeframe_s, END_MS - i * timeframe_s * 1000) for i in range(1, LOOKS + 1))
        store.flush(600.0)


def _ticks(symbol: str, leg: int, first_s: int, last_s: int) -> Ticks:
    """The trades of some seconds before the end; the same numbers however many seconds there are before."""
    rng = np.random.default_rng([leg, -last_s])
    n = (last_s - first_s) * PER_S
    ids = 5_000_000_000 + np.arange(first_s * PER_S, last_s * PER_S)
    return Ticks(
        symbol,
        ids,
        ids,
        END_MS + np.arange(first_s * PER_S, last_s * PER_S) * 1000 // PER_S,
        np.round(3_000 * np.exp(np.cumsum(rng.normal(0.0, 2e-5, n))), 2),
        np.round(rng.exponential(0.1, n) + 0.001, 3),
        rng.random(n) < 0.5,
    )


def _klines(symbol: str, until_s: int) -> Candles:
    """Bars of a minute before the first trade."""
    n = KLINE_DAYS * 1440
    close = 3_000 * np.exp(np.cumsum(np.random.default_rng(7).normal(0.0, 5e-4, n)))
    open_ms = END_MS + (until_s - 60 * np.arange(n, 0, -1)) * 1000
    ones = np.ones(n)
    return Candles(symbol, 60, open_ms, close, close, close, close, ones, ones.astype(np.int64), np.full(n, "kline"))


def _look(timeframe_s: int, candle_ms: int) -> JournalRow:
    return JournalRow(
        PAIR, timeframe_s, candle_ms, LOOKS_OF, "evidence 1", "WAIT", "not stretched yet", z=1.5, beta=0.8, price_y=3e3
    )
