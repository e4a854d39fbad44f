"""How trades are best handed to SQLite: ``python -m benchmarks.store [--rows N]``.

Three ways write the same trades in transactions of the same size: alone, and beside a thread that stands for the one
that receives (it computes, and lets the interpreter lock go only when asked for it). Printed as rates and as ratios
to ``executemany``; and what each row costs the receiving thread, in microseconds of its own time.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from core.types import Ticks
from storage.connect import connect_writer
from storage.schema import migrate
from storage.work import Ledger, PutTrades

BATCH = 17_500  # 250 ms at 70,000 trades a second
Way = Callable[[sqlite3.Connection, Ticks], None]


def executemany(connection: sqlite3.Connection, t: Ticks) -> None:
    """One call, one step of SQLite a row: the interpreter lock changes hands at every row."""
    rows = zip(
        [1] * len(t),
        t.trade_id.tolist(),
        t.first_id.tolist(),
        t.ts_ms.tolist(),
        t.price.tolist(),
        t.qty.tolist(),
        t.buyer_is_maker.tolist(),
        strict=True,
    )
    connection.executemany("INSERT OR IGNORE INTO trades VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def json_each(connection: sqlite3.Connection, t: Ticks) -> None:
    """One statement a batch, the rows as JSON text that SQLite parses."""
    rows = list(
        zip(
            t.trade_id.tolist(),
            t.first_id.tolist(),
            t.ts_ms.tolist(),
            t.price.tolist(),
            t.qty.tolist(),
            t.buyer_is_maker.astype(np.int8).tolist(),
            strict=True,
        )
    )
    connection.execute(
        "INSERT OR IGNORE INTO trades SELECT 1, value->>0, value->>1, value->>2, value->>3, value->>4, value->>5"
        " FROM json_each(?)",
        (msgspec.json.encode(rows).decode(),),
    )


def many_rows(connection: sqlite3.Connection, t: Ticks) -> None:
    """The store's own way: one statement for thousands of rows, bound as they are."""
    PutTrades(t).do(Ledger(connection))


WAYS: dict[str, Way] = {"executemany": executemany, "json_each": json_each, "many rows": many_rows}


def made(n: int) -> Ticks:
    """Seeded trades."""
    rng = np.random.default_rng(1)
    ids = np.arange(n)
    return Ticks(
        "BTCUSDT",
        ids,
        ids,
        1_700_000_000_000 + np.cumsum(rng.integers(0, 40, n)),
        np.round(64_000 + np.cumsum(rng.normal(0, 1, n)), 1),
        np.round(rng.exponential(0.1, n) + 0.001, 3),
        rng.random(n) < 0.5,
    )


class Busy:
    """A thread that computes without pause, and counts."""

    def __init__(self) -> None:
        self.count = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._done.is_set():
            sum(range(100))
            self.count += 1

    def __enter__(self) -> Busy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def rate(way: Way, ticks: Ticks) -> float:
    """Rows a second into a new file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        with closing(connect_writer(path)) as connection:
            migrate(connection, path)
            connection.execute("INSERT INTO symbols VALUES (1, 'BTCUSDT')")
            started = time.perf_counter()
            for a in range(0, len(ticks), BATCH):
                connection.execute("BEGIN IMMEDIATE")
                way(connection, ticks.take(slice(a, a + BATCH)))
                connection.execute("COMMIT")
            seconds = time.perf_counter() - started
            (stored,) = connection.execute("SELECT count(*) FROM trades").fetchone()
            assert stored == len(ticks)
    return len(ticks) / seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    rows = parser.parse_args().rows
    with Busy() as busy:
        time.sleep(0.5)
    alone = busy.count / 0.5
    print(f"{'way':12}{'alone /s':>12}{'ratio':>8}{'beside /s':>12}{'ratio':>8}{'cost beside us/row':>20}")
    base: tuple[float, float] | None = None
    for name, way in WAYS.items():
        quiet = rate(way, made(rows))
        beside = made(rows // 10)  # executemany is very slow there
        with Busy() as busy:
            started = time.perf_counter()
            loud = rate(way, beside)
            seconds = time.perf_counter() - started
            cost_us = (1 - busy.count / seconds / alone) * seconds / len(beside) * 1e6
        base = base or (quiet, loud)
        print(f"{name:12}{quiet:12,.0f}{quiet / base[0]:8.2f}{loud:12,.0f}{loud / base[1]:8.2f}{cost_us:20.2f}")


if __name__ == "__main__":
    main()
