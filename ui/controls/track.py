"""The Track record page's choice: whose trades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from analytics.paper_settings import OWN, settings_of
from analytics.paper_view import TrackView
from core.paper import PaperTrade

EVERY: Final = "All pairs"
ALL: Final = "all settings"
PRESETS: Final = {"Both presets": "", "Evidence": "evidence", "Classic": "classic"}


@dataclass(frozen=True, slots=True)
class Whose:
    """Which trades are counted; empty: all."""

    pair: str = ""
    preset: str = ""
    settings: str = OWN
    fee_bps: float = 5.0  # what the desk takes a taker to pay

    def of(self, trades: Sequence[PaperTrade]) -> list[PaperTrade]:
        """Those among them."""
        mine = [t for t in trades if self.pair in {"", t.pair} and self.preset in {"", t.preset}]
        return self.of_settings(mine)

    def of_settings(self, trades: Sequence[PaperTrade]) -> list[PaperTrade]:
        """Those of the settings, whatever pair and preset."""
        return [t for t in trades if self.settings in {"", settings_of(t, self.fee_bps)}]


def whose(view: TrackView) -> Whose:
    """Draw the choice of pair, preset and settings."""
    pairs = sorted({t.pair for t in view.trades})
    others = sorted({settings_of(t, view.fee_bps) for t in view.trades} - {OWN})
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
        settings = st.selectbox(
            "Settings",
            [OWN, ALL, *others],
            key="track_settings",
            width=320,
            format_func=lambda words: words[0].upper() + words[1:],
            help="The rule's own are a preset's own numbers at the desk's fee, by the rule as it is today. Whatever a"
            " sidebar changed is looked at and traded on paper too, but counts only where it is chosen here.",
        )
    return Whose("" if pair == EVERY else pair, PRESETS[preset], "" if settings == ALL else settings, view.fee_bps)
