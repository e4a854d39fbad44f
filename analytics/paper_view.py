"""What the screen shows of trades on paper: those there are, their figures, and what open ones would leave now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.live import Touch
from analytics.paper_account import Account, marked
from analytics.paper_score import Bin, Equity, Score, calibration, equity, score, scores_by
from analytics.paper_settings import FEE_BPS, settings_of
from core.paper import PaperTrade

MOST: Final = 20_000  # newest trades shown


@dataclass(frozen=True, slots=True, eq=False)
class TrackView:
    """The same object until a trade changes. ``mark`` changes only when one comes, is closed or completed: an open
    trade that has seen one more candle changes no figure."""

    trades: tuple[PaperTrade, ...] = ()  # oldest look first
    on: tuple[PaperTrade, ...] = ()  # those that are not closed
    mark: tuple[int, ...] = ()
    fee_bps: float = FEE_BPS  # what the desk takes a taker to pay

    @classmethod
    def of(cls, trades: Sequence[PaperTrade], fee_bps: float = FEE_BPS) -> TrackView:
        """The view of these."""
        on = tuple(t for t in trades if t.state != "closed")
        newest = max((t.out_ms for t in trades), default=0)
        unknown = sum(t.funding_unknown for t in trades if t.state == "closed")
        first = trades[0].look_ms if trades else 0
        return cls(tuple(trades), on, (len(trades), len(on), newest, unknown, first), fee_bps)


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One account: what was called TRADABLE, or what was refused."""

    score: Score
    equity: Equity
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class PairScore:
    """One pair, timeframe, preset and settings."""

    pair: str
    timeframe_s: int
    preset: str
    settings: str  # as ``settings_of`` has them
    said: Score
    refused: Score


@dataclass(frozen=True, slots=True, eq=False)
class TrackFigures:
    """All that the page says of some trades."""

    said: Side
    refused: Side
    pairs: tuple[PairScore, ...]  # most closed trades first
    checks: tuple[tuple[str, Score], ...]  # refused ones, by the check that refused them


def figures(
    trades: Sequence[PaperTrade], span_ms: tuple[int, int] | None = None, fee_bps: float = FEE_BPS
) -> TrackFigures:
    """The figures of some trades.

    Parameters
    ----------
    trades : sequence of PaperTrade
    span_ms : (int, int), optional
        From when to when score was kept; without it there is no Sharpe ratio.
    fee_bps : float
        What the desk takes a taker to pay.
    """
    said, refused = [t for t in trades if t.said], [t for t in trades if not t.said]
    groups: dict[tuple[str, int, str, str], list[PaperTrade]] = {}
    for trade in trades:
        group = trade.pair, trade.timeframe_s, trade.preset, settings_of(trade, fee_bps)
        groups.setdefault(group, []).append(trade)
    pairs = [
        PairScore(*key, _score([t for t in mine if t.said]), _score([t for t in mine if not t.said]))
        for key, mine in groups.items()
    ]
    return TrackFigures(
        said=_side(said, span_ms),
        refused=_side(refused, span_ms),
        pairs=tuple(sorted(pairs, key=_most_first)),
        checks=scores_by(refused, lambda t: t.failed),
    )


def _most_first(p: PairScore) -> tuple[int, str, int, str, str]:
    return -p.said.closed - p.refused.closed, p.pair, p.timeframe_s, p.preset, p.settings


def _side(trades: Sequence[PaperTrade], span_ms: tuple[int, int] | None) -> Side:
    return Side(_score(trades, span_ms), equity(trades), calibration(trades))


def _score(trades: Sequence[PaperTrade], span_ms: tuple[int, int] | None = None) -> Score:
    return score(trades, np.random.default_rng(0), span_ms)  # the same trades, the same intervals


def live_accounts(
    trades: Iterable[PaperTrade], touch: Callable[[str], Touch | None]
) -> dict[tuple[str, int, str, int], Account]:
    """Open trades as if both legs were traded back at the touch; without one there, a trade is left out.

    Each symbol is asked for once.
    """
    trades, found = list(trades), {}
    known = {symbol: touch(symbol) for symbol in {s for t in trades for s in t.symbols}}
    for trade in trades:
        y, x = (known[symbol] for symbol in trade.symbols)
        if y is None or x is None:
            continue
        account = marked(trade, y.sold if trade.qty_y > 0 else y.bought, x.sold if trade.qty_x > 0 else x.bought)
        if account is not None:
            found[trade.key] = account
    return found
