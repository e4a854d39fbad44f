"""Whether a scan of the whole market each minute slows the Decision page down, and how soon a minute is scanned.

    python -m benchmarks.scan_live [--symbols 100] [--rate 300] [--minutes 3]

The simulator runs as a process of its own; the desk, the scan and the page's script run share this one. A page is one
whole run of the script, all panels, without a browser; a reading is what its fragments ask of the desk. Both are
repeated for some minutes before the market is streamed and for as many while it is. Ends with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from streamlit.testing.v1 import AppTest

from analytics.market import MarketRule
from analytics.params import Params
from benchmarks.machine import goal, heading, table
from core.settings import Settings
from desk.desk import Desk
from desk.local_exchange import LocalExchange

EVERY_S: Final = 0.5  # as the page's own fragments
PAGE_EVERY: Final = 8  # readings
SLOWER: Final = 1.25  # a median beyond this is called slower
LATE_S: Final = 8.0  # the exchange closes a minute some 2 s after its end
PARAMS: Final = Params()
PAIR: Final = ("ETHUSDT", "BTCUSDT")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure before and during, print both."""
    args = argparse.ArgumentParser(prog="python -m benchmarks.scan_live", description=(__doc__ or "").splitlines()[0])
    args.add_argument("--symbols", type=int, default=100, help="that the simulated exchange lists")
    args.add_argument("--rate", type=float, default=300.0, help="trades a second, all symbols together")
    args.add_argument("--minutes", type=float, default=3.0, help="measured before, and again during")
    chosen = args.parse_args(argv)
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    print(heading("A scan of the market each minute beside the Decision page", "streamlit", "numpy"))
    exchange = LocalExchange(["--symbols", str(chosen.symbols), "--rate", str(chosen.rate)])
    exchange.start()
    try:
        with tempfile.TemporaryDirectory(prefix="scan-live-", ignore_cleanup_errors=True) as folder:
            desk = Desk(
                Settings(
                    ws_url=exchange.ws_url, rest_url=exchange.rest_url, db=Path(folder) / "live.db", symbols=PAIR[::-1]
                )
            )
            desk.start()
            try:
                return report(desk, chosen.symbols, 60.0 * chosen.minutes)
            finally:
                desk.close()
    finally:
        exchange.stop()


def report(desk: Desk, symbols: int, span_s: float) -> int:
    """Both spans, one under the other."""
    until(lambda: desk.look(*PAIR, PARAMS).report.have_bars >= PARAMS.need_bars and not desk.status().warmup)
    before = measure(desk, span_s, lambda: None)
    rule = MarketRule(most=max(2, min(symbols, 400)))
    began = time.perf_counter()
    until(lambda: desk.market(rule).scan is not None and desk.market(rule).loaded >= 1.0)
    ready_s = time.perf_counter() - began
    seen: dict[int, tuple[float, float]] = {}  # newest candle -> seconds after its end, ms of the scan

    def look() -> None:
        view = desk.market(rule)
        if view.candle_ms is not None and view.candle_ms not in seen:
            seen[view.candle_ms] = time.time() - view.candle_ms / 1000 - 60.0, view.took_ms

    look()
    first = set(seen)
    during = measure(desk, span_s, look)
    view = desk.market(rule)
    followed = {candle: told for candle, told in seen.items() if candle not in first}
    rows, held = [], True
    for name in before:
        ratio = median(during[name]) / median(before[name])
        kept = ratio <= SLOWER
        held &= kept
        rows.append(
            [name, *_figures(before[name]), *_figures(during[name]), f"{ratio:.2f}", f"<= {SLOWER}", goal(kept)]
        )
    print(table(["", "before ms", "p95", "during ms", "p95", "ratio", "goal", ""], rows))
    every = sorted(followed)
    whole = len(every) >= span_s // 60 and all(b - a == 60_000 for a, b in pairwise(every))
    late_s = max((told[0] for told in followed.values()), default=float("inf"))
    tested = view.scan.pairs_tested if view.scan is not None else 0
    print(
        f"\n{len(view.symbols)} symbols, {tested:,} pairs; from the first look to all history scanned {ready_s:.1f} s"
        f"\n{len(every)} confirmed minutes, none left out: {goal(whole)}"
        f"\nthe latest scan was there {late_s:.1f} s after its minute (<= {LATE_S:g} s): {goal(late_s <= LATE_S)}"
        f"\nscan {median([told[1] for told in followed.values()] or [0.0]):.1f} ms"
    )
    return 0 if held and whole and late_s <= LATE_S else 1


def measure(desk: Desk, span_s: float, beside: Callable[[], None]) -> dict[str, list[float]]:
    """Milliseconds of every reading and of every page within the span, after one of each."""
    app = AppTest.from_function(_script, default_timeout=60, kwargs={"desk": desk})
    ms: dict[str, list[float]] = {"reading": [], "page": []}
    until_s = time.perf_counter() + span_s
    turn = -1
    while time.perf_counter() < until_s:
        turn += 1
        name, way = ("page", app.run) if turn % PAGE_EVERY == 0 else ("reading", lambda: read(desk))
        began = time.perf_counter()
        way()
        if turn > 1:
            ms[name].append(1000 * (time.perf_counter() - began))
        beside()
        time.sleep(EVERY_S)
    return ms


def read(desk: Desk) -> None:
    """What the Decision page asks of the desk at each tick."""
    desk.status()
    desk.look(*PAIR, PARAMS)
    desk.live(*PAIR, PARAMS)
    desk.journal(*PAIR, PARAMS, 500)


def until(true: Callable[[], bool], timeout_s: float = 180.0) -> None:
    """Poll until it holds."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("what is measured has not come about")
        time.sleep(0.1)


def _figures(ms: Sequence[float]) -> list[str]:
    return [f"{median(ms):.2f}", f"{quantiles(ms, n=20)[-1]:.2f}"]


def _script(desk: object) -> None:  # runs as a script of its own: it sees nothing of this module
    from core.settings import Settings
    from ui import shell

    shell.run(desk, Settings())  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
