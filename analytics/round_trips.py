"""From entries to round trips: when each position is left, and what its legs cost and returned. One at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from analytics.excursions import next_after
from analytics.fills import Bars, Execution, LegCosts, LegTrip, fills, last_close, leg_trip
from analytics.hedge import METHODS
from analytics.params import Params
from analytics.report import PairReport
from analytics.ticket import legs_at
from analytics.verdict import Legs
from core.errors import DataError
from core.types import Bools, Floats

Reason = Literal["zero", "stop", "time", "end"]
REASONS: Final[dict[Reason, str]] = {
    "zero": "the residual crossed back",
    "stop": "stop",
    "time": "time limit",
    "end": "the data end",
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a look would have traded."""

    legs: Legs
    hedge: float  # the β behind them, by the params' method


@dataclass(frozen=True, slots=True)
class Position:
    """A position: the looks that open and close it."""

    look: int  # row
    side: int  # 1: the spread is sold; −1: bought
    exit_look: int
    reason: Reason
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One trade on paper: what was known at its look, how both legs were filled, what was left.

    Money in quote currency; ``*_bps`` of ``notional``, the gross notional at the look's closes. Times are opens of
    candles: the looks are at their ends, the fills in the candles after.
    """

    look_ms: int
    exit_look_ms: int
    side: int  # 1: the spread was sold; −1: bought
    reason: Reason  # why it was left
    z: float  # the preset's own z at the look …
    exit_z: float  # … and at the look that ended it
    alpha: float  # the fit at the look, as shown
    beta: float
    resid_sd: float
    hedge: float  # the β that was traded
    notional: float
    y: LegTrip
    x: LegTrip
    shown_bps: float  # E, the edge on the screen
    promised_bps: float | None  # to be expected, net: lower bound × E − cost; classic: E − cost; None: cost not known
    middle_bps: float | None  # κE − cost: the record's own middle; None for classic

    @property
    def gross(self) -> float:
        """What the prices returned."""
        return self.y.gross + self.x.gross

    @property
    def given_up(self) -> float:
        """What fills at the closes, the record's own, would have returned more. Part of ``gross``, not of ``cost``."""
        return self.y.given_up + self.x.given_up

    @property
    def fees(self) -> float:
        """Of all four fills."""
        return self.y.fees + self.x.fees

    @property
    def half_spreads(self) -> float:
        """Of all four fills."""
        return self.y.half_spreads + self.x.half_spreads

    @property
    def funding(self) -> float:
        """Paid, less received."""
        return self.y.funding + self.x.funding

    @property
    def cost(self) -> float:
        """All of it."""
        return self.fees + self.half_spreads + self.funding

    @property
    def net(self) -> float:
        """What is left."""
        return self.gross - self.cost

    @property
    def net_bps(self) -> float:
        """What is left, of the gross notional."""
        return self.net / self.notional * 1e4

    @property
    def gross_bps(self) -> float:
        """Before costs."""
        return self.gross / self.notional * 1e4

    @property
    def cost_bps(self) -> float:
        """All costs."""
        return self.cost / self.notional * 1e4

    @property
    def traded(self) -> float:
        """Notional of all four fills."""
        return self.y.traded + self.x.traded

    @property
    def in_row(self) -> int:
        """The candle it was filled in."""
        return self.y.entry.row

    @property
    def out_row(self) -> int:
        """The candle it was closed in."""
        return self.y.exit.row


def positions(
    entry: Bools, z: Floats, params: Params, execution: Execution, ticket: Callable[[int], Ticket | None]
) -> list[Position]:
    """Which entries are taken, and when each position is left.

    Parameters
    ----------
    entry : (n,) bool
        Looks that may open a position.
    z : (n,) float
        The z that the preset leaves by. A NaN ends nothing.
    params : Params
        Exit and stop z, and N, the time limit in rows.
    execution : Execution
    ticket : callable
        Of a look; None where its hedge has no answer: then nothing is opened.

    Returns
    -------
    list of Position
        They do not overlap; one may open at the look that ends the one before. An entry beyond the stop is not
        taken: it would be closed at once. Nor is one whose fill would be the last candle: nothing follows it.
    """
    n = len(z)
    with np.errstate(invalid="ignore"):
        crossed = {side: np.flatnonzero(side * z <= params.exit_z) for side in (1, -1)}
        stopped = {side: np.flatnonzero(side * z >= params.stop_z) for side in (1, -1)}
    out: list[Position] = []
    free_from = 0
    for look in np.flatnonzero(entry[: max(0, n - 2)]).tolist():
        if look < free_from or (execution.stop and abs(z[look]) >= params.stop_z):
            continue
        told = ticket(look)
        if told is None:
            continue
        side = 1 if z[look] > 0 else -1
        ends: list[tuple[int, Reason]] = [
            (next_after(crossed[side], look, n), "zero"),
            (look + params.fit_bars, "time"),
        ]
        if execution.stop:
            ends.append((next_after(stopped[side], look, n), "stop"))
        exit_look, reason = min(ends, key=lambda end: end[0])  # of two at once the first: "zero" before "time"
        if exit_look >= n - 1:  # no candle is left to fill it in
            out.append(Position(look, side, n - 1, "end", told))
            break
        free_from = exit_look
        out.append(Position(look, side, exit_look, reason, told))
    return out


def ticket_at(report: PairReport, look: int, z: float) -> Ticket | None:
    """The ticket of any row, as the desk would have shown it; None where z or the hedge method has no answer."""
    hedge = hedge_at(report, look)
    if hedge is None or np.isnan(z):
        return None
    return Ticket(legs_at(float(report.y[look]), float(report.x[look]), hedge, z, report.params), hedge)


def hedge_at(report: PairReport, look: int) -> float | None:
    """The traded β of a row, by the params' method over the row's own window."""
    p = report.params
    if np.isnan(report.beta[look]):
        return None
    if p.method == "ols":
        return float(report.beta[look])
    window = slice(look - p.fit_bars + 1, look + 1)
    y, x = report.y[window], report.x[window]
    if not p.price_units:
        y, x = np.log(y), np.log(x)
    try:
        return METHODS[p.method](y, x).beta
    except DataError:
        return None


def fill_legs(
    position: Position, bars: tuple[Bars, Bars], costs: tuple[LegCosts, LegCosts], execution: Execution
) -> tuple[LegTrip, LegTrip]:
    """Both legs of a position: in at the candle after its look, out at the one after the look that ended it."""
    legs = position.ticket.legs
    qty_y = legs.qty_y if legs.side_y == "BUY" else -legs.qty_y
    qty_x = legs.qty_x if legs.side_x == "BUY" else -legs.qty_x
    in_y, in_x = fills(bars, position.look + 1, (qty_y, qty_x), execution.fill)
    if position.reason == "end":
        out_y, out_x = last_close(bars[0]), last_close(bars[1])
    else:
        out_y, out_x = fills(bars, position.exit_look + 1, (-qty_y, -qty_x), execution.fill)
    return leg_trip(qty_y, in_y, out_y, bars[0], costs[0]), leg_trip(qty_x, in_x, out_x, bars[1], costs[1])
