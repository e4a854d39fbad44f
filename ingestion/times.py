"""How long a feed waits before it does something about a thing: one frozen value, in seconds of our own clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FeedTimes:
    """Whoever replays faster than time shortens them alike."""

    # A line
    ping_every_s: float = 20.0
    answer_within_s: float = 10.0  # after a ping, after a request, or within a frame
    # A connection
    healthy_after_s: float = 5.0  # one that delivered for so long makes the backoff start afresh
    refused_wait_s: float = 60.0  # after 403, 418 and 429
    renew_after_s: float = 23 * 3600.0  # the exchange ends every connection at 24 h
    renew_again_s: float = 60.0  # after a renewal that failed
    overlap_s: float = 30.0  # at most; thin streams may not speak on the new line in time
    overlap_least_s: float = 1.0
    busy_s: float = 10.0  # a stream that spoke on the old line within this time is waited for on the new one
    # Silent streams
    watch_every_s: float = 1.0
    silent_least_s: float = 15.0  # even the busiest symbol pauses for seconds
    silent_unknown_s: float = 60.0  # while nothing is known of a stream's rate
    silent_most_s: float = 1_800.0
    learned_after_s: float = 60.0  # so much of a stream tells its rate
    cycle_s: float = 600.0  # after giving up, all begins again
    # The numbering of records
    hold_s: float = 1.0  # so long a record waits for those before it
    give_up_s: float = 5.0  # so long while the stream goes on below it: then it was never part of it
    undecided_s: float = 10.0  # so long a stranger keeps what follows from being confirmed


THE_EXCHANGE: Final = FeedTimes()
