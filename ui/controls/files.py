"""Which files to make: of what time, in which form; and those that were made, until something else is asked for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import streamlit as st

from ui.exports import Kind, Made

KINDS: Final[dict[str, Kind]] = {"CSV": "csv", "Parquet": "parquet"}
SPANS_S: Final = {"Last hour": 3_600, "6 hours": 21_600, "24 hours": 86_400, "7 days": 604_800, "30 days": 2_592_000}
BETWEEN: Final = "Between"


@dataclass(frozen=True, slots=True)
class FileChoice:
    """How files are written, and of which time: the newest ``span_s`` seconds, or from one moment to another."""

    kind: Kind
    span_s: int = 0  # 0: between the two moments
    from_ms: int = 0
    to_ms: int = 0

    def times(self, now_ms: int) -> tuple[int, int]:
        """From and to, half open."""
        return (now_ms - self.span_s * 1000, now_ms) if self.span_s else (self.from_ms, self.to_ms)

    @property
    def problem(self) -> str:
        """Why there is no such time; empty: there is."""
        return "" if self.span_s or self.from_ms < self.to_ms else "The first moment must be before the second."


def file_choice(now_ms: int) -> tuple[FileChoice, bool]:
    """What the files shall hold, and whether they are asked for now."""
    kind = st.segmented_control(
        "File format",
        list(KINDS),
        default="CSV",
        key="file_kind",
        required=True,
        label_visibility="collapsed",
        help="CSV for a spreadsheet, Parquet for exact types.",
    )
    span = st.selectbox(
        "Time of the files",
        [*SPANS_S, BETWEEN],
        index=2,
        key="file_span",
        width=150,
        label_visibility="collapsed",
        help="Which time the files cover, up to now or between two moments.",
    )
    choice = FileChoice(KINDS[kind], SPANS_S.get(span, 0))
    if span == BETWEEN:
        now = datetime.fromtimestamp(now_ms / 1000, UTC).replace(second=0, microsecond=0, tzinfo=None)
        choice = FileChoice(
            KINDS[kind],
            from_ms=_moment("From, UTC", now - timedelta(hours=1), "file_from"),
            to_ms=_moment("To, UTC", now, "file_to"),
        )
    asked = st.button(
        "Make the files",
        icon=":material/inventory_2:",
        key="file_make",
        disabled=bool(choice.problem),
        help="Reads the store once. What was made stays as it is until you make it again.",
    )
    if choice.problem:
        st.error(choice.problem, icon=":material/error:")
    return choice, bool(asked)


def made_files(about: Hashable) -> Made | None:
    """The files that were made for exactly this."""
    kept: tuple[Hashable, Made] | None = st.session_state.get("files_made")
    return kept[1] if kept is not None and kept[0] == about else None


def keep_files(about: Hashable, made: Made) -> Made:
    """Remember them for this tab, in place of those before."""
    st.session_state["files_made"] = (about, made)
    return made


def _moment(label: str, default: datetime, key: str) -> int:
    value = st.datetime_input(
        label, default, key=key, step=60, format="YYYY-MM-DD", width=200, label_visibility="collapsed"
    )
    return int(value.replace(tzinfo=UTC).timestamp() * 1000)
