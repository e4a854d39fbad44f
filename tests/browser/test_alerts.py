"""A rule made on the page: told once on its channel and in each tab, kept through a kill, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import App
from tests.browser.screens import ask_for_traps, running
from tests.desk.hook import Webhook

pytestmark = pytest.mark.browser

TRAP = "TRAP. Stretched to z"


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """The app at a market that is a trap."""
    with running("trap") as app:
        yield app


@pytest.fixture
def hook() -> Iterator[Webhook]:
    hook = Webhook("a-secret-path")
    yield hook
    hook.close()


# Keeps the words of every toast: each is there for ten seconds only, which are soon over on a busy machine.
KEEP_TOASTS = """
window.toasts = [];
new MutationObserver(changes => changes.forEach(change => change.addedNodes.forEach(node => {
  if (node instanceof Element) [node, ...node.querySelectorAll('*')]
    .filter(e => e.matches('[data-testid=stToast]')).forEach(e => window.toasts.push(e.innerText));
}))).observe(document, {childList: true, subtree: true});
"""


def toasts(page: Page) -> list[str]:
    """Every toast since the page was opened."""
    return [str(words) for words in page.evaluate("window.toasts")]


def test_a_rule_made_on_the_page_is_told_once_everywhere_and_survives_a_kill(
    app: App, opened: Callable[..., Page], hook: Webhook, tmp_path: Path
) -> None:
    page, other = opened(), opened()
    for tab in (page, other):
        tab.add_init_script(KEEP_TOASTS)
    other.goto(f"{app.url}/data")  # another tab, on another page
    other.locator("[data-key=health]").wait_for()
    page.goto(f"{app.url}/alerts")
    page.locator(".st-key-channel_url input").fill(hook.url)
    page.locator(".st-key-channel_label input").fill("my hook")
    page.get_by_role("button", name="Add the channel").click()
    channel = page.locator("[data-key=alert_channel]")
    expect(channel).to_contain_text("my hook")
    page.get_by_role("button", name="Send a test").click()
    expect(channel).to_contain_text("test sent")
    rules = page.locator("[data-key=alert_rule]")
    for left in (2, 1, 0):  # those that a first channel brings; once dropped they stay away
        expect(rules).to_have_count(left + 1)
        page.get_by_role("button", name="Delete").first.click()
        expect(rules).to_have_count(left)
    ask_for_traps(page)
    told = page.locator("[data-key=alert][data-state=sent]")
    expect(told).to_have_count(1)
    expect(told).to_contain_text("Sent to my hook at")
    for tab in (page, other):
        tab.wait_for_function("window.toasts.length")
        (words,) = toasts(tab)
        assert "TRAP" in words
    assert [text for text in hook.got if TRAP in text] == hook.got[1:]
    assert len(hook.got) == 2  # the test, and one alert
    with page.expect_download() as file:
        page.locator(".st-key-export_alerts button").click()
    assert "a-secret-path" not in Path(file.value.path()).read_text(encoding="utf-8")
    assert "a-secret-path" not in page.content() + app.log

    assert app.process is not None
    app.process.kill()
    app.process.wait()
    app.start()
    page.goto(f"{app.url}/alerts")
    expect(rules).to_have_count(1)
    expect(page.locator("[data-key=alert_channel]")).to_contain_text("my hook")
    page.wait_for_timeout(3_000)  # it is a trap still: a rule that had forgotten would speak again
    assert [text for text in hook.got if TRAP in text] == hook.got[1:2]
    assert toasts(page) == []

    page.get_by_role("button", name="Delete").click()
    expect(page.locator("[data-key=no_rules]")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("[data-key=no_channels]")).to_be_visible()
    expect(told).to_have_count(1)  # what was told stays
