"""The track record in sentences: what may be concluded, what a figure does not say, and why something was refused."""

from __future__ import annotations

from typing import Final

from analytics.bootstrap import FEW, LEAST, few_losses
from analytics.fills import FILL_BARS
from analytics.paper_score import Score
from ui import formats

CAUTION: Final = (
    "Nothing is ever sent: these are trades on paper. Each is filled at the prices an order would have met when both"
    " legs next traded, or at the next candle's closes where those were not seen, pays fees, price spread and funding,"
    " and is left by the rule that was set at its look. A look that was said too late to be acted on is no trade."
)
REFUSED_SIDE: Final = "refused"
HIT_RATE: Final = "proves nothing: many small gains can hide one large loss"
REFUSED: Final[dict[str, str]] = {
    "clean": "data not clean",
    "hedgeable": "not hedgeable",
    "related": "not related",
    "stretched": "not stretched",
    "record": "record too thin, or does not pay",
    "adf": "spread not stationary",
    "corr": "returns hardly move together",
    "z_roll": "not stretched",
    "unknown": "unknown",
}
LEFT: Final[dict[str, str]] = {
    "zero": "z crossed back",
    "stop": "stop",
    "time": "time limit",
    "no market": "its market is gone",
    "": "",
}
STATES: Final[dict[str, str]] = {"entering": "waits for its fill", "open": "open", "leaving": "waits to be closed"}


def conclusion(score: Score, what: str) -> str:
    """What may be said of some closed trades, and no more.

    >>> from analytics.paper_score import score
    >>> import numpy as np
    >>> conclusion(score([], np.random.default_rng(0)), "TRADABLE")
    'No TRADABLE trade is closed yet: nothing can be concluded.'
    """
    n = score.known
    if score.closed == 0:
        return f"No {what} trade is closed yet: nothing can be concluded."
    trades = f"{formats.count(n)} closed {what} {'trade' if n == 1 else 'trades'}"
    if n < FEW:
        return f"{trades}: nothing can be concluded from so few. {FEW} are the least."
    if score.interval is None:
        days = f"{formats.count(score.days)} {'day' if score.days == 1 else 'days'}"
        return f"{trades} on {days}: those of one day share their market. {LEAST} days are the least to conclude from."
    low, high = score.interval.low, score.interval.high
    between = f"Over {trades} the mean net lies between {formats.bps(low)} and {formats.bps(high)} (95 % interval)"
    if score.lies == "open":
        why = f"above zero, but {few_losses(score.lost)}" if low > 0 else "it cannot be told from nothing"
        return f"{between}: {why}."
    above = score.lies == "above"
    if what == REFUSED_SIDE:
        return f"{between}: {'above' if above else 'below'} zero. To refuse them {'cost' if above else 'saved'} money."
    return f"{between}: above zero, in this stretch of market." if above else f"{between}: below zero. They lost money."


def kept(score: Score) -> str:
    """What came, beside what was promised."""
    if score.kept_bps is None:
        return "none whose every cost was known"
    more = "more" if score.kept_bps >= 0 else "less"
    return f"{formats.bps(abs(score.kept_bps), sign=False)} {more} came"


def left_out(score: Score) -> str:
    """How many closed trades are in no figure; empty: none."""
    if not score.unknown:
        return ""
    verb = "is" if score.unknown == 1 else "are"
    return f"{formats.count(score.unknown)} of them, of unknown net (funding or price spread not seen), {verb} left out"


def and_more(n: int) -> str:
    """Of rows that are not drawn."""
    return f"and {formats.count(n)} more"


def never_filled(score: Score) -> str:
    """How many looks were no trade; empty: none."""
    if not score.dropped:
        return ""
    return f"{formats.count(score.dropped)} never filled (said too late, or no candle of both legs within {FILL_BARS})"


def sharpe_words(score: Score) -> str:
    """The ratio of a year, or what it needs."""
    if score.sharpe is None:
        return "Sharpe needs 20 days"
    annual, se = (formats.number(value, 1) for value in (score.sharpe.annual, score.sharpe.annual_se))
    return f"Sharpe {annual} ± {se}, a year of 365 days"
