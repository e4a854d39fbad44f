"""A trade on paper, look by look: when it is filled, when it is due, by the rule frozen at its entry. Pure.

The rule is the walk-forward engine's (``round_trips.spans``): left at the first look after its own at which the
preset's refitted z, times the side, is at or below ``exit_z`` (zero), at or beyond ``stop_z`` (stop), or N looks have
passed (time); of two at once the first of zero, time, stop. A fill is in the candle after its look: at the touch where
that was seen, else at that candle's closes, both legs, in and out, as the pair's record has it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan, nan

from analytics.fills import FILL_BARS
from analytics.paper_entry import Memory, entered_by, entry_of, opened
from analytics.params import Params
from core.journal import JournalRow
from core.paper import PaperTrade


@dataclass(frozen=True, slots=True)
class Step:
    """One confirmed candle that both legs share, as a trade that is on sees it."""

    open_ms: int
    y: float  # closes
    x: float
    z: float  # what the preset leaves by; NaN ends nothing
    half_bps: float = nan  # half a price spread as its look knew it; NaN: not known


@dataclass(frozen=True, slots=True)
class Book:
    """One pair, timeframe and parameters: its trades that are not closed, and how far its looks have been scored.

    TRADABLE and refused looks are two accounts: in each one position at a time.
    """

    candle_ms: int = -1  # the newest look scored
    memory: Memory = Memory()  # noqa: RUF009 (frozen)
    trades: tuple[PaperTrade, ...] = ()


def step_of(row: JournalRow, params: Params) -> Step:
    """A look's candle."""
    return Step(row.candle_ms, row.price_y, row.price_x, entered_by(row, params), row.half_spreads_bps / 2.0)


def scored(
    book: Book,
    row: JournalRow,
    params: Params,
    hours: tuple[int, int] = (8, 8),
    unheard: tuple[Step, ...] = (),
    said_ms: int = 0,
) -> tuple[Book, tuple[PaperTrade, ...]]:
    """Take one look: move the trades that are on, then see whether it opens one.

    Parameters
    ----------
    book : Book
    row : JournalRow
        The next look; one that the book has taken already changes nothing.
    params : Params
        Of the look.
    hours : (int, int)
        Between settlements of funding, Y's and X's.
    unheard : tuple of Step
        Candles between the newest look and this one at which nobody looked: they move the trades, and open none.
    said_ms : int
        Exchange time at which the look was said; 0: not known, and taken for on time.

    Returns
    -------
    Book, tuple of PaperTrade
        The book after it, and the trades that are not what they were, the closed ones among them.
    """
    if row.candle_ms <= book.candle_ms:
        return book, ()
    step_ms = params.timeframe_s * 1000
    moved = book.trades
    for step in (*unheard, step_of(row, params)):
        moved = tuple(followed(trade, step, step_ms) for trade in moved)
    # After a silence longer than what a verdict needs nobody knows which excursion is on.
    long_ago = row.candle_ms - book.candle_ms > params.need_bars * step_ms
    memory, opens = entry_of(Memory() if long_ago else book.memory, row, params)
    new = _in_time(opened(row, params, hours), said_ms, step_ms) if opens else None
    if new is not None and not any(t.said == new.said and t.state in {"entering", "open"} for t in moved):
        moved = (*moved, new)
    before = {t.key: t for t in book.trades}
    changed = tuple(t for t in moved if before.get(t.key) is not t)
    return Book(row.candle_ms, memory, tuple(t for t in moved if t.state != "closed")), changed


def followed(trade: PaperTrade, step: Step, step_ms: int) -> PaperTrade:
    """The trade after one more candle; candles up to the newest it has seen change nothing.

    A fill that was due is made at this candle's closes, unless the touch was met before. Then the rule is asked.
    """
    if step.open_ms <= trade.seen_ms or trade.state == "closed":
        return trade
    end_ms = step.open_ms + step_ms
    if trade.state == "entering" and step.open_ms > trade.look_ms + FILL_BARS * step_ms:
        return dropped(trade, end_ms, "unfilled")
    if trade.state == "leaving":
        out = replace(trade, seen_ms=step.open_ms, bars=trade.bars + 1, mark_y=step.y, mark_x=step.x)
        return _filled(out, end_ms, step.y, step.x, "candle")
    if trade.state == "entering" and end_ms >= trade.said_ms:
        trade = _filled(trade, end_ms, step.y, step.x, "candle")
    trade = replace(trade, seen_ms=step.open_ms, bars=trade.bars + 1, mark_y=step.y, mark_x=step.x)
    if trade.state == "entering":
        return trade
    reason = why_due(trade, step.z)
    if not reason:
        return trade
    half = trade.half_bps if isnan(step.half_bps) else step.half_bps
    return replace(trade, state="leaving", exit_look_ms=step.open_ms, exit_z=step.z, reason=reason, out_half_bps=half)


def why_due(trade: PaperTrade, z: float) -> str:
    """Why a look at ``z`` ends a trade; empty: it goes on."""
    away = trade.side * z
    if away <= trade.leave_z:
        return "zero"
    if trade.bars >= trade.limit_bars:
        return "time"
    return "stop" if away >= trade.stop_z else ""


def at_touch(trade: PaperTrade, ms: int, price_y: float, price_x: float) -> PaperTrade:
    """Fill what is due at prices that an order would have met; the price spread is in them, and not charged again.

    Parameters
    ----------
    trade : PaperTrade
        Entering or leaving.
    ms : int
        Exchange time: of the later leg's first trade after the look.
    price_y, price_x : float
        See ``paper_fill.executable``.
    """
    return _filled(trade, ms, price_y, price_x, "touch")


def without_market(trade: PaperTrade, step_ms: int) -> PaperTrade:
    """The trade over, where no candle of both legs will come any more: at the closes of the newest one it has seen."""
    end_ms = trade.seen_ms + step_ms
    if trade.state == "entering":
        return dropped(trade, end_ms, "unfilled")
    half = trade.out_half_bps if trade.state == "leaving" else trade.half_bps
    over = replace(trade, state="leaving", reason="no market", exit_look_ms=trade.seen_ms, out_half_bps=half)
    return _filled(over, max(end_ms, trade.in_ms), trade.mark_y, trade.mark_x, "candle")


def dropped(trade: PaperTrade, ms: int, reason: str) -> PaperTrade:
    """An entry given up before it was filled."""
    return replace(trade, state="closed", reason=reason, out_ms=ms)


def _in_time(trade: PaperTrade | None, said_ms: int, step_ms: int) -> PaperTrade | None:
    """A look's trade with when it was said; given up at once where no candle that could fill it was left by then."""
    if trade is None:
        return None
    trade = replace(trade, said_ms=said_ms)
    last_ms = trade.look_ms + (FILL_BARS + 1) * step_ms
    return dropped(trade, said_ms, "late") if said_ms > last_ms else trade


def _filled(trade: PaperTrade, ms: int, y: float, x: float, how: str) -> PaperTrade:
    if trade.state == "entering":
        half = 0.0 if how == "touch" else trade.half_bps
        return replace(trade, state="open", in_ms=ms, in_y=y, in_x=x, in_fill=how, in_half_bps=half)
    half = 0.0 if how == "touch" else trade.out_half_bps
    return replace(trade, state="closed", out_ms=ms, out_y=y, out_x=x, out_fill=how, out_half_bps=half)
