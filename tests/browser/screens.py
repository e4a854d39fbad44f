"""python -m tests.browser.screens: pictures of every state of the real app, from seeded scenarios of the simulator.

Each scenario gets a simulator and an app of its own. A picture is taken once the page says what it shall show, in a
light and a dark browser, 1440 and 390 px wide, and kept small: docs/screens/<name>-<theme>-<width>.png.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as TooLate

from simulator.market import MarketPlan
from simulator.running import Bases, SimulatedExchange
from simulator.scenarios import SCENARIOS
from tests.browser.conftest import FLAGS, ROOT, App, app_at, chromium, drawn, market
from tests.ui.candle_files import kline

NOBODY: Final = Bases("wss://fstream.binance.com:1", "https://fstream.binance.com:1")  # it does not listen there
OUT: Final = ROOT / "docs" / "screens"
THEMES: Final = ("light", "dark")
HEIGHTS: Final = {1440: 900, 390: 844}
MAX_BYTES: Final = 220_000
# Pairs that nothing ties in the default market, to be tried until one says what is wanted.
UNTIED: Final = tuple(
    f"y={y}&x={x}" for y, x in (
        ("BNBUSDT", "SOLUSDT"), ("SOLUSDT", "ETHUSDT"), ("BNBUSDT", "BTCUSDT"), ("SOLUSDT", "BTCUSDT"),
        ("BNBUSDT", "ETHUSDT"), ("XRPUSDT", "BTCUSDT"), ("LTCUSDT", "ETHUSDT"), ("XRPUSDT", "SOLUSDT"),
    )
)  # fmt: skip


def verdict(word: str) -> str:
    """The banner with this verdict."""
    return f"[data-key=verdict][data-value='{word}']"


KNOWN_COST: Final = "[data-key=check_record]:not([data-state=unknown])"


@dataclass(frozen=True)
class Shot:
    """One state: the scenario that has it, and what the page must show."""

    name: str
    scenario: str  # empty: no exchange can be reached
    shows: tuple[str, ...]  # selectors; all of them
    path: str = ""
    queries: tuple[str, ...] = ("",)
    patience_s: float = 90.0  # for one query
    prepare: Callable[[Page], None] | None = None
    whole: bool = False  # a picture of the whole page, too


def upload(page: Page) -> None:
    """Two good files."""
    page.locator("input[type=file]").wait_for(state="attached", timeout=30_000)
    files = [
        {"name": f"{s}-1m-2024-07.csv", "mimeType": "text/csv", "buffer": kline(s, 4_000)}
        for s in ("ETHUSDT", "BTCUSDT")
    ]
    page.locator("input[type=file]").set_input_files(files)  # type: ignore[arg-type]


def ask_for_traps(page: Page) -> None:
    """A rule for the pair on screen, once."""
    page.locator("[data-key=no_rules], [data-key=alert_rule]").first.wait_for(timeout=30_000)
    mine = page.locator("[data-key=alert_rule]").filter(has_text="Becomes a TRAP")
    if mine.count():
        return
    for key, option in (("alert_kind", "Becomes a TRAP"), ("alert_pair", "ETHUSDT/BTCUSDT · on screen")):
        page.locator(f".st-key-{key} input").click()
        page.get_by_role("option", name=option, exact=True).click()
        page.wait_for_timeout(600)  # until the form is begun to be drawn anew
        drawn(page)
    page.get_by_role("button", name="Add the rule").click()
    mine.wait_for(timeout=30_000)


def walk(page: Page) -> None:
    """A month fetched and run."""
    page.get_by_role("button", name="Fetch what is missing").click(timeout=60_000)
    page.locator("[data-key=walk_load][data-value=done]").wait_for(timeout=120_000)
    page.get_by_role("button", name="Run", exact=True).click()
    page.mouse.move(5, 5)


def look_often(page: Page) -> None:
    """Three pairs by the recipe over half a minute of seconds: they enter often, and soon something is scored."""
    there = page.url
    for pair in ("y=ETHUSDT&x=BTCUSDT", "y=SOLUSDT&x=ETHUSDT", "y=BNBUSDT&x=BTCUSDT"):
        page.goto(f"{there.split('/track-record')[0]}/?{pair}&tf=1s&n=30&w=10&entry=1.2&preset=Classic")
        page.locator("[data-key=verdict]").wait_for(timeout=60_000)
    page.goto(there)
    page.locator(".st-key-track_settings input").click()  # the recipe over half a minute is not the rule's own
    page.get_by_role("option", name="All settings", exact=True).click()


SCORED: Final = "[data-key=refused_closed]" + "".join(f":not([data-value='{n}'])" for n in range(4))

SHOTS: Final = (
    Shot("unreachable", "", ("[data-key=state][data-value=unreachable]",)),
    Shot("no-data", "silent", (verdict("NO DATA"),)),
    Shot("warming-up", "young", (verdict("WARMING UP"), "[data-key=price_y]:not([data-value=''])")),
    Shot("trap", "trap", (verdict("TRAP"), KNOWN_COST)),
    Shot("alerts", "trap", ("[data-key=alert]",), path="alerts", prepare=ask_for_traps),
    Shot("not-tradable", "default", (verdict("NOT TRADABLE"),), queries=UNTIED, patience_s=15.0),
    Shot("offline", "default", ("[data-key=verdict]",), path="offline", prepare=upload),
    Shot(
        "walk-forward",
        "default",
        ("[data-key=walk]", "table[aria-label='Neighbouring settings']"),
        path="walk-forward",
        queries=("walk_days=30+days",),
        patience_s=240.0,
        prepare=walk,
        whole=True,
    ),
    Shot("decision", "quiet", (verdict("WAIT"), KNOWN_COST), whole=True),
    Shot(
        "track-record",
        "quiet",
        (SCORED, "[data-key=open_trade]"),
        path="track-record",
        prepare=look_often,
        patience_s=400.0,
    ),
    Shot("data", "quiet", ("[data-key=health]", "[data-testid=stDataFrame]"), path="data"),
    Shot("tradable", "tradable", (verdict("TRADABLE"),), patience_s=1_200.0),
    Shot("replay", "tradable", ("[data-key=agreement][data-value=passed]",), path="replay"),
)


def small(png: bytes) -> bytes:
    """The picture with a palette of its own, smaller where it must be; text stays sharp, for nothing is dithered."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for scale in (1.0, 0.75, 0.6, 0.5):
        size = (int(picture.width * scale), int(picture.height * scale))
        scaled = picture if scale == 1.0 else picture.resize(size, Image.Resampling.LANCZOS)
        out = io.BytesIO()
        # The means of a few rounds bring the palette, chosen for its reach, close to the colours that are there most.
        palette = scaled.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
        palette.save(out, "PNG", optimize=True)
        if out.tell() <= MAX_BYTES:
            break
    return out.getvalue()


