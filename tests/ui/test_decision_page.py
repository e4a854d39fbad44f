"""The Decision page, run as Streamlit runs it, over every state of a desk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import nan

import pytest
from msgspec import structs

from analytics.decision import LiveScore
from analytics.params import Params
from analytics.presets import PRESETS
from core.errors import PairsightError
from core.journal import JournalRow
from core.types import DeskStatus, Source
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import END_MS, Scenario, look
from tests.ui.stage import markup, play, shown, words
from ui import formats
from ui.controls import Controls
from ui.panels import checklist
from ui.shape import read

VERDICTS: dict[Scenario, str] = {
    "tradable": "TRADABLE",
    "wait": "WAIT",
    "thin": "WAIT",
    "not_tradable": "NOT TRADABLE",
    "trap": "TRAP",
    "warming": "WARMING UP",
    "no_data": "NO DATA",
    "empty": "WARMING UP",
}


@pytest.mark.parametrize("preset", ["Evidence", "Classic"])
@pytest.mark.parametrize("scenario", VERDICTS)
def test_every_state_is_drawn_in_both_presets_without_an_error(scenario: Scenario, preset: str) -> None:
    app = play(FakeDesk(scenario), preset=preset)
    assert not app.exception
    assert not app.error
    assert shown(app, "verdict") in {"TRADABLE", "WAIT", "NOT TRADABLE", "TRAP", "WARMING UP", "NO DATA"}


@pytest.mark.parametrize(("scenario", "verdict"), VERDICTS.items())
def test_the_banner_says_the_looks_verdict_and_reason(scenario: Scenario, verdict: str) -> None:
    app = play(FakeDesk(scenario))
    decision = look(scenario, "ETHUSDT", "BTCUSDT", Params()).decision
    assert shown(app, "verdict") == verdict == decision.verdict.value
    assert formats.prose(decision.reason) in words(app)


def test_the_numbers_on_the_tiles_are_the_reports_own() -> None:
    app = play(FakeDesk("tradable"))
    r = look("tradable", "ETHUSDT", "BTCUSDT", Params()).report
    for key, values in (("z", r.z), ("beta", r.beta), ("spread", r.spread), ("corr", r.corr)):
        assert shown(app, key) == repr(float(values[-1]))
    assert r.half_life is not None
    assert shown(app, "half_life") == repr(r.half_life.bars)


def test_the_checklist_shows_every_check_with_its_value() -> None:
    app = play(FakeDesk("wait"))
    for check in look("wait", "ETHUSDT", "BTCUSDT", Params()).decision.checks:
        assert shown(app, f"check_{check.key}") == ("" if check.value is None else repr(check.value))


def test_classic_decides_by_the_rolling_z_and_shows_it() -> None:
    app = play(FakeDesk("wait"), preset="Classic")
    r = look("wait", "ETHUSDT", "BTCUSDT", Params(preset="classic")).report
    assert shown(app, "z") == repr(float(r.z_roll[-1]))


def test_a_silent_stream_turns_live_numbers_stale() -> None:
    page = markup(play(FakeDesk("no_data")))
    assert "STALE" in page
    assert "ps-tag-live" not in page


def test_a_half_life_is_not_shown_without_a_relationship() -> None:
    assert shown(play(FakeDesk("trap")), "half_life") == ""


def test_expected_net_is_not_shown_without_a_relationship() -> None:
    assert shown(play(FakeDesk("trap")), "net") == ""


def test_the_ticket_is_an_example_unless_the_verdict_is_tradable() -> None:
    assert 'data-state="trade"' in markup(play(FakeDesk("tradable")))
    assert 'data-state="example"' in markup(play(FakeDesk("thin")))


def test_an_unreachable_exchange_is_explained_and_the_simulator_is_one_click_away() -> None:
    desk = FakeDesk("unreachable")
    app = play(desk)
    assert shown(app, "state") == "unreachable"
    assert "could not be resolved" in words(app)
    app.button(key="state_simulator").click().run()
    assert "use_simulator" in desk.calls
    assert shown(app, "source") == "SIMULATED"
    assert shown(app, "verdict") == "WAIT"


def test_a_simulator_that_cannot_start_says_why_on_the_page() -> None:
    app = play(FakeDesk("unreachable", refuse_simulator="No free port was found for the simulator."))
    app.button(key="state_simulator").click().run()
    assert not app.exception
    assert [e.value for e in app.error] == ["No free port was found for the simulator."]


@pytest.mark.parametrize("page", ["decision", "data"])
def test_made_up_prices_are_said_to_be_made_up(page: str) -> None:
    app = play(FakeDesk("wait", source="SIMULATED"), page)
    assert shown(app, "source") == "SIMULATED"
    assert "not from the exchange" in words(app)
    assert ">LIVE<" not in markup(app)
    assert app.button(key="feed_exchange")


def test_real_prices_carry_no_such_note() -> None:
    assert 'data-key="source"' not in markup(play(FakeDesk("wait")))


def test_a_stopped_desk_without_candles_offers_the_start() -> None:
    desk = FakeDesk("stopped")
    app = play(desk)
    assert shown(app, "state") == "stopped"
    app.button(key="state_start").click().run()
    assert desk.running
    assert shown(app, "verdict") == "WARMING UP"


def test_a_stopped_desk_with_candles_shows_them_and_says_that_they_are_stored() -> None:
    app = play(FakeDesk("wait", running=False))
    assert "What is shown is what was stored." in words(app)
    assert "ps-tag-live" not in markup(app)
    assert app.button(key="state_start")


def test_a_pair_that_cannot_be_analysed_gets_a_sentence() -> None:
    app = play(FakeDesk("failed"))
    assert not app.exception
    assert shown(app, "state") == "failed"
    assert "there is nothing to fit" in words(app)


def test_a_database_that_cannot_be_written_is_said_loudly() -> None:
    app = play(FakeDesk("wait", store_problem="The disk is full."))
    assert "The database is not being written." in words(app)
    assert "The disk is full." in words(app)


def test_the_page_is_drawn_anew_with_the_first_candles_so_that_their_files_are_there() -> None:
    desk, pair = FakeDesk("empty"), Controls("ETHUSDT", "BTCUSDT", Params())
    before, _ = read(desk, pair, 10)
    desk.scenario = "wait"
    after, _ = read(desk, pair, 10)
    assert before != after
    assert read(desk, pair, 10)[0] == after


def test_stop_stops_the_desk() -> None:
    desk = FakeDesk("wait")
    play(desk).button(key="feed_stop").click().run()
    assert desk.calls[-1] == "stop"


def test_paused_is_said_where_the_verdict_is() -> None:
    app = play(FakeDesk("wait"))
    assert "PAUSED" not in markup(app)
    app.toggle(key="paused").set_value(True).run()
    assert "PAUSED" in markup(app)


def test_text_from_the_desk_cannot_become_markup() -> None:
    class Hostile(FakeDesk):
        def journal(self, symbol_y: str, symbol_x: str, params: Params, limit: int) -> tuple[JournalRow, ...]:
            rows = super().journal(symbol_y, symbol_x, params, limit)
            return (
                *rows[:-1],
                JournalRow(rows[-1].pair, 60, rows[-1].candle_ms, "", "", "<script>alert(1)</script>", ""),
            )

        def use_simulator(self) -> None:
            raise PairsightError("<b>no</b>")

    page = markup(play(Hostile("wait")))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_change_of_verdict_is_announced_once_and_staying_is_not() -> None:
    desk = FakeDesk("wait")
    app = play(desk)
    assert not app.toast
    app.run()
    assert not app.toast
    desk.scenario = "tradable"
    app.run()
    (toast,) = app.toast
    assert "ETHUSDT / BTCUSDT 1m: wait, now TRADABLE" in toast.value
    app.run()
    assert not app.toast


def test_another_pair_is_no_change_of_verdict() -> None:
    desk = FakeDesk("wait")
    app = play(desk)
    desk.scenario = "tradable"
    app.selectbox(key="y").select("SOLUSDT").run()
    assert not app.toast


@pytest.mark.parametrize("preset", ["Evidence", "Classic"])
def test_each_preset_says_how_often_it_was_measured_to_be_wrong(preset: str) -> None:
    app = play(FakeDesk("wait"), preset=preset)
    assert shown(app, "measured") == preset.lower()
    for info in PRESETS.values():
        assert info.false_alarms[1:] in words(app)


@dataclass
class Collecting(FakeDesk):
    """Nothing is on its way: candles come one by one."""

    def status(self) -> DeskStatus:
        return replace(super().status(), warmup={})


@pytest.mark.parametrize(
    ("source", "timeframe", "way"),
    [
        ("LIVE", "5s", "Choose 1m or longer"),
        ("LIVE", "1m", ""),
        ("REPLAY", "1m", "a shorter timeframe, or a smaller N"),
    ],
)
def test_a_long_warm_up_names_the_shorter_way(source: Source, timeframe: str, way: str) -> None:
    app = play(Collecting("warming", source=source), tf=timeframe)
    assert shown(app, "verdict") == "WARMING UP"
    assert way in words(app)
    assert ('data-key="sooner"' in markup(app)) == bool(way)
    assert 'data-key="sooner"' not in markup(play(FakeDesk("warming", source=source), tf=timeframe))  # it is loading


def test_prices_are_shown_while_there_is_no_fit_to_score_them() -> None:
    class Young(FakeDesk):
        def live(self, symbol_y: str, symbol_x: str, params: Params) -> LiveScore:
            return LiveScore(END_MS, 3425.01, 64000.1, nan, nan, nan)

    app = play(Young("warming"))
    assert shown(app, "price_y") == "3425.01"
    assert shown(app, "z_live") == ""
    assert "64,000.1" in words(app)


def test_a_window_that_only_reads_says_so_and_can_take_over() -> None:
    desk = FakeDesk("wait", other_collects=True)
    app = play(desk)
    assert "This window reads." in words(app)
    assert "Another Pairsight collects" in words(app)
    assert shown(app, "verdict") == "WAIT"
    app.button(key="feed_take_over").click().run()
    assert desk.calls == ["start"]
    assert "still collects" in app.sidebar.error[0].value
    desk.other_collects = False
    app.button(key="feed_take_over").click().run()
    assert "This window reads." not in words(app)
    assert not app.sidebar.error


@pytest.mark.parametrize("running", [True, False])
def test_a_window_that_may_only_read_offers_nothing_that_collects(running: bool) -> None:
    app = play(FakeDesk("wait", running=running, other_collects=True, may_collect=False))
    assert "This window reads." in words(app)
    assert "This window only reads." in app.sidebar.caption[0].value
    assert ("Nobody collects now." in words(app)) is not running
    assert {b.key for b in app.button} & {"feed_take_over", "feed_start", "feed_stop", "state_start"} == set()


def test_before_anything_is_stored_it_says_where_to_start() -> None:
    app = play(FakeDesk("stopped", may_collect=False))
    assert "Start the Pairsight that collects into this database" in words(app)
    assert "state_start" not in {b.key for b in app.button}


def test_margins_carry_the_unit_of_their_value() -> None:
    text = words(play(FakeDesk("wait")))
    by_key = {c.key: c for c in look("wait", "ETHUSDT", "BTCUSDT", Params()).decision.checks}
    assert f"{formats.number(by_key['stretched'].margin, 2, sign=True)}\N{NO-BREAK SPACE}z" in text
    assert f"{formats.number(by_key['record'].margin, 1, sign=True)}\N{NO-BREAK SPACE}bps" in text
    assert "% pts" in text


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [("related", 0.0001, "+0.0001"), ("stretched", -0.002, "−0.002 z"), ("half_life", 0.3, "+0.3 bars"),
     ("clean", -0.0004, "−0.04 % pts"), ("related", 0.0, "0.000")],
)  # fmt: skip
def test_a_margin_that_is_not_nothing_does_not_read_as_nothing(key: str, value: float, text: str) -> None:
    (found,) = (c for c in look("wait", "ETHUSDT", "BTCUSDT", Params()).decision.checks if c.key == key)
    assert checklist.margin(structs.replace(found, margin=value)).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize("later", ["wait", "trap"])
def test_a_desk_that_starts_up_announces_nothing_but_a_trade(later: Scenario) -> None:
    desk = FakeDesk("no_data")
    app = play(desk)
    desk.scenario = later
    app.run()
    assert not app.toast
    desk.scenario = "no_data"
    app.run()
    assert app.toast
    desk.scenario = "tradable"
    app.run()
    assert app.toast
