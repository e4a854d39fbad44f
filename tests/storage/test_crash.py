"""A process killed at any moment: the file is whole, and no more is missing than one flush interval held."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.sqlite import TradeStore
from tests.storage.samples import seeded

ROOT = Path(__file__).parents[2]
FLUSH_MS = 50
LOT = 200

# Stores trades, and candles beside them, as fast as it can; prints each id that it saw committed.
COLLECTOR = f"""
import sys
from tests.storage.samples import seeded
from tests.storage.test_contract import candles
from storage.sqlite import TradeStore

store = TradeStore(sys.argv[1], flush_ms={FLUSH_MS})
last = store.last_trade("BTCUSDT")
first = last.trade_id + 1 if last else 0
print("ready", flush=True)
while True:
    for _ in range(20):
        store.put(seeded({LOT}, first=first))
        store.put_candles(candles(first * 60_000))
        first += {LOT}
    store.flush()
    print(first - 1, flush=True)
"""


def run_until_killed(path: Path, lots: int) -> int:
    """Collect, kill the collector once it has said so many lots, and return the last id it knew to be stored."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", COLLECTOR, str(path)], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        said = [int(process.stdout.readline()) for _ in range(lots)]
        process.kill()
        said += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    return said[-1]


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_collector_leaves_a_whole_file_and_everything_it_had_committed(tmp_path: Path, seed: int) -> None:
    path, rng = tmp_path / "store.db", random.Random(seed)
    for _ in range(2):
        stored = run_until_killed(path, rng.randint(1, 12))
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with TradeStore(path) as store:  # the lock died with its holder
            trades = store.trades("BTCUSDT")
            assert int(trades.trade_id[-1]) >= stored
            assert trades.trade_id.tolist() == list(range(len(trades)))  # nothing before the end is missing
            assert len(trades) % LOT == 0  # a transaction is whole
            for first in range(0, len(trades), LOT):
                assert (trades.price[first : first + LOT] == seeded(LOT, first=first).price).all()
            assert store.counts() == {("BTCUSDT", 0): len(trades), ("BTCUSDT", 60): len(store.candles("BTCUSDT", 60))}
