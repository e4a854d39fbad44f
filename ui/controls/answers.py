"""Callbacks that answer: what the desk refuses is said as a sentence beside the control that asked."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.errors import PairsightError


def answered(slot: str, action: Callable[[], None]) -> Callable[[], None]:
    """A callback that runs ``action`` and keeps its refusal for ``show(slot)``."""

    def run() -> None:
        try:
            action()
        except PairsightError as error:
            st.session_state[f"answer_{slot}"] = str(error)
        else:
            st.session_state.pop(f"answer_{slot}", None)

    return run


def show(slot: str) -> None:
    """The last refusal in this slot, if it stands."""
    sentence = st.session_state.get(f"answer_{slot}")
    if sentence:
        st.error(sentence, icon=":material/error:")
