"""The store under trouble: it says what is wrong, loses nothing it can keep, and names what it had to drop."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.types import Candles, Gap
from storage.connect import connect_writer
from storage.sqlite import TradeStore
from tests.storage.faults import Disk, trouble
from tests.storage.samples import seeded

WAITED_S = 30.0  # never reached: what is waited for comes within a second


class Ear:
    """Hears of dropped stretches."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self.heard = threading.Event()

    def __call__(self, gap: Gap) -> None:
        self.gaps.append(gap)
        self.heard.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def until_failing(store: TradeStore) -> str:
    """Wait until the store says that it cannot write, and return its reason."""
    while store.status().state != "failing":
        store.flush(timeout_s=0.01)
    return store.status().reason


def candle(open_ms: int, timeframe_s: int = 1) -> Candles:
    one = np.ones(1)
    return Candles(
        "BTCUSDT", timeframe_s, np.array([open_ms]), one, one, one, one, one, np.array([1]), np.array(["trades"])
    )


@pytest.mark.parametrize(
    ("code", "at", "sentence"),
    [
        (sqlite3.SQLITE_FULL, "COMMIT", "the disk is full: free some space"),
        (sqlite3.SQLITE_FULL, "INSERT OR IGNORE INTO trades", "the disk is full"),
        (sqlite3.SQLITE_IOERR, "BEGIN", "check the disk"),
        (sqlite3.SQLITE_IOERR, "COMMIT", "check the disk"),
        (sqlite3.SQLITE_READONLY, "INSERT", "check its permissions"),
        (sqlite3.SQLITE_BUSY, "BEGIN", "locked by another program"),
        (sqlite3.SQLITE_CORRUPT, "BEGIN", "move it away"),
    ],
)
def test_trouble_is_told_and_everything_is_written_when_it_passes(
    path: Path, code: int, at: str, sentence: str
) -> None:
    disk = Disk()
    with TradeStore(path, flush_ms=10, connect=disk.connect) as store:
        disk.at, disk.code = at, code
        store.put(seeded(100))
        assert sentence in until_failing(store)
        store.put(seeded(100, symbol="ETHUSDT"))
        assert not store.flush(timeout_s=0.05)
        assert store.status().queued == 200
        disk.code = None
        assert store.flush(WAITED_S)
        status = store.status()
        assert (status.state, status.reason, status.queued, status.dropped) == ("writing", "", 0, 0)
        assert store.counts() == {("BTCUSDT", 0): 100, ("ETHUSDT", 0): 100}


def test_a_writer_that_cannot_write_is_not_waited_for(path: Path) -> None:
    disk = Disk()
    with TradeStore(path, flush_ms=10, connect=disk.connect) as store:
        assert store.wait_room(WAITED_S)
        disk.at, disk.code = "BEGIN", sqlite3.SQLITE_FULL
        store.put(seeded(100))
        until_failing(store)
        began_s = time.monotonic()
        assert not store.wait_room(WAITED_S)
        assert not store.settle(WAITED_S)
        assert time.monotonic() - began_s < WAITED_S / 2
        disk.code = None
        assert store.flush(WAITED_S)
        assert store.settle(WAITED_S)


def test_a_connection_that_broke_is_opened_afresh_until_that_works(path: Path) -> None:
    disk = Disk()
    with TradeStore(path, flush_ms=10, connect=disk.connect) as store:
        disk.at, disk.code = "BEGIN", sqlite3.SQLITE_IOERR
        store.put(seeded(10))
        until_failing(store)
        disk.at = "open"
        failed = disk.failed
        while disk.failed < failed + 2:
            store.flush(timeout_s=0.01)
        disk.code = None
        assert store.flush(WAITED_S)
        assert len(store.trades("BTCUSDT")) == 10


