"""What every store must do, whatever it is made of. Runs over ``STORES``."""

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import inf, isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from core.errors import StoreBusy, StoreError
from core.journal import JournalRow
from core.types import Candles, Gap, Ticks, Trade
from storage import STORES
from storage.sqlite import TradeStore
from tests.storage.samples import recording, seeded

TICK_COLUMNS = ("trade_id", "first_id", "ts_ms", "price", "qty", "buyer_is_maker")
CANDLE_COLUMNS = ("open_ms", "open", "high", "low", "close", "volume", "trade_count", "provenance")


@pytest.fixture(params=list(STORES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "store.db"


@pytest.fixture
def store(kind: str, path: Path) -> Iterator[TradeStore]:
    with STORES[kind](path, flush_ms=10) as opened:
        yield opened


def assert_same(got: Ticks | Candles, wanted: Ticks | Candles) -> None:
    assert type(got) is type(wanted)
    assert got.symbol == wanted.symbol
    for name in TICK_COLUMNS if isinstance(wanted, Ticks) else CANDLE_COLUMNS:
        assert_array_equal(getattr(got, name), getattr(wanted, name), strict=True, err_msg=name)


def candles(*opens_ms: int, timeframe_s: int = 60, close: float = 1.5, provenance: str = "trades") -> Candles:
    n = len(opens_ms)
    return Candles(
        "BTCUSDT",
        timeframe_s,
        np.array(opens_ms, np.int64),
        np.full(n, 1.0),
        np.full(n, 2.0),
        np.full(n, 0.1),
        np.full(n, close),
        np.full(n, 0.3),
        np.full(n, 7),
        np.full(n, provenance, "U8"),
    )


def look(candle_ms: int, **more: Any) -> JournalRow:
    row = JournalRow("BTCUSDT/ETHUSDT", 60, candle_ms, "key", "evidence 1", "WAIT", "not stretched yet")
    return replace(row, **more)


def test_trades_come_back_bit_for_bit_and_in_order(store: TradeStore) -> None:
    trades = seeded(1000)
    trades = replace(trades, first_id=trades.trade_id - np.arange(1000) % 3)
    for a in range(0, 1000, 300):
        store.put(trades.take(slice(a, a + 300)))
    assert store.flush()
    assert_same(store.trades("BTCUSDT"), trades)


def test_any_double_comes_back_as_it_was(store: TradeStore) -> None:
    rng = np.random.default_rng(5)
    anything = np.abs(rng.integers(0, 2**64, 5000, dtype=np.uint64).view(np.float64))
    anything = anything[np.isfinite(anything) & (anything > 0)]
    odd = np.concatenate((anything, [5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1e23, 2.0**53 + 1]))
    trades = replace(seeded(len(odd)), price=odd, qty=odd[::-1].copy())
    store.put(trades)
    assert store.flush()
    assert_same(store.trades("BTCUSDT"), trades)


@pytest.mark.recording
def test_the_recording_comes_back_bit_for_bit(store: TradeStore, shared_data: Path) -> None:
    every = recording(shared_data)
    for trades in every.values():
        for a in range(0, len(trades), 37):
            store.put(trades.take(slice(a, a + 37)))
    assert store.flush()
    for symbol, trades in every.items():
        assert_same(store.trades(symbol), trades)
    assert sum(n for (_, timeframe_s), n in store.counts().items() if timeframe_s == 0) == 24_356


def test_a_trade_is_stored_once_however_often_it_comes(store: TradeStore) -> None:
    trades = seeded(100)
    store.put(trades)
    store.put(replace(trades, price=trades.price + 1))
    assert store.flush()
    store.put(trades.take(slice(50, 100)))
    assert store.flush()
    assert_same(store.trades("BTCUSDT"), trades)
    assert store.counts() == {("BTCUSDT", 0): 100}


def test_trades_are_found_by_time_even_where_time_steps_back(store: TradeStore) -> None:
    trades = replace(seeded(6), ts_ms=np.array([10, 30, 20, 40, 15, 50]))
    store.put(trades)
    assert store.flush()
    assert_same(store.trades("BTCUSDT", from_ms=15, to_ms=40), trades.take(np.array([1, 2, 4])))
    assert_same(store.trades("BTCUSDT", from_ms=15, to_ms=40, limit=2), trades.take(np.array([1, 2])))
    assert_same(store.trades("BTCUSDT", to_ms=16), trades.take(np.array([0, 4])))


def test_trades_are_found_between_two_ids(store: TradeStore) -> None:
    trades = seeded(10, first=100)
    store.put(trades)
    assert store.flush()
    assert_same(store.trades("BTCUSDT", after_id=102, before_id=106), trades.take(slice(3, 6)))
    assert_same(store.trades("BTCUSDT", after_id=102, limit=2), trades.take(slice(8, 10)))
    with pytest.raises(ValueError, match="by time or by id"):
        store.trades("BTCUSDT", from_ms=1, after_id=2)


def test_the_next_trade_is_the_one_with_the_lowest_id_above(store: TradeStore) -> None:
    store.put(seeded(5, first=10))
    store.put(seeded(5, first=20))
    store.flush()
    found = [store.next_trade("BTCUSDT", after) for after in (0, 10, 14, 24)]
    assert [trade.trade_id if trade else None for trade in found] == [10, 11, 20, None]
    assert store.next_trade("ETHUSDT", 0) is None


def test_the_last_trade_is_the_one_with_the_highest_id(store: TradeStore) -> None:
    assert store.last_trade("BTCUSDT") is None
    trades = seeded(3, first=7)
    store.put(trades)
    store.put(seeded(3, first=1))
    assert store.flush()
    assert store.last_trade("BTCUSDT") == Trade(
        "BTCUSDT",
        9,
        9,
        int(trades.ts_ms[2]),
        float(trades.price[2]),
        float(trades.qty[2]),
        bool(trades.buyer_is_maker[2]),
    )


def test_symbols_do_not_mix(store: TradeStore) -> None:
    store.put(seeded(3))
    store.put(seeded(4, symbol="币安人生USDT"))
    assert store.flush()
    assert store.symbols() == ("BTCUSDT", "币安人生USDT")
    assert_same(store.trades("币安人生USDT"), seeded(4, symbol="币安人生USDT"))
    assert len(store.trades("ETHUSDT")) == 0
    assert len(store.candles("ETHUSDT", 60)) == 0


def test_candles_come_back_oldest_first_and_a_limit_keeps_the_newest(store: TradeStore) -> None:
    store.put_candles(candles(60_000, 120_000))
    store.put_candles(candles(180_000, 240_000))
    store.put_candles(candles(0, timeframe_s=300))
    assert store.flush()
    assert_same(store.candles("BTCUSDT", 60), candles(60_000, 120_000, 180_000, 240_000))
    assert_same(store.candles("BTCUSDT", 60, limit=2), candles(180_000, 240_000))
    assert_same(store.candles("BTCUSDT", 60, limit=2, to_ms=240_000), candles(120_000, 180_000))
    assert_same(store.candles("BTCUSDT", 60, from_ms=120_000, to_ms=240_000), candles(120_000, 180_000))
    assert_same(store.candles("BTCUSDT", 300), candles(0, timeframe_s=300))
    assert store.counts() == {("BTCUSDT", 60): 4, ("BTCUSDT", 300): 1}


def test_a_stored_candle_is_never_changed_by_another_confirmation(store: TradeStore) -> None:
    store.put_candles(candles(60_000))
    store.put_candles(candles(60_000, 120_000, close=1.9, provenance="kline"))
    assert store.flush()
    assert store.candles("BTCUSDT", 60).close.tolist() == [1.5, 1.9]


def test_a_repaired_candle_takes_the_place_of_the_stored_one(store: TradeStore) -> None:
    store.put_candles(candles(60_000, 120_000))
    store.replace_candles(candles(120_000, 180_000, close=1.9, provenance="repaired"))
    assert store.flush()
    stored = store.candles("BTCUSDT", 60)
    assert stored.close.tolist() == [1.5, 1.9, 1.9]
    assert stored.provenance.tolist() == ["trades", "repaired", "repaired"]
    assert store.counts() == {("BTCUSDT", 60): 3}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["put", "replace", "delete", "flush"]), st.sets(st.integers(0, 12)))))
