"""Which stream is served on which route. A stream on the wrong one is acknowledged and stays silent."""

from __future__ import annotations

from typing import Final

PUBLIC: Final = "public"
MARKET: Final = "market"
PRIVATE: Final = "private"  # an account's own events; no market data comes there
UNROUTED: Final = ""  # the retired addresses: accepted, and they deliver what /public delivers
ROUTES: Final = (PUBLIC, MARKET, PRIVATE, UNROUTED)
EVERY_QUOTE: Final = "!bookTicker"  # the best bid and ask of every contract, as they change


def route_of(stream: str) -> str:
    """The route that delivers a stream.

    >>> [route_of(s) for s in ("btcusdt@trade", "!bookTicker", "btcusdt@depth5@100ms", "btcusdt@kline_1m")]
    ['public', 'public', 'public', 'market']
    """
    _, at, kind = stream.partition("@")
    if stream == EVERY_QUOTE or (at and (kind in ("trade", "bookTicker") or kind.startswith(("depth", "rpiDepth")))):
        return PUBLIC
    return MARKET


def delivers(route: str, stream: str) -> bool:
    """Whether a connection on ``route`` ever receives the stream."""
    return route_of(stream) == (PUBLIC if route == UNROUTED else route)


def is_trade_stream(stream: str) -> bool:
    """Whether it carries trades, single or aggregated."""
    return stream.endswith(("@trade", "@aggTrade"))
