"""What a trader does all day, in a real browser: another pair, the way round, a pause, a zoom, a link, two tabs."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import JUDGED, App, comes_true, drawn

pytestmark = pytest.mark.browser

SECONDS = "tf=1s&n=30&w=10"  # a look a second
AXIS = """() => {
  const c = document.querySelector('.st-key-ps-charts canvas'), d = c.getContext('2d');
  const h = Math.round(24 * c.height / c.getBoundingClientRect().height);
  return Array.from(d.getImageData(0, c.height - h, c.width, h).data).join()
}"""  # the pixels of the one time axis: another stretch of time is another picture


def part(page: Page, key: str) -> Locator:
    """A named part of the page."""
    return page.locator(f"[data-key={key}]").first


def choose(page: Page, key: str, symbol: str) -> None:
    """Search in a list of symbols, as a trader would: a few letters and Enter."""
    box = page.locator(f".st-key-{key} input")
    box.click()
    box.fill(symbol)
    page.keyboard.press("Enter")


def query(page: Page) -> dict[str, str]:
    """What the address says."""
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def desk(app: App, page: Page, asked: str = "") -> Page:
    """The Decision page, judged."""
    page.goto(f"{app.url}/?{asked}")
    expect(part(page, "z_live")).not_to_have_attribute("data-value", "")
    return page


def looks(app: App, sql: str, *values: object) -> list[tuple[object, ...]]:
    """The journal, as any tool reads it while the app runs."""
    with closing(sqlite3.connect(Path(app.env["PAIRSIGHT_DB"]).as_uri() + "?mode=ro", uri=True)) as db:
        return db.execute(sql, values).fetchall()


def confirmed(page: Page) -> list[str]:
    """What two tabs with the same choices must both say."""
    return [part(page, key).inner_text() for key in ("pair", "beta", "z", "legend", "band_labels")]


def moves(page: Page, key: str) -> None:
    """Wait until a live number moves by itself."""
    expect(part(page, key)).not_to_have_attribute("data-at", part(page, key).get_attribute("data-at") or "")


def stands(page: Page, key: str, seconds: float = 3.0) -> bool:
    """Whether a live number stands still for so long."""
    before = part(page, key).get_attribute("data-at")
    page.wait_for_timeout(seconds * 1_000)
    return part(page, key).get_attribute("data-at") == before


def places(page: Page) -> list[list[int]]:
    """Where everything stands, and how large it is."""
    found: list[list[int]] = page.evaluate(
        "[...document.querySelectorAll('.stMain :is(h1, h2, table, .ps-tile, .ps-trigger, .ps-ticket)')]"
        ".map(e => e.getBoundingClientRect()).map(r => [r.x, r.y, r.width, r.height].map(Math.round))"
    )
    return found


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_moves_while_live_numbers_change(quiet: App, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    desk(quiet, page)
    page.locator(".st-key-ps-charts canvas").wait_for()
    page.locator("[data-key=check_record]:not([data-state=unknown])").wait_for()
    drawn(page)
    before: list[list[int]] = []
    numbers: set[str | None] = set()
    moved: set[str] = set()

    def seen_enough() -> bool:
        nonlocal moved
        numbers.add(part(page, "z_live").get_attribute("data-value"))
        moved |= {str(place) for place in places(page)} - {str(place) for place in before}
        return len(numbers) > 5

    for _ in range(3):  # at most one minute ends meanwhile: what is confirmed may take another line
        newest = page.locator("[data-key=row]").first.get_attribute("data-value")
        before, moved = places(page), set()
        numbers.clear()
        assert comes_true(page, seen_enough), numbers
        if page.locator("[data-key=row]").first.get_attribute("data-value") == newest:
            break
    assert moved == set()


def test_another_pair_is_found_by_typing_judged_and_kept_in_the_address(quiet: App, page: Page) -> None:
    desk(quiet, page)
    choose(page, "y", "SOLUSDT")
    expect(part(page, "pair")).to_contain_text("SOLUSDT / BTCUSDT")
    expect(part(page, "z_live")).not_to_have_attribute("data-value", "")
    expect(page.locator("[data-key=leg_SOLUSDT]")).to_be_attached()
    assert query(page)["y"] == "SOLUSDT"


def test_swap_asks_the_other_question(quiet: App, page: Page) -> None:
    desk(quiet, page)
    beta = float(part(page, "beta").get_attribute("data-value") or "nan")
    page.get_by_role("button", name="Swap Y and X").click()
    expect(part(page, "pair")).to_contain_text("BTCUSDT / ETHUSDT")
    assert (query(page).get("y"), query(page).get("x")) == ("BTCUSDT", "ETHUSDT")
    expect(part(page, "beta")).not_to_have_attribute("data-value", repr(beta))
    page.get_by_role("button", name="Swap Y and X").click()
    expect(part(page, "pair")).to_contain_text("ETHUSDT / BTCUSDT")


def test_pause_holds_every_number_and_going_on_goes_on(quiet: App, page: Page) -> None:
    desk(quiet, page)
    page.get_by_text("Pause live").click()
    expect(part(page, "pair")).to_contain_text("PAUSED")
    assert comes_true(page, lambda: stands(page, "z_live"))  # a tick may have been under way
    page.get_by_text("Pause live").click()
    expect(part(page, "pair")).not_to_contain_text("PAUSED")
    moves(page, "z_live")


def axis(page: Page) -> str:
    """The picture of the time axis, once it stands still."""
    pictures = [str(page.evaluate(AXIS))]

    def still() -> bool:
        pictures.append(str(page.evaluate(AXIS)))
        return pictures[-1] == pictures[-2]

    drawn(page)
    assert comes_true(page, still)
    return pictures[-1]


def zoomed(page: Page) -> str:
    """Zoom the figure with the wheel; its time axis before is another than the one that is returned."""
    figure = page.locator(".st-key-ps-charts canvas")
    figure.scroll_into_view_if_needed()
    page.mouse.move(4, 4)
    whole = axis(page)
    box = figure.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60)
    for _ in range(4):
        page.mouse.wheel(0, -400)
        page.wait_for_timeout(120)
    page.mouse.move(4, 4)
    assert comes_true(page, lambda: axis(page) != whole), "the wheel did not zoom"
    return axis(page)


def test_a_zoom_stays_while_live_numbers_and_new_candles_come_in(quiet: App, page: Page) -> None:
    desk(quiet, page, SECONDS)
    expect(part(page, "verdict")).to_have_attribute("data-value", JUDGED)
    near = zoomed(page)
    newest = page.locator("[data-key=row]").first.get_attribute("data-value")
    moves(page, "z_live")
    expect(page.locator("[data-key=row]").first).not_to_have_attribute("data-value", newest or "")
    page.wait_for_timeout(1_500)  # so that the next ones come, too
    assert axis(page) == near


def test_a_zoom_stays_while_paused(quiet: App, page: Page) -> None:
    desk(quiet, page)
    page.get_by_text("Pause live").click()
    expect(part(page, "pair")).to_contain_text("PAUSED")
    near = zoomed(page)
    page.wait_for_timeout(1_500)
    assert axis(page) == near


def test_a_link_reopens_the_same_view(quiet: App, page: Page, opened: Callable[..., Page]) -> None:
    desk(quiet, page, "y=SOLUSDT&x=ETHUSDT&tf=5m&preset=Classic&n=120&w=30&entry=1.75&fee=2.5&notional=20000")
    page.locator(".st-key-bars").get_by_text("120", exact=True).click()
    expect(page).to_have_url(re.compile("bars=120"))
    other = opened()
    other.goto(page.url)
    expect(part(other, "z_live")).not_to_have_attribute("data-value", "")
    expect(part(other, "legend")).to_be_visible()
    assert comes_true(other, lambda: confirmed(other) == confirmed(page))  # a candle may end between the two
    assert "SOLUSDT / ETHUSDT · 5m · Classic" in part(other, "pair").inner_text()
    assert query(other) == query(page)


def test_the_presets_own_thresholds_come_back_with_one_click(quiet: App, page: Page) -> None:
    desk(quiet, page, "n=200&entry=1.5&stop=3&notional=777")
    expect(part(page, "band_labels")).to_contain_text("1.5")
    page.get_by_role("button", name="Reset to the preset").click()
    expect(part(page, "band_labels")).to_contain_text("2.0")
    assert not {"n", "entry", "stop", "notional"} & query(page).keys()


def test_two_tabs_with_different_pairs_do_not_disturb_each_other(quiet: App, page: Page) -> None:
    other = page.context.new_page()
    desk(quiet, page, "y=ETHUSDT&x=BTCUSDT")
    desk(quiet, other, "y=SOLUSDT&x=BNBUSDT&preset=Classic")
    for _ in range(3):
        moves(page, "z_live")
        moves(other, "z_live")
        assert "ETHUSDT / BTCUSDT · 1m · Evidence" in part(page, "pair").inner_text()
        assert "SOLUSDT / BNBUSDT · 1m · Classic" in part(other, "pair").inner_text()
    swap = other.get_by_role("button", name="Swap Y and X")
    swap.click()
    expect(part(other, "pair")).to_contain_text("BNBUSDT / SOLUSDT")
    assert "ETHUSDT / BTCUSDT" in part(page, "pair").inner_text()
    assert part(page, "leg_ETHUSDT").count() == 1


def test_a_replayed_moment_says_what_the_journal_says(quiet: App, page: Page) -> None:
    desk(quiet, page, SECONDS)
    expect(part(page, "verdict")).to_have_attribute("data-value", JUDGED)
    count = "SELECT count(*) FROM decisions WHERE pair = 'ETHUSDT/BTCUSDT' AND timeframe_s = 1"
    assert comes_true(page, lambda: int(str(looks(quiet, count)[0][0])) >= 6)
    page.goto(f"{quiet.url}/replay?{SECONDS}")
    part(page, "agreement").wait_for()
    drawn(page)
    agreed = 0
    for _ in range(4):
        expect(part(page, "agreement")).to_have_attribute("data-value", re.compile("passed|unknown"))
        if part(page, "agreement").get_attribute("data-value") == "passed":
            agreed += 1
            numbers = {
                name: part(page, f"now_{name}").get_attribute("data-value")
                for name in ("z", "beta", "corr", "eg_pvalue", "cost_bps")
            }
            as_of = part(page, "fact_as_of").inner_text().removesuffix(" UTC")
            (row,) = looks(
                quiet,
                "SELECT d.verdict, z, beta, corr, eg_pvalue, cost_bps FROM decisions d WHERE pair = 'ETHUSDT/BTCUSDT'"
                " AND timeframe_s = 1 AND candle_ms = (strftime('%s', ?) - 1) * 1000",
                as_of,
            )  # fmt: skip
            assert part(page, "verdict").get_attribute("data-value") == row[0]
            told = dict(zip(numbers, row[1:], strict=True))
            assert {name: float(text or "nan") for name, text in numbers.items()} == pytest.approx(
                {name: float("nan") if v is None else v for name, v in told.items()}, rel=0, abs=0, nan_ok=True
            )
        before = part(page, "fact_as_of").inner_text()
        page.get_by_role("button", name="One back").click()
        expect(part(page, "fact_as_of")).not_to_have_text(before)
        drawn(page)
    assert agreed >= 2
