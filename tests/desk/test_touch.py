"""What an order would meet now is what takers paid of late; hours-old prints of a thin leg are no price of anything."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from analytics.live import Touch
from core.settings import Settings
from core.types import DeskStatus, FeedStatus, StreamStatus, Ticks
from desk.collector import Collector
from desk.onlooker import Onlooker
from desk.streams import since_ms
from storage.reader import StoreReader
from storage.sqlite import TradeStore
from tests.desk.test_onlooker import tell

NOW_MS = 1_690_000_100_000
BOTH = Touch(sold=9.5, bought=11.5)


def ticks(bought_s_ago: float) -> Ticks:
    """A taker buy so long before the newest print, a taker sell."""
    ids, ms = np.arange(1, 3), np.array([NOW_MS - int(1000 * bought_s_ago), NOW_MS])
    return Ticks("AUSDT", ids, ids, ms, np.array([11.5, 9.5]), np.ones(2), np.array([False, True]))


def feed(age_s: float | None) -> FeedStatus:
    return FeedStatus("live", streams=(StreamStatus("AUSDT", last_event_ms=NOW_MS, age_s=age_s),))


AGES = ((14.0, 0.5, BOTH), (16.0, 0.5, None), (10.0, 6.0, None), (10.0, 4.0, BOTH), (0.0, 15.5, None))


@pytest.mark.parametrize(("bought_s_ago", "age_s", "met"), AGES)
def test_a_touch_is_of_the_last_fifteen_seconds(
    bought_s_ago: float, age_s: float, met: Touch | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(db=tmp_path / "trades.db", symbols=())
    collector = Collector(settings, TradeStore(settings.db))
    collector.ring.put(ticks(bought_s_ago))
    monkeypatch.setattr(collector.streams, "status", lambda: (feed(age_s), FeedStatus()))
    assert collector.touch("AUSDT") == met
    assert collector.touch("BUSDT") is None
    collector.close()


@pytest.mark.parametrize(("bought_s_ago", "age_s", "met"), [AGES[0], AGES[1], AGES[4]])
def test_beside_another_process_it_is_no_older(
    bought_s_ago: float, age_s: float, met: Touch | None, store: TradeStore, tmp_path: Path
) -> None:
    store.put(ticks(bought_s_ago))
    told = DeskStatus(running=True, trades=feed(age_s))
    tell(store, msgspec.json.encode(told).decode())
    settings = Settings(db=tmp_path / "store.db")
    onlooker = Onlooker(settings, StoreReader(settings.db))
    assert onlooker.touch("AUSDT") == met
    onlooker.close()


def test_a_stream_that_said_nothing_yet_has_no_moment() -> None:
    assert since_ms(FeedStatus(), "AUSDT", 15.0) is None
    assert since_ms(feed(5.0), "AUSDT", 15.0) == NOW_MS - 10_000
