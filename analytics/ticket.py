"""The trade a look speaks of: sides and quantities, the distance to its trigger. Nothing is ever sent."""

from __future__ import annotations

from math import isnan

from analytics.params import Params
from analytics.report import PairReport
from analytics.spread import gross_per_unit, price_of_y, spread
from analytics.verdict import Legs, Trigger


def deciding_z(report: PairReport) -> float:
    """The z that the preset decides by, at the newest row: of the log fit (evidence), or rolling (classic)."""
    rows = report.log_fits.z if report.params.preset == "evidence" else report.z_roll
    return float(rows[-1]) if len(rows) else float("nan")


def legs_of(report: PairReport, z: float) -> Legs | None:
    """Both legs for ``params.notional``, split so that the spread is what is traded.

    Parameters
    ----------
    report : PairReport
        Its newest closes price the legs; its ``hedge`` gives β: a notional ratio in logs (1 : |β|), units of X per
        unit of Y in price units. With β < 0 both legs are on one side: it is no hedge, and the check says so.
    z : float
        Its sign gives the sides: above 0 the spread is dear and sold, else bought.

    Returns
    -------
    Legs or None
        None where z or β is undefined.
    """
    if report.hedge is None or isnan(z):
        return None
    return legs_at(float(report.y[-1]), float(report.x[-1]), report.hedge.beta, z, report.params)


def legs_at(price_y: float, price_x: float, beta: float, z: float, params: Params) -> Legs:
    """The same at any row: its closes, its hedge ratio, its z."""
    y_share = (price_y if params.price_units else 1.0) / gross_per_unit(price_y, price_x, beta, params.price_units)
    notional_y = params.notional * y_share
    notional_x = params.notional - notional_y
    sell_y = z > 0
    return Legs(
        side_y="SELL" if sell_y else "BUY",
        side_x="BUY" if sell_y == (beta >= 0) else "SELL",
        qty_y=notional_y / price_y,
        qty_x=notional_x / price_x,
        notional_y=notional_y,
        notional_x=notional_x,
    )


def trigger_of(report: PairReport) -> Trigger | None:
    """How far the newest close is from entry, X and the fit unchanged; None where z is undefined."""
    z = deciding_z(report)
    if isnan(z):
        return None
    p: Params = report.params
    entry = p.entry_z if z >= 0 else -p.entry_z
    price_y = float(report.y[-1])
    target = price_at(report, entry, float(report.x[-1]))
    beyond = abs(z) >= p.entry_z
    return Trigger(
        z=z,
        entry_z=entry,
        distance_z=0.0 if beyond else abs(entry - z),
        price_y=price_y,
        trigger_price_y=target,
        distance_bps=0.0 if beyond else abs(target / price_y - 1.0) * 1e4,
    )


def price_at(report: PairReport, z: float, price_x: float) -> float:
    """The price of Y at which the z that the preset decides by stands at ``z``, in the newest fit, X at its price."""
    if report.params.preset == "evidence":
        fits = report.log_fits
        return price_of_y(z * float(fits.resid_sd[-1]), price_x, float(fits.alpha[-1]), float(fits.beta[-1]))
    level = float(report.z_mean[-1]) + z * float(report.z_sd[-1])
    return price_of_y(level, price_x, float(report.alpha[-1]), float(report.beta[-1]), report.params.price_units)


def newest_spread(report: PairReport, price_y: float, price_x: float) -> float:
    """The shown spread of two prices in the newest fit."""
    return spread(price_y, price_x, float(report.alpha[-1]), float(report.beta[-1]), report.params.price_units)
