"""Decoded events as columns: what cannot be believed is dropped and counted, what is no execution is marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from typing import Final

import numpy as np

from core.exact import MAX_BATCH_UNITS
from core.types import Bars, Bools, Candles, Floats, MarkPrice, Records, TradeKind
from ingestion.binance_frames import COIN_M, Aggregate, Kline, Mark, Trade

MAX_PRICE: Final = 1e12
BAR_S: Final = 60  # the one length of bar that is streamed
BAR_NAME: Final = "1m"
TRADE_BEFORE_PUSH_MS: Final = 600_000  # a trade older than this when pushed has no believable time
TRADE_AFTER_PUSH_MS: Final = 1_000
NOT_MARKET: Final = frozenset({"NA", "INSURANCE_FUND", "ADL"})  # other words share one counter, so that it stays small


def columns(symbol: str, rows: list[Trade] | list[Aggregate], latest_ms: int, rejected: Counter[str]) -> Records:
    """Rows of one kind and symbol as columns; what cannot be believed is dropped, what is no execution is marked."""
    n = len(rows)
    ts_ms = np.fromiter([row.T for row in rows], np.int64, n)
    event_ms = np.fromiter([row.E for row in rows], np.int64, n)
    price = np.fromiter([row.p for row in rows], np.float64, n)
    qty = np.fromiter([row.q for row in rows], np.float64, n)
    maker = np.fromiter([row.m for row in rows], np.bool_, n)
    priced = np.ones(n, np.bool_)
    kind: TradeKind = "trade"
    if isinstance(rows[0], Trade):
        words = [row.X for row in rows]
        if words.count("MARKET") != n:
            priced = np.fromiter([word == "MARKET" for word in words], np.bool_, n)
            for word in words:
                if word != "MARKET":
                    rejected[f"not_market:{word if word in NOT_MARKET else 'other'}"] += 1
        record_id = trade_id = first_id = np.fromiter([row.t for row in rows], np.int64, n)
    else:
        kind = "aggTrade"
        record_id = np.fromiter([row.a for row in rows], np.int64, n)
        first_id = np.fromiter([row.f for row in rows], np.int64, n)
        trade_id = np.fromiter([row.l for row in rows], np.int64, n)
    _refuse(priced, price, MAX_PRICE, "bad_price", rejected)
    _refuse(priced, qty, MAX_BATCH_UNITS, "bad_quantity", rejected)
    records = Records(symbol, record_id, trade_id, first_id, ts_ms, event_ms, price, qty, maker, priced, kind)
    lag = event_ms - ts_ms
    if (
        int(event_ms.max()) > latest_ms
        or int(lag.max()) > TRADE_BEFORE_PUSH_MS
        or int(lag.min()) < -TRADE_AFTER_PUSH_MS
    ):
        good = (event_ms <= latest_ms) & (lag <= TRADE_BEFORE_PUSH_MS) & (lag >= -TRADE_AFTER_PUSH_MS)
        rejected["bad_time"] += n - int(good.sum())
        records = records.take(good)
    if kind == "aggTrade" and (wrong := records.first_id > records.trade_id).any():
        rejected["bad_id"] += int(wrong.sum())
        records = records.take(~wrong)
    return records


def _refuse(priced: Bools, values: Floats, most: float, reason: str,
            rejected: Counter[str]) -> None:  # fmt: skip
    good = (values > 0) & (values <= most)  # False for NaN and infinity too
    if not good.all():
        if refused := int((priced & ~good).sum()):
            rejected[reason] += refused
        priced &= good


def marks(rows: list[Mark], symbols: Container[str] | None, latest_ms: int, rejected: Counter[str]) -> list[MarkPrice]:
    marks = []
    for row in rows:
        if row.st == COIN_M or (symbols is not None and row.s not in symbols):
            rejected["foreign"] += 1
            continue
        try:
            rate = float(row.r) if row.r else 0.0
        except ValueError:
            rate = np.nan
        if not (0 < row.p <= MAX_PRICE and 0 <= row.i <= MAX_PRICE and abs(rate) < 1 and latest_ms >= row.E):
            rejected["bad_mark"] += 1
            continue
        marks.append(MarkPrice(row.s, row.E, row.p, row.i, rate, row.T))
    return marks


def bars(
    rows: Mapping[str, list[Kline]], symbols: Container[str] | None, latest_ms: int, rejected: Counter[str]
) -> Iterator[Bars]:
    """Each symbol's messages: what is still forming only proves that the stream lives."""
    step_ms = BAR_S * 1000
    for symbol, its in rows.items():
        if its[0].st == COIN_M or (symbols is not None and symbol not in symbols) or its[0].k.i != BAR_NAME:
            rejected["foreign"] += len(its)
            continue
        good = [row for row in its if latest_ms >= row.E]
        ended = [row for row in good if row.k.x]
        closed = {row.k.t: row.k for row in ended if _can_be(row, step_ms)}
        if late := len(its) - len(good):
            rejected["bad_time"] += late
        if wrong := sum(not _can_be(row, step_ms) for row in ended):
            rejected["bad_bar"] += wrong
        if not good:
            continue
        traded = [closed[t] for t in sorted(closed) if closed[t].n > 0]
        columns = np.array([(k.o, k.h, k.l, k.c, k.v) for k in traded], np.float64).reshape(len(traded), 5)
        candles = Candles(
            symbol,
            BAR_S,
            np.array([k.t for k in traded], np.int64),
            open=columns[:, 0],
            high=columns[:, 1],
            low=columns[:, 2],
            close=columns[:, 3],
            volume=columns[:, 4],
            trade_count=np.array([k.n for k in traded], np.int64),
            provenance=np.full(len(traded), "kline", "U8"),
        )
        yield Bars(symbol, good[-1].E, len(good), np.array(sorted(closed), np.int64), candles)


def _can_be(row: Kline, step_ms: int) -> bool:
    """Whether a closed bar is one: over when it was sent, on the grid, with prices in their order."""
    k = row.k
    if k.t % step_ms or k.t + step_ms > row.E:
        return False
    return k.n == 0 or (0 < k.l <= min(k.o, k.c) and max(k.o, k.c) <= k.h <= MAX_PRICE and 0 < k.v < float("inf"))
