"""A small exchange for tests: a tape of records, and what its REST would say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from core.errors import BadRequest
from core.exact import to_quanta
from core.types import Candles, Gap, Records, Ticks


@dataclass(frozen=True, slots=True)
class Row:
    """One record: ``priced`` False is a non-trade that only takes an id."""

    id: int
    ms: int
    price: float
    qty: float
    maker: bool
    priced: bool = True


@dataclass
class Tape:
    """Answers `trades` and `agg_trades` as the exchange does; ``aggregate_ms`` picks an aggregate's time."""

    rows: list[Row]
    aggregate_ms: Callable[[list[Row]], int] = lambda rows: rows[0].ms
    non_trades_end_aggregates: bool = True
    newest: int = 1_000  # how many trades `trades` reaches back
    oldest_ms: int = 0
    asked: list[str] = field(default_factory=list)
    paused: int = 0

    def ticks(self, rows: list[Row] | None = None) -> Ticks:
        kept = [row for row in (self.rows if rows is None else rows) if row.priced]
        ids = np.array([row.id for row in kept], np.int64)
        return Ticks(
            "BTCUSDT",
            ids,
            ids,
            np.array([row.ms for row in kept], np.int64),
            np.array([row.price for row in kept], np.float64),
            np.array([row.qty for row in kept], np.float64),
            np.array([row.maker for row in kept], np.bool_),
        )

    def trades(self, symbol: str) -> Ticks:
        self.asked.append("trades")
        return self.ticks().take(slice(-self.newest, None))

    def agg_trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 1_000,
    ) -> Records:
        self.asked.append("aggTrades")
        if start_ms is not None and start_ms < self.oldest_ms:
            raise BadRequest("The exchange refused the request: older than 48 hours (code -4166).")
        rows = self.aggregates()
        keep = rows.record_id >= (from_id or 0)
        if start_ms is not None and end_ms is not None:
            keep &= (rows.ts_ms >= start_ms) & (rows.ts_ms <= end_ms)
        return rows.take(keep).take(slice(0, limit))

    def pause(self, seconds: float) -> None:
        self.paused += 1

    def aggregates(self) -> Records:
        groups: list[list[Row]] = []
        broken = True
        for row in self.rows:
            if not row.priced:
                broken = broken or self.non_trades_end_aggregates
                continue
            first = groups[-1][0] if groups else None
            same = (
                first is not None and (first.price, first.maker) == (row.price, row.maker) and row.ms < first.ms + 100
            )
            if same and not broken:
                groups[-1].append(row)
            else:
                groups.append([row])
            broken = False
        quanta = [int(to_quanta(np.array([row.qty for row in rows])).sum()) for rows in groups]
        times = np.array([self.aggregate_ms(rows) for rows in groups], np.int64)
        return Records(
            "BTCUSDT",
            np.arange(1, len(groups) + 1),
            np.array([rows[-1].id for rows in groups], np.int64),
            np.array([rows[0].id for rows in groups], np.int64),
            times,
            times,
            np.array([rows[0].price for rows in groups], np.float64),
            np.array(quanta, np.float64) / 1e8,
            np.array([rows[0].maker for rows in groups], np.bool_),
            np.ones(len(groups), np.bool_),
            "aggTrade",
        )

    def gap(self, after: int, before: int) -> Gap:
        """The gap between two rows, by position."""
        a, b = self.rows[after], self.rows[before]
        return Gap("BTCUSDT", a.id, b.id, a.ms, b.ms)

    def stored(self, after: int, before: int) -> Callable[[str, int, int], Ticks]:
        """The database of somebody who missed everything between the two rows."""
        ticks = self.ticks([*self.rows[: after + 1], *self.rows[before:]])

        def read(symbol: str, from_ms: int, to_ms: int) -> Ticks:
            return ticks.take((ticks.ts_ms >= from_ms) & (ticks.ts_ms <= to_ms))

        return read


Candle = tuple[float, float, float, float, int, int]


def candles(*parts: Ticks, step_ms: int = 1_000) -> dict[int, Candle]:
    """Open time to open, high, low, close, volume in quanta, count; written apart from the program's own builders."""
    rows = sorted(
        (int(t.trade_id[i]), int(t.first_id[i]), int(t.ts_ms[i]), float(t.price[i]), int(to_quanta(t.qty)[i]))
        for t in parts
        for i in range(len(t))
    )
    for (last, *_), (_, first, *_) in pairwise(rows):
        assert first > last, "a trade is stored twice"
    found: dict[int, list[tuple[int, int, int, float, int]]] = {}
    for row in rows:
        found.setdefault(row[2] // step_ms * step_ms, []).append(row)
    return {
        at: (
            inside[0][3],
            max(row[3] for row in inside),
            min(row[3] for row in inside),
            inside[-1][3],
            sum(row[4] for row in inside),
            sum(row[0] - row[1] + 1 for row in inside),
        )
        for at, inside in found.items()
    }


def bars(candles_: Candles) -> list[int]:
    """The open times, as plain numbers."""
    open_ms: list[int] = candles_.open_ms.tolist()
    return open_ms
