"""What a screen that only reads asks of the desk that collects, as it stands in the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

# asked: not taken up yet; taken: being done; refused: it could not be done, and ``answer`` says why.
# What has been done is there no longer.
WishState = Literal["asked", "taken", "refused"]


@dataclass(frozen=True, slots=True)
class Wish:
    """One wish. ``words`` hold no secret."""

    id: int
    asked_ms: int  # our clock
    words: str  # what is asked for
    state: WishState
    answer: str = ""  # why it was refused, as a sentence
    body: str = field(default="", repr=False)  # JSON; may hold a channel's address; empty once it is taken