def test_whatever_the_order_of_requests_candles_are_as_the_rules_say(
    kind: str, tmp_path: Path, asked: list[tuple[str, set[int]]]
) -> None:
    """The same requests, made of a dictionary."""
    wanted: dict[tuple[int, int], float] = {}
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder, STORES[kind](Path(folder) / "store.db") as store:
        for i, (request, minutes) in enumerate(asked):
            opens = [minute * 60_000 for minute in sorted(minutes)]
            for timeframe_s in (60, 300):
                new = {(timeframe_s, ms): float(i) for ms in opens if ms % (timeframe_s * 1000) == 0}
                given_now = candles(*(ms for _, ms in new), timeframe_s=timeframe_s, close=float(i))
                if request == "put":
                    store.put_candles(given_now)
                    wanted = {**new, **wanted}
                elif request == "replace":
                    store.replace_candles(given_now)
                    wanted |= new
            if request == "delete" and opens:
                low, high = opens[0], opens[-1] + i % 2  # on the edge of an interval and beside it
                store.delete_candles("BTCUSDT", low, high)
                wanted = {(s, ms): v for (s, ms), v in wanted.items() if ms + s * 1000 <= low or ms > high}
            elif request == "flush":
                assert store.flush()
        assert store.flush()
        stored = {s: store.candles("BTCUSDT", s) for s in (60, 300)}
        got = {
            (s, ms): v for s, c in stored.items() for ms, v in zip(c.open_ms.tolist(), c.close.tolist(), strict=True)
        }
        assert got == wanted
        assert {s: n for (_, s), n in store.counts().items() if n} == Counter(s for s, _ in wanted)


