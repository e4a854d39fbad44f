"""How long after a candle every watched pair has its look in the journal, and what that costs the feed.

    python -m benchmarks.engine [--pairs 200] [--rate 10000] [--seconds 60] [--timeframe 1]

The local exchange, a process of its own, trades over loopback; the whole desk collects, as ``python -m desk`` does.
First without a watched pair, then with all of them, from a database that already holds the candles a look needs.

A candle is *confirmed* when the desk receives the batch that moves the exchange's time past the candle's end by the
grace time. *Lag* is from then until the transaction with the look's row is known to be committed; it is also given
from the candle's end by the clock, which adds the grace time and the wait for the next trade. A look is *missed* when
both legs have a stored candle since the pair's first look and the journal has no row. The *age* of a batch is the
clock's time on its receipt minus the newest event time in it. Measuring begins after the candle that was under way at
the start: the stream saw a part of it only, so it comes from REST, later than any other. It begins once the looks owed
since the start are made up for, too, or a minute has passed; how long that took is told by itself.
Ends with 1 when a look was missed.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import psutil

from benchmarks.machine import goal, heading, load, table
from core.engine import EngineStatus
from core.journal import JournalRow
from core.settings import Settings
from core.types import Batch, Candles, WatchedPair
from desk.collector import Collector
from desk.intake import Intake
from desk.local_exchange import LocalExchange
from desk.watch import Key
from simulator.universe import chosen
from storage.sqlite import TradeStore

GOAL_LAG_S: Final = 1.0
GOAL_CLOCK_S: Final = 2.0  # from the end of a candle of a minute or longer, every look
HISTORY: Final = 1_600  # candles that are there at the start
SETTLE_S: Final = 3.0
FIRST_LOOKS_S: Final = 60.0
LATE_S: Final = 60.0
PROBE_S: Final = 10.0


@dataclass(slots=True)
class Run:
    """What one desk did. Times are Unix ms by our clock."""

    began_ms: int = 0
    ended_ms: int = 0
    trades: int = 0
    ages_ms: list[float] = field(default_factory=list)
    confirmed_ms: dict[int, float] = field(default_factory=dict)  # candle's end -> when it was confirmed
    committed_ms: dict[tuple[str, int], float] = field(default_factory=dict)  # pair, candle's open
    cpu_s: dict[str, float] = field(default_factory=dict)  # by thread
    rows: dict[str, list[JournalRow]] = field(default_factory=dict)
    missed: int = 0
    behind: int = 0  # times the engine said so
    start_s: float = 0.0  # from the start until every pair is looked at and none owes more than a look


class Witnessed(TradeStore):
    """A store that remembers when its looks were committed."""

    def __init__(self, path: Path, run: Run) -> None:
        super().__init__(path)
        self._run = run
        self._waiting: list[JournalRow] = []

    def put_looks(self, looks: Iterable[JournalRow]) -> bool:
        rows = list(looks)
        taken = super().put_looks(rows)
        self._waiting += rows if taken else ()
        return taken

    def settle(self, timeout_s: float) -> bool:
        waiting = list(self._waiting)
        done = super().settle(timeout_s)
        now_ms = time.time() * 1000
        if done:
            del self._waiting[: len(waiting)]
            self._run.committed_ms.update({(row.pair, row.candle_ms): now_ms for row in waiting})
        return done


@contextmanager
def witnessed_intake(run: Run, timeframe_s: int, grace_ms: int) -> Iterator[None]:
    """Note each batch's age, and when it confirmed candles."""
    real, step_ms = Intake.take, timeframe_s * 1000

    def take(self: Intake, batch: Batch) -> None:
        now_ms = time.time() * 1000
        if batch.watermark_ms:
            run.ages_ms.append(now_ms - batch.watermark_ms)
            end_ms = (batch.watermark_ms - grace_ms) // step_ms * step_ms
            if end_ms not in run.confirmed_ms:
                run.confirmed_ms[end_ms] = now_ms
        run.trades += sum(map(len, batch.records))
        real(self, batch)

    Intake.take = take  # type: ignore[method-assign]
    try:
        yield
    finally:
        Intake.take = real  # type: ignore[method-assign]


def watched(symbols: Sequence[str], count: int, timeframe_s: int) -> tuple[WatchedPair, ...]:
    """So many pairs of these symbols."""
    pairs = itertools.islice(itertools.combinations(symbols, 2), count)
    return tuple(WatchedPair(y, x, timeframe_s) for y, x in pairs)


