"""What one refresh of the screen costs: reading it from a small and from a large database, and analysing a pair.

    python -m benchmarks.refresh [--trades 10000000] [--repeats 200]

Two databases with the same newest hour, one of 10,000 trades and one of so many, are read in turn: candles of both
legs, newest trades, gaps, looks. Then a full report with the record's update, and a record from scratch, beside the
same numbers from statsmodels called window by window. Ends with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant
from statsmodels.tsa.stattools import coint

from analytics.params import Params
from analytics.record import advance, record_of
from analytics.report import analyse
from benchmarks.machine import goal, heading, load, table
from benchmarks.refresh_store import LEGS, LOOKS_OF, PAIR, build
from benchmarks.rule_markets import reverting
from core.types import Candles, Floats
from desk.basis import PRINTS
from desk.watch import SCREEN_ROWS
from storage.reader import StoreReader

SMALL: Final = 10_000  # trades
JOURNAL_ROWS: Final = 500
RATIO: Final = 1.3
REPORT_MS: Final = 5.0
RECORD_MS: Final = 1_000.0
RECORD_DAYS: Final = 60


def main(argv: Sequence[str] | None = None) -> int:
    """Build, measure, print."""
    args = argparse.ArgumentParser(prog="python -m benchmarks.refresh", description=(__doc__ or "").splitlines()[0])
    args.add_argument("--trades", type=int, default=10_000_000, help="stored in the large database")
    args.add_argument("--repeats", type=int, default=200, help="reads of each database")
    chosen = args.parse_args(argv)
    print(heading("Refresh", "numpy", "pandas", "scipy", "statsmodels"))
    with tempfile.TemporaryDirectory(prefix="refresh-", ignore_cleanup_errors=True) as folder:
        held = reading(Path(folder), chosen.trades, chosen.repeats)
    return 0 if analysing(chosen.repeats) and held else 1


# Reading


def reads(store: StoreReader, params: Params) -> dict[str, Callable[[], object]]:
    """What a refresh reads, by name."""
    timeframe_s, bars = params.timeframe_s, params.need_bars + SCREEN_ROWS
    newest = store.candles(LEGS[0], timeframe_s, limit=bars)
    assert len(newest) == bars, "the small database must hold what a look needs"
    first_ms, end_ms = int(newest.open_ms[0]), int(newest.open_ms[-1]) + timeframe_s * 1000
    return {
        f"{bars} candles of both legs": lambda: [store.candles(s, timeframe_s, limit=bars) for s in LEGS],
        f"{PRINTS} trades of both legs": lambda: [store.trades(s, to_ms=end_ms, limit=PRINTS) for s in LEGS],
        "gaps, and how many": lambda: ([store.gaps(s, from_ms=first_ms) for s in LEGS], store.gap_counts()),
        f"{JOURNAL_ROWS} looks": lambda: store.looks(PAIR, timeframe_s, LOOKS_OF, limit=JOURNAL_ROWS),
    }


def reading(folder: Path, trades: int, repeats: int) -> bool:
    """Both databases in turn."""
    paths = {SMALL: folder / "small.db", trades: folder / "large.db"}
    for count, path in paths.items():
        began = time.perf_counter()
        build(path, count)
        print(f"{count:>12,} trades: {path.stat().st_size / 1e6:,.1f} MB, built in {time.perf_counter() - began:.0f} s")
    rows, held = [], True
    with StoreReader.open_reader(paths[SMALL]) as small, StoreReader.open_reader(paths[trades]) as large:
        for timeframe_s in (1, 60):
            params = Params(timeframe_s=timeframe_s)
            ways = [reads(store, params) for store in (small, large)]
            whole = [0.0, 0.0]
            for name in ways[0]:
                ms = alternately([way[name] for way in ways], repeats)
                whole = [whole[0] + ms[0], whole[1] + ms[1]]
                rows.append([f"{timeframe_s} s: {name}", *_pair(ms), "", ""])
            kept = whole[1] / whole[0] <= RATIO
            rows.append([f"{timeframe_s} s: one refresh", *_pair(whole), f"<= {RATIO}", goal(kept)])
            held = held and kept
    print(f"\nMedian of {repeats} reads of each, in turn")
    print(table(["read", f"{SMALL:,} ms", f"{trades:,} ms", "ratio", "goal", ""], rows))
    return held


def alternately(ways: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median milliseconds of each way, taken in turn so that a busy machine slows all of them alike."""
    times: list[list[float]] = [[] for _ in ways]
    for number in range(repeats + 2):
        for way, into in zip(ways, times, strict=True):
            began = time.perf_counter()
            way()
            if number > 1:  # the first ones fill caches
                into.append((time.perf_counter() - began) * 1000)
    return [median(each) for each in times]


