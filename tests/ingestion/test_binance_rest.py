"""REST answers as values: the exchange's own rows, and bodies that are not its own."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadFrame
from ingestion import binance_rest as answers

MINUTE_MS = 60_000
OPEN_MS = 1_791_382_920_000
KLINE = [OPEN_MS, "83137.90", "83155.70", "83082.90", "83084.90", "102.437", OPEN_MS + 59_999, "8514292.61220", 4409,
         "49.832", "4141805.93340", "0"]  # fmt: skip
FILTERS: list[dict[str, object]] = [
    {"filterType": "MIN_NOTIONAL", "notional": "50"},
    {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95", "multiplierDecimal": "4"},
    {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
    {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "120"},
    {"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "556.80", "maxPrice": "4529764"},
    {"filterType": "MAX_NUM_ORDERS", "limit": 200},
]
SYMBOL = {
    "symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING", "baseAsset": "BTC",
    "quoteAsset": "USDT", "onboardDate": 1569398400000, "pricePrecision": 2, "filters": FILTERS,
}  # fmt: skip


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def kline(**changes: object) -> list[object]:
    names = ["open_ms", "open", "high", "low", "close", "volume", "close_ms", "quote", "trades"]
    row = list(KLINE)
    for name, value in changes.items():
        row[names.index(name)] = value
    return row


def test_a_kline_becomes_a_candle_field_by_field() -> None:
    found = answers.candles("BTCUSDT", 60, body([KLINE]), OPEN_MS + 63_000)
    assert (found.symbol, found.timeframe_s, found.open_ms.tolist()) == ("BTCUSDT", 60, [OPEN_MS])
    assert (found.open[0], found.high[0], found.low[0], found.close[0]) == (83137.9, 83155.7, 83082.9, 83084.9)
    assert (found.volume[0], found.trade_count[0], found.provenance[0]) == (102.437, 4409, "kline")


@pytest.mark.parametrize(("late_ms", "count"), [(59_999, 0), (60_000, 0), (62_999, 0), (63_000, 1)])
def test_the_open_bar_and_one_not_yet_settled_are_left_out(late_ms: int, count: int) -> None:
    assert len(answers.candles("BTCUSDT", 60, body([KLINE]), OPEN_MS + late_ms)) == count


def test_a_bar_without_trades_is_no_candle() -> None:
    empty = kline(volume="0", trades=0)
    assert len(answers.candles("BTCUSDT", 60, body([empty]), OPEN_MS + 10 * MINUTE_MS)) == 0


@pytest.mark.parametrize(
    "rows",
    [[kline(open="nan")], [kline(low="-1")], [kline(volume="inf")], [KLINE, KLINE], [kline(open="much")], [["1"]]],
)
def test_bars_that_cannot_be_are_refused_as_a_whole(rows: list[object]) -> None:
    with pytest.raises(BadFrame):
        answers.candles("BTCUSDT", 60, body(rows), OPEN_MS + 10 * MINUTE_MS)


def test_filters_are_found_by_name_in_any_order() -> None:
    info = answers.symbols(body({"symbols": [SYMBOL]}))["BTCUSDT"]
    assert (info.tick_size, info.step_size, info.min_qty, info.min_notional) == (0.1, 0.001, 0.001, 50)
    assert (info.status, info.contract_type, info.base, info.quote) == ("TRADING", "PERPETUAL", "BTC", "USDT")


@pytest.mark.parametrize(
    ("market", "most"),
    [("120", 120), ("5000", 1000), ("0", 1000), (None, 1000)],
    ids=["less", "more", "none", "absent"],
)
def test_the_most_that_can_be_ordered_is_that_of_takers(market: str | None, most: float) -> None:
    others = [one for one in FILTERS if one["filterType"] != "MARKET_LOT_SIZE"]
    added: list[dict[str, object]] = (
        [{"filterType": "MARKET_LOT_SIZE", "stepSize": "0", "maxQty": market}] if market else []
    )
    info = answers.symbols(body({"symbols": [SYMBOL | {"filters": others + added}]}))["BTCUSDT"]
    assert (info.max_qty, info.step_size) == (most, 0.001)


def test_a_contract_that_cannot_be_sized_is_left_out() -> None:
    assert answers.symbols(body({"symbols": [SYMBOL | {"filters": FILTERS[1:]}]})) == {}


def test_one_odd_contract_does_not_hide_the_others() -> None:
    odd = [{"symbol": "BARE"}, SYMBOL | {"filters": [{"tickSize": "x"}]}, None, SYMBOL | {"symbol": 7}]
    fine = SYMBOL | {"symbol": "NEWUSDT", "onboardDate": None, "contractType": None, "unknown": {"deep": [1]}}
    found = answers.symbols(body({"symbols": [*odd, SYMBOL, fine]}))
    assert list(found) == ["BTCUSDT", "NEWUSDT"]
    assert (found["NEWUSDT"].contract_type, found["NEWUSDT"].onboard_ms) == ("", 0)
    assert answers.funding_hours(body([{"symbol": None}, {"symbol": "B"}])) == {"B": 8}
    with pytest.raises(BadFrame):
        answers.symbols(body({"symbols": [{"symbol": "BARE"}]}))


def test_a_numbering_may_begin_at_zero_and_a_row_may_come_twice() -> None:
    first = {"a": 0, "p": "1", "q": "1", "f": 0, "l": 0, "T": OPEN_MS, "m": False}
    second = first | {"a": 1, "f": 1, "l": 3}
    assert answers.aggregates("BTCUSDT", body([second, first, first])).first_id.tolist() == [0, 1]
    trade = {"id": 0, "price": "1", "qty": "1", "time": OPEN_MS, "isBuyerMaker": True}
    assert answers.trades("BTCUSDT", body([trade, trade | {"id": 1}])).trade_id.tolist() == [0, 1]


def test_a_funding_rate_may_be_a_number_and_an_odd_one_does_not_hide_the_others() -> None:
    row = {
        "symbol": "A",
        "markPrice": "1",
        "indexPrice": "1",
        "nextFundingTime": 1,
        "time": 2,
        "lastFundingRate": "-1E-4",
    }
    rows = [row, row | {"symbol": "B", "lastFundingRate": 0.0001}, row | {"symbol": "C", "lastFundingRate": ""}]
    odd = [row | {"symbol": "D", "lastFundingRate": "much"}, row | {"symbol": "E", "lastFundingRate": None}]
    found = {mark.symbol: mark.funding_rate for mark in answers.marks(body([*rows, *odd]))}
    assert found == {"A": -0.0001, "B": 0.0001, "C": 0.0}


def test_aggregates_keep_both_trade_ids_and_come_out_in_order() -> None:
    row = {"a": 3477383749, "p": "84142.00", "q": "2.385", "nq": "2.385", "f": 8152225663, "l": 8152225685,
           "T": 1791354115634, "m": False}  # fmt: skip
    empty = row | {"a": 3477383748, "f": 8152225660, "l": 8152225662, "q": "0"}
    found = answers.aggregates("BTCUSDT", body([row, empty]))
    assert found.record_id.tolist() == [3477383748, 3477383749]
    assert found.priced.tolist() == [False, True]
    ticks = found.trades()
    assert (ticks.first_id.tolist(), ticks.trade_id.tolist(), ticks.qty.tolist()) == (
        [8152225663],
        [8152225685],
        [2.385],
    )


def test_single_trades_are_read_under_their_long_names() -> None:
    row = {"id": 28457, "price": "4.00000100", "qty": "12.00000000", "quoteQty": "48.00", "time": 1499865549590,
           "isBuyerMaker": True, "isRPITrade": True}  # fmt: skip
    ticks = answers.trades("BTCUSDT", body([row | {"id": 28459}, row, row | {"id": 28458, "qty": "0"}]))
    assert (ticks.trade_id.tolist(), ticks.first_id.tolist()) == ([28457, 28459], [28457, 28459])
    assert (ticks.price[0], ticks.qty[0], ticks.ts_ms[0], ticks.buyer_is_maker[0]) == (
        4.000001,
        12.0,
        1499865549590,
        True,
    )


def test_marks_and_tickers_are_read() -> None:
    premium = {"symbol": "BTCUSDT", "markPrice": "84141.40000000", "indexPrice": "84182.79282609",
               "estimatedSettlePrice": "84290.32607029", "lastFundingRate": "-0.00004200",
               "interestRate": "0.00010000", "nextFundingTime": 1791360000000, "time": 1791354113000}  # fmt: skip
    (mark,) = answers.marks(body([premium]))
    assert (mark.mark, mark.index, mark.funding_rate, mark.next_funding_ms) == (
        84141.4,
        84182.79282609,
        -4.2e-05,
        1791360000000,
    )
    ticker = {"symbol": "BTCUSDT", "priceChangePercent": "-3.470", "count": 3540550,
              "quoteVolume": "14378633588.65", "firstId": 8150081128, "lastId": 8153633360}  # fmt: skip
    (day,) = answers.tickers(body([ticker]))
    assert (day.symbol, day.trades, day.quote_volume) == ("BTCUSDT", 3540550, 14378633588.65)


def test_funding_intervals_are_read_by_symbol_and_unknown_times_do_not_matter() -> None:
    rows = [{"symbol": "LPTUSDT", "fundingIntervalHours": 4, "updateTime": None}, {"symbol": "BTCUSDT"}]
    assert answers.funding_hours(body(rows)) == {"LPTUSDT": 4, "BTCUSDT": 8}


@pytest.mark.parametrize("hours", [0, None, -8])
def test_hours_of_funding_that_cannot_be_are_neither_the_usual_ones_nor_none_at_all(hours: int | None) -> None:
    listed = answers.funding_hours(body([{"symbol": "LPTUSDT", "fundingIntervalHours": hours}]))
    assert listed == {"LPTUSDT": 0}  # listed, and not known


def test_the_exchanges_own_refusals_are_told_from_other_bodies() -> None:
    assert answers.failure(b'{"code":-1121,"msg":"Invalid symbol."}') == (-1121, "Invalid symbol.")
    assert answers.failure(b"<html>") is None


READERS: list[Callable[[bytes], object]] = [
    answers.server_ms,
    answers.symbols,
    answers.marks,
    answers.funding_hours,
    answers.tickers,
    lambda text: answers.candles("X", 60, text, 0),
    lambda text: answers.aggregates("X", text),
    lambda text: answers.trades("X", text),
]
KEYS = ["a", "p", "q", "f", "l", "T", "m", "id", "price", "qty", "time", "isBuyerMaker", "symbols", "symbol",
        "markPrice", "indexPrice", "nextFundingTime", "lastFundingRate"]  # fmt: skip
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["1", "nan"])
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=9),
    max_leaves=15,
)


@settings(deadline=None)
@given(st.binary(max_size=40) | values.map(lambda value: json.dumps(value).encode()), st.sampled_from(READERS))
def test_no_body_raises_anything_but_bad_frame(text: bytes, read: Callable[[bytes], object]) -> None:
    try:
        read(text)
    except BadFrame:
        return
