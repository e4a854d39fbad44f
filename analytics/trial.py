"""A walk-forward and what it is to be held against, step by step: redrawn candles, then neighbouring settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from analytics.backtest import AT_THE_DESK, Frictions, WalkForward, walk_forward
from analytics.banner import Banner, banner
from analytics.fills import Execution
from analytics.null import NullRun, Outcome, null_runs
from analytics.params import Params
from analytics.sensitivity import Sensitivity, Variant, neighbours, sensitivity, sensitivity_runs
from core.types import Candles, Ints

SEED: Final = 20_260_801  # the same candles, the same luck: a reader can ask again

Stage = Literal["waiting", "reading", "funding", "running", "done", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class TrialAsk:
    """What is to be run. ``legs`` is None for candles of the store, then the newest ``days`` of them are read.

    Equal asks are the same question; candles given by hand are compared by identity.
    """

    symbol_y: str
    symbol_x: str
    params: Params
    days: int = 30
    legs: tuple[Candles, Candles] | None = None
    execution: Execution = AT_THE_DESK
    half_y_bps: float = 0.5
    half_x_bps: float = 0.5
    settled: bool = True  # funding as the exchange settled it; else ``funding_rate`` at every settlement
    funding_rate: float = 1e-4  # a fraction
    redraws: int = 19  # with m of them the smallest share that luck can be given is 1 / (m + 1)
    tried_before: int = 0  # settings, pairs and timeframes looked at before this one was settled on

    def __post_init__(self) -> None:
        if not 0 <= self.redraws <= 999:
            raise ValueError(f"redraws must be from 0 to 999, was {self.redraws}")
        if not 0 <= self.tried_before <= 100_000:
            raise ValueError(f"tried_before must be from 0 to 100000, was {self.tried_before}")


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """How far it has come. What is not there yet is None or short, never a guess."""

    ask: TrialAsk
    stage: Stage = "waiting"
    problem: str = ""  # why it failed, as a sentence
    run: WalkForward | None = None
    drawn: tuple[Outcome, ...] = ()
    variants: tuple[Variant, ...] = ()
    funding_note: str = ""  # where the funding came from
    left_s: float | None = None  # until the last step, as whoever runs it reckons; None: not known

    @property
    def steps(self) -> int:
        """All of them: the run, the redrawn ones, the settings."""
        return 1 + self.ask.redraws + len(neighbours(self.ask.params))

    @property
    def done_steps(self) -> int:
        """Those that are done."""
        return (self.run is not None) + len(self.drawn) + len(self.variants)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.stage in {"done", "cancelled", "failed"}

    @property
    def null(self) -> NullRun | None:
        """The redrawn runs beside the true one, once all are there."""
        if self.run is None or not self.drawn or len(self.drawn) < self.ask.redraws:
            return None
        return NullRun(Outcome.of(self.run.summary), self.drawn)

    @property
    def tried(self) -> Sensitivity | None:
        """All neighbouring settings, once all are there."""
        if len(self.variants) < len(neighbours(self.ask.params)):
            return None
        return sensitivity(self.variants, self.ask.tried_before)

    @property
    def banner(self) -> Banner | None:
        """What the evidence supports by now."""
        return None if self.run is None else banner(self.run, self.null, self.tried)


def trial(
    start: Trial, candles_y: Candles, candles_x: Candles, costs: Frictions, incomplete_ms: Ints | None = None
) -> Iterator[Trial]:
    """Run, then redraw, then vary: a value after each step, the last one "done".

    Parameters
    ----------
    start : Trial
        What was asked, and what is known of it so far.
    candles_y, candles_x, costs, incomplete_ms
        As for ``walk_forward``.

    Raises
    ------
    ValueError
        As ``walk_forward``, at the first step.
    """
    ask = start.ask
    p, execution = ask.params, ask.execution
    run = walk_forward(candles_y, candles_x, p, costs, execution=execution, incomplete_ms=incomplete_ms)
    now = replace(start, stage="running", run=run)
    yield now
    if not run.tested:  # too few candles: there is nothing to compare
        yield replace(now, stage="done")
        return
    if ask.redraws:
        rng = np.random.default_rng(SEED)
        luck = null_runs(
            candles_y, candles_x, p, costs, rng, runs=ask.redraws, execution=execution, incomplete_ms=incomplete_ms
        )
        for one in luck:
            now = replace(now, drawn=(*now.drawn, one))
            yield now
    varied = sensitivity_runs(candles_y, candles_x, p, costs, execution=execution, incomplete_ms=incomplete_ms)
    for variant in varied:
        now = replace(now, variants=(*now.variants, variant))
        yield now
    yield replace(now, stage="done")
