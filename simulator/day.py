"""The last 24 hours of a contract: what ``ticker/24hr`` and the ticker streams tell."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.bars import DAY_MS, MINUTE_MS
from simulator.exchange import Exchange
from simulator.klines import bars_of


@dataclass(frozen=True, slots=True)
class Day:
    """Prices and quantities in units of the last digit; ids of executions, −1 where none is known."""

    open: int
    high: int
    low: int
    last: int
    volume: int
    quote_volume: int
    count: int
    open_ms: int
    close_ms: int
    first_id: int
    last_id: int


def day_of(exchange: Exchange, symbol: str) -> Day | None:
    """The 1,440 minutes up to now; None where nothing has ever been traded."""
    now = exchange.now_ms
    bars = bars_of(exchange, symbol, "1m", 1440)
    if len(bars) == 0:
        return None
    open_ms = now // MINUTE_MS * MINUTE_MS + MINUTE_MS - DAY_MS
    tape, history = exchange.tapes[symbol], exchange.source.history
    ids = tape.ids_between(open_ms, now + 1)
    first = ids[0] if ids is not None else -1
    if history is not None and symbol in history and open_ms < exchange.source.past_start_ms:
        first = history.id_at(symbol, max(open_ms, exchange.instruments[symbol].onboard_ms))
    return Day(
        open=int(bars.open[0]),
        high=int(bars.high.max()),
        low=int(bars.low.min()),
        last=int(bars.close[-1]),
        volume=sum(bars.volume.tolist()),
        quote_volume=sum(bars.quote_volume.tolist()),
        count=int(bars.count.sum()),
        open_ms=open_ms,
        close_ms=tape.last_ms or now,
        first_id=first,
        last_id=ids[1] if ids is not None else -1,
    )
