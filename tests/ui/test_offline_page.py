"""The Offline page: the same functions over files, marked as what it is, and apart from every desk."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from analytics.costs import round_trip
from analytics.decision import Freshness, decide
from analytics.params import Params
from analytics.record import record_of
from analytics.report import analyse
from analytics.ticket import deciding_z, legs_of
from tests.ui.candle_files import kline, opens, plain
from tests.ui.fakes import FakeDesk
from tests.ui.stage import markup, play, shown, words
from tests.ui.test_candle_file import BAD
from ui import offline
from ui.candle_file import read
from ui.pages import offline as page

FILES = [("ETHUSDT-1m.csv", kline("ETHUSDT"), "text/csv"), ("BTCUSDT-1m.csv", kline("BTCUSDT"), "text/csv")]


class Untouchable(FakeDesk):
    """Fails when the page asks anything of the desk about a pair."""

    def look(self, *args: object) -> None:  # type: ignore[override]
        raise AssertionError("the offline page asked the desk")

    live = journal = journal_before = as_of = candles = trades = report = look  # type: ignore[assignment]


def given(*files: tuple[str, bytes, str], **query: str) -> AppTest:
    app = play(Untouchable("wait"), "offline", **query)
    assert not app.exception
    app.file_uploader(key="offline_files").set_value(list(files)).run()
    assert not app.exception
    return app


def test_without_files_it_asks_for_them_and_says_what_it_is() -> None:
    app = play(Untouchable("wait", source="SIMULATED"), "offline")
    assert not app.exception
    assert shown(app, "source") == "OFFLINE"
    assert "reaches the live store or the journal" in words(app)
    assert "Prices come from a simulator" not in words(app)
    assert "open_time_ms, symbol, open, high, low, close, volume" in words(app)


@pytest.mark.parametrize("preset", ["Evidence", "Classic"])
def test_two_legs_are_judged_by_the_same_functions(preset: str) -> None:
    app = given(*FILES, preset=preset)
    params = Params(preset="classic" if preset == "Classic" else "evidence")
    y, x = (read(name, data).legs[name[:7]] for name, data, _ in FILES)
    report = analyse(y, x, params)
    legs = legs_of(report, deciding_z(report))
    assert legs is not None
    costs = round_trip(legs, fee_y_bps=5, fee_x_bps=5, half_y_bps=0.5, half_x_bps=0.5)
    record = record_of(report).summary()
    fresh = Freshness.as_of(report.newest_ms, timeframe_s=60)
    full = offline.look_at(y, x, params, offline.Assumed())
    again = decide(report, freshness=fresh, costs=full.costs, record=record)
    assert full.costs is not None
    assert full.costs.fees_bps == costs.fees_bps
    assert full.costs.half_spreads_bps == costs.half_spreads_bps
    assert shown(app, "verdict") == again.verdict.value
    assert shown(app, "z") == repr(deciding_z(report))
    assert shown(app, "beta") == repr(float(report.beta[-1]))
    for check in again.checks:
        assert shown(app, f"check_{check.key}") == ("" if check.value is None else repr(check.value))


def test_everything_on_it_is_marked_offline_and_nothing_live() -> None:
    page = markup(given(*FILES))
    assert "CONFIRMED" not in page
    assert page.count(">OFFLINE<") == 2 + 1 + 10  # strip and banner, mark, tiles
    assert "ps-tag-live" not in page
    assert ">LIVE<" not in page


def test_both_legs_may_come_in_one_file_and_be_swapped() -> None:
    app = given(("both.csv", plain(), "text/csv"))
    assert "ETHUSDT / BTCUSDT" in words(app)
    app.selectbox(key="offline_y").select("BTCUSDT")
    app.selectbox(key="offline_x").select("ETHUSDT").run()
    assert "BTCUSDT / ETHUSDT" in words(app)
    app.selectbox(key="offline_x").select("BTCUSDT").run()
    assert "two different symbols" in app.error[0].value


@pytest.mark.parametrize("why", sorted(BAD.keys() - {"too large"}))  # that one the browser does not even send
def test_a_bad_file_is_told_by_its_lines_and_nothing_is_judged(why: str) -> None:
    app = given(FILES[0], ("BTCUSDT-1m.csv", BAD[why][0](), "text/csv"))
    assert int(shown(app, "problems")) >= 1
    assert "was not read" in words(app)
    assert 'data-key="verdict"' not in markup(app)


def test_files_that_do_not_go_together_are_a_sentence() -> None:
    hours = ("BTCUSDT-1h.csv", kline("BTCUSDT", 50, 3600), "text/csv")
    assert "of one length" in given(FILES[0], hours).error[0].value
    assert "is in two files" in given(FILES[0], ("ETHUSDT-again.csv", kline("ETHUSDT", 50), "text/csv")).error[0].value
    assert "a pair needs two" in given(FILES[0]).error[0].value


def test_the_rules_own_window_follows_the_files_timeframe_and_a_chosen_one_stays() -> None:
    assert offline.params_for(Params(timeframe_s=60), 3600).fit_bars == 200
    assert offline.params_for(Params(timeframe_s=60, fit_bars=300), 3600).fit_bars == 300
    app = given(*FILES, w="900", tf="1h", n="950")
    assert shown(app, "verdict") in {"WAIT", "NOT TRADABLE", "TRAP", "TRADABLE"}


def test_windows_that_do_not_go_together_on_the_files_are_a_sentence() -> None:
    hours = [(f"{s}-1h.csv", kline(s, 50, 3600), "text/csv") for s in ("ETHUSDT", "BTCUSDT")]
    assert "z_bars must be from 2 to fit_bars (200)" in given(*hours, w="900").error[0].value


def test_too_few_candles_warm_up_and_say_so() -> None:
    app = given(*((f"{s}-1m.csv", kline(s, 300), "text/csv") for s in ("ETHUSDT", "BTCUSDT")))
    assert shown(app, "verdict") == "WARMING UP"
    assert "300 of 1250" in words(app)


def test_legs_that_share_no_time_are_drawn_without_an_error() -> None:
    late = kline("BTCUSDT", 100).replace(b"17213", b"17273")  # a hundred thousand minutes
    app = given(("ETHUSDT-1m.csv", kline("ETHUSDT", 100), "text/csv"), ("BTCUSDT-1m.csv", late, "text/csv"))
    assert shown(app, "verdict") in {"WARMING UP", "NO DATA"}


def test_costs_that_files_do_not_tell_are_the_traders() -> None:
    app = given(*FILES)
    before = shown(app, "cost")
    app.number_input(key="offline_half").set_value(3.0).run()
    assert float(shown(app, "cost")) == pytest.approx(float(before) + 2 * (3.0 - 0.5))
    app.number_input(key="offline_funding").set_value(1.5).run()
    assert float(shown(app, "cost")) == pytest.approx(float(before) + 2 * (3.0 - 0.5) + 1.5)


def test_the_page_is_handed_no_desk_and_imports_no_way_to_one() -> None:
    assert list(inspect.signature(page.draw).parameters) == ["controls"]
    root = Path(__file__).parents[2]
    for name in (
        "ui/pages/offline.py",
        "ui/given.py",
        "ui/offline.py",
        "ui/candle_file.py",
        "ui/candle_row.py",
        "ui/controls/offline.py",
    ):
        tree = ast.parse((root / name).read_text(encoding="utf-8"))
        modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not {m for m in modules if m and (m.startswith(("desk", "storage", "ingestion")) or m == "ui.port")}, (
            name
        )


def test_a_history_with_holes_is_shown_with_its_holes() -> None:
    lines = kline("ETHUSDT").decode().splitlines()
    del lines[700:720]
    y = read("ETHUSDT-1m.csv", "\n".join(lines).encode()).legs["ETHUSDT"]
    assert np.diff(y.open_ms).max() == 21 * 60_000
    assert len(y) == len(opens(1_400)) - 20
    app = given(("ETHUSDT-1m.csv", "\n".join(lines).encode(), "text/csv"), FILES[1])
    assert "1,380" in words(app)


def test_the_panel_of_the_record_says_how_long_to_go_as_the_check_does() -> None:
    text = words(given(*((f"{s}-1m.csv", kline(s, 4_000), "text/csv") for s in ("ETHUSDT", "BTCUSDT"))))
    found = re.findall(r"about (\d+ (?:days|hours|minutes)) to go", text)
    assert len(found) == 2
    assert found[0] == found[1]
