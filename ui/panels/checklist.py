"""Trade readiness: each question of the rule, its answer, and what would change it. Deciding apart from informing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import streamlit as st

from analytics.check_words import decimals
from analytics.decision import Check, Decision
from ui import formats, theme
from ui.markup import Markup, el

HEADINGS = ("State", "Question", "Value", "Threshold", "Margin")
UNITS: Final = {"stretched": "z", "z_roll": "z", "record": "bps", "half_life": "bars", "persistence": "of 6"}


def render(decision: Decision) -> None:
    """Draw the checklist."""
    st.html(markup(decision))


def markup(decision: Decision) -> Markup:
    """The checklist as one table with two bodies."""
    deciding = [c for c in decision.checks if c.deciding]
    informing = [c for c in decision.checks if not c.deciding]
    passed = sum(c.state == "passed" for c in deciding)
    head = f"Deciding, all must pass: {passed} of {len(deciding)}"
    return el(
        "table",
        el("thead", el("tr", *(el("th", h, scope="col") for h in HEADINGS))),
        _body("deciding", head, deciding) if deciding else _nothing_yet(),
        _body("informing", "Informing, never deciding", informing) if informing else Markup(),
        cls="ps-checks",
        aria_label="Trade readiness",
    )


def _body(key: str, head: str, checks: Iterable[Check]) -> Markup:
    return el(
        "tbody",
        el("tr", el("th", head, colspan=str(len(HEADINGS)), scope="rowgroup", cls="ps-group", data_key=key)),
        *(_row(c) for c in checks),
    )


def _nothing_yet() -> Markup:
    words = "The questions are asked from the first candle on that both legs share."
    return el("tbody", el("tr", el("td", words, colspan=str(len(HEADINGS)), cls="ps-nothing")))


def _row(check: Check) -> Markup:
    return el(
        "tr",
        el("td", theme.glyph(check.state), el("span", check.state, cls="ps-state"), cls="ps-mark"),
        el(
            "td",
            el("div", check.question, cls="ps-question"),
            el("div", formats.prose(check.flips), cls="ps-flips"),
            cls="ps-what",
        ),
        el("td", formats.prose(check.value_text) or formats.UNKNOWN, cls="ps-said", data_label="value"),
        el("td", formats.prose(check.threshold_text), cls="ps-said", data_label="threshold"),
        el("td", margin(check), cls="ps-num", data_label="margin"),
        cls=f"ps-check ps-check-{check.state}",
        data_key=f"check_{check.key}",
        data_value="" if check.value is None else repr(check.value),
        data_state=check.state,
        title=f"Data to {formats.stamp(check.as_of_ms)} UTC" if check.as_of_ms is not None else None,
    )


def margin(check: Check) -> str:
    """How far from flipping, in the unit of the value; plain numbers for p, β and r."""
    value, unit = check.margin, UNITS.get(check.key, "")
    if value is None:
        return formats.UNKNOWN
    if check.key == "clean":  # incomplete candles, or a share of intervals
        value, unit = (value, "candles") if value <= -1 else (100 * value, "% pts")
    text = formats.number(value, _places(value, unit), sign=True)
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


def _places(value: float, unit: str) -> int:
    """Enough decimals to see that a small margin is not nothing."""
    if unit in {"candles", "bars", "of 6"}:
        least = 0
    elif unit in {"bps", "% pts"}:
        least = 1
    else:
        least = 2 if abs(value) >= 0.1 else 3
    return decimals(least, value, 0.0)
