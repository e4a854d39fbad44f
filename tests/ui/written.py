"""Numbers as the screen should write them, by another hand than ``ui.formats``; compared after ``page_tree.plain``."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

UNKNOWN = "–"
SPANS = ((2 * 86_400, 86_400, "d"), (2 * 3_600, 3_600, "h"), (100, 60, "min"), (10, 1, "s"))


def num(value: float | None, places: int = 2, sign: bool = False) -> str:
    """Fixed decimals; no sign on what rounds to nothing."""
    if value is None or math.isnan(value) or math.isinf(value):
        return UNKNOWN
    text = format(Decimal(repr(float(value))) if places > 9 else float(value), f"{'+' if sign else ''},.{places}f")
    return text.lstrip("+-") if float(text.replace(",", "")) == 0 else text


def z(value: float | None) -> str:
    """Signed, two decimals."""
    return num(value, 2, True)


def bps(value: float | None, sign: bool = True) -> str:
    """One decimal and the unit."""
    return UNKNOWN if num(value) == UNKNOWN else f"{num(value, 1, sign)} bps"


def percent(share: float | None, places: int = 1, sign: bool = False) -> str:
    """Of a share."""
    return UNKNOWN if share is None else f"{num(100 * share, places, sign)}%"


def stepped(value: float | None, step: float | None) -> str:
    """With the decimals that the step has; six digits where there is none."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if step:
        return num(value, max(0, -int(Decimal(repr(step)).normalize().as_tuple().exponent)))
    digits = len(str(int(abs(value)))) if abs(value) >= 1 else math.floor(math.log10(abs(value))) + 1
    return num(value, min(max(6 - digits, 0), 10))


def p(value: float | None) -> str:
    """A p-value, never zero."""
    if value is None or math.isnan(value):
        return UNKNOWN
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def age(seconds: float | None) -> str:
    """In one unit, rounded down."""
    if seconds is None:
        return UNKNOWN
    for least, unit, name in SPANS:
        if seconds >= least:
            return f"{int(seconds // unit)} {name}"
    return f"{max(seconds, 0):.1f} s"


def clock(ms: float) -> str:
    """Time of day."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S}"


def stamp(ms: float | None) -> str:
    """Day and time."""
    return UNKNOWN if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
