"""Recordings on disk, read into items in order of arrival. Formats: tick CSV, raw WebSocket NDJSON, collector NDJSON.

Any of them may be gzipped. Texts of prices and quantities are kept as recorded. What a recording did not keep is
filled in: ids consecutive per symbol in file order, the event time by the trade time, the taking side by the tick rule.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from core.errors import SettingsError
from simulator.decimals import decimals_of
from simulator.records import MARKET, NOT_A_TRADE, Instrument, Item, Quote, Record
from simulator.universe import known

T = TypeVar("T")
R = TypeVar("R")
# Invented ids count from the venue's first month, so that a later recording gets later ids.
LAUNCH_MS: Final = 1_567_296_000_000
CSV_COLUMNS: Final = ("trade_time_ms", "symbol", "trade_id", "price", "quantity", "buyer_is_maker", "trade_type")


@dataclass(frozen=True, slots=True)
class Recording:
    """Items in order of arrival, at least one record among them, and the contracts that occur."""

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
    except (OSError, EOFError, UnicodeDecodeError) as why:
        raise SettingsError(f"The recording {path} cannot be read: {why}") from None
    lines = text.splitlines()
    read = _csv_rows if text.startswith(CSV_COLUMNS[0]) else _json_rows
    complete = _Completer()
    try:
        items = tuple(row if isinstance(row, Quote) else complete(row) for row in read(lines))
    except _BadLine as bad:
        raise SettingsError(f"The recording {path} is broken at line {bad.line}: {bad.why}") from None
    if not any(isinstance(item, Record) for item in items):
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
            number = self._ids.get(row.symbol, (row.trade_ms - LAUNCH_MS) // 16) + 1
            self._ids[row.symbol] = number
        maker = row.buyer_is_maker
        before, side = self._last.get(row.symbol, (price, False))
        if maker is None:
            maker = side if not executed or price == before else price < before
        if executed:
            self._last[row.symbol] = (price, maker)
        if kind == MARKET:
            digits = self._digits.get(row.symbol, (0, 0))
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
    header = next(csv.reader(lines[:1]))
    missing = [name for name in CSV_COLUMNS if name not in header]
    if missing:
        raise _BadLine(1, f"no column {missing[0]}")
    for number, fields in enumerate(csv.reader(lines[1:]), 2):
        if not fields:
            continue
        if len(fields) != len(header):
            raise _BadLine(number, f"{len(fields)} fields under {len(header)} columns")
        row = dict(zip(header, fields, strict=True))
        yield _checked(number, _csv_row, row)


def _csv_row(row: dict[str, str]) -> _Row:
    maker = row["buyer_is_maker"]
    if maker not in ("true", "false", ""):
        raise ValueError(f"buyer_is_maker must be true or false, was {maker!r}")
    event = row.get("event_time_ms", "")
    return _Row(
        symbol=row["symbol"],
        trade_ms=int(row["trade_time_ms"]),
        price=row["price"],
        qty=row["quantity"],
        id=int(row["trade_id"]) if row["trade_id"] else None,
        event_ms=int(event) if event else None,
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
    """One line; None for a message that is neither a trade nor of a stream, such as a control reply."""
    message: Any = json.loads(line, parse_float=str)
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    if "ts" in message:
        moment = datetime.fromisoformat(str(message["ts"]))
        if moment.tzinfo is None:
            raise ValueError(f"ts must carry its zone, was {message['ts']!r}")
        return _Row(
            symbol=str(message["symbol"]),
            trade_ms=round(moment.timestamp() * 1000),
            price=str(message["price"]),
            qty=str(message["size"]),
        )
    data = message.get("data", message)
    if not isinstance(data, dict) or "e" not in data:
        return None
    if data["e"] == "trade":
        return _Row(
            symbol=str(data["s"]),
            trade_ms=int(data["T"]),
            price=str(data["p"]),
            qty=str(data["q"]),
            id=int(data["t"]),
            event_ms=int(data["E"]),
            kind=str(data.get("X", "")),
            buyer_is_maker=bool(data["m"]),
        )
    if "stream" not in message or "E" not in data:
        return None
    start = line.index('"data":') + len('"data":')
    return Quote(str(message["stream"]), int(data["E"]), line.rstrip()[start:-1].encode())


def _checked(number: int, read: Callable[[T], R], raw: T) -> R:
    try:
        row = read(raw)
        if isinstance(row, _Row):
            usable = row.symbol and row.trade_ms > 0
            if not usable or not all(math.isfinite(float(text)) and float(text) >= 0 for text in (row.price, row.qty)):
                raise ValueError("symbol, time, price and quantity must be there and not negative")
    except KeyError as why:
        raise _BadLine(number, f"no {why.args[0]!r}") from None
    except (ValueError, TypeError) as why:
        raise _BadLine(number, str(why)) from None
    return row
