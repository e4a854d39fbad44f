"""The rule's knobs: timeframe, preset, windows, thresholds, costs; and the sentence when they do not go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from analytics.hedge import TITLES
from analytics.params import FIT_BARS, Params, Preset
from analytics.presets import PRESETS
from core.settings import FEES_BPS, Settings
from core.types import TIMEFRAME_NAMES
from ui.markup import Markup, el

TIMEFRAMES: Final = {name: seconds for seconds, name in TIMEFRAME_NAMES.items()}
BY_TITLE: Final[dict[str, Preset]] = {info.title: key for key, info in PRESETS.items()}
DEFAULT: Final = Params()
UNITS: Final = ("log", "price")
HEDGES: Final = {title: key for key, title in TITLES.items() if key != "kalman"}  # that one takes half a second a look
MIN_FIT: Final = 30


@dataclass(frozen=True, slots=True)
class Rule:
    """The chosen parameters; None with the reason when they do not go together."""

    params: Params | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Knobs:
    """Windows and thresholds as typed."""

    n: int  # 0: the rule's own
    w: int
    entry: float
    exit: float
    stop: float


def draw(settings: Settings) -> Rule:
    """Draw the knobs."""
    st.subheader("Rule")
    timeframe_s = TIMEFRAMES[_timeframe()]
    preset = BY_TITLE[_preset()]
    st.html(measured(preset))
    with st.expander("Windows and thresholds"):
        knobs = _knobs(timeframe_s)
        price_units = _spread_unit() == "price"
        method = HEDGES[_hedge()]
    problem = problem_with(knobs, timeframe_s)
    if problem:
        st.error(problem, icon=":material/error:")
    with st.expander("Costs and size"):
        fee = _fee(settings)
        notional = _notional()
    st.button(
        "Reset to the preset",
        icon=":material/restart_alt:",
        on_click=_reset,
        args=(settings,),
        key="reset",
        width="stretch",
        help="All windows, thresholds and costs back to their defaults.",
    )
    if problem:
        return Rule(None, problem)
    params = Params(
        timeframe_s=timeframe_s,
        preset=preset,
        fit_bars=knobs.n,
        z_bars=knobs.w,
        entry_z=knobs.entry,
        exit_z=knobs.exit,
        stop_z=knobs.stop,
        price_units=price_units,
        method=method,
        fee_bps=fee,
        notional=notional,
    )
    return Rule(params)


def measured(chosen: Preset) -> Markup:
    """How often each preset is wrong where there is nothing to be right about; the chosen one first."""
    order = sorted(PRESETS, key=lambda key: key != chosen)
    lines = (el("p", el("b", PRESETS[key].title), f" {_lower(PRESETS[key].false_alarms)}") for key in order)
    return el("div", *lines, cls="ps-measured", data_key="measured", data_value=chosen)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def problem_with(k: Knobs, timeframe_s: int) -> str:
    """Why these choices do not go together, as a sentence; empty: they do.

    >>> problem_with(Knobs(n=100, w=200, entry=2.0, exit=0.0, stop=4.0), 60)
    'The rolling window W = 200 is longer than the fit window N = 100: shorten W or lengthen N.'
    """
    fit = k.n or FIT_BARS[timeframe_s]
    if fit < MIN_FIT:
        return f"A fit window of {fit} candles is too short to estimate anything: choose at least {MIN_FIT}."
    if k.w > fit:
        return f"The rolling window W = {k.w} is longer than the fit window N = {fit}: shorten W or lengthen N."
    if k.exit >= k.entry:
        return f"The exit at |z| = {k.exit:g} is not inside the entry at {k.entry:g}: a trade would close as it opens."
    if k.stop <= k.entry:
        return f"The stop at |z| = {k.stop:g} is not beyond the entry at {k.entry:g}: a trade would stop as it opens."
    return ""


def _timeframe() -> str:
    return st.pills(
        "Timeframe",
        list(TIMEFRAMES),
        default="1m",
        key="tf",
        bind="query-params",
        required=True,
        help="Length of a candle. Statistics use confirmed candles of this length and no others.",
    )


def _preset() -> str:
    return st.segmented_control(
        "Preset",
        list(BY_TITLE),
        default="Evidence",
        key="preset",
        bind="query-params",
        required=True,
        width="stretch",
        help=" ".join(f"{info.title}: {info.summary}" for info in PRESETS.values()),
    )


def _knobs(timeframe_s: int) -> Knobs:
    n = st.number_input(
        "Fit window N, candles",
        0,
        20_000,
        0,
        50,
        key="n",
        bind="query-params",
        help=f"Candles in the hedge fit and the test. 0 takes the rule's own for this timeframe: "
        f"{FIT_BARS[timeframe_s]:,}. The verdict needs a quarter more than N.",
    )
    w = st.number_input(
        "Rolling window W, candles",
        2,
        20_000,
        DEFAULT.z_bars,
        5,
        key="w",
        bind="query-params",
        help="Candles in the rolling z and the rolling correlation.",
    )
    entry = _threshold(
        "Entry, |z|", DEFAULT.entry_z, "entry", "A stretch of at least this many standard deviations is an entry."
    )
    leave = _threshold(
        "Exit, |z|", DEFAULT.exit_z, "exit", "The trade is closed when z is back at this level. 0 is the mean."
    )
    stop = _threshold("Stop, |z|", DEFAULT.stop_z, "stop", "Your risk limit. At 4, about half of all trades end there.")
    return Knobs(int(n), int(w), entry, leave, stop)


def _threshold(label: str, default: float, key: str, help_text: str) -> float:
    value = st.number_input(label, 0.0, 20.0, default, 0.1, format="%.2f", key=key, bind="query-params", help=help_text)
    return float(value)


def _spread_unit() -> str:
    return st.segmented_control(
        "Spread in",
        list(UNITS),
        default=UNITS[0],
        key="spread",
        bind="query-params",
        required=True,
        help="log: ln Y − (α + β ln X), β a ratio of notionals. price: Y − (α + βX), β a ratio of quantities.",
    )


def _hedge() -> str:
    return st.selectbox(
        "Hedge ratio by",
        list(HEDGES),
        key="hedge",
        bind="query-params",
        help="How the β that is traded is fitted. The test, z and the record stay with least squares in logs. "
        "Huber and Theil-Sen stand wild candles; total least squares takes noise in both legs.",
    )


def _fee(settings: Settings) -> float:
    value = st.number_input(
        "Fee per leg and side, bps",
        *FEES_BPS,
        float(settings.taker_fee_bps),
        0.5,
        format="%.2f",
        key="fee",
        bind="query-params",
        help=f"By the settings a taker pays {settings.taker_fee_bps:g}, a maker {settings.maker_fee_bps:g} bps. "
        "A round trip of two legs pays it four times.",
    )
    return float(value)


def _notional() -> float:
    value = st.number_input(
        "Size of both legs together, quote",
        10.0,
        1e9,
        DEFAULT.notional,
        500.0,
        format="%.0f",
        key="notional",
        bind="query-params",
        help="Gross size of the trade on the ticket, in the quote currency. Nothing is ever sent to the exchange.",
    )
    return float(value)


def _reset(settings: Settings) -> None:
    st.session_state["n"] = 0
    st.session_state["w"] = DEFAULT.z_bars
    st.session_state["entry"] = DEFAULT.entry_z
    st.session_state["exit"] = DEFAULT.exit_z
    st.session_state["stop"] = DEFAULT.stop_z
    st.session_state["spread"] = UNITS[0]
    st.session_state["hedge"] = next(iter(HEDGES))
    st.session_state["fee"] = float(settings.taker_fee_bps)
    st.session_state["notional"] = DEFAULT.notional
