"""One page over one state of a desk, and everything on it that a number may come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.decision import LiveScore
from analytics.look import Look
from analytics.params import Params
from analytics.report import PairReport
from core.journal import JournalRow
from core.types import DeskStatus, Floats, MarkPrice, SymbolInfo
from tests.ui.fakes import FakeDesk
from tests.ui.seeded import END_MS, past_look

Y, X = "ETHUSDT", "BTCUSDT"


@dataclass(frozen=True)
class Scene:
    """What stands behind a page. ``past`` is the candle that Replay shows."""

    desk: FakeDesk
    params: Params
    past: int | None = None

    @property
    def look(self) -> Look:
        if self.past is not None:
            return past_look(self.desk.scenario, Y, X, self.params, self.past)
        return self.desk.look(Y, X, self.params)

    @property
    def confirmed(self) -> str:
        """What marks a number of the candles."""
        return "CONFIRMED"

    @property
    def report(self) -> PairReport:
        return self.look.report

    @property
    def live(self) -> LiveScore | None:
        return None if self.past is not None else self.desk.live(Y, X, self.params)

    @property
    def live_z(self) -> float | None:
        if self.live is None:
            return None
        z = self.live.z_roll if self.classic else self.live.z
        return None if math.isnan(z) else z

    @property
    def status(self) -> DeskStatus:
        return self.desk.status()

    @property
    def catalogue(self) -> Mapping[str, SymbolInfo]:
        return self.desk.catalogue()

    @property
    def marks(self) -> Mapping[str, MarkPrice]:
        return self.desk.marks()

    @property
    def said(self) -> Sequence[JournalRow]:
        before = END_MS if self.past is None else self.past + 1
        return self.desk.journal_before(Y, X, self.params, 500, before)

    @property
    def now_ms(self) -> float:
        ends = [s.last_event_ms + 1000 * s.age_s for s in self.status.trades.streams if s.last_event_ms and s.age_s]
        return max(ends, default=0.0)

    @property
    def classic(self) -> bool:
        return self.params.preset == "classic"

    @property
    def z_series(self) -> Floats:
        return self.report.z_roll if self.classic else self.report.log_fits.z

    def newest(self, values: Floats) -> float | None:
        """The last of a series; None where it is unknown."""
        return float(values[-1]) if len(values) and not math.isnan(values[-1]) else None

    @property
    def z(self) -> float | None:
        return self.newest(self.z_series)

    @property
    def tag(self) -> str:
        """What marks a live number."""
        stale = self.look.decision.verdict == "NO DATA" or not self.status.running
        return "STALE" if stale else self.status.source

    def tick(self, symbol: str) -> float | None:
        return self.catalogue[symbol].tick_size if symbol in self.catalogue else None

    def base(self, symbol: str) -> str:
        return self.catalogue[symbol].base if symbol in self.catalogue else symbol