def prefill(path: Path, symbols: Sequence[str], timeframe_s: int) -> None:
    """History up to now: walks with a common factor, so that looks have something to find."""
    rng, step_ms = np.random.default_rng(1), timeframe_s * 1000
    last = time.time_ns() // 1_000_000 // step_ms - 1
    opens = (np.arange(last - HISTORY, last) + 1) * step_ms
    market = np.cumsum(rng.normal(0, 1e-4, HISTORY))
    with TradeStore(path) as store:
        for symbol in symbols:
            price = 100.0 * np.exp(market + np.cumsum(rng.normal(0, 5e-5, HISTORY)))
            ones = np.ones(HISTORY)
            store.put_candles(
                Candles(
                    symbol, timeframe_s, opens, price, price, price, price, ones, ones.astype(np.int64),
                    np.full(HISTORY, "trades"),
                )
            )  # fmt: skip


def measured(settings: Settings, seconds: float, timeframe_s: int) -> Run:
    """Run a collector for so long."""
    run = Run()
    with witnessed_intake(run, timeframe_s, settings.grace_ms), Witnessed(settings.db, run) as store:
        collector = Collector(settings, store)
        keys = collector.engine.watches
        collector.start()
        started_s = time.monotonic()
        try:
            _wait(lambda: run.trades > 1000 and len({pair for pair, _ in run.committed_ms}) == len(keys))
            while collector.engine.status().behind and time.monotonic() < started_s + LATE_S:
                time.sleep(0.25)
            run.start_s = time.monotonic() - started_s
            _sleep_past_the_candle_begun(timeframe_s)
            run.began_ms, cpu_s = time.time_ns() // 1_000_000, _thread_times()
            run.ages_ms.clear()
            trades, end_s = run.trades, time.monotonic() + seconds
            while time.monotonic() < end_s:
                time.sleep(0.25)
                run.behind += collector.engine.status().behind
            run.ended_ms, run.trades = time.time_ns() // 1_000_000, run.trades - trades
            run.cpu_s = {name: now - cpu_s.get(name, 0.0) for name, now in _thread_times().items()}
            ages = list(run.ages_ms)
            time.sleep(SETTLE_S)  # the last candles
            collector.streams.stop()
            asked_ms, end_s = time.time_ns() // 1_000_000, time.monotonic() + LATE_S
            # What is late is not missed.
            while not _all_said(collector.engine.status(), asked_ms) and time.monotonic() < end_s:
                time.sleep(0.25)
        finally:
            collector.stop()
        run.ages_ms = ages
        for key in keys:
            _examine(store, key, run)
        collector.close()
    return run


@contextmanager
def exchange(rate: float, symbols: int) -> Iterator[tuple[str, str]]:
    """The local exchange in a process of its own: its addresses for sockets and for REST."""
    local = LocalExchange(["--rate", f"{rate:.0f}", "--symbols", str(symbols)])
    local.start()
    try:
        yield local.ws_url, local.rest_url
    finally:
        local.stop()


def settings_of(
    bases: tuple[str, str], db: Path, symbols: tuple[str, ...], watch: tuple[WatchedPair, ...] = ()
) -> Settings:
    """Of a desk at this exchange."""
    return Settings(ws_url=bases[0], rest_url=bases[1], db=db, symbols=symbols, watch=watch)


