"""How the engine that makes the looks fares, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How the looks fare, as of the engine's newest round."""

    watched: int = 0  # pairs looked at
    owed: int = 0  # looks at candles confirmed by then that were still to be said
    behind: bool = False  # more are owed than there are pairs
    round_s: float = 0.0  # what the round took
    at_ms: int = 0  # when it ended, or before the first one when the engine was started; our clock; 0: it was not
    failing: tuple[str, ...] = ()  # pairs, with their timeframe, whose newest look could not be made

    @property
    def failure(self) -> str:
        """Which those are, as a sentence; empty: every look is made."""
        if not self.failing:
            return ""
        more = f" and {len(self.failing) - 5} more" if len(self.failing) > 5 else ""
        return f"No look can be made at {', '.join(self.failing[:5])}{more}; the log says why."
