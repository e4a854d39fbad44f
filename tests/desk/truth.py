"""What really happened, worked out apart from the program's own code, and what a database says of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isclose
from typing import Final, NamedTuple

from core.types import TIMEFRAMES_S, Gap, Ticks
from simulator.aggregate import WINDOW_MS, Aggregate
from simulator.records import Record
from storage.reader import StoreReader

Candle = tuple[float, float, float, float, Decimal, int]
KLINE_SETTLES_MS: Final = 3_000  # the exchange's own bar is asked for so long after its end
FINE_S: Final = 60  # below it there are no bars to ask for


class Trade(NamedTuple):
    """A trade as it was printed."""

    first: int
    last: int
    ms: int
    price: float
    qty: Decimal
    maker: bool


def singles(records: Iterable[Record]) -> list[Trade]:
    """The executions among records, in order of id."""
    return [
        Trade(r.id, r.id, r.trade_ms, float(r.price), Decimal(r.qty), r.buyer_is_maker)
        for r in records
        if r.kind == "MARKET"
    ]


def whole(aggregates: Iterable[Aggregate]) -> list[Trade]:
    """Aggregates, each as one trade at its own time."""
    return [
        Trade(a.first_id, a.last_id, a.trade_ms, float(a.price), Decimal(a.qty), a.buyer_is_maker) for a in aggregates
    ]


def candles_of(trades: Iterable[Trade], timeframe_s: int) -> dict[int, Candle]:
    """Open time to open, high, low, close, volume, count, from trades in order of id."""
    found: dict[int, list[Trade]] = {}
    for trade in trades:
        found.setdefault(trade.ms // (timeframe_s * 1000) * timeframe_s * 1000, []).append(trade)
    return {
        open_ms: (
            rows[0].price,
            max(row.price for row in rows),
            min(row.price for row in rows),
            rows[-1].price,
            sum((row.qty for row in rows), Decimal(0)),
            sum(row.last - row.first + 1 for row in rows),
        )
        for open_ms, rows in found.items()
    }


@dataclass
class Findings:
    """What was found: sentences about what is wrong or missing without a word, and how much was right."""

    wrong: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    right: Counter[int] = field(default_factory=Counter)  # timeframe -> candles
    unknown: Counter[int] = field(default_factory=Counter)  # absent, and covered by a gap that says so
    gaps: Counter[str] = field(default_factory=Counter)
    provenance: Counter[str] = field(default_factory=Counter)
    trades: int = 0

    @property
    def bad(self) -> list[str]:
        """Nothing of this may be."""
        return self.wrong + self.missing


@dataclass
class Leg:
    """One symbol's truth, and what is known not to be known."""

    symbol: str
    trades: list[Trade]  # what the stream would have delivered
    records: list[Trade]  # one by one, which the exchange's own bars are made of
    gaps: list[Gap]
    first_ms: int  # of the first trade stored
    passed_ms: int

    def not_due(self, open_ms: int, timeframe_s: int) -> bool:
        """Nobody listened yet when it began, or it is not over yet."""
        end_ms = open_ms + timeframe_s * 1000
        if timeframe_s >= FINE_S and any(_touches(gap, open_ms, end_ms) for gap in self.gaps if gap.state != "open"):
            end_ms += KLINE_SETTLES_MS
        return open_ms <= self.first_ms or end_ms > self.passed_ms

    def unknown(self, open_ms: int, timeframe_s: int) -> bool:
        """A gap says that it is not known."""
        return any(
            gap.state != "repaired" and _touches(gap, open_ms, open_ms + timeframe_s * 1000) for gap in self.gaps
        )


def examine(
    store: StoreReader,
    truth: Mapping[str, Sequence[Record]],
    watermark_ms: int,
    grace_ms: int = 500,
    aggregates: Mapping[str, Sequence[Aggregate]] | None = None,
) -> Findings:
    """Compare all that is stored with all that happened up to the watermark.

    Where the stream was one of ``aggregates``, each of them is one trade, at the time it has; the exchange's own bars
    are made of single ones all the same.
    """
    found = Findings()
    for symbol, records in truth.items():
        ticks, one_by_one = store.trades(symbol), singles(records)
        leg = Leg(
            symbol,
            trades=one_by_one if aggregates is None else whole(aggregates[symbol]),
            records=one_by_one,
            gaps=store.gaps(symbol),
            first_ms=int(ticks.ts_ms.min()) if len(ticks) else 1 << 62,
            # What follows a symbol's newest trade may have ended with its stream: only its next one tells.
            passed_ms=min(watermark_ms - grace_ms, int(ticks.ts_ms.max()) if len(ticks) else 0),
        )
        found.gaps.update(gap.state for gap in leg.gaps)
        _compare_trades(found, leg, ticks)
        for timeframe_s in TIMEFRAMES_S:
            _compare_candles(found, leg, store, timeframe_s)
    return found


