"""What a scan of the whole market is asked for, and what is known of it now: values for desk and screen."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import Final, Literal

from analytics.params import FIT_BARS
from analytics.scan_series import LeftOut
from analytics.scanner import MIN_BARS, Scan

TIMEFRAME_S: Final = 60  # the exchange streams closed bars of this length for every symbol
MOST_SYMBOLS: Final = 400
MOST_BARS: Final = 1200  # N + N/4 of it is one page of history
Stage = Literal["off", "choosing", "loading", "live"]


@dataclass(frozen=True, slots=True)
class MarketRule:
    """Which symbols are scanned, and how. Volumes are in the quote currency."""

    most: int = 100  # symbols, those of the largest 24 h volume
    min_day_volume: float = 0.0
    min_minute_volume: float = 0.0  # of the window's median minute; one without a trade counts as 0
    closing_markets: bool = False  # also contracts whose underlying has closing hours
    both_directions: bool = False
    fit_bars: int = FIT_BARS[TIMEFRAME_S]  # N
    cost_bps: float = 10.0  # a round trip of both legs, bps of gross notional
    entry_z: float = 2.0
    stop_z: float = 4.0

    def __post_init__(self) -> None:
        if not 2 <= self.most <= MOST_SYMBOLS:
            raise ValueError(f"most must be from 2 to {MOST_SYMBOLS}, was {self.most}")
        for name in ("min_day_volume", "min_minute_volume", "cost_bps"):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(f"{name} must be >= 0 and finite, was {getattr(self, name)}")
        if not MIN_BARS <= self.fit_bars <= MOST_BARS:
            raise ValueError(f"fit_bars must be from {MIN_BARS} to {MOST_BARS}, was {self.fit_bars}")
        if not 0 < self.entry_z < self.stop_z:
            raise ValueError(f"entry_z must be above 0 and below stop_z ({self.stop_z}), was {self.entry_z}")

    @property
    def need_bars(self) -> int:
        """Minutes before now that are wanted of each symbol: N + N/4, so that gaps leave N."""
        return self.fit_bars + self.fit_bars // 4

    @property
    def universe(self) -> tuple[int, float, bool, int]:
        """What of the rule decides which symbols are streamed, and how much of their past is needed."""
        return self.most, self.min_day_volume, self.closing_markets, self.need_bars


@dataclass(frozen=True, slots=True, eq=False)
class MarketView:
    """The market at one moment."""

    stage: Stage = "off"
    problem: str = ""  # why it is not further, as a sentence
    symbols: tuple[str, ...] = ()  # streamed, the largest volume first
    left_out: tuple[LeftOut, ...] = ()  # large enough, and not streamed
    loaded: float = 0.0  # of their history, 0..1
    left_s: float | None = None  # until all of it is there; None: not known
    scan: Scan | None = None
    candle_ms: int | None = None  # open of the scan's newest candle
    took_ms: float = nan
    number: int = 0  # scans made so far
    rule: MarketRule | None = None  # what is scanned; not always what was asked for here
    pairs: tuple[tuple[str, str], ...] = ()  # the watch-list: Y, X
