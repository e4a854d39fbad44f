"""The seeded market: one truth for bars and prints, the same for every asker, with the relations that it promises."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from statsmodels.tsa.stattools import coint

from core.types import Floats
from simulator.bars import DAY_MS, HOUR_MS, MINUTE_MS, Bars
from simulator.clock import ExchangeClock
from simulator.exchange import Exchange
from simulator.klines import bars_of
from simulator.market import Market, MarketPlan
from simulator.records import Record
from simulator.scenarios import SCENARIOS
from simulator.universe import listings

START_MS = 1_795_171_234_567  # in the middle of a minute
PLAN = MarketPlan(seed=5, past_minutes=4)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(PLAN, START_MS)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange(Market(PLAN, START_MS), ExchangeClock(START_MS))


def same(a: Bars, b: Bars) -> None:
    for f in fields(Bars):
        assert_array_equal(getattr(a, f.name), getattr(b, f.name), err_msg=f.name)


def log_closes(market: Market, symbol: str, minutes: int, every: int = 1) -> Floats:
    """Closes of every ``every``-th minute up to the start; a minute without a trade keeps the last close."""
    end = START_MS // MINUTE_MS * MINUTE_MS
    bars = market.history.minutes(symbol, end - minutes * every * MINUTE_MS, end)
    at = np.searchsorted(bars.open_ms, end - (np.arange(minutes)[::-1] * every + 1) * MINUTE_MS, side="right") - 1
    closes: Floats = np.log(bars.close[np.maximum(at, 0)].astype(float))
    return closes


def test_the_prints_of_a_minute_add_up_to_its_bar_in_every_field(exchange: Exchange) -> None:
    market = exchange.source
    assert isinstance(market, Market)
    end = START_MS // MINUTE_MS * MINUTE_MS
    for i in market.instruments:
        same(
            exchange.tapes[i.symbol].minutes(market.past_start_ms, end),
            market.history.minutes(i.symbol, market.past_start_ms, end),
        )


def test_ids_are_consecutive_and_times_never_step_back(exchange: Exchange) -> None:
    kinds: Counter[str] = Counter()
    for i in exchange.source.instruments:
        records = exchange.tapes[i.symbol].records()
        assert [r.id for r in records] == list(range(records[0].id, records[0].id + len(records)))
        assert all(a.trade_ms <= b.trade_ms for a, b in pairwise(records))
        kinds.update(r.kind for r in records)
        for r in records:
            assert (r.price == r.qty == "0") == (r.kind == "NA")
    assert 0.001 < kinds["NA"] / kinds.total() < 0.01


def test_records_arrive_by_event_time_across_symbols_and_shortly_after_their_trade() -> None:
    market = Market(PLAN, START_MS)
    list(market.past())
    records = [r for step in range(1, 41) for r in market.take(START_MS + step * 1000, 10**6)]
    assert all(a.event_ms <= b.event_ms for a, b in pairwise(records))
    assert all(0 <= r.event_ms - r.trade_ms <= 8 for r in records)
    assert all(START_MS < r.event_ms <= START_MS + 40_000 for r in records)


def test_a_taker_buys_at_the_ask_and_sells_at_the_bid(market: Market) -> None:
    records = [r for r in Market(PLAN, START_MS).past() if r.kind == "MARKET"]
    digits = {i.symbol: i.price_decimals for i in market.instruments}
    for r in records[:5000]:
        quote = market.quote(r.symbol, r.trade_ms)
        assert quote is not None
        assert round(float(r.price) * 10 ** digits[r.symbol]) == quote[0 if r.buyer_is_maker else 1]


def test_how_the_clock_is_stepped_changes_nothing() -> None:
    fine, coarse = Market(PLAN, START_MS), Market(PLAN, START_MS)
    list(fine.past())
    list(coarse.past())
    small: list[Record] = []
    for now in range(START_MS, START_MS + 30_000, 37):
        while more := fine.take(now, 7):
            small += more
    assert small == coarse.take(START_MS + 29_999 // 37 * 37, 10**9)


def test_a_market_started_later_remembers_what_an_earlier_one_sent() -> None:
    earlier, later = Market(PLAN, START_MS), Market(PLAN, START_MS + 90_000_000)
    list(earlier.past())
    sent = earlier.take(START_MS + 3 * MINUTE_MS, 10**9)
    minute = START_MS // MINUTE_MS * MINUTE_MS + MINUTE_MS
    for symbol in ("BTCUSDT", "ETHUSDT", "AVAXUSDT"):
        bar = later.history.minutes(symbol, minute, minute + MINUTE_MS)
        trades = [
            r for r in sent if r.symbol == symbol and r.kind == "MARKET" and minute <= r.trade_ms < minute + MINUTE_MS
        ]
        assert bar.count.tolist() == [len(trades)]
        assert (
            later.history.id_at(symbol, minute)
            <= trades[0].id
            == earlier.history.id_at(symbol, minute) + (trades[0].id - later.history.id_at(symbol, minute))
        )
        digits = next(i.price_decimals for i in later.instruments if i.symbol == symbol)
        assert round(float(trades[-1].price) * 10**digits) == bar.close[0]


def test_seeds_differ_and_a_seed_repeats_itself() -> None:
    one, again, other = (Market(replace(PLAN, seed=s), START_MS) for s in (5, 5, 6))
    assert list(one.past()) == list(again.past())
    assert log_closes(one, "BTCUSDT", 50).tolist() != log_closes(other, "BTCUSDT", 50).tolist()


def test_coarse_bars_are_sums_of_fine_ones(exchange: Exchange) -> None:
    fine = bars_of(exchange, "SOLUSDT", "1m", 1500)
    for interval, minutes in (("5m", 5), ("15m", 15), ("1h", 60), ("4h", 240)):
        coarse = bars_of(exchange, "SOLUSDT", interval, 1500 // minutes)
        checked = 0
        for i in range(len(coarse)):
            inside = (fine.open_ms >= coarse.open_ms[i]) & (fine.open_ms < coarse.open_ms[i] + minutes * MINUTE_MS)
            if coarse.open_ms[i] < fine.open_ms[0]:
                continue
            checked += 1
            traded = fine.take(inside & (fine.count > 0))
            assert coarse.open[i] == traded.open[0]
            assert coarse.close[i] == traded.close[-1]
            assert coarse.high[i] == traded.high.max()
            assert coarse.low[i] == traded.low.min()
            for name in ("volume", "quote_volume", "count", "buy_volume", "buy_quote"):
                assert getattr(coarse, name)[i] == getattr(traded, name).sum()
        assert checked >= 1500 // minutes - 1


def test_history_reaches_back_half_a_year_and_ends_with_the_open_bar(exchange: Exchange) -> None:
    hours = bars_of(exchange, "ETHUSDT", "1h", 200, start_ms=START_MS - 180 * DAY_MS)
    assert len(hours) == 200
    assert_array_equal(np.diff(hours.open_ms), HOUR_MS)
    newest = bars_of(exchange, "ETHUSDT", "1h", 3)
    assert newest.open_ms[-1] == START_MS // HOUR_MS * HOUR_MS


def test_a_minute_without_a_trade_is_flat_at_the_close_before(exchange: Exchange) -> None:
    bars = bars_of(exchange, "币安人生USDT", "1m", 1500)
    assert_array_equal(np.diff(bars.open_ms), MINUTE_MS)
    empty = np.flatnonzero(bars.count == 0)
    assert len(empty) > 50
    for name in ("open", "high", "low", "close"):
        assert_array_equal(getattr(bars, name)[empty[1:]], bars.close[empty[1:] - 1])
    assert not bars.volume[empty].any()


def test_tied_pairs_are_cointegrated_and_untied_ones_are_not(market: Market) -> None:
    eth, btc = log_closes(market, "ETHUSDT", 3000), log_closes(market, "BTCUSDT", 3000)
    assert coint(eth, btc, maxlag=2, autolag=None)[1] < 0.01
    pvalues = [
        coint(log_closes(market, y, 1000), log_closes(market, x, 1000), maxlag=2, autolag=None)[1]
        for y, x in (("BNBUSDT", "BTCUSDT"), ("LINKUSDT", "BNBUSDT"), ("DOGEUSDT", "SOLUSDT"), ("LTCUSDT", "BNBUSDT"))
    ]
    assert sum(p > 0.05 for p in pvalues) >= 3


def test_returns_share_a_factor_have_fat_tails_and_cluster(market: Market) -> None:
    btc, sol, bnb = (np.diff(log_closes(market, s, 6000)) for s in ("BTCUSDT", "SOLUSDT", "BNBUSDT"))
    assert np.corrcoef(btc, sol)[0, 1] > 0.5
    assert np.corrcoef(btc, bnb)[0, 1] > 0.5
    assert np.mean((btc / btc.std()) ** 4) > 4
    size = np.abs(btc)
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.1


def test_a_pair_breaks_and_heals(market: Market) -> None:
    """Its spread strays further in the broken hours of a cycle than in the whole ones."""
    tie = next(t for t in SCENARIOS["default"].ties if t.broken_every_h)
    hours = 15 * 24
    spread = log_closes(market, tie.follower, hours, 60) - tie.slope * log_closes(market, tie.leader, hours, 60)
    last_hour = START_MS // HOUR_MS - 482_136 - 1
    phase = (last_hour - np.arange(hours)[::-1]) % tie.broken_every_h
    broken = phase > tie.broken_every_h - tie.broken_for_h + 2
    healed = (phase > 2) & (phase < tie.broken_every_h - tie.broken_for_h)
    middle = np.median(spread[healed])
    assert np.abs(spread[broken] - middle).mean() > 1.8 * np.abs(spread[healed] - middle).mean()
    assert np.std(spread[healed]) < 2 * tie.sd


def fitted(market: Market, minutes: int) -> tuple[float, float]:
    """z and Engle-Granger p of ETHUSDT on BTCUSDT, by the 1000 minutes up to so many after the start."""
    end = START_MS // MINUTE_MS * MINUTE_MS + minutes * MINUTE_MS
    y, x = (
        np.log(market.history.minutes(symbol, end - 1000 * MINUTE_MS, end).close.astype(float))
        for symbol in ("ETHUSDT", "BTCUSDT")
    )
    slope, constant = np.polyfit(x, y, 1)
    rest = y - constant - slope * x
    return float(rest[-1] / rest.std(ddof=2)), float(coint(y, x, maxlag=2, autolag=None)[1])


def test_scenarios_arrange_what_they_promise() -> None:
    looks = {
        name: [fitted(Market(replace(PLAN, scenario=SCENARIOS[name]), START_MS), k) for k in range(1, 8)]
        for name in ("tradable", "stretched", "trap", "quiet")
    }
    for name in ("tradable", "stretched"):
        assert any(2 <= abs(z) < 4 and p < 0.05 for z, p in looks[name])
        assert any(abs(z) < 1 and p < 0.05 for z, p in looks[name])
    assert all(abs(z) > 2 and p > 0.05 for z, p in looks["trap"])
    assert all(abs(z) < 2 and p < 0.05 for z, p in looks["quiet"])


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_starts_and_its_past_equals_its_bars(name: str) -> None:
    market = Market(replace(PLAN, scenario=SCENARIOS[name], past_minutes=1), START_MS)
    exchange = Exchange(market, ExchangeClock(START_MS))
    end = START_MS // MINUTE_MS * MINUTE_MS
    for symbol in ("BTCUSDT", "ETHUSDT"):
        same(
            exchange.tapes[symbol].minutes(market.past_start_ms, end),
            market.history.minutes(symbol, market.past_start_ms, end),
        )
        hours = bars_of(exchange, symbol, "1h", 100)
        assert len(hours) == (3 if name == "young" else 0 if symbol in SCENARIOS[name].silent else 100)


def test_a_hundred_contracts_have_names_of_their_own() -> None:
    market = Market(MarketPlan(listings=listings(300), past_minutes=1, rate=500), START_MS)
    assert len({i.symbol for i in market.instruments}) == 300
    assert {r.symbol for r in market.past()} > {"BTCUSDT", "ZAKOUSDT"}


def test_importing_the_market_needs_nothing_heavier_than_numpy() -> None:
    code = (
        "import simulator.market, sys; sys.exit(bool({'scipy', 'pandas', 'statsmodels', 'aiohttp'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
