"""The words of a decision: verdict, checks, trigger, legs. Values only; ``decision.decide`` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import msgspec


class Verdict(StrEnum):
    """The six things the desk can say."""

    NO_DATA = "NO DATA"
    WARMING_UP = "WARMING UP"
    NOT_TRADABLE = "NOT TRADABLE"
    TRAP = "TRAP"
    WAIT = "WAIT"
    TRADABLE = "TRADABLE"


CheckState = Literal["passed", "failed", "unknown"]


class Check(msgspec.Struct, frozen=True):
    """One question, its answer and what would change it. Every look makes a dozen and writes them as JSON."""

    key: str  # stable name, used by the journal: clean, hedgeable, related, stretched, record, ...
    question: str  # in plain words
    value: float | None  # None: unknown
    value_text: str  # with its unit, as shown
    threshold_text: str
    margin: float | None  # distance to flipping in the value's own unit; positive: on the passing side
    state: CheckState
    flips: str  # what would flip it, as a sentence
    as_of_ms: int | None  # open time of the newest candle it rests on
    deciding: bool = True


@dataclass(frozen=True, slots=True)
class Trigger:
    """How far the spread is from entry, in z and in the price of Y (X unchanged). Distances are >= 0."""

    z: float  # z now, confirmed
    entry_z: float  # signed: the nearer threshold
    distance_z: float  # 0 when already beyond
    price_y: float  # close of Y it was measured at
    trigger_price_y: float  # close of Y at which |z| reaches entry_z, the fit unchanged
    distance_bps: float  # of Y's price


@dataclass(frozen=True, slots=True)
class Legs:
    """The trade the rule speaks of: sides and quantities for the notional. Nothing is ever sent."""

    side_y: Literal["BUY", "SELL"]
    side_x: Literal["BUY", "SELL"]
    qty_y: float  # base units, before rounding to the step size
    qty_x: float
    notional_y: float
    notional_x: float


@dataclass(frozen=True, slots=True)
class Freshness:
    """What the desk knows of its data, beside the candles: times on the exchange's clock."""

    watermark_ms: int | None = None  # newest exchange event seen; None: nothing yet
    silent: tuple[str, ...] = ()  # legs whose stream is silent or stale
    reason: str = ""  # why there are no data, as a sentence
    grace_ms: int = 0  # how far the watermark must be past a candle's end before it is confirmed

    @classmethod
    def as_of(cls, *newest_ms: int | None, timeframe_s: int) -> Freshness:
        """For a look at the past: the clock stands at the end of the newest of the legs' newest candles.

        >>> Freshness.as_of(60_000, 0, timeframe_s=60).watermark_ms
        120000
        """
        known = [ms for ms in newest_ms if ms is not None]
        return cls(watermark_ms=max(known) + timeframe_s * 1000 if known else None)


@dataclass(frozen=True, slots=True)
class LiveScore:
    """The newest trades of both legs scored with the confirmed fit. Never enters a statistic or a journal row."""

    ts_ms: int  # the older of the two trades' times
    price_y: float
    price_x: float
    spread: float  # of the fit shown
    z: float  # of the log fit: Evidence decides by its like
    z_roll: float  # against the rolling mean and sd of the last confirmed row: Classic's
    # On the scale that the preset decides by: sell Y at its last taker-sell, buy X at its last taker-buy price …
    z_sell_spread: float | None = None
    z_buy_spread: float | None = None  # … and the reverse


@dataclass(frozen=True, slots=True)
class Decision:
    """One look at one confirmed candle."""

    verdict: Verdict
    reason: str  # one sentence in plain words
    checks: tuple[Check, ...]
    regime: str  # claims no more than the test does
    candle_ms: int | None
    rule: str  # name and version, for example "evidence 1"
    trigger: Trigger | None = None
    legs: Legs | None = None
    expected_net_bps: float | None = None  # the record's lower bound minus cost, at max(|z|, entry z); never E − cost
    cost_bps: float | None = None  # of the terms that are known: at least so much where the look's costs miss one
    ready_in_s: float | None = None  # WARMING UP: time left, where it can be said
    have_bars: int = 0
    need_bars: int = 0
    armed: bool = True  # a stretch to the entry would be one: Evidence enters an excursion once
