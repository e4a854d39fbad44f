"""A whole desk under load and faults: does it stay small, come back, and leave no gap open?

    python -m benchmarks.soak [--minutes 20] [--rate 10000] [--fault-every 20]

The desk runs as the app runs it, looked at once a second, against the simulator in a process of its own. Every so many
seconds the next of `FAULTS` happens. One line a minute; at the end the goals, and 1 where one is missed.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from analytics.params import Params
from benchmarks.machine import goal, heading, load, table
from benchmarks.soak_size import computed_bytes
from core.errors import DataError
from core.settings import Settings
from core.types import DeskStatus
from desk.desk import Desk
from desk.local_exchange import LocalExchange
from storage.sqlite import TradeStore

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
WARM_MINUTES: Final = 5.0  # ring, caches and the screen's reports are filled by then
GROWTH: Final = 0.05
SIZE_OFF: Final = 0.2  # pages are 80 to 95 % full
REPAIR_S: Final = 180.0  # after the last fault
LOOKS: Final = (Params(timeframe_s=60), Params(timeframe_s=1))

_DROP: Final = {"do": "drop"}
FAULTS: Final[tuple[tuple[Mapping[str, object], ...], ...]] = (
    (_DROP,),
    ({"do": "garbage", "how": "json", "count": 5},),
    ({"do": "close", "code": 1008},),
    ({"do": "duplicate", "count": 500, "distance": 3},),
    ({"do": "stall"},),
    ({"do": "reorder", "count": 50, "distance": 5},),
    ({"do": "rest_status", "status": 503, "for_s": 8}, _DROP),
    ({"do": "silent", "symbol": "ETHUSDT", "for_s": 12},),
    ({"do": "na_burst", "symbol": "BTCUSDT", "count": 200}, {"do": "garbage", "how": "types", "count": 3}),
    ({"do": "cut"},),
    ({"do": "midframe"},),
    ({"do": "rest_status", "status": 429, "retry_after_s": 5, "for_s": 5}, _DROP),
    ({"do": "late", "by_ms": 1900, "for_s": 5},),
    ({"do": "oversized"},),
    ({"do": "rest_slow", "delay_s": 2, "for_s": 10}, {"do": "drop", "how": "fin"}),
    ({"do": "clock_off", "by_ms": 180_000, "for_s": 15}, {"do": "drop", "route": "market"}),
    ({"do": "refuse", "status": 503, "for_s": 4}, _DROP),
    ({"do": "garbage", "how": "utf8", "count": 5}, {"do": "garbage", "how": "binary", "count": 5}),
)


class Errors(logging.Handler):
    """Counts what is logged as an error, and keeps the first few."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0
        self.first: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1
        if len(self.first) < 5:
            self.first.append(self.format(record))


@dataclass(slots=True)
class Minute:
    """What was seen within one minute, once a second."""

    memory: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    queued: int = 0
    age_s: list[float] = field(default_factory=list)  # of the newest event, by the exchange's clock
    look_ms: list[float] = field(default_factory=list)
    records: int = 0  # received by the end of it
    cpu_s: float = 0.0


