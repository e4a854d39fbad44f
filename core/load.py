"""Fetching a long history: how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LoadStage = Literal["idle", "waiting", "loading", "done", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class HistoryLoad:
    """The candles of some symbols, a timeframe and a number of days, on their way from the exchange to the store."""

    stage: LoadStage = "idle"
    asked: int = 0  # intervals asked for by now ...
    missing: int = 0  # ... of those that were not stored when it began; one without a trade gives no candle
    left_s: float | None = None  # None: not known yet
    problem: str = ""  # why it failed, as a sentence

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.asked / self.missing if self.missing else float(self.stage == "done")

    @property
    def ended(self) -> bool:
        """Whether nothing more will come by itself."""
        return self.stage in {"idle", "done", "cancelled", "failed"}
