"""What a trade on paper cost and returned: fills, fees, price spread, funding. What is unknown is never zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isnan

from analytics.fills import BPS
from analytics.funding import FRESH_MS
from core.clock import HOUR_MS
from core.paper import PaperTrade, Settlement
from core.types import MarkPrice

Settled = Mapping[str, Mapping[int, Settlement]]
"""By symbol, then by time."""


@dataclass(frozen=True, slots=True)
class Account:
    """One trade's money: closed, or as if both legs were traded back now. Costs are positive where they cost."""

    notional: float
    gross: float  # what the prices returned
    fees: float  # of the fills
    half_spreads: float | None  # of fills at a candle's closes; None: the look did not know the price spread
    funding: float | None  # None: it was held through a settlement whose rate nobody here saw

    @property
    def net(self) -> float | None:
        """What is left; None where a part is not known."""
        if self.half_spreads is None or self.funding is None:
            return None
        return self.gross - self.fees - self.half_spreads - self.funding

    @property
    def net_bps(self) -> float | None:
        """The same, of gross notional at the look."""
        return None if self.net is None else self.net / self.notional * 1e4

    @property
    def gross_bps(self) -> float:
        """Before costs."""
        return self.gross / self.notional * 1e4


def account(trade: PaperTrade) -> Account | None:
    """The money of a closed trade; None while it is not, and of one that was never filled."""
    if trade.state != "closed" or trade.dropped:
        return None
    return _account(trade, trade.out_y, trade.out_x, trade.out_half_bps)


def marked(trade: PaperTrade, price_y: float, price_x: float, half_bps: float = 0.0) -> Account | None:
    """The money of an open trade, were both legs traded back at these prices; None before it is filled.

    Parameters
    ----------
    trade : PaperTrade
    price_y, price_x : float
        Executable ones, or any with ``half_bps`` for the half price-spread that they leave out.
    half_bps : float
        NaN: not known.
    """
    if not trade.in_ms or trade.state == "closed":
        return None
    return _account(trade, price_y, price_x, half_bps)


def _account(trade: PaperTrade, out_y: float, out_x: float, out_half_bps: float) -> Account:
    size_y, size_x = abs(trade.qty_y), abs(trade.qty_x)
    came, left = size_y * trade.in_y + size_x * trade.in_x, size_y * out_y + size_x * out_x
    halves = (came * trade.in_half_bps + left * out_half_bps) * BPS
    return Account(
        notional=trade.notional,
        gross=trade.qty_y * (out_y - trade.in_y) + trade.qty_x * (out_x - trade.in_x),
        fees=(came + left) * trade.fee_bps * BPS,
        half_spreads=None if isnan(halves) else halves,
        funding=None if trade.funding_unknown else trade.funding,
    )


def settled(before: MarkPrice | None, now: MarkPrice) -> Settlement | None:
    """The settlement that passed between two announcements of one symbol; None where none did, or its rate is unsure.

    The rate that was running in the minute before a settlement is the one settled; one announced long before it need
    not be.
    """
    if before is None or before.next_funding_ms <= 0 or now.next_funding_ms <= before.next_funding_ms:
        return None
    if before.next_funding_ms - before.event_ms > FRESH_MS:
        return None
    return Settlement(before.symbol, before.next_funding_ms, before.funding_rate, before.mark)


def funded(trade: PaperTrade, known: Settled, until_ms: int) -> PaperTrade:
    """The trade with the funding of every settlement in ``(in, out]``, or by ``until_ms`` while it is on.

    Parameters
    ----------
    trade : PaperTrade
    known : mapping
        Settlements by symbol and time.
    until_ms : int
        Exchange time.

    Returns
    -------
    PaperTrade
        The same object where nothing changes. Settlements fall on whole multiples of the contract's hours since
        midnight UTC, and wherever one was seen; those not ``known`` are counted, and not taken for zero: with hours
        that are not known, every hour. Longs pay shorts at a positive rate: a leg pays quantity × mark × rate.
    """
    if not trade.in_ms:
        return trade
    end_ms = trade.out_ms if trade.state == "closed" else until_ms
    paid, unknown = 0.0, 0
    legs = zip(trade.symbols, (trade.qty_y, trade.qty_x), (trade.hours_y, trade.hours_x), strict=True)
    for symbol, qty, hours in legs:
        seen = known.get(symbol, {})
        due = due_ms(trade.in_ms, end_ms, hours)
        for ms in (*due, *sorted(ms for ms in seen if trade.in_ms < ms <= end_ms and ms not in due)):
            one = seen.get(ms)
            if one is None:
                unknown += 1
            else:
                paid += qty * one.mark * one.rate
    if paid == trade.funding and unknown == trade.funding_unknown:
        return trade
    return replace(trade, funding=paid, funding_unknown=unknown)


def due_ms(after_ms: int, upto_ms: int, hours: int) -> range:
    """Times of settlement in ``(after_ms, upto_ms]``; with hours that are not known (0) all that there might be.

    >>> list(due_ms(0, 60_000_000, hours=8))
    [28800000, 57600000]
    """
    step = (hours or 1) * HOUR_MS
    return range((after_ms // step + 1) * step, upto_ms + 1, step)


def by_symbol(settlements: Iterable[Settlement]) -> dict[str, dict[int, Settlement]]:
    """Settlements to be looked up."""
    found: dict[str, dict[int, Settlement]] = {}
    for one in settlements:
        found.setdefault(one.symbol, {})[one.settle_ms] = one
    return found
