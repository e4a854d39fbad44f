"""From the scanner to a pair's decision and back, in a real browser against the simulator."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from simulator.market import MarketPlan
from simulator.universe import listings
from tests.browser.conftest import JUDGED, App, app_at, drawn, market

pytestmark = pytest.mark.browser

COUNT = 30
SPEED = 3
RATE = 120.0


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app at an exchange of thirty symbols whose minutes are short."""
    folder, plan = tmp_path_factory.mktemp("scanner"), MarketPlan(seed=3, rate=RATE, listings=listings(COUNT))
    with market(plan, SPEED) as exchange, app_at(exchange, folder, PAIRSIGHT_SYMBOLS="BTCUSDT,ETHUSDT") as app:
        yield app


@pytest.fixture
def scanned(app: App, page: Page) -> Page:
    """The Scanner page with a scan of everything on it."""
    page.goto(f"{app.url}/scanner?rows=All+pairs&n=100")
    expect(page.locator("[data-key=tested]")).to_have_attribute(
        "data-value",
        f"{COUNT * (COUNT - 1) // 2:,}",
    )
    return page


def open_first_row(page: Page) -> str:
    """Click the first row; its pair."""
    page.locator(".st-key-ps-scan-table canvas").first.wait_for()
    drawn(page)
    chosen = page.locator(".st-key-scan_pair input").input_value()
    table = page.locator(".st-key-ps-scan-table [data-testid=stDataFrame]")
    table.click(position={"x": 70, "y": 52})  # its Y
    page.wait_for_url(re.compile(r"/(decision)?\?"))
    return chosen


def test_a_row_opens_the_pairs_decision_and_the_way_back_shows_the_scan(scanned: Page) -> None:
    chosen = open_first_row(scanned)
    for _ in range(3):  # a minute may end between a look at the row and the click: then another stands there
        if f"y={chosen.replace(' / ', '&x=')}" in scanned.url:
            break
        scanned.get_by_role("link", name="Scanner").click()
        chosen = open_first_row(scanned)
    expect(scanned.locator(".ps-pair strong")).to_have_text(chosen)
    y, x = chosen.split(" / ")
    assert {y, x} != {"ETHUSDT", "BTCUSDT"}, "this market's first row is the pair on screen anyway"
    expect(scanned).to_have_url(re.compile(f"y={y}"))
    expect(scanned).to_have_url(re.compile(f"x={x}"))
    # Both legs are streamed now, and judged once their trades have come.
    expect(scanned.locator("[data-key=verdict]")).to_have_attribute(
        "data-value",
        JUDGED,
    )
    expect(scanned.get_by_text("Streamed symbols (2)")).to_have_count(0)
    scanned.get_by_role("link", name="Scanner").click()
    expect(scanned.locator("[data-key=tested]")).to_have_attribute("data-value", f"{COUNT * (COUNT - 1) // 2:,}")
    assert scanned.locator("[data-key=caution]").inner_text().startswith("A candidate is not a verdict")


def test_the_page_follows_each_confirmed_minute_by_itself(scanned: Page) -> None:
    to = scanned.locator("[data-key=scanned_to]")
    before = int(to.get_attribute("data-value") or 0)
    # On a machine that is busy a minute may pass with the next one's scan; none goes back, or stands for ever.
    expect(to).not_to_have_attribute("data-value", str(before))
    after = int(to.get_attribute("data-value") or 0)
    assert after - before in {60_000, 120_000, 180_000}


def test_a_watched_pair_is_there_after_a_restart_and_the_file_parses(app: App, page: Page, scanned: Page) -> None:
    chosen = scanned.locator(".st-key-scan_pair input").input_value()
    scanned.get_by_role("button", name="Watch", exact=True).click()
    expect(scanned.get_by_role("button", name="Take off the watch-list")).to_be_visible()
    with scanned.expect_download() as waiting:
        scanned.locator(".st-key-export_scan button").click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text(encoding="utf-8"))))
    assert len(rows) == COUNT * (COUNT - 1) // 2
    assert f"{rows[0]['y']} / {rows[0]['x']}" == chosen
    assert rows[0]["reason"]
    app.stop()
    app.start()
    page.goto(f"{app.url}/scanner")
    page.locator("[data-key=scan]").wait_for()
    expect(page.locator(".st-key-scan_pair input")).to_have_value(chosen)
    expect(page.get_by_role("button", name="Take off the watch-list")).to_be_visible()
