"""The track record in a real browser: trades on paper come by themselves, survive a kill, and are in the file."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import QUIET, App, app_at, comes_true, market

pytestmark = pytest.mark.browser

SPEED = 2  # an entry has three seconds of the exchange's to be filled
QUICK = "tf=1s&n=30&w=10&entry=1.2&preset=Classic"  # the recipe, over half a minute: it enters often


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app that may be killed, at a market whose seconds are short."""
    with market(QUIET, SPEED) as exchange, app_at(exchange, tmp_path_factory.mktemp("track")) as app:
        yield app


def stored(app: App) -> list[tuple[str, int, str, str, str]]:
    """Pair, look, state, how the entry was filled and why it ended, of every trade in the database."""
    with closing(sqlite3.connect(Path(app.env["PAIRSIGHT_DB"]).as_uri() + "?mode=ro", uri=True)) as db:
        return db.execute("SELECT pair, look_ms, state, in_fill, reason FROM paper_trades ORDER BY look_ms").fetchall()


def choose_all_settings(page: Page) -> None:
    """This recipe is not the rule's own."""
    page.locator(".st-key-track_settings input").click()
    page.get_by_role("option", name="All settings", exact=True).click()


def test_trades_open_and_close_by_themselves_through_a_kill_and_are_in_the_file(app: App, page: Page) -> None:
    page.goto(f"{app.url}/track-record")
    says = page.locator("[data-key=said_says]")
    expect(says).to_have_text("No TRADABLE trade is closed yet: nothing can be concluded.")
    page.goto(f"{app.url}/?{QUICK}")  # looked at once, the pair is looked at from now on
    page.locator("[data-key=verdict]").wait_for()
    page.goto(f"{app.url}/track-record")
    expect(page.locator("[data-key=not_counted]")).to_contain_text("of other settings")
    expect(page.locator("[data-key=open_trade]")).to_have_count(0)
    choose_all_settings(page)
    expect(page.locator("[data-key=open_trade]").first).to_be_visible()
    assert "SIMULATED" in page.locator("[data-key=open_trades] thead").inner_text()

    assert app.process is not None
    app.process.kill()  # no goodbye
    app.process.wait()
    before = stored(app)
    on = [t for t in before if t[2] != "closed"]
    app.start()
    page.goto(f"{app.url}/track-record")  # nobody asks for the pair: its open trades do
    choose_all_settings(page)

    def all_closed() -> bool:
        now = {t[:2]: t[2] for t in stored(app)}
        return "closed" in now.values() and all(now[t[:2]] == "closed" for t in on)

    assert comes_true(page, all_closed), (on, stored(app))
    after = stored(app)
    assert [t[:2] for t in after][: len(before)] == [t[:2] for t in before]  # none lost, none doubled
    assert {t[3] for t in after if t[2] == "closed" and t[4] not in {"late", "unfilled"}} <= {"touch", "candle"}

    counted = ", ".join(f"[data-key={side}_closed]:not([data-value='0'])" for side in ("said", "refused"))
    expect(page.locator(counted).first).to_be_visible()
    expect(says).to_contain_text("nothing can be concluded")
    with page.expect_download() as waiting:
        page.locator(".st-key-export_track button").click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text(encoding="utf-8"))))
    closed = [r for r in rows if r["state"] == "closed" and r["in_fill"]]
    assert closed
    for row in closed:
        if row["net"]:
            parts = float(row["gross"]) - float(row["fees"]) - float(row["half_spreads"]) - float(row["funding"])
            assert float(row["net"]) == pytest.approx(parts)
