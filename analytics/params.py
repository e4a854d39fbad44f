"""What the trader chose: preset, windows, thresholds, costs. One frozen value; its ``key`` names it in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from numbers import Integral
from typing import Final, Literal

from core.settings import FEES_BPS

Preset = Literal["evidence", "classic"]

# Fit window N by timeframe: the rule's own table.
FIT_BARS: Final[Mapping[int, int]] = {1: 1000, 5: 1000, 15: 1000, 60: 1000, 300: 500, 900: 200, 3600: 200}

# The rule's fixed thresholds.
RELATED_P: Final = 0.05  # check "related": Engle-Granger p below this
MIN_BETA: Final = 0.1  # check "hedgeable": at or below it no neutral position exists
MAX_STALE: Final = 0.10  # check "clean": share of intervals without a candle or with an unchanged close
REARM_Z: Final = 1.0  # an excursion is over below it
NEEDED: Final = 20  # mature excursions before a record says anything
SIGMAS: Final = 2.33  # the record's lower bound: one-sided 1 %
WEAK_CORR: Final = 0.7  # of log returns; below it X explains less than half of Y's variance


@dataclass(frozen=True, slots=True)
class Params:
    """The rule's parameters for one pair. Bars are candles of ``timeframe_s``."""

    timeframe_s: int = 60
    preset: Preset = "evidence"
    fit_bars: int = 0  # N; 0: the rule's window for this timeframe
    z_bars: int = 60  # W of the rolling z
    entry_z: float = 2.0
    exit_z: float = 0.0
    stop_z: float = 4.0
    method: str = "ols"  # a key of analytics.hedge.METHODS; the evidence test always uses OLS
    price_units: bool = False  # show the spread as Y − βX in prices instead of logs
    fee_bps: float = 5.0  # per leg and side, bps of notional
    notional: float = 10_000.0  # gross, quote currency

    def __post_init__(self) -> None:
        for name in ("timeframe_s", "fit_bars", "z_bars"):
            if not isinstance(getattr(self, name), Integral):
                raise ValueError(f"{name} must be a whole number, was {getattr(self, name)}")
        if self.timeframe_s not in FIT_BARS:
            raise ValueError(f"timeframe_s must be one of {sorted(FIT_BARS)}, was {self.timeframe_s}")
        if self.fit_bars == 0:
            object.__setattr__(self, "fit_bars", FIT_BARS[self.timeframe_s])
        if self.preset not in {"evidence", "classic"}:
            raise ValueError(f"preset must be 'evidence' or 'classic', was {self.preset!r}")
        if not 30 <= self.fit_bars <= 20_000:
            raise ValueError(f"fit_bars must be from 30 to 20000, was {self.fit_bars}")
        if not 2 <= self.z_bars <= self.fit_bars:
            raise ValueError(f"z_bars must be from 2 to fit_bars ({self.fit_bars}), was {self.z_bars}")
        if not isfinite(self.stop_z):
            raise ValueError(f"stop_z must be finite, was {self.stop_z}")
        if not 0 < self.entry_z < self.stop_z:
            raise ValueError(f"entry_z must be above 0 and below stop_z ({self.stop_z}), was {self.entry_z}")
        if not 0 <= self.exit_z < self.entry_z:
            raise ValueError(f"exit_z must be from 0 to below entry_z ({self.entry_z}), was {self.exit_z}")
        if not FEES_BPS[0] <= self.fee_bps <= FEES_BPS[1]:
            raise ValueError(f"fee_bps must be from {FEES_BPS[0]:g} to {FEES_BPS[1]:g}, was {self.fee_bps}")
        if not 0 < self.notional < inf:
            raise ValueError(f"notional must be > 0 and finite, was {self.notional}")

    @property
    def need_bars(self) -> int:
        """Aligned candles needed before anything is decided: N + N/4."""
        return self.fit_bars + self.fit_bars // 4

    @property
    def lookback(self) -> int:
        """Rows before a look in which its excursion must have begun: those that N + N/4 candles give a z for."""
        return self.fit_bars // 4

    @property
    def key(self) -> str:
        """What decides a look, as text: the journal's key beside pair, timeframe and candle. Notional is not in it."""
        units = "prices" if self.price_units else "logs"
        return (
            f"{self.preset} N={self.fit_bars} W={self.z_bars} z={self.entry_z:g}/{self.exit_z:g}/{self.stop_z:g}"
            f" {self.method} {units} fee={self.fee_bps:g}"
        )
