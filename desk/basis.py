"""What a look rests on: both legs' candles, their holes, price spreads, funding. Read once, shared by many looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from analytics.costs import CostSplit, Funding, half_spread_bps, round_trip
from analytics.funding import announced, hours_between
from analytics.record import Record
from analytics.report import Detail, PairCandles, PairReport, analyse, analyse_newest
from analytics.ticket import deciding_z, legs_of
from core.journal import JournalRow
from core.types import Candles, Ints, MarkPrice, Ticks
from desk.watch import Key, Leg, Legs

PRINTS: Final = 600  # newest trades that the price spread is estimated from …
PRINTS_MS: Final = 3_600_000  # … of the hour before: a spread of last evening is not this morning's


class Prints(Protocol):
    """Where trades are stored."""

    def trades(
        self, symbol: str, *, from_ms: int | None = ..., to_ms: int | None = ..., limit: int | None = ...
    ) -> Ticks: ...


class Library(Prints, Protocol):
    """What looks read."""

    def candles(
        self, symbol: str, timeframe_s: int, *, limit: int | None = ..., to_ms: int | None = ...
    ) -> Candles: ...
    def looks(self, pair: str, timeframe_s: int, params: str, *, limit: int | None = ...) -> list[JournalRow]: ...


class Journal(Protocol):
    """Where they are written."""

    def put_note(self, name: str, body: str, at_ms: int) -> None: ...
    def note(self, name: str) -> tuple[str, int] | None: ...
    def put_looks(self, looks: Sequence[JournalRow]) -> bool: ...
    def note_looks(self, pair: str, timeframe_s: int, from_ms: int, to_ms: int) -> bool: ...
    def settle(self, timeout_s: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it comes from. ``holes(symbol, timeframe_s, from_ms)``: opens without the candle that should be there."""

    store: Library
    holes: Callable[[str, int, int], Ints]
    mending: Callable[[str, int, int], Ints]  # those of them that may still be repaired
    marks: Callable[[], Mapping[str, MarkPrice]]
    funding_hours: Callable[[], Mapping[str, int] | None]


class Basis:
    """Reads the sources, each leg and price spread once. For looks made together, by one thread; short-lived."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._legs: dict[tuple[str, int, int, int | None], Leg] = {}
        self._mending: dict[tuple[str, int, int], Ints] = {}
        self._made: dict[tuple[Key, int], PairReport] = {}
        self._halves: dict[tuple[str, int], float | None] = {}
        self._marks: Mapping[str, MarkPrice] | None = None

    def legs(self, key: Key, bars: int, to_ms: int | None) -> Legs:
        """The newest ``bars`` candles of each leg opened before ``to_ms``; None: of all."""
        y, x = (self._leg(symbol, key.params.timeframe_s, bars, to_ms) for symbol in key.symbols)
        return y, x

    def shared(self, key: Key, bars: int) -> Ints:
        """Opens of those of the newest ``bars`` candles of each leg that both have."""
        y, x = (leg.candles.open_ms for leg in self.legs(key, bars, None))
        return y if np.array_equal(y, x) else np.intersect1d(y, x, assume_unique=True)

    def mending(self, symbol: str, timeframe_s: int, from_ms: int) -> Ints:
        """Opens from then on without the candle that may still come."""
        asked = symbol, timeframe_s, from_ms
        if asked not in self._mending:
            self._mending[asked] = self._from.mending(*asked)
        return self._mending[asked]

    def report(self, key: Key, bars: int, to_ms: int | None) -> PairReport:
        """The analysis of those."""
        return report_of(key, self.legs(key, bars, to_ms))

    def newest(self, key: Key, to_ms: int) -> PairReport:
        """What a look at the newest of them needs, and no more."""
        made = self._made.pop((key, to_ms), None)
        return made or report_of(key, self.legs(key, key.look_bars, to_ms), "newest")

    def make(self, looks: Sequence[tuple[Key, int]]) -> None:
        """Have ``newest`` ready for these, made together: a fraction of the time."""
        alike: dict[tuple[int, int, bool], list[tuple[Key, int]]] = {}
        for key, to_ms in looks:
            p = key.params
            alike.setdefault((p.fit_bars, p.z_bars, p.price_units), []).append((key, to_ms))
        for group in alike.values():
            given = [candles_of(key, self.legs(key, key.look_bars, to_ms)) for key, to_ms in group]
            with suppress(ValueError):  # of one of them: it says so by itself, and not in the way of the others
                self._made.update(zip(group, analyse_newest(given), strict=True))

    def history(self, key: Key, bars: int, to_ms: int | None) -> PairReport:
        """What a record of them needs, and no more."""
        return report_of(key, self.legs(key, bars, to_ms), "history")

    def costs(self, key: Key, report: PairReport, record: Record | None) -> CostSplit | None:
        """A round trip at the report's newest candle, from stored prints and the funding announced."""
        legs = legs_of(report, deciding_z(report))
        if legs is None or report.newest_ms is None:
            return None
        end_ms = report.newest_ms + report.step_ms
        return round_trip(
            legs,
            fee_y_bps=key.params.fee_bps,
            fee_x_bps=key.params.fee_bps,
            half_y_bps=self._half_bps(key.symbol_y, end_ms),
            half_x_bps=self._half_bps(key.symbol_x, end_ms),
            funding_y=self._funding(key.symbol_y, end_ms),
            funding_x=self._funding(key.symbol_x, end_ms),
            now_ms=end_ms,  # when an order goes out: at the touch it is in before the next close
            hold_s=record.told.mean_hold_s if record is not None else None,
        )

    def _leg(self, symbol: str, timeframe_s: int, bars: int, to_ms: int | None) -> Leg:
        asked = (symbol, timeframe_s, bars, to_ms)
        known = self._legs.get(asked)
        if known is None:
            candles = self._from.store.candles(symbol, timeframe_s, limit=bars, to_ms=to_ms)
            missing = np.empty(0, np.int64)
            if len(candles):
                holes = self._from.holes(symbol, timeframe_s, int(candles.open_ms[0]))
                missing = np.setdiff1d(holes, candles.open_ms) if len(holes) else holes
            known = self._legs[asked] = Leg(candles, missing)
        return known

    def _half_bps(self, symbol: str, end_ms: int) -> float | None:
        if (symbol, end_ms) not in self._halves:
            self._halves[symbol, end_ms] = half_bps_at(self._from.store, symbol, end_ms)
        return self._halves[symbol, end_ms]

    def _funding(self, symbol: str, end_ms: int) -> Funding | None:
        if self._marks is None:
            self._marks = self._from.marks()
        mark, hours = self._marks.get(symbol), hours_between(self._from.funding_hours(), symbol)
        if mark is None or hours is None:  # without its list nobody knows which contracts differ
            return None
        return announced(mark, hours, end_ms)


def half_bps_at(store: Prints, symbol: str, end_ms: int) -> float | None:
    """Half of a price spread as stored prints have it shortly before; None: too few, it is not known."""
    return half_spread_bps(store.trades(symbol, from_ms=end_ms - PRINTS_MS, to_ms=end_ms, limit=PRINTS))


def report_of(key: Key, legs: Legs, detail: Detail = "all") -> PairReport:
    """The analysis of two legs."""
    return analyse(*candles_of(key, legs), detail=detail)


def candles_of(key: Key, legs: Legs) -> PairCandles:
    """What an analysis of two legs takes. A hole of either counts."""
    y, x = legs
    missing = np.union1d(y.missing, x.missing) if len(y.missing) or len(x.missing) else y.missing
    return PairCandles(y.candles, x.candles, key.params, missing)