def _compare_candles(found: Findings, leg: Leg, store: StoreReader, timeframe_s: int) -> None:
    c = store.candles(leg.symbol, timeframe_s)
    expected = candles_of(leg.trades, timeframe_s)
    bars = expected if leg.trades is leg.records else candles_of(leg.records, timeframe_s)
    for row, open_ms in enumerate(c.open_ms.tolist()):
        origin = str(c.provenance[row])
        prices = (float(c.open[row]), float(c.high[row]), float(c.low[row]), float(c.close[row]))
        volume, count = float(c.volume[row]), int(c.trade_count[row])
        real = (bars if origin == "kline" else expected).get(open_ms)
        found.provenance[origin] += 1
        what = f"{leg.symbol} {timeframe_s} s at {open_ms} ({origin}): {prices}, {volume}, {count}"
        if real is None:
            found.wrong.append(f"{what} where nothing was traded")
        elif prices != real[:4] or count != real[5] or not isclose(volume, float(real[4]), rel_tol=1e-12):
            found.wrong.append(f"{what} instead of {real[:4]}, {float(real[4])}, {real[5]}")
        else:
            found.right[timeframe_s] += 1
    for open_ms in sorted(expected.keys() - set(c.open_ms.tolist())):
        if leg.not_due(open_ms, timeframe_s):
            continue
        if leg.unknown(open_ms, timeframe_s):
            found.unknown[timeframe_s] += 1
        else:
            found.missing.append(f"{leg.symbol} {timeframe_s} s at {open_ms} is absent, and no gap says so")


def _compare_trades(found: Findings, leg: Leg, ticks: Ticks) -> None:
    """Every stored row is a trade or the sum of some; none twice; every absent one between two known lies in a gap."""
    ids = [trade.last for trade in leg.records]
    covered: set[int] = set()
    before = -1
    for k in range(len(ticks)):
        first, last = int(ticks.first_id[k]), int(ticks.trade_id[k])
        part = leg.records[bisect_left(ids, first) : bisect_right(ids, last)]
        times = [trade.ms for trade in part] or [0]
        good = (
            first > before
            and {trade.price for trade in part} == {float(ticks.price[k])}
            and {trade.maker for trade in part} == {bool(ticks.buyer_is_maker[k])}
            and isclose(float(sum(trade.qty for trade in part)), float(ticks.qty[k]), rel_tol=1e-12)
            # What is left of an aggregate has the aggregate's time.
            and min(times) - WINDOW_MS <= int(ticks.ts_ms[k]) <= max(times) + WINDOW_MS
        )
        if not good:
            found.wrong.append(f"{leg.symbol}: stored trade {first}…{last} of {ticks.qty[k]} is not what happened")
        covered.update(trade.last for trade in part)
        before = last
    found.trades += len(ticks)
    unknown = [gap for gap in leg.gaps if gap.state != "repaired"]
    low, high = min(covered, default=0), max(covered, default=0)
    for trade in leg.records:
        absent = low < trade.last < high and trade.last not in covered
        if absent and not any(_misses(gap, trade) for gap in unknown):
            found.missing.append(f"{leg.symbol}: trade {trade.last} at {trade.ms} is absent, and no gap says so")


def _touches(gap: Gap, from_ms: int, end_ms: int) -> bool:
    return gap.from_ms < end_ms and gap.to_ms >= from_ms


def _misses(gap: Gap, trade: Trade) -> bool:
    """Whether a gap says that a trade is missing: by its id where it knows ids, else by its time."""
    if gap.after_id is None or gap.before_id is None:
        return gap.from_ms <= trade.ms <= gap.to_ms
    return gap.after_id < trade.last < gap.before_id
