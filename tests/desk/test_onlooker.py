"""A process that reads beside the one that collects says what that one knows, and no more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy.signal import lfilter

from analytics.params import Params
from core.errors import NoteUnreadable
from core.settings import Settings
from core.types import Candles, DeskStatus, FeedStatus, Gap, StreamStatus
from desk import collector
from desk.collector import HEALTH, Collector
from desk.engine import RECORD_AGAIN_S
from desk.holes import Hole
from desk.mender import HOLES
from desk.onlooker import Onlooker
from desk.revisions import Revisions
from desk.watch import Key, Watch
from storage.reader import StoreReader
from storage.sqlite import TradeStore

MINUTE_MS = 1_690_000_020_000
PAIR = Key("YUSDT", "XUSDT", Params(60))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a collector that reaches nothing."""
    return Settings(ws_url="ws://127.0.0.1:9", rest_url="http://127.0.0.1:9", db=tmp_path / "store.db")


@pytest.fixture
def onlooker(store: TradeStore, settings: Settings) -> Iterator[Onlooker]:
    """It reads what ``store`` writes."""
    onlooker = Onlooker(settings, StoreReader(settings.db))
    yield onlooker
    onlooker.close()


def tell(store: TradeStore, body: str, ago_s: float = 0.0) -> None:
    """Say how the collecting process does."""
    store.put_note(HEALTH, body, round((time.time() - ago_s) * 1000))
    assert store.flush()


def health(**streams: float) -> str:
    """Of one that collects; the ages of its streams."""
    told = tuple(StreamStatus(symbol, age_s=age_s) for symbol, age_s in streams.items())
    feed = FeedStatus("live", watermark_ms=MINUTE_MS, last_frame_age_s=min(streams.values()), streams=told)
    return msgspec.json.encode(DeskStatus(running=True, trades=feed)).decode()


def test_what_was_silent_when_it_was_told_has_been_silent_since(store: TradeStore, onlooker: Onlooker) -> None:
    tell(store, health(YUSDT=13.0, XUSDT=0.5), ago_s=5.0)
    ages = {stream.symbol: stream.age_s for stream in onlooker.status().trades.streams}
    assert ages == pytest.approx({"YUSDT": 18.0, "XUSDT": 5.5}, abs=4.0)
    assert onlooker.status().trades.last_frame_age_s == pytest.approx(5.5, abs=4.0)
    assert onlooker.freshness(PAIR).silent == ("YUSDT",)


def test_a_clock_that_was_set_back_makes_nothing_younger(store: TradeStore, onlooker: Onlooker) -> None:
    tell(store, health(YUSDT=13.0, XUSDT=0.5), ago_s=-4.0)
    assert [stream.age_s for stream in onlooker.status().trades.streams] == [13.0, 0.5]


def test_one_that_says_nothing_for_long_is_not_taken_to_collect(store: TradeStore, onlooker: Onlooker) -> None:
    tell(store, health(YUSDT=0.5, XUSDT=0.5), ago_s=60.0)
    assert "has said nothing for" in onlooker.status().problem
    assert "has said nothing for" in onlooker.freshness(PAIR).reason


def test_the_last_that_one_said_of_its_trouble_is_told_on(store: TradeStore, onlooker: Onlooker) -> None:
    tell(store, msgspec.json.encode(DeskStatus(running=False, problem="The disk is full.")).decode())
    assert onlooker.status().problem.endswith(" is stopped. It said last: The disk is full.")


@pytest.mark.parametrize(
    ("feed", "reason"),
    [
        (FeedStatus("connecting"), "No data: connecting to the exchange."),
        (FeedStatus("waiting", reason="The exchange is gone."), "No data: The exchange is gone."),
    ],
)
def test_while_the_other_has_no_line_the_reason_is_its_own(
    store: TradeStore, onlooker: Onlooker, feed: FeedStatus, reason: str
) -> None:
    tell(store, msgspec.json.encode(DeskStatus(running=True, trades=feed)).decode())
    assert onlooker.freshness(PAIR).reason == reason


def test_one_that_was_stopped_is_stopped_at_once(settings: Settings) -> None:
    with TradeStore(settings.db) as store:
        collecting = Collector(settings, store)
        collecting.start()
        collecting.stop()
        onlooker = Onlooker(settings, StoreReader(settings.db))
        status = onlooker.status()
        assert (status.running, status.symbols) == (False, settings.symbols)
        assert status.problem == f"The Pairsight that collects into {settings.db} is stopped."
        assert "is stopped" in onlooker.freshness(PAIR).reason
        onlooker.close()
        collecting.close()


