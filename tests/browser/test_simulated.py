"""The app in a real browser, against the simulator: what a newcomer sees first, and what a trader clicks."""

from __future__ import annotations

import csv
import io
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from simulator.running import Bases
from tests.browser.conftest import JUDGED, App, app_at, comes_true, drawn, free_port

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app where the exchange cannot be reached."""
    nowhere = f"127.0.0.1:{free_port()}"
    with app_at(Bases(f"ws://{nowhere}", f"http://{nowhere}"), tmp_path_factory.mktemp("offline")) as app:
        yield app


@pytest.fixture
def simulated(offline: App, page: Page) -> Page:
    """A page on which the simulator runs, whoever started it."""
    page.goto(f"{offline.url}/?tf=1m")
    start = page.get_by_role("button", name="Start the simulator")
    start.or_(page.locator("[data-key=verdict]")).first.wait_for()
    if start.count():
        start.click()
    page.locator("[data-key=verdict]").wait_for()
    expect(page.locator("[data-key=source]").first).to_have_attribute("data-value", "SIMULATED")
    return page


def test_a_machine_without_the_exchange_is_told_why_and_gets_a_simulated_decision_in_one_click(
    offline: App, page: Page
) -> None:
    page.goto(offline.url)
    state = page.locator("[data-key=state]")
    state.wait_for()
    assert state.get_attribute("data-value") == "unreachable"
    assert "Nothing listens at 127.0.0.1" in state.inner_text()
    page.get_by_role("button", name="Start the simulator").click()
    page.locator("[data-key=verdict]").wait_for()
    expect(page.get_by_text("SIMULATED").first).to_be_visible()
    expect(page.locator("[data-key=verdict]")).to_have_attribute(
        "data-value",
        JUDGED,
    )
    # What is simulated never reaches the live database.
    with closing(sqlite3.connect(Path(offline.env["PAIRSIGHT_DB"]).as_uri() + "?mode=ro", uri=True)) as db:
        assert db.execute("SELECT count(*) FROM trades").fetchone() == (0,)


def test_verdict_checks_and_charts_appear_and_the_live_z_moves_by_itself(simulated: Page) -> None:
    expect(simulated.locator("[data-key^=check_]").first).to_be_visible()
    expect(simulated.locator("canvas, svg.marks").first).to_be_visible()
    z = simulated.locator("[data-key=z_live]")
    expect(z).not_to_have_attribute("data-value", "")
    seen = {z.get_attribute("data-value")}

    def moved() -> bool:
        seen.add(z.get_attribute("data-value"))
        return len(seen) > 5

    assert comes_true(simulated, moved), seen


def sockets_to_the_simulator(app: App) -> int:
    """Open connections of the app to the simulator it started; those of REST come and go, the two feeds' stay."""
    assert app.process is not None
    process = psutil.Process(app.process.pid)
    ports = {c.laddr.port for child in process.children() for c in child.net_connections() if c.status == "LISTEN"}
    return sum(bool(c.raddr) and c.raddr.port in ports for c in process.net_connections() if c.status == "ESTABLISHED")


def test_a_second_tab_opens_no_second_feed(simulated: Page, opened: Callable[..., Page], offline: App) -> None:
    drawn(simulated)
    alone = sockets_to_the_simulator(offline)
    assert alone >= 2
    other = opened()
    for tab in (other, other.context.new_page()):
        tab.goto(offline.url)
        tab.locator("[data-key=verdict]").wait_for()
        drawn(tab)
    assert comes_true(simulated, lambda: sockets_to_the_simulator(offline) <= alone)


def test_the_csv_downloads_and_parses(simulated: Page) -> None:
    simulated.locator("[data-key=files]").wait_for()
    simulated.get_by_role("button", name="Make the files").click()
    expect(simulated.locator("[data-key=files]")).not_to_contain_text("Trades take longer")
    for name in ("candles", "analytics"):
        with simulated.expect_download() as waiting:
            simulated.locator(f".st-key-export_{name} button").click()
        path = waiting.value.path()
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        assert len(rows) > 30
        assert "ETHUSDT" in waiting.value.suggested_filename
        assert "1m" in waiting.value.suggested_filename


def test_stop_stops_and_start_starts(simulated: Page) -> None:
    simulated.get_by_role("button", name="Stop the feed").click()
    expect(simulated.locator("[data-key=verdict]")).to_have_attribute("data-value", "NO DATA")
    expect(simulated.get_by_text("the feed is stopped").first).to_be_visible()
    simulated.get_by_role("button", name="Start the feed").first.click()
    expect(simulated.locator("[data-key=verdict]")).not_to_have_attribute("data-value", "NO DATA")


def test_the_same_symbol_twice_and_a_window_longer_than_the_data_are_sentences(simulated: Page, offline: App) -> None:
    simulated.goto(f"{offline.url}/?y=BTCUSDT&x=BTCUSDT")
    expect(simulated.locator("[data-key=state]")).to_contain_text("two")
    simulated.goto(f"{offline.url}/?tf=1s&n=5000")
    expect(simulated.locator("[data-key=verdict]")).to_have_attribute("data-value", "WARMING UP")
    expect(simulated.locator("[data-key=verdict]")).to_contain_text("6250")
    simulated.goto(f"{offline.url}/?y=NOSUCHUSDT&x=BTCUSDT")
    simulated.locator("[data-key=state], [data-key=verdict]").first.wait_for()
    drawn(simulated)
    assert "Traceback" not in simulated.content()


def test_a_database_that_cannot_be_used_is_a_sentence_and_the_file_stays(page: Page, tmp_path: Path) -> None:
    db = tmp_path / "broken.db"
    db.write_bytes(before := b"this is no database" * 100)
    app = App({"PAIRSIGHT_DB": str(db), "PAIRSIGHT_AUTOSTART": "0"}, tmp_path)
    try:
        app.start()
        page.goto(app.url)
        expect(page.locator("[data-key=state]")).to_contain_text("PAIRSIGHT_DB")
        assert "Traceback" not in page.content()
    finally:
        app.stop()
    assert db.read_bytes() == before


def test_a_port_in_use_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        root = Path(__file__).parent.parent.parent
        said = subprocess.run(  # noqa: PLW1510 (its exit code is what is asked)
            [sys.executable, "-m", "simulator", "--port", port], cwd=root, capture_output=True, text=True, timeout=300
        )
    assert said.returncode == 2
    assert port in said.stderr
    assert "Traceback" not in said.stderr
