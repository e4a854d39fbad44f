"""Decimal text and whole numbers: the exchange prints decimals, the simulator counts in their last digit."""

from __future__ import annotations


def scaled(text: str, decimals: int) -> int:
    """A decimal text in units of its ``decimals``-th digit; what lies beyond is rounded to nearest.

    >>> scaled("63943.9", 2), scaled("0.007", 3), scaled("1e-3", 3), scaled("-2", 1)
    (6394390, 7, 1, -20)
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) > decimals:
        fraction = fraction.rstrip("0")
    if len(fraction) > decimals or not (whole.lstrip("-") + fraction).isdigit():
        return round(float(text) * float(10**decimals))
    return int(whole + fraction.ljust(decimals, "0"))


def printed(value: int, decimals: int) -> str:
    """The text of a whole number of ``10**-decimals`` units, all digits shown.

    >>> printed(6394390, 2), printed(7, 3), printed(0, 3), printed(12, 0), printed(-5, 1)
    ('63943.90', '0.007', '0.000', '12', '-0.5')
    """
    if decimals == 0:
        return str(value)
    sign = "-" if value < 0 else ""
    digits = str(abs(value)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def decimals_of(text: str) -> int:
    """How many digits behind the point say something: zeros that a recorder appended do not.

    >>> decimals_of("63943.95"), decimals_of("12"), decimals_of("63943.90000000")
    (2, 0, 1)
    """
    return len(text.partition(".")[2].rstrip("0"))
