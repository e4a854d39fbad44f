"""A look computed now against the journal's row of then: field by field, to the bit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isnan
from typing import Final

from analytics.journal import row_of
from analytics.look import Look
from core.journal import JournalRow

# About the writing, not about the look; the size that was set then is among the inputs and decides nothing.
NOT_COMPARED: Final = frozenset({"written_ms", "note", "inputs"})


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far both say the same."""

    compared: int  # fields
    differs: tuple[str, ...]  # their names

    @property
    def same(self) -> bool:
        """In every field."""
        return not self.differs


def agreement(look: Look, row: JournalRow) -> Agreement:
    """Compare a look with a row of the same candle and parameters."""
    now = row_of(look)
    names = [name for name in JournalRow.__slots__ if name not in NOT_COMPARED]
    differs = [n for n in names if n != "checks" and not _same(getattr(now, n), getattr(row, n))]
    if _answers(now.checks) != _answers(row.checks):
        differs.append("checks")
    return Agreement(len(names), tuple(differs))


def _answers(checks: str) -> list[tuple[object, ...]]:
    """What the checks found; how it is worded and how JSON writes a number may change."""
    try:
        told: list[dict[str, object]] = json.loads(checks)
    except ValueError:  # no row of ours
        return [(checks,)]
    return [tuple(check.get(name) for name in ("key", "value", "margin", "state", "deciding")) for check in told]


def _same(a: object, b: object) -> bool:
    return a == b or (isinstance(a, float) and isinstance(b, float) and isnan(a) and isnan(b))
