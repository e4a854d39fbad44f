"""How every number on screen is written. Unknown (None, NaN, infinite) is always a dash; time is always UTC."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Final

UNKNOWN: Final = "–"
MINUS: Final = "−"  # as wide as the plus in tabular digits, which the hyphen is not


def number(value: float | None, places: int = 2, *, sign: bool = False) -> str:
    """Fixed decimals with thousands separators.

    >>> number(-1234.5678), number(0.5, sign=True), number(None)
    ('−1,234.57', '+0.50', '–')

    A value that rounds to nothing carries no sign:

    >>> number(-0.001)
    '0.00'
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{abs(value):,.{places}f}"
    if not any(c in "123456789" for c in text):
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text


def z_score(value: float | None) -> str:
    """Standard deviations, always signed.

    >>> z_score(2.126)
    '+2.13'
    """
    return number(value, 2, sign=True)


def bps(value: float | None, *, sign: bool = True) -> str:
    """Basis points.

    >>> bps(12.34), bps(float("nan"))
    ('+12.3 bps', '–')
    """
    text = number(value, 1, sign=sign)
    return text if text == UNKNOWN else f"{text} bps"


def known_cost(value: float | None, *, whole: bool) -> str:
    """A cost in basis points; one of which a term is not known is a least one.

    >>> known_cost(10.0, whole=True), known_cost(10.0, whole=False), known_cost(None, whole=True)
    ('10.0 bps', 'at least 10.0 bps', '–')
    """
    text = bps(value, sign=False)
    return text if whole or text == UNKNOWN else f"at least {text}"


def percent(fraction: float | None, places: int = 1, *, sign: bool = False) -> str:
    """A fraction as a percentage.

    >>> percent(0.0001, 4, sign=True)
    '+0.0100 %'
    """
    text = number(None if fraction is None else fraction * 100, places, sign=sign)
    return text if text == UNKNOWN else f"{text} %"


def price(value: float | None, tick_size: float | None = None) -> str:
    """A price with the decimals of its tick, or six significant digits where the tick is unknown.

    >>> price(63959.9, 0.1), price(0.123456789)
    ('63,959.9', '0.123457')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return number(value, step_places(tick_size) if tick_size else _places_for(value))


def quantity(value: float | None, step_size: float | None = None) -> str:
    """A quantity with the decimals of its step.

    >>> quantity(1.5, 0.001)
    '1.500'
    """
    return price(value, step_size)


def count(value: float | None) -> str:
    """A whole number.

    >>> count(1250)
    '1,250'
    """
    return number(value, 0)


def pvalue(value: float | None) -> str:
    """A p-value, never as zero.

    >>> pvalue(0.0412), pvalue(1e-9)
    ('0.041', '< 0.001')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def age(seconds: float | None) -> str:
    """How long, in one unit, coarser as it grows.

    >>> age(0.26), age(12), age(150), age(7200), age(3 * 86400)
    ('0.3 s', '12 s', '2 min', '2 h', '3 d')
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    seconds = max(seconds, 0.0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= 100):
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def countdown(seconds: float | None) -> str:
    """Hours, minutes and seconds to go.

    >>> countdown(3725)
    '01:02:05'
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(int(seconds), 0)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def clock(ms: float | None, *, seconds: bool = True) -> str:
    """Time of day, UTC.

    >>> clock(1721347022708)
    '23:57:02'
    """
    if ms is None:
        return UNKNOWN
    return _utc(ms).strftime("%H:%M:%S" if seconds else "%H:%M")


def day_clock(ms: float | None) -> str:
    """Day and time, UTC, as short as it goes.

    >>> day_clock(1721347022708)
    '18 Jul 23:57:02'
    """
    return UNKNOWN if ms is None else _utc(ms).strftime("%d %b %H:%M:%S")


def stamp(ms: float | None) -> str:
    """Date and time, UTC.

    >>> stamp(1721347022708)
    '2024-07-18 23:57:02'
    """
    return UNKNOWN if ms is None else _utc(ms).strftime("%Y-%m-%d %H:%M:%S")


def file_stamp(ms: float) -> str:
    """Date and time for a file name, UTC.

    >>> file_stamp(1721347022708)
    '20240718T235702Z'
    """
    return _utc(ms).strftime("%Y%m%dT%H%M%SZ")


def prose(sentence: str) -> str:
    r"""A sentence with its numbers in this screen's spelling, and no line ending within a comparison.

    >>> prose("Stretched at z = -2.50 on 2024-07-19; it caught 12% (-3% at worst).")
    'Stretched at z\xa0=\xa0−2.50 on 2024-07-19; it caught 12\xa0% (−3\xa0% at worst).'
    """
    signed = re.sub(r"(?<![\w.-])-(?=\d)", MINUS, sentence)
    held = re.sub(r" ([<>=≤≥±]) (?=\S)", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", signed)
    held = held.replace("|\N{NO-BREAK SPACE}", "|\N{WORD JOINER}\N{NO-BREAK SPACE}")  # else a line may end after a |
    return re.sub(r"(?<=\d)%", "\N{NO-BREAK SPACE}%", held)


def size(n_bytes: float | None) -> str:
    """Bytes, in the unit that keeps it short.

    >>> size(1_500_000)
    '1.5 MB'
    """
    if n_bytes is None:
        return UNKNOWN
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes:.0f} B"


def step_places(step: float) -> int:
    """Decimals that a tick or step size needs.

    >>> step_places(0.001), step_places(1.0), step_places(0.25)
    (3, 0, 2)
    """
    for places in range(13):
        if math.isclose(round(step, places), step, rel_tol=1e-9):
            return places
    return 12


def _places_for(value: float) -> int:
    whole = math.floor(math.log10(abs(value))) + 1 if value else 1
    return min(max(6 - whole, 0), 10)


def _utc(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
