"""Exact sums of decimal quantities: in whole units of 1e-8, so that the order of adding never matters."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.types import Floats, Ints

QUANTA_PER_UNIT: Final = 100_000_000
MAX_BATCH_UNITS: Final = 9e10  # sums above it would leave int64; callers then add Python integers


def to_quanta(qty: Floats) -> Ints:
    """Quantities (n,) in base currency as whole 1e-8 units; exact for every decimal an exchange prints.

    >>> to_quanta(np.array([0.1, 0.2])).sum()
    np.int64(30000000)
    """
    return np.rint(qty * QUANTA_PER_UNIT).astype(np.int64)


def from_quanta(quanta: int) -> float:
    """The decimal a sum of quanta stands for, as the nearest float.

    >>> from_quanta(30000000)
    0.3
    """
    return float(quanta) / QUANTA_PER_UNIT