@contextmanager
def running(scenario: str, seed: int = 1) -> Iterator[App]:
    """The app at a market of this scenario; or an app that reaches nobody."""
    exchange: AbstractContextManager[SimulatedExchange | Bases]
    exchange = market(MarketPlan(seed, scenario=SCENARIOS[scenario])) if scenario else nullcontext(NOBODY)
    with (
        exchange as bases,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        app_at(bases, Path(folder)) as app,
    ):
        yield app


def take(
    app: App,
    browser: Browser,
    shot: Shot,
    out: Path,
    themes: Sequence[str] = THEMES,
    widths: Sequence[int] = (1440, 390),
) -> list[Path]:
    """All pictures of one state."""
    pages = {
        (theme, width): browser.new_context(
            viewport={"width": width, "height": HEIGHTS[width]},
            color_scheme=theme,  # type: ignore[arg-type]
        ).new_page()
        for theme in themes
        for width in widths
    }
    try:
        for query in shot.queries:
            try:
                return _taken(app, pages, shot, query, out)
            except TooLate:
                continue
        raise TimeoutError(f"{shot.name}: the page never showed {shot.shows}\n{app.log[-2_000:]}")
    finally:
        for page in pages.values():
            page.context.close()


def _taken(app: App, pages: dict[tuple[str, int], Page], shot: Shot, query: str, out: Path) -> list[Path]:
    for page in pages.values():
        page.goto(f"{app.url}/{shot.path}?{query}", timeout=60_000)
        if shot.prepare is not None:
            shot.prepare(page)
    deadline = time.monotonic() + shot.patience_s
    for page in pages.values():
        for selector in shot.shows:
            page.locator(selector).first.wait_for(timeout=max(1.0, deadline - time.monotonic()) * 1_000)
    done = []
    for (theme, width), page in pages.items():
        page.wait_for_timeout(1_200)  # the figure, and a tick of the live numbers
        path = out / f"{shot.name}-{theme}-{width}.png"
        path.write_bytes(small(page.screenshot()))
        done.append(path)
        if shot.whole and (theme, width) == ("light", 1440):
            height = page.evaluate("document.querySelector('.stMainBlockContainer').scrollHeight + 90")
            page.set_viewport_size({"width": width, "height": int(height)})
            page.wait_for_timeout(1_200)
            path = out / f"{shot.name}-whole-page.png"
            path.write_bytes(small(page.screenshot()))
            done.append(path)
    return done


def main(argv: list[str] | None = None) -> None:
    """Take all, or those named."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screens", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(s.name for s in SHOTS)}; default all")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    wanted = [s for s in SHOTS if not args.names or s.name in args.names]
    args.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        for scenario in dict.fromkeys(s.scenario for s in wanted):
            with running(scenario) as app:
                for shot in (s for s in wanted if s.scenario == scenario):
                    for path in take(app, browser, shot, args.out):
                        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB", flush=True)  # noqa: T201
        browser.close()


if __name__ == "__main__":
    main()
