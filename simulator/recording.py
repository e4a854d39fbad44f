"""Recordings on disk, read into items in order of arrival. Formats: tick CSV, raw WebSocket NDJSON, collector NDJSON.

Any of them may be gzipped. Texts of prices and quantities are kept as recorded. What a recording did not keep is
filled in: ids consecutive per symbol in file order, the event time by the trade time, the taking side by the tick rule.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from core.errors import SettingsError
from simulator.decimals import decimals_of
from simulator.records import MARKET, NOT_A_TRADE, Instrument, Item, Quote, Record
from simulator.universe import known

T = TypeVar("T")
R = TypeVar("R")
# Invented ids count from the venue's first month, so that a later recording gets later ids.
LAUNCH_MS: Final = 1_567_296_000_000
MOST: Final = 2**53  # what every JSON reader holds exactly
LATEST_MS: Final = 253_402_300_800_000  # the year 10000, where calendars end
DIGITS: Final = 15  # of a price or a quantity, those that say something
# What the exchange makes from the trades by itself; a recorded one beside it would say otherwise.
MADE: Final = frozenset({"aggTrade", "kline", "markPriceUpdate", "24hrTicker", "24hrMiniTicker"})
CSV_COLUMNS: Final = ("trade_time_ms", "symbol", "trade_id", "price", "quantity", "buyer_is_maker", "trade_type")


@dataclass(frozen=True, slots=True)
class Recording:
    """Items in order of arrival, at least one execution among them, and the contracts that occur."""

    items: tuple[Item, ...]
    instruments: tuple[Instrument, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """The records of the trade streams alone."""
        return tuple(item for item in self.items if isinstance(item, Record))


@dataclass(frozen=True, slots=True)
class _Row:
    """A record as far as the recording kept it."""

    symbol: str
    trade_ms: int
    price: str
    qty: str
    id: int | None = None
    event_ms: int | None = None
    kind: str = ""
    buyer_is_maker: bool | None = None


class _Envelope(msgspec.Struct):
    """A combined message whose payload goes on as it was received."""

    data: msgspec.Raw


def read_recording(path: Path) -> Recording:
    """Read a recording whole.

    Raises
    ------
    SettingsError
        Naming the file, the line and what is wrong with it.
    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as why:
        raise SettingsError(f"The recording {path} cannot be read: {why}") from None
    lines = text.split("\n")  # a carriage return before it is white space; no other sign ends a line
    begin = text.lstrip()
    if begin and not begin.startswith(("{", "[")) and CSV_COLUMNS[0] not in begin.partition("\n")[0]:
        raise SettingsError(
            f"The recording {path} is broken at line 1: it must name the columns of a tick CSV "
            f"({', '.join(CSV_COLUMNS)}) or hold a JSON object"
        )
    read = _json_rows if begin.startswith(("{", "[")) else _csv_rows
    complete = _Completer()
    try:
        items = tuple(row if isinstance(row, Quote) else complete(row) for row in read(lines))
    except _BadLine as bad:
        raise SettingsError(f"The recording {path} is broken at line {bad.line}: {bad.why}") from None
    if not any(isinstance(item, Record) and item.kind == MARKET for item in items):
        raise SettingsError(f"The recording {path} holds no trades")
    return Recording(items, complete.instruments())


def recording_of(records: Iterable[Record]) -> Recording:
    """A recording made by hand, for tests: records in order of arrival, ids and times their own."""
    complete, items = _Completer(), tuple(records)
    for r in items:
        complete(_Row(r.symbol, r.trade_ms, r.price, r.qty, r.id, r.event_ms, r.kind, r.buyer_is_maker))
    return Recording(items, complete.instruments())


class _BadLine(Exception):  # noqa: N818
    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line, self.why = line, why


