"""The truth of one symbol: every record that happened, its aggregates and its minutes. No I/O."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Final

from simulator.aggregate import WINDOW_MS, Aggregate, AggregateLog, Aggregator
from simulator.bars import MINUTE_MS, Bars, last_before
from simulator.decimals import scaled
from simulator.records import ADL, INSURANCE_FUND, MARKET, NOT_A_TRADE, Instrument, Record

KNOWN_TEXTS: Final = 200_000
KINDS: Final = (MARKET, NOT_A_TRADE, INSURANCE_FUND, ADL)


class SymbolTape:
    """What has happened so far, in order. Nothing that has not been appended can be read from it."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.aggregator: Aggregator | None = None
        self.last_price = ""
        self.last_ms = 0
        self._ids, self._times = array("q"), array("q")
        self._newest_id = 0
        self._known: set[int] | None = None  # every id, from the first one on that did not come in order
        self._prices: list[str] = []
        self._qtys: list[str] = []
        self._flags = array("H")  # kind << 1 | buyer_is_maker
        self._kinds = list(KINDS)  # a recording may know others
        self.aggregates = AggregateLog(instrument.qty_decimals)
        self._minutes: dict[int, list[int]] = {}  # minute -> open, high, low, close, v, qv, n, V, Q, first id, last id
        self._minute_keys: list[int] = []
        self._price_units: dict[str, int] = {}
        self._qty_units: dict[str, int] = {}

    def append(self, record: Record) -> Aggregate | None:
        """Take the next record of the id chain; returns the aggregate that it completed.

        A recording may hold a record twice: it has happened once.
        """
        if self._twice(record.id):
            return None
        price, qty = self._units(record)
        self._ids.append(record.id)
        self._times.append(record.trade_ms)
        self._prices.append(record.price)
        self._qtys.append(record.qty)
        if record.kind not in self._kinds:
            self._kinds.append(record.kind)
        self._flags.append(self._kinds.index(record.kind) << 1 | record.buyer_is_maker)
        if self.aggregator is None:  # aggregate ids start anywhere; a trade id is never ahead of time
            self.aggregator = Aggregator(record.id, self.instrument.qty_decimals)
        if record.kind == MARKET:
            self.last_price, self.last_ms = record.price, record.trade_ms
            self._count(record, price, qty)
        done = self.aggregator.add(record, qty)
        if done is not None:
            self.aggregates.add(done)
        return done

    def _twice(self, number: int) -> bool:
        if number > self._newest_id:
            self._newest_id = number
            if self._known is not None:
                self._known.add(number)
            return False
        if self._known is None:
            self._known = set(self._ids)
        known = number in self._known
        self._known.add(number)
        return known

    @property
    def open_aggregate_ms(self) -> int | None:
        """Time of the first fill of the aggregate that is still open."""
        return self.aggregator.open_since_ms if self.aggregator is not None else None

    def close_aggregate(self, now_ms: int) -> Aggregate | None:
        """Complete the open aggregate once its 100 ms are over."""
        if self.aggregator is None or self.aggregator.open_since_ms is None:
            return None
        if now_ms < self.aggregator.open_since_ms + WINDOW_MS:
            return None
        done = self.aggregator.close()
        if done is not None:
            self.aggregates.add(done)
        return done

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def last_id(self) -> int | None:
        """Id of the newest record."""
        return self._ids[-1] if self._ids else None

    def records(self, first: int = 0, last: int | None = None) -> list[Record]:
        """Records by position, the oldest kept one being 0; the event time is not kept and equals the trade time."""
        symbol = self.instrument.symbol
        return [
            Record(symbol, self._ids[i], t, t, self._prices[i], self._qtys[i], self._kinds[f >> 1], bool(f & 1))
            for i in range(*slice(first, last).indices(len(self._ids)))
            for t, f in [(self._times[i], self._flags[i])]
        ]

    def newest_trades(self, limit: int) -> list[Record]:
        """The newest executions, oldest first."""
        out: list[Record] = []
        end = len(self._ids)
        while end > 0 and len(out) < limit:
            start = max(0, end - limit)
            out = [r for r in self.records(start, end) if r.kind == MARKET] + out
            end = start
        return out[-limit:]

    @property
    def first_minute_ms(self) -> int | None:
        """Opening time of the oldest minute with an execution."""
        return self._minute_keys[0] * MINUTE_MS if self._minute_keys else None

    def minutes(self, from_ms: int, to_ms: int) -> Bars:
        """The minutes with executions that open within ``[from_ms, to_ms)``."""
        keys = self._minute_keys
        chosen = keys[bisect_left(keys, -(-from_ms // MINUTE_MS)) : bisect_left(keys, -(-to_ms // MINUTE_MS))]
        return Bars.of([[key * MINUTE_MS, *self._minutes[key][:9]] for key in chosen])

    def close_before(self, at_ms: int) -> int | None:
        """Close of the newest minute with an execution that opens before a moment."""
        i = last_before(self._minute_keys, -(-at_ms // MINUTE_MS))
        return self._minutes[self._minute_keys[i]][3] if i >= 0 else None

    def ids_between(self, from_ms: int, to_ms: int) -> tuple[int, int] | None:
        """First and last execution id of the minutes that open within ``[from_ms, to_ms)``."""
        keys = self._minute_keys
        chosen = keys[bisect_left(keys, -(-from_ms // MINUTE_MS)) : bisect_left(keys, -(-to_ms // MINUTE_MS))]
        return (self._minutes[chosen[0]][9], self._minutes[chosen[-1]][10]) if chosen else None

    def _units(self, record: Record) -> tuple[int, int]:
        price, qty = self._price_units.get(record.price), self._qty_units.get(record.qty)
        if price is None:
            if len(self._price_units) >= KNOWN_TEXTS:
                self._price_units.clear()
            price = self._price_units[record.price] = scaled(record.price, self.instrument.price_decimals)
        if qty is None:
            if len(self._qty_units) >= KNOWN_TEXTS:
                self._qty_units.clear()
            qty = self._qty_units[record.qty] = scaled(record.qty, self.instrument.qty_decimals)
        return price, qty

    def _count(self, record: Record, price: int, qty: int) -> None:
        key = record.trade_ms // MINUTE_MS
        bought = 0 if record.buyer_is_maker else qty
        bar = self._minutes.get(key)
        if bar is None:
            self._minutes[key] = [
                *(price, price, price, price, qty, price * qty, 1, bought, price * bought, record.id, record.id)
            ]
            if self._minute_keys and key < self._minute_keys[-1]:
                self._minute_keys.insert(bisect_left(self._minute_keys, key), key)
            else:
                self._minute_keys.append(key)
            return
        bar[1] = max(bar[1], price)
        bar[2] = min(bar[2], price)
        if record.id < bar[9]:  # ids say what came first, not the order of arrival
            bar[0], bar[9] = price, record.id
        if record.id > bar[10]:
            bar[3], bar[10] = price, record.id
        bar[4] += qty
        bar[5] += price * qty
        bar[6] += 1
        bar[7] += bought
        bar[8] += price * bought

    def forget(self) -> None:
        """Drop the older half of the single records and aggregates; minutes stay."""
        surplus = len(self._ids) // 2
        del self._ids[:surplus]
        del self._times[:surplus]
        del self._prices[:surplus]
        del self._qtys[:surplus]
        del self._flags[:surplus]
        self.aggregates.forget()
