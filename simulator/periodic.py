"""Streams that speak by the clock: klines, mark prices, tickers, best quotes. Made only where somebody listens."""

from __future__ import annotations

from typing import Final

from simulator.bars import INTERVALS, MINUTE_MS, Bars, next_open, open_of, roll_up
from simulator.day import Day, day_of
from simulator.decimals import printed
from simulator.exchange import Exchange
from simulator.funding import Mark, marked
from simulator.records import Instrument
from simulator.rest import body
from simulator.streams import EVERY_QUOTE

KLINE_EVERY_MS: Final = 250
KLINE_CLOSES_AFTER_MS: Final = 2_000  # the closing message comes about so long after the boundary
COIN_M: Final = Instrument("BTCUSD_PERP", 1, 0, base="BTC", quote="USD")  # such rows occur in the array streams too


class Periodic:
    """Pushes what is due, at most once a cadence. ``step`` is called often, with exchange time."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._symbols = {symbol.lower(): symbol for symbol in exchange.instruments}
        self._quarter = self._second = -1
        self._open_kline: dict[str, int] = {}  # stream -> opening time of the bar it speaks of
        self._said: dict[str, int] = {}  # stream -> trades in the bar, or id of the quote, when it last spoke

    def step(self, now_ms: int) -> None:
        """Push what has fallen due since the last call."""
        quarter, second = now_ms // KLINE_EVERY_MS, now_ms // 1000
        if quarter == self._quarter:
            return
        self._quarter = quarter
        new_second = second != self._second
        self._second = second
        for stream in list(self._exchange.hub.listeners):
            name, at, kind = stream.partition("@")
            symbol = self._symbols.get(name)
            if symbol is not None and kind.startswith("kline_"):
                self._kline(stream, symbol, kind.removeprefix("kline_"), now_ms)
            elif new_second and stream == EVERY_QUOTE:
                for one in self._symbols.values():
                    self._quote(stream, one, now_ms)
            elif new_second and at:
                self._each_second(stream, name, symbol, kind, second, now_ms)

    def _each_second(self, stream: str, name: str, symbol: str | None, kind: str, second: int, now_ms: int) -> None:
        mark_due = kind.endswith("@1s") or second % 3 == 0
        if symbol is not None and kind in ("markPrice", "markPrice@1s"):
            if mark_due and self._exchange.tapes[symbol].last_price:
                self._publish(stream, mark_row(self._mark(symbol, now_ms), now_ms))
        elif name == "!markPrice" and kind in ("arr", "arr@1s"):
            if mark_due:
                marks = [self._mark(s, now_ms) for s, tape in self._exchange.tapes.items() if tape.last_price]
                rows = [mark_row(mark, now_ms) for mark in marks]
                self._publish(stream, [*rows, mark_row(marked(COIN_M, 83_000.0, now_ms), now_ms, market=2)])
        elif symbol is not None and kind in ("miniTicker", "ticker"):
            rows = self._tickers([symbol], kind, now_ms)
            if rows:
                self._publish(stream, rows[0])
        elif name in ("!miniTicker", "!ticker") and kind == "arr":
            self._publish(stream, self._tickers(list(self._exchange.tapes), name[1:], now_ms))
        elif symbol is not None and kind == "bookTicker":
            self._quote(stream, symbol, now_ms)

    def _publish(self, stream: str, value: object) -> None:
        self._exchange.hub.publish(stream, body(value))

    def _mark(self, symbol: str, now_ms: int) -> Mark:
        price = float(self._exchange.tapes[symbol].last_price)
        return marked(self._exchange.instruments[symbol], price, now_ms)

    def _tickers(self, symbols: list[str], kind: str, now_ms: int) -> list[dict[str, object]]:
        days = ((self._exchange.instruments[symbol], day_of(self._exchange, symbol)) for symbol in symbols)
        return [ticker_row(i, day, kind, now_ms) for i, day in days if day is not None]

    def _quote(self, stream: str, symbol: str, now_ms: int) -> None:
        quote, i = self._exchange.source.quote(symbol, now_ms), self._exchange.instruments[symbol]
        if quote is None:
            return
        bid, ask = (printed(price, i.price_decimals) for price in quote)
        size = printed(10**i.qty_decimals, i.qty_decimals)
        row = {"e": "bookTicker", "u": now_ms, "s": symbol, "b": bid, "B": size, "a": ask, "A": size}
        self._publish(stream, row | {"T": now_ms, "E": now_ms})

    def _kline(self, stream: str, symbol: str, interval: str, now_ms: int) -> None:
        if interval not in INTERVALS:
            return
        current = open_of(interval, now_ms)
        open_ms = self._open_kline.get(stream, current)
        if next_open(interval, open_ms) != current:  # the first word, or the first since others stopped listening
            open_ms = current
        self._open_kline[stream] = open_ms
        if open_ms != current and now_ms < next_open(interval, open_ms) + KLINE_CLOSES_AFTER_MS:
            return
        closed = open_ms != current
        if closed:
            self._open_kline[stream] = current
        bar = one_bar(self._exchange, symbol, interval, open_ms)
        count = int(bar.count[0]) if len(bar) else 0
        if len(bar) and (closed or self._said.get(stream) != count):
            self._publish(stream, kline_message(self._exchange, symbol, interval, bar, closed, now_ms))
        self._said[stream] = -1 if closed else count


def one_bar(exchange: Exchange, symbol: str, interval: str, open_ms: int) -> Bars:
    """The bar that opens at a moment, as far as it has come; empty where nothing was ever traded."""
    end = next_open(interval, open_ms)
    known = min(end, exchange.now_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS)
    base = exchange.bars(symbol, open_ms, known, coarse=False)
    return roll_up(base, [open_ms], end, exchange.close_before(symbol, open_ms))


def kline_message(
    exchange: Exchange, symbol: str, interval: str, bar: Bars, closed: bool, now_ms: int
) -> dict[str, object]:
    """The payload of ``<symbol>@kline_<interval>``; ids are −1 in a bar without an execution."""
    i = exchange.instruments[symbol]
    open_ms = int(bar.open_ms[0])
    ids = exchange.tapes[symbol].ids_between(open_ms, next_open(interval, open_ms)) or (-1, -1)
    price, qty, quote = i.price_decimals, i.qty_decimals, i.quote_decimals
    return {
        "e": "kline",
        "E": now_ms,
        "s": symbol,
        "k": {
            "t": open_ms,
            "T": next_open(interval, open_ms) - 1,
            "s": symbol,
            "i": interval,
            "f": ids[0],
            "L": ids[1],
            "o": printed(int(bar.open[0]), price),
            "c": printed(int(bar.close[0]), price),
            "h": printed(int(bar.high[0]), price),
            "l": printed(int(bar.low[0]), price),
            "v": printed(int(bar.volume[0]), qty),
            "n": int(bar.count[0]),
            "x": closed,
            "q": printed(int(bar.quote_volume[0]), quote),
            "V": printed(int(bar.buy_volume[0]), qty),
            "Q": printed(int(bar.buy_quote[0]), quote),
            "B": "0",
        },
    }


def mark_row(mark: Mark, now_ms: int, market: int = 1) -> dict[str, object]:
    """One ``markPriceUpdate``."""
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": mark.symbol,
        "p": f"{mark.mark:.8f}",
        "ap": f"{mark.mark:.8f}",
        "P": f"{mark.index:.8f}",
        "i": f"{mark.index:.8f}",
        "r": mark.rate_text,
        "T": mark.next_funding_ms,
        "st": market,
    }


def ticker_row(i: Instrument, day: Day, kind: str, now_ms: int) -> dict[str, object]:
    """One ``24hrMiniTicker``, or the longer ``24hrTicker``."""
    row: dict[str, object] = {
        "e": "24hrTicker" if kind == "ticker" else "24hrMiniTicker",
        "E": now_ms,
        "s": i.symbol,
        "c": printed(day.last, i.price_decimals),
        "o": printed(day.open, i.price_decimals),
        "h": printed(day.high, i.price_decimals),
        "l": printed(day.low, i.price_decimals),
        "v": printed(day.volume, i.qty_decimals),
        "q": printed(day.quote_volume, i.quote_decimals),
    }
    if kind == "ticker":
        row |= {
            "p": printed(day.last - day.open, i.price_decimals),
            "P": f"{(day.last / day.open - 1) * 100:.3f}",
            "O": day.open_ms,
            "C": day.close_ms,
            "F": day.first_id,
            "L": day.last_id,
            "n": day.count,
        }
    return row | {"st": 1}
