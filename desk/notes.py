"""The small things kept in the database by name, read as the values they are."""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from core.errors import NoteUnreadable

T = TypeVar("T")


class Notes(Protocol):
    """Where they are kept."""

    def note(self, name: str) -> tuple[str, int] | None: ...


def read_note(store: Notes, name: str, kind: type[T]) -> tuple[T, int] | None:
    """What a note says and when it was put, Unix ms; None where there is none. Raises NoteUnreadable."""
    note = store.note(name)
    if note is None:
        return None
    try:
        return msgspec.json.decode(note[0], type=kind), note[1]
    except msgspec.MsgspecError as error:
        raise NoteUnreadable(
            f"The note “{name}” in the database cannot be read: another version of Pairsight may have kept it ({error})"
        ) from error
