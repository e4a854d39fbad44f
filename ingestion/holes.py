"""Declared gaps of one symbol, and the late records that fall into them. Pure state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from core.types import Bools, Gap, Records

KEPT: Final = 64  # the newest gaps; who comes later than that counts as a duplicate, and the gap is repaired instead


@dataclass(slots=True)
class _Hole:
    gap: Gap
    missing: list[tuple[int, int]] = field(default_factory=list)  # trade ids, both ends included


class Holes:
    """Which trade ids are still missing."""

    def __init__(self) -> None:
        self._holes: list[_Hole] = []
        self._recent: list[Gap] = []  # with those that have been filled

    def add(self, gap: Gap) -> None:
        """Remember a gap; one without both bounds cannot be filled by latecomers."""
        if gap.after_id is not None and gap.before_id is not None:
            self._holes = [*self._holes[1 - KEPT :], _Hole(gap, [(gap.after_id + 1, gap.before_id - 1)])]
            self._recent = [*self._recent[1 - KEPT :], gap]

    def clear(self) -> None:
        """Forget all: the numbering has begun anew."""
        self._holes = []
        self._recent = []

    def spans(self, records: Records) -> Bools:
        """Whether each record's trade time lies within the gap that its ids lie in."""
        inside = np.zeros(len(records), np.bool_)
        for gap in self._recent:
            by_id = (records.first_id > (gap.after_id or 0)) & (records.trade_id < (gap.before_id or 0))
            inside |= by_id & (records.ts_ms >= gap.from_ms) & (records.ts_ms <= gap.to_ms)
        return inside

    def fill(self, old: Records) -> tuple[Records | None, tuple[Gap, ...], int]:
        """Sort out records below the expected id: fillers by id, the gaps they complete, the number of duplicates."""
        if not self._holes or not len(old):
            return None, (), len(old)
        picked: dict[int, int] = {}  # trade id to row
        for row in np.flatnonzero(self._may_fill(old)):
            first, last = int(old.first_id[row]), int(old.trade_id[row])
            if any(_taken_from(hole, first, last) for hole in self._holes):
                picked[last] = int(row)
        if not picked:
            return None, (), len(old)
        healed = tuple(hole.gap for hole in self._holes if not hole.missing)
        self._holes = [hole for hole in self._holes if hole.missing]
        rows = np.array([picked[trade_id] for trade_id in sorted(picked)])
        return old.take(rows), healed, len(old) - len(rows)

    def _may_fill(self, old: Records) -> Bools:
        """Which rows lie within the bounds of a hole. During a renewal all records come twice: nearly none does."""
        after = np.array([hole.gap.after_id for hole in self._holes], np.int64)
        before = np.array([hole.gap.before_id for hole in self._holes], np.int64)
        order = np.argsort(after)
        at = np.searchsorted(after[order], old.first_id) - 1
        inside: Bools = (at >= 0) & (old.trade_id < before[order][np.maximum(at, 0)])
        return inside


def _taken_from(hole: _Hole, first: int, last: int) -> bool:
    """Strike ids off a hole; False when they are not all missing in it."""
    for at, (low, high) in enumerate(hole.missing):
        if low <= first and last <= high:
            rest = [(low, first - 1), (last + 1, high)]
            hole.missing[at : at + 1] = [(a, b) for a, b in rest if a <= b]
            return True
    return False
