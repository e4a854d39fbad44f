"""axe-core over every page, light and dark, wide and narrow: nothing serious, by keyboard everything."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import App

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
SHOWS = {
    "decision": "[data-key=verdict]",
    "replay": "[data-key=agreement]",
    "offline": "[data-key=forms]",
    "data": "[data-key=health]",
    "track-record": "[data-key=open_trades]",
    "alerts": "[data-key=no_alerts]",
}
SERIOUS = {"serious", "critical"}


LOOKS = [("light", 1440, "decision"), ("light", 1440, "replay"), ("dark", 390, "decision"), ("dark", 1440, "offline"),
         ("light", 390, "data"), ("light", 1440, "alerts"), ("dark", 390, "alerts"),
         ("dark", 1440, "track-record"), ("light", 390, "track-record")]  # fmt: skip


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds, one entry an element."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        {"rule": v["id"], "impact": v["impact"], "html": n["html"][:160], "why": n["failureSummary"][:300]}
        for v in found["violations"]
        for n in v["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "width", "name"), LOOKS)
def test_axe_finds_nothing_serious(quiet: App, browser: Browser, scheme: Any, width: int, name: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{quiet.url}/{name}")
    page.locator(SHOWS[name]).first.wait_for(timeout=30_000)
    page.wait_for_timeout(1_000)  # Streamlit fades in what it draws anew
    assert [v for v in violations(page) if v["impact"] in SERIOUS] == []
    levels = page.locator(".stMain :is(h1, h2, h3, h4)").evaluate_all("a => a.map(e => Number(e.tagName[1]))")
    assert levels.count(1) == (2 if name == "replay" else 1)  # Replay has its title and the verdict of then
    assert all(b - a <= 1 for a, b in zip([1, *levels], levels, strict=False)), levels
    context.close()


def test_axe_would_find_something(quiet: App, page: Page) -> None:
    page.goto(f"{quiet.url}/offline")
    page.locator(SHOWS["offline"]).wait_for()
    page.evaluate("document.querySelector('.ps-card').style.color = '#888'")
    page.evaluate("document.querySelectorAll('.ps-card dd').forEach(e => e.style.color = '#ddd')")
    assert "color-contrast" in {v["rule"] for v in violations(page)}


def test_the_controls_and_the_tables_are_reached_by_keyboard(quiet: App, page: Page) -> None:
    page.goto(quiet.url)
    page.locator("[data-key=verdict]").wait_for()
    page.locator(".st-key-ps-rows table").wait_for()
    page.wait_for_timeout(1_000)
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(() => { const e = document.activeElement; const k = e.closest('[class*=st-key-]');"
                " return (k ? [...k.classList].find(c => c.startsWith('st-key-')) : '') || e.className; })()"
            )
        )
    wanted = {"st-key-feed_stop", "st-key-paused", "st-key-y", "st-key-x", "st-key-swap", "st-key-tf", "st-key-preset"}
    assert wanted <= reached
    assert "st-key-ps-rows" in reached  # the snapshot scrolls, so it takes the focus


def test_nothing_on_the_page_is_wider_than_a_phone(quiet: App, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    for name, shows in SHOWS.items():
        page.goto(f"{quiet.url}/{name}")
        page.locator(shows).first.wait_for(timeout=30_000)
        page.wait_for_timeout(800)
        expect(page.locator(".stMain")).to_be_visible()
        wide = page.evaluate(
            "[...document.querySelectorAll('.stMain *')].filter(e => e.getBoundingClientRect().right > 391"
            " && !e.closest('.ps-scroll, [data-testid=stDataFrame], [data-testid=stSlider], .vega-embed'))"
            ".map(e => e.className).slice(0, 5)"
        )
        assert wide == [], name
    context.close()
