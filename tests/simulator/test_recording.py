"""A recording that others made is read for what it is, or refused with the line that is wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import SettingsError
from simulator.clock import AS_FAST_AS_POSSIBLE
from simulator.recording import read_recording, recording_of
from simulator.records import Quote, Record
from simulator.running import SimulatedExchange
from tests.simulator.clients import Client, rows

HEADER = "trade_time_ms,symbol,trade_id,price,quantity,buyer_is_maker,trade_type,event_time_ms,recv_time_ns"
T = 1_721_347_020_000  # a whole minute


def line(number: int | str, price: str = "100.5", qty: str = "2", kind: str = "MARKET", at: int | str = T) -> str:
    return f"{at},BTCUSDT,{number},{price},{qty},true,{kind},{at},"


def message(**changed: object) -> str:
    data: dict[str, object] = {"e": "trade", "E": T, "T": T, "s": "BTCUSDT", "t": 7, "p": "100.5", "q": "2", "m": True}
    return json.dumps({"stream": "btcusdt@trade", "data": data | changed})


def written(folder: Path, *lines: str, end: str = "\n") -> Path:
    path = folder / "recording"
    path.write_bytes((end.join(lines) + end).encode())
    return path


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (line(8, price="abc"), "price"),
        (line(8, price="1_000"), "price"),
        (line(8, price="-1"), "price"),
        (line(8, price="nan"), "price"),
        (line(8, price="1000000000.00000001"), "digits"),
        (line(8, qty="1e99"), "quantity"),
        (line("-8"), "trade_id"),
        (line(2**53), "trade_id"),
        (line(8, at="yesterday"), "trade_time_ms"),
        (line(8, at="9" * 25), "trade_time_ms"),
        (line(8, kind="a kind"), "type"),
        (line(8, price="1" * 200_000), "field"),
        (line(8)[:20], "2 fields"),
        (line(8).replace("BTCUSDT", "btcusdt"), "upper case"),
    ],
)
def test_a_bad_line_of_a_tick_csv_is_named(tmp_path: Path, bad: str, word: str) -> None:
    with pytest.raises(SettingsError, match=f"broken at line 4: .*{word}"):
        read_recording(written(tmp_path, HEADER, line(6), line(7), bad))


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (message()[:-20], "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1]", "not a JSON object"),
        (message(t=8.5), "t must be"),
        (message(p=None), "p must be"),
        (message(m="false"), "m must be"),
        ('{"symbol":"BTCUSDT","ts":1765788195443,"price":1,"size":1}', "ts must be a time"),
    ],
)
def test_a_bad_line_of_messages_is_named(tmp_path: Path, bad: str, word: str) -> None:
    with pytest.raises(SettingsError, match=f"broken at line 2: .*{word}"):
        read_recording(written(tmp_path, message(), bad))


def test_a_damaged_archive_and_another_format_are_refused_in_a_sentence(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress((HEADER + "\n" + line(7)).encode()))
    damaged[15:25] = bytes(10)
    (tmp_path / "damaged.csv.gz").write_bytes(damaged)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_recording(tmp_path / "damaged.csv.gz")
    with pytest.raises(SettingsError, match="broken at line 1: it must name the columns"):
        read_recording(written(tmp_path, "open_time_ms,symbol,open,high,low,close,volume", "1,BTCUSDT,1,1,1,1,1"))
    with pytest.raises(SettingsError, match="holds no trades"):
        read_recording(written(tmp_path, HEADER, line(7, "0", "0", "NA")))


def test_line_ends_blank_lines_and_exponents_of_other_recorders_are_read(tmp_path: Path) -> None:
    found = read_recording(written(tmp_path, HEADER, "", line(7), "  ", line(8, "1.5e-05"), line("", "3"), end="\r\n"))
    assert [(r.id, r.price) for r in found.records] == [(7, "100.5"), (8, "0.000015"), (9, "3")]


QUOTE = {"e": "bookTicker", "u": 5, "s": "BTCUSDT", "b": "1.10", "B": 2.50, "T": T, "E": T}


@pytest.mark.parametrize(
    "of",
    [
        lambda d, name: json.dumps({"stream": name, "data": d}, separators=(" , ", " : ")),
        lambda d, name: json.dumps({"data": d, "stream": name}),
        lambda d, name: json.dumps({"ts": 1.5, "stream": name, "data": d, "recv_ns": 7}),
        lambda d, name: json.dumps({"note": '"data":{}', "stream": name, "data": d}, indent=None),
    ],
    ids=["spaces", "payload first", "more keys", "a text like a key"],
)
def test_messages_are_read_however_their_envelope_is_written(tmp_path: Path, of: Callable[[object, str], str]) -> None:
    trade = json.loads(message())["data"]
    lines = (of(trade, "btcusdt@trade"), of(QUOTE, "btcusdt@bookTicker"), of(trade | {"t": 8}, "btcusdt@trade"))
    first, quote, last = read_recording(written(tmp_path, *lines)).items
    assert (getattr(first, "id", 0), getattr(last, "id", 0)) == (7, 8)
    assert isinstance(quote, Quote)
    assert (quote.stream, json.loads(quote.data)) == ("btcusdt@bookTicker", QUOTE)


def test_a_bare_message_may_carry_the_recorders_own_time(tmp_path: Path) -> None:
    bare = json.loads(message())["data"] | {"ts": "yesterday"}
    assert read_recording(written(tmp_path, json.dumps(bare))).records[0].id == 7


def test_what_the_exchange_tells_of_itself_is_not_told_twice(tmp_path: Path) -> None:
    aggregate = {"e": "aggTrade", "E": T, "a": 1, "s": "BTCUSDT", "p": "9", "q": "9", "f": 7, "l": 7, "T": T, "m": True}
    recorded = json.dumps({"stream": "btcusdt@aggTrade", "data": aggregate})
    found = read_recording(written(tmp_path, message(), recorded, message(t=8)))
    assert [type(item) for item in found.items] == [Record, Record]


def test_a_tick_csv_written_by_pandas_is_read(tmp_path: Path) -> None:
    rows = [HEADER.replace(",", ", "), f"{T}, BTCUSDT, 7.0, 100.5, 2, True, MARKET, {T}.0, "]
    (found,) = read_recording(written(tmp_path, *rows)).records
    assert (found.symbol, found.id, found.event_ms, found.buyer_is_maker) == ("BTCUSDT", 7, T, True)


def test_other_kinds_of_records_and_contracts_without_a_trade_go_out_as_recorded() -> None:
    records = [
        Record("BTCUSDT", 1, T, T, "100", "1", "MARKET", True),
        Record("BTCUSDT", 2, T, T, "101", "1", "RPI", True),
        Record("ETHUSDT", 1, T, T, "0", "0", "NA", True),
    ]
    with (
        SimulatedExchange.replaying(recording_of(records), speed=AS_FAST_AS_POSSIBLE) as exchange,
        Client(exchange.ws_url + "/public/stream?streams=btcusdt@trade/ethusdt@trade") as c,
    ):
        assert [m["data"]["X"] for m in c.read_many(3)] == ["MARKET", "RPI", "NA"]
        assert exchange.finished.wait(20)
        assert [r.kind for r in exchange.truth("BTCUSDT")] == ["MARKET", "RPI"]
        assert rows(exchange.rest_url, "klines", symbol="ETHUSDT", interval="1m") == []


def test_the_truth_counts_a_doubled_record_once_and_goes_by_ids_not_by_arrival() -> None:
    at = {11: "101", 10: "100", 12: "102", 14: "104", 13: "103"}
    records = [Record("BTCUSDT", n, T + n, T + 20, price, "1", "MARKET", True) for n, price in at.items()]
    with (
        SimulatedExchange.replaying(recording_of([*records, *records]), speed=AS_FAST_AS_POSSIBLE) as exchange,
        Client(exchange.ws_url + "/public/ws/btcusdt@trade") as c,
    ):
        assert len(c.read_many(10)) == 10
        assert exchange.finished.wait(20)
        (bar,) = rows(exchange.rest_url, "klines", symbol="BTCUSDT", interval="1m")
    assert [float(text) for text in bar[1:6]] == [100, 104, 100, 104, 5]
    assert bar[8] == 5


def test_an_aggregate_never_reaches_over_an_id_that_was_not_recorded() -> None:
    records = [Record("BTCUSDT", n, T, T, "100", "1", "MARKET", True) for n in (1, 2, 5, 6)]
    with SimulatedExchange.replaying(recording_of(records), speed=AS_FAST_AS_POSSIBLE) as exchange:
        with Client(exchange.ws_url + "/public/ws/btcusdt@trade"):
            assert exchange.finished.wait(20)
        answered = rows(exchange.rest_url, "aggTrades", symbol="BTCUSDT")
    assert [(row["f"], row["l"]) for row in answered] == [(1, 2), (5, 6)]


def test_many_digits_and_great_quantities_are_counted_exactly() -> None:
    price, qty = "60000.12345678", "999999999"
    records = [Record("BTCUSDT", n, T + n, T + n, price, qty, "MARKET", False) for n in range(1, 51)]
    with SimulatedExchange.replaying(recording_of(records), speed=AS_FAST_AS_POSSIBLE) as exchange:
        with Client(exchange.ws_url + "/public/ws/btcusdt@trade"):
            assert exchange.finished.wait(20)
        for interval in ("1m", "1d"):
            (bar,) = rows(exchange.rest_url, "klines", symbol="BTCUSDT", interval=interval)
            assert (bar[1], bar[5], bar[7]) == (price, "49999999950.000", f"{Decimal(price) * 50 * Decimal(qty):.11f}")
        assert rows(exchange.rest_url, "ticker/24hr", symbol="BTCUSDT")["quoteVolume"] == bar[7]


def test_zeros_that_a_recorder_appended_do_not_make_the_price_finer(tmp_path: Path) -> None:
    (found,) = read_recording(written(tmp_path, HEADER, line(7, price="63943.90000000"))).instruments
    assert found.price_decimals == 2
