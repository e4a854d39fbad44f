"""A desk without a browser is set up from a screen beside it that only reads, in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.errors import StoreError
from storage.reader import StoreReader
from tests.browser.conftest import QUIET, ROOT, App, app_at, comes_true, market
from tests.desk.hook import Webhook

pytestmark = pytest.mark.browser


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """The app beside ``python -m desk`` on the same new database."""
    db = tmp_path / "app.db"
    with market(QUIET) as exchange:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PAIRSIGHT_")}
        bases = {"PAIRSIGHT_WS_URL": exchange.ws_url, "PAIRSIGHT_REST_URL": exchange.rest_url}
        env = {**clean, **bases, "PAIRSIGHT_DB": str(db)}
        with (tmp_path / "desk.log").open("wb") as log:
            desk = subprocess.Popen([sys.executable, "-m", "desk"], cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            while not collects(db):  # before the app looks for who does
                assert desk.poll() is None, (tmp_path / "desk.log").read_text()
                time.sleep(0.1)
            with app_at(exchange, tmp_path, PAIRSIGHT_ROLE="read") as app:
                yield app
        finally:
            desk.terminate()
            desk.wait(30)


def collects(db: Path) -> bool:
    """Whether somebody does, and said so."""
    try:
        with StoreReader.open_reader(db) as reader:
            return reader.note("health") is not None
    except StoreError:
        return False


def test_channel_rules_and_watched_pairs_are_asked_for_and_are_there_a_moment_later(app: App, page: Page) -> None:
    hook = Webhook("a-secret-path")
    page.goto(f"{app.url}/alerts?tf=5m&preset=Classic")
    expect(page.locator("[data-key=elsewhere]")).to_contain_text("is asked of the Pairsight that collects")
    page.locator(".st-key-channel_url input").fill(hook.url)
    page.locator(".st-key-channel_label input").fill("my hook")
    page.get_by_role("button", name="Add the channel").click()
    channel = page.locator("[data-key=alert_channel]")
    expect(channel).to_contain_text("my hook")
    expect(page.locator("[data-key=alert_rule]")).to_have_count(3)
    page.get_by_role("button", name="Send a test").click()
    assert comes_true(page, lambda: len(hook.got) == 1)
    expect(channel).to_contain_text("test sent")
    page.get_by_role("button", name="Watch ETHUSDT/BTCUSDT 5m Classic").click()
    expect(page.locator("[data-key=watched]")).to_have_text(["ETHUSDT/BTCUSDT1m Evidence", "ETHUSDT/BTCUSDT5m Classic"])
    page.get_by_role("button", name="Delete").first.click()
    expect(page.locator("[data-key=alert_rule]")).to_have_count(2)
    expect(page.locator("[data-key=wish]")).to_have_count(0)
    assert "a-secret-path" not in page.content() + app.log
    hook.close()
