"""What a look's costs rest on is of the time of the look, whenever it is made up for; what is not of it is unknown."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from analytics.costs import CostSplit
from analytics.params import Params
from analytics.record import Record, RecordSummary
from core.clock import HOUR_MS
from core.journal import JournalRow
from core.types import Candles, Ints, MarkPrice, Ticks
from desk.basis import Basis, Sources
from desk.watch import Key
from tests.analytics.pairs import candles, cointegrated

KEY = Key("YUSDT", "XUSDT", Params(timeframe_s=60, fit_bars=40, z_bars=10))
DAY_MS = 1_700_006_400_000  # midnight
BARS = 60
HELD = Record(KEY.params, told=RecordSummary(25, 20, mean_hold_s=6 * 3600.0))


@dataclass
class Shop:
    """Sources by hand: candles that end at one time, prints, and what the exchange announces now."""

    end_ms: int
    prints_ms: int = 0  # the first print
    marks: dict[str, MarkPrice] = field(default_factory=dict)
    hours: dict[str, int] | None = field(default_factory=lambda: {"OTHERUSDT": 4})

    def candles(self, symbol: str, timeframe_s: int, *, limit: int | None = None, to_ms: int | None = None) -> Candles:
        prices = cointegrated(np.random.default_rng(5), BARS)[0 if symbol == "YUSDT" else 1]
        return candles(symbol, prices, open_ms=self.end_ms + 60_000 * np.arange(-BARS, 0))

    def trades(
        self, symbol: str, *, from_ms: int | None = None, to_ms: int | None = None, limit: int | None = None
    ) -> Ticks:
        """Takers bought and sold in turn, each 100 ms, one tick apart."""
        n = 100
        ms = self.prints_ms + 100 * np.arange(n)
        sold = np.arange(n) % 2 == 0
        ids, price = np.arange(n), np.where(sold, 99.99, 100.01)
        found = Ticks(symbol, ids, ids, ms, price, np.ones(n), sold)
        return found.take((ms >= (from_ms or 0)) & (ms < (to_ms or ms[-1] + 1)))

    def looks(self, pair: str, timeframe_s: int, params: str, *, limit: int | None = None) -> list[JournalRow]:
        return []

    def announce(self, said_ms: int, next_ms: int) -> None:
        self.marks = {s: MarkPrice(s, said_ms, 100.0, 100.0, 1e-4, next_ms) for s in KEY.symbols}

    def costs(self) -> CostSplit:
        def holes(symbol: str, timeframe_s: int, from_ms: int) -> Ints:
            return np.empty(0, np.int64)

        basis = Basis(Sources(self, holes, holes, lambda: self.marks, lambda: self.hours))
        newest_ms = int(basis.shared(KEY, KEY.look_bars)[-1])
        costs = basis.costs(KEY, basis.newest(KEY, newest_ms + KEY.step_ms), HELD)
        assert costs is not None
        return costs


def test_a_look_is_charged_the_settlement_announced_for_after_it() -> None:
    shop = Shop(DAY_MS + 3 * HOUR_MS)
    shop.announce(DAY_MS + 3 * HOUR_MS + 1_000, DAY_MS + 8 * HOUR_MS)
    costs = shop.costs()
    assert "funding" not in costs.missing
    assert " × 1 × " in costs.formula


@pytest.mark.parametrize(("said_h", "next_h"), [(9, 16), (-9, -8)], ids=["of a later period", "of a period long over"])
def test_an_announcement_of_another_period_leaves_funding_unknown(said_h: int, next_h: int) -> None:
    shop = Shop(DAY_MS + 3 * HOUR_MS)
    shop.announce(DAY_MS + said_h * HOUR_MS, DAY_MS + next_h * HOUR_MS)
    assert "funding" in shop.costs().missing


def test_at_a_settlement_the_rate_just_settled_stands_for_the_next() -> None:
    shop = Shop(DAY_MS + 8 * HOUR_MS)
    shop.announce(DAY_MS + 8 * HOUR_MS - 1_000, DAY_MS + 8 * HOUR_MS)
    costs = shop.costs()
    assert "funding" not in costs.missing
    assert " × 0 × " in costs.formula  # the next is at 16:00, after the hold


def test_hours_that_nobody_knows_leave_funding_unknown() -> None:
    shop = Shop(DAY_MS + 3 * HOUR_MS, hours=None)
    shop.announce(DAY_MS + 3 * HOUR_MS, DAY_MS + 8 * HOUR_MS)
    assert "funding" in shop.costs().missing
    shop.hours = {}  # the exchange has answered: no contract differs
    assert "funding" not in shop.costs().missing


def test_a_price_spread_is_of_the_hour_before_the_look() -> None:
    end_ms = DAY_MS + 8 * HOUR_MS
    now = Shop(end_ms, prints_ms=end_ms - HOUR_MS // 2).costs()
    assert now.half_spreads_bps == pytest.approx(2.0, abs=1e-3)  # half a spread of 2 bps, in and out
    for elsewhen_ms in (end_ms - 10 * HOUR_MS, end_ms):
        assert "half price-spreads" in Shop(end_ms, prints_ms=elsewhen_ms).costs().missing
