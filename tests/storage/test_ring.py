"""The ring keeps the newest trades, in order, as copies."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from core.types import Ticks, Trade
from storage.ring import Ring


def ticks(first: int, n: int, symbol: str = "BTCUSDT") -> Ticks:
    ids = np.arange(first, first + n)
    return Ticks(symbol, ids, ids - 1, ids * 10, ids / 2, ids / 4, ids % 3 == 0)


def assert_same(got: Ticks, wanted: Ticks) -> None:
    for name in ("trade_id", "first_id", "ts_ms", "price", "qty", "buyer_is_maker"):
        assert_array_equal(getattr(got, name), getattr(wanted, name), strict=True)


@given(st.integers(1, 12), st.lists(st.integers(0, 30), max_size=12), st.none() | st.integers(0, 15))
def test_a_snapshot_is_the_newest_trades_in_order_however_they_were_batched(
    capacity: int, sizes: list[int], n: int | None
) -> None:
    ring = Ring(capacity)
    given_so_far = 0
    for size in sizes:
        ring.put(ticks(given_so_far, size))
        given_so_far += size
    kept = min(given_so_far, capacity if n is None else min(n, capacity))
    assert_same(ring.snapshot("BTCUSDT", n), ticks(given_so_far - kept, kept))


def test_a_snapshot_is_a_copy_that_later_trades_do_not_change() -> None:
    ring = Ring(4)
    ring.put(ticks(0, 4))
    before = ring.snapshot("BTCUSDT")
    ring.put(ticks(4, 3))
    assert_same(before, ticks(0, 4))


def test_what_was_put_may_be_overwritten_by_its_owner() -> None:
    ring, given_ticks = Ring(4), ticks(0, 4)
    ring.put(given_ticks)
    given_ticks.price[:] = -1
    assert_same(ring.snapshot("BTCUSDT"), ticks(0, 4))


def test_symbols_do_not_mix() -> None:
    ring = Ring(8)
    ring.put(ticks(0, 3))
    ring.put(ticks(100, 2, "ETHUSDT"))
    assert_same(ring.snapshot("BTCUSDT"), ticks(0, 3))
    assert_same(ring.snapshot("ETHUSDT"), ticks(100, 2, "ETHUSDT"))


def test_the_last_trade_is_a_plain_value() -> None:
    ring = Ring(4)
    assert ring.last("BTCUSDT") is None
    ring.put(ticks(1, 6))
    assert ring.last("BTCUSDT") == Trade("BTCUSDT", 6, 5, 60, 3.0, 1.5, True)


@given(st.lists(st.lists(st.booleans(), max_size=6), max_size=6), st.integers(0, 40))
def test_executable_prices_are_those_of_the_last_taker_buy_and_sell_where_they_are_of_late(
    batches: list[list[bool]], since: int
) -> None:
    ring, buy, sell, at = Ring(2), None, None, 0
    for makers in batches:
        batch = ticks(at, len(makers))
        ring.put(Ticks("BTCUSDT", *(batch.trade_id,) * 3, batch.price, batch.qty, np.array(makers, np.bool_)))
        for buyer_is_maker, price in zip(makers, batch.price, strict=True):
            buy, sell = (buy, price) if buyer_is_maker else (price, sell)
        at += len(makers)
    # A trade's time is its id here, and its price half of it.
    late = [None if price is None or 2 * price < since else price for price in (buy, sell)]
    assert ring.executable("BTCUSDT", since) == tuple(late)


def test_a_dropped_symbol_is_forgotten() -> None:
    ring = Ring(4)
    ring.put(ticks(0, 3))
    ring.drop("BTCUSDT")
    ring.drop("BTCUSDT")
    assert len(ring.snapshot("BTCUSDT")) == 0
    assert ring.executable("BTCUSDT", 0) == (None, None)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity must be >= 1, was 0"):
        Ring(0)
    with pytest.raises(ValueError, match="n must be >= 0, was -1"):
        Ring(1).snapshot("BTCUSDT", -1)


def test_a_reader_never_sees_half_a_batch() -> None:
    ring, done = Ring(64), threading.Event()
    torn: list[Ticks] = []

    def read() -> None:
        while not done.is_set():
            seen = ring.snapshot("BTCUSDT")
            whole = ticks(int(seen.trade_id[0]) if len(seen) else 0, len(seen))
            if not np.array_equal(seen.price, whole.price) or not np.array_equal(seen.trade_id, whole.trade_id):
                torn.append(seen)

    reader = threading.Thread(target=read)
    reader.start()
    for first in range(0, 7 * 3000, 7):
        ring.put(ticks(first, 7))
    done.set()
    reader.join()
    assert not torn
