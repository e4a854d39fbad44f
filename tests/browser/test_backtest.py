"""A walk-forward in a real browser against the simulator: fetched, run, read, kept."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WAIT_MS, App
from tests.browser.readable import PHONE, assert_readable

pytestmark = pytest.mark.browser


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def walk(app: App, page: Page) -> Page:
    """The page with a finished run of fetched candles on it."""
    page.goto(f"{app.url}/walk-forward?walk_days=30+days&fee=1.00")
    expect(page.locator("[data-key=walk_nothing]")).to_be_visible()
    press(page, "Fetch what is missing")
    expect(page.locator("[data-key=walk_load]")).to_have_attribute("data-value", "done")
    press(page, "Run")
    expect(page.locator("[data-key=walk]")).to_be_visible()
    finished(page)
    return page


@pytest.fixture(scope="module")
def walked(quiet: App, browser: Browser) -> Iterator[Page]:
    """One run that several tests read."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(WAIT_MS)
    yield walk(quiet, context.new_page())
    context.close()


def finished(page: Page) -> None:
    """Wait for the last part of a run."""
    expect(page.locator("table[aria-label='Neighbouring settings']")).to_be_visible()
    expect(page.locator("[data-key=walk_stage]")).to_have_count(0)


def value(page: Page, key: str) -> str:
    return page.locator(f"[data-key={key}]").get_attribute("data-value") or ""


def test_from_the_fetch_to_the_sheet(walked: Page) -> None:
    page = walked
    expect(page.locator("[data-key=walk_load]")).to_contain_text(re.compile("fetched, nothing is missing|nothing was"))
    text = page.locator("[data-key=assumed]").inner_text()
    assert "whichever was worse for both legs together" in text
    assert "settlements from the exchange" in text
    assert "SIMULATED" in page.locator("[data-key=walk] .ps-pair").inner_text()
    expect(page.locator(".st-key-ps-charts .vega-embed canvas")).to_be_visible()
    with page.expect_download() as waiting:
        press(page, "Trades, CSV")
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text(encoding="utf-8"))))
    assert len(rows) == int(value(page, "walk_trades").replace(",", "")) > 0
    won = float(value(page, "walk_net").replace(",", "").replace("−", "-"))
    assert sum(float(row["net"]) for row in rows) == pytest.approx(won, abs=0.005)
    with page.expect_download() as waiting:
        press(page, "Tear sheet, HTML")
    headline = page.locator("[data-key=walk] h1").inner_text()
    sheet = page.context.new_page()
    asked: list[str] = []
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.set_content(Path(waiting.value.path()).read_text(encoding="utf-8"))  # the download has no ending
    assert headline in sheet.locator("h1").inner_text()
    assert sheet.locator("svg").count() == 3
    assert [url for url in asked if not url.startswith("file:")] == []
    sheet.close()


def test_a_result_is_readable_by_everybody(walked: Page) -> None:
    assert_readable(walked)


def test_a_result_is_readable_in_the_dark_on_a_phone(quiet: App, opened: Callable[..., Page]) -> None:
    assert_readable(walk(quiet, opened(PHONE, "dark")))


def test_other_pages_can_be_used_meanwhile_and_the_run_is_there_on_the_way_back(walked: Page) -> None:
    said = walked.locator("[data-key=walk_text]").inner_text()
    press(walked, "Run")
    walked.get_by_role("link", name="Decision").click()
    expect(walked.locator("[data-key=verdict]")).to_be_visible()
    walked.get_by_role("link", name="Walk-forward").click()
    finished(walked)
    assert walked.locator("[data-key=walk_text]").inner_text().split(",")[0] == said.split(",")[0]