def test_one_that_was_started_again_says_so_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "HEALTH_EVERY_S", 3_600.0)
    with TradeStore(settings.db) as store:
        collecting = Collector(settings, store)
        onlooker = Onlooker(settings, StoreReader(settings.db))
        for _ in range(2):
            collecting.start()
            collecting._tick()
            assert store.flush()
            assert onlooker.running
            collecting.stop()
            assert not onlooker.running
        onlooker.close()
        collecting.close()


def test_how_one_of_another_version_does_is_unknown(store: TradeStore, onlooker: Onlooker) -> None:
    tell(store, '{"running":true,"trades":{"state":"live","rejected":null}}')
    status = onlooker.status()
    assert (status.running, status.trades.state, onlooker.symbols) == (False, "stopped", ())
    assert "is unknown. The note “health” in the database cannot be read" in status.problem
    assert "is unknown" in onlooker.freshness(PAIR).reason


def test_what_the_other_has_still_to_mend_is_unknown_here_too(store: TradeStore, onlooker: Onlooker) -> None:
    gap = Gap("AUSDT", 1, 9, MINUTE_MS + 61_000, MINUTE_MS + 62_000)
    store.put_gap(gap)
    store.set_gap_state(gap, "lost")
    store.put_note(HOLES, msgspec.json.encode([Hole("AUSDT", 60, MINUTE_MS, MINUTE_MS)]).decode(), 1)
    store.flush()
    from_ms = MINUTE_MS - 600_000
    assert onlooker.incomplete("AUSDT", 60, from_ms).tolist() == [MINUTE_MS]
    assert onlooker.incomplete("AUSDT", 1, from_ms).tolist() == [MINUTE_MS + 61_000, MINUTE_MS + 62_000]
    assert not len(onlooker.incomplete("BUSDT", 60, from_ms))


def test_what_it_has_to_mend_in_a_form_not_known_here_is_not_taken_for_nothing(
    store: TradeStore, onlooker: Onlooker
) -> None:
    store.put_note(HOLES, '[{"symbol":"AUSDT"}]', 1)
    store.flush()
    with pytest.raises(NoteUnreadable, match="holes"):
        onlooker.incomplete("AUSDT", 60, 0)


def follow(settings: Settings, clock_s: Callable[[], float]) -> tuple[Onlooker, Watch]:
    """One that keeps a record of the pair."""
    onlooker = Onlooker(settings, StoreReader(settings.db))
    onlooker.engine._monotonic = clock_s
    onlooker.engine.watch(PAIR, keep=True)
    onlooker.engine.turn()
    watch = onlooker.engine._watches.of(PAIR)
    assert watch is not None
    return onlooker, watch


def test_history_that_arrives_and_candles_that_are_repaired_renew_the_record(
    store: TradeStore, settings: Settings
) -> None:
    rng, n = np.random.default_rng(0), 4_000
    x = np.cumsum(rng.normal(0, 1e-3, n))
    closes = {"YUSDT": np.exp(x + lfilter([1.0], [1.0, -0.93], rng.normal(0, 1e-3, n))), "XUSDT": np.exp(x)}

    def bars(symbol: str, part: slice) -> Candles:
        close = closes[symbol][part]
        ones, opens = np.ones(len(close)), MINUTE_MS + 60_000 * np.arange(n)[part]
        kind = np.full(len(close), "kline", "U8")
        return Candles(symbol, 60, opens, close, close, close, close, ones, ones.astype(np.int64), kind)

    for symbol in closes:
        store.put_candles(bars(symbol, slice(n - 1_400, n)))
    store.flush()
    now_s = 1_000.0
    onlooker, watch = follow(settings, lambda: now_s)
    revisions, first = Revisions(store), watch.record
    now_s += RECORD_AGAIN_S
    onlooker.engine.turn()
    assert watch.record is first  # nothing changed

    for symbol in closes:
        store.put_candles(bars(symbol, slice(n - 1_400)))
        revisions.change(symbol, 60)
    store.flush()
    now_s += RECORD_AGAIN_S
    onlooker.engine.turn()
    fresh, fresh_watch = follow(settings, lambda: now_s)
    assert watch.record == fresh_watch.record != first

    closes["YUSDT"][2_000:2_600] *= 1.01
    store.replace_candles(bars("YUSDT", slice(2_000, 2_600)))
    Revisions(store).change("YUSDT", None)  # another life of the process that collects
    store.flush()
    now_s += RECORD_AGAIN_S
    onlooker.engine.turn()
    again, again_watch = follow(settings, lambda: now_s)
    assert watch.record == again_watch.record != fresh_watch.record
    for each in (onlooker, fresh, again):
        each.close()
