"""Which rows open an excursion: one entry each, armed again after |z| < 1 or a change of sign."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Literal

import numpy as np

from analytics.params import REARM_Z
from core.types import Bools, Floats, Ints

Stage = Literal["armed", "entry", "past", "unseen"]


def entries(z: Floats, entry_z: float, stop_z: float, lookback: int) -> Bools:
    """Mark the first row of each excursion at which ``entry_z <= |z| < stop_z``.

    Parameters
    ----------
    z : (n,) float
        As-of-time z, oldest first. NaN rows neither arm nor enter.
    entry_z, stop_z : float
        0 < entry_z < stop_z. A jump straight beyond ``stop_z`` is no entry, and leaves the excursion's entry open.
    lookback : int
        Rows before the present one within which the rule must have seen itself armed. An excursion whose beginning
        lies further back, or before the first row, is nobody's entry. This makes a row's answer depend on
        ``lookback + 1`` rows only, not on where the loaded history begins.

    Returns
    -------
    (n,) bool
        Uses nothing after t.

    >>> entries(np.array([0.5, 1.5, 2.2, 2.6, 1.4, 2.1, 0.9, 2.3]), 2.0, 4.0, lookback=10).nonzero()[0].tolist()
    [2, 7]
    """
    at = np.arange(len(z))
    marks = _marks(z, entry_z, stop_z)
    seen = np.where((marks.flip >= 0) & (marks.from_ >= at - lookback), marks.flip, -1)
    armed = np.maximum(seen, np.where(marks.small >= at - lookback, marks.small, -1))
    used = _before(marks.band)
    opens: Bools = (marks.band == at) & (armed >= 0) & (armed > used)
    return opens


def next_after(rows: Ints, row: int, otherwise: int) -> int:
    """The first of increasing ``rows`` beyond ``row``, or ``otherwise``.

    >>> next_after(np.array([2, 5]), 2, otherwise=9), next_after(np.array([2, 5]), 5, otherwise=9)
    (5, 9)
    """
    at = int(np.searchsorted(rows, row, side="right"))
    return int(rows[at]) if at < len(rows) else otherwise


def stage(z: Floats, entry_z: float, stop_z: float) -> Stage:
    """Where the newest row stands in its excursion, as far as the rows given tell.

    Parameters
    ----------
    z : (k,) float
        As-of-time z, oldest first: the newest row, which is known, and the ``lookback`` rows before it.

    Returns
    -------
    Stage
        "entry": the newest row opens its excursion, as ``entries`` has it. "armed": the next row between ``entry_z``
        and ``stop_z`` will. "past": a row before did. "unseen": no row given has armed the rule.

    >>> [stage(np.array(z), 2.0, 4.0) for z in ([0.5, 2.2], [0.5, 1.5], [0.5, 2.2, 1.5], [1.5, 2.2])]
    ['entry', 'armed', 'past', 'unseen']
    """
    z = z[~np.isnan(z)]
    size = np.abs(z)
    arms = size < REARM_Z
    arms[1:] |= z[1:] * z[:-1] < 0
    at = np.flatnonzero(arms)
    if not len(at):
        return "unseen"
    since = size[at[-1] :]
    inside = (since >= entry_z) & (since < stop_z)
    return "past" if inside[:-1].any() else "entry" if inside[-1] else "armed"


@dataclass(frozen=True, slots=True)
class Arming:
    """What the next row's answer depends on, row numbers counted from the first row; −1: never."""

    small: int = -1  # newest row with |z| < 1
    flip: int = -1  # newest row whose z had the other sign than the known row before it …
    flip_from: int = -1  # … and that row
    band: int = -1  # newest row inside entry_z … stop_z
    known: int = -1  # newest row with a z …
    known_z: float = 0.0  # … and its z

    @classmethod
    def after(cls, z: Floats, entry_z: float, stop_z: float) -> Arming:
        """The state after (n,) rows; equal to stepping through them."""
        if not len(z):
            return cls()
        m = _marks(z, entry_z, stop_z)
        known = int(m.known[-1])
        return cls(
            small=int(m.small[-1]),
            flip=int(m.flip[-1]),
            flip_from=int(m.from_[-1]),
            band=int(m.band[-1]),
            known=known,
            known_z=float(z[known]) if known >= 0 else 0.0,
        )

    def step(self, row: int, z: float, entry_z: float, stop_z: float, lookback: int) -> tuple[Arming, bool]:
        """Take one more row; also whether it opens an excursion."""
        if isnan(z):
            return self, False
        flips = self.known >= 0 and z * self.known_z < 0
        inside = entry_z <= abs(z) < stop_z
        after = Arming(
            small=row if abs(z) < REARM_Z else self.small,
            flip=row if flips else self.flip,
            flip_from=self.known if flips else self.flip_from,
            band=row if inside else self.band,
            known=row,
            known_z=z,
        )
        armed = max(
            after.flip if after.flip >= 0 and after.flip_from >= row - lookback else -1,
            after.small if after.small >= row - lookback else -1,
        )
        return after, inside and armed > self.band


@dataclass(frozen=True, slots=True)
class _Marks:
    """(n,) newest row up to each, by kind; −1 for none."""

    small: Ints
    flip: Ints
    from_: Ints  # the known row before ``flip``: it must be seen too, to see the change of sign
    band: Ints
    known: Ints


def _marks(z: Floats, entry_z: float, stop_z: float) -> _Marks:
    size = np.abs(z)
    known = ~np.isnan(z)
    newest = _latest(known)
    before = _before(newest)
    flip = _latest(known & (before >= 0) & (z * z[before] < 0))
    return _Marks(
        small=_latest(known & (size < REARM_Z)),
        flip=flip,
        from_=np.where(flip >= 0, before[flip], -1),
        band=_latest(known & (size >= entry_z) & (size < stop_z)),
        known=newest,
    )


def _latest(where: Bools) -> Ints:
    at = np.where(where, np.arange(len(where)), -1)
    latest: Ints = np.maximum.accumulate(at) if len(at) else at
    return latest


def _before(latest: Ints) -> Ints:
    return np.concatenate((np.array([-1]), latest[:-1])) if len(latest) else latest
