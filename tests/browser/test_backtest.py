"""A walk-forward in a real browser against the simulator: fetched, run, read, kept."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import App
from tests.browser.test_accessibility import SERIOUS, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WIDE = (
    "[...document.querySelectorAll('.stMain *')].filter(e => e.getBoundingClientRect().right > 391"
    " && !e.closest('.ps-scroll, [data-testid=stDataFrame], .vega-embed')).map(e => e.className).slice(0, 5)"
)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def walked(app: App, page: Page) -> None:
    """The page with a finished run of fetched candles on it."""
    page.goto(f"{app.url}/walk-forward?walk_days=30+days&fee=1.00")
    expect(page.locator("[data-key=walk_nothing]")).to_be_visible(timeout=30_000)
    press(page, "Fetch what is missing")
    expect(page.locator("[data-key=walk_load]")).to_have_attribute("data-value", "done", timeout=60_000)
    press(page, "Run")
    expect(page.locator("[data-key=walk]")).to_be_visible(timeout=60_000)
    expect(page.locator("table[aria-label='Neighbouring settings']")).to_be_visible(timeout=90_000)
    expect(page.locator("[data-key=walk_stage]")).to_have_count(0)


def value(page: Page, key: str) -> str:
    return page.locator(f"[data-key={key}]").get_attribute("data-value") or ""


def test_from_the_fetch_to_the_sheet(quiet: App, page: Page) -> None:
    walked(quiet, page)
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


def test_other_pages_can_be_used_meanwhile_and_the_run_is_there_on_the_way_back(quiet: App, page: Page) -> None:
    walked(quiet, page)
    said = page.locator("[data-key=walk_text]").inner_text()
    press(page, "Run")
    page.get_by_role("link", name="Decision").click()
    expect(page.locator("[data-key=verdict]")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Walk-forward").click()
    expect(page.locator("table[aria-label='Neighbouring settings']")).to_be_visible(timeout=90_000)
    assert page.locator("[data-key=walk_text]").inner_text().split(",")[0] == said.split(",")[0]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_a_result_is_readable_by_everybody_and_on_a_phone(
    quiet: App, browser: Browser, scheme: Any, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page = context.new_page()
    walked(quiet, page)
    page.wait_for_timeout(1_000)  # Streamlit fades in what it draws anew
    assert [v for v in violations(page) if v["impact"] in SERIOUS] == []
    if width == 390:
        assert page.evaluate(WIDE) == []
    context.close()
