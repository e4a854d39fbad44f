"""Reading follows the window, not the history: every read is a range scan of a key or an index."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import StoreError
from core.types import Candles
from storage.reader import StoreReader
from storage.sqlite import TradeStore
from tests.storage.samples import seeded


class Spy(StoreReader):
    """Keeps the statements that reads make."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        self.asked.append((sql, values))
        return super()._rows(sql, *values)

    def _columns(self, sql: str, row: np.dtype[np.void], *values: object) -> list[NDArray[Any]]:
        self.asked.append((sql, values))
        return super()._columns(sql, row, *values)


READS = {
    "newest candles": lambda s: s.candles("BTCUSDT", 60, limit=300),
    "candles before": lambda s: s.candles("BTCUSDT", 60, limit=300, to_ms=10**12),
    "candles of a range": lambda s: s.candles("BTCUSDT", 60, from_ms=0, to_ms=10**12),
    "trades of a range": lambda s: s.trades("BTCUSDT", from_ms=0, to_ms=10**12),
    "newest trades of a range": lambda s: s.trades("BTCUSDT", from_ms=0, to_ms=10**12, limit=10),
    "trades between ids": lambda s: s.trades("BTCUSDT", after_id=5, before_id=9),
    "last trade": lambda s: s.last_trade("BTCUSDT"),
    "looks": lambda s: s.looks("BTCUSDT/ETHUSDT", 60, "key", limit=20),
    "open gaps": lambda s: s.gaps(state="open"),
    "gaps of a symbol": lambda s: s.gaps("BTCUSDT", from_ms=10**12),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reader") / "store.db"
    with TradeStore(path) as store:
        store.put(seeded(100))
    return path


@pytest.mark.parametrize("read", READS)
def test_no_read_scans_or_sorts_a_table(path: Path, read: str) -> None:
    with Spy(path) as spy, closing(sqlite3.connect(path)) as database:
        READS[read](spy)
        ((sql, values),) = spy.asked
        plan = [detail for *_, detail in database.execute("EXPLAIN QUERY PLAN " + sql, values)]
    assert not [step for step in plan if step.startswith("SCAN")], plan
    if not read.endswith("gaps"):  # open gaps are few: they may be sorted
        assert not [step for step in plan if "TEMP B-TREE" in step], plan
    ranges = [step for step in plan if any(f"{key}>" in step or f"{key}<" in step for key in ("ts_ms", "trade_id"))]
    assert ranges or "trade" not in read, plan


def steps(path: Path, read: Any) -> int:
    """How many thousand instructions of SQLite's machine a read takes."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    with StoreReader(path) as reader:
        with reader._pool.connection() as connection:
            connection.set_progress_handler(tick, 50)
        read(reader)
    return count


def test_a_refresh_costs_the_same_whatever_is_stored(tmp_path: Path) -> None:
    """Counted in SQLite's own steps, not in time."""
    refresh = [
        lambda r: r.candles("BTCUSDT", 1, limit=300),
        lambda r: r.last_trade("BTCUSDT"),
        lambda r: r.trades("BTCUSDT", from_ms=1_700_000_000_000, to_ms=1_700_000_001_000),
        lambda r: r.counts(),
    ]
    costs = []
    for rows in (1_000, 100_000):
        path = tmp_path / f"{rows}.db"
        with TradeStore(path) as store:
            store.put(seeded(rows))
            n = rows // 2
            ones = np.ones(n)
            store.put_candles(
                Candles("BTCUSDT", 1, np.arange(n) * 1000, *(ones,) * 5, np.ones(n, np.int64), np.full(n, "trades"))
            )
        costs.append([steps(path, read) for read in refresh])
    assert costs[0] == costs[1]


def test_every_thread_may_read_and_connections_are_few(path: Path) -> None:
    """Streamlit runs each script in a new thread: a connection a thread would never end."""
    with StoreReader(path) as reader:
        for _ in range(5):
            with ThreadPoolExecutor(20) as threads:
                sizes = threads.map(lambda _: len(reader.trades("BTCUSDT")), range(100))
                assert set(sizes) == {100}
        assert len(reader._pool._idle) <= 8


def test_a_read_sees_one_committed_state(tmp_path: Path) -> None:
    """Trades come in lots of ten; no read may see a part of one."""
    done = threading.Event()
    with TradeStore(tmp_path / "store.db", flush_ms=1) as store:
        torn: list[int] = []

        def read() -> None:
            while not done.is_set():
                if (n := len(store.trades("BTCUSDT"))) % 10:
                    torn.append(n)

        reader = threading.Thread(target=read)
        reader.start()
        for a in range(0, 3000, 10):
            store.put(seeded(10, first=a))
        assert store.flush()
        done.set()
        reader.join()
    assert not torn


def test_a_reader_cannot_write(path: Path) -> None:
    with StoreReader(path) as reader, pytest.raises(StoreError, match="may not be written"):
        reader._rows("DELETE FROM trades")