def test_a_database_that_may_not_grow_takes_everything_once_it_may(path: Path) -> None:
    """A real full disk, as SQLite sees it: the file has reached the number of pages it may have."""
    opened: list[sqlite3.Connection] = []

    def connect(path: Path) -> sqlite3.Connection:
        connection = connect_writer(path)
        connection.execute("PRAGMA max_page_count = 100")
        opened.append(connection)
        return connection

    with TradeStore(path, flush_ms=10, connect=connect) as store:
        for a in range(0, 20_000, 1000):
            store.put(seeded(1000, first=a))
        assert "the disk is full" in until_failing(store)
        (connection,) = opened  # the connection is kept: it is none the worse
        connection.execute("PRAGMA max_page_count = 1000000")
        assert store.flush(WAITED_S)
        assert store.counts() == {("BTCUSDT", 0): 20_000}
    with closing(sqlite3.connect(path)) as check:
        assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_file_locked_by_another_program_is_written_when_it_lets_go(path: Path) -> None:
    with (
        TradeStore(path, flush_ms=10, connect=impatient) as store,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        store.put(seeded(10))
        assert "locked by another program" in until_failing(store)
        assert store.symbols() == ()  # reading goes on
        other.execute("ROLLBACK")
        assert store.flush(WAITED_S)
        assert store.status().state == "writing"
        assert len(store.trades("BTCUSDT")) == 10


def impatient(path: Path) -> sqlite3.Connection:
    connection = connect_writer(path)
    connection.execute("PRAGMA busy_timeout = 0")
    return connection


def test_a_file_moved_away_is_noticed_and_a_new_one_begun(path: Path, tmp_path: Path) -> None:
    with TradeStore(path, flush_ms=10) as store:
        store.put(seeded(10))
        assert store.flush()
        for name in ("store.db", "store.db-wal", "store.db-shm"):
            (tmp_path / name).rename(tmp_path / f"old-{name}")
        store.put(seeded(5, first=5000))
        assert store.flush(WAITED_S)
        assert store.trades("BTCUSDT").trade_id.tolist() == [5000, 5001, 5002, 5003, 5004]
    with TradeStore.open_reader(tmp_path / "old-store.db") as old:
        assert len(old.trades("BTCUSDT")) == 10


def test_what_does_not_fit_into_the_queue_is_dropped_counted_and_becomes_a_gap(path: Path) -> None:
    disk, ear = Disk(), Ear()
    with TradeStore(path, flush_ms=10, queue_rows=1000, connect=disk.connect, on_dropped=ear) as store:
        disk.code = sqlite3.SQLITE_FULL
        kept, dropped = seeded(900), seeded(300, first=1900, start_ms=1_800_000_000_000)
        store.put(kept)
        until_failing(store)
        store.put(dropped.take(slice(0, 150)))
        store.put(dropped.take(slice(150, 300)))
        assert store.status().dropped == 300
        store.put_candles(candle(1_799_999_999_000))
        store.put_candles(candle(int(dropped.ts_ms[0]) // 1000 * 1000))
        disk.code = None
        assert ear.heard.wait(WAITED_S)
        assert store.flush(WAITED_S)
        gap = Gap("BTCUSDT", 1899, 2200, int(dropped.ts_ms[0]), int(dropped.ts_ms[-1]))
        assert ear.gaps == [gap]
        (stored,) = store.gaps("BTCUSDT", "open")
        assert (stored.after_id, stored.before_id, stored.from_ms, stored.to_ms) == (1899, 2200, gap.from_ms, gap.to_ms)
        assert len(store.trades("BTCUSDT")) == 900
        # The candle over the stretch is no longer backed by stored trades; the one before it is.
        assert store.candles("BTCUSDT", 1).open_ms.tolist() == [1_799_999_999_000]


def test_candles_and_gaps_still_find_room_when_trades_no_longer_do(path: Path) -> None:
    disk = Disk()
    with TradeStore(path, flush_ms=10, queue_rows=1000, connect=disk.connect) as store:
        disk.code = sqlite3.SQLITE_FULL
        store.put(seeded(1000))
        until_failing(store)
        store.put(seeded(1, first=9000))
        assert store.status().dropped == 1
        store.put_candles(candle(0))
        store.put_gap(Gap("ETHUSDT", 1, 3, 0, 10))
        assert store.status().dropped == 1
        disk.code = None
        assert store.flush(WAITED_S)
        assert len(store.candles("BTCUSDT", 1)) == 1
        assert len(store.gaps("ETHUSDT")) == 1


def test_a_dropped_candle_is_shown_as_a_gap(path: Path) -> None:
    disk, ear = Disk(), Ear()
    with TradeStore(path, flush_ms=10, queue_rows=10, connect=disk.connect, on_dropped=ear) as store:
        disk.code = sqlite3.SQLITE_FULL
        store.put(seeded(10))
        until_failing(store)
        for open_ms in (5000, 6000, 7000):
            store.put_candles(candle(open_ms))
        disk.code = None
        assert ear.heard.wait(WAITED_S)
        assert store.flush(WAITED_S)
        assert [(g.after_id, g.before_id, g.from_ms, g.to_ms) for g in store.gaps()] == [(None, None, 6000, 7999)]
        assert store.candles("BTCUSDT", 1).open_ms.tolist() == [5000]


def test_who_comes_later_hears_of_what_is_dropped_from_then_on(path: Path) -> None:
    disk, ear = Disk(), Ear()
    with TradeStore(path, flush_ms=10, queue_rows=10, connect=disk.connect) as store:
        store.tell_dropped(ear)
        disk.code = sqlite3.SQLITE_FULL
        store.put(seeded(10))
        until_failing(store)
        store.put(seeded(10, first=10))
        disk.code = None
        assert ear.heard.wait(WAITED_S)
        assert [(g.after_id, g.before_id) for g in ear.gaps] == [(9, 20)]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_rows_no_database_could_take_do_not_hold_up_the_others(path: Path, bad: float) -> None:
    ear = Ear()
    with TradeStore(path, flush_ms=10, on_dropped=ear) as store:
        broken = seeded(3, first=50)
        broken.price[1] = bad
        store.put(seeded(10))
        store.put(broken)
        store.put(seeded(10, symbol="ETHUSDT"))
        assert store.flush(WAITED_S)
        assert store.counts() == {("BTCUSDT", 0): 10, ("ETHUSDT", 0): 10}
        assert store.status().dropped == 3
        assert ear.heard.wait(WAITED_S)
        assert [(g.after_id, g.before_id) for g in ear.gaps] == [(49, 53)]


def test_a_store_that_closes_in_trouble_ends_and_says_what_is_lost(path: Path) -> None:
    disk = Disk()
    store = TradeStore(path, flush_ms=10, connect=disk.connect)
    disk.code = sqlite3.SQLITE_FULL
    store.put(seeded(100))
    until_failing(store)
    store.put(seeded(50, first=9000))
    assert not store.close(WAITED_S)
    status = store.status()
    assert (status.state, status.queued, status.dropped) == ("closed", 0, 150)
    assert "150 rows could not be stored" in status.reason
    assert "the disk is full" in status.reason
    assert not any(thread.name == "store-writer" for thread in threading.enumerate())
    TradeStore(path).close()  # and the next one may begin


def test_a_store_whose_trouble_passes_while_it_closes_still_writes(path: Path) -> None:
    disk = Disk()
    store = TradeStore(path, flush_ms=10, connect=disk.connect)
    disk.code = sqlite3.SQLITE_FULL
    store.put(seeded(100))
    until_failing(store)
    disk.code = None
    assert store.close(WAITED_S)
    with TradeStore.open_reader(path) as reader:
        assert len(reader.trades("BTCUSDT")) == 100


def test_a_rolled_back_symbol_gets_its_id_again(path: Path) -> None:
    disk = Disk()
    with TradeStore(path, flush_ms=10, connect=disk.connect) as store:
        disk.at, disk.code = "COMMIT", sqlite3.SQLITE_FULL
        store.put(seeded(1, symbol="A"))
        until_failing(store)
        store.put(seeded(1, symbol="B"))
        disk.code = None
        assert store.flush(WAITED_S)
        assert len(store.trades("A")) == len(store.trades("B")) == 1


def test_numpy_integers_are_as_good_as_ours(path: Path) -> None:
    five: Any = np.int64(5)
    with TradeStore(path, flush_ms=10) as store:
        store.put_gap(Gap("BTCUSDT", five, five + 3, five, five * 2))
        store.put_candles(candle(5000))
        store.delete_candles("BTCUSDT", five * 1000, five * 1000)
        assert store.flush()
        assert store.status().dropped == 0
        assert (len(store.gaps()), len(store.candles("BTCUSDT", 1))) == (1, 0)


def test_a_program_error_in_the_writer_is_told_and_not_waited_for(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def on_dropped(gap: Gap) -> None:
        raise RuntimeError("not expected")

    store = TradeStore(path, flush_ms=10, queue_rows=10, on_dropped=on_dropped)
    store.put(seeded(20))
    store.put(seeded(1))
    assert not store.close(WAITED_S)
    assert "restart Pairsight" in store.status().reason
    assert "the store's writer stopped" in caplog.text


def test_a_long_log_is_emptied_once_its_reader_lets_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.writer._LONG_LOG_BYTES", 1_000_000)
    log = Path(f"{path}-wal")
    with TradeStore(path, flush_ms=10) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM symbols").fetchall()
            for a in range(0, 100_000, 10_000):
                store.put(seeded(10_000, first=a))
                assert store.flush()
            assert log.stat().st_size > 5_000_000
        store.put(seeded(1, first=200_000))
        assert store.flush()
        store.put(seeded(1, first=200_001))  # housekeeping follows each transaction, so the first one's is done
        assert store.flush()
        assert log.stat().st_size < 1_000_000


def test_after_a_log_that_could_not_be_emptied_a_lock_is_waited_for_as_before(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    disk.at, disk.code = "PRAGMA wal_checkpoint", sqlite3.SQLITE_BUSY
    with TradeStore(path, flush_ms=10, connect=disk.connect) as store:
        monkeypatch.setattr("storage.writer._LONG_LOG_BYTES", 0)
        store.put(seeded(10))
        while not disk.failed:
            assert store.flush()
        monkeypatch.setattr("storage.writer._LONG_LOG_BYTES", 2**40)
        store.put(seeded(10, first=10))  # what failed is over then
        assert store.flush()
        ledger = store._writer._ledger
        assert ledger is not None
        assert ledger.connection.execute("PRAGMA busy_timeout").fetchone() == (1000,)
        assert store.counts()["BTCUSDT", 0] == 20  # the symbol that was new in the first transaction is known


def test_the_error_of_a_read_is_a_sentence(path: Path) -> None:
    from core.errors import StoreError

    with TradeStore(path) as store:
        path.unlink()
        with pytest.raises(StoreError, match="cannot be"):
            store.symbols()
    assert "malformed" in str(trouble(sqlite3.SQLITE_CORRUPT))
