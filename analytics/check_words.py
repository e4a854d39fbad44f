"""How a check's numbers are written: with the decimals that keep them on their side of a threshold."""

from __future__ import annotations

from math import isinf

from analytics.params import RELATED_P
from analytics.record import RecordSummary

MOST_DECIMALS = 17  # beyond them two numbers that differ are written apart anyway


def decimals(least: int, value: float, *thresholds: float) -> int:
    """The fewest decimals, ``least`` or more, at which a number is written on its own side of every threshold.

    >>> [decimals(3, p, 0.05) for p in (0.0312, 0.05, 0.0499, 0.05001)]
    [3, 3, 4, 5]
    """

    n = least
    while n < MOST_DECIMALS and not all(_apart(n, value, t) for t in thresholds):
        n += 1
    return n


def _apart(n: int, value: float, threshold: float) -> bool:
    if abs(value - threshold) >= 10.0**-n:  # as most are: no rounding brings them together
        return True
    v, t = round(value, n), round(threshold, n)
    return v < t if value < threshold else v > t if value > threshold else True


def p_text(p: float, threshold: float = RELATED_P) -> str:
    """A p-value as shown beside its threshold.

    >>> p_text(0.0314), p_text(0.0499), p_text(1e-9)
    ('p = 0.031', 'p = 0.0499', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.{decimals(3, p, threshold)}f}"


def z_text(z: float, *thresholds: float) -> str:
    """A z as shown beside thresholds of |z|.

    >>> z_text(-1.9, 2.0, 4.0), z_text(1.998, 2.0, 4.0)
    ('z = -1.90', 'z = +1.998')
    """
    return f"z = {z:+.{decimals(2, abs(z), *thresholds)}f}"


def r_text(r: float, threshold: float) -> str:
    """A correlation as shown beside its threshold.

    >>> r_text(0.85, 0.7), r_text(0.6999, 0.7)
    ('r = 0.85', 'r = 0.6999')
    """
    return f"r = {r:.{decimals(2, r, threshold)}f}"


def bars_text(bars: float, *thresholds: float) -> str:
    """A time in bars as shown.

    >>> bars_text(12.04), bars_text(250.04, 250.0), bars_text(float("inf"), 250.0)
    ('12.0', '250.04', '∞')
    """
    return "∞" if isinf(bars) else f"{bars:.{decimals(1, bars, *thresholds)}f}"


def days_text(days: float) -> str:
    """A time to wait, as shown.

    >>> days_text(13.2), days_text(0.25), days_text(0.01)
    ('13 days', '6 hours', '14 minutes')
    """
    if days >= 2:
        return f"{days:.0f} days"
    hours = days * 24
    return f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} minutes"


def thin_record(rec: RecordSummary | None) -> str:
    """A record too short to judge by, in words."""
    if rec is None:
        return "record: unknown"
    text = f"record: {rec.excursions} of {rec.needed} excursions"
    if rec.days_to_go is not None and not rec.mature:
        text += f", about {days_text(rec.days_to_go)} to go"
    if rec.kappa is not None:
        text += f"; so far it caught {rec.kappa:.0%} of what was shown"
        text += f" (± {rec.kappa_se:.0%})" if rec.kappa_se is not None else ""
    return text
