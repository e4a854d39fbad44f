"""The sidebar: one frozen value out, a sentence for whatever does not go together, the state in the address."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from analytics.hedge import METHODS
from analytics.params import FIT_BARS, Params
from core.errors import PairsightError
from core.settings import FEES_BPS
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import look
from tests.ui.stage import play, shown, words
from ui.controls.rule import HEDGES, Knobs, problem_with

UI = Path(__file__).parents[2] / "ui"
levels = st.floats(0, 20).map(lambda v: round(v, 2))


@given(st.integers(0, 20_000), st.integers(2, 20_000), levels, levels, levels, st.sampled_from(list(FIT_BARS)))
def test_whatever_has_no_problem_makes_parameters(
    n: int, w: int, entry: float, leave: float, stop: float, timeframe_s: int
) -> None:
    problem = problem_with(Knobs(n, w, entry, leave, stop), timeframe_s)
    if problem:
        with pytest.raises(ValueError, match="must be"):
            Params(timeframe_s, fit_bars=n, z_bars=w, entry_z=entry, exit_z=leave, stop_z=stop)
    else:
        Params(timeframe_s, fit_bars=n, z_bars=w, entry_z=entry, exit_z=leave, stop_z=stop)


@pytest.mark.parametrize("fee_bps", FEES_BPS)
def test_whatever_fee_the_settings_take_the_field_takes(fee_bps: float) -> None:
    def page(fee_bps: float) -> None:
        from core.settings import Settings
        from ui.controls import rule

        rule.draw(Settings.from_env({"PAIRSIGHT_TAKER_FEE_BPS": str(fee_bps)}))

    app = AppTest.from_function(page, args=(fee_bps,), default_timeout=30).run()
    assert not app.exception
    assert app.number_input(key="fee").value == fee_bps


def test_the_same_symbol_twice_gets_a_sentence_at_the_control_and_on_the_page() -> None:
    app = play(FakeDesk("wait"), x="ETHUSDT")
    assert not app.exception
    assert "two different symbols" in app.sidebar.error[0].value
    assert shown(app, "state") == "choose"


def test_a_rolling_window_longer_than_the_fit_gets_a_sentence() -> None:
    app = play(FakeDesk("wait"), n="100", w="200")
    assert not app.exception
    assert "W = 200 is longer than the fit window N = 100" in app.sidebar.error[0].value


def test_a_window_longer_than_the_data_warms_up_and_says_have_and_need() -> None:
    app = play(FakeDesk("wait"), n="5000")
    assert not app.exception
    assert shown(app, "verdict") == "WARMING UP"
    assert "1382 of 6250" in words(app)


def test_a_link_reopens_the_same_view() -> None:
    app = play(FakeDesk("wait"), y="SOLUSDT", x="BNBUSDT", tf="5m", preset="Classic", entry="2.5", fee="2.0")
    assert app.selectbox(key="y").value == "SOLUSDT"
    assert app.selectbox(key="x").value == "BNBUSDT"
    assert app.number_input(key="entry").value == 2.5
    assert app.number_input(key="fee").value == 2.0
    assert "SOLUSDT / BNBUSDT" in words(app)
    assert "5m" in words(app)
    assert "Classic" in words(app)


def test_the_hedge_ratio_that_is_traded_can_be_chosen_and_is_the_one_shown() -> None:
    app = play(FakeDesk("tradable"), hedge="Huber")
    seen = look("tradable", "ETHUSDT", "BTCUSDT", Params(method="huber"))
    assert seen.report.hedge is not None
    assert shown(app, "beta") == repr(seen.report.hedge.beta)
    assert seen.report.hedge.beta != seen.report.beta[-1]
    assert "by Huber" in words(app)
    assert "another than the one tested" in words(app)
    app.button(key="reset").click().run()
    assert app.selectbox(key="hedge").value == "Least squares"
    assert shown(app, "beta") == repr(float(seen.report.beta[-1]))


def test_every_hedge_ratio_is_offered_but_the_one_that_would_hold_everybody_up() -> None:
    assert {*HEDGES.values(), "kalman"} == set(METHODS)


def test_nonsense_in_the_address_falls_back_to_the_defaults() -> None:
    app = play(FakeDesk("wait"), y="<script>", tf="7m", entry="soon")
    assert not app.exception
    assert shown(app, "verdict") == "WAIT"


def test_swap_exchanges_the_legs() -> None:
    app = play(FakeDesk("wait"))
    app.button(key="swap").click().run()
    assert "BTCUSDT / ETHUSDT" in words(app)
    assert app.query_params["y"] == "BTCUSDT"


def test_reset_brings_the_presets_own_numbers_back() -> None:
    app = play(FakeDesk("wait"), entry="3.0", w="30")
    app.button(key="reset").click().run()
    assert app.number_input(key="entry").value == 2.0
    assert app.number_input(key="w").value == 60


def test_a_leg_that_is_not_streamed_is_streamed_when_chosen() -> None:
    desk = FakeDesk("wait")
    play(desk, y="XRPUSDT")
    assert "XRPUSDT" in desk.symbols


def test_an_unknown_leg_in_a_link_gets_a_sentence() -> None:
    app = play(FakeDesk("wait"), y="NOSUCHUSDT")
    assert not app.exception
    assert "not a contract" in app.sidebar.error[0].value


def test_an_unknown_symbol_to_add_gets_a_sentence_and_a_known_one_clears_it() -> None:
    desk = FakeDesk("wait")
    app = play(desk)
    app.text_input(key="symbol_to_add").set_value("nosuch").run()
    assert "NOSUCH is not a contract" in app.sidebar.error[0].value
    app.text_input(key="symbol_to_add").set_value("adausdt").run()
    assert not app.sidebar.error
    assert "ADAUSDT" in desk.symbols


def test_a_symbol_can_be_dropped_but_not_a_leg_on_screen() -> None:
    desk = FakeDesk("wait")
    app = play(desk)
    drop = app.selectbox(key="symbol_to_drop")
    assert drop.options == ["BNBUSDT", "SOLUSDT"]
    drop.set_value("SOLUSDT").run()
    assert not app.exception
    assert "SOLUSDT" not in desk.symbols


def test_a_symbol_that_a_pair_needs_stays_and_the_sidebar_says_which() -> None:
    class Needing(FakeDesk):
        def drop_symbol(self, symbol: str) -> None:
            raise PairsightError(f"{symbol} stays: SOLUSDT/BNBUSDT 1m Evidence is on the watch-list.")

    desk = Needing("wait")
    app = play(desk)
    app.selectbox(key="symbol_to_drop").set_value("SOLUSDT").run()
    assert app.sidebar.error[0].value == "SOLUSDT stays: SOLUSDT/BNBUSDT 1m Evidence is on the watch-list."
    assert "SOLUSDT" in desk.symbols


def test_every_control_is_explained() -> None:
    app = play(FakeDesk("wait"))
    kinds = (
        app.sidebar.selectbox,
        app.sidebar.number_input,
        app.sidebar.button,
        app.sidebar.toggle,
        app.sidebar.text_input,
    )
    for kind in kinds:
        for control in kind:
            assert control.help, control.label


def test_nothing_but_the_controls_writes_the_session_state() -> None:
    for path in UI.rglob("*.py"):
        names = {n.attr for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Attribute)}
        assert "session_state" not in names or path.parent.name == "controls", path
