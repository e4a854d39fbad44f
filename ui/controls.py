"""The sidebar: what the trader chose, as one frozen value. The only writer of st.session_state.

Every choice is bound to the URL, so that a link reopens the same view.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import streamlit as st

from analytics.params import FIT_BARS, Params, Preset
from core.errors import PairsightError
from core.settings import Settings
from core.types import TIMEFRAME_NAMES, DeskStatus
from ui.port import DeskPort

TIMEFRAMES: Final = {name: seconds for seconds, name in TIMEFRAME_NAMES.items()}
PRESETS: Final[dict[str, Preset]] = {"Evidence": "evidence", "Classic": "classic"}
UNITS: Final = ("log", "price")
RULE_KEYS: Final = ("n", "w", "entry", "exit", "stop", "spread", "fee", "notional")
SYMBOL: Final = re.compile(r"[A-Z0-9_]{2,30}")


@dataclass(frozen=True, slots=True)
class Controls:
    """One state of the sidebar. ``params`` is None when ``problem`` says why the choices cannot be used."""

    symbol_y: str
    symbol_x: str
    params: Params | None
    problem: str = ""
    paused: bool = False


def draw(desk: DeskPort, settings: Settings, status: DeskStatus) -> Controls:
    """Draw the sidebar and return what it says."""
    with st.sidebar:
        _feed(desk, status)
        symbol_y, symbol_x, problem = _pair(desk, settings, status)
        timeframe, preset = _timeframe_and_preset()
        params, rule_problem = _rule(settings, TIMEFRAMES[timeframe], PRESETS[preset])
        _symbols(desk, status, keep=(symbol_y, symbol_x))
    problem = problem or rule_problem
    return Controls(symbol_y, symbol_x, None if problem else params, problem, bool(st.session_state.get("paused")))


def _feed(desk: DeskPort, status: DeskStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="ps-feed"):
        if status.running:
            st.button(
                "Stop",
                icon=":material/stop:",
                on_click=desk.stop,
                key="stop_feed",
                width="stretch",
                help="End the streams and write what is waiting. Stored data stay.",
            )
        else:
            st.button(
                "Start",
                icon=":material/play_arrow:",
                on_click=_answer(desk.start, "feed"),
                key="start_feed",
                type="primary",
                width="stretch",
                help="Open the streams.",
            )
        st.toggle(
            "Pause live",
            key="paused",
            help="Hold the page still, for reading or zooming. The feed and the store go on.",
        )
    _said("feed")


def _pair(desk: DeskPort, settings: Settings, status: DeskStatus) -> tuple[str, str, str]:
    trading = {s for s, info in desk.catalogue().items() if info.status == "TRADING"}
    asked = {st.query_params.get(k, "") for k in ("y", "x")} | {st.session_state.get(k) or "" for k in ("y", "x")}
    options = sorted(trading | {*settings.symbols, *status.symbols} | {s for s in asked if SYMBOL.fullmatch(s)})
    default_y = settings.symbols[1] if len(settings.symbols) > 1 else settings.symbols[0]
    st.subheader("Pair", divider=False)
    leg_y = st.selectbox(
        "Y, the leg that is priced",
        options,
        index=options.index(default_y),
        key="y",
        bind="query-params",
        help="The dependent leg of the fit. Type to search.",
    )
    leg_x = st.selectbox(
        "X, the leg that hedges",
        options,
        index=options.index(settings.symbols[0]),
        key="x",
        bind="query-params",
        help="The explaining leg: β is how much of X hedges Y.",
    )
    st.button(
        "Swap Y and X",
        icon=":material/swap_vert:",
        on_click=_swap,
        key="swap",
        width="stretch",
        help="The hedge ratio is not symmetric: the other order is another question.",
    )
    problem = ""
    if leg_y == leg_x:
        problem = f"Y and X are both {leg_y}. A pair needs two different symbols."
    for leg in {leg_y, leg_x} - set(status.symbols):
        try:
            desk.add_symbol(leg)  # the pair on screen is always streamed
        except PairsightError as error:
            problem = problem or str(error)
    if problem:
        st.error(problem, icon=":material/error:")
    return leg_y, leg_x, problem


def _timeframe_and_preset() -> tuple[str, str]:
    st.subheader("Rule", divider=False)
    timeframe = st.segmented_control(
        "Timeframe",
        list(TIMEFRAMES),
        default="1m",
        key="tf",
        bind="query-params",
        required=True,
        width="stretch",
        help="Length of a candle. Statistics use confirmed candles of this length only.",
    )
    preset = st.segmented_control(
        "Preset",
        list(PRESETS),
        default="Evidence",
        key="preset",
        bind="query-params",
        required=True,
        width="stretch",
        help="Evidence: cointegration test and the pair's own record decide. Classic: the usual z, ADF and "
        "correlation recipe, which raises a false alarm on most days.",
    )
    return timeframe, preset


def _rule(settings: Settings, timeframe_s: int, preset: Preset) -> tuple[Params | None, str]:
    with st.expander("Windows and thresholds", expanded=False):
        n = st.number_input(
            "Fit window N (candles)",
            0,
            20_000,
            0,
            50,
            key="n",
            bind="query-params",
            help=f"Candles in the hedge fit and the test; 0 takes the rule's own for this timeframe "
            f"({FIT_BARS[timeframe_s]}).",
        )
        w = st.number_input(
            "Rolling window W (candles)",
            2,
            20_000,
            60,
            5,
            key="w",
            bind="query-params",
            help="Candles in the rolling z and the rolling correlation.",
        )
        entry = st.number_input(
            "Entry |z|",
            0.1,
            10.0,
            2.0,
            0.1,
            format="%.2f",
            key="entry",
            bind="query-params",
            help="A stretch of at least this many standard deviations is an entry.",
        )
        leave = st.number_input(
            "Exit |z|",
            0.0,
            9.0,
            0.0,
            0.1,
            format="%.2f",
            key="exit",
            bind="query-params",
            help="The trade is closed when z is back at this level; 0 is the mean.",
        )
        stop = st.number_input(
            "Stop |z|",
            0.2,
            20.0,
            4.0,
            0.1,
            format="%.2f",
            key="stop",
            bind="query-params",
            help="Your risk limit. At 4, about half of all trades end there.",
        )
        units = st.segmented_control(
            "Spread in",
            list(UNITS),
            default="log",
            key="spread",
            bind="query-params",
            required=True,
            help="log: ln Y − (α + β ln X), β is a ratio of notionals. "
            "price: Y − (α + βX), β is a ratio of quantities.",
        )
    with st.expander("Costs and size", expanded=False):
        fee = st.number_input(
            "Fee per leg and side (bps)",
            -10.0,
            100.0,
            float(settings.taker_fee_bps),
            0.5,
            format="%.2f",
            key="fee",
            bind="query-params",
            help=f"Taker {settings.taker_fee_bps:g}, maker {settings.maker_fee_bps:g} bps by the "
            "settings. A round trip of two legs pays it four times.",
        )
        notional = st.number_input(
            "Notional, both legs (quote)",
            10.0,
            1e9,
            10_000.0,
            500.0,
            format="%.0f",
            key="notional",
            bind="query-params",
            help="Gross size of the example trade. Nothing is ever sent.",
        )
    st.button(
        "Reset to the preset",
        icon=":material/restart_alt:",
        on_click=_reset,
        key="reset",
        width="stretch",
        help="All windows, thresholds and costs back to their defaults.",
    )
    problem = rule_problem(int(n), int(w), timeframe_s, float(entry), float(leave), float(stop))
    if problem:
        st.error(problem, icon=":material/error:")
        return None, problem
    return Params(
        timeframe_s,
        preset,
        int(n),
        int(w),
        float(entry),
        float(leave),
        float(stop),
        price_units=units == "price",
        fee_bps=float(fee),
        notional=float(notional),
    ), ""


def rule_problem(n: int, w: int, timeframe_s: int, entry: float, leave: float, stop: float) -> str:
    """Why these choices do not go together, as a sentence at the control; empty: they do."""
    fit = n or FIT_BARS[timeframe_s]
    if fit < 30:
        return f"A fit window of {fit} candles is too short to estimate anything: choose at least 30."
    if w > fit:
        return f"The rolling window W = {w} is longer than the fit window N = {fit}: shorten W or lengthen N."
    if leave >= entry:
        return f"The exit at |z| = {leave:g} is not inside the entry at {entry:g}: a trade would close as it opens."
    if stop <= entry:
        return f"The stop at |z| = {stop:g} is not beyond the entry at {entry:g}: a trade would stop as it opens."
    return ""


def _symbols(desk: DeskPort, status: DeskStatus, keep: tuple[str, str]) -> None:
    with st.expander(f"Streamed symbols ({len(status.symbols)})", expanded=False):
        st.caption(", ".join(status.symbols) or "None yet.")
        st.text_input(
            "Add a symbol",
            key="add_symbol",
            placeholder="XRPUSDT",
            max_chars=30,
            on_change=_answer(lambda: _add(desk), "symbols"),
            help="Checked against the exchange's list, then streamed and stored.",
        )
        spare = [s for s in status.symbols if s not in keep]
        st.selectbox(
            "Drop a symbol",
            spare,
            index=None,
            key="drop_symbol",
            disabled=not spare,
            placeholder="Choose" if spare else "Both legs stay streamed",
            on_change=_answer(lambda: _drop(desk), "symbols"),
            help="Stops its stream; what is stored stays.",
        )
        _said("symbols")


def _add(desk: DeskPort) -> None:
    symbol = str(st.session_state.get("add_symbol") or "").strip().upper()
    if symbol:
        desk.add_symbol(symbol)
        st.session_state["add_symbol"] = ""


def _drop(desk: DeskPort) -> None:
    symbol = st.session_state.get("drop_symbol")
    if symbol:
        desk.drop_symbol(cast("str", symbol))
        st.session_state["drop_symbol"] = None


def _swap() -> None:
    st.session_state["y"], st.session_state["x"] = st.session_state["x"], st.session_state["y"]


def _reset() -> None:
    for key in RULE_KEYS:
        st.session_state.pop(key, None)


def _answer(action: Callable[[], None], slot: str) -> Callable[[], None]:
    """A callback that runs ``action`` and leaves its refusal as a sentence beside the control."""

    def run() -> None:
        try:
            action()
        except PairsightError as error:
            st.session_state[f"said_{slot}"] = str(error)
        else:
            st.session_state.pop(f"said_{slot}", None)

    return run


def _said(slot: str) -> None:
    message = st.session_state.get(f"said_{slot}")
    if message:
        st.error(message, icon=":material/error:")
