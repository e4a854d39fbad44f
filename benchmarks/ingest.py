"""How many trades a second reach the database, beside a bare receive loop and beside the usual recipe.

    python -m benchmarks.ingest [--seconds 60] [--rounds 5] [--round-seconds 4]

A process of its own sends trade frames over loopback as fast as they are taken (`benchmarks.sender`). In turn:
``bare``, websocket-client's ``recv()`` in a loop that decodes nothing; ``whole``, feed, decoding, continuity, ring,
candles and store as the collector wires them, until the last trade is committed; ``recipe``, ``json.loads``, one
INSERT and one commit a trade. Then ``whole`` once more without a pause, and every row and candle it has stored is
compared with what was sent. Ends with 1 when anything was lost or differs.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import psutil
import websocket

from benchmarks.ingest_truth import wrong_candles, wrong_trades
from benchmarks.machine import goal, heading, load, table
from benchmarks.sender import BLOCK, SYMBOLS, Frames, Sender
from core.settings import Settings
from core.types import Batch, Gap, Ticks
from desk.holes import Hole
from desk.intake import Intake
from ingestion import binance
from ingestion.feed import Feed
from ingestion.transport import connect
from storage.ring import Ring
from storage.sqlite import TradeStore

GOAL_PER_S: Final = 70_000
GOAL_BARE: Final = 0.65
GOAL_RECIPE: Final = 50.0
FLAT: Final = 0.05  # growth of resident memory
SETTLE_S: Final = 60.0  # to receive and write what was sent


def bare(sender: Sender, seconds: float) -> float:
    """Frames a second that the library's own receive loop takes, decoding nothing."""
    ws = websocket.create_connection(sender.base(0, seconds + 5) + "/stream", skip_utf8_validation=True)
    began, frames = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        for _ in range(100):
            ws.recv()
        frames += 100
    ws.close(timeout=0)
    sender.sent(SETTLE_S)
    return frames / passed


def recipe(sender: Sender, folder: Path, seconds: float) -> float:
    """Trades a second with one INSERT and one commit each, SQLite as it comes."""
    ws = websocket.create_connection(sender.base(0, seconds + 5) + "/stream")
    with closing(sqlite3.connect(folder / "recipe.db")) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS trades (symbol TEXT, id INTEGER, ms INTEGER, price REAL, qty REAL)"
        )
        began, trades = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < seconds:
            t = json.loads(ws.recv())["data"]
            row = (t["s"], t["t"], t["T"], float(t["p"]), float(t["q"]))
            connection.execute("INSERT INTO trades VALUES (?, ?, ?, ?, ?)", row)
            connection.commit()
            trades += 1
    ws.close(timeout=0)
    sender.sent(SETTLE_S)
    return trades / passed


@dataclass(slots=True)
class Run:
    """One connection of the whole way."""

    sent: int  # trades
    stored_s: float  # from the open line to the last commit
    cpu_s: float
    memory: list[int] = field(default_factory=list)  # resident bytes, once a second
    queued: int = 0  # most rows that waited for the writer

    @property
    def per_s(self) -> float:
        return self.sent / self.stored_s


class Unmended:
    """Stands where repair would, and remembers what there would be to do."""

    def __init__(self, gaps: list[Gap]) -> None:
        self._gaps = gaps

    def gap(self, gap: Gap) -> None:
        self._gaps.append(gap)

    def latecomers(self, ticks: Ticks) -> None: ...
    def healed(self, gap: Gap) -> None: ...
    def holes(self, holes: list[Hole]) -> None: ...
    def started(self, symbol: str, first_ms: int) -> None: ...


