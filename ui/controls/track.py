"""The Track record page's choice: whose trades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from core.paper import PaperTrade

EVERY: Final = "All pairs"
PRESETS: Final = {"Both presets": "", "Evidence": "evidence", "Classic": "classic"}


@dataclass(frozen=True, slots=True)
class Whose:
    """Which trades are counted; empty: all."""

    pair: str = ""
    preset: str = ""

    def of(self, trades: Sequence[PaperTrade]) -> list[PaperTrade]:
        """Those among them."""
        return [t for t in trades if self.pair in {"", t.pair} and self.preset in {"", t.preset}]


def whose(trades: Sequence[PaperTrade]) -> Whose:
    """Draw the choice of pair and preset."""
    pairs = sorted({t.pair for t in trades})
    with st.container(key="ps-track-choice", horizontal=True, vertical_alignment="bottom"):
        pair = st.selectbox(
            "Pair",
            [EVERY, *pairs],
            key="track_pair",
            width=220,
            help="Pairs with a trade on paper. A pair has them from its first look on.",
        )
        preset = st.segmented_control(
            "Preset",
            list(PRESETS),
            default="Both presets",
            key="track_preset",
            required=True,
            help="Each preset is scored by its own rule.",
        )
    return Whose("" if pair == EVERY else pair, PRESETS[preset])
