"""What the words on the page mean, for whoever asks."""

from __future__ import annotations

from typing import Final

import streamlit as st

from ui.markup import Markup, el

TERMS: Final = (
    (
        "Live",
        "From the newest trades, scored with the confirmed fit. It decides nothing and is in no statistic. Where "
        "prices are not the exchange's own the mark says SIMULATED or REPLAY.",
    ),
    ("Confirmed", "From candles that are closed and complete. Such a number never changes afterwards."),
    ("Hedge ratio β", "How much of X hedges Y. In logs a ratio of notionals, in prices a ratio of quantities."),
    ("Spread", "How far Y is from where X says it should be: ln Y − (α + β ln X), shown in bps of price."),
    ("z", "The spread in standard deviations of the fit's own residuals (Evidence), or of the last W (Classic)."),
    (
        "Engle-Granger",
        "Asks whether the spread of the fit returns to its mean more often than chance explains. p below 0.05: "
        "supported. p at or above it: not supported by the data, which is not the same as refuted.",
    ),
    (
        "Record",
        "What this pair's own past stretches really returned, over 20 or more that are finished and do not overlap. "
        "The verdict uses its lower bound, 2.33 standard errors below the mean.",
    ),
    ("Half-life", "Candles until half of a deviation is gone. Shown only with a passed test: noise shows one, too."),
    ("TRAP", "A large z without a relationship behind it: a deviation that nothing pulls back."),
    ("bps", "A hundredth of a per cent; of gross notional, both legs added, unless another base is named."),
)


def render() -> None:
    """Draw the closed list."""
    with st.expander("What the words mean", icon=":material/menu_book:"):
        st.html(markup())


def markup() -> Markup:
    """The list as HTML."""
    return el(
        "dl",
        *(el("div", el("dt", term), el("dd", words)) for term, words in TERMS),
        cls="ps-pairs ps-glossary",
        data_key="glossary",
    )
