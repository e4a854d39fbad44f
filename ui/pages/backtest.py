"""The Walk-forward page: what would this rule, frozen, have said and earned on candles it had not seen?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from analytics.costs import half_spread_bps
from analytics.params import Params
from analytics.trial import Trial, TrialAsk
from core.load import HistoryLoad
from core.types import TIMEFRAME_NAMES, Candles, DeskStatus
from ui import given, offline
from ui.controls import Controls
from ui.controls import backtest as choices
from ui.controls.answers import show
from ui.markup import el
from ui.panels import backtest_compared, backtest_progress, backtest_trades, backtest_verdict, state
from ui.port import DeskPort
from ui.reading import exchange_now_ms
from ui.shape import rerun_when_changed
from ui.theme import heading

NOTE = "what this rule, frozen, would have said and earned on candles it had not seen"
EVERY_S = 0.5
PRINTS = 500  # newest trades that the price spread is estimated from
MINUTE_S = 60  # the exchange keeps no finer candles


@dataclass(frozen=True, slots=True)
class WalkShape:
    """What the page below the progress depends on: which parts of the run are there."""

    run: bool
    luck: bool
    settings: bool
    ended: bool
    fetching: bool

    @classmethod
    def of(cls, trial: Trial | None, load: HistoryLoad | None) -> WalkShape:
        """The shape of a run and a fetch."""
        fetching = load is not None and not load.ended
        if trial is None:
            return cls(False, False, False, True, fetching)
        return cls(trial.run is not None, trial.null is not None, trial.tried is not None, trial.ended, fetching)


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the bar of a fetch and of a run stand; None: there is none."""

    fetch: Any  # Streamlit's containers have no public type
    run: Any


def draw(desk: DeskPort, controls: Controls, status: DeskStatus) -> None:
    """Draw the page. While a run or a fetch is under way its progress keeps itself current; results stand still."""
    st.html(el("h1", "Walk-forward ", el("small", NOTE), cls="ps-title"))
    state.notice(status, desk)
    params = controls.params
    if params is None:
        state.render(state.PageState("choose", "These choices do not go together", controls.problem, ""), desk)
        return
    with st.container(key="ps-walk-choice", horizontal=True, vertical_alignment="bottom"):
        from_files, days = choices.source()
        actions = st.container(horizontal=True, vertical_alignment="bottom", width="content")
    symbols, legs = (controls.symbol_y, controls.symbol_x), None
    found = _files(params) if from_files else None
    if found is not None:
        legs, params = found
        symbols = (legs[0].symbol, legs[1].symbol)
    ready = not from_files or legs is not None
    # A simulator knows nothing of the market that files are of: neither its price spread nor what it settled.
    known = not from_files or status.source == "LIVE"
    estimates = _estimates(desk, status, symbols) if known else (None, None)
    a = choices.assumed(symbols, estimates, can_ask=known and status.store.state != "reading")
    ask = TrialAsk(
        *symbols, params, days, legs, a.execution, a.half_y_bps, a.half_x_bps, a.settled, a.funding_rate,
        a.redraws, a.tried_before,
    )  # fmt: skip
    with actions:
        choices.run_button(partial(_run, desk, ask), ready)
        if not from_files:
            _fetch_action(desk, ask)
    show("walk")
    _result(desk, status, ask)


def _run(desk: DeskPort, ask: TrialAsk) -> None:
    choices.keep_ask(ask)
    desk.walk(ask)


def _fetch_action(desk: DeskPort, ask: TrialAsk) -> None:
    tf = ask.params.timeframe_s
    plan = ((ask.symbol_y, ask.symbol_x), tf, ask.days)

    def start() -> None:
        desk.fetch_history(*plan)
        choices.keep_fetch(plan)

    fine = tf < MINUTE_S
    words = (
        f"The exchange keeps no candles of {TIMEFRAME_NAMES[tf]}." if fine else backtest_progress.effort(tf, ask.days)
    )
    choices.fetch_button(start, not fine, words)


def _files(params: Params) -> tuple[tuple[Candles, Candles], Params] | None:
    """Both legs of the files and the rule at their timeframe; None where there is nothing to run yet."""
    legs = given.legs()
    if legs is None:
        return None
    try:
        return legs, offline.params_for(params, legs[0].timeframe_s)
    except ValueError as error:
        st.error(f"This cannot be run: {error}.", icon=":material/error:")
        return None


def _estimates(desk: DeskPort, status: DeskStatus, symbols: tuple[str, str]) -> tuple[float | None, float | None]:
    """Half of each leg's price spread by its newest trades; None where they do not tell."""
    now_ms = int(exchange_now_ms(status) or 0)
    y, x = (half_spread_bps(desk.trades(s, now_ms - 3_600_000, now_ms + 1, PRINTS)) for s in symbols)
    return y, x


def _result(desk: DeskPort, status: DeskStatus, ask: TrialAsk) -> None:
    shown, plan = choices.asked(), choices.fetched()
    trial = desk.walked(shown) if shown is not None else None
    shape = WalkShape.of(trial, desk.history_load(*plan) if plan is not None else None)
    busy = shape.fetching or not shape.ended
    slots = _lines(desk, trial, plan, shape)
    st.fragment(_progress, run_every=EVERY_S if busy else None)(desk, shape, slots)
    if trial is None:
        st.html(backtest_progress.nothing(gone=shown is not None))
        return
    if trial.run is None:
        return
    if shown != replace(ask, tried_before=shown.tried_before if shown else 0):
        st.html(el("p", "What stands above differs from what was run: run again to see it.", cls="ps-note",
                   data_key="changed"))  # fmt: skip
    backtest_verdict.render(trial, status.source)
    if trial.run.tested:
        st.html(heading("Over time", "drag to move, scroll to zoom, double-click to reset"))
        backtest_trades.render_chart(trial)
        backtest_compared.render(trial)
    backtest_trades.render_table(trial, status.source)


def _lines(desk: DeskPort, trial: Trial | None, plan: choices.Plan | None, shape: WalkShape) -> Lines:
    """Room for both bars, beside the buttons that end what they show: these stand still, so that a click finds them."""
    fetch = run = None
    if plan is not None and desk.history_load(*plan).stage != "idle":
        with st.container(key="ps-walk-load", horizontal=True, vertical_alignment="center"):
            fetch = st.container()
            if shape.fetching:
                choices.cancel_button("fetch", partial(desk.cancel_history, *plan))
    if trial is not None and trial.stage != "done":
        with st.container(key="ps-walk-run", horizontal=True, vertical_alignment="center"):
            run = st.container()
            if not shape.ended:
                choices.cancel_button("run", partial(desk.cancel_walk, trial.ask))
    return Lines(fetch, run)


def _progress(desk: DeskPort, drawn: WalkShape, lines: Lines) -> None:
    """Both bars; where something new is there, the whole page."""
    shown, plan = choices.asked(), choices.fetched()
    trial = desk.walked(shown) if shown is not None else None
    load = desk.history_load(*plan) if plan is not None else None
    rerun_when_changed(WalkShape.of(trial, load), drawn)
    if lines.fetch is not None and plan is not None and load is not None:
        with lines.fetch:
            st.html(backtest_progress.loading(plan, load))
    if lines.run is not None and trial is not None:
        with lines.run:
            st.html(backtest_progress.running(trial))
