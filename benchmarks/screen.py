"""What the screen costs and how old its numbers are, in a real browser against the simulator.

    python -m benchmarks.screen [--rate 2000] [--seconds 30] [--tabs 20] [--minutes 1]

Age: of the older of the two trades behind the live z in the frame that first draws the value, by the trade's own
exchange time, which in the simulator is this machine's clock. CPU: of the app's process, with a tab less without one.
A second of the page is two live ticks, one run of the confirmed part that mostly finds nothing new, and a third of one
that asks for alerts; each costs about as much, so a tick is what a run costs on the average. A confirmed redraw is
measured on an exchange that runs sixty times as fast, so that a one-minute candle with its full window of 1,000 is
confirmed every second. Of the many tabs one is drawn here
and the others stand on other machines (``screen_tabs``). Needs Chromium. Ends with 1 when a goal is missed; on a
machine that others use it may well be.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.machine import goal, heading, load, table
from benchmarks.screen_tabs import Tab
from desk.local_exchange import LocalExchange

ROOT: Final = Path(__file__).parent.parent
SPEED: Final = 60  # of the exchange whose minutes are seconds
RUNS_PER_S: Final = 3.0 + 1 / 3  # two live ticks, one of the confirmed part, and every third second one for alerts
CONFIRMED_PER_S: Final = 1.0
SETTLED_S: Final = 75.0  # the history, the record, and the first minute of the stream
GOAL_AGE_S, GOAL_AGE_TABS_S = 1.0, 2.0
GOAL_LIVE_MS, GOAL_CONFIRMED_MS = 15.0, 120.0
GOAL_GROWTH: Final = 0.05
SAMPLER: Final = """() => {
  window.ages = []; window.gone = []; let last = null, due = false;
  const drawn = () => {
    due = false;
    const at = document.querySelector('[data-key=z_live]')?.dataset.at;
    if (at && at !== last) {
      if (last) window.gone.push(Date.now() - Number(last));
      window.ages.push(Date.now() - Number(at));
      last = at;
    }
  };
  const changed = () => { if (!due) { due = true; requestAnimationFrame(drawn); } };
  new MutationObserver(changed).observe(document.body, {childList: true, subtree: true});
}"""
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync")


@dataclass(frozen=True, slots=True)
class Ages:
    """How old the live numbers were, seconds: when they appeared, and when the next ones took their place."""

    appeared: tuple[float, ...]
    replaced: tuple[float, ...]

    def quantile(self, q: float, replaced: bool = False) -> float:
        """A quantile; NaN where nothing was seen."""
        seen = self.replaced if replaced else self.appeared
        return float(np.quantile(seen, q)) if seen else float("nan")


def per_run_ms(with_tab: float, without: float, runs_per_s: float) -> float:
    """CPU milliseconds a run, from CPU seconds a second with a tab and without.

    >>> per_run_ms(0.25, 0.23, runs_per_s=2.0)
    10.0
    """
    return round(1000.0 * (with_tab - without) / runs_per_s, 6)


def growth(rss: Sequence[float]) -> float:
    """How much resident memory grew from the first third of the samples to the last, as a share.

    >>> growth([100, 100, 100, 105, 110, 110])
    0.1
    """
    third = max(1, len(rss) // 3)
    first, last = float(np.median(rss[:third])), float(np.median(rss[-third:]))
    return round(last / first - 1.0, 6) if first else 0.0


@contextmanager
def app_at(exchange: LocalExchange, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """``streamlit run app.py`` as its users start it; its address and its process."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = int(s.getsockname()[1])
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PAIRSIGHT_", "STREAMLIT_"))}
    env |= {
        "PAIRSIGHT_WS_URL": exchange.ws_url,
        "PAIRSIGHT_REST_URL": exchange.rest_url,
        "PAIRSIGHT_DB": str(folder / "screen.db"),
    }
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with (folder / "app.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _healthy(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((folder / "app.log").read_text(encoding="utf-8", errors="replace"))
            time.sleep(0.2)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _healthy(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def cpu_share(process: psutil.Process, seconds: float) -> float:
    """CPU seconds a second of a process, over that time."""
    began, before = time.perf_counter(), sum(process.cpu_times()[:2])
    time.sleep(seconds)
    return float((sum(process.cpu_times()[:2]) - before) / (time.perf_counter() - began))


def open_tab(browser: Browser, url: str) -> Page:
    """A tab of its own session, with live numbers on it, watched from then on."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(url, timeout=120_000)
    page.locator("[data-key=z_live][data-at]:not([data-value=''])").wait_for(timeout=180_000)
    page.evaluate(SAMPLER)
    return page


def ages_of(page: Page) -> Ages:
    """What a tab saw since it was opened or asked last."""
    appeared, replaced = page.evaluate("() => { const r = [ages, gone]; ages = []; gone = []; return r }")
    return Ages(tuple(ms / 1000 for ms in appeared), tuple(ms / 1000 for ms in replaced))


def watch_memory(process: psutil.Process, minutes: float) -> list[float]:
    """Resident megabytes every few seconds."""
    rss, ends = [], time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        rss.append(process.memory_info().rss / 1e6)
        time.sleep(min(5.0, 60 * minutes / 12))
    return rss


def live_part(browser: Browser, args: argparse.Namespace) -> tuple[list[list[str]], float]:
    """Ages, cost of a live tick, memory and many tabs, at the asked rate; and the CPU share that one tab took."""
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        exchange = LocalExchange(["--rate", str(args.rate), "--symbols", "4"])
        exchange.start()
        stack.callback(exchange.stop)
        url, process = stack.enter_context(app_at(exchange, folder))
        tab = open_tab(browser, f"{url}/?tf=1m")
        time.sleep(SETTLED_S)
        ages_of(tab)
        with_tab = cpu_share(process, args.seconds)
        one = ages_of(tab)
        rss = watch_memory(process, args.minutes)
        during = ages_of(tab)
        tab.context.close()
        time.sleep(3)
        without = cpu_share(process, args.seconds)
        tick = per_run_ms(with_tab, without, RUNS_PER_S)
        rows.append(_age_row("age when drawn, one tab", one, GOAL_AGE_S))
        rows.append(["age when replaced, one tab", f"p95 {one.quantile(0.95, replaced=True):.2f} s", "", ""])
        rows.append(["CPU a live tick", f"{tick:.1f} ms", f"≤ {GOAL_LIVE_MS:g} ms", goal(tick <= GOAL_LIVE_MS)])
        rows.append(["CPU without a tab, feed and store", f"{100 * without:.0f} % of a core", "", ""])
        grown = growth(rss)
        rows.append([
            f"memory over {args.minutes:g} min, one tab", f"{rss[0]:.0f} to {rss[-1]:.0f} MB, {grown:+.1%}",
            f"≤ {GOAL_GROWTH:.0%}", goal(grown <= GOAL_GROWTH),
        ])  # fmt: skip
        rows.append(_age_row("age when drawn, over that time", during, GOAL_AGE_S))
        rows += _many_tabs(browser, url, process, args)
    return rows, with_tab - without


def _many_tabs(browser: Browser, url: str, process: psutil.Process, args: argparse.Namespace) -> list[list[str]]:
    """One tab that is drawn, and the others as sessions of other machines, all at full refresh."""
    others = [Tab(url, "tf=1m") for _ in range(args.tabs - 1)]
    for other in others:
        other.start()
    page = open_tab(browser, f"{url}/?tf=1m")
    time.sleep(15)
    ages_of(page)
    for other in others:
        other.ages_s.clear()
        other.runs = 0
    busy = cpu_share(process, args.seconds)
    drawn, arrived = ages_of(page), Ages(tuple(age for other in others for age in other.ages_s), ())
    runs = sum(other.runs for other in others) / args.seconds
    for other in others:
        other.stop()
    page.context.close()
    return [
        _age_row(f"age when drawn, one of {args.tabs} tabs", drawn, GOAL_AGE_TABS_S),
        _age_row(f"age on arrival, the other {args.tabs - 1}", arrived, GOAL_AGE_TABS_S),
        [f"CPU of the app, {args.tabs} tabs", f"{100 * busy:.0f} % of a core, {runs + RUNS_PER_S:.0f} runs/s", "", ""],
    ]


def confirmed_part(browser: Browser, args: argparse.Namespace, quiet: float) -> list[list[str]]:
    """Cost of a new confirmed candle, once a second: its look over 1,000 candles, the journal, and the redraw.

    Against a desk that nobody has asked for a pair yet: a pair once asked for is looked at without a tab, too.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        exchange = LocalExchange(["--rate", f"{args.rate / SPEED:.3f}", "--symbols", "4", "--speed", str(SPEED)])
        exchange.start()
        stack.callback(exchange.stop)
        url, process = stack.enter_context(app_at(exchange, folder))
        page = browser.new_page()
        page.goto(f"{url}/data", timeout=120_000)
        page.locator("[data-key=health]").wait_for(timeout=60_000)
        page.close()
        time.sleep(20)
        unwatched = cpu_share(process, args.seconds)
        tab = open_tab(browser, f"{url}/?tf=1m")
        time.sleep(30)  # half an hour there
        with_tab = cpu_share(process, args.seconds)
        tab.context.close()
    candle = per_run_ms(with_tab - unwatched, quiet * (1 - CONFIRMED_PER_S / RUNS_PER_S), CONFIRMED_PER_S)
    limit = GOAL_CONFIRMED_MS
    name = "CPU a confirmed candle, look and redraw"
    return [[name, f"{candle:.1f} ms", f"≤ {limit:g} ms", goal(candle <= limit)]]


def _age_row(name: str, ages: Ages, limit_s: float) -> list[str]:
    p50, p95 = ages.quantile(0.5), ages.quantile(0.95)
    words = f"p50 {p50:.2f} s, p95 {p95:.2f} s ({len(ages.appeared)} values)"
    return [name, words, f"p95 ≤ {limit_s:g} s", goal(p95 <= limit_s)]


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screen", description=__doc__)
    parser.add_argument("--rate", type=float, default=2_000.0, help="trades a second, all symbols")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")
    parser.add_argument("--tabs", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=1.0, help="that memory is watched")
    args = parser.parse_args(argv)
    path = os.environ.get("PAIRSIGHT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        print("No Chromium on the PATH, and PAIRSIGHT_CHROMIUM is not set.", file=sys.stderr)
        return 2
    print(heading("The screen, in a browser", "streamlit", "altair", "pyarrow"), flush=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        rows, quiet = live_part(browser, args)
        rows += confirmed_part(browser, args, quiet)
        browser.close()
    print(table(["measured", "result", "goal", ""], rows))
    print(f"\n{args.rate:g} trades a second; at the end: {load()}")
    return 1 if any(row[3] == goal(False) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
