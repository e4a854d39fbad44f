"""How large a database should be, from the rows it holds and SQLite's record format alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from storage.reader import StoreReader

CELL: Final = 3  # bytes around each record of a b-tree leaf: its pointer and its length
REAL: Final = 8
TEXT: Final = 6  # "trades", "repaired": about


def computed_bytes(store: StoreReader) -> Mapping[str, float]:
    """Bytes by kind of row, pages taken as full. Looks, gaps and notes are few and not counted."""
    trades = candles = 0.0
    for (symbol, timeframe_s), count in store.counts().items():
        if timeframe_s:
            newest = store.candles(symbol, timeframe_s, limit=1)
            if count:
                candles += count * _candle(timeframe_s, int(newest.open_ms[0]), int(newest.trade_count[0]))
        elif (last := store.last_trade(symbol)) is not None:
            trades += count * _trade(last.trade_id, last.ts_ms)
    return {"trades": trades, "candles": candles}


def _trade(trade_id: int, ts_ms: int) -> int:
    """The row, and its entry in the index by time; each record has a header of a byte and one a column."""
    symbol = 1
    row = 8 + symbol + 2 * _whole(trade_id) + _whole(ts_ms) + 2 * REAL  # the maker's side takes no byte
    index = 4 + symbol + _whole(ts_ms) + _whole(trade_id)
    return row + index + 2 * CELL


def _candle(timeframe_s: int, open_ms: int, trade_count: int) -> int:
    return 11 + 1 + _whole(timeframe_s) + _whole(open_ms) + 5 * REAL + _whole(trade_count) + TEXT + CELL


def _whole(value: int) -> int:
    """Bytes that SQLite takes for an integer.

    >>> [_whole(value) for value in (0, 1, 2, 200, 70_000, 5_000_000_000)]
    [0, 0, 1, 2, 3, 6]
    """
    if value in (0, 1):
        return 0
    return next(size for size in (1, 2, 3, 4, 6, 8) if -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1)
