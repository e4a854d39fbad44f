"""Every page, preset and state of a desk is drawn without an error, whoever's prices they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from analytics.params import FIT_BARS, Params
from core.types import TIMEFRAME_NAMES
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import Scenario, look
from tests.ui.stage import markup, play, shown
from ui import shell

PAGES = re.findall(r'url_path="([\w-]+)"', Path(shell.__file__).read_text(encoding="utf-8"))  # new ones, too
SOURCES = ("LIVE", "SIMULATED", "REPLAY")
STATES: tuple[Scenario, ...] = get_args(Scenario)


@pytest.mark.parametrize("scenario", STATES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_drawn_in_every_state_and_both_presets(page: str, scenario: Scenario) -> None:
    for preset in ("Evidence", "Classic"):
        app = play(FakeDesk(scenario), page, preset=preset)
        assert not app.exception, (page, scenario, preset)
        assert "<h1" in markup(app), "a page without a heading"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("page", [p for p in PAGES if p != "offline"])
def test_every_page_says_whose_prices_these_are(page: str, source: str) -> None:
    html = markup(play(FakeDesk("wait", source=source), page))  # type: ignore[arg-type]
    assert ('data-key="source"' in html) == (source != "LIVE")
    assert source == "LIVE" or ">LIVE<" not in html


@pytest.mark.parametrize("unit", ["log", "price"])
@pytest.mark.parametrize(("timeframe_s", "name"), TIMEFRAME_NAMES.items())
def test_every_timeframe_and_both_units_show_the_reports_own_numbers(timeframe_s: int, name: str, unit: str) -> None:
    app = play(FakeDesk("tradable"), tf=name, spread=unit)
    assert not app.exception
    params = Params(timeframe_s, price_units=unit == "price")
    r = look("tradable", "ETHUSDT", "BTCUSDT", params).report
    assert r.params.fit_bars == FIT_BARS[timeframe_s]
    assert shown(app, "z") == repr(float(r.log_fits.z[-1]))
    for key in ("beta", "spread", "corr"):
        assert shown(app, key) == repr(float(getattr(r, key)[-1]))
