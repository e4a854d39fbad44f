"""How a run's figures move with its settings: neighbours side by side, counted, none of them picked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from analytics.backtest import AT_THE_DESK, Frictions, aligned_bars, walk_report
from analytics.fills import Execution
from analytics.params import Params
from analytics.performance import Summary
from analytics.report import analyse
from analytics.sharpe import YEAR_ROOT, deflated, expected_best
from core.types import Candles, Ints

FITS: Final = (0.5, 0.75, 1.5, 2.0)  # of N
TIMINGS: Final = (0.5, 2.0)  # of W
ENTRIES: Final = (-0.5, -0.25, 0.25, 0.5)
EXITS: Final = (-0.25, 0.25, 0.5)
STOPS: Final = (-0.5, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Setting:
    """The run's own setting, or one step away from it."""

    changed: str  # what differs, for example "N = 500"; empty for the run's own
    params: Params


@dataclass(frozen=True, slots=True)
class Variant:
    """A setting and what it came to. Longer windows begin later: ``summary.days`` says how much was tested."""

    setting: Setting
    summary: Summary


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """All variants in the order of their settings, the run's own first. There is no best one here."""

    variants: tuple[Variant, ...]
    tried: int  # settings looked at, those of other runs included
    deflated: float | None  # probability that the own Sharpe ratio is more than the best of ``tried`` worthless ones
    hurdle: float | None  # that best one's expected ratio, annual

    @property
    def own(self) -> Variant:
        """The run's own setting."""
        return self.variants[0]

    @property
    def winning(self) -> int:
        """Variants that won anything at all, net."""
        return sum(v.summary.net > 0 for v in self.variants)


def neighbours(params: Params) -> tuple[Setting, ...]:
    """The setting itself, then one change at a time, in fixed steps; combinations that make no sense are left out.

    >>> [s.changed for s in neighbours(Params())][:5]
    ['', 'entry z = 1.5', 'entry z = 1.75', 'entry z = 2.25', 'entry z = 2.5']
    """
    steps: list[tuple[str, str, float]] = [
        *(("entry z", "entry_z", params.entry_z + step) for step in ENTRIES),
        *(("exit z", "exit_z", params.exit_z + step) for step in EXITS),
        *(("stop z", "stop_z", params.stop_z + step) for step in STOPS),
        *(("N", "fit_bars", round(params.fit_bars * share)) for share in FITS),
        *(("W", "z_bars", round(params.z_bars * share)) for share in TIMINGS),
    ]
    settings = [Setting("", params)]
    for name, field, value in steps:
        change: dict[str, Any] = {field: value}
        try:
            settings.append(Setting(f"{name} = {value:g}", replace(params, **change)))
        except ValueError:  # an exit beyond the entry, a window out of range
            continue
    return tuple(settings)


def sensitivity_runs(
    candles_y: Candles,
    candles_x: Candles,
    params: Params,
    costs: Frictions,
    *,
    execution: Execution = AT_THE_DESK,
    incomplete_ms: Ints | None = None,
) -> Iterator[Variant]:
    """Run every neighbour, one after the other, so that a reader can watch them come.

    Parameters
    ----------
    candles_y, candles_x, params, costs, execution, incomplete_ms
        As for ``walk_forward``.
    """
    analysed = None
    for setting in neighbours(params):
        p = setting.params
        if analysed is None or (p.fit_bars, p.z_bars) != (analysed.params.fit_bars, analysed.params.z_bars):
            analysed = analyse(candles_y, candles_x, p, incomplete_ms)
        report = replace(analysed, params=p)  # thresholds read the same rows
        bars = aligned_bars(report, candles_y, candles_x)
        yield Variant(setting, walk_report(report, bars, costs, execution).summary)


def sensitivity(variants: Iterable[Variant], tried_before: int = 0) -> Sensitivity:
    """All of them side by side, and what the own ratio is worth after so many tries.

    Parameters
    ----------
    variants : iterable of Variant
        From ``sensitivity_runs``; the first is the run's own.
    tried_before : int
        Other settings, pairs or timeframes that were looked at before this one was settled on. Nobody else knows.

    Returns
    -------
    Sensitivity
        ``deflated`` and ``hurdle`` are None while the own ratio, or the ratios' spread, is not known. The spread is at
        least that of ratios whose true value is 0, over as many days.
    """
    found = tuple(variants)
    if not found:
        raise ValueError("there must be a variant: the run's own")
    if tried_before < 0:
        raise ValueError(f"tried_before must be >= 0, was {tried_before}")
    tried = len(found) + tried_before
    own = found[0].summary.sharpe
    ratios = [v.summary.sharpe.ratio for v in found if v.summary.sharpe is not None]
    if own is None or len(ratios) < 2 or not own.se > 0:
        return Sensitivity(found, tried, None, None)
    # Neighbours are near copies of the run: they spread less than worthless ratios do by chance alone.
    variance = max(float(np.var(ratios, ddof=1)), 1.0 / (own.observations - 1))
    return Sensitivity(found, tried, deflated(own, variance, tried), expected_best(variance, tried) * YEAR_ROOT)
