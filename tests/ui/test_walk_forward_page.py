"""The Walk-forward page: asks once, shows what came, says what was assumed, and picks nothing."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from analytics.backtest import WalkForward
from analytics.params import Params
from analytics.sensitivity import Sensitivity
from analytics.trial import Trial, TrialAsk
from core.load import HistoryLoad
from tests.ui.candle_files import kline
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import walked
from tests.ui.stage import markup, play, shown, words
from ui import exports, walk_tables, walk_words

PAGE = "walk-forward"


def run(desk: FakeDesk, **query: str) -> AppTest:
    """The page after its run."""
    app = play(desk, PAGE, **query)
    assert not app.exception
    app.button(key="walk_run").click().run()
    assert not app.exception
    return app


def asked(desk: FakeDesk) -> TrialAsk:
    return list(desk.walks)[-1]


def test_nothing_is_run_before_it_is_asked_for_and_a_redraw_does_not_run_again() -> None:
    desk = FakeDesk("wait")
    app = play(desk, PAGE)
    assert "Nothing has been run here" in words(app)
    assert "walk" not in desk.calls
    app.button(key="walk_run").click().run()
    app.run()
    app.run()
    assert desk.calls.count("walk") == 1


def test_the_run_is_the_sidebars_rule_with_what_is_assumed() -> None:
    desk = FakeDesk("wait")
    app = play(desk, PAGE, entry="1.80", fee="2.00", walk_days="90 days", walk_fill="Close")
    app.number_input(key="walk_half_ETHUSDT_guessed").set_value(0.25)
    app.toggle(key="walk_stop").set_value(False)
    app.selectbox(key="walk_redraws").select("None")
    app.number_input(key="walk_tried").set_value(7)
    app.button(key="walk_run").click().run()
    assert not app.exception
    ask = asked(desk)
    assert (ask.symbol_y, ask.symbol_x, ask.days, ask.legs) == ("ETHUSDT", "BTCUSDT", 90, None)
    assert (ask.params.entry_z, ask.params.fee_bps) == (1.8, 2.0)
    assert (ask.execution.fill, ask.execution.stop) == ("close", False)
    assert (ask.half_y_bps, ask.half_x_bps, ask.settled) == (0.25, 0.5, True)
    assert (ask.redraws, ask.tried_before) == (0, 7)
    assert "half price-spreads 0.25 and 0.5 bps" in words(app)
    assert "no stop" in words(app)
    assert "Nothing was redrawn" in words(app)


def test_every_figure_is_the_runs_own() -> None:
    desk = FakeDesk("wait")
    app = run(desk)
    done = walked(asked(desk))
    assert done.run is not None
    assert done.banner is not None
    s = done.run.summary
    assert shown(app, "walk") == done.banner.tone
    assert done.banner.headline in words(app)
    assert shown(app, "walk_trades") == str(s.trades)
    assert shown(app, "walk_net_bps") == f"{s.net_bps:+.1f} bps"
    assert app.dataframe[0].value["net"].sum() == pytest.approx(s.net)
    assert len(app.dataframe[0].value) == s.trades
    assert app.dataframe[0].value["look_utc"].is_monotonic_decreasing


def test_all_neighbours_stand_in_their_order_and_none_is_marked_but_the_run() -> None:
    desk = FakeDesk("wait")
    page = markup(run(desk))
    rows = [v.setting.changed or "this run" for v in walked(asked(desk)).variants]
    at = [page.index(f">{name}</th>") for name in rows]
    assert at == sorted(at)
    assert page.count('class="ps-own"') == 2  # the run among the settings, and the net of where it went


def test_entries_that_no_candle_filled_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = FakeDesk("wait")
    assert "no candle filled" not in words(run(desk))
    for count, told in ((1, "looks, 1 entry that no candle filled"), (3, "looks, 3 entries that no candle filled")):
        monkeypatch.setattr(WalkForward, "unfilled", count)
        assert told in words(run(desk))


def test_the_money_adds_up_on_screen() -> None:
    desk = FakeDesk("wait")
    run(desk)
    done = walked(asked(desk)).run
    assert done is not None
    s = done.summary
    assert s.gross - s.fees - s.half_spreads - s.funding == pytest.approx(s.net)


def test_changed_choices_do_not_change_what_was_run_and_it_is_said() -> None:
    desk = FakeDesk("wait")
    app = run(desk)
    before = shown(app, "walk_trades")
    assert "differs from what was run" not in words(app)
    app.number_input(key="entry").set_value(1.5).run()
    assert "differs from what was run" in words(app)
    assert shown(app, "walk_trades") == before
    assert desk.calls.count("walk") == 1


def test_prices_that_are_no_market_are_marked() -> None:
    live, made_up = run(FakeDesk("wait")), run(FakeDesk("wait", source="SIMULATED"))
    assert ">SIMULATED<" not in markup(live)
    assert markup(made_up).count(">SIMULATED<") == 2  # the strip, and the run itself
    assert "ps-tag-live" not in markup(live)


def test_a_run_under_way_shows_how_far_and_can_be_cancelled() -> None:
    desk = FakeDesk("wait")
    app = run(desk)
    ask = asked(desk)
    desk.walks[ask] = replace(walked(ask), stage="running", drawn=walked(ask).drawn[:4], variants=(), left_s=75.0)
    app.run()
    assert shown(app, "walk_stage") == "running"
    assert "run 5 of 36, now redrawn candles, about 75 s left" in words(app)
    assert "4 of 19 so far" in words(app)
    app.button(key="walk_cancel_run").click().run()
    assert "cancel_walk" in desk.calls
    assert "cancelled; what was made of it stands below" in words(app)


@pytest.mark.parametrize(
    ("trial", "says"),
    [
        ({"stage": "failed", "problem": "No candles of XUSDT are stored for this time: fetch them."}, "fetch them"),
        ({"stage": "reading"}, "reading the candles"),
        ({"stage": "waiting"}, "waiting for the run before it"),
    ],
)
def test_before_there_is_a_result_the_reason_stands_there(trial: dict[str, str], says: str) -> None:
    desk = FakeDesk("wait")
    app = run(desk)
    ask = asked(desk)
    desk.walks[ask] = Trial(ask, **trial)  # type: ignore[arg-type]
    app.run()
    assert not app.exception
    assert says in words(app)
    assert 'data-key="walk"' not in markup(app)


def test_a_run_that_is_not_kept_any_more_is_said_to_be_gone() -> None:
    desk = FakeDesk("wait")
    app = run(desk)
    desk.walks.clear()
    app.run()
    assert "not kept any more" in words(app)


def test_a_fetch_shows_what_is_left_and_can_be_cancelled() -> None:
    desk = FakeDesk("wait")
    app = play(desk, PAGE, walk_days="365 days")
    app.button(key="walk_fetch").click().run()
    assert "fetch ETHUSDT BTCUSDT 60 365" in desk.calls
    assert "3,000 of 12,000 missing candles asked for, about 42 s left" in words(app)
    app.button(key="walk_cancel_fetch").click().run()
    assert desk.load == HistoryLoad("cancelled", 3_000, 12_000, 42.0)
    assert "what came stays" in words(app)


def test_where_another_process_collects_the_refusal_is_a_sentence() -> None:
    app = play(FakeDesk("wait", other_collects=True), PAGE)
    app.button(key="walk_fetch").click().run()
    assert not app.exception
    assert "Another Pairsight collects" in app.error[0].value


def test_seconds_cannot_be_fetched() -> None:
    assert play(FakeDesk("wait"), PAGE, tf="5s").button(key="walk_fetch").disabled


def test_files_are_run_apart_from_the_desk_and_marked() -> None:
    desk = FakeDesk("wait")
    app = play(desk, PAGE, walk_source="Files")
    assert app.button(key="walk_run").disabled
    assert "open_time_ms, symbol, open, high, low, close, volume" in words(app)
    files = [(f"{s}-1m.csv", kline(s, 3_000), "text/csv") for s in ("ETHUSDT", "BTCUSDT")]
    app.file_uploader(key="offline_files").set_value(files).run()
    app.selectbox(key="walk_redraws").select("None")
    app.button(key="walk_run").click().run()
    assert not app.exception
    ask = asked(desk)
    assert ask.legs is not None
    assert len(ask.legs[0]) == 3_000
    assert ">OFFLINE<" in markup(app)
    assert "CONFIRMED" not in markup(app)
    app.selectbox(key="offline_x").select("ETHUSDT").run()
    assert "two different symbols" in app.error[0].value


def test_a_simulator_prices_and_settles_nothing_for_files_of_a_market() -> None:
    app = play(FakeDesk("wait", source="SIMULATED"), PAGE, walk_source="Files")
    assert app.segmented_control(key="walk_funding_1").options == ["Assumed"]
    assert {box.key for box in app.number_input if str(box.key).startswith("walk_half")} == {
        "walk_half_ETHUSDT_guessed",
        "walk_half_BTCUSDT_guessed",
    }
    assert len(play(FakeDesk("wait"), PAGE, walk_source="Files").segmented_control(key="walk_funding_2").options) == 2


def test_a_bad_file_is_told_and_nothing_is_run() -> None:
    app = play(FakeDesk("wait"), PAGE, walk_source="Files")
    app.file_uploader(key="offline_files").set_value([("ETHUSDT-1m.csv", b"1,2,3", "text/csv")]).run()
    assert not app.exception
    assert "was not read" in words(app)
    assert app.button(key="walk_run").disabled


def test_too_few_candles_say_what_is_needed() -> None:
    desk = FakeDesk("wait")
    app = run(desk, n="20000")
    assert shown(app, "walk") == "untested"
    assert "Nothing could be tested." in words(app)
    assert 'data-key="no_trades"' in markup(app)


def test_choices_that_do_not_go_together_are_a_state() -> None:
    app = play(FakeDesk("wait"), PAGE, entry="5.00")
    assert not app.exception
    assert "do not go together" in words(app)


def test_the_file_of_trades_parses_and_holds_all_of_them() -> None:
    desk = FakeDesk("wait")
    run(desk)
    done = walked(asked(desk)).run
    assert done is not None
    table = walk_tables.trades_table(done)
    rows = list(csv.DictReader(io.StringIO(exports.encode(table, "csv").decode())))
    assert len(rows) == done.summary.trades
    first, trade = rows[0], done.trades[0]
    assert float(first["net"]) == trade.net
    assert float(first["in_y"]) == trade.y.entry.price
    assert float(first["qty_x"]) == trade.x.qty
    assert first["look_utc"].startswith("2024-07-")


def test_no_share_is_written_as_certain() -> None:
    trial = walked(TrialAsk("ETHUSDT", "BTCUSDT", Params(), redraws=2))
    said = Sensitivity(trial.variants, 16, 1.0, 3.0)
    assert "has probability above 99 %" in walk_words.tries_of(said)
    assert "has probability below 1 %" in walk_words.tries_of(replace(said, deflated=0.0))
