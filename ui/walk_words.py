"""What a run says of itself beside its figures: facts, luck, settings, in sentences. No Streamlit."""

from __future__ import annotations

from analytics.backtest import WalkForward
from analytics.presets import PRESETS
from analytics.sensitivity import Sensitivity
from analytics.trial import Trial
from core.types import TIMEFRAME_NAMES
from ui import formats


def facts(trial: Trial) -> list[tuple[str, str]]:
    """What was run, over what."""
    run = trial.run
    assert run is not None
    p = run.report.params
    opens = run.report.open_ms
    tested = f"{formats.number(run.summary.days, 1)} days, {formats.count(run.tested)} looks"
    if run.unfilled:
        tested += f", {formats.count(run.unfilled)} {'entry' if run.unfilled == 1 else 'entries'} that no candle filled"
    span = formats.UNKNOWN
    if len(opens):
        span = f"{formats.stamp(int(opens[0]))[:16]} to {formats.stamp(int(opens[-1]) + run.report.step_ms)[:16]} UTC"
    return [
        ("Pair", f"{run.report.symbol_y} / {run.report.symbol_x}"),
        ("Rule", f"{PRESETS[p.preset].title}, {TIMEFRAME_NAMES[p.timeframe_s]}, N = {formats.count(p.fit_bars)}"),
        ("Candles", f"{formats.count(run.report.have_bars)} that both legs share"),
        ("From, to", span),
        ("Tested", tested),
    ]


def figures(run: WalkForward) -> list[tuple[str, str, str, str]]:
    """(key, name, value, what stands below it). Unknown is a dash."""
    s = run.summary
    interval = "too few trades for an interval"
    if s.interval is not None:
        interval = f"95 % {_between(s.interval.low, s.interval.high)}; block bootstrap"
    sharpe = s.sharpe
    return [
        ("net_bps", "Net per trade", formats.bps(s.net_bps), interval),
        ("trades", "Trades", formats.count(s.trades), f"in position {formats.percent(s.exposure, 0)} of the time"),
        ("net", "Won in all, net", formats.number(s.net, 2, sign=True), "quote currency, not compounded"),
        ("drawdown", "Deepest fall", formats.bps(s.drawdown_bps, sign=False), "of gross notional, at closes"),
        (
            "sharpe",
            "Sharpe, a year",
            formats.number(sharpe.annual if sharpe else None, 1, sign=True),
            f"± {formats.number(sharpe.annual_se, 1)}; daily, √365" if sharpe else "needs 20 days that differ",
        ),
        ("promised", "Promised, net", formats.bps(s.promised_bps), f"realised less promised {formats.bps(s.kept)}"),
        (
            "hits",
            "Trades that won",
            formats.percent(s.hit_rate, 0),
            f"mean hold {formats.number(s.mean_hold_bars, 0)} candles",
        ),
        (
            "cost_share",
            "Costs, of gross",
            formats.percent(s.cost_share, 0),
            "the gross is not above 0" if s.cost_share is None else "fees, price spreads, funding",
        ),
        (
            "var",
            "Worst day in 20",
            formats.bps(None if s.var_bps is None else -s.var_bps),
            f"mean of those days {formats.bps(None if s.shortfall_bps is None else -s.shortfall_bps)}",
        ),
        ("turnover", "Turnover", f"{formats.number(s.turnover_per_day, 1)} ×", "of the gross notional, a day"),
    ]


def luck(trial: Trial) -> str:
    """The redrawn runs beside this one."""
    null = trial.null
    if null is None:
        done = f"{len(trial.drawn)} of {trial.ask.redraws} so far."
        return (
            f"The same rule on candles whose relationship was taken away: {done}"
            if trial.ask.redraws
            else ("Nothing was redrawn: what luck looks like on this pair is not known.")
        )
    each = "not one trade in any of them"
    if null.trades:
        each = f"{formats.number(null.trades, 1)} trades a run at {formats.bps(null.net_bps)} net"
    return (
        f"The same rule on {len(null.drawn)} redrawn histories of this pair, its moves kept and its relationship taken"
        f" away: {each}. {null.no_worse} of them won as much in all as this run, or more. Counting this one in,"
        f" luck did as well in {formats.percent(null.as_good, 0)} of the runs."
    )


def tries(trial: Trial) -> str:
    """The settings beside this one."""
    tried = trial.tried
    if tried is None:
        return f"One change at a time, {len(trial.variants)} so far."
    return tries_of(tried)


def tries_of(tried: Sensitivity) -> str:
    """All settings, once they are there."""
    words = (
        f"One change at a time, all shown, none chosen: {tried.winning} of {len(tried.variants)} won anything net."
        f" {tried.tried} settings tried in all."
    )
    if tried.deflated is None or tried.hurdle is None:
        return f"{words} Its Sharpe ratio cannot be deflated: fewer than 20 days that differ."
    return (
        f"{words} The best of so many worthless ones would show a Sharpe ratio of"
        f" {formats.number(tried.hurdle, 1, sign=True)}; that this run's is truly above it has probability"
        f" {_probability(tried.deflated)} (deflated Sharpe ratio)."
    )


def _probability(value: float) -> str:
    """Never written as certain.

    >>> _probability(0.9999), _probability(0.42), _probability(0.0001)
    ('above 99 %', '42 %', 'below 1 %')
    """
    if value >= 0.995:
        return "above 99 %"
    return "below 1 %" if value < 0.005 else formats.percent(value, 0)


def _between(low: float, high: float) -> str:
    return f"{formats.number(low, 1, sign=True)} to {formats.number(high, 1, sign=True)}"
