"""Single prints of the seeded market: seconds of one symbol taken apart into records that add up to them exactly."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from core.types import Bools, Ints
from simulator.records import ADL, INSURANCE_FUND, MARKET, NOT_A_TRADE
from simulator.seconds import NOT_TRADES, ODD_TRADES, Seconds

KINDS: Final = (MARKET, NOT_A_TRADE, INSURANCE_FUND, ADL)
BURSTS: Final = 5  # a second's records arrive in about so many bursts, like the fills of one order
LATENCY_MS: Final = 8  # an event is pushed at most so much after its trade


@dataclass(frozen=True, slots=True, eq=False)
class Prints:
    """Records as columns in id order; prices in ticks, quantities in units of the last digit, 0 for non-trades."""

    id: Ints
    trade_ms: Ints
    event_ms: Ints
    price: Ints
    qty: Ints
    kind: Ints  # position in KINDS
    buyer_is_maker: Bools

    def __len__(self) -> int:
        return len(self.id)

    def take(self, which: object) -> Prints:
        """The rows that a slice, a mask or an index array names."""
        return Prints(*(getattr(self, f.name)[which] for f in fields(self)))


def taken_apart(rng: np.random.Generator, hour_ms: int, seconds: Seconds, first: int, last: int) -> Prints:
    """The records of the seconds ``first`` to ``last - 1`` of an hour.

    Each second has exactly its numbers of buys, sells and other records, its first and last execution on the sides
    that the bars counted on, and quantities that sum to its totals.
    """
    span = slice(first, last)
    buys, sells, extra = seconds.buys[span], seconds.sells[span], seconds.extra[span]
    trades, records = buys + sells, buys + sells + extra
    n, total = last - first, int(records.sum())
    second = np.repeat(np.arange(n), records)  # of each record
    start = np.cumsum(records) - records
    place = np.arange(total) - start[second]  # of each record within its second
    # Non-trades take random places; executions keep their order in the others.
    is_extra = _chosen(rng, second, start, extra)
    rank = np.cumsum(~is_extra) - 1
    rank = rank - (np.cumsum(trades) - trades)[second]  # of each execution among its second's
    both = (buys > 0) & (sells > 0)
    opens_buy = np.where(both, seconds.buys_first[span], buys > 0)
    closes_buy = np.where(both, ~seconds.buys_first[span], buys > 0)
    is_first, is_last = rank == 0, rank == trades[second] - 1
    middle_buys = np.where(both, buys - 1, np.maximum(buys - 2, 0))
    at_ends = is_extra | is_first | is_last
    inner = np.flatnonzero(~at_ends)
    inner_count = np.bincount(second[inner], minlength=n)
    is_buy = np.where(is_first, opens_buy[second], closes_buy[second])
    inner_start = np.cumsum(inner_count) - inner_count
    is_buy[inner] = _chosen(rng, second[inner], inner_start, np.minimum(middle_buys, inner_count))
    qty = np.zeros(total, np.int64)
    for side, totals in ((True, seconds.bought[span]), (False, seconds.sold[span])):
        mine = np.flatnonzero(~is_extra & (is_buy == side))
        qty[mine] = _parts(rng, second[mine], totals, n)
    trade_ms = hour_ms + (first + second) * 1000 + _moments(rng, second, place, records)
    lag = np.minimum(rng.geometric(0.45, total) - 1, LATENCY_MS)
    reach = np.maximum.accumulate(trade_ms + lag) if total else trade_ms
    event_ms = np.minimum(reach, np.maximum(trade_ms, hour_ms + last * 1000 - 1))
    price = np.where(is_buy, seconds.ask[span][second], seconds.bid[span][second])
    kind = np.zeros(total, np.int64)
    odd = rng.random(total) < ODD_TRADES / (NOT_TRADES + ODD_TRADES)
    kind[is_extra] = np.where(odd[is_extra], 2 + (place[is_extra] & 1), 1)
    price = np.where(kind == 1, 0, price)
    qty[kind >= 2] = 1
    return Prints(
        id=seconds.first_id[first] + np.arange(total),
        trade_ms=trade_ms,
        event_ms=event_ms,
        price=price,
        qty=qty,
        kind=kind,
        buyer_is_maker=~is_buy.astype(bool),
    )


def _chosen(rng: np.random.Generator, group: Ints, start: Ints, how_many: Ints) -> Bools:
    """Choose ``how_many`` members of each group at random; groups are runs in order. Returns a mask of members."""
    chosen = np.zeros(len(group), bool)
    if len(group) == 0 or not how_many.any():
        return chosen
    order = np.lexsort((rng.random(len(group)), group))  # members of a group in random order, groups in place
    place = np.arange(len(group)) - start[group]
    chosen[order] = place < how_many[group]
    return chosen


def _parts(rng: np.random.Generator, group: Ints, totals: Ints, groups: int) -> Ints:
    """Cut each group's total into as many random parts of at least 1 as it has members. Groups are runs in order."""
    if len(group) == 0:
        return np.zeros(0, np.int64)
    members = np.bincount(group, minlength=groups)
    weight = rng.exponential(size=len(group)) ** 2
    last = np.cumsum(members) - 1
    upto = np.cumsum(weight)
    before = np.where(last - members >= 0, upto[np.maximum(last - members, 0)], 0.0)
    share = (upto - before[group]) / np.maximum(upto[np.maximum(last, 0)] - before, 1e-300)[group]
    free = totals - members
    reached = np.floor(np.clip(share, 0, 1) * free[group]).astype(np.int64)
    full = members > 0
    reached[last[full]] = free[full]
    parts = np.diff(reached, prepend=0)
    starts = (last - members + 1)[full]
    parts[starts] = reached[starts]
    return parts + 1


def _moments(rng: np.random.Generator, second: Ints, place: Ints, records: Ints) -> Ints:
    """Milliseconds within the second, not decreasing: a few bursts rather than an even drizzle."""
    drizzle = (place + rng.random(len(second))) / np.maximum(records, 1)[second]
    bursty = np.floor(drizzle * BURSTS) / BURSTS + 0.1 * np.mod(drizzle * BURSTS, 1.0) / BURSTS
    late = rng.random(len(records))[second] / BURSTS
    return np.minimum(np.floor((bursty + late * 0.89) * 1000), 999).astype(np.int64)