def _processor_ms(way: Callable[[], object], repeats: int) -> float:
    """Median milliseconds of processor time: what others do on the machine counts less in it."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        way()
        times.append((time.process_time() - began) * 1000)
    return median(times)


def _pair(ms: Sequence[float]) -> list[str]:
    return [f"{ms[0]:.2f}", f"{ms[1]:.2f}", f"{ms[1] / ms[0]:.2f}"]


# Analysing


def analysing(repeats: int) -> bool:
    """Report and record, beside a loop over statsmodels."""
    minute = Params(timeframe_s=60)
    y, x = _legs(60, minute.need_bars + SCREEN_ROWS + 1)
    before = slice(0, len(y) - 1), slice(1, len(y))
    record = record_of(analyse(y.take(before[0]), x.take(before[0]), minute))
    newest = y.take(before[1]), x.take(before[1])

    def report() -> object:
        return advance(record, analyse(*newest, minute))

    five = Params(timeframe_s=300)
    long_y, long_x = _legs(300, RECORD_DAYS * 288)

    def scratch() -> object:
        return record_of(analyse(long_y, long_x, five))

    rows, held = [], True
    for name, way, params, bars, limit_ms, times in (
        ("report, record advanced by one candle", report, minute, len(newest[0]), REPORT_MS, repeats),
        (f"record of {RECORD_DAYS} days from scratch", scratch, five, len(long_y), RECORD_MS, max(3, repeats // 10)),
    ):
        windows = bars - params.fit_bars + 1
        window = np.log(long_y.close[: params.fit_bars]), np.log(long_x.close[: params.fit_bars])
        ms, one = alternately([way, partial(_statsmodels, *window)], times)
        cpu_ms = _processor_ms(way, times)
        kept = ms <= limit_ms
        rows.append(
            [
                *(name, f"{params.timeframe_s} s", f"{params.fit_bars}", f"{windows:,}"),
                *(f"{ms:,.2f}", f"<= {limit_ms:,g}", goal(kept), f"{cpu_ms:,.2f}"),
                *(f"{one:.2f}", f"{one * windows:,.0f}", f"{one * windows / ms:,.0f}"),
            ]
        )
        held = held and kept
    print(f"\nMedians, in turn; statsmodels: OLS and coint of one window, times the windows there are; {load()}")
    head = [
        "",
        "timeframe",
        "N",
        "windows",
        "ms",
        "goal ms",
        "",
        "processor ms",
        "statsmodels, one ms",
        "all ms",
        "ratio",
    ]
    print(table(head, rows))
    return held


def _legs(timeframe_s: int, bars: int) -> tuple[Candles, Candles]:
    """Candles of a pair that reverts."""
    log_y, log_x = reverting(20)(np.random.default_rng(1), 1, bars)
    return _candles(LEGS[0], timeframe_s, np.exp(log_y[0])), _candles(LEGS[1], timeframe_s, np.exp(log_x[0]))


def _candles(symbol: str, timeframe_s: int, close: Floats) -> Candles:
    n = len(close)
    open_ms, ones = 1_764_028_800_000 + np.arange(n) * timeframe_s * 1000, np.ones(n)
    kind = np.full(n, "kline")
    return Candles(symbol, timeframe_s, open_ms, close, close, close, close, ones, ones.astype(np.int64), kind)


def _statsmodels(log_y: Floats, log_x: Floats) -> object:
    """A row's fit and test, the way most would write it."""
    fit = OLS(log_y, add_constant(log_x)).fit()
    return fit.params, fit.bse, fit.resid[-1], coint(log_y, log_x, trend="c", maxlag=2, autolag=None)


if __name__ == "__main__":
    sys.exit(main())
