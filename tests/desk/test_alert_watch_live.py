"""The watch: live z, silence and losses, which nobody tells it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from core.alerts import AlertRule
from core.types import Gap
from storage.sqlite import TradeStore
from tests.desk.alerting import BAR_MS, BEGIN_MS, PAIR, Desk, World, row


def live(desk: Desk, z: float, at: int) -> list[str]:
    desk.world.prices[PAIR] = (math.exp(z), 1.0, BEGIN_MS + at)
    return desk.turn()


def test_a_live_z_is_scored_with_the_newest_look_and_told_once_an_excursion(store: TradeStore) -> None:
    store.put_looks([row(-1)])
    desk = Desk(store, AlertRule("live_z", level=2.0, rearm=1.0))
    told = [live(desk, z, i) for i, z in enumerate([1.9, 2.1, 1.9, 2.2, 0.5, -2.5])]
    assert [len(t) for t in told] == [0, 1, 1, 1, 1, 2]
    assert told[-1][0].startswith("ETHUSDT/BTCUSDT 1m: LIVE z = +2.10 has reached ±2 at 2023-11-14 22:14:00 UTC.")
    assert "the verdict waits for the candle" in told[-1][0]
    desk.born()
    assert len(live(desk, -2.6, 9)) == 2  # still the same excursion


def test_a_live_z_is_not_scored_with_a_look_of_long_ago(store: TradeStore) -> None:
    store.put_looks([row(-700)])  # off for a night: the prices are of now, the newest fit is of yesterday
    desk = Desk(store, AlertRule("live_z", level=2.0, rearm=1.0))
    assert live(desk, 3.0, 0) == []
    desk.watch.hear(PAIR, row(-500))  # what is owed since is said first
    assert live(desk, 3.0, 1) == []
    desk.watch.hear(PAIR, row(-1))
    assert len(live(desk, 3.0, 2)) == 1  # and the rule was not used up by then


def test_a_look_scores_live_prices_until_two_timeframes_after_its_candle(store: TradeStore) -> None:
    store.put_looks([row(-1)])
    desk = Desk(store, AlertRule("live_z", level=2.0, rearm=1.0))
    assert live(desk, 3.0, 2 * BAR_MS + 1) == []
    desk.world.watermark_ms = BEGIN_MS + 2 * BAR_MS + 1
    assert live(desk, 3.0, 2 * BAR_MS) == []  # the older leg's trade does not make the candle younger
    desk.world.watermark_ms = 0
    assert len(live(desk, 3.0, 2 * BAR_MS)) == 1


def test_the_time_that_confirming_takes_makes_no_look_old(store: TradeStore) -> None:
    store.put_looks([row(-1)])
    desk = Desk(store, AlertRule("live_z", level=2.0, rearm=1.0), world=World(grace_ms=BAR_MS))
    assert live(desk, 3.0, 3 * BAR_MS + 1) == []
    assert len(live(desk, 3.0, 3 * BAR_MS)) == 1


def test_a_look_gone_through_again_does_not_take_the_newest_ones_place(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("live_z", level=2.0, rearm=1.0))
    desk.watch.hear(PAIR, row(1))
    desk.watch.hear(PAIR, replace(row(0), resid_sd=0.1))  # its fit would make 30 of 3
    assert "z = +3.00" in live(desk, 3.0, 2 * BAR_MS)[0]


def test_a_thousand_live_crossings_are_one_alert_an_excursion(store: TradeStore) -> None:
    store.put_looks([row(-1)])
    desk = Desk(store, AlertRule("live_z", level=2.0, rearm=1.0))
    rng = np.random.default_rng(5)
    noisy, calm = 2.0 + rng.normal(0, 0.25, 2_200), rng.normal(0, 0.2, 20)
    z = np.concatenate([noisy, calm, -noisy])
    assert (np.abs(np.diff(np.sign(np.abs(z) - 2.0))) == 2).sum() > 2_000  # crossings, up and down
    for at, value in enumerate(z.tolist()):
        desk.world.prices[PAIR] = (math.exp(value), 1.0, BEGIN_MS + at)
        desk.watch.turn()
    assert len(desk.turn()) == 2


def test_prices_that_are_not_of_this_moment_say_nothing(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("live_z", level=2.0, rearm=1.0))
    live(desk, 3.0, 0)  # no look yet: nothing to score with
    assert desk.turn() == []
    store.put_looks([replace(row(-1), resid_sd=math.nan)])
    assert live(desk, 3.0, 1) == []


def test_silence_is_told_once_an_outage_and_after_a_start_only_when_it_lasts(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("stale"))

    def at(seconds: float, **ages: float | None) -> list[str]:
        desk.seconds, desk.world.ages, desk.world.clock_ms = seconds, ages, BEGIN_MS + int(1000 * seconds)
        return desk.turn()

    assert at(0, BTCUSDT=None, ETHUSDT=0.2) == []
    assert at(15.1, BTCUSDT=None, ETHUSDT=0.2) == []  # no trade since the start; who else is it?
    thin = "The feed is stale: no trade of BTCUSDT for over 15 s (1 of 2 streams)."
    assert at(25.1, BTCUSDT=None, ETHUSDT=0.2) == [thin]
    dead = "The feed is stale: no trade of ETHUSDT, BTCUSDT for over 15 s (2 of 2 streams)."
    assert at(60, BTCUSDT=None, ETHUSDT=15.5) == [thin, dead]  # it dies while one is silent anyway
    desk.world.ages = {"BTCUSDT": None, "ETHUSDT": None}
    desk.born()  # in the middle of it
    assert at(61, BTCUSDT=None, ETHUSDT=None) == [thin, dead]
    assert at(90, BTCUSDT=None, ETHUSDT=None) == [thin, dead]
    at(92, BTCUSDT=1.0, ETHUSDT=0.2)
    assert len(at(99, BTCUSDT=15.5, ETHUSDT=15.5)) == 3
    at(100)  # stopped by hand: no outage
    assert len(at(200)) == 3


def test_a_symbol_streamed_again_is_waited_for_from_then_on(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("stale"))

    def at(seconds: float, **ages: float | None) -> list[str]:
        desk.seconds, desk.world.ages, desk.world.clock_ms = seconds, ages, BEGIN_MS + int(1000 * seconds)
        return desk.turn()

    at(0, BTCUSDT=0.1, ETHUSDT=None)  # a thin one that never spoke
    at(5, BTCUSDT=0.1)  # dropped
    at(600, BTCUSDT=0.1, ETHUSDT=None)  # and streamed again
    assert at(612, BTCUSDT=0.1, ETHUSDT=None) == []
    assert len(at(626, BTCUSDT=0.1, ETHUSDT=None)) + len(at(637, BTCUSDT=0.1, ETHUSDT=None)) == 1


def test_silence_of_a_strangers_leg_does_not_concern_a_pairs_rule(store: TradeStore) -> None:
    desk = Desk(store, AlertRule("stale", pair=PAIR.pair))
    desk.world.ages = {"SOLUSDT": 99.0, "BTCUSDT": 1.0, "ETHUSDT": 1.0}
    assert desk.turn() == []


def test_trades_lost_after_a_rule_was_made_are_told_once_together(store: TradeStore) -> None:
    def lose(symbol: str, n: int) -> None:
        store.put_gap(Gap(symbol, n, n + 5, BEGIN_MS + n * 1000, BEGIN_MS + n * 1000 + 900, "lost"))
        store.flush()

    lose("BTCUSDT", 1)
    desk = Desk(store, AlertRule("gap"))
    assert desk.turn() == []
    lose("BTCUSDT", 10)
    lose("ETHUSDT", 11)
    told = desk.turn()
    assert told == [
        "Trades of BTCUSDT, ETHUSDT are lost: 2 stretches from 2023-11-14 22:14:10 UTC to 2023-11-14 22:14:11 UTC"
        " could not be fetched again. The candles they touch are in no statistic."
    ]
    desk.born()
    assert desk.turn() == told
    lose("ETHUSDT", 20)
    desk.world.clock_ms += 1
    assert len(desk.turn()) == 2
