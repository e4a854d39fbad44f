"""What the process that collects into a database last said of itself, and how long ago."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Final

from core.types import DeskStatus, FeedStatus
from desk.collector import HEALTH
from desk.notes import Notes, read_note

QUIET_S: Final = 15.0  # it says how it does every few seconds; after this it is not taken to collect any more
AHEAD_S: Final = 5.0  # a note that is from so far in the future was written before the clock was set back


@dataclass(frozen=True, slots=True)
class Heard:
    """``status`` has every age as it is now if nothing came since it was said, ``quiet_s`` ago by the clock."""

    status: DeskStatus
    quiet_s: float

    @property
    def problem(self) -> str:
        """Why it cannot be taken to collect, as a sentence without its subject; empty: it collects."""
        if not self.status.running:
            return "is stopped"
        if self.quiet_s < -AHEAD_S:
            return f"spoke last {-self.quiet_s:.0f} s in the future: the clock was set back, and nothing was said since"
        return f"has said nothing for {self.quiet_s:.0f} s" if self.quiet_s > QUIET_S else ""


def heard(store: Notes) -> Heard | None:
    """The newest there is; None: nothing was ever said. Raises NoteUnreadable."""
    noted = read_note(store, HEALTH, DeskStatus)
    if noted is None:
        return None
    told, quiet_s = noted[0], time.time() - noted[1] / 1000
    aged = replace(
        told,
        trades=_aged(told.trades, quiet_s),
        market=_aged(told.market, quiet_s),
        universe=_aged(told.universe, quiet_s),
    )
    return Heard(aged, quiet_s)


def _aged(feed: FeedStatus, quiet_s: float) -> FeedStatus:
    quiet_s = max(0.0, quiet_s)
    return replace(
        feed,
        last_frame_age_s=None if feed.last_frame_age_s is None else feed.last_frame_age_s + quiet_s,
        next_try_in_s=None if feed.next_try_in_s is None else max(0.0, feed.next_try_in_s - quiet_s),
        streams=tuple(s if s.age_s is None else replace(s, age_s=s.age_s + quiet_s) for s in feed.streams),
    )
