"""That something before the newest candle changed, for whoever keeps what follows from it, in any process."""

from __future__ import annotations

import itertools
from typing import Final

from core.clock import now_ms
from core.types import TIMEFRAMES_S
from desk.notes import read_note
from storage.reader import StoreReader
from storage.sqlite import TradeStore

_NOTE: Final = "change"


class Revisions:
    """The newest change of each symbol's timeframes. Thread safe.

    Each has a number of its own, whichever threads tell of several at once, and none that an earlier process gave. It
    is noted behind the candles it speaks of: who reads the number finds them.
    """

    def __init__(self, store: TradeStore) -> None:
        self._store = store
        self._count = itertools.count(now_ms())
        self._newest: dict[tuple[str, int], int] = {}

    def of(self, symbol: str, timeframe_s: int) -> int:
        """The number of the newest; 0: none in this process."""
        return self._newest.get((symbol, timeframe_s), 0)

    def change(self, symbol: str, timeframe_s: int | None) -> None:
        """Note that candles before the newest came or changed; None: of all timeframes. To be called once the store has
        been asked to write them, for the note goes behind them.
        """
        for each_s in [timeframe_s] if timeframe_s else TIMEFRAMES_S:
            number = self._newest[symbol, each_s] = next(self._count)
            self._store.put_note(f"{_NOTE} {symbol} {each_s}", str(number), now_ms())


def stored_revision(store: StoreReader, symbol: str, timeframe_s: int) -> int:
    """The number of the newest change that any process noted; 0: none. Raises StoreError."""
    noted = read_note(store, f"{_NOTE} {symbol} {timeframe_s}", int)
    return noted[0] if noted else 0
