"""What is looked at, and what is remembered of it between looks. Values and one state; no thread, no store."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from analytics.costs import CostSplit
from analytics.params import Params
from analytics.record import Record, span_ms
from analytics.report import PairReport
from core.types import Candles, Ints

SCREEN_ROWS: Final = 300  # confirmed rows with statistics that the screen shows


@dataclass(frozen=True, slots=True)
class Key:
    """What is watched."""

    symbol_y: str
    symbol_x: str
    params: Params

    @property
    def pair(self) -> str:
        """The pair's name, Y first."""
        return f"{self.symbol_y}/{self.symbol_x}"

    @property
    def symbols(self) -> tuple[str, str]:
        """Both legs, Y first."""
        return self.symbol_y, self.symbol_x

    @property
    def step_ms(self) -> int:
        """Length of a candle."""
        return self.params.timeframe_s * 1000

    @property
    def look_bars(self) -> int:
        """Candles of each leg that a look reads."""
        return self.params.need_bars + SCREEN_ROWS


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """One symbol's candles, and the opens among them known to be without the candle that should be there."""

    candles: Candles
    missing: Ints


Legs = tuple[Leg, Leg]  # Y, X


def same_legs(a: Legs, b: Legs) -> bool:
    """Whether an analysis of both would say the same: then the report stays the same object, and is drawn once."""
    return all(
        np.array_equal(c.missing, d.missing)
        and np.array_equal(c.candles.open_ms, d.candles.open_ms)
        and np.array_equal(c.candles.close, d.candles.close)
        for c, d in zip(a, b, strict=True)
    )


@dataclass(slots=True)
class Watch:
    """What is remembered of one watched pair. The lock guards it, save ``kept`` and ``asked_s``."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: bool = False  # looked at whether or not anybody looks on
    asked_s: float = -1e9  # when a screen last asked for it

    seen: tuple[int | None, int | None, int] | None = None  # newest candles and revision of the report kept
    report: PairReport | None = None
    legs: Legs | None = None  # what it was made of
    costs: CostSplit | None = None

    record: Record | None = None
    record_revision: int = -1
    record_s: float = -1e9

    said_ms: int | None = None  # newest candle that has its row in the journal
    journal_read: bool = False  # whether the journal was asked for it
    through: tuple[int, int] = (-1, -1)  # up to this open, at this revision, no look is owed
    waits_ms: int | None = None  # the last of the intervals under repair that its looks wait for, …
    waits_s: float = 0.0  # … since when
    failing: bool = False  # its newest look failed, and the log has it


def record_bars(params: Params) -> int:
    """Candles that a pair's record needs: its span, and before it those that tell what was open when it began."""
    return span_ms(params) // (params.timeframe_s * 1000) + params.need_bars + params.fit_bars
