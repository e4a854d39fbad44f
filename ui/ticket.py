"""The trade ticket as a value: rounded quantities, what is left unhedged, costs, break-even. Nothing is ever sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from analytics.costs import CostSplit, break_even_z
from analytics.decision import Verdict
from analytics.look import Look
from core.types import TIMEFRAME_NAMES, SymbolInfo
from ui.reading import deciding_z, finite, last

Side = Literal["BUY", "SELL"]


@dataclass(frozen=True, slots=True)
class RoundedLeg:
    """One leg, rounded to what the exchange takes."""

    symbol: str
    side: Side
    qty: float  # base units, a multiple of the step size where that is known
    step: float | None
    notional: float  # quote currency
    quote: str = "quote"  # its name, where the exchange has told it
    problem: str = ""  # why the exchange would refuse it


@dataclass(frozen=True, slots=True)
class Ticket:
    """The trade the rule speaks of, or an example of it when the verdict is not TRADABLE."""

    example: bool
    legs: tuple[RoundedLeg, RoundedLeg]
    residual: float  # quote currency left unhedged by rounding; positive: net long
    gross: float
    costs: CostSplit | None
    break_even_z: float | None  # |z| that pays the round trip if all of it comes back
    stop_z: float  # signed, on the side of the trade
    limit_bars: int
    limit_text: str


def ticket(look: Look, catalogue: Mapping[str, SymbolInfo] | None) -> Ticket | None:
    """Round the rule's trade for the exchange; None while the rule names none. Without catalogue: not rounded."""
    report, params, legs = look.report, look.report.params, look.decision.legs
    if legs is None:
        return None
    # Y is rounded down, never more than asked for; X to the step nearest to the hedge that this quantity wants.
    leg_y = _round(report.symbol_y, legs.side_y, legs.qty_y, float(report.y[-1]), catalogue, math.floor)
    hedge = legs.qty_x * leg_y.qty / legs.qty_y
    leg_x = _round(report.symbol_x, legs.side_x, hedge, float(report.x[-1]), catalogue, round)
    wanted = leg_y.notional * legs.notional_x / legs.notional_y
    over = leg_x.notional - wanted
    residual = over if leg_x.side == "BUY" else -over
    z = last(deciding_z(report)) or 0.0
    fits = report.log_fits
    even = None
    if look.costs is not None and len(fits.beta):
        even = break_even_z(look.costs.total_bps, 1.0, float(fits.resid_sd[-1]), float(fits.beta[-1]))
    seconds = params.fit_bars * params.timeframe_s
    return Ticket(
        example=look.decision.verdict is not Verdict.TRADABLE,
        legs=(leg_y, leg_x),
        residual=residual,
        gross=leg_y.notional + leg_x.notional,
        costs=look.costs,
        break_even_z=finite(even),
        stop_z=math.copysign(params.stop_z, z),
        limit_bars=params.fit_bars,
        limit_text=f"{params.fit_bars} candles of {TIMEFRAME_NAMES[params.timeframe_s]}, {_long(seconds)}",
    )


def _round(
    symbol: str,
    side: Side,
    qty: float,
    price: float,
    catalogue: Mapping[str, SymbolInfo] | None,
    whole: Callable[[float], int],
) -> RoundedLeg:
    if catalogue is None:
        return RoundedLeg(symbol, side, qty, None, qty * price)
    info = catalogue.get(symbol)
    if info is None:
        return RoundedLeg(symbol, side, qty, None, qty * price, problem="step size unknown")
    rounded = qty
    if info.step_size:  # 0: any quantity
        rounded = whole(qty / info.step_size + 1e-9) * info.step_size  # 0.3 / 0.1 is a hair below its three steps
    problem = ""
    if rounded < info.min_qty:
        problem = f"below the minimum quantity {info.min_qty:g}"
    elif info.max_qty and rounded > info.max_qty:
        problem = f"above the maximum quantity {info.max_qty:g}"
    elif rounded * price < info.min_notional:
        problem = f"below the minimum notional {info.min_notional:g}"
    return RoundedLeg(symbol, side, rounded, info.step_size or None, rounded * price, info.quote, problem)


def _long(seconds: int) -> str:
    """A time limit in the unit that keeps it short, not rounded down: it is kept to the candle.

    >>> _long(60), _long(5_000), _long(60_000)
    ('60 s', '83.3 min', '16.7 h')
    """
    unit, size = ("h", 3_600) if seconds >= 7_200 else ("min", 60) if seconds >= 120 else ("s", 1)
    return f"{seconds / size:,.3g} {unit}" if seconds < 3_600_000 else f"{seconds / size:,.0f} {unit}"
