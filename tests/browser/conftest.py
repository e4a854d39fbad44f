"""A real browser against a real server: Chromium through Playwright, the app as its users start it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as TooLong

from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.running import Bases, SimulatedExchange
from simulator.scenarios import SCENARIOS

ROOT = Path(__file__).parent.parent.parent
# A wait ends as soon as what is waited for is there: this is for a machine that has other things to do.
WAIT_MS = 120_000
REST_MS = 15_000  # a page comes to rest within this, or never
expect.set_options(timeout=WAIT_MS)
QUIET = MarketPlan(seed=3, rate=120.0, scenario=SCENARIOS["quiet"])
JUDGED = re.compile("TRADABLE|TRAP|WAIT")
Scheme = Literal["light", "dark"]
DRAWN = """() => document.querySelector('[data-test-script-state=notRunning]')
  && !document.querySelector('.stMain :is([data-stale=true], [data-testid=stSkeleton])')
  && document.getAnimations().every(a => !(a instanceof CSSTransition))"""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str | None:
    """Where the system's browser is; None: there is none."""
    return os.environ.get("PAIRSIGHT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass
class App:
    """One ``streamlit run app.py``, as a process of its own."""

    env: dict[str, str]
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "app.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> App:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PAIRSIGHT_", "STREAMLIT_"))}
        command = [
            sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port),
            "--server.headless", "true",
        ]  # fmt: skip
        with (self.folder / "app.log").open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env={**clean, **self.env}, stdout=out, stderr=out)
        deadline = time.monotonic() + WAIT_MS / 1000
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1).close()
            except (urllib.error.URLError, OSError):
                assert self.process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.1)
            else:
                return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def app_at(exchange: SimulatedExchange | Bases, folder: Path, **settings: str) -> Iterator[App]:
    """The app with a database of its own, collecting from this exchange."""
    bases = {"PAIRSIGHT_WS_URL": exchange.ws_url, "PAIRSIGHT_REST_URL": exchange.rest_url}
    app = App({**bases, "PAIRSIGHT_DB": str(folder / "app.db"), **settings}, folder)
    try:
        yield app.start()
    finally:
        app.stop()


def market(plan: MarketPlan, speed: float = 1.0) -> SimulatedExchange:
    """A simulated market, not yet started, that lets the app ask as often as it likes."""
    return SimulatedExchange.making(plan, speed=speed, limits=Limits(weight_per_minute=100_000))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium on the PATH and PAIRSIGHT_CHROMIUM is not set: the browser tests need one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def quiet(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app, collecting from a simulated market in which what is tied stays near its mean; it has judged a pair."""
    with market(QUIET) as exchange, app_at(exchange, tmp_path_factory.mktemp("quiet")) as app:
        page = browser.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(app.url)
        expect(page.locator("[data-key=verdict]")).to_have_attribute("data-value", JUDGED)
        page.close()
        yield app


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a browser with nothing in it, as wide and as dark as one likes."""
    contexts: list[BrowserContext] = []

    def open_one(width: int = 1440, scheme: Scheme = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(opened: Callable[..., Page]) -> Page:
    return opened()


def drawn(page: Page) -> None:
    """Wait until nothing is being drawn: no script runs, nothing is stale, nothing fades in.

    At most a while: on a machine too slow to come to rest between two ticks the page is looked at as it is.
    """
    with suppress(TooLong):
        page.wait_for_function(DRAWN, timeout=REST_MS, polling=100)  # not with each frame, which draws one


def comes_true(page: Page, true: Callable[[], bool]) -> bool:
    """Look again and again whether it holds; the last look's answer."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while not (found := true()) and time.monotonic() < deadline:
        page.wait_for_timeout(250)
    return found
