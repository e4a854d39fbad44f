"""A file of candles, checked row by row: bytes in, candles per symbol out, or its problems with their line numbers.

Two forms are read, comma separated, with or without their header:

- Binance's own kline files: ``open_time, open, high, low, close, volume, close_time, quote_volume, count, ...`` (12
  columns); the symbol is the file's name up to the first dash;
- ``open_time_ms,symbol,open,high,low,close,volume``.

A file with a problem gives no candles at all: half a history is another history.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePath
from typing import Final, Literal

import numpy as np

from core.types import TIMEFRAME_NAMES, TIMEFRAMES_S, Candles
from ui.candle_row import KLINE_COLUMNS, PLAIN_COLUMNS, SYMBOL, BadRow, Row, kline, plain

MAX_BYTES: Final = 10_000_000  # the server takes no larger upload either
MAX_ROWS: Final = 100_000  # a symbol; two months of minutes
LISTED: Final = 20  # problems told one by one
PLAIN: Final = ("open_time_ms", "symbol", "open", "high", "low", "close", "volume")
HEADERS: Final = {"open_time", "open time", "open_time_ms"}

Form = Literal["kline", "plain"]
FORMS: Final[Mapping[int, Form]] = {KLINE_COLUMNS: "kline", PLAIN_COLUMNS: "plain"}
Line = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and in which line, counted from 1; 0: with the file as a whole."""

    line: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class CandleFile:
    """What a file holds. With problems it holds nothing else."""

    name: str
    legs: Mapping[str, Candles] = field(default_factory=dict)
    timeframe_s: int = 0
    rows: int = 0
    without_trades: int = 0  # bars in which nothing traded: the exchange writes them, they are no candles
    problems: tuple[Problem, ...] = ()  # the first ones
    more_problems: int = 0  # not listed


@lru_cache(maxsize=4)
def read(name: str, data: bytes) -> CandleFile:
    """Read and check a whole file. The same bytes give the same object, so that what rests on it can be kept, too."""
    if len(data) > MAX_BYTES:
        return _refused(name, f"The file has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return _refused(name, "This is not a text file in UTF-8. If it is an archive, unpack it first.", line)
    lines = [
        (i, [c.strip(' "\r\t') for c in one.split(",")]) for i, one in enumerate(text.split("\n"), 1) if one.strip()
    ]
    if not lines:
        return _refused(name, "The file is empty.")
    form = FORMS.get(len(lines[0][1]))
    if form is None:
        sentence = f"Neither a Binance kline file ({KLINE_COLUMNS} columns) nor {','.join(PLAIN)}."
        return _refused(name, sentence, lines[0][0])
    return _checked(name, lines[1:] if lines[0][1][0].lower() in HEADERS else lines, form)


def _refused(name: str, text: str, line: int = 0) -> CandleFile:
    return CandleFile(name, problems=(Problem(line, text),))


def symbol_of(name: str) -> str:
    """The symbol that a kline file's name begins with; empty where it does not.

    >>> symbol_of("BTCUSDT-1m-2024-07.csv"), symbol_of("my data.csv")
    ('BTCUSDT', '')
    """
    head = PurePath(name).stem.split("-")[0].upper()
    return head if SYMBOL.fullmatch(head) else ""


def _checked(name: str, lines: Sequence[Line], form: Form) -> CandleFile:
    symbol = symbol_of(name)
    if form == "kline" and not symbol:
        return _refused(name, "The name of a kline file must begin with its symbol, as in BTCUSDT-1m-2024-07.csv.")
    if not lines:
        return _refused(name, "The file holds a header and no candles.")
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, cells in lines:
        try:
            rows.append(kline(line, cells, symbol) if form == "kline" else plain(line, cells))
        except BadRow as bad:
            problems.append(Problem(line, str(bad)))
    ms = _length_ms(rows)
    if rows and ms not in {s * 1000 for s in TIMEFRAMES_S}:
        known = ", ".join(TIMEFRAME_NAMES.values())
        problems.append(Problem(0, f"The candles are {ms / 1000:g} s long; this desk knows {known}."))
        ms = 0
    problems = sorted([*problems, *_between(rows, ms)], key=lambda p: p.line)
    if problems:
        return CandleFile(name, problems=tuple(problems[:LISTED]), more_problems=max(0, len(problems) - LISTED))
    traded = [row for row in rows if row.volume > 0 and row.trades != 0]
    return CandleFile(name, _candles(traded, ms // 1000), ms // 1000, len(rows), len(rows) - len(traded))


def _length_ms(rows: Sequence[Row]) -> int:
    """The length of a candle: as most rows say, else the shortest step between two of one symbol; 0: unknown."""
    said = Counter(row.length_ms for row in rows if row.length_ms is not None)
    if said:
        return int(said.most_common(1)[0][0] or 0)
    steps = (b.open_ms - a.open_ms for leg in _by_symbol(rows).values() for a, b in pairwise(leg))
    return min((step for step in steps if step > 0), default=0)


def _between(rows: Sequence[Row], ms: int) -> Iterator[Problem]:
    """What only shows between rows: too many, order, doubles, another length, times within a candle."""
    for symbol, leg in _by_symbol(rows).items():
        if len(leg) > MAX_ROWS:
            yield Problem(leg[MAX_ROWS].line, f"{symbol} has {len(leg):,} candles; at most {MAX_ROWS:,} are read")
        for before, row in pairwise(leg):
            if row.open_ms == before.open_ms:
                yield Problem(row.line, f"has the open time of line {before.line}")
            elif row.open_ms < before.open_ms:
                yield Problem(row.line, f"opens before line {before.line}: the oldest must come first")
        for row in leg if ms else ():
            if row.open_ms % ms:
                yield Problem(row.line, f"does not open on a whole {TIMEFRAME_NAMES[ms // 1000]}")
            elif row.length_ms not in {None, ms}:
                yield Problem(row.line, f"is not {TIMEFRAME_NAMES[ms // 1000]} long, as the others are")


def _by_symbol(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    legs: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        legs[row.symbol].append(row)
    return legs


def _candles(rows: Sequence[Row], timeframe_s: int) -> dict[str, Candles]:
    found = {}
    for symbol, leg in _by_symbol(rows).items():
        o, h, low, c = np.array([row.prices for row in leg], np.float64).T.copy()
        found[symbol] = Candles(
            symbol, timeframe_s, np.array([row.open_ms for row in leg], np.int64), o, h, low, c,
            np.array([row.volume for row in leg], np.float64),
            np.array([row.trades or 0 for row in leg], np.int64), np.array(["kline"] * len(leg)),
        )  # fmt: skip
    return found