class _Completer:
    """Remembers per symbol what the next record's gaps are filled from."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._last: dict[str, tuple[float, bool]] = {}
        self._digits: dict[str, tuple[int, int]] = {}

    def __call__(self, row: _Row) -> Record:
        price, qty = float(row.price), float(row.qty)
        executed = price > 0 and qty > 0
        kind = (row.kind or MARKET) if executed else NOT_A_TRADE
        number = row.id
        if number is None:
            number = self._ids.get(row.symbol, max(0, row.trade_ms - LAUNCH_MS) // 16) + 1
        self._ids[row.symbol] = max(number, self._ids.get(row.symbol, 0))
        maker = row.buyer_is_maker
        before, side = self._last.get(row.symbol, (price, False))
        if maker is None:
            maker = side if not executed or price == before else price < before
        if executed:
            self._last[row.symbol] = (price, maker)
        digits = self._digits.setdefault(row.symbol, (0, 0))  # a contract may occur with non-trades alone
        if kind == MARKET:
            self._digits[row.symbol] = (max(digits[0], decimals_of(row.price)), max(digits[1], decimals_of(row.qty)))
        event = row.event_ms if row.event_ms is not None else row.trade_ms
        texts = (row.price, row.qty) if executed else ("0", "0")
        return Record(row.symbol, number, row.trade_ms, event, *texts, kind, maker)

    def instruments(self) -> tuple[Instrument, ...]:
        out = []
        for symbol, (price_digits, qty_digits) in self._digits.items():
            listed = known(symbol) or Instrument(symbol, price_digits, qty_digits, base=symbol.removesuffix("USDT"))
            more = max(0, price_digits - listed.price_decimals)
            out.append(
                replace(
                    listed,
                    price_decimals=listed.price_decimals + more,
                    tick=listed.tick * 10**more,
                    qty_decimals=max(qty_digits, listed.qty_decimals),
                )
            )
        return tuple(out)


def _csv_rows(lines: list[str]) -> Iterator[_Row]:
    header: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            (fields,) = csv.reader([line.strip()], skipinitialspace=True)
        except csv.Error as why:
            raise _BadLine(number, str(why)) from None
        if not header:
            header = fields
            missing = [name for name in CSV_COLUMNS if name not in header]
            if missing:
                raise _BadLine(number, f"no column {missing[0]}")
            continue
        if len(fields) != len(header):
            raise _BadLine(number, f"{len(fields)} fields under {len(header)} columns")
        row = dict(zip(header, fields, strict=True))
        yield _checked(number, _csv_row, row)


def _csv_row(row: dict[str, str]) -> _Row:
    maker = row["buyer_is_maker"].lower()
    if maker not in ("true", "false", ""):
        raise ValueError(f"buyer_is_maker must be true or false, was {row['buyer_is_maker']!r}")
    event = row.get("event_time_ms", "")
    return _Row(
        symbol=row["symbol"],
        trade_ms=_whole("trade_time_ms", row["trade_time_ms"], LATEST_MS),
        price=_number("price", row["price"]),
        qty=_number("quantity", row["quantity"]),
        id=_whole("trade_id", row["trade_id"], MOST) if row["trade_id"] else None,
        event_ms=_whole("event_time_ms", event, LATEST_MS) if event else None,
        kind=row["trade_type"],
        buyer_is_maker=maker == "true" if maker else None,
    )


def _json_rows(lines: list[str]) -> Iterator[_Row | Quote]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        item = _checked(number, _json_item, line)
        if item is not None:
            yield item


def _json_item(line: str) -> _Row | Quote | None:
    """One line; None for a message that has no place in a replay: a control reply, or what is made from the trades."""
    try:
        message: Any = json.loads(line, parse_float=str)
    except (ValueError, RecursionError) as why:
        raise ValueError(f"no JSON ({why})") from None
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    data = message.get("data", message)
    if not isinstance(data, dict) or "e" not in data:
        return _collected(message) if "ts" in message else None
    if data["e"] == "trade":
        if not isinstance(data["m"], bool):
            raise ValueError(f"m must be true or false, was {data['m']!r}")
        return _Row(
            symbol=str(data["s"]),
            trade_ms=_whole("T", data["T"], LATEST_MS),
            price=_number("p", data["p"]),
            qty=_number("q", data["q"]),
            id=_whole("t", data["t"], MOST),
            event_ms=_whole("E", data["E"], LATEST_MS),
            kind=str(data.get("X") or ""),
            buyer_is_maker=data["m"],
        )
    if "stream" not in message or "E" not in data or data["e"] in MADE:
        return None
    payload = msgspec.json.decode(line, type=_Envelope).data
    return Quote(str(message["stream"]), _whole("E", data["E"], LATEST_MS), bytes(payload))


def _collected(row: dict[str, Any]) -> _Row:
    """A row of a collector's own."""
    try:
        moment = datetime.fromisoformat(str(row["ts"]))
    except ValueError:
        raise ValueError(f"ts must be a time such as 2025-12-15T08:43:15.443Z, was {row['ts']!r}") from None
    if moment.tzinfo is None:
        raise ValueError(f"ts must carry its zone, was {row['ts']!r}")
    return _Row(
        symbol=str(row["symbol"]),
        trade_ms=_whole("ts", round(moment.timestamp() * 1000), LATEST_MS),
        price=_number("price", row["price"]),
        qty=_number("size", row["size"]),
    )


def _whole(name: str, value: object, most: int) -> int:
    """A whole number above 0 and below ``most``, as JSON's integer or as digits; pandas may have appended ``.0``."""
    text = str(value)
    digits = re.fullmatch(r"([0-9]{1,18})(\.0+)?", text)
    if digits is None or not 0 < int(digits[1]) < most:
        raise ValueError(f"{name} must be a whole number from 1 to {most - 1}, was {value!r:.60}")
    return int(digits[1])


def _number(name: str, value: object) -> str:
    """The plain decimal text of a number; one with an exponent is written out, as the exchange knows none.

    >>> _number("price", "63943.90"), _number("size", "1.5e-05")
    ('63943.90', '0.000015')
    """
    text = str(value)
    if not re.fullmatch(r"[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", text):
        raise ValueError(f"{name} must be a number that is not negative, was {value!r:.60}")
    plain = text if text.replace(".", "").isdigit() else f"{Decimal(text):f}"
    whole, _, fraction = plain.partition(".")
    if len(whole.lstrip("0")) + len(fraction.rstrip("0")) > DIGITS:
        raise ValueError(f"{name} must be a number of at most {DIGITS} digits, was {value!r:.60}")
    return plain


def _checked(number: int, read: Callable[[T], R], raw: T) -> R:
    try:
        row = read(raw)
        if isinstance(row, _Row):
            if not re.fullmatch(r"[^\s/@\"\\]{1,40}", row.symbol) or row.symbol != row.symbol.upper():
                raise ValueError(f"symbol must be a name in upper case, was {row.symbol!r:.60}")
            if not re.fullmatch("[A-Z_]{0,32}", row.kind):
                raise ValueError(f"the type of a trade must be a word such as MARKET, was {row.kind!r:.60}")
    except KeyError as why:
        raise _BadLine(number, f"no {why.args[0]!r}") from None
    except (ValueError, TypeError, OverflowError) as why:
        raise _BadLine(number, str(why)) from None
    return row
