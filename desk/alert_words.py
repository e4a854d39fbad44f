"""What an alert says: what happened, where, when, by which numbers, and how sure these are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from analytics.alert_rules import Regime
from analytics.decision import LiveScore
from analytics.paper_entry import opened, params_of
from core.alerts import AlertRule
from core.journal import JournalRow
from core.types import TIMEFRAME_NAMES, Gap, Source

NAMED = 5  # symbols


def of_look(
    rule: AlertRule, row: JournalRow, z: float, regime: Regime, source: Source, since_ms: int | None = None
) -> str:
    """What a look said, in its own words; ``since_ms``: what was found too late to be told then."""
    where = f"{row.pair} {TIMEFRAME_NAMES[row.timeframe_s]}"
    at = f"CONFIRMED candle {moment(row.candle_ms)}"
    if since_ms is not None:
        at += f"; since {moment(since_ms)}, found too late to be told then"
    if rule.kind == "regime":
        head = f"mean reversion is {regime} now. {row.regime}"
    elif rule.kind == "z":
        head = f"z = {z:+.2f} has reached ±{rule.level:g}. Verdict {row.verdict}. {row.reason}"
    elif rule.kind == "left":
        head = f"no longer TRADABLE, {row.verdict} now. {row.reason}"
    else:
        head = f"{row.verdict}. {row.reason}{_trade(row) if rule.kind == 'tradable' else ''}"
    return f"{_origin(source)}{where}: {head} ({at})"


def of_live(rule: AlertRule, pair: str, timeframe_s: int, score: LiveScore, z: float, source: Source) -> str:
    """A number of this moment, called what it is."""
    name = TIMEFRAME_NAMES[timeframe_s]
    return (
        f"{pair} {name}: {source} z = {z:+.2f} has reached ±{rule.level:g} at {moment(score.ts_ms)}."
        " It is of the last trades, scored with the confirmed fit; the verdict waits for the candle."
    )


def of_silence(silent: Sequence[str], of: int, stale_after_s: float, reason: str, source: Source) -> str:
    """A feed that says nothing, wholly or in part."""
    why = f" {reason}" if reason else ""
    share = f"{len(silent)} of {of} {'stream' if of == 1 else 'streams'}"
    head = f"The feed is stale: no trade of {_named(silent)} for over {stale_after_s:g} s ({share})."
    return f"{_origin(source)}{head}{why}"


def of_gaps(gaps: Sequence[Gap], source: Source) -> str:
    """Trades that cannot be had any more."""
    symbols = list(dict.fromkeys(gap.symbol for gap in gaps))
    first, last = min(gap.from_ms for gap in gaps), max(gap.to_ms for gap in gaps)
    stretches = "one stretch" if len(gaps) == 1 else f"{len(gaps)} stretches"
    return (
        f"{_origin(source)}Trades of {_named(symbols)} are lost: {stretches} from {moment(first)} to {moment(last)}"
        " could not be fetched again. The candles they touch are in no statistic."
    )


def moment(ms: int) -> str:
    """Date and time.

    >>> moment(1721347022708)
    '2024-07-18 23:57:02 UTC'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _trade(row: JournalRow) -> str:
    """The trade that a look speaks of, as a sentence; empty where the look does not tell it, as another version's."""
    try:
        trade = opened(row, params_of(row))
    except (KeyError, TypeError, ValueError):
        return ""
    if trade is None:
        return ""
    quantities = zip(row.pair.split("/"), (trade.qty_y, trade.qty_x), strict=True)
    legs = ", ".join(f"{'buy' if qty > 0 else 'sell'} {_amount(abs(qty))} {symbol}" for symbol, qty in quantities)
    hours = trade.limit_bars * row.timeframe_s / 3600
    return (
        f" At its closes: {legs}, not rounded to the exchange's steps, {_amount(trade.notional)} gross;"
        f" out at z = {trade.leave_z:g}, stop at |z| = {trade.stop_z:g},"
        f" limit {trade.limit_bars:,} candles ({hours:.3g} h)."
    )


def _amount(value: float) -> str:
    """Four digits, never as a power of ten.

    >>> _amount(0.00012344), _amount(12345.6)
    ('0.0001234', '12,350')
    """
    return format(Decimal(f"{value:.4g}"), ",f")


def _origin(source: Source) -> str:
    return "" if source == "LIVE" else f"{source}: "


def _named(symbols: Sequence[str]) -> str:
    rest = len(symbols) - NAMED
    return ", ".join(symbols[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
