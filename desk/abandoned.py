"""Which trades on paper have no market any more: left open they would be out of every figure, the worst ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from core.clock import DAY_MS
from core.paper import PaperTrade

PATIENCE_S: Final = 3_600.0  # without a new candle, by our clock: after an absence those that are stored come first
PATIENCE_BARS: Final = 3  # and so many candles' lengths
GONE_MS: Final = 2 * DAY_MS  # without a candle, where the exchange still lists both legs and the time limit is over


class Abandoned:
    """``trades_on`` says whether the exchange lists a symbol as trading, None where its list is not known;
    ``exchange_ms`` is the newest exchange time seen, 0: none. One thread's own."""

    def __init__(
        self,
        trades_on: Callable[[str], bool | None],
        exchange_ms: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trades_on = trades_on
        self._exchange_ms = exchange_ms
        self._monotonic = monotonic
        self._quiet: dict[object, tuple[int, float]] = {}  # newest candle seen, and since when by our clock

    def among(self, on: Sequence[PaperTrade]) -> list[PaperTrade]:
        """Those of these that wait for a candle in vain."""
        now_s, before = self._monotonic(), self._quiet
        self._quiet = {}
        for trade in on:
            seen_ms, since_s = before.get(trade.key, (-1, now_s))
            self._quiet[trade.key] = (trade.seen_ms, since_s if seen_ms == trade.seen_ms else now_s)
        return [trade for trade in on if self._is_gone(trade, now_s - self._quiet[trade.key][1])]

    def _is_gone(self, trade: PaperTrade, quiet_s: float) -> bool:
        exchange_ms, step_ms = self._exchange_ms(), trade.timeframe_s * 1000
        if not exchange_ms or quiet_s < max(PATIENCE_S, PATIENCE_BARS * trade.timeframe_s):
            return False
        if any(self._trades_on(symbol) is False for symbol in trade.symbols):
            return True
        limit_ms = trade.look_ms + trade.limit_bars * step_ms
        return exchange_ms - max(limit_ms, trade.seen_ms) > GONE_MS
