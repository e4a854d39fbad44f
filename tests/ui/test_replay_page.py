"""The Replay page: a past candle as it was, the journal beside it, slider, steps and play."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analytics.journal import row_of
from analytics.look import Look
from analytics.params import Params
from core.errors import DegenerateData
from core.journal import JournalRow
from core.types import Candles
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import END_MS, Scenario, past_look
from tests.ui.stage import markup, play, shown, words
from ui import formats
from ui.agreement import NOT_COMPARED, agreement

PAIR = ("ETHUSDT", "BTCUSDT")
MINUTE = 60_000
NEWEST = END_MS - MINUTE
TWO = "2024-07-19T14:00"


@dataclass
class Honest(FakeDesk):
    """Its journal holds exactly what its looks say, at the newest three candles."""

    note: str = ""
    wrong: str = ""  # a field that the journal has otherwise

    def journal(self, symbol_y: str, symbol_x: str, params: Params, limit: int) -> Sequence[JournalRow]:
        looks = (past_look(self.scenario, symbol_y, symbol_x, params, NEWEST - k * MINUTE) for k in (2, 1, 0))
        rows = [replace(row_of(look), written_ms=1, note=self.note) for look in looks]
        return [replace(r, **{self.wrong: 0.123}) for r in rows] if self.wrong else rows  # type: ignore[arg-type]


def at(app: AppTest, candle_ms: int) -> AppTest:
    app.select_slider(key="replay_at").set_value(candle_ms).run()
    assert not app.exception
    return app


@pytest.mark.parametrize("scenario", ["tradable", "wait", "thin", "not_tradable", "trap", "warming"])
@pytest.mark.parametrize("preset", ["Evidence", "Classic"])
def test_a_past_candle_shows_the_look_of_then(scenario: Scenario, preset: str) -> None:
    app = play(FakeDesk(scenario), "replay", preset=preset)
    assert not app.exception
    params = Params(preset="classic" if preset == "Classic" else "evidence")
    for candle_ms in (NEWEST, NEWEST - 7 * MINUTE):
        then = past_look(scenario, *PAIR, params, candle_ms)
        at(app, candle_ms)
        assert shown(app, "verdict") == then.decision.verdict.value
        assert formats.prose(then.decision.reason) in words(app)
        for check in then.decision.checks:
            assert shown(app, f"check_{check.key}") == ("" if check.value is None else repr(check.value))
        assert f"{formats.stamp(candle_ms + MINUTE)} UTC" in words(app)


def test_nothing_of_the_past_is_live() -> None:
    page = markup(play(FakeDesk("tradable"), "replay"))
    assert "ps-tag-live" not in page
    assert "THE PAST" in page
    assert 'data-key="row_live"' not in page


def test_the_journal_beside_it_says_the_same_in_every_field() -> None:
    app = play(Honest("tradable"), "replay")
    assert shown(app, "agreement") == "passed"
    for field in ("verdict", "z", "eg_pvalue", "expected_net_bps"):
        assert shown(app, f"now_{field}") == shown(app, f"then_{field}")
    assert "in all" in words(app)


@pytest.mark.parametrize("wrong", ["z", "kappa_low", "half_spreads_bps"])
def test_a_journal_that_said_something_else_is_not_glossed_over(wrong: str) -> None:
    app = play(Honest("tradable", wrong=wrong, note="repaired"), "replay")
    assert shown(app, "agreement") == "failed"
    assert f"something else in: {wrong}." in words(app)
    assert "repaired afterwards" in words(app)


def test_how_a_check_was_worded_and_a_number_written_is_no_difference_and_what_it_found_is() -> None:
    look = past_look("tradable", *PAIR, Params(), NEWEST)
    row = row_of(look)
    told = json.loads(row.checks)
    worded = json.dumps([{**check, "value_text": "in other words", "flips": ""} for check in told], indent=1)
    assert agreement(look, replace(row, checks=worded)).same
    found = json.dumps([{**check, "state": "unknown"} for check in told])
    assert agreement(look, replace(row, checks=found)).differs == ("checks",)


def test_where_nothing_was_said_the_page_says_so() -> None:
    app = at(play(Honest("tradable"), "replay"), NEWEST - 10 * MINUTE)
    assert shown(app, "agreement") == "unknown"
    assert "Nothing was said at this candle" in words(app)
    assert shown(app, "then_verdict") == ""


def test_everything_but_the_writing_is_compared() -> None:
    look = past_look("tradable", *PAIR, Params(), NEWEST)
    row = row_of(look)
    assert agreement(look, row).same
    assert agreement(look, row).compared == len(JournalRow.__slots__) - len(NOT_COMPARED)
    for name in ("verdict", "reason", "checks", "rule", "cost_bps"):
        assert agreement(look, replace(row, **{name: "x"})).differs == (name,)  # type: ignore[arg-type]


def test_a_candle_that_is_not_stored_for_both_is_a_sentence() -> None:
    app = at(play(FakeDesk("wait"), "replay"), NEWEST - 140 * MINUTE)
    assert shown(app, "state") == "failed"
    assert "No candle that both legs share" in words(app)


def test_steps_move_by_one_candle_and_end_at_the_ends() -> None:
    app = play(FakeDesk("wait"), "replay")
    assert app.button(key="replay_forward").disabled
    app.button(key="replay_back").click().run()
    assert app.select_slider(key="replay_at").value == NEWEST - MINUTE
    app.button(key="replay_forward").click().run()
    assert app.select_slider(key="replay_at").value == NEWEST


def test_play_goes_on_by_itself_and_stops_at_the_newest_candle() -> None:
    app = at(play(FakeDesk("wait"), "replay"), NEWEST - 3 * MINUTE)
    app.button(key="replay_play").click().run()
    seen = [app.select_slider(key="replay_at").value]
    assert app.button(key="replay_play").label == "Pause"
    for _ in range(3):
        app.run()
        seen.append(app.select_slider(key="replay_at").value)
    assert seen == [NEWEST - 2 * MINUTE, NEWEST - MINUTE, NEWEST, NEWEST]
    assert app.button(key="replay_play").label == "Play"


def test_play_at_the_newest_candle_begins_with_the_oldest() -> None:
    app = play(FakeDesk("tradable"), "replay")
    opens = app.select_slider(key="replay_at").options
    app.button(key="replay_play").click().run()
    assert app.select_slider(key="replay_at").value == END_MS - len(opens) * 60_000
    assert app.button(key="replay_play").label == "Pause"


def test_a_link_opens_the_stretch_that_ends_at_its_moment() -> None:
    app = play(FakeDesk("wait"), "replay", until=TWO)
    assert not app.exception
    assert app.select_slider(key="replay_at").value == END_MS - 61 * MINUTE
    assert "2024-07-19 14:00:00 UTC" in words(app)


def test_a_moment_before_everything_stored_is_a_sentence() -> None:
    app = play(FakeDesk("wait"), "replay", until="2020-01-01T00:00")
    assert not app.exception
    assert shown(app, "state") == "failed"
    assert "stored up to then. Choose a later moment." in " ".join(words(app).split())


class Late(FakeDesk):
    """Its candles, or its looks, come after they were asked for a few times."""

    waits: int = 0
    asked: int = 0
    of_looks: bool = False

    def _there(self) -> bool:
        self.asked += 1
        return self.asked > self.waits

    def candles(self, symbol: str, timeframe_s: int, *args: Any, **kwargs: Any) -> Candles:
        if self.of_looks or self._there():
            return super().candles(symbol, timeframe_s, *args, **kwargs)
        return Candles.empty(symbol, timeframe_s)

    def as_of(self, symbol_y: str, symbol_x: str, params: Params, candle_ms: int) -> Look:
        if self.of_looks and not self._there():
            raise DegenerateData("Not yet.")
        return super().as_of(symbol_y, symbol_x, params, candle_ms)


@pytest.mark.parametrize("of_looks", [False, True])
def test_what_was_not_there_is_looked_for_each_second_and_becomes_the_page(
    of_looks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AppTest fires no timers: here candles come between a page's first fragment and the second, its tick."""
    desk, fragment = Late("wait"), st.fragment
    timed: dict[str, float | None] = {}

    def noted(func: Callable[..., object], *, run_every: float | None = None) -> Callable[..., object]:
        timed[getattr(func, "__name__", "the candle")] = run_every
        return fragment(func, run_every=run_every)

    monkeypatch.setattr(st, "fragment", noted)
    desk.of_looks, desk.waits = of_looks, 1_000
    app = play(desk, "replay")
    assert shown(app, "state") == "failed"
    assert timed["_again"] == 1.0
    desk.asked, desk.waits = 0, 1 if of_looks else 2  # a candle of each leg
    app.run()
    assert not app.exception
    assert shown(app, "verdict") == "WAIT"


@pytest.mark.parametrize("scenario", ["stopped", "unreachable", "empty", "failed"])
def test_without_candles_there_is_nothing_to_replay_and_no_error(scenario: Scenario) -> None:
    app = play(FakeDesk(scenario), "replay")
    assert not app.exception
    assert shown(app, "state") == "failed"


def test_choices_that_do_not_go_together_are_a_sentence_here_too() -> None:
    app = play(FakeDesk("wait"), "replay", x="ETHUSDT")
    assert not app.exception
    assert shown(app, "state") == "choose"


@pytest.mark.parametrize(("scenario", "offers"), [("unreachable", "state_simulator"), ("stopped", "state_start")])
def test_where_nothing_comes_the_page_offers_what_can_be_done_about_it(scenario: Scenario, offers: str) -> None:
    assert [b.key for b in play(FakeDesk(scenario), "replay").button if str(b.key).startswith("state_")] == [offers]
