"""Funding that trades on paper were held through: seen as it was settled, else asked for, never taken for zero."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Final, Protocol

from analytics.funding import hours_between
from analytics.paper_account import by_symbol, due_ms, funded, settled
from core.clock import DAY_MS
from core.errors import BadRequest, PairsightError
from core.paper import PaperTrade, Settlement
from core.types import Candles, MarkPrice

log = logging.getLogger(__name__)

ASK_S: Final = 60.0  # settlements that nobody saw are asked for so often
DAYS: Final = 7  # closed trades of so many days are still completed when a rate becomes known
LATE_MS: Final = 10_000  # the announcement that shows a settlement comes some seconds after it

Ask = Callable[[str, int, int], Sequence[tuple[int, float]]]
"""(symbol, from_ms, to_ms) -> the exchange's own settlements: (time, rate). Raises PairsightError."""


class Library(Protocol):
    """What is read."""

    def unfunded_paper_trades(self, from_ms: int) -> list[PaperTrade]: ...
    def settlements(self, from_ms: int) -> list[Settlement]: ...
    def candles(
        self, symbol: str, timeframe_s: int, *, limit: int | None = ..., to_ms: int | None = ...
    ) -> Candles: ...


class Settling:
    """What is known of funding, and which closed trades still wait for a rate. One thread's own.

    ``hours`` is the exchange's list of hours between settlements; None: not known yet.
    """

    def __init__(
        self,
        store: Library,
        marks: Callable[[], Mapping[str, MarkPrice]],
        exchange_ms: Callable[[], int],
        ask: Ask | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        hours: Callable[[], Mapping[str, int] | None] = lambda: None,
    ) -> None:
        self._store = store
        self._marks = marks
        self._exchange_ms = exchange_ms
        self._ask = ask
        self._monotonic = monotonic
        self._hours = hours
        self._known: dict[str, dict[int, Settlement]] = {}
        self._seen: dict[str, MarkPrice] = {}  # the announcement before
        self._unfunded: dict[object, PaperTrade] = {}  # closed, and a rate is still missing
        self._unsure: set[str] = set()  # symbols of trades that were on while nobody listened
        self._asked_s = -ASK_S
        self.fresh: list[Settlement] = []  # seen since they were last taken away

    def load(self, on: Iterable[PaperTrade], now_ms: int) -> None:
        """What is stored, as far as trades that are on and the newest closed ones need it."""
        on, since = list(on), now_ms - DAYS * DAY_MS
        self._unsure = {symbol for t in on if t.in_ms for symbol in t.symbols}
        self._unfunded = {t.key: t for t in self._store.unfunded_paper_trades(since)}
        entered = [t.in_ms for t in (*on, *self._unfunded.values()) if t.in_ms]
        self._known = by_symbol(self._store.settlements(min([since, *entered])))

    def hours(self, symbol: str) -> int:
        """Between two settlements of a contract; 0: not known yet."""
        return hours_between(self._hours(), symbol) or 0

    def charged(self, trade: PaperTrade) -> PaperTrade:
        """The trade with its funding so far; the same object where nothing changed."""
        if trade.state != "closed" and not self._exchange_ms():  # how far is not known: what was charged stays
            return trade
        now = funded(self._dated(trade), self._known, self._exchange_ms() - LATE_MS)
        if now.state == "closed":
            self._unfunded.pop(now.key, None)
            if now.funding_unknown:
                self._unfunded[now.key] = now
        return now

    def turn(self, on: Sequence[PaperTrade]) -> list[PaperTrade]:
        """See what is settled for these and for closed ones; returns the closed ones that it changed."""
        waiting = [*on, *self._unfunded.values()]
        marks = self._marks()
        for symbol in {s for t in waiting for s in t.symbols} & marks.keys():
            one = settled(self._seen.get(symbol), marks[symbol])
            self._seen[symbol] = marks[symbol]
            if one is not None:
                self._learn(one)
        self._inquire([t for t in waiting if t.funding_unknown or not self._unsure.isdisjoint(t.symbols)])
        before = list(self._unfunded.values())
        return [now for t in before if (now := self.charged(t)) is not t]

    def _dated(self, trade: PaperTrade) -> PaperTrade:
        """With the hours that its look did not know."""
        if trade.hours_y and trade.hours_x:
            return trade
        y, x = (was or self.hours(s) for s, was in zip(trade.symbols, (trade.hours_y, trade.hours_x), strict=True))
        return trade if (y, x) == (trade.hours_y, trade.hours_x) else replace(trade, hours_y=y, hours_x=x)

    def _inquire(self, missing: Sequence[PaperTrade]) -> None:
        """Ask the exchange what was settled while nobody listened: rarely, and once a symbol."""
        now_s, until_ms = self._monotonic(), self._exchange_ms()
        if self._ask is None or not missing or not until_ms or now_s - self._asked_s < ASK_S:
            return
        self._asked_s = now_s
        for symbol in sorted({s for t in missing for s in t.symbols}):
            held = [t for t in missing if symbol in t.symbols]
            from_ms = min(t.in_ms for t in held)
            try:
                told = dict(self._ask(symbol, from_ms, until_ms))
            except BadRequest as error:  # of this symbol alone: it may be listed no more
                log.info("the exchange does not tell what %s settled: %s", symbol, error)
                continue
            except PairsightError as error:
                log.info("what %s settled is not known yet: %s", symbol, error)
                return
            self._unsure.discard(symbol)
            # What the exchange passed over before its newest settlement was none: the contract's hours had changed.
            none = {ms for t in held for ms in due_ms(from_ms, max(told, default=0), _hours(t, symbol))} - told.keys()
            for settle_ms, rate in sorted({**told, **dict.fromkeys(none, 0.0)}.items()):
                if settle_ms not in self._known.get(symbol, {}):
                    self._learn(Settlement(symbol, settle_ms, rate, self._mark(symbol, held[0].timeframe_s, settle_ms)))

    def _mark(self, symbol: str, timeframe_s: int, settle_ms: int) -> float:
        """The close of the newest candle that had ended stands for the mark price, as in a backtest; NaN: none."""
        before = self._store.candles(symbol, timeframe_s, limit=1, to_ms=settle_ms - timeframe_s * 1000 + 1)
        return float(before.close[-1]) if len(before) else float("nan")

    def _learn(self, one: Settlement) -> None:
        if isfinite(one.rate) and isfinite(one.mark):
            self._known.setdefault(one.symbol, {})[one.settle_ms] = one
            self.fresh.append(one)


def _hours(trade: PaperTrade, symbol: str) -> int:
    return trade.hours_y if symbol == trade.symbols[0] else trade.hours_x