@dataclass(slots=True)
class Seen:
    """The whole run."""

    minutes: list[Minute] = field(default_factory=list)
    faults: int = 0
    repaired_s: float | None = None  # from the last fault's end until no gap was open
    records: int = 0
    seconds: float = 0.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, judge."""
    args = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").splitlines()[0])
    args.add_argument("--minutes", type=float, default=20.0)
    args.add_argument("--rate", type=int, default=10_000, help="records a second, all symbols together")
    args.add_argument("--fault-every", type=float, default=20.0, metavar="S")
    chosen = args.parse_args(argv)
    errors = Errors()
    logging.getLogger().addHandler(errors)
    print(heading("Soak: desk and simulator share this machine", "websocket-client", "msgspec", "numpy", "requests"))
    exchange = LocalExchange(["--rate", str(chosen.rate), "--symbols", str(len(SYMBOLS)), "--seed", "1"])
    exchange.start()
    try:
        with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "soak.db"
            desk = Desk(Settings(ws_url=exchange.ws_url, rest_url=exchange.rest_url, db=path, symbols=SYMBOLS))
            try:
                seen, status = soak(desk, exchange.rest_url, chosen.minutes, chosen.fault_every)
            finally:
                desk.close()
            with TradeStore.open_reader(path) as store:
                computed = computed_bytes(store)
            return report(seen, status, chosen.rate, path.stat().st_size, computed, errors)
    finally:
        exchange.stop()
        logging.getLogger().removeHandler(errors)


def soak(desk: Desk, rest_url: str, minutes: float, fault_every_s: float) -> tuple[Seen, DeskStatus]:
    """Run the desk for so long under faults, then without until no gap is open; the last status, running."""
    seen, schedule, process = Seen(), cycle(FAULTS), psutil.Process()
    desk.start()
    _wait_live(desk)
    ahead_s = _exchange_s(rest_url) - time.time()
    began = time.monotonic()
    next_fault_s, next_minute_s = began + fault_every_s, began + 60.0
    until, second = began + minutes * 60.0, began
    minute, cpu_s, before = Minute(), process.cpu_times(), desk.status().trades.records
    first = before
    print(_HEAD)
    while time.monotonic() < until:
        second += 1.0
        time.sleep(max(0.0, second - time.monotonic()))
        _look(desk, minute)
        _sample(desk, process, ahead_s, minute)
        if time.monotonic() >= next_fault_s:
            next_fault_s += fault_every_s
            _inject(rest_url, next(schedule))
            seen.faults += 1
        if time.monotonic() >= min(next_minute_s, until):
            now_cpu_s, status = process.cpu_times(), desk.status()
            minute.cpu_s = now_cpu_s.user + now_cpu_s.system - cpu_s.user - cpu_s.system
            minute.records, before = status.trades.records - before, status.trades.records
            seen.minutes.append(minute)
            print(_line(seen, status, time.monotonic() - (next_minute_s - 60.0)), flush=True)
            minute, cpu_s, next_minute_s = Minute(), now_cpu_s, next_minute_s + 60.0
    seen.seconds, seen.records = time.monotonic() - began, desk.status().trades.records - first
    ended = time.monotonic()
    while time.monotonic() - ended < REPAIR_S:
        if not desk.status().gaps_open:
            seen.repaired_s = time.monotonic() - ended
            break
        time.sleep(0.5)
    return seen, desk.status()


def _wait_live(desk: Desk) -> None:
    deadline = time.monotonic() + 30.0
    while desk.status().trades.watermark_ms == 0 and time.monotonic() < deadline:
        time.sleep(0.1)


def _exchange_s(rest_url: str) -> float:
    """The simulator's clock; its own words, since REST's are subject to faults."""
    with urllib.request.urlopen(f"{rest_url}/simulator/status", timeout=10.0) as answer:
        return float(json.load(answer)["now_ms"]) / 1000


def _look(desk: Desk, minute: Minute) -> None:
    """What a screen does."""
    for params in LOOKS:
        began = time.perf_counter()
        try:
            desk.look("ETHUSDT", "BTCUSDT", params)
            desk.live("ETHUSDT", "BTCUSDT", params)
        except DataError:
            continue
        minute.look_ms.append((time.perf_counter() - began) * 1000)


def _sample(desk: Desk, process: psutil.Process, ahead_s: float, minute: Minute) -> None:
    status = desk.status()
    minute.memory.append(process.memory_info().rss)
    minute.threads.append(threading.active_count())
    minute.queued = max(minute.queued, status.store.queued)
    minute.age_s.append(time.time() + ahead_s - status.trades.watermark_ms / 1000)


def _inject(rest_url: str, faults: Sequence[Mapping[str, object]]) -> None:
    request = urllib.request.Request(f"{rest_url}/simulator/faults", data=json.dumps(faults).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=10.0) as answer:
        answer.read()


_HEAD: Final = (
    f"{'minute':>6} {'faults':>6} {'records/s':>10} {'memory MiB':>10} {'threads':>7} {'CPU %':>6} {'waiting':>8}"
    f" {'age s':>6} {'look ms':>8} {'reconnects':>10} {'gaps open':>9} {'repaired':>8} {'lost':>6} {'load':>6}"
)


def _line(seen: Seen, status: DeskStatus, seconds: float) -> str:
    m = seen.minutes[-1]
    look = f"{median(m.look_ms):.0f}" if m.look_ms else "-"
    return (
        f"{len(seen.minutes):>6} {seen.faults:>6} {m.records / seconds:>10,.0f} {median(m.memory) / 2**20:>10.1f}"
        f" {max(m.threads):>7} {100 * m.cpu_s / seconds:>6.0f} {m.queued:>8,} {median(m.age_s):>6.2f} {look:>8}"
        f" {status.trades.reconnects:>10} {status.gaps_open:>9} {status.gaps_repaired:>8} {status.gaps_lost:>6}"
        f" {load().split()[-1]:>6}"
    )


def report(seen: Seen, status: DeskStatus, rate: int, size: int, computed: Mapping[str, float], errors: Errors) -> int:
    """The goals, one by one; 1 where one is missed."""
    at = min(int(WARM_MINUTES), len(seen.minutes) // 2)
    warm, end = median(seen.minutes[at].memory), median(seen.minutes[-1].memory)
    growth, expected = end / warm - 1, sum(computed.values())
    threads = max(seen.minutes[-1].threads) - max(seen.minutes[at].threads)
    rows = [
        ("received", f"{seen.records / seen.seconds:,.0f} records/s", f"{rate:,} sent", None),
        (f"memory after minute {at}", f"{growth:+.1%}", f"< {GROWTH:.0%}", growth < GROWTH),
        ("threads since then", f"{threads:+d}", "0", threads <= 0),
        ("gaps open at the end", str(status.gaps_open), "0", status.gaps_open == 0),
        ("last gap repaired after", "-" if seen.repaired_s is None else f"{seen.repaired_s:.1f} s", "", None),
        ("gaps repaired, lost", f"{status.gaps_repaired}, {status.gaps_lost}", "", None),
        ("rows dropped by the store", str(status.store.dropped), "0", status.store.dropped == 0),
        ("database", f"{size / 1e6:,.1f} MB", f"{expected / 1e6:,.1f} MB", abs(size / expected - 1) < SIZE_OFF),
        ("errors logged", str(errors.count), "0", errors.count == 0),
    ]
    print(
        "\n" + table(["", "measured", "goal", ""], [[*row[:3], "" if row[3] is None else goal(row[3])] for row in rows])
    )
    print("computed:", ", ".join(f"{what} {bytes_ / 1e6:,.1f} MB" for what, bytes_ in computed.items()))
    for sentence in errors.first:
        print("ERROR:", sentence)
    return 1 if any(row[3] is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
