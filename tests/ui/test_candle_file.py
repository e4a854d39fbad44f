"""Candle files: what is right comes out exactly, what is wrong is named by its line, and nothing comes out of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.candle_files import KLINE_HEADER, START_MS, kline, opens, plain, prices
from ui.candle_file import LISTED, MAX_BYTES, MAX_ROWS, read

NAME = "BTCUSDT-1m-2024-07.csv"


@pytest.mark.parametrize("header", [True, False], ids=["header", "no header"])
@pytest.mark.parametrize("timeframe_s", [1, 60, 3600])
def test_a_kline_file_comes_out_as_it_went_in(header: bool, timeframe_s: int) -> None:
    file = read(NAME, kline("BTCUSDT", 50, timeframe_s, header))
    assert file.problems == ()
    candles = file.legs["BTCUSDT"]
    assert file.timeframe_s == candles.timeframe_s == timeframe_s
    np.testing.assert_array_equal(candles.open_ms, opens(50, timeframe_s))
    rows = np.array([[float(p) for p in row] for row in prices(50)])
    for column, values in zip((candles.open, candles.high, candles.low, candles.close), rows.T, strict=True):
        np.testing.assert_array_equal(column, values)
    assert set(candles.trade_count) == {345}
    assert set(candles.provenance) == {"kline"}


def test_times_in_microseconds_are_understood() -> None:
    np.testing.assert_array_equal(read(NAME, kline("BTCUSDT", 20, per_ms=1000)).legs["BTCUSDT"].open_ms, opens(20))


def test_one_file_can_hold_both_legs() -> None:
    file = read("both.csv", plain(n=30))
    assert file.problems == ()
    assert set(file.legs) == {"ETHUSDT", "BTCUSDT"}
    assert file.rows == 60
    assert file.legs["ETHUSDT"].close[0] == float(prices(30, "ETHUSDT")[0][3])


def test_windows_line_ends_a_byte_order_mark_quotes_and_blank_lines_do_no_harm() -> None:
    text = plain(n=5).decode().replace("\n", "\r\n").replace("open_time_ms", '"open_time_ms"') + "\r\n\r\n"
    assert read("x.csv", b"\xef\xbb\xbf" + text.encode()).problems == ()


def test_bars_without_a_trade_are_no_candles_and_are_counted() -> None:
    lines = plain(("BTCUSDT",), n=10).decode().splitlines()
    lines[4] = ",".join([*lines[4].split(",")[:6], "0"])
    file = read("x.csv", "\n".join(lines).encode())
    assert file.without_trades == 1
    assert len(file.legs["BTCUSDT"]) == 9


def test_a_missing_candle_is_a_gap_and_no_problem() -> None:
    lines = plain(("BTCUSDT",), n=10).decode().splitlines()
    del lines[5]
    file = read("x.csv", "\n".join(lines).encode())
    assert file.problems == ()
    assert file.timeframe_s == 60


def cells(line: int, **changes: str) -> Callable[[], bytes]:
    """A kline file with a header and some cells of one line changed, by their column's name."""

    def make() -> bytes:
        lines = kline("BTCUSDT", 20).decode().splitlines()
        names, row = KLINE_HEADER.split(","), lines[line - 1].split(",")
        for name, text in changes.items():
            row[names.index(name)] = text
        lines[line - 1] = ",".join(row)
        return "\n".join(lines).encode()

    return make


def lines_of(change: Callable[[list[str]], object]) -> Callable[[], bytes]:
    """A plain file of one symbol whose lines were tampered with."""

    def make() -> bytes:
        lines = plain(("BTCUSDT",), n=20).decode().splitlines()
        change(lines)
        return "\n".join(lines).encode()

    return make


