"""Which past candle the Replay page shows: a stretch of time, a slider over its candles, steps and play."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from typing import Final

import streamlit as st

from ui import formats

SPEEDS: Final = {"1": 1.0, "2": 2.0, "5": 5.0}  # candles a second
FIRST: Final = datetime(2017, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # UTC throughout; the control knows no zones
LAST: Final = datetime(2100, 1, 1, tzinfo=UTC).replace(tzinfo=None)
AT, PLAYING, MISSING = "replay_at", "replay_playing", "replay_missing"


def stretch_end_ms() -> int | None:
    """The moment that the slider's stretch ends at; None: the newest candle."""
    chosen = st.datetime_input(
        "Up to, UTC",
        value=None,
        min_value=FIRST,
        max_value=LAST,
        key="until",
        bind="query-params",
        step=60,
        format="YYYY-MM-DD",
        width=210,
        help="The slider covers the candles before this moment. Empty: up to the newest one.",
    )
    return None if chosen is None else int(chosen.replace(tzinfo=UTC).timestamp() * 1000)


def playing() -> float | None:
    """Draw play and its speed; how often a second the next candle is due, or None while it stands."""
    speed = st.segmented_control(
        "Candles a second",
        list(SPEEDS),
        default="2",
        key="replay_speed",
        required=True,
        help="How fast the candles follow each other.",
    )
    plays = bool(st.session_state.get(PLAYING))
    st.button(
        "Pause" if plays else "Play",
        icon=":material/pause:" if plays else ":material/play_arrow:",
        type="secondary" if plays else "primary",
        key="replay_play",
        on_click=_play,
        args=(not plays,),
        help="Shows one candle after another, as the desk saw them; from the newest it goes to the oldest shown.",
    )
    return SPEEDS[speed] if plays else None


def chosen(opens: Sequence[int]) -> int:
    """The candle open that is chosen: where it is none of these, the one before it, or else the newest."""
    at: int | None = st.session_state.get(AT)
    if at is None or at > opens[-1] or at < opens[0]:
        return opens[-1]
    return max(o for o in opens if o <= at)


def moment(opens: Sequence[int], step_ms: int, onward: bool) -> int:
    """Draw the slider over these candle opens; the chosen one. ``onward``: move to the next, for play.

    Play that begins at the newest candle begins with the oldest: there it would have nothing to show.
    """
    at = chosen(opens)
    if onward:
        at = opens[(opens.index(at) + 1) % len(opens)]
    st.session_state[AT] = at
    picked = st.select_slider(
        "Candle end, UTC",
        opens,
        format_func=lambda ms: formats.day_clock(ms + step_ms),
        key=AT,
        help="The arrow keys move by one candle.",
    )
    with st.container(key="ps-steps", horizontal=True):
        where = opens.index(picked)
        # While it plays each step would be drawn anew under the pointer, so that a click may miss it.
        _step("One back", ":material/chevron_left:", "replay_back", opens[max(where - 1, 0)], onward or where == 0)
        last = onward or where == len(opens) - 1
        _step("One forward", ":material/chevron_right:", "replay_forward", opens[min(where + 1, len(opens) - 1)], last)
    return int(picked)


def missing() -> Hashable:
    """Why this tab shows no candle now; None: it shows one."""
    why: Hashable = st.session_state.get(MISSING)
    return why


def keep_missing(why: Hashable) -> None:
    """Remember it for this tab."""
    st.session_state[MISSING] = why


def halt() -> None:
    """Play has come to its end."""
    st.session_state[PLAYING] = False


def _step(label: str, icon: str, key: str, to: int, disabled: bool) -> None:
    st.button(label, icon=icon, key=key, on_click=_go, args=(to,), disabled=disabled, help="Moves by one candle.")


def _go(to: int) -> None:
    st.session_state[AT] = to


def _play(now: bool) -> None:
    st.session_state[PLAYING] = now
