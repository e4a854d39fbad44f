"""walk_forward(): what this rule, frozen, would have said and earned on candles it had not seen.

The verdicts are those of ``decide`` at every row, the record grows as it would have, fills are in the next candle.
Nothing is searched for and nothing is fitted to the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from analytics.costs import CostSplit, round_trip
from analytics.equity import equity_of
from analytics.fills import Bars, Execution, LegCosts, LegTrip, filled_in_time
from analytics.funding import FundingRates
from analytics.params import Params
from analytics.performance import Summary, summarise
from analytics.record import clean_rows
from analytics.report import PairReport, analyse
from analytics.round_trips import Position, RoundTrip, Ticket, fill_legs, positions, ticket_at
from analytics.verdict import Legs
from analytics.verdict_rows import VerdictRows, record_rows, shown_bps, verdict_rows
from core.types import Candles, Floats, Ints

AT_THE_DESK: Final = Execution()


@dataclass(frozen=True, slots=True)
class Frictions:
    """What trading this pair costs beside ``params.fee_bps``. All are the caller's assumptions, and are shown as such.

    Klines hold neither the price spread nor funding: whoever runs a backtest has to say what they were. A rate that
    was not yet known at a look leaves its cost unknown there, and the verdict waits, as on the desk.
    """

    half_y_bps: float  # half of each leg's price spread, bps of a fill's notional
    half_x_bps: float
    funding_y: FundingRates
    funding_x: FundingRates

    def __post_init__(self) -> None:
        for name in ("half_y_bps", "half_x_bps"):
            if not 0 <= getattr(self, name) <= 1000:
                raise ValueError(f"{name} must be from 0 to 1000, was {getattr(self, name)}")


@dataclass(frozen=True, slots=True, eq=False)
class WalkForward:
    """A run. Arrays have the rows of ``report``: candles in which both legs traded, oldest first."""

    report: PairReport  # of the whole history: prices, fits and z as they were known at each row
    frictions: Frictions
    execution: Execution
    first_row: int  # tested from here on; rows before are history, or too few for a verdict
    verdicts: VerdictRows
    trades: tuple[RoundTrip, ...]
    equity: Floats  # (n,) quote currency won since ``first_row``, the open position at its closes; 0 before
    summary: Summary

    @property
    def tested(self) -> int:
        """Looks that gave a verdict."""
        return self.report.have_bars - self.first_row

    @property
    def unfilled(self) -> int:
        """Entries that were not taken: the candle that would have filled them came too late."""
        r = self.report
        late = self.verdicts.entry & ~filled_in_time(r.open_ms, r.step_ms)
        looks_ms = r.open_ms[:-1][late[:-1]]
        return sum(not any(t.look_ms < ms < t.exit_look_ms for t in self.trades) for ms in looks_ms.tolist())


def walk_forward(
    candles_y: Candles,
    candles_x: Candles,
    params: Params,
    costs: Frictions,
    *,
    execution: Execution = AT_THE_DESK,
    from_ms: int | None = None,
    incomplete_ms: Ints | None = None,
) -> WalkForward:
    """Run the rule over candles, oldest first, one position at a time.

    Parameters
    ----------
    candles_y, candles_x : Candles
        Confirmed and complete candles of ``params.timeframe_s``, the history before the test included.
    params : Params
        Of one look on the desk, all of it: preset, windows, thresholds, hedge method, fee, notional.
    costs : Frictions
    execution : Execution
    from_ms : int, optional
        Candles that open before it are history: fits and the pair's record rest on them, nothing is traded. Without
        it the record begins with the candles given, and its first ``NEEDED`` excursions are waited for.
    incomplete_ms : (k,) int, optional
        Opens of intervals known to be incomplete, as for ``analyse``.

    Returns
    -------
    WalkForward
        With too few candles nothing is tested and nothing raised: every row says WARMING UP.

    Raises
    ------
    ValueError
        As ``analyse``, and for an open that is no price.

    Notes
    -----
    At row i everything rests on rows up to i: fit, z, tests, record, cost. A position opened at look i is filled in
    the candle of row i + 1, both legs, unless it is more than ``FILL_BARS`` candles later, and left in
    the candle after the look at which the refitted z has crossed ``exit_z``, reached ``stop_z``, or N rows have
    passed. Quantities are the ticket's, from the look's closes, and stay. What is open at the end is closed at the
    last close. The only rows that later candles change are that one trade's. A year of minutes takes seconds; the
    Kalman hedge adds about half a second an entry.
    """
    report = analyse(candles_y, candles_x, params, incomplete_ms)
    return walk_report(report, aligned_bars(report, candles_y, candles_x), costs, execution, from_ms)


def aligned_bars(report: PairReport, candles_y: Candles, candles_x: Candles) -> tuple[Bars, Bars]:
    """Opens and closes of both legs at the report's rows."""
    bars = []
    for candles, closes in ((candles_y, report.y), (candles_x, report.x)):
        opens = candles.open[np.searchsorted(candles.open_ms, report.open_ms)]
        if len(opens) and not (opens.min() > 0 and opens.max() < np.inf):
            raise ValueError(f"opens of {candles.symbol} must be finite and > 0")
        bars.append(Bars(report.open_ms, report.step_ms, opens, closes))
    y, x = bars
    return y, x


