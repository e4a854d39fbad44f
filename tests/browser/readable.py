"""Whether a page can be read by everybody: what axe-core finds, and what is wider than a phone."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

from tests.browser.conftest import comes_true, drawn

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
SERIOUS = {"serious", "critical"}
PHONE = 390
WIDE = """phone => [...document.querySelectorAll('.stMain *')]
  .filter(e => e.getBoundingClientRect().right > phone + 1
    && !e.closest('.ps-scroll, [data-testid=stDataFrame], [data-testid=stSlider], .vega-embed'))
  .map(e => e.className).slice(0, 5)"""


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds, one entry an element."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        {"rule": v["id"], "impact": v["impact"], "html": n["html"][:160], "why": n["failureSummary"][:300]}
        for v in found["violations"]
        for n in v["nodes"]
    ]


def assert_readable(page: Page) -> None:
    """Nothing serious, once what is drawn anew has faded in; on a phone nothing is cut off."""
    drawn(page)
    found: list[dict[str, Any]] = []

    def nothing() -> bool:
        found[:] = [v for v in violations(page) if v["impact"] in SERIOUS]
        return not found

    assert comes_true(page, nothing), found
    if page.viewport_size and page.viewport_size["width"] == PHONE:
        assert comes_true(page, lambda: page.evaluate(WIDE, PHONE) == []), page.evaluate(WIDE, PHONE)
