"""The pair's own record: what past excursions showed, and what they really returned."""

from __future__ import annotations

import streamlit as st

from analytics.check_words import days_text
from analytics.look import Look
from ui import formats
from ui.markup import Markup, el
from ui.panels.banner import bar


def render(look: Look) -> None:
    """Draw the record."""
    st.html(markup(look))


def markup(look: Look) -> Markup:
    """The record as HTML, of one height whatever it says."""
    record = look.record
    if record is None:
        words = "No history has been judged yet."
        return el("div", el("p", words, cls="ps-ticket-none"), cls="ps-card ps-record")
    share = record.excursions / record.needed if record.needed else 0.0
    progress = el("div", bar(share, "excursions found"), el("span", _progress(look)), cls="ps-warm ps-record-warm")
    caught = formats.UNKNOWN
    if record.kappa is not None:
        caught = f"{formats.percent(record.kappa, 0)} of what was shown"
        caught += f", ± {formats.percent(record.kappa_se, 0)}" if record.kappa_se is not None else ""
    low = formats.UNKNOWN
    if record.lower_bound is not None:
        low = f"{formats.percent(record.lower_bound, 1)} (caught − 2.33 standard errors)"
    shown = f"{formats.bps(record.mean_shown_bps)} shown, {formats.bps(record.mean_gross_bps)} returned"
    span = formats.UNKNOWN
    if record.first_ms is not None and record.newest_ms is not None:
        span = (
            f"{formats.age((record.newest_ms - record.first_ms) / 1000)}, since {formats.stamp(record.first_ms)[:10]}"
        )
    return el(
        "div",
        progress,
        el(
            "dl",
            _pair("Caught", caught),
            _pair("Lower bound", low),
            _pair("Mean excursion", shown if record.mean_shown_bps is not None else formats.UNKNOWN),
            _pair("Mean hold", formats.age(record.mean_hold_s)),
            _pair("History", span),
            cls="ps-pairs",
        ),
        cls="ps-card ps-record",
        data_key="record",
        data_value=str(record.excursions),
    )


def _progress(look: Look) -> str:
    record = look.record
    if record is None:
        return ""
    text = f"{record.excursions} excursions, {record.needed} needed"
    if not record.mature and record.days_to_go is not None:
        text += f", about {days_text(record.days_to_go)} to go"
    return text


def _pair(name: str, value: str) -> Markup:
    return el("div", el("dt", name), el("dd", value))
