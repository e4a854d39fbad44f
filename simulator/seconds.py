"""What is traded in each second of the seeded market: how much, on which side, at which quote.

A function of seed and time alone, and the one truth of that market: its bars are sums over it, its single prints are
drawn to fit it. So a minute's kline and the trades of that minute agree in every field, in this run and in the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.types import Bools, Ints
from simulator.bars import HOUR_MS, MINUTE_MS, Bars
from simulator.paths import EPOCH_HOUR, HOUR_S, Paths
from simulator.scenarios import Scenario
from simulator.universe import Listing
from simulator.walks import ar1, rng_for

NOT_TRADES: Final = 0.0037  # share of records that are X "NA"
ODD_TRADES: Final = 2e-6  # share of INSURANCE_FUND and ADL records
HALF_SPREAD: Final = 0.15e-4  # of the price, at least half a tick
NOTIONAL: Final = 600.0  # of a usual print, quote currency
SPARSE: Final = 2_000  # records an hour, below which each finds its own second
BURST_HALF_LIFE_S: Final = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Seconds:
    """One symbol's hour, columns of 3600. Prices in ticks, quantities in units of the last digit."""

    bid: Ints
    ask: Ints
    buys: Ints  # executions in which the taker bought, at the ask
    sells: Ints
    bought: Ints  # their quantities
    sold: Ints
    buys_first: Bools  # whether the second's first execution, where both sides occur, is a buy; its last is the other
    extra: Ints  # records that are no MARKET execution
    first_id: Ints  # id of the second's first record

    @property
    def records(self) -> Ints:
        """Records of each second, non-trades included."""
        return self.buys + self.sells + self.extra


class Activity:
    """Draws the seconds of any hour of any symbol. Not thread-safe, as its paths are not."""

    def __init__(self, paths: Paths, listings: Sequence[Listing], scenario: Scenario, seed: int, rate: float) -> None:
        self._paths, self._seed = paths, seed
        self._listings = {entry.instrument.symbol: entry for entry in listings}
        weights = sum(entry.weight for entry in listings)
        self._ends: dict[str, Ints] = {}  # records since the epoch, up to the end of each hour
        for symbol, entry in self._listings.items():
            mean = rate * entry.weight / weights * HOUR_S * paths.liveliness(symbol)
            if symbol in scenario.silent:
                mean = mean * 0
            self._ends[symbol] = np.cumsum(rng_for(seed, "counts", symbol).poisson(mean)).astype(np.int64)

    def first_id(self, symbol: str, hour: int) -> int:
        """Id of the first record of an hour."""
        return int(self._ends[symbol][hour - 1]) + 1 if hour > 0 else 1

    def seconds(self, symbol: str, hour: int) -> Seconds:
        """What happens in one hour, counted from the epoch."""
        entry = self._listings[symbol]
        instrument = entry.instrument
        rng = rng_for(self._seed, "activity", symbol, hour)
        price = np.exp(self._paths.log_price(symbol, hour))
        tick = instrument.tick / 10**instrument.price_decimals
        width = max(1, round(2 * HALF_SPREAD * float(price[0]) / tick))
        bid = np.maximum(1, np.rint(price / tick - width / 2)).astype(np.int64)
        total = int(self._ends[symbol][hour] - (self._ends[symbol][hour - 1] if hour > 0 else 0))
        records = self._spread_out(rng, symbol, hour, total)
        chance = rng.random((4, HOUR_S), dtype=np.float32)
        extra = np.minimum(records, np.floor(records * (NOT_TRADES + ODD_TRADES) + chance[0]).astype(np.int64))
        trades = records - extra
        moves = np.diff(price, append=price[-1]) / (price * 1e-4)  # bps to the next second
        lean = 0.5 + 0.3 * np.tanh(moves)
        buys = np.minimum(trades, np.floor(trades * lean + chance[1]).astype(np.int64))
        sells = trades - buys
        usual = max(1.0, NOTIONAL * 10**instrument.qty_decimals / float(price[0]))
        size = usual * np.exp(1.1 * rng.standard_normal((2, HOUR_S), dtype=np.float32) - 0.6)
        first_id = self.first_id(symbol, hour) + np.cumsum(records) - records
        return Seconds(
            bid=bid,
            ask=bid + width,
            buys=buys,
            sells=sells,
            bought=buys + np.floor(buys * size[0]).astype(np.int64),
            sold=sells + np.floor(sells * size[1]).astype(np.int64),
            buys_first=chance[2] < 0.5,
            extra=extra,
            first_id=first_id,
        )

    def _spread_out(self, rng: np.random.Generator, symbol: str, hour: int, total: int) -> Ints:
        """So many records over the seconds of an hour, in clusters."""
        phi = 2 ** (-1 / BURST_HALF_LIFE_S)
        noise = rng.standard_normal((2, HOUR_S), dtype=np.float32).astype(np.float64)
        bursts = 0.7 * ar1(phi, noise[0] * np.sqrt(1 - phi**2)) + 0.6 * noise[1]
        weight = np.cumsum(np.exp(bursts) * np.repeat(self._paths.pace(symbol, hour), 60))
        weight /= weight[-1]
        if total < SPARSE:
            at = np.searchsorted(weight, rng.random(total))
            return np.bincount(np.minimum(at, HOUR_S - 1), minlength=HOUR_S).astype(np.int64)
        reached = np.floor(weight * total + 0.5).astype(np.int64)
        reached[-1] = total
        return np.diff(reached, prepend=0)


def minute_bars(hour: int, seconds: Seconds, tick: int) -> Bars:
    """The sixty minutes of an hour; prices in units of the last printed digit, ``tick`` of them a tick."""
    grid = (60, 60)
    bid, ask = seconds.bid.reshape(grid) * tick, seconds.ask.reshape(grid) * tick
    buys, sells = seconds.buys.reshape(grid), seconds.sells.reshape(grid)
    bought, sold = seconds.bought.reshape(grid), seconds.sold.reshape(grid)
    active = buys + sells > 0
    both = (buys > 0) & (sells > 0)
    opens_at_ask = np.where(both, seconds.buys_first.reshape(grid), buys > 0)
    closes_at_ask = np.where(both, ~seconds.buys_first.reshape(grid), buys > 0)
    first = np.argmax(active, axis=1)
    last = 59 - np.argmax(active[:, ::-1], axis=1)
    minute = np.arange(60)
    count = (buys + sells).sum(axis=1)
    far = np.int64(1) << 60
    high = np.where(buys > 0, ask, np.where(active, bid, 0)).max(axis=1)
    low = np.where(sells > 0, bid, np.where(active, ask, far)).min(axis=1)
    spent = bought * ask
    return Bars(
        open_ms=(EPOCH_HOUR + hour) * HOUR_MS + minute * MINUTE_MS,
        open=np.where(opens_at_ask[minute, first], ask[minute, first], bid[minute, first]),
        high=high,
        low=low,
        close=np.where(closes_at_ask[minute, last], ask[minute, last], bid[minute, last]),
        volume=(bought + sold).sum(axis=1),
        quote_volume=(spent + sold * bid).sum(axis=1),
        count=count,
        buy_volume=bought.sum(axis=1),
        buy_quote=spent.sum(axis=1),
    ).take(count > 0)