T7 = str(START_MS + 5 * 60_000)  # the open time in line 7 of a file with a header
BAD: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "empty": (lambda: b"", 0, "empty"),
    "blank lines only": (lambda: b"\n \n\n", 0, "empty"),
    "not text": (lambda: b"a,b\n\xff\xfe\x00", 2, "not a text file"),
    "an archive": (lambda: b"PK\x03\x04\xff\xff", 1, "unpack it"),
    "a header alone": (KLINE_HEADER.encode, 0, "no candles"),
    "another table": (lambda: b"name,age\nx,1\n", 1, "Neither"),
    "semicolons": (lambda: plain(n=3).replace(b",", b";"), 1, "Neither"),
    "a column short": (lines_of(lambda v: v.__setitem__(8, v[8].rsplit(",", 1)[0])), 9, "has 6 columns, not 7"),
    "a column more": (lines_of(lambda v: v.__setitem__(8, v[8] + ",1")), 9, "has 8 columns, not 7"),
    "a word for a price": (cells(7, close="abc"), 7, "the close is not a number: 'abc'"),
    "no price": (cells(7, open=""), 7, "the open is not a number"),
    "not a number": (cells(7, high="nan"), 7, "the high is not a number"),
    "infinite": (cells(7, high="1e999"), 7, "the high is not a number"),
    "digits of another script": (cells(7, close="６４０００"), 7, "the close is not a number"),
    "price zero": (cells(7, low="0"), 7, "the low must be above 0"),
    "price negative": (cells(7, close="-5"), 7, "the close must be above 0"),
    "close above high": (cells(7, close="99999999"), 7, "must lie between"),
    "low above open": (cells(7, low="99999", high="100000", close="99999.5"), 7, "must lie between"),
    "volume negative": (cells(7, volume="-1"), 7, "the volume must not be negative"),
    "a count with a fraction": (cells(7, count="1.5"), 7, "the count is not a whole number"),
    "time with a fraction": (cells(7, open_time="1721347200000.5"), 7, "the open time is not a whole number"),
    "time as a date": (cells(7, open_time="2024-07-19 00:05"), 7, "the open time is not a whole number"),
    "time in seconds": (cells(7, open_time="1721347500"), 7, "must be Unix milliseconds"),
    "time twice": (cells(8, open_time=T7, close_time=str(int(T7) + 59_999)), 8, "has the open time of line 7"),
    "backwards": (lines_of(lambda v: v.insert(5, v.pop(9))), 7, "opens before line 6"),
    "off the minute": (cells(7, open_time=str(int(T7) + 500), close_time=str(int(T7) + 60_499)), 7, "on a whole 1m"),
    "of another length": (cells(7, close_time=str(int(T7) + 299_999)), 7, "is not 1m long"),
    "of an unknown length": (lambda: plain(("BTCUSDT",), 9, 120), 0, "120 s long"),
    "one row, so no length": (lambda: plain(("BTCUSDT",), 1), 0, "0 s long"),
    "a formula for a symbol": (lines_of(lambda v: v.__setitem__(3, v[3].replace("BTCUSDT", "=1+1"))), 4, "capital"),
    "markup for a symbol": (lines_of(lambda v: v.__setitem__(3, v[3].replace("BTCUSDT", "<b>"))), 4, "capital"),
    "too large": (lambda: b"x" * (MAX_BYTES + 1), 0, "at most 10 MB"),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_file_is_refused_whole_with_the_line_and_the_reason(why: str) -> None:
    make, line, says = BAD[why]
    file = read(NAME, make())
    assert file.legs == {}
    assert file.problems
    assert line in {p.line for p in file.problems if says in p.text}, file.problems


def test_there_are_at_least_twenty_kinds_of_bad_files() -> None:
    assert len(BAD) >= 20


def test_a_kline_file_must_be_called_after_its_symbol() -> None:
    assert "must begin with its symbol" in read("my klines.csv", kline("BTCUSDT", 5)).problems[0].text


def test_too_many_candles_are_refused() -> None:
    line = "{},BTCUSDT,1,1,1,1,1"
    text = "\n".join(line.format(START_MS + 1000 * i) for i in range(MAX_ROWS + 1))
    (problem,) = read("x.csv", text.encode()).problems
    assert problem.line == MAX_ROWS + 1
    assert "100,001 candles" in problem.text


def test_of_many_problems_the_first_are_listed_and_the_rest_counted() -> None:
    text = kline("BTCUSDT", 200).replace(b",12.5,", b",-12.5,")
    file = read(NAME, text)
    assert [p.line for p in file.problems] == list(range(2, 2 + LISTED))
    assert file.more_problems == 200 - LISTED


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise(data: bytes) -> None:
    file = read("ANY-1m.csv", data)
    assert bool(file.problems) != bool(file.rows)


@given(st.lists(st.lists(st.text(max_size=8), min_size=7, max_size=12), max_size=5))
def test_no_text_whatever_raises(table: list[list[str]]) -> None:
    text = "\n".join(",".join(row) for row in table)
    read("ANY-1m.csv", text.encode("utf-8", "surrogatepass"))
