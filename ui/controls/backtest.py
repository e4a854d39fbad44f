"""The Walk-forward page's choices: which candles, how fills and costs are assumed, and what was asked to be run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from analytics.fills import Execution, FillAt
from analytics.trial import TrialAsk
from ui.controls.answers import answered

SPANS: Final = {"7 days": 7, "30 days": 30, "90 days": 90, "180 days": 180, "365 days": 365}
SOURCES: Final = ("Stored candles", "Files")
FILLS: Final[dict[str, FillAt]] = {
    "Worse of open and close": "worse",
    "Each leg's own worst": "worst",
    "Open": "open",
    "Close": "close",
}
REDRAWS: Final = {"None": 0, "19": 19, "39": 39, "99": 99}
ASKED: Final = "walk_asked"  # the run on the page
FETCHED: Final = "walk_fetched"  # the fetch on the page
ASSUMED_BPS: Final = 0.5

Plan = tuple[tuple[str, ...], int, int]  # symbols, timeframe in seconds, days


@dataclass(frozen=True, slots=True)
class Assumed:
    """What no candle tells, and the trader has to."""

    execution: Execution
    half_y_bps: float
    half_x_bps: float
    settled: bool
    funding_rate: float  # a fraction a settlement
    redraws: int
    tried_before: int


def source() -> tuple[bool, int]:
    """Whether files are to be run instead of what is stored, and how many days of that."""
    chosen = st.segmented_control(
        "Candles",
        SOURCES,
        default=SOURCES[0],
        key="walk_source",
        bind="query-params",
        required=True,
        help="What this desk has stored, or files of yours: they stay in this tab's memory.",
    )
    files = chosen == SOURCES[1]
    days = st.selectbox(
        "Newest",
        list(SPANS),
        index=1,
        key="walk_days",
        bind="query-params",
        width=130,
        disabled=files,
        help="Counted back from the newest stored candle. What is missing can be fetched from the exchange.",
    )
    return files, SPANS[days]


def assumed(symbols: tuple[str, str], estimates: tuple[float | None, float | None], can_ask: bool) -> Assumed:
    """Draw what is assumed. ``estimates`` are the desk's own of each leg's half price-spread, None where it has none.

    ``can_ask``: whether the exchange can be asked what funding was settled.
    """
    with st.container(key="ps-walk-assumed", horizontal=True, vertical_alignment="bottom"):
        fill = st.selectbox(
            "Both legs filled at the next candle's",
            list(FILLS),
            key="walk_fill",
            bind="query-params",
            width=215,
            help="The worse moment is the same for both legs. Each leg's own worst is a bound that no moment offers.",
        )
        stop = st.toggle("Stop", value=True, key="walk_stop", help="Leave at the stop of the sidebar, too.")
        halves = [_half(symbol, estimate) for symbol, estimate in zip(symbols, estimates, strict=True)]
        modes = ["As settled", "Assumed"] if can_ask else ["Assumed"]
        mode = st.segmented_control(
            "Funding",
            modes,
            default=modes[0],
            key=f"walk_funding_{len(modes)}",
            required=True,
            help="As settled: the rates the exchange published. Assumed: one rate every 8 h, longs paying shorts.",
        )
        rate = st.number_input(
            "Rate assumed, bps",
            -30.0,
            30.0,
            1.0,
            0.1,
            key="walk_rate",
            width=140,
            disabled=mode != "Assumed",
            help="Of notional at each settlement. 1 bps in 8 h is the exchange's base rate; 0 leaves funding out.",
        )
        redraws = st.selectbox(
            "Redrawn runs",
            list(REDRAWS),
            index=1,
            key="walk_redraws",
            width=120,
            help="The same rule on candles whose relationship was taken away: what luck looks like. Each takes as "
            "long as the run itself.",
        )
        tried = st.number_input(
            "Tried before",
            0,
            100_000,
            0,
            1,
            key="walk_tried",
            width=130,
            help="Settings, pairs and timeframes that you looked at before this one. Only you know, and it counts.",
        )
    return Assumed(
        Execution(FILLS[fill], stop=bool(stop)), halves[0], halves[1], mode == "As settled", float(rate) / 1e4,
        REDRAWS[redraws], int(tried),
    )  # fmt: skip


def _half(symbol: str, estimate: float | None) -> float:
    known = (
        f"The desk's estimate from the newest trades: {estimate:.3f}."
        if estimate is not None
        else ("The desk has no estimate for it yet; this is a guess.")
    )
    value = st.number_input(
        f"Half price-spread {symbol}, bps",
        0.0,
        100.0,
        round(ASSUMED_BPS if estimate is None else estimate, 3),
        0.05,
        format="%.3f",
        key=f"walk_half_{symbol}_{'known' if estimate is not None else 'guessed'}",
        width=235,
        help=f"{known} Assumed for the whole time, and paid at each fill beside the fee.",
    )
    return float(value)


def run_button(start: Callable[[], None], ready: bool) -> None:
    """The button that starts a run.

    Not by a callback: that would be the one of the redraw before, and run what a click right after a typed number has
    just replaced.
    """
    if st.button(
        "Run",
        icon=":material/play_arrow:",
        type="primary",
        key="walk_run",
        disabled=not ready,
        help="Runs in the background: other pages can be used meanwhile.",
    ):
        answered("walk", start)()


def fetch_button(start: Callable[[], None], ready: bool, words: str) -> None:
    """The button that fetches what is missing; see ``run_button``."""
    if st.button(
        "Fetch what is missing",
        icon=":material/cloud_download:",
        key="walk_fetch",
        disabled=not ready,
        help=words,
    ):
        answered("walk", start)()


def asked() -> TrialAsk | None:
    """The run that this tab asked for last."""
    ask: TrialAsk | None = st.session_state.get(ASKED)
    return ask


def keep_ask(ask: TrialAsk) -> None:
    """Remember it for this tab."""
    st.session_state[ASKED] = ask


def fetched() -> Plan | None:
    """The fetch that this tab asked for last."""
    plan: Plan | None = st.session_state.get(FETCHED)
    return plan


def keep_fetch(plan: Plan) -> None:
    """Remember it for this tab."""
    st.session_state[FETCHED] = plan


def cancel_button(what: str, stop: Callable[[], None]) -> None:
    """The button that ends a fetch or a run early."""
    st.button("Cancel", icon=":material/close:", key=f"walk_cancel_{what}", on_click=answered("walk", stop))
