"""The sentence on top of a run, what was run, and its figures."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analytics.banner import Tone
from analytics.trial import Trial
from core.types import Source
from ui import formats, theme, walk_tables, walk_words
from ui.markup import Markup, el
from ui.walk_tables import Line

LOOK: dict[Tone, str] = {  # the verdict whose symbol and colour says the same
    "untested": "nodata", "no trades": "not", "thin": "wait", "against": "trap", "open": "wait", "for": "tradable",
}  # fmt: skip


def render(trial: Trial, source: Source) -> None:
    """Draw the sentence, the figures and where the money went."""
    st.html(markup(trial, source))
    st.html(tiles(trial))
    if trial.run is not None and trial.run.summary.trades:
        st.html(theme.heading("Where it went", "from the record's own fills to what was left"))
        st.html(table(walk_tables.MONEY_HEAD, walk_tables.money(trial.run), "Where the money went", "walk_money"))


def markup(trial: Trial, source: Source) -> Markup:
    """The sentence as HTML."""
    said = trial.banner
    assert said is not None
    p = trial.ask
    whose = "OFFLINE" if p.legs is not None else source
    look = LOOK[said.tone]
    return el(
        "section",
        el(
            "div",
            el(
                "div",
                el("strong", f"{p.symbol_y} / {p.symbol_x}"),
                " · walk-forward ",
                theme.tag("offline") if p.legs is not None else theme.tag("confirmed"),
                el("span", whose, cls="ps-tag ps-tag-paused") if whose in {"SIMULATED", "REPLAY"} else Markup(),
                cls="ps-pair",
            ),
            el("h1", theme.glyph(look), said.headline, cls="ps-verdict ps-walk-headline"),
            el(
                "div",
                el("p", formats.prose(said.text), cls="ps-reason", data_key="walk_text"),
                el("p", formats.prose(f"{said.assumed} {trial.funding_note}"), cls="ps-change", data_key="assumed"),
                cls="ps-says",
            ),
            cls="ps-banner-main",
        ),
        el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in walk_words.facts(trial)),
           cls="ps-facts"),
        cls=f"ps-banner ps-v-{look}",
        data_key="walk",
        data_value=said.tone,
        aria_label=f"Walk-forward: {said.headline}",
    )  # fmt: skip


def tiles(trial: Trial) -> Markup:
    """The figures."""
    assert trial.run is not None
    kind = "offline" if trial.ask.legs is not None else "confirmed"
    return el(
        "div",
        *(
            el(
                "div",
                el("div", el("span", name, cls="ps-label"), theme.tag(kind), cls="ps-tile-head"),  # type: ignore[arg-type]
                el("div", value, cls="ps-value"),
                el("div", below, cls="ps-sub"),
                cls="ps-tile",
                data_key=f"walk_{key}",
                data_value=value,
            )
            for key, name, value, below in walk_words.figures(trial.run)
        ),
        cls="ps-tiles",
    )


def table(head: Sequence[str], lines: Sequence[Line], label: str, key: str) -> Markup:
    """Names and numbers; the run's own line stands out by its weight alone."""
    cells = [el("th", name, scope="col", cls="ps-num" if i else "") for i, name in enumerate(head)]
    rows = [
        el(
            "tr",
            el("th", line.name, scope="row"),
            *(el("td", cell, cls="ps-num") for cell in line.cells),
            cls="ps-own" if line.own else "",
        )
        for line in lines
    ]
    whole = el("table", el("thead", el("tr", *cells)), el("tbody", *rows), cls="ps-table", aria_label=label)
    return el("div", whole, cls="ps-scroll", tabindex="0", role="region", aria_label=label, data_key=key)
