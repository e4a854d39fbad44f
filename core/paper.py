"""One trade on paper, as it is stored and read, and the funding that was settled. Values, no more."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan


@dataclass(frozen=True, slots=True)
class PaperTrade:
    """What a look would have traded, and what came of it. The first four fields are its key, that of the look.

    Numbers are NaN where they are not known. Fields are the columns of the table ``paper_trades``, by name and order.
    Until ``state`` says otherwise a fill is still to come, and its fields are 0, NaN and empty.
    """

    pair: str  # Y first, as BTCUSDT/ETHUSDT
    timeframe_s: int
    look_ms: int  # open time of the candle whose look opened it
    params: str  # key of the parameters
    rule: str  # name and version
    preset: str
    inputs: str  # JSON: the parameters in full, frozen at the look
    verdict: str  # TRADABLE; anything else: refused, and followed all the same to see what the refusal was worth
    failed: str  # key of the check that refused it; empty for TRADABLE
    side: int  # 1: the spread was sold; −1: bought
    z: float  # what the preset entered by, at the look
    price_y: float  # closes of the look's candle
    price_x: float
    hedge: float  # the β that was traded
    notional: float  # gross, at the look's closes
    qty_y: float  # base units; negative: sold first
    qty_x: float
    fee_bps: float  # of each fill's notional
    leave_z: float  # left when side × z is at or below it …
    stop_z: float  # … at or beyond this …
    limit_bars: int  # … or after so many candles
    shown_bps: float  # the edge on the screen
    half_bps: float  # half a price spread, as it was known at the look, of a fill's notional
    cost_bps: float  # a round trip, the same
    promised_bps: float  # what the look let one expect, net
    middle_bps: float  # the record's own middle, net; NaN for classic
    hours_y: int  # between two settlements of funding; 0: not known yet; a delivery contract: more than is ever held
    hours_x: int
    state: str = "entering"  # entering, open, leaving, closed
    seen_ms: int = 0  # candle of the newest look that it followed …
    bars: int = 0  # … how many there were since its own …
    mark_y: float = nan  # … and that candle's closes
    mark_x: float = nan
    in_ms: int = 0
    in_y: float = nan
    in_x: float = nan
    in_fill: str = (
        ""  # touch: the prices an order would have met; candle: the next candle's closes, off by half a spread
    )
    in_half_bps: float = nan  # half a price spread to be added to the fill; 0 where its price is executable already
    exit_look_ms: int = 0  # candle of the look that ended it
    exit_z: float = nan
    reason: str = ""  # zero, time, stop; no market; of an entry that was never filled: late, unfilled
    out_ms: int = 0
    out_y: float = nan
    out_x: float = nan
    out_fill: str = ""
    out_half_bps: float = nan
    funding: float = 0.0  # quote currency, paid less received, of the settlements known
    funding_unknown: int = 0  # settlements it was held through whose rate nobody here saw
    changed_ms: int = 0  # our clock
    said_ms: int = 0  # exchange time at which its look was said; 0: not known, and taken for on time

    @property
    def key(self) -> tuple[str, int, str, int]:
        """Pair, timeframe, parameters and the look's candle: one trade each."""
        return self.pair, self.timeframe_s, self.params, self.look_ms

    @property
    def said(self) -> bool:
        """Whether the verdict was TRADABLE."""
        return not self.failed

    @property
    def dropped(self) -> bool:
        """Whether it is over without ever having been filled: no trade, and in no figure."""
        return self.state == "closed" and not self.in_ms

    @property
    def symbols(self) -> tuple[str, str]:
        """Y and X."""
        y, _, x = self.pair.partition("/")
        return y, x


@dataclass(frozen=True, slots=True)
class PaperBook:
    """How far a pair's looks have been scored. The first three fields are its key."""

    pair: str
    timeframe_s: int
    params: str
    candle_ms: int  # the newest look scored
    memory: str  # JSON: what the rule remembers of the excursion that is on


@dataclass(frozen=True, slots=True)
class Settlement:
    """Funding that was settled: the last rate announced, and the mark price it was of."""

    symbol: str
    settle_ms: int
    rate: float  # a fraction; positive: longs pay shorts
    mark: float
