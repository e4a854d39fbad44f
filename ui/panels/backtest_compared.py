"""A run beside luck and beside other settings: all of them, in their order, none picked."""

from __future__ import annotations

import streamlit as st

from analytics.trial import Trial
from ui import formats, walk_charts, walk_tables, walk_words
from ui.chart_data import encode
from ui.markup import Markup, el
from ui.panels.backtest_verdict import table
from ui.theme import heading


def render(trial: Trial) -> None:
    """Draw both, side by side where there is room."""
    with st.container(key="ps-body"):
        left, right = st.columns([1, 1.35], gap="small")
    with left:
        st.html(heading("Luck", "the same rule where nothing ties the two legs"))
        _luck(trial)
    with right:
        st.html(heading("Neighbouring settings", "one change at a time; the best one is not looked for"))
        st.html(el("p", formats.prose(walk_words.tries(trial)), cls="ps-note", data_key="tries"))
        if trial.tried is not None:
            lines = walk_tables.settings(trial.tried)
            st.html(table(walk_tables.SETTINGS_HEAD, lines, "Neighbouring settings", "walk_settings"))


def _luck(trial: Trial) -> None:
    st.html(luck_note(trial))
    if trial.drawn:
        st.vega_lite_chart(
            None,
            {**walk_charts.luck_spec(), "datasets": {"runs": encode(walk_charts.luck_table(trial))}},
            width="stretch",
            key="walk_luck",
            alt=f"What each of {len(trial.drawn)} redrawn runs won, and this one",
        )
        st.html(el("p", "Ticks: redrawn runs. Diamond: this run.", cls="ps-note"))


def luck_note(trial: Trial) -> Markup:
    """The sentence beside the ticks."""
    return el("p", formats.prose(walk_words.luck(trial)), cls="ps-note", data_key="luck")
