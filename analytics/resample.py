"""Trades in, candles out, in one pass over columns: the same candles the store's builder makes one batch at a time."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from core.exact import MAX_BATCH_UNITS, QUANTA_PER_UNIT, from_quanta, to_quanta
from core.types import Candles, Floats, Ints, Ticks


def resample(ticks: Ticks, timeframe_s: int) -> Candles:
    """Build every candle that holds a trade.

    Parameters
    ----------
    ticks : Ticks
        Trades of one symbol, by trade id, each once. Trade times may step backwards: a trade belongs to the interval of
        its own time, wherever it stands.
    timeframe_s : int
        Length of an interval ``[open, open + timeframe)`` in seconds; >= 1.

    Returns
    -------
    Candles
        One row an interval with at least one trade, by time; open and close are the first and the last trade by id,
        volume is the exact decimal sum, ``trade_count`` counts the trades inside aggregates. Whether an interval is
        complete, or still forming, is not known here: the caller knows its gaps and its watermark.

    Raises
    ------
    ValueError
        If ``timeframe_s`` is not a whole number >= 1, ids do not increase, or a price or quantity is not finite.

    >>> from core.types import Ticks
    >>> i = np.array([1, 2, 3])
    >>> t = Ticks("A", i, i, np.array([0, 900, 1000]), np.array([5.0, 7.0, 6.0]), np.array([0.1, 0.2, 1.0]), i > 1)
    >>> c = resample(t, 1)
    >>> c.open_ms.tolist(), c.close.tolist(), c.volume.tolist()
    ([0, 1000], [7.0, 6.0], [0.3, 1.0])
    """
    if not isinstance(timeframe_s, Integral) or timeframe_s < 1:
        raise ValueError(f"timeframe_s must be a whole number >= 1, was {timeframe_s}")
    if (np.diff(ticks.trade_id) <= 0).any():
        raise ValueError(f"trade ids of {ticks.symbol} must increase")
    if not (np.isfinite(ticks.price).all() and np.isfinite(ticks.qty).all()):
        raise ValueError(f"prices and quantities of {ticks.symbol} must be finite")
    if len(ticks) == 0:
        return Candles.empty(ticks.symbol, timeframe_s)
    step_ms = timeframe_s * 1000
    opens = ticks.ts_ms // step_ms * step_ms
    if (opens[1:] < opens[:-1]).any():
        order = np.argsort(opens, kind="stable")  # stable: within an interval the order of ids stays
        ticks, opens = ticks.take(order), opens[order]
    first = np.flatnonzero(np.concatenate(([True], opens[1:] != opens[:-1])))
    last = np.append(first[1:], len(opens)) - 1
    return Candles(
        symbol=ticks.symbol,
        timeframe_s=timeframe_s,
        open_ms=opens[first],
        open=ticks.price[first],
        high=np.maximum.reduceat(ticks.price, first),
        low=np.minimum.reduceat(ticks.price, first),
        close=ticks.price[last],
        volume=_volumes(ticks.qty, first, last),
        trade_count=np.add.reduceat(ticks.trade_id - ticks.first_id + 1, first),
        provenance=np.full(len(first), "trades", dtype="U8"),
    )


def _volumes(qty: Floats, first: Ints, last: Ints) -> Floats:
    if qty.sum() <= MAX_BATCH_UNITS:
        exact: Floats = np.add.reduceat(to_quanta(qty), first).astype(np.float64) / QUANTA_PER_UNIT
        return exact
    # Coins of tiny price trade in quantities whose 1e-8 units leave int64; Python's integers have no end.
    quanta = [int(q) for q in np.rint(qty * QUANTA_PER_UNIT)]
    return np.array([from_quanta(sum(quanta[a : b + 1])) for a, b in zip(first, last, strict=True)])
