"""Candles in memory are those of the store, whatever is asked of it and in whichever order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from core.types import Candles
from desk import windows
from desk.windows import Windows
from storage.sqlite import TradeStore

SECOND = 1_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TradeStore]:
    with TradeStore(tmp_path / "c.db", flush_ms=20) as store:
        yield store


def candles(seconds: list[int], close: float = 100.0, symbol: str = "BTCUSDT") -> Candles:
    n = len(seconds)
    price = close + np.arange(n) / 10
    return Candles(
        symbol, 1, np.array(seconds, np.int64) * SECOND, price, price, price, price, np.ones(n), np.ones(n, np.int64),
        np.full(n, "trades"),
    )  # fmt: skip


def assert_same(a: Candles, b: Candles) -> None:
    assert (a.symbol, a.timeframe_s) == (b.symbol, b.timeframe_s)
    for name in ("open_ms", "open", "high", "low", "close", "volume", "trade_count", "provenance"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), name)


class Counting:
    """A store that counts the candles read from it."""

    def __init__(self, store: TradeStore) -> None:
        self.store = store
        self.rows = 0

    def candles(self, *args: object, **more: object) -> Candles:
        found = self.store.candles(*args, **more)  # type: ignore[arg-type]
        self.rows += len(found)
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


def test_a_new_candle_is_all_that_is_read_again(store: TradeStore) -> None:
    counting = Counting(store)
    memory = Windows(counting)  # type: ignore[arg-type]
    store.put_candles(candles(list(range(500))))
    assert len(memory.candles("BTCUSDT", 1, limit=300)) == 300
    first = counting.rows
    for second in range(500, 510):
        store.put_candles(candles([second], close=200.0 + second))
        store.flush()
        assert memory.candles("BTCUSDT", 1, limit=300).open_ms[-1] == second * SECOND
        memory.candles("BTCUSDT", 1, limit=300, to_ms=(second - 5) * SECOND)
    assert counting.rows == first + 10


def test_a_candle_asked_to_be_stored_is_there_though_nobody_waited_for_it(store: TradeStore) -> None:
    memory = Windows(store)
    for second in range(5):
        store.put_candles(candles([second]))
        assert memory.candles("BTCUSDT", 1, limit=300).open_ms[-1] == second * SECOND


def test_whatever_happens_to_the_store_memory_says_what_it_says(
    store: TradeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "SPARE", 15)
    memory, random = Windows(store), Random(7)
    now = 100
    for step in range(400):
        what = random.choice(["append", "append", "append", "append", "older", "replace", "delete", "delete all"])
        a = random.randrange(max(0, now - 60), now)
        if what == "append":
            seconds = sorted(random.sample(range(now, now + 4), random.randint(1, 3)))
            now += 4
            store.put_candles(candles(seconds, close=100.0 + step))
        elif what == "older":
            store.put_candles(candles(list(range(a, a + 3)), close=100.0 + step))
        elif what == "replace":
            store.replace_candles(candles([a], close=100.0 + step))
        elif what == "delete":
            store.delete_candles("BTCUSDT", a * SECOND, (a + 2) * SECOND, 1)
        else:
            store.delete_candles("BTCUSDT", a * SECOND, a * SECOND)
        limit, to_ms = random.choice([5, 20, 40]), random.choice([None, None, (now - random.randrange(50)) * SECOND])
        found = memory.candles("BTCUSDT", 1, limit=limit, to_ms=to_ms)
        store.flush()
        assert_same(found, store.candles("BTCUSDT", 1, limit=limit, to_ms=to_ms))


def test_symbols_and_timeframes_are_apart(store: TradeStore) -> None:
    memory = Windows(store)
    store.put_candles(candles([1, 2], symbol="ETHUSDT"))
    store.put_candles(candles([1, 2, 3]))
    assert len(memory.candles("ETHUSDT", 1, limit=10)) == 2
    assert len(memory.candles("BTCUSDT", 1, limit=10)) == 3
    assert len(memory.candles("BTCUSDT", 60, limit=10)) == 0
