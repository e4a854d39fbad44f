"""How long to wait before the next try. An iterator of seconds; no sleep, no clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator


def delays(
    first_s: float = 1.0, factor: float = 2.0, most_s: float = 60.0, uniform: Callable[[], float] = random.random
) -> Iterator[float]:
    """Seconds to wait before each further try, without end.

    The first is anywhere in ``[0, first_s)``, so that many clients cut off together do not come back together. The
    following grow from ``first_s`` by ``factor`` to ``most_s``, each shortened by up to a quarter for the same reason.

    Parameters
    ----------
    first_s, most_s : float
        Seconds; ``0 < first_s <= most_s``.
    factor : float
        >= 1.
    uniform : callable
        Numbers in [0, 1).

    Raises
    ------
    ValueError
        If the arguments are out of range (at the first ``next``).

    >>> waits = delays(uniform=lambda: 0.0)
    >>> [next(waits) for _ in range(9)]
    [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    """
    if not (0 < first_s <= most_s and factor >= 1):
        raise ValueError(f"needs 0 < first_s <= most_s and factor >= 1, was {first_s}, {most_s}, {factor}")
    yield first_s * uniform()
    wait_s = first_s
    while True:
        yield wait_s * (1 - uniform() / 4)
        wait_s = min(wait_s * factor, most_s)
