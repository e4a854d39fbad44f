"""Minute closes of many symbols on one axis of time: what a scan reads. No I/O, no clock."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.market import TIMEFRAME_S
from core.types import Candles, Floats

STEP_MS: Final = TIMEFRAME_S * 1000
SPARE: Final = 2  # newest minutes that may still be arriving
ARRIVED: Final = 0.5  # share of the symbols that have a minute before it counts as the newest


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The newest minutes of every symbol; (m, n), oldest first, NaN where a minute has no candle."""

    symbols: tuple[str, ...]
    closes: Floats
    turnover: Floats  # quote currency, 0 where a minute has no candle
    newest_ms: int  # open of the last column


class Closes:
    """The newest ``bars`` minutes. Safe from any thread: the lock guards the two matrices, held only to copy.

    >>> closes = Closes(bars=3)
    >>> closes.window() is None
    True
    """

    def __init__(self, bars: int) -> None:
        self._width = bars + SPARE
        self._bars = bars
        self._lock = threading.Lock()
        self._rows: dict[str, int] = {}
        self._closes = np.empty((0, self._width))
        self._turnover = np.empty((0, self._width))
        self._newest_ms: int | None = None  # open of the last column
        self.version = 0  # changes with everything that comes

    def keep(self, symbols: Iterable[str]) -> list[str]:
        """Hold these and no others; what is known of them stays. Returns the new ones."""
        with self._lock:
            wanted = list(dict.fromkeys(symbols))
            new = [symbol for symbol in wanted if symbol not in self._rows]
            closes = np.full((len(wanted), self._width), np.nan)
            turnover = np.zeros((len(wanted), self._width))
            for row, symbol in enumerate(wanted):
                if symbol in self._rows:
                    closes[row] = self._closes[self._rows[symbol]]
                    turnover[row] = self._turnover[self._rows[symbol]]
            self._rows = {symbol: row for row, symbol in enumerate(wanted)}
            self._closes, self._turnover = closes, turnover
            self.version += 1
            return new

    def add(self, candles: Candles) -> None:
        """Take a symbol's candles; those of other symbols, other lengths, or before the window, are passed over."""
        if not len(candles) or candles.timeframe_s != TIMEFRAME_S:
            return
        with self._lock:
            row = self._rows.get(candles.symbol)
            if row is None:
                return
            self._advance(int(candles.open_ms[-1]))
            assert self._newest_ms is not None
            at = self._width - 1 - (self._newest_ms - candles.open_ms) // STEP_MS
            held = at >= 0
            self._closes[row, at[held]] = candles.close[held]
            self._turnover[row, at[held]] = (candles.close * candles.volume)[held]
            self.version += 1

    def window(self) -> Window | None:
        """A copy of the newest minutes that have arrived for most; None while there are none."""
        with self._lock:
            if self._newest_ms is None or not self._rows:
                return None
            known = (~np.isnan(self._closes[:, -1 - SPARE :])).sum(axis=0)
            if not known.any():
                return None
            behind = int(np.argmax(known[::-1] >= max(1.0, ARRIVED * known.max())))
            last = self._width - behind
            shown = slice(last - self._bars, last)
            newest_ms = self._newest_ms - behind * STEP_MS
            return Window(tuple(self._rows), self._closes[:, shown].copy(), self._turnover[:, shown].copy(), newest_ms)

    def _advance(self, newest_ms: int) -> None:
        if self._newest_ms is None:
            self._newest_ms = newest_ms
        shift = min((newest_ms - self._newest_ms) // STEP_MS, self._width)
        if shift <= 0:
            return
        self._newest_ms = newest_ms
        for matrix, nothing in ((self._closes, np.nan), (self._turnover, 0.0)):
            matrix[:, : self._width - shift] = matrix[:, shift:].copy()
            matrix[:, self._width - shift :] = nothing
