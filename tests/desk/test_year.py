"""A long history comes page by page, within the budget, once, and as far as somebody wants it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import numpy as np
import pytest

from core.errors import PairsightError, RateLimited
from core.load import HistoryLoad
from core.types import Candles
from desk.year import Year

NOW_MS = 1_791_382_980_000 + 30_000
MIN = 60_000
PAIR = ("YUSDT", "XUSDT")
SPARSE = 7  # every so many minutes XUSDT does not trade


class Exchange:
    """Klines of every minute; ``before`` is called at each page, before it answers."""

    def __init__(self, before: Callable[[int], None] = lambda page: None) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self.waits: list[float] = []
        self.before = before

    def wait_s(self, weight: int) -> float:
        return self.waits.pop() if self.waits else 0.0

    def klines(self, symbol: str, timeframe_s: int, *, start_ms: int, end_ms: int, limit: int) -> Candles:
        self.before(len(self.asked))
        self.asked.append((symbol, start_ms, end_ms))
        opens = np.arange(start_ms, end_ms + 1, timeframe_s * 1000)
        if symbol == "XUSDT":
            opens = opens[opens // MIN % SPARSE != 0]
        one = np.ones(len(opens))
        return Candles(
            symbol, timeframe_s, opens, one, one, one, one, one, one.astype(np.int64), np.full(len(opens), "kline")
        )


class Shelf:
    """A store of open times."""

    def __init__(self) -> None:
        self.opens: dict[str, set[int]] = {}
        self.notes: dict[str, tuple[str, int]] = {}

    def put_candles(self, candles: Candles) -> None:
        self.opens.setdefault(candles.symbol, set()).update(candles.open_ms.tolist())

    def candles(self, symbol: str, timeframe_s: int, *, from_ms: int = 0, to_ms: int = 2**60) -> Candles:
        at = np.array(sorted(t for t in self.opens.get(symbol, ()) if from_ms <= t < to_ms), np.int64)
        one = np.ones(len(at))
        return Candles(symbol, timeframe_s, at, one, one, one, one, one, at, np.full(len(at), "kline"))

    def flush(self, timeout_s: float = 10.0) -> bool:
        return True

    def wait_room(self, timeout_s: float) -> bool:
        return True

    def note(self, name: str) -> tuple[str, int] | None:
        return self.notes.get(name)

    def put_note(self, name: str, body: str, at_ms: int) -> None:
        self.notes[name] = (body, at_ms)


def a_year(exchange: Exchange, shelf: Shelf) -> tuple[Year, list[tuple[str, int]]]:
    changed: list[tuple[str, int]] = []
    return Year(exchange, shelf, closed_ms=lambda: NOW_MS, on_change=lambda *it: changed.append(it)), changed  # type: ignore[arg-type]


def ended(year: Year, days: int = 2) -> HistoryLoad:
    """Wait for the thread; it ends with the last fetch."""
    thread = year._thread
    if thread is not None:
        thread.join(60)
        assert not thread.is_alive()
    return year.load(PAIR, 60, days)


def test_both_legs_come_whole_and_each_is_told_once() -> None:
    exchange, shelf = Exchange(), Shelf()
    year, changed = a_year(exchange, shelf)
    assert year.load(PAIR, 60, 2) == HistoryLoad("idle")
    year.fetch(PAIR, 60, 2)
    assert ended(year) == HistoryLoad("done", 2 * 2880, 2 * 2880)
    newest = (NOW_MS - 3_000) // MIN * MIN - MIN
    assert shelf.opens["YUSDT"] == set(range(newest - 2879 * MIN, newest + MIN, MIN))
    assert changed == [("YUSDT", 60), ("XUSDT", 60)]
    assert year.load(PAIR, 60, 2).share == 1.0


def test_nothing_is_asked_for_twice_not_even_minutes_without_a_trade() -> None:
    exchange, shelf = Exchange(), Shelf()
    year, _ = a_year(exchange, shelf)
    year.fetch(PAIR, 60, 2)
    ended(year)
    before = len(exchange.asked)
    again, _ = a_year(exchange, shelf)
    again.fetch(PAIR, 60, 2)
    assert ended(again) == HistoryLoad("done", 0, 0)
    assert len(exchange.asked) == before
    again.fetch(PAIR, 60, 3)  # a day more, and only that day
    assert ended(again, 3).missing == 2 * 1440
    oldest = NOW_MS // MIN * MIN - 2 * 1440 * MIN
    assert all(end < oldest for _, _, end in exchange.asked[before:])
    assert json.loads(shelf.notes["fetched YUSDT 60"][0])[0] < oldest - 1400 * MIN


def test_a_cancelled_fetch_keeps_what_came_and_goes_on_from_there() -> None:
    shelf = Shelf()
    exchange = Exchange(before=lambda page: year.cancel(PAIR, 60, 2) if page == 0 else None)
    year, _ = a_year(exchange, shelf)
    year.fetch(PAIR, 60, 2)
    stopped = ended(year)
    assert (stopped.stage, stopped.asked) == ("cancelled", 1500)
    assert "fetched YUSDT 60" not in shelf.notes
    exchange.before = lambda page: None
    year.fetch(PAIR, 60, 2)
    done = ended(year)
    assert (done.stage, done.missing) == ("done", 2 * 2880 - 1500)


def test_a_fetch_that_is_wished_again_before_its_cancelling_was_noticed_is_made() -> None:
    def change_of_mind(page: int) -> None:
        if page == 0:
            year.cancel(PAIR, 60, 2)
            year.fetch(PAIR, 60, 2)

    shelf = Shelf()
    year, _ = a_year(Exchange(change_of_mind), shelf)
    year.fetch(PAIR, 60, 2)
    assert ended(year).stage == "done"
    assert len(shelf.opens["YUSDT"]) == 2880


def test_a_fetch_that_waits_is_cancelled_at_once_and_reads_nothing() -> None:
    seen: list[HistoryLoad] = []

    def look(page: int) -> None:
        if page == 0:
            year.fetch(("ZUSDT",), 60, 2)
            year.cancel(("ZUSDT",), 60, 2)
            seen.append(year.load(("ZUSDT",), 60, 2))

    shelf = Shelf()
    year, changed = a_year(Exchange(look), shelf)
    year.fetch(PAIR, 60, 2)
    assert ended(year).stage == "done"
    assert seen == [HistoryLoad("cancelled")]
    assert changed == [("YUSDT", 60), ("XUSDT", 60)]


def test_it_waits_while_the_budget_is_spent() -> None:
    exchange = Exchange()
    exchange.waits = [0.0, 0.001, 0.001]
    year, _ = a_year(exchange, Shelf())
    year.fetch(PAIR, 60, 1)
    assert ended(year, 1).stage == "done"
    assert exchange.waits == []


def test_a_refusal_is_told_in_its_own_words() -> None:
    def refuse(page: int) -> None:
        if page == 1:
            raise RateLimited("The exchange must not be asked for another 90 s.", 90.0)

    year, _ = a_year(Exchange(refuse), Shelf())
    year.fetch(PAIR, 60, 2)
    failed = ended(year)
    assert (failed.stage, failed.problem) == ("failed", "The exchange must not be asked for another 90 s.")
    assert 0 < failed.share < 1


def test_time_left_is_known_after_the_first_page() -> None:
    seen: list[HistoryLoad] = []
    exchange = Exchange(before=lambda page: seen.append(year.load(PAIR, 60, 2)))
    year, _ = a_year(exchange, Shelf())
    year.fetch(PAIR, 60, 2)
    ended(year)
    assert seen[0].left_s is None
    assert all(load.left_s is not None and load.left_s >= 0 for load in seen[1:])
    assert [load.asked for load in seen] == sorted(load.asked for load in seen)


def test_seconds_are_not_kept_by_the_exchange() -> None:
    year, _ = a_year(Exchange(), Shelf())
    with pytest.raises(PairsightError, match="no candles of 1s"):
        year.fetch(PAIR, 1, 2)


def test_stop_ends_it() -> None:
    began, go_on = threading.Event(), threading.Event()

    def hold(page: int) -> None:
        began.set()
        go_on.wait(60)

    year, _ = a_year(Exchange(hold), Shelf())
    year.fetch(PAIR, 60, 2)
    assert began.wait(60)
    year.stop(0.0)
    go_on.set()
    assert ended(year).stage == "cancelled"
