"""A machine whose clock is days slow: trades are judged by the exchange's, once it is known."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest

from core.settings import Settings
from desk.collector import Collector
from desk.surroundings import Surroundings
from ingestion.rest import Rest
from storage.sqlite import TradeStore
from tests.desk.replayed import until
from tests.ingestion.frames import AT_MS, trade
from tests.ingestion.lines import Clock, ScriptedLine

DAYS_SLOW_MS = 2 * 86_400_000


class Flowing(ScriptedLine):
    """Brings a trade at each read."""

    headers: Mapping[str, str] = {}

    def __init__(self) -> None:
        super().__init__(Clock())
        self._numbers = count(1)

    def read(self, timeout_s: float) -> list[bytes]:
        self.script.append([trade("AUSDT", next(self._numbers))])
        return super().read(timeout_s)


@pytest.mark.parametrize("known", [True, False])
def test_a_clock_that_is_days_slow_costs_no_trade_once_the_exchange_has_told_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(Rest, "exchange_ms", lambda rest: rest._now_ms() + (DAYS_SLOW_MS if known else 0))
    world = Surroundings(
        connect=lambda url: Flowing(),
        rest=lambda base: Rest(base, now_ms=lambda: AT_MS - DAYS_SLOW_MS),
        now_ms=lambda: AT_MS - DAYS_SLOW_MS,
    )
    settings = Settings(db=tmp_path / "trades.db", symbols=("AUSDT",))
    collector = Collector(settings, TradeStore(settings.db), world)
    try:
        collector.streams.trades.start()
        assert until(lambda: collector.streams.trades.status().frames > 10, 20.0)
        found = collector.streams.trades.status()
        assert (found.records > 0, "bad_time" in found.rejected) == (known, not known)
    finally:
        collector.streams.trades.stop()
        collector.close()
