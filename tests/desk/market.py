"""A market kept in memory: the candles, the store, the journal and the clocks of an engine."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from analytics.decision import Freshness
from analytics.params import Params
from core.errors import StoreError
from core.journal import JournalRow
from core.types import Candles, Ints, MarkPrice, Ticks
from desk.engine import Engine
from desk.watch import Key

SYMBOLS = ("A", "B", "C", "D", "E")
PARAMS = Params(timeframe_s=1, fit_bars=40, z_bars=10)
START = 1_700_000_000
FRESH = Freshness(START * 1000)


class Market:
    """Candles of some symbols up to ``upto``, and the engine that looks at them."""

    def __init__(self, seconds: int = 3_000) -> None:
        rng = np.random.default_rng(3)
        factor = np.cumsum(rng.normal(0, 1e-3, seconds))
        self.closes = {s: 100 * np.exp(factor + np.cumsum(rng.normal(0, 3e-4, seconds))) for s in SYMBOLS}
        self.opens = (START + np.arange(seconds)) * 1000
        self.upto = 200  # candles confirmed by now
        self.hidden: dict[str, set[int]] = {}  # opens under repair, by symbol
        self.absent: dict[str, set[int]] = {}  # opens in which a symbol did not trade
        self.broken: set[str] = set()  # symbols of which holes cannot be told
        self.unreadable: set[str] = set()  # symbols of which candles cannot be read
        self.rows: list[JournalRow] = []
        self.notes: list[tuple[str, int, int]] = []  # pair, opens from, to
        self.kept: dict[str, tuple[str, int]] = {}  # small things by name
        self.settles = True  # whether what was asked for gets written
        self.full = False  # whether the journal has no room
        self.waited: list[float] = []  # how long somebody would have waited for the store
        self.revision = 0  # of what came before the newest candles
        self.now_s = 1_000.0
        self.reads = 0  # of prints
        self.engine = Engine(
            self,
            journal=self,
            newest_ms=lambda symbol, timeframe_s: self.newest_ms(symbol),
            revision=lambda symbol, timeframe_s: self.revision,
            holes=self.holes,
            mending=self.mending,
            marks=dict[str, MarkPrice],
            funding_hours=dict[str, int],
            now_ms=lambda: int(self.now_s * 1000),
            monotonic=lambda: self.now_s,
        )

    def newest_ms(self, symbol: str) -> int:
        absent = self.absent.get(symbol, set())
        return int(next(t for t in reversed(self.opens[: self.upto].tolist()) if t not in absent))

    def candles(self, symbol: str, timeframe_s: int, *, limit: int | None = None, to_ms: int | None = None) -> Candles:
        if symbol in self.unreadable:
            raise StoreError("the disk is gone")
        there = np.isin(
            self.opens[: self.upto], [*self.hidden.get(symbol, ()), *self.absent.get(symbol, ())], invert=True
        )
        opens, close = self.opens[: self.upto][there], self.closes[symbol][: self.upto][there]
        end = len(opens) if to_ms is None else int(np.searchsorted(opens, to_ms))
        cut = slice(0 if limit is None else max(0, end - limit), end)
        opens, close = opens[cut], close[cut]
        ones = np.ones(len(opens))
        kind = np.full(len(opens), "trades")
        return Candles(symbol, 1, opens, close, close, close, close, ones, ones.astype(np.int64), kind)

    def trades(
        self, symbol: str, *, from_ms: int | None = None, to_ms: int | None = None, limit: int | None = None
    ) -> Ticks:
        self.reads += 1
        return Ticks.empty(symbol)

    def looks(self, pair: str, timeframe_s: int, params: str, *, limit: int | None = None) -> list[JournalRow]:
        return [row for row in self.rows if row.pair == pair][-1:]

    def put_looks(self, looks: Sequence[JournalRow]) -> bool:
        self.rows += () if self.full else looks
        return not self.full

    def note_looks(self, pair: str, timeframe_s: int, from_ms: int, to_ms: int) -> bool:
        self.notes += () if self.full else [(pair, from_ms, to_ms)]
        return not self.full

    def put_note(self, name: str, body: str, at_ms: int) -> None:
        self.kept[name] = body, at_ms

    def note(self, name: str) -> tuple[str, int] | None:
        return self.kept.get(name)

    def settle(self, timeout_s: float) -> bool:
        self.waited.append(timeout_s)
        return self.settles

    def holes(self, symbol: str, timeframe_s: int, from_ms: int) -> Ints:
        if symbol in self.broken:
            raise ValueError("a mistake in our own code")
        return self.mending(symbol, timeframe_s, from_ms)

    def mending(self, symbol: str, timeframe_s: int, from_ms: int) -> Ints:
        return np.array(sorted(t for t in self.hidden.get(symbol, ()) if t >= from_ms), np.int64)

    def watch(self, pairs: int) -> list[Key]:
        keys = [Key(y, x, PARAMS) for y, x in itertools.islice(itertools.combinations(SYMBOLS, 2), pairs)]
        for key in keys:
            self.engine.watch(key, keep=True)
        return keys

    def said(self, key: Key) -> list[int]:
        return [row.candle_ms for row in self.rows if row.pair == key.pair]

    def rounds_until_caught_up(self) -> None:
        for _ in range(500):
            before = len(self.rows)
            self.engine.turn()
            if len(self.rows) == before:
                return
        raise AssertionError("it never catches up")