def test_a_gap_removes_every_candle_it_touches_but_those_the_exchange_closed(store: TradeStore) -> None:
    store.put_candles(candles(0, 60_000, 120_000, 180_000))
    store.put_candles(candles(0, 300_000, timeframe_s=300))
    store.put_candles(candles(0, timeframe_s=900, provenance="kline"))
    store.delete_candles("BTCUSDT", 119_999, 120_000)
    store.put_candles(candles(120_000, close=1.9, provenance="repaired"))  # in the order asked
    assert store.flush()
    assert store.candles("BTCUSDT", 60).open_ms.tolist() == [0, 120_000, 180_000]
    assert store.candles("BTCUSDT", 60).close.tolist() == [1.5, 1.9, 1.5]
    assert store.candles("BTCUSDT", 300).open_ms.tolist() == [300_000]
    assert store.candles("BTCUSDT", 900).open_ms.tolist() == [0]
    store.delete_candles("BTCUSDT", 0, 400_000, 60)
    assert store.flush()
    assert store.counts() == {("BTCUSDT", 60): 0, ("BTCUSDT", 300): 1, ("BTCUSDT", 900): 1}


def test_gaps_are_stored_once_and_change_their_state(store: TradeStore) -> None:
    first, start = Gap("BTCUSDT", 5, 9, 1000, 2000), Gap("BTCUSDT", None, 3, 0, 500)
    for gap in (first, start, first, start, Gap("ETHUSDT", 5, 9, 1000, 2000, "lost")):
        store.put_gap(gap)
    assert store.flush()
    assert [replace(gap, id=None) for gap in store.gaps("BTCUSDT")] == [start, first]
    store.set_gap_state(start, "lost")  # by its bounds
    store.set_gap_state(store.gaps("BTCUSDT")[1], "repaired")  # by its id
    assert store.flush()
    assert [(gap.symbol, gap.state) for gap in store.gaps()] == [
        ("BTCUSDT", "lost"),
        ("BTCUSDT", "repaired"),
        ("ETHUSDT", "lost"),
    ]
    assert store.gap_counts() == {"open": 0, "repaired": 1, "lost": 2}
    assert [gap.to_ms for gap in store.gaps("BTCUSDT", "lost")] == [500]
    store.put_gap(first)
    assert store.flush()
    assert [(gap.to_ms, gap.state) for gap in store.gaps("BTCUSDT")] == [(500, "lost"), (2000, "open")]
    assert [gap.to_ms for gap in store.gaps("BTCUSDT", from_ms=501)] == [2000]
    assert [gap.to_ms for gap in store.gaps("BTCUSDT", to_ms=1000)] == [500]
    assert [gap.symbol for gap in store.gaps(limit=1)] == ["ETHUSDT"]


def test_a_look_is_written_once_and_keeps_what_it_said(store: TradeStore) -> None:
    said = look(60_000, z=2.5, half_life=inf, checks='[{"key": "clean"}]', written_ms=77)
    store.put_looks([said])
    store.put_looks([replace(said, verdict="TRADABLE", z=9.0), look(120_000)])
    store.note_looks("BTCUSDT/ETHUSDT", 60, 60_000, 60_000)
    assert store.flush()
    first, second = store.looks("BTCUSDT/ETHUSDT", 60, "key")
    assert (first.verdict, first.z, first.half_life, first.note) == ("WAIT", 2.5, inf, "repaired")
    assert first.checks == said.checks
    assert (second.candle_ms, second.note) == (120_000, "")
    assert isnan(second.z)
    assert replace(first, note="") == replace(said, **{n: getattr(first, n) for n in first.__slots__ if n != "note"})


