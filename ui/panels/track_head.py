"""The track record in cards: what was called TRADABLE beside what was refused, and what may be concluded."""

from __future__ import annotations

import streamlit as st

from analytics.paper_score import Score
from analytics.paper_view import MOST, TrackFigures, TrackView
from ui import formats, theme
from ui.markup import Markup, el
from ui.track_words import CAUTION, HIT_RATE, REFUSED_SIDE, conclusion, kept, left_out, never_filled, sharpe_words


def render(found: TrackFigures) -> None:
    """Draw both sides, under what they are."""
    st.html(el("p", el("strong", "Trades on paper. "), CAUTION, cls="ps-note", data_key="caution"))
    with st.container(key="ps-track-sides"):
        left, right = st.columns(2, gap="small")
    with left:
        st.html(_heading("TRADABLE", "looks that passed every check"))
        st.html(cards(found.said.score, "TRADABLE", "said"))
    with right:
        st.html(_heading("Refused", "stretched as far, but a check said no"))
        st.html(cards(found.refused.score, REFUSED_SIDE, "refused"))


def not_counted(view: TrackView, settings: str, counted: int) -> str:
    """What the choice of settings, and the length of what is read, leave out; empty: nothing."""
    words = []
    others = len(view.trades) - counted
    if settings and others:
        trades = f"{formats.count(others)} {'trade' if others == 1 else 'trades'}"
        words.append(f"{trades} of other settings, or of an earlier version of the rule, not counted here.")
    if len(view.trades) >= MOST:
        words.append(f"Only the newest {formats.count(MOST)} trades are read.")
    return " ".join(words)


def _heading(title: str, note: str) -> Markup:
    return el("h2", title, el("small", note), theme.tag("confirmed"), cls="ps-h")


def cards(score: Score, what: str, key: str) -> Markup:
    """One side: the sentence first, then the figures it rests on."""
    return el(
        "div",
        el("p", formats.prose(conclusion(score, what)), cls="ps-track-says", data_key=f"{key}_says"),
        el(
            "div",
            _count(score, key),
            _net(score, key),
            _promised(score, key),
            _hits(score, key),
            _won(score, key),
            _held(score, key),
            cls="ps-track-cards",
        ),
        cls="ps-track-side",
    )


def _count(score: Score, key: str) -> Markup:
    running = f"{formats.count(score.running)} open"
    detail = "; ".join(filter(None, (left_out(score) or running, never_filled(score))))
    return _card("Closed trades", formats.count(score.closed), detail, f"{key}_closed")


def _net(score: Score, key: str) -> Markup:
    between = "no interval with fewer than 10 days"
    if score.interval is not None:
        i = score.interval
        between = f"95 %: {formats.number(i.low, 1, sign=True)} to {formats.bps(i.high)}"
    return _card("Net per trade", formats.bps(score.net_bps), between, f"{key}_net")


def _promised(score: Score, key: str) -> Markup:
    return _card("Promised net", formats.bps(score.promised_bps), kept(score), f"{key}_promised")


def _hits(score: Score, key: str) -> Markup:
    return _card("Hit rate", formats.percent(score.hit_rate, 0), HIT_RATE, f"{key}_hits")


def _won(score: Score, key: str) -> Markup:
    value = formats.number(score.net, 2, sign=True) if score.known else formats.UNKNOWN
    below = f"at most {formats.number(score.drawdown, 2)} below its best; " if score.known else ""
    return _card("Won in all, quote", value, below + sharpe_words(score), f"{key}_won")


def _held(score: Score, key: str) -> Markup:
    touch = f"{formats.count(score.at_touch)} of {formats.count(2 * score.known)} fills at the touch"
    return _card("Time held", formats.age(score.hold_s), touch if score.known else "mean, fill to fill", f"{key}_held")


def _card(name: str, value: str, detail: str, key: str) -> Markup:
    return el(
        "div",
        el("div", el("span", name), cls="ps-card-head"),
        el("div", value, cls="ps-card-value"),
        el("div", formats.prose(detail), cls="ps-sub"),
        cls="ps-card",
        data_key=key,
        data_value=value,
    )
