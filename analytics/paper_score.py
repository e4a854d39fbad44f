"""What trades on paper amount to: per trade with its interval, over time, by pair, and promised against realised."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import numpy as np

from analytics.bootstrap import FEW, Interval, few_losses, group_interval
from analytics.equity import drawdown
from analytics.paper_account import account
from analytics.sharpe import SharpeRatio, sharpe_ratio
from core.clock import DAY_MS
from core.paper import PaperTrade
from core.types import Floats, Ints

Lies = Literal["few", "below", "open", "above"]

PER_BIN: Final = 10  # closed trades that a bin of the calibration holds at least, where there are two bins
MOST_BINS: Final = 5

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Score:
    """Trades in figures. Bps of gross notional at the look; None where a figure would rest on nothing."""

    closed: int
    unknown: int  # of the closed: their net is not known, and they are in no figure below
    running: int  # not closed
    dropped: int  # never filled: no trades, and in nothing else here
    net_bps: float | None  # mean per trade
    interval: Interval | None  # the same, whole days drawn again; None with fewer than 10 of them
    days: int  # UTC days on which one was closed
    net: float  # quote currency, sum
    hit_rate: float | None
    lost: int  # closed ones that won nothing
    hold_s: float | None  # mean, from fill to fill
    shown_bps: float | None  # means of what the screen showed …
    promised_bps: float | None  # … and let one expect, net, over the trades for which it did …
    kept_bps: float | None  # … and what those returned beyond it
    drawdown: float  # deepest, of closed trades, quote currency
    sharpe: SharpeRatio | None  # of daily sums, bps, over all days of the span; None with fewer than 20, or without one
    at_touch: int  # fills at the touch, of two a trade

    @property
    def known(self) -> int:
        """Closed trades that the figures are of."""
        return self.closed - self.unknown

    @property
    def lies(self) -> Lies:
        """Which side of 0 the mean net lies on; "few": trades or days are, "open": it cannot be told."""
        if self.known < FEW or self.interval is None:
            return "few"
        if self.interval.high < 0:
            return "below"
        return "above" if self.interval.low > 0 and not few_losses(self.lost) else "open"


@dataclass(frozen=True, slots=True, eq=False)
class Equity:
    """(n,) after each closed trade, in order of their closing; quote currency."""

    since_ms: int  # the first entry among them; 0 without any
    ms: Ints
    net: Floats  # won since the beginning
    below: Floats  # under the best so far; >= 0


@dataclass(frozen=True, slots=True)
class Bin:
    """Trades that were promised about the same. Bps, net."""

    low: float
    high: float
    count: int
    promised: float  # means
    realised: float
    se: float | None  # of the realised mean; None for a single trade


def score(trades: Sequence[PaperTrade], rng: np.random.Generator, span_ms: tuple[int, int] | None = None) -> Score:
    """The figures of some trades.

    Parameters
    ----------
    trades : sequence of PaperTrade
        In any order; open ones, and those that were never filled, are counted only.
    rng : Generator
        For the interval.
    span_ms : (int, int), optional
        From when to when score was kept, whether or not any trade was on: days without one are part of a Sharpe ratio,
        and trades do not tell of them.
    """
    closed = _closed(trades)
    net = _net_bps(closed)
    promised = np.array([t.promised_bps for t in closed])
    told = np.isfinite(promised)
    shown = np.array([t.shown_bps for t in closed])
    over = equity(closed)
    sums, counts = _by_day(closed, net)
    dropped = sum(t.dropped for t in trades)
    every = sum(t.state == "closed" for t in trades) - dropped
    return Score(
        closed=every,
        unknown=every - len(closed),
        running=len(trades) - every - dropped,
        dropped=dropped,
        net_bps=_mean(net),
        interval=group_interval(sums, counts, rng),
        days=len(counts),
        net=float(over.net[-1]) if len(over.net) else 0.0,
        hit_rate=_mean(net > 0),
        lost=int(np.count_nonzero(net <= 0)),
        hold_s=_mean(np.array([(t.out_ms - t.in_ms) / 1000.0 for t in closed])),
        shown_bps=_mean(shown[np.isfinite(shown)]),
        promised_bps=_mean(promised[told]),
        kept_bps=_mean((net - promised)[told]),
        drawdown=float(over.below.max(initial=0.0)),
        sharpe=None if span_ms is None else sharpe_ratio(daily_bps(trades, *span_ms)),
        at_touch=sum((t.in_fill == "touch") + (t.out_fill == "touch") for t in closed),
    )


def equity(trades: Sequence[PaperTrade]) -> Equity:
    """What closed trades had won after each of them; those whose net is not known are left out."""
    closed = _closed(trades)
    net = np.cumsum([_net(t) for t in closed]) if closed else np.empty(0)
    since_ms = min((t.in_ms for t in closed), default=0)
    return Equity(since_ms, np.array([t.out_ms for t in closed], np.int64), net, drawdown(net))


def daily_bps(trades: Sequence[PaperTrade], from_ms: int, to_ms: int) -> Floats:
    """What the trades closed on each UTC day returned together.

    Returns
    -------
    (days,) float
        Bps of the gross notional of one trade, from the day of ``from_ms`` through that of ``to_ms``; 0 for a day on
        which none was closed.
    """
    closed = [t for t in _closed(trades) if from_ms // DAY_MS <= t.out_ms // DAY_MS <= to_ms // DAY_MS]
    days = np.array([t.out_ms // DAY_MS - from_ms // DAY_MS for t in closed], np.int64)
    sums = np.zeros(to_ms // DAY_MS - from_ms // DAY_MS + 1)
    np.add.at(sums, days, _net_bps(closed))
    return sums


def calibration(trades: Sequence[PaperTrade]) -> tuple[Bin, ...]:
    """Promised against realised: closed trades in up to five bins of equal count, the least promised first.

    Trades that nothing was promised for, a record too thin or a cost unknown, are left out.
    """
    closed = [t for t in _closed(trades) if np.isfinite(t.promised_bps)]
    if not closed:
        return ()
    promised, net = np.array([t.promised_bps for t in closed]), _net_bps(closed)
    order = np.argsort(promised, kind="stable")
    parts = np.array_split(order, min(max(1, len(closed) // PER_BIN), MOST_BINS))
    return tuple(
        Bin(
            low=float(promised[part[0]]),
            high=float(promised[part[-1]]),
            count=len(part),
            promised=float(promised[part].mean()),
            realised=float(net[part].mean()),
            se=float(net[part].std(ddof=1) / np.sqrt(len(part))) if len(part) > 1 else None,
        )
        for part in parts
    )


def scores_by(trades: Sequence[PaperTrade], key: Callable[[PaperTrade], K]) -> tuple[tuple[K, Score], ...]:
    """The same figures by group, the group with most closed trades first.

    Each group draws from a generator of its own: its interval does not depend on the others.
    """
    groups: dict[K, list[PaperTrade]] = {}
    for trade in trades:
        groups.setdefault(key(trade), []).append(trade)
    found = [(k, score(mine, np.random.default_rng(0))) for k, mine in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one[1].closed, str(one[0]))))


def _closed(trades: Sequence[PaperTrade]) -> list[PaperTrade]:
    """Closed ones whose net is known, in order of their closing."""
    known = [t for t in trades if (a := account(t)) is not None and a.net is not None]
    return sorted(known, key=lambda t: (t.out_ms, t.key))


def _net(trade: PaperTrade) -> float:
    money = account(trade)
    assert money is not None
    assert money.net is not None
    return money.net


def _net_bps(closed: Sequence[PaperTrade]) -> Floats:
    return np.array([_net(t) / t.notional * 1e4 for t in closed])


def _by_day(closed: Sequence[PaperTrade], net: Floats) -> tuple[Floats, Floats]:
    """Sums and counts of the UTC days on which one was closed: trades of one day, of any pair, share their market."""
    _, day = np.unique([t.out_ms // DAY_MS for t in closed], return_inverse=True)
    sums, counts = np.bincount(day, weights=net), np.bincount(day)
    return sums.astype(np.float64), counts.astype(np.float64)


def _mean(values: Floats | np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None