class Whole:
    """The way of a trade from socket to disk, as the collector wires it; without repair and looks."""

    def __init__(self, path: Path) -> None:
        settings = Settings()
        self.gaps: list[Gap] = []
        self.store = TradeStore(path, flush_ms=settings.flush_ms, queue_rows=settings.queue_rows)
        self.intake = Intake(
            Ring(settings.ring_trades),
            self.store,
            Unmended(self.gaps),
            grace_ms=settings.grace_ms,
            on_confirmed=lambda: None,
        )
        for symbol in SYMBOLS:
            self.intake.add(symbol, None, None)
        self.grace_ms = settings.grace_ms
        self.blocks = 0  # sent so far
        self.received = 0
        self._up_s = 0.0

    def run(self, sender: Sender, seconds: float) -> Run:
        """Receive for so long, then until everything sent is committed."""
        base, target = sender.base(self.blocks, seconds), None
        feed = Feed(
            "feed-trades",
            wire=binance,
            base=base,
            route="/public",
            connect=connect,
            on_batch=self._take,
            on_line_up=self._line_up,
        )
        feed.subscribe(SYMBOLS, "trade")
        run, process, cpu_s = Run(0, 0.0, 0.0), psutil.Process(), time.process_time()
        feed.start()
        while target is None:
            target = sender.sent(1.0)
            run.memory.append(process.memory_info().rss)
            run.queued = max(run.queued, self.store.status().queued)
        deadline = time.perf_counter() + SETTLE_S
        while self.received < target * BLOCK and time.perf_counter() < deadline:
            time.sleep(0.005)
        self.store.flush(SETTLE_S)
        run.stored_s, run.cpu_s = time.perf_counter() - self._up_s, time.process_time() - cpu_s
        feed.stop()
        run.sent, self.blocks = (target - self.blocks) * BLOCK, target
        return run

    def _line_up(self) -> None:
        self._up_s = time.perf_counter()

    def _take(self, batch: Batch) -> None:
        self.intake.take(batch)
        self.received += sum(map(len, batch.records))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, compare, print."""
    args = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=(__doc__ or "").splitlines()[0])
    args.add_argument("--seconds", type=float, default=60.0, help="of the sustained run (60)")
    args.add_argument("--rounds", type=int, default=5, help="alternations of the three ways (5)")
    args.add_argument("--round-seconds", type=float, default=4.0, help="of each way in a round (4)")
    chosen = args.parse_args(argv)
    print(heading("Ingest: sender, receiver and SQLite share this machine", "websocket-client", "msgspec", "numpy"))
    start_ms = time.time_ns() // 60_000_000_000 * 60_000
    with (
        tempfile.TemporaryDirectory(prefix="ingest-", ignore_cleanup_errors=True) as name,
        Sender(start_ms) as sender,
    ):
        folder = Path(name)
        whole = Whole(folder / "store.db")
        ratios = rounds(whole, sender, folder, chosen.rounds, chosen.round_seconds)
        print(f"\nSustained, {chosen.seconds:g} s without a pause; {load()} before")
        run = whole.run(sender, chosen.seconds)
        print(load(), "after\n")
        wrong = verified(whole, Frames(start_ms))
        report(whole, run, ratios, wrong)
        whole.store.close()
    return 1 if wrong else 0


def rounds(whole: Whole, sender: Sender, folder: Path, count: int, seconds: float) -> tuple[float, float]:
    """The three ways in turn; returns the median ratios to the bare loop and to the recipe."""
    rows: list[list[str]] = []
    rates: list[tuple[float, float, float]] = []
    whole.run(sender, min(1.0, seconds))  # the first seconds of a process are slower
    for number in range(count):
        rates.append((bare(sender, seconds), whole.run(sender, seconds).per_s, recipe(sender, folder, seconds)))
        b, w, r = rates[-1]
        rows.append([str(number + 1), f"{b:,.0f}", f"{w:,.0f}", f"{r:,.0f}", f"{w / b:.2f}", f"{w / r:,.0f}", load()])
    ratios = median(w / b for b, w, _ in rates), median(w / r for _, w, r in rates)
    middle = [f"{median(way):,.0f}" for way in zip(*rates, strict=True)]
    rows.append(["median", *middle, f"{ratios[0]:.2f}", f"{ratios[1]:,.0f}", ""])
    head = ["round", "bare frames/s", "whole trades/s", "recipe trades/s", "whole / bare", "whole / recipe", ""]
    print(table(head, rows))
    return ratios


def verified(whole: Whole, frames: Frames) -> list[str]:
    """What differs between the sequence and the database, as sentences."""
    status = whole.store.status()
    wrong = [f"{status.dropped} rows dropped by the store"] if status.dropped else []
    wrong += [f"gap of {gap.symbol} after id {gap.after_id}" for gap in whole.gaps]
    wrong += wrong_trades(Path(status.path), frames, whole.blocks)
    return wrong + wrong_candles(whole.store, frames, whole.blocks, whole.intake.watermark_ms - whole.grace_ms)


def report(whole: Whole, run: Run, ratios: tuple[float, float], wrong: list[str]) -> None:
    """The goals, one by one."""
    status, stored = whole.store.status(), whole.blocks * BLOCK
    warm, end = _memory(run.memory)
    growth = end / warm - 1
    rows = [
        ["sustained rate", f"{run.per_s:,.0f} trades/s", f">= {GOAL_PER_S:,}", goal(run.per_s >= GOAL_PER_S)],
        ["to the bare loop", f"{ratios[0]:.2f}", f">= {GOAL_BARE}", goal(ratios[0] >= GOAL_BARE)],
        ["to a commit a trade", f"{ratios[1]:,.0f}", f">= {GOAL_RECIPE:g}", goal(ratios[1] >= GOAL_RECIPE)],
        ["lost or different", str(len(wrong)), f"0 of {stored:,} trades", goal(not wrong)],
        [
            "resident memory",
            f"{warm / 2**20:.0f} -> {end / 2**20:.0f} MiB, {growth:+.1%}",
            f"< {FLAT:.0%}",
            goal(growth < FLAT),
        ],
        ["processor of the receiver", f"{run.cpu_s / run.sent * 1e6:.1f} us a trade", "", ""],
        ["most rows waiting", f"{run.queued:,}", f"of {Settings().queue_rows:,}", ""],
        ["database", f"{status.size_bytes / stored:.0f} bytes a trade", "", ""],
    ]
    print(table(["", "measured", "goal", ""], rows))
    for sentence in wrong[:20]:
        print("WRONG:", sentence)


def _memory(samples: list[int]) -> tuple[float, float]:
    """After the first sixth, which fills ring, queue and caches, and at the end."""
    some = max(1, len(samples) // 8)
    at = len(samples) // 6
    return median(samples[at : at + some]), median(samples[-some:])


if __name__ == "__main__":
    sys.exit(main())