def walk_report(
    report: PairReport,
    bars: tuple[Bars, Bars],
    costs: Frictions,
    execution: Execution = AT_THE_DESK,
    from_ms: int | None = None,
    *,
    record_decides: bool = True,
) -> WalkForward:
    """The same from an analysis that is there already: other thresholds read the same rows.

    Parameters
    ----------
    report, bars
        From ``analyse`` and ``aligned_bars``.
    record_decides : bool
        As in ``verdict_rows``.
    """
    p = report.params
    first = 0 if from_ms is None else int(np.searchsorted(report.open_ms, from_ms))
    z = report.z_roll if p.preset == "classic" else report.log_fits.z
    charged = (
        LegCosts(p.fee_bps, costs.half_y_bps, costs.funding_y),
        LegCosts(p.fee_bps, costs.half_x_bps, costs.funding_x),
    )

    @cache  # a hedge by maximum likelihood takes half a second
    def ticket(look: int) -> Ticket | None:
        return ticket_at(report, look, float(z[look]))

    def known_cost(look: int, hold_s: float | None) -> CostSplit | None:
        told = ticket(look)
        return None if told is None else cost_at(told.legs, charged, int(report.open_ms[look]) + report.step_ms, hold_s)

    verdicts = verdict_rows(report, known_cost, first_row=first, record_decides=record_decides)
    # Classic does not decide by the record, but like the desk it reckons with the record's mean hold.
    hold_s = (verdicts.record or record_rows(report, clean_rows(report))).hold_s
    trades = []
    entry = verdicts.entry & filled_in_time(report.open_ms, report.step_ms)
    for position in positions(entry, z, p, execution, ticket):
        y, x = fill_legs(position, bars, charged, execution)
        held_s = float(hold_s[position.look])
        cost = known_cost(position.look, None if np.isnan(held_s) else held_s)
        trades.append(_round_trip(report, verdicts, position, y, x, cost))
    first_tested = min(report.have_bars, max(first, report.need_bars - 1))
    equity = equity_of(trades, bars, charged)
    rng = np.random.default_rng(0)  # the same candles, the same interval
    summary = summarise(trades, equity, report.open_ms, report.step_ms, first_tested, p.notional, rng)
    return WalkForward(report, costs, execution, first_tested, verdicts, tuple(trades), equity, summary)


def cost_at(legs: Legs, costs: tuple[LegCosts, LegCosts], now_ms: int, hold_s: float | None) -> CostSplit:
    """A round trip as it was known at a look: ``costs.round_trip`` with the funding settled by then."""
    y, x = costs
    if hold_s is None and not len(y.funding.settle_ms) and not len(x.funding.settle_ms):
        hold_s = 0.0  # where nothing is ever settled, as long as one likes
    return round_trip(
        legs,
        fee_y_bps=y.fee_bps,
        fee_x_bps=x.fee_bps,
        half_y_bps=y.half_spread_bps,
        half_x_bps=x.half_spread_bps,
        funding_y=y.funding.known_at(now_ms),
        funding_x=x.funding.known_at(now_ms),
        now_ms=now_ms,
        hold_s=hold_s,
    )


def _round_trip(
    report: PairReport, verdicts: VerdictRows, position: Position, y: LegTrip, x: LegTrip, cost: CostSplit | None
) -> RoundTrip:
    look, record = position.look, verdicts.record
    shown = shown_bps(report, look)
    cost_bps = None if cost is None or cost.missing else cost.total_bps
    caught = 1.0 if record is None else float(record.lower[look])
    return RoundTrip(
        look_ms=int(report.open_ms[look]),
        exit_look_ms=int(report.open_ms[position.exit_look]),
        side=position.side,
        reason=position.reason,
        z=float(verdicts.z[look]),
        exit_z=float(verdicts.z[position.exit_look]),
        alpha=float(report.alpha[look]),
        beta=float(report.beta[look]),
        resid_sd=float(report.resid_sd[look]),
        hedge=position.ticket.hedge,
        notional=report.params.notional,
        y=y,
        x=x,
        shown_bps=shown,
        promised_bps=None if cost_bps is None else caught * shown - cost_bps,
        middle_bps=None if record is None or cost_bps is None else float(record.kappa[look]) * shown - cost_bps,
    )
