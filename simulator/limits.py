"""What one connection and one address may ask, with the exchange's own figures. Tests shorten the times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds of the wall, whatever the speed of the exchange's clock."""

    ping_every_s: float = 180.0
    pong_within_s: float = 600.0
    lifetime_s: float = 86_400.0
    streams: int = 1024
    messages_burst: int = 15  # 40 sent at once: 15 answered, then closed
    messages_per_s: float = 10.0
    buffer_bytes: int = 64 * 1024 * 1024  # a reader that is further behind is dropped
    weight_per_minute: int = 2_400
    refusals_before_ban: int = 20  # further requests after a 429 within the same minute
    ban_s: float = 120.0  # doubled at each further ban
    settle_s: float = 0.25  # from the first trade subscription to the start of a replay
    tick_s: float = 0.005  # how often what is due is sent


class MessageAllowance:
    """The incoming message limit of one connection: a bucket of ``burst`` that fills at ``per_s``."""

    def __init__(self, burst: int, per_s: float, now: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at = float(burst), now

    def take(self, now: float) -> bool:
        """Count one message; False where it is one too many.

        >>> allowance = MessageAllowance(2, 1.0, now=0.0)
        >>> [allowance.take(t) for t in (0.0, 0.0, 0.0, 1.5)]
        [True, True, False, True]
        """
        self._left = min(float(self._burst), self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
