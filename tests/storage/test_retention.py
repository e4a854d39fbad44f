"""Old trades leave by exchange time, in small lots; candles and the newest trades stay."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.types import Candles, Ticks
from storage.connect import connect_writer
from storage.retention import LOT_ROWS, Retention
from storage.schema import migrate
from storage.sqlite import TradeStore
from storage.work import Ledger, PutTrades

DAY = 86_400_000
KEEP = 100_000  # ms


def hourly(n: int, symbol: str = "BTCUSDT", first: int = 0, start_ms: int = 0, step_ms: int = 3_600_000) -> Ticks:
    ids = np.arange(first, first + n)
    ones = np.ones(n)
    return Ticks(symbol, ids, ids, start_ms + np.arange(n) * step_ms, ones, ones, np.zeros(n, np.bool_))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "store.db"
    with closing(connect_writer(path)) as connection:
        migrate(connection, path)
        yield connection


def put(database: sqlite3.Connection, retention: Retention, ticks: Ticks) -> None:
    ledger = Ledger(database)
    ledger.begin()
    PutTrades(ticks).do(ledger)
    retention.saw(ledger.commit())


def lots(database: sqlite3.Connection, retention: Retention) -> list[int]:
    gone = []
    while rows := retention.lot(database):
        gone.append(rows)
    return gone


def left(database: sqlite3.Connection) -> list[tuple[str, int, int]]:
    sql = "SELECT name, min(ts_ms), count(*) FROM trades JOIN symbols ON id = symbol_id GROUP BY name ORDER BY name"
    return database.execute(sql).fetchall()


def test_trades_older_than_kept_leave_in_lots_and_are_no_longer_counted(database: sqlite3.Connection) -> None:
    retention = Retention(database, KEEP)
    put(database, retention, hourly(2500, step_ms=100))  # 0 … 249 900 ms
    put(database, retention, hourly(10, "ETHUSDT", start_ms=200_000, step_ms=100))
    put(database, retention, hourly(1, first=2500, start_ms=250_000))
    # "Now" is the older of the last two: 200 900. What is older than 100 900 goes.
    assert lots(database, retention) == [LOT_ROWS, 9]
    put(database, retention, hourly(1, first=2501, start_ms=250_000))
    assert lots(database, retention) == [491]
    assert left(database) == [("BTCUSDT", 150_000, 1002), ("ETHUSDT", 200_000, 10)]
    assert database.execute("SELECT row_count FROM totals").fetchall() == [(1002,), (10,)]


def test_one_trade_with_a_wild_time_empties_nothing(database: sqlite3.Connection) -> None:
    retention = Retention(database, KEEP)
    put(database, retention, hourly(100, step_ms=1000))
    put(database, retention, hourly(1, first=100, start_ms=10**15))
    assert lots(database, retention) == []
    put(database, retention, hourly(1, first=101, start_ms=100_000))
    assert lots(database, retention) == []


def test_a_few_trades_too_many_are_let_be(database: sqlite3.Connection) -> None:
    """Deleting them one by one after every transaction would cost more than it frees."""
    retention = Retention(database, KEEP)
    for i in range(104):  # the slack is a second, and "now" the trade before the last
        put(database, retention, hourly(1, first=i, start_ms=i * 1000))
        gone = lots(database, retention)
        assert gone == ([] if i < 103 else [2])


def test_after_a_restart_it_goes_on_where_it_was(database: sqlite3.Connection) -> None:
    put(database, Retention(database, 10 * DAY), hourly(500, step_ms=1000))
    assert lots(database, Retention(database, KEEP)) == [399]
    assert left(database) == [("BTCUSDT", 399_000, 101)]


def test_older_trades_that_a_repair_brings_leave_too(database: sqlite3.Connection) -> None:
    retention = Retention(database, KEEP)
    put(database, retention, hourly(10, first=1000, start_ms=10**9, step_ms=1))
    put(database, retention, hourly(10, first=0, start_ms=5, step_ms=1))
    put(database, retention, hourly(10, first=1010, start_ms=10**9 + 10, step_ms=1))
    put(database, retention, hourly(10, first=1020, start_ms=10**9 + 20, step_ms=1))
    assert lots(database, retention) == [10]
    assert lots(database, retention) == []


def test_a_symbol_whose_trades_have_all_left_is_no_trouble(database: sqlite3.Connection) -> None:
    retention = Retention(database, KEEP)
    put(database, retention, hourly(3, "OLDUSDT"))
    for i in range(2):
        put(database, retention, hourly(1, first=i, start_ms=10**9 + i))
    assert lots(database, retention) == [3]
    put(database, retention, hourly(3, "OLDUSDT", first=10, start_ms=10**9))
    assert left(database) == [("BTCUSDT", 10**9, 2), ("OLDUSDT", 10**9, 3)]


def test_the_store_lets_old_trades_go_while_it_writes_and_keeps_candles(tmp_path: Path) -> None:
    one = np.ones(1)
    candle = Candles("BTCUSDT", 60, np.array([0]), one, one, one, one, one, np.array([1]), np.array(["trades"]))
    path = tmp_path / "store.db"
    with TradeStore(path, flush_ms=1, retention_days=3.0) as store:
        store.put_candles(candle)
        for a in range(0, 240, 24):  # ten days, a trade an hour
            store.put(hourly(24, first=a, start_ms=a * 3_600_000))
            assert store.flush()
        for i in (240, 241):
            store.put(hourly(1, first=i, start_ms=i * 3_600_000))
            assert store.flush()
    with TradeStore.open_reader(path) as reader:
        assert reader.trades("BTCUSDT").trade_id.tolist() == list(range(168, 242))
        assert reader.counts() == {("BTCUSDT", 0): 74, ("BTCUSDT", 60): 1}
