"""What a tab remembers between redraws beside its choices: the verdict it last showed."""

from __future__ import annotations

from collections.abc import Hashable

import streamlit as st


def turned(about: Hashable, now: str) -> str | None:
    """What stood here before, where that was about the same and is not what stands now; None: nothing has turned."""
    seen: tuple[Hashable, str] | None = st.session_state.get("verdict_seen")
    st.session_state["verdict_seen"] = (about, now)
    if seen is None or seen[0] != about or seen[1] == now:
        return None
    return seen[1]
