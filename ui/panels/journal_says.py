"""What the journal said at a past candle beside what is computed now from the store."""

from __future__ import annotations

from typing import Final

import streamlit as st

from analytics.journal import row_of
from analytics.look import Look
from core.journal import JournalRow
from ui import formats, theme
from ui.agreement import agreement
from ui.markup import Markup, el

NAMED: Final = 5  # fields that differ; of more only the number
SHOWN = (
    ("Verdict", "verdict", str),
    ("z", "z", formats.z_score),
    ("Rolling z", "z_roll", formats.z_score),
    ("β, least squares", "beta", lambda v: formats.number(v, 4)),
    ("Engle-Granger p", "eg_pvalue", formats.pvalue),
    ("Correlation", "corr", lambda v: formats.number(v, 2)),
    ("Known cost", "cost_bps", lambda v: formats.bps(v, sign=False)),
    ("Expected net", "expected_net_bps", formats.bps),
)


def render(look: Look, row: JournalRow | None) -> None:
    """Draw both."""
    st.html(markup(look, row))


def markup(look: Look, row: JournalRow | None) -> Markup:
    """A sentence, and the numbers of both side by side."""
    now = row_of(look)
    same = None if row is None else agreement(look, row)
    state = "unknown" if same is None else "passed" if same.same else "failed"
    differs = () if same is None else same.differs
    return el(
        "div",
        el("p", theme.glyph(state), el("span", sentence(look, row)), cls="ps-agrees"),
        el(
            "table",
            el(
                "thead",
                el("tr", *(el("th", name, scope="col") for name in ("Number", "From the store", "The journal"))),
            ),
            el("tbody", *(_row(name, key, how, now, row, key in differs) for name, key, how in SHOWN)),
            cls="ps-table ps-both",
            aria_label="The journal beside what is computed",
        ),
        cls="ps-card",
        data_key="agreement",
        data_value=state,
    )


def sentence(look: Look, row: JournalRow | None) -> str:
    """Whether both say the same; where nothing was said, what cannot be known today."""
    if row is None:
        missing = look.costs.missing if look.costs is not None else ()
        unknown = f" Not known any more: {' and '.join(missing)}." if missing else ""
        return f"Nothing was said at this candle: the desk did not look at this pair then.{unknown}"
    found = agreement(look, row)
    if found.same:
        return f"The journal says the same, in all {found.compared} fields."
    note = " A candle it rested on was repaired afterwards." if row.note else ""
    more = len(found.differs) - NAMED
    named = ", ".join(found.differs[:NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"The journal said something else in: {named}.{note}"


def _row(name: str, key: str, how: object, now: JournalRow, row: JournalRow | None, differs: bool) -> Markup:
    assert callable(how)
    told = formats.UNKNOWN if row is None else how(getattr(row, key))
    return el(
        "tr",
        el("th", name, scope="row"),
        el("td", how(getattr(now, key)), data_key=f"now_{key}", data_value=repr(getattr(now, key))),
        el("td", told, data_key=f"then_{key}", data_value="" if row is None else repr(getattr(row, key))),
        cls="ps-differs" if differs else "",
    )
