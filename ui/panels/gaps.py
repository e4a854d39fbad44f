"""Known gaps: where trades are missing, and whether they were fetched since."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.types import Gap
from ui import formats, theme
from ui.markup import Markup, el, join

SHOWN = 50
NUMBERS = ("From, UTC", "To, UTC", "Length", "Missing ids")
STATE = {"open": "failed", "repaired": "passed", "lost": "unknown"}


def render(gaps: Sequence[Gap]) -> None:
    """Draw the table."""
    st.html(markup(gaps))


def markup(gaps: Sequence[Gap]) -> Markup:
    """The newest gaps, newest first; those still open before all others, and how many are left out."""
    newest = sorted(gaps, key=lambda g: (g.state == "open", g.to_ms), reverse=True)[:SHOWN]
    names = ("State", "Symbol", "From, UTC", "To, UTC", "Length", "Missing ids")
    rows = [_row(gap) for gap in newest]
    if not rows:
        rows = [
            el("tr", el("td", "No gap is known: every id that came was one more than the one before.", colspan="6"))
        ]
    table = el(
        "div",
        el(
            "table",
            el("thead", el("tr", *(el("th", n, scope="col", cls="ps-num" if n in NUMBERS else "") for n in names))),
            el("tbody", *rows),
            cls="ps-table",
            aria_label="Gaps",
        ),
        cls="ps-scroll",
        tabindex="0",
    )
    if len(gaps) <= SHOWN:
        return table
    words = f"The newest {SHOWN} of {formats.count(len(gaps))}, open ones first. The database's table gaps has all."
    return join(table, el("p", words, cls="ps-note", data_key="gaps_cut"))


def _row(gap: Gap) -> Markup:
    missing = formats.UNKNOWN
    if gap.after_id is not None and gap.before_id is not None:
        missing = formats.count(gap.before_id - gap.after_id - 1)
    return el(
        "tr",
        el("td", theme.glyph(STATE[gap.state]), el("span", gap.state, cls="ps-state"), cls="ps-mark"),
        el("td", gap.symbol),
        el("td", formats.stamp(gap.from_ms), cls="ps-num"),
        el("td", formats.stamp(gap.to_ms), cls="ps-num"),
        el("td", formats.age((gap.to_ms - gap.from_ms) / 1000), cls="ps-num"),
        el("td", missing, cls="ps-num"),
        data_key="gap",
        data_value=str(gap.to_ms),
        data_state=gap.state,
    )
