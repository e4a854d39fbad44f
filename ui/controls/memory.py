"""What a tab remembers between redraws beside its choices: the verdict it last showed, the alerts it has told."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import streamlit as st

from core.alerts import Alert


def turned(about: Hashable, now: str) -> str | None:
    """What stood here before, where that was about the same and is not what stands now; None: nothing has turned."""
    seen: tuple[Hashable, str] | None = st.session_state.get("verdict_seen")
    st.session_state["verdict_seen"] = (about, now)
    if seen is None or seen[0] != about or seen[1] == now:
        return None
    return seen[1]


def untold(about: Hashable, newest_id: int, read: Callable[[int], Sequence[Alert]]) -> Sequence[Alert]:
    """Alerts this tab has not told, newest first; none of those that were there when it first asked.

    Where ``about`` is another database than before, it begins again.
    """
    seen: tuple[Hashable, int] | None = st.session_state.get("alerts_told")
    if seen is not None and seen[0] == about and not newest_id:
        return ()  # it cannot be read now: what is there afterwards is not new
    st.session_state["alerts_told"] = (about, newest_id)
    if seen is None or seen[0] != about or newest_id <= seen[1]:
        return ()
    return [alert for alert in read(seen[1]) if alert.id <= newest_id]
