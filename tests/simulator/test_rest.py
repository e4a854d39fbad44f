"""The REST side, held against the protocol note: parameters, limits, weights, error bodies, shapes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import requests

from simulator.limits import Limits
from simulator.market import MarketPlan
from simulator.recording import recording_of
from simulator.records import Record
from simulator.running import SimulatedExchange
from tests.simulator.clients import WAIT_S, Client, get, rows

T0 = 1_790_000_040_000  # a whole minute
MINUTE = 60_000
HOUR = 3_600_000


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    limits = Limits(weight_per_minute=10**9)
    plan = MarketPlan(past_minutes=3)
    with SimulatedExchange.making(
        plan, start_ms=T0 + 34_567, speed=1e-9, limits=limits
    ) as exchange:  # time stands still
        yield exchange.rest_url


def refusal(base: str, path: str, **params: object) -> tuple[int, int]:
    answer = get(base, path, **params)
    body = answer.json()
    assert list(body) == ["code", "msg"]
    return answer.status_code, body["code"]


def weight(base: str, path: str, **params: object) -> int:
    """What one request costs, by the header of the ones before and after it."""
    header = "X-MBX-USED-WEIGHT-1M"
    while True:  # again where the clock minute turned in between
        before = int(get(base, "ping").headers[header])
        answer = get(base, path, **params)
        after = int(get(base, "ping").headers[header])
        if after > before:
            assert (header in answer.headers) == (path != "fundingInfo")
            return after - before - 1


@pytest.mark.parametrize(
    ("path", "params", "cost"),
    [
        ("klines", {"limit": 100}, 1),
        ("klines", {"limit": 101}, 2),
        ("klines", {"limit": 500}, 2),
        ("klines", {"limit": 1000}, 5),
        ("klines", {"limit": 1001}, 10),
        ("klines", {}, 5),
        ("aggTrades", {}, 20),
        ("trades", {}, 5),
        ("historicalTrades", {}, 200),
        ("exchangeInfo", {}, 1),
        ("premiumIndex", {}, 1),
        ("ticker/24hr", {}, 1),
        ("time", {}, 1),
        ("fundingInfo", {}, 0),
    ],
)
def test_every_request_has_its_weight(base: str, path: str, params: dict[str, object], cost: int) -> None:
    assert weight(base, path, symbol="BTCUSDT", interval="1m", **params) == cost


def test_all_contracts_at_once_cost_more_and_wrong_requests_cost_the_same(base: str) -> None:
    assert weight(base, "premiumIndex") == 10
    assert weight(base, "ticker/24hr") == 40
    assert weight(base, "aggTrades", symbol="NOSUCH") == 20


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("klines", {"symbol": "NOSUCH", "interval": "1m"}, 400, -1121),
        ("klines", {"symbol": "BTCUSDT", "interval": "1s"}, 400, -1120),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, 400, -1120),
        ("klines", {"symbol": "BTCUSDT"}, 400, -1102),
        ("klines", {"interval": "1m"}, 400, -1102),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1501}, 400, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 0}, 400, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "x"}, 400, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "9" * 5000}, 400, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": 2, "endTime": 1}, 400, -1023),
        ("aggTrades", {"symbol": "BTCUSDT", "limit": 1001}, 400, -1130),
        ("aggTrades", {"symbol": "BTCUSDT", "startTime": T0 - 10**12}, 400, -4166),
        ("aggTrades", {"symbol": "BTCUSDT", "fromId": 1}, 400, -4166),
        ("aggTrades", {"symbol": "BTCUSDT", "fromId": 1, "startTime": T0}, 400, -1128),
        ("trades", {"symbol": "BTCUSDT", "limit": 1001}, 400, -1130),
        ("trades", {"symbol": "NOSUCH"}, 400, -1121),
        ("historicalTrades", {"symbol": "BTCUSDT"}, 401, -2014),
        ("premiumIndex", {"symbol": "NOSUCH"}, 400, -1121),
        ("ticker/24hr", {"symbol": "NOSUCH"}, 400, -1121),
        ("nosuch", {}, 404, -5000),
    ],
)
def test_wrong_requests_are_refused_with_the_documented_code(
    base: str, path: str, params: dict[str, object], status: int, code: int
) -> None:
    assert refusal(base, path, **params) == (status, code)


def test_klines_have_twelve_fields_in_the_documented_types_and_the_open_bar_last(base: str) -> None:
    bars = rows(base, "klines", symbol="btcusdt", interval="1m")
    now = rows(base, "time")["serverTime"]
    assert len(bars) == 500
    assert all(b[0] == a[0] + MINUTE for a, b in pairwise(bars))
    assert bars[-1][0] <= now < bars[-1][0] + MINUTE
    for bar in bars:
        assert [type(x).__name__ for x in bar] == ["int"] + ["str"] * 5 + ["int", "str", "int", "str", "str", "str"]
        assert bar[6] == bar[0] + MINUTE - 1
        assert bar[11] == "0"
        assert len(bar[1].partition(".")[2]) == 2
        assert len(bar[5].partition(".")[2]) == 3
        assert len(bar[7].partition(".")[2]) == 5
        assert Decimal(bar[3]) <= min(Decimal(bar[1]), Decimal(bar[4])) <= Decimal(bar[2])


def test_klines_are_cut_by_start_end_and_limit(base: str) -> None:
    now = rows(base, "time")["serverTime"]
    start = now // HOUR * HOUR - 30 * HOUR

    def opened(**params: object) -> list[int]:
        return [bar[0] for bar in rows(base, "klines", symbol="ETHUSDT", interval="5m", **params)]

    five = 5 * MINUTE
    assert opened(startTime=start, limit=3) == [start, start + five, start + 2 * five]
    assert opened(startTime=start + 1, limit=1) == [start + five]
    assert opened(endTime=start, limit=2) == [start - five, start]
    assert opened(startTime=start, endTime=start + five) == [start, start + five]
    assert opened(startTime=start, endTime=start + five - 1) == [start]
    assert opened(startTime=now + HOUR) == []
    assert rows(base, "klines", symbol="ETHUSDT", interval="1M", startTime=10**16) == []  # beyond any calendar
    assert opened(endTime=10**12) == []
    assert len(opened(startTime=0, limit=1500)) == 1500


def test_long_intervals_open_where_the_exchange_opens_them(base: str) -> None:
    week = rows(base, "klines", symbol="BTCUSDT", interval="1w", limit=2)
    assert [(bar[0] // 86_400_000 + 3) % 7 for bar in week] == [0, 0]  # Mondays
    month = rows(base, "klines", symbol="BTCUSDT", interval="1M", limit=2)
    assert month[1][0] == month[0][6] + 1
    assert 28 <= (month[0][6] + 1 - month[0][0]) / 86_400_000 <= 31


def test_aggregates_are_consecutive_paged_by_id_and_cut_by_time(base: str) -> None:
    newest = rows(base, "aggTrades", symbol="ETHUSDT", limit=300)
    assert [list(row) for row in newest[:1]] == [["a", "p", "q", "nq", "f", "l", "T", "m"]]
    assert all(b["a"] == a["a"] + 1 and b["f"] > a["l"] and b["T"] >= a["T"] for a, b in pairwise(newest))
    again = rows(base, "aggTrades", symbol="ETHUSDT", fromId=newest[10]["a"], limit=50)
    assert again == newest[10:60]
    low, high = newest[50]["T"], newest[200]["T"]
    between = rows(base, "aggTrades", symbol="ETHUSDT", startTime=low, endTime=high, limit=1000)
    assert between == [row for row in newest if low <= row["T"] <= high]
    assert rows(base, "aggTrades", symbol="ETHUSDT", fromId=newest[-1]["a"] + 10**6) == []


def test_single_trades_are_the_newest_executions_under_long_names(base: str) -> None:
    newest = rows(base, "trades", symbol="ETHUSDT", limit=1000)
    assert list(newest[0]) == ["id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isRPITrade"]
    assert len(newest) == 1000
    assert all(b["id"] > a["id"] for a, b in pairwise(newest))
    assert all(Decimal(t["price"]) > 0 and Decimal(t["qty"]) > 0 for t in newest)
    assert Decimal(newest[0]["quoteQty"]) == Decimal(newest[0]["price"]) * Decimal(newest[0]["qty"])


def test_aggregates_rebuild_the_klines_of_their_minutes(base: str) -> None:
    now = rows(base, "time")["serverTime"]
    minute = now // MINUTE * MINUTE - 2 * MINUTE
    bar = rows(base, "klines", symbol="XRPUSDT", interval="1m", startTime=minute, limit=1)[0]
    got = rows(base, "aggTrades", symbol="XRPUSDT", startTime=minute - 1000, limit=1000)
    while got[-1]["T"] < minute + MINUTE:
        got += rows(base, "aggTrades", symbol="XRPUSDT", fromId=got[-1]["a"] + 1, limit=1000)
    assert sum(row["l"] - row["f"] + 1 for row in got if minute <= row["T"] < minute + MINUTE) in range(
        bar[8] - 30,
        bar[8] + 31,  # an aggregate may straddle the boundary: its time is that of its first fill
    )
    inside = [row for row in got if minute + 100 <= row["T"] < minute + MINUTE - 100]
    assert max(Decimal(row["p"]) for row in inside) <= Decimal(bar[2])
    assert min(Decimal(row["p"]) for row in inside) >= Decimal(bar[3])


def test_exchange_info_lists_what_trades_and_what_does_not(base: str) -> None:
    answer = rows(base, "exchangeInfo")
    symbols = {s["symbol"]: s for s in answer["symbols"]}
    assert symbols["BTCUSDT"]["status"] == "TRADING"
    assert {s["status"] for s in symbols.values()} >= {"TRADING", "SETTLING", "PENDING_TRADING"}
    assert {s["contractType"] for s in symbols.values()} >= {"PERPETUAL", "TRADIFI_PERPETUAL", "CURRENT_QUARTER"}
    assert "币安人生USDT" in symbols
    assert "BTCUSDT_261225" in symbols
    assert len({tuple(f["filterType"] for f in s["filters"]) for s in symbols.values()}) > 1
    filters = {f["filterType"]: f for f in symbols["BTCUSDT"]["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.10"
    assert symbols["BTCUSDT"]["pricePrecision"] == 2
    assert filters["LOT_SIZE"]["stepSize"] == "0.001"
    assert filters["MIN_NOTIONAL"]["notional"] == "50"
    assert {r["limit"] for r in answer["rateLimits"] if r["rateLimitType"] == "REQUEST_WEIGHT"} == {2400}


def test_contracts_that_never_traded_have_no_bars_and_no_trades(base: str) -> None:
    for symbol in ("XAUUSDT", "BTCUSDT_261225", "NEWUSDT"):
        assert rows(base, "klines", symbol=symbol, interval="1m") == []
        assert rows(base, "trades", symbol=symbol) == []
        assert rows(base, "aggTrades", symbol=symbol) == []
        assert rows(base, "ticker/24hr", symbol=symbol)["count"] == 0


def test_premium_and_funding_have_the_documented_fields(base: str) -> None:
    one = rows(base, "premiumIndex", symbol="BTCUSDT")
    assert list(one) == [
        "symbol", "markPrice", "indexPrice", "estimatedSettlePrice", "lastFundingRate", "interestRate",
        "nextFundingTime", "time",
    ]  # fmt: skip
    assert one["nextFundingTime"] % (8 * HOUR) == 0
    assert 0 < one["nextFundingTime"] - one["time"] <= 8 * HOUR
    assert len(rows(base, "premiumIndex")) == 12
    past = rows(base, "fundingRate", symbol="BTCUSDT", limit=3)
    assert [row["fundingTime"] for row in past] == [one["nextFundingTime"] - n * 8 * HOUR for n in (3, 2, 1)]
    hours = {row["symbol"]: row["fundingIntervalHours"] for row in rows(base, "fundingInfo")}
    assert hours["BTCUSDT"] == 8
    assert hours["LINKUSDT"] == 4
    assert {type(row["updateTime"]).__name__ for row in rows(base, "fundingInfo")} == {"int", "NoneType"}


def test_the_day_counts_what_its_minutes_count(base: str) -> None:
    day = rows(base, "ticker/24hr", symbol="SOLUSDT")
    bars = rows(base, "klines", symbol="SOLUSDT", interval="1m", startTime=day["openTime"], limit=1500)
    assert sum(bar[8] for bar in bars) == day["count"]
    assert day["lastId"] - day["firstId"] > day["count"]  # some ids are no executions
    assert Decimal(day["highPrice"]) == max(Decimal(bar[2]) for bar in bars)
    everything = rows(base, "ticker/24hr")
    assert isinstance(everything, list)
    assert {row["symbol"] for row in everything} > {"BTCUSDT", "币安人生USDT"}


def test_empty_minutes_of_a_recording_are_flat_and_the_open_one_is_listed() -> None:
    def fill(number: int, at: int, price: str) -> Record:
        return Record("BTCUSDT", number, T0 + at, T0 + at, price, "0.001", "MARKET", False)

    records = [
        fill(1, 0, "100.00"),
        fill(2, 1, "101.00"),
        fill(3, 3 * MINUTE + 5, "99.00"),
        fill(4, 3 * MINUTE + 6, "98.00"),
    ]
    with SimulatedExchange.replaying(recording_of(records), speed=float("inf")) as exchange:
        with Client(exchange.ws_url + "/public/ws/btcusdt@trade") as c:
            c.read_many(4)
            assert exchange.finished.wait(WAIT_S)
        bars = rows(exchange.rest_url, "klines", symbol="BTCUSDT", interval="1m")
        five = rows(exchange.rest_url, "klines", symbol="BTCUSDT", interval="5m")
    flat = ["101.00"] * 4 + ["0.000"]
    assert [bar[0] for bar in bars] == [T0, T0 + MINUTE, T0 + 2 * MINUTE, T0 + 3 * MINUTE]
    assert [bar[1:6] for bar in bars[1:3]] == [flat, flat]
    assert [bar[8] for bar in bars] == [2, 0, 0, 2]
    assert bars[3][1:5] == ["99.00", "99.00", "98.00", "98.00"]
    assert sum(bar[8] for bar in five) == 4


def test_too_much_weight_is_refused_then_banned() -> None:
    limits = Limits(weight_per_minute=60, refusals_before_ban=2)
    statuses: list[int] = []
    answers: list[requests.Response] = []
    with SimulatedExchange.making(MarketPlan(past_minutes=1), limits=limits) as exchange:
        while 418 not in statuses and len(statuses) < 20:
            answers.append(get(exchange.rest_url, "aggTrades", symbol="BTCUSDT"))
            statuses.append(answers[-1].status_code)
        later = get(exchange.rest_url, "ping")
    assert statuses[:3] == [200, 200, 200] or 429 in statuses  # the clock minute may have turned
    too_much = next(a for a in answers if a.status_code == 429)
    assert too_much.json()["code"] == -1003
    assert 1 <= int(too_much.headers["Retry-After"]) <= 60
    banned = answers[-1].json()
    assert (answers[-1].status_code, banned["code"]) == (418, -1003)
    assert "banned until" in banned["msg"]
    assert int(answers[-1].headers["Retry-After"]) in (119, 120)
    assert later.status_code == 418


def test_a_market_that_begins_now_keeps_the_time_of_the_wall() -> None:
    with SimulatedExchange.making(MarketPlan(rate=500.0, past_minutes=3)) as exchange:
        until = time.monotonic() + WAIT_S
        behind_ms = 1_000
        while behind_ms > 50 and time.monotonic() < until:  # at first, where the machine has other things to do
            before = time.time_ns() // 1_000_000
            told = rows(exchange.rest_url, "time")["serverTime"]
            assert told <= time.time_ns() // 1_000_000 + 50
            behind_ms = before - told
        assert behind_ms <= 50


def test_answers_are_compressed_where_the_client_asks(base: str) -> None:
    answer = requests.get(f"{base}/fapi/v1/exchangeInfo", headers={"Accept-Encoding": "gzip"}, timeout=WAIT_S)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "币安人生USDT" in answer.text
    plain: Any = requests.get(f"{base}/fapi/v1/exchangeInfo", headers={"Accept-Encoding": "identity"}, timeout=WAIT_S)
    assert "Content-Encoding" not in plain.headers


def test_what_had_to_be_forgotten_is_refused_not_denied() -> None:
    records = [
        Record("BTCUSDT", 1 + n, T0 + n * 500, T0 + n * 500, f"{100 + n % 2}.00", "0.001", "MARKET", False)
        for n in range(40_000)
    ]
    with SimulatedExchange.replaying(recording_of(records), speed=1e5) as exchange:
        exchange.exchange.kept_records = 10_000
        with Client(exchange.ws_url + "/public/ws/btcusdt@trade"):
            assert exchange.finished.wait(WAIT_S)
        kept = exchange.truth("BTCUSDT")
        assert len(kept) < 40_000
        assert kept[-1].id == 40_000
        first = rows(exchange.rest_url, "aggTrades", symbol="BTCUSDT", startTime=kept[0].trade_ms, limit=1)[0]
        assert first["f"] == kept[0].id
        assert refusal(exchange.rest_url, "aggTrades", symbol="BTCUSDT", fromId=first["a"] - 1) == (400, -4166)
        assert refusal(exchange.rest_url, "aggTrades", symbol="BTCUSDT", startTime=T0) == (400, -4166)
        assert rows(exchange.rest_url, "klines", symbol="BTCUSDT", interval="1m")[0][8] == 120
