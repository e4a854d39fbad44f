"""One line of a candle file: its cells in, a row out, or why it cannot be one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf
from typing import Final

KLINE_COLUMNS: Final = 12
PLAIN_COLUMNS: Final = 7
SYMBOL: Final = re.compile(r"[^\W a-z]{2,30}")  # capitals of any script: some contracts have Chinese names
NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
WHOLE: Final = re.compile(r"[0-9]{1,18}")
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000  # 2000 and 2100
MICROSECONDS: Final = 100_000_000_000_000  # open times above are in microseconds, as in spot files since 2025


class BadRow(Exception):  # noqa: N818
    """A line that cannot be read; its text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One candle as its line has it."""

    line: int  # counted from 1
    symbol: str
    open_ms: int
    prices: tuple[float, float, float, float]  # open, high, low, close
    volume: float
    trades: int | None  # None: the form does not say
    length_ms: int | None


def kline(line: int, cells: Sequence[str], symbol: str) -> Row:
    """``open_time, open, high, low, close, volume, close_time, quote_volume, count, ...`` Raises BadRow."""
    if len(cells) != KLINE_COLUMNS:
        raise BadRow(f"has {len(cells)} columns, not {KLINE_COLUMNS}")
    open_ms, per_ms = _time(cells[0])
    length_ms = _whole(cells[6], "the close time") // per_ms + 1 - open_ms
    return Row(line, symbol, open_ms, _prices(cells[1:5]), _volume(cells[5]), _whole(cells[8], "the count"), length_ms)


def plain(line: int, cells: Sequence[str]) -> Row:
    """``open_time_ms, symbol, open, high, low, close, volume``. Raises BadRow."""
    if len(cells) != PLAIN_COLUMNS:
        raise BadRow(f"has {len(cells)} columns, not {PLAIN_COLUMNS}")
    if not SYMBOL.fullmatch(cells[1]):
        raise BadRow("the symbol must be capital letters and digits, such as BTCUSDT")
    return Row(line, cells[1], _time(cells[0])[0], _prices(cells[2:6]), _volume(cells[6]), None, None)


def _time(text: str) -> tuple[int, int]:
    """Unix ms, and how many of the file's units make one."""
    raw = _whole(text, "the open time")
    per_ms = 1000 if raw >= MICROSECONDS else 1
    if raw % per_ms or not EARLIEST_MS <= raw // per_ms <= LATEST_MS:
        raise BadRow(f"the open time must be Unix milliseconds, was {raw}")
    return raw // per_ms, per_ms


def _prices(texts: Sequence[str]) -> tuple[float, float, float, float]:
    o, h, low, c = (_number(t, f"the {n}") for t, n in zip(texts, ("open", "high", "low", "close"), strict=True))
    for name, value in (("open", o), ("high", h), ("low", low), ("close", c)):
        if not value > 0:
            raise BadRow(f"the {name} must be above 0, was {value:g}")
    if not low <= min(o, c) <= max(o, c) <= h:
        raise BadRow(f"open {o:g} and close {c:g} must lie between low {low:g} and high {h:g}")
    return o, h, low, c


def _volume(text: str) -> float:
    value = _number(text, "the volume")
    if value < 0:
        raise BadRow(f"the volume must not be negative, was {value:g}")
    return value


def _number(text: str, name: str) -> float:
    if not NUMBER.fullmatch(text) or isinf(value := float(text)):
        raise BadRow(f"{name} is not a number: {text[:30]!r}")
    return value


def _whole(text: str, name: str) -> int:
    if not WHOLE.fullmatch(text):
        raise BadRow(f"{name} is not a whole number: {text[:30]!r}")
    return int(text)