def test_looks_are_found_by_pair_timeframe_and_parameters(store: TradeStore) -> None:
    store.put_looks(look(ms) for ms in (0, 60_000, 120_000))
    store.put_looks([look(0, params="other"), look(0, timeframe_s=5), look(0, pair="A/B")])
    assert store.flush()
    looks = store.looks("BTCUSDT/ETHUSDT", 60, "key", limit=2, before_ms=120_000)
    assert [found.candle_ms for found in looks] == [0, 60_000]
    assert [found.candle_ms for found in store.looks("BTCUSDT/ETHUSDT", 60, "key", from_ms=60_000)] == [60_000, 120_000]
    assert len(store.looks("A/B", 60, "key")) == 1


def test_what_was_stored_is_there_after_a_restart(kind: str, path: Path) -> None:
    with STORES[kind](path) as store:
        store.put(seeded(10))
        store.put_candles(candles(0))
        assert store.close()
    with STORES[kind](path) as store:
        assert_same(store.trades("BTCUSDT"), seeded(10))
        store.put(seeded(5, first=1010))
        assert store.flush()
        assert store.counts() == {("BTCUSDT", 0): 15, ("BTCUSDT", 60): 1}


def test_one_process_collects_and_others_read(kind: str, store: TradeStore, path: Path) -> None:
    store.put(seeded(10))
    assert store.flush()
    with pytest.raises(StoreBusy, match="already collects"):
        STORES[kind](path)
    with TradeStore.open_reader(path) as reader:
        assert reader.status().state == "reading"
        assert_same(reader.trades("BTCUSDT"), seeded(10))
        store.put(seeded(5, first=1010))
        assert store.flush()
        assert len(reader.trades("BTCUSDT")) == 15
    with pytest.raises(StoreError, match="closed"):
        reader.symbols()


def test_the_next_collector_may_start_when_the_first_has_closed(kind: str, path: Path) -> None:
    for _ in range(3):
        with STORES[kind](path) as store:
            assert store.status().state == "writing"


def test_closing_writes_what_is_queued_and_may_be_done_twice(kind: str, path: Path) -> None:
    store = STORES[kind](path, flush_ms=60_000)
    store.put(seeded(100))
    assert store.close()
    assert store.close()
    assert store.status().state == "closed"
    assert not any(thread.name == "store-writer" for thread in threading.enumerate())
    with TradeStore.open_reader(path) as reader:
        assert len(reader.trades("BTCUSDT")) == 100


def test_what_comes_after_closing_is_counted_as_dropped(kind: str, path: Path) -> None:
    store = STORES[kind](path)
    store.close()
    store.put(seeded(100))
    assert store.status().dropped == 100


def test_status_tells_what_waits_and_what_was_written(kind: str, path: Path) -> None:
    with STORES[kind](path, flush_ms=60_000) as store:
        assert store.status().write_ms is None
        store.put(seeded(100))
        assert (store.status().queued, store.status().written) == (100, 0)
        assert store.flush()
        status = store.status()
        assert (status.queued, status.written, status.dropped) == (0, 100, 0)
        assert status.write_ms is not None
        assert status.write_ms > 0
        assert status.size_bytes > 0
        assert status.path == str(path)


def test_many_threads_may_ask_and_read_at_once(store: TradeStore) -> None:
    def ask(k: int) -> None:
        for a in range(0, 2000, 50):
            store.put(seeded(50, symbol=f"S{k}", first=a))
            store.candles("BTCUSDT", 60, limit=10)
            assert len(store.trades(f"S{k}")) % 50 == 0  # whole requests only

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(ask, range(6)))
    assert store.flush()
    assert store.counts() == {(f"S{k}", 0): 2000 for k in range(6)}


def test_nothing_is_a_valid_request(store: TradeStore) -> None:
    store.put(Ticks.empty("BTCUSDT"))
    store.put_candles(Candles.empty("BTCUSDT", 60))
    store.put_looks([])
    assert store.flush()
    assert store.symbols() == ()


def test_a_note_is_kept_by_name_and_the_newest_stands(store: TradeStore) -> None:
    assert store.note("health") is None
    store.put_note("health", "{}", 1)
    store.put_note("health", '{"a":1}', 2)
    assert store.flush()
    assert store.note("health") == ('{"a":1}', 2)
