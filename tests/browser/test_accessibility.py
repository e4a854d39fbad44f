"""axe-core over every page, light and dark, wide and narrow: nothing serious, by keyboard everything."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import App, Scheme, drawn
from tests.browser.readable import PHONE, assert_readable, violations

pytestmark = pytest.mark.browser

SHOWS = {
    "decision": "[data-key=verdict]",
    "scanner": "[data-key=scan]",
    "replay": "[data-key=agreement]",
    "offline": "[data-key=forms]",
    "data": "[data-key=health]",
    "track-record": "[data-key=open_trades]",
    "alerts": "[data-key=no_alerts]",
}
WIDE = 1440
# Walk-forward has something to show only after a run: see test_backtest.py.
LOOKS: list[tuple[Scheme, int, str]] = [
    ("light", WIDE, "decision"), ("dark", PHONE, "decision"),
    ("light", WIDE, "scanner"), ("dark", PHONE, "scanner"),
    ("light", WIDE, "replay"), ("dark", PHONE, "replay"),
    ("dark", WIDE, "offline"), ("light", PHONE, "offline"),
    ("light", PHONE, "data"),
    ("light", WIDE, "alerts"), ("dark", PHONE, "alerts"),
    ("dark", WIDE, "track-record"), ("light", PHONE, "track-record"),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "width", "name"), LOOKS)
def test_everybody_can_read_it(quiet: App, page: Page, scheme: Scheme, width: int, name: str) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{quiet.url}/{name}")
    page.locator(SHOWS[name]).first.wait_for()
    assert_readable(page)
    levels = page.locator(".stMain :is(h1, h2, h3, h4)").evaluate_all("a => a.map(e => Number(e.tagName[1]))")
    assert levels.count(1) == (2 if name == "replay" else 1)  # Replay has its title and the verdict of then
    assert all(b - a <= 1 for a, b in zip([1, *levels], levels, strict=False)), levels


def test_axe_would_find_something(quiet: App, page: Page) -> None:
    page.goto(f"{quiet.url}/offline")
    page.locator(SHOWS["offline"]).wait_for()
    drawn(page)
    page.evaluate("document.querySelector('.ps-card').style.color = '#888'")
    page.evaluate("document.querySelectorAll('.ps-card dd').forEach(e => e.style.color = '#ddd')")
    assert "color-contrast" in {v["rule"] for v in violations(page)}


def test_the_controls_and_the_tables_are_reached_by_keyboard(quiet: App, page: Page) -> None:
    page.goto(quiet.url)
    page.locator("[data-key=verdict]").wait_for()
    page.locator(".st-key-ps-rows table").wait_for()
    drawn(page)
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


def test_the_page_under_the_keyboard_is_outlined(quiet: App, page: Page) -> None:
    page.goto(f"{quiet.url}/offline")
    page.locator(SHOWS["offline"]).wait_for()
    drawn(page)
    page.get_by_role("link", name="Scanner").focus()
    page.keyboard.press("Tab")
    focused = "getComputedStyle(document.activeElement).outlineStyle + document.activeElement.innerText"
    assert page.evaluate(focused).startswith("solid")
    assert page.evaluate(focused).endswith("Replay")
