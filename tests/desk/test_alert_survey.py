"""What the watch sees of a collector, and what a process that only looks on shows of alerts."""

from __future__ import annotations

from dataclasses import dataclass, field

from analytics.decision import Freshness
from analytics.params import Params
from core.settings import Settings
from core.types import DeskStatus, FeedStatus, StreamStatus, Trade, WatchedPair
from desk.alert_survey import survey_of
from desk.watch import Key
from desk.watchlist import mark
from storage.sqlite import TradeStore

PAIR = Key("ETHUSDT", "BTCUSDT", Params(fee_bps=4.0))
SETTINGS = Settings(taker_fee_bps=4.0, watch=(WatchedPair("SOLUSDT", "BTCUSDT", 300, "classic"),))


class Streams:
    """One that speaks, one that has not yet."""

    def status(self) -> tuple[FeedStatus, FeedStatus]:
        streams = (StreamStatus("ETHUSDT", age_s=0.5), StreamStatus("BTCUSDT"))
        return FeedStatus("live", watermark_ms=77, streams=streams), FeedStatus()


@dataclass
class Collecting:
    """A collector by hand."""

    store: TradeStore
    settings: Settings = SETTINGS
    running: bool = True
    streams: Streams = field(default_factory=Streams)
    fresh: Freshness = field(default_factory=Freshness)
    trades: dict[str, Trade] = field(default_factory=dict)

    def freshness(self, key: Key) -> Freshness:
        return self.fresh

    def newest_trade(self, symbol: str) -> Trade | None:
        return self.trades.get(symbol)

    def status(self) -> DeskStatus:
        return DeskStatus(source="REPLAY", problem="It is away.")


def trade(symbol: str, price: float, ts_ms: int) -> Trade:
    return Trade(symbol, 1, 1, ts_ms, price, 1.0, False)


def test_pairs_are_those_of_the_list_and_of_the_settings_by_their_presets_and_the_fee(store: TradeStore) -> None:
    mark(store, WatchedPair("ETHUSDT", "BTCUSDT"), True)
    assert survey_of(Collecting(store)).keys() == [
        PAIR, Key("SOLUSDT", "BTCUSDT", Params(300, "classic", fee_bps=4.0)),
    ]  # fmt: skip


def test_prices_are_of_both_legs_now_or_none(store: TradeStore) -> None:
    collecting = Collecting(store)
    prices = survey_of(collecting).prices
    collecting.trades = {"ETHUSDT": trade("ETHUSDT", 3_400.0, 9)}
    assert prices(PAIR) is None
    collecting.trades["BTCUSDT"] = trade("BTCUSDT", 64_000.0, 8)
    assert prices(PAIR) == (3_400.0, 64_000.0, 8)
    for fresh in (Freshness(reason="No data."), Freshness(5, ("BTCUSDT",))):
        collecting.fresh = fresh
        assert prices(PAIR) is None


def test_ages_are_those_of_the_streams_while_it_runs(store: TradeStore) -> None:
    collecting = Collecting(store)
    survey = survey_of(collecting)
    assert survey.ages() == {"ETHUSDT": 0.5, "BTCUSDT": None}
    assert (survey.watermark_ms(), survey.source(), survey.problem()) == (77, "REPLAY", "It is away.")
    collecting.running = False
    assert survey.ages() == {}
