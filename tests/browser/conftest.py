"""A real browser against a real server: Chromium through Playwright, the app as its users start it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.running import SimulatedExchange
from simulator.scenarios import SCENARIOS

ROOT = Path(__file__).parent.parent.parent
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
        deadline = time.monotonic() + 60
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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium on the PATH and PAIRSIGHT_CHROMIUM is not set: the browser tests need one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app, collecting from a simulated market in which what is tied stays near its mean."""
    folder = tmp_path_factory.mktemp("quiet")
    plan = MarketPlan(seed=3, rate=120.0, scenario=SCENARIOS["quiet"])
    with SimulatedExchange.making(plan, limits=Limits(weight_per_minute=100_000)) as exchange:
        app = App(
            {
                "PAIRSIGHT_WS_URL": exchange.ws_url,
                "PAIRSIGHT_REST_URL": exchange.rest_url,
                "PAIRSIGHT_DB": str(folder / "quiet.db"),
            },
            folder,
        )
        yield app.start()
        app.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()