def _wait(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + FIRST_LOOKS_S
    while not true():
        if time.monotonic() > end_s:
            raise TimeoutError("not every pair has had its first look")
        time.sleep(0.1)


def _sleep_past_the_candle_begun(timeframe_s: int) -> None:
    time.sleep(timeframe_s - time.time() % timeframe_s + SETTLE_S)


def _all_said(status: EngineStatus, asked_ms: int) -> bool:
    return status.at_ms > asked_ms and not status.owed


def _thread_times() -> dict[str, float]:
    """Processor seconds of each of our threads, by name."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    return {names[t.id]: t.user_time + t.system_time for t in psutil.Process().threads() if t.id in names}


def _examine(store: TradeStore, key: Key, run: Run) -> None:
    """A pair's rows within the measured time, and what is not among them."""
    timeframe_s = key.params.timeframe_s
    rows = store.looks(key.pair, timeframe_s, key.params.key)
    y, x = (store.candles(symbol, timeframe_s) for symbol in key.symbols)
    aligned = np.intersect1d(y.open_ms, x.open_ms)
    due = aligned[(aligned >= rows[0].candle_ms) & (aligned + timeframe_s * 1000 <= run.ended_ms)]
    said = {row.candle_ms for row in rows}
    run.missed += sum(t not in said for t in due.tolist())
    step_ms = timeframe_s * 1000
    run.rows[key.pair] = [row for row in rows if run.began_ms <= row.candle_ms + step_ms <= run.ended_ms]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, compare, print."""
    args = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=(__doc__ or "").splitlines()[0])
    args.add_argument("--pairs", type=int, default=200, help="watched (200)")
    args.add_argument("--rate", type=float, default=10_000.0, help="trades a second, all symbols (10,000)")
    args.add_argument("--seconds", type=float, default=60.0, help="of each run (60)")
    args.add_argument("--timeframe", type=int, default=1, help="of the candles, seconds (1)")
    asked = args.parse_args(argv)
    count = next(n for n in itertools.count(2) if n * (n - 1) // 2 >= asked.pairs)
    symbols = tuple(listing.instrument.symbol for listing in chosen(str(count)))
    print(heading("Engine: exchange, desk and SQLite share this machine", "numpy", "msgspec"))
    with tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as name:
        alone, db = Path(name) / "alone.db", Path(name) / "watched.db"
        with exchange(asked.rate, count) as bases:
            probe = measured(settings_of(bases, Path(name) / "probe.db", symbols), PROBE_S, asked.timeframe)
        # The market's own pace varies by the hour and in bursts; what it is asked for is corrected by what it gave.
        rate = asked.rate * asked.rate * PROBE_S / max(1, probe.trades)
        with exchange(rate, count) as bases:
            bare = measured(settings_of(bases, alone, symbols), asked.seconds, asked.timeframe)
            print("without pairs:", load())
            prefill(db, symbols, asked.timeframe)
            pairs = watched(symbols, asked.pairs, asked.timeframe)
            full = measured(settings_of(bases, db, symbols, pairs), asked.seconds, asked.timeframe)
            print("with pairs:", load(), "\n")
    report(bare, full, asked.seconds, asked.timeframe)
    return 1 if full.missed else 0


def report(bare: Run, full: Run, seconds: float, timeframe_s: int) -> None:
    """The goals, one by one."""
    step_ms = timeframe_s * 1000
    looks = [row for rows in full.rows.values() for row in rows]
    by_clock = [full.committed_ms[row.pair, row.candle_ms] - row.candle_ms - step_ms for row in looks]
    lags = [
        full.committed_ms[row.pair, row.candle_ms] - full.confirmed_ms[row.candle_ms + step_ms]
        for row in looks
        if row.candle_ms + step_ms in full.confirmed_ms
    ]
    said = [row.written_ms - full.confirmed_ms.get(row.candle_ms + step_ms, np.nan) for row in looks]
    p95 = float(np.percentile(lags, 95)) / 1000
    a_look_ms = full.cpu_s.get("engine", 0.0) / max(1, len(looks)) * 1000
    old, new = _spread(bare.ages_ms), _spread(full.ages_ms)
    rows = [
        ["trades a second", f"{bare.trades / seconds:,.0f}, {full.trades / seconds:,.0f} with pairs", "", ""],
        ["looks", f"{len(looks):,} of {len(full.rows)} pairs, {len(looks) / seconds:.0f} a second", "", ""],
        ["missed", f"{full.missed:,}", "0", goal(not full.missed)],
        ["start until all are looked at in time", f"{full.start_s:.0f} s", "", ""],
        ["lag, confirmed to committed", _spread(lags), f"p95 <= {GOAL_LAG_S:g} s", goal(p95 <= GOAL_LAG_S)],
        ["confirmed to said", _spread(said), "", ""],
        _by_clock(by_clock, timeframe_s),
        ["seconds in which it was behind", f"{full.behind / 4:g}", "0", goal(not full.behind)],
        ["age of a batch, without pairs", old, "", ""],
        ["age of a batch, with pairs", new, "", ""],
        ["engine's processor time a look", f"{a_look_ms:.2f} ms", "", ""],
        *(
            [f"processor, {name}", f"{bare.cpu_s.get(name, 0.0) / seconds:.0%}, {cpu_s / seconds:.0%}", "", ""]
            for name, cpu_s in sorted(full.cpu_s.items(), key=lambda item: -item[1])[:4]
        ),
    ]  # fmt: skip
    print(table(["", "measured", "goal", ""], rows))


def _by_clock(ms: Sequence[float], timeframe_s: int) -> list[str]:
    said = ["candle's end to committed", _spread(ms)]
    if timeframe_s < 60 or not ms:
        return [*said, "", ""]
    return [*said, f"max <= {GOAL_CLOCK_S:g} s", goal(max(ms) <= GOAL_CLOCK_S * 1000)]


def _spread(ms: Sequence[float]) -> str:
    """p50 / p95 / max."""
    if not ms:
        return "none"
    return " / ".join(f"{v:,.0f}" for v in (np.nanpercentile(ms, 50), np.nanpercentile(ms, 95), np.nanmax(ms))) + " ms"


if __name__ == "__main__":
    sys.exit(main())
