"""What a screen that only reads asks of the desk that collects, as it stands in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# asked: not taken up yet; taken: being done; refused: it could not be done, and ``answer`` says why.
# What has been done is there no longer.
WishState = Literal["asked", "taken", "refused"]


@dataclass(frozen=True, slots=True)
class Wish:
    """One wish, without its body, which may hold a secret and is read only to do it."""

    id: int
    asked_ms: int  # our clock
    words: str  # what is asked for; no secret
    state: WishState
    answer: str = ""  # why it was refused, as a sentence
