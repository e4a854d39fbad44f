"""score_live(): the newest trades against the confirmed fit. Labelled live, kept out of every statistic."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from analytics.report import PairReport
from analytics.spread import spread
from analytics.ticket import newest_spread
from analytics.verdict import LiveScore
from core.errors import DegenerateData, NotEnoughData
from core.journal import JournalRow
from core.types import Ticks


@dataclass(frozen=True, slots=True)
class Touch:
    """The prices takers last traded at in one symbol: what an order would meet."""

    sold: float  # last taker sell: the bid
    bought: float  # last taker buy: the ask


def touch(ticks: Ticks, since_ms: int) -> Touch | None:
    """The last taker prices among recent trades; None unless both sides traded.

    Parameters
    ----------
    ticks : Ticks
        Recent trades of one symbol, ordered by id.
    since_ms : int
        Earlier ones say nothing of what an order would meet now.
    """
    recent = ticks.ts_ms >= since_ms
    sells = (recent & ticks.buyer_is_maker).nonzero()[0]
    buys = (recent & ~ticks.buyer_is_maker).nonzero()[0]
    if not len(sells) or not len(buys):
        return None
    return Touch(float(ticks.price[sells[-1]]), float(ticks.price[buys[-1]]))


def score_live(
    report: PairReport,
    price_y: float,
    price_x: float,
    ts_ms: int,
    touch_y: Touch | None = None,
    touch_x: Touch | None = None,
) -> LiveScore:
    """Score the newest trades of both legs with the newest row's fit.

    Parameters
    ----------
    report : PairReport
    price_y, price_x : float
        Last trade prices.
    ts_ms : int
        The older of the two trades' times.
    touch_y, touch_x : Touch, optional
        For z at executable prices, on the scale that the preset decides by: the rich leg is sold where takers last
        sold, the cheap one bought where they last bought.

    Raises
    ------
    NotEnoughData, DegenerateData
        While the report has no fit to score with.
    """
    if report.have_bars < report.params.fit_bars:
        raise NotEnoughData(needed=report.params.fit_bars, got=report.have_bars)
    fits = report.log_fits  # the rule's own, whatever the units shown
    alpha, beta, sd = float(fits.alpha[-1]), float(fits.beta[-1]), float(fits.resid_sd[-1])
    if not (sd > 0 and report.resid_sd[-1] > 0):
        raise DegenerateData("a leg is flat or one explains the other without remainder: no fit to score with")

    def fitted(y: float, x: float) -> float:
        return spread(y, x, alpha, beta) / sd

    def rolling(y: float, x: float) -> float:
        return (newest_spread(report, y, x) - float(report.z_mean[-1])) / float(report.z_sd[-1])

    sell = buy = None
    if touch_y is not None and touch_x is not None:
        scored, hedge = (rolling, report.beta[-1]) if report.params.preset == "classic" else (fitted, beta)
        hedge_sells = hedge < 0  # then X is sold with Y, and bought with it
        sell = scored(touch_y.sold, touch_x.sold if hedge_sells else touch_x.bought)
        buy = scored(touch_y.bought, touch_x.bought if hedge_sells else touch_x.sold)
    return LiveScore(
        ts_ms=ts_ms,
        price_y=price_y,
        price_x=price_x,
        spread=newest_spread(report, price_y, price_x),
        z=fitted(price_y, price_x),
        z_roll=rolling(price_y, price_x),
        z_sell_spread=sell,
        z_buy_spread=buy,
    )


def score_row(row: JournalRow, price_y: float, price_x: float, ts_ms: int) -> LiveScore:
    """The same from a stored look, for who has no report: of looks in log prices only.

    Parameters
    ----------
    row : JournalRow
        The newest look.
    price_y, price_x : float
        Last trade prices.
    ts_ms : int
        The older of the two trades' times.

    Raises
    ------
    NotEnoughData
        If the look had no fit to score with.
    """
    if not row.resid_sd > 0:
        raise NotEnoughData(needed=1, got=0)
    level = float(spread(price_y, price_x, row.alpha, row.beta, False))
    z_roll = (level - row.z_mean) / row.z_sd if row.z_sd > 0 else nan
    return LiveScore(ts_ms, price_y, price_x, level, z=level / row.resid_sd, z_roll=z_roll)
