"""Promised against realised in bins; the same figures by pair and preset; what each refusal saved or cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from analytics.paper_score import Bin, Lies, Score
from analytics.paper_view import PairScore, TrackFigures
from core.types import TIMEFRAME_NAMES
from ui import formats, track_charts
from ui.markup import Markup, el
from ui.theme import heading
from ui.track_words import REFUSED, and_more

PAIRS = 40
WORTH: Final[dict[Lies, str]] = {
    "few": "too few to tell",
    "below": "saved money",
    "open": "cannot be told",
    "above": "cost money",
}


def figures(found: TrackFigures) -> None:
    """Draw equity and calibration beside each other."""
    data = track_charts.data(found)
    with st.container(key="ps-track-charts"):
        left, right = st.columns([1.35, 1], gap="small")
    with left:
        st.html(heading("Won over time", "closed trades, net, quote currency; open ones are not in it"))
        if not found.said.score.known and not found.refused.score.known:
            st.html(el("div", el("p", "Drawn once a trade is closed."), cls="ps-no-figure", data_key="no_equity"))
        else:
            _chart(track_charts.equity_spec(), {k: data[k] for k in ("equity", "zero")}, "track_equity", "Net won")
            _chart(track_charts.below_spec(), {"equity": data["equity"]}, "track_below", "How far below its best")
    with right:
        st.html(heading("Promised against realised", "bins of equal count; bars are two standard errors"))
        if max((b.count for b in (*found.said.bins, *found.refused.bins)), default=0) < 2:
            words = "Drawn once two trades are closed that were promised something."
            st.html(el("div", el("p", words), cls="ps-no-figure", data_key="no_bins"))
        else:
            sets = {k: data[k] for k in ("bins", "same")}
            _chart(track_charts.calibration_spec(), sets, "track_calibration", "Realised against promised net")


def tables(found: TrackFigures) -> None:
    """Draw the tables under them."""
    with st.container(key="ps-track-tables"):
        left, right = st.columns(2, gap="small")
    with left:
        st.html(heading("Calibration", "the bins in numbers; means, bps net"))
        st.html(bins(found.said.bins, found.refused.bins))
    with right:
        st.html(heading("What refusals saved or cost", "had each been traded all the same"))
        st.html(checks(found.checks))
    st.html(heading("By pair and preset", "the same figures, most trades first"))
    st.html(pairs(found.pairs))


def bins(said: Sequence[Bin], refused: Sequence[Bin]) -> Markup:
    """Every bin as a row."""
    names = ("Said", "From", "to", "Trades", "Promised", "Realised", "Std. error")
    rows = [
        _cells(
            what,
            formats.number(b.low, 1, sign=True),
            formats.number(b.high, 1, sign=True),
            formats.count(b.count),
            formats.number(b.promised, 1, sign=True),
            formats.number(b.realised, 1, sign=True),
            formats.number(b.se, 1),
            key="bin",
        )
        for what, mine in (("TRADABLE", said), ("refused", refused))
        for b in mine
    ]
    return _table("Calibration", "bins", names, rows, "No closed trade was promised anything yet.")


def checks(found: Sequence[tuple[str, Score]]) -> Markup:
    """Refused trades by the check that refused them."""
    names = ("Refused because", "Closed", "Net per trade", "95 % interval", "To refuse")
    rows = [
        _cells(
            REFUSED.get(key, key),
            formats.count(s.closed),
            formats.bps(s.net_bps),
            _interval(s),
            _worth(s),
            key="refusal",
        )
        for key, s in found
    ]
    return _table("Refusals", "refusals", names, rows, "Nothing was refused while it was stretched yet.")


def pairs(found: Sequence[PairScore]) -> Markup:
    """One row a pair, timeframe, preset and settings."""
    names = (
        "Pair", "Settings", "TRADABLE, closed", "Net per trade", "95 % interval", "Promised",
        "Hit rate", "Refused, closed", "Net per trade", "95 % interval",
    )  # fmt: skip
    rows = [
        _cells(
            f"{p.pair.replace('/', ' / ')}, {TIMEFRAME_NAMES.get(p.timeframe_s, str(p.timeframe_s))}, {p.preset}",
            p.settings,
            formats.count(p.said.closed),
            formats.bps(p.said.net_bps),
            _interval(p.said),
            formats.bps(p.said.promised_bps),
            formats.percent(p.said.hit_rate, 0),
            formats.count(p.refused.closed),
            formats.bps(p.refused.net_bps),
            _interval(p.refused),
            key="pair_score",
            words=2,
        )
        for p in found[:PAIRS]
    ]
    if len(found) > PAIRS:
        rows.append(el("tr", el("td", and_more(len(found) - PAIRS), colspan=str(len(names))), data_key="more_pairs"))
    return _table("By pair and preset", "pairs", names, rows, "No pair has a trade on paper yet.", words=2)


def _interval(s: Score) -> str:
    if s.interval is None:
        return formats.UNKNOWN
    return f"{formats.number(s.interval.low, 1, sign=True)} to {formats.number(s.interval.high, 1, sign=True)}"


def _worth(s: Score) -> str:
    """What a refusal was worth, only where it can be told."""
    return WORTH[s.lies]


def _cells(*values: str, key: str, words: int = 1) -> Markup:
    cells = (el("td", formats.prose(v), cls="" if i < words else "ps-num") for i, v in enumerate(values))
    return el("tr", *cells, data_key=key)


def _table(label: str, key: str, names: Sequence[str], rows: Sequence[Markup], empty: str, words: int = 1) -> Markup:
    head = (el("th", n, scope="col", cls="" if i < words else "ps-num") for i, n in enumerate(names))
    body = rows or [el("tr", el("td", empty, colspan=str(len(names))))]
    return el(
        "div",
        el("table", el("thead", el("tr", *head)), el("tbody", *body), cls="ps-table", aria_label=label),
        cls="ps-scroll",
        tabindex="0",
        data_key=key,
    )


def _chart(spec: dict[str, object], data: dict[str, bytes], key: str, words: str) -> None:
    st.vega_lite_chart(None, {**spec, "datasets": data}, width="stretch", key=key, alt=words)
