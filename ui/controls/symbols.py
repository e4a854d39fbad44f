"""Which symbols are streamed beside the pair."""

from __future__ import annotations

import streamlit as st

from ui.controls.answers import answered, show
from ui.port import DeskPort


def draw(desk: DeskPort, keep: tuple[str, str]) -> None:
    """Draw add and drop. The legs in ``keep`` cannot be dropped while they are on screen."""
    streamed = desk.status().symbols
    with st.expander(f"Streamed symbols ({len(streamed)})"):
        st.caption(", ".join(streamed) or "None yet.")
        st.text_input(
            "Add a symbol",
            key="symbol_to_add",
            placeholder="XRPUSDT",
            max_chars=30,
            on_change=answered("symbols", lambda: _add(desk)),
            help="Checked against the exchange's list, then streamed and stored.",
        )
        spare = [s for s in streamed if s not in keep]
        st.selectbox(
            "Drop a symbol",
            spare,
            index=None,
            key="symbol_to_drop",
            disabled=not spare,
            placeholder="Choose" if spare else "The pair on screen stays",
            on_change=answered("symbols", lambda: _drop(desk)),
            help="Ends its stream; what is stored stays. Not where a watched pair or an open trade on paper needs it.",
        )
        show("symbols")


def _add(desk: DeskPort) -> None:
    symbol = str(st.session_state.get("symbol_to_add") or "").strip().upper()
    st.session_state["symbol_to_add"] = ""
    if symbol:
        desk.add_symbol(symbol)


def _drop(desk: DeskPort) -> None:
    symbol = st.session_state.get("symbol_to_drop")
    st.session_state["symbol_to_drop"] = None
    if symbol:
        desk.drop_symbol(str(symbol))
