"""What a run's evidence supports, in words a trader can hold us to. It never claims more than the figures do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from analytics.backtest import WalkForward
from analytics.bootstrap import FEW, few_losses
from analytics.null import NullRun
from analytics.performance import Summary
from analytics.record import clean_rows
from analytics.sensitivity import Sensitivity
from analytics.verdict_rows import VERDICTS

Tone = Literal["untested", "no trades", "thin", "against", "open", "for"]

ENOUGH: Final = 20  # trades, as many as a record needs
LUCK: Final = 0.05  # at most this share of runs on redrawn candles may have done as well
SURE: Final = 0.95  # of the deflated Sharpe ratio
FILLS: Final = {
    "worse": "the next candle's open or close, whichever was worse for both legs together",
    "worst": "the worse of the next candle's open and close for each leg by itself, which no moment offers",
    "open": "the next candle's open",
    "close": "the next candle's close",
}


@dataclass(frozen=True, slots=True)
class Banner:
    """The sentence on top of a run, what it rests on, and what was assumed."""

    tone: Tone
    headline: str
    text: str
    assumed: str


def banner(run: WalkForward, null: NullRun | None = None, tried: Sensitivity | None = None) -> Banner:
    """Word a run.

    Parameters
    ----------
    run : WalkForward
    null : NullRun, optional
        Of the same candles and setting. Without it luck is not ruled out, and the text says so.
    tried : Sensitivity, optional
        The same.

    Returns
    -------
    Banner
        "for" needs all of: 30 trades, five losing ones, an interval of the mean net above 0, at most 5 % of the null
        runs as good, neighbouring settings run, and a deflated Sharpe ratio of at least 0.95, for which there must be
        days enough.
    """
    tone, headline, text = _judge(run, null, tried)
    return Banner(tone, headline, text, _assumed(run))


def _judge(run: WalkForward, null: NullRun | None, tried: Sensitivity | None) -> tuple[Tone, str, str]:
    s = run.summary
    if s.looks == 0:
        have, need = run.report.have_bars, run.report.need_bars
        return "untested", "Nothing could be tested.", f"Both legs share {have:,} candles of the {need:,} needed."
    if s.trades == 0 or s.net_bps is None:
        return "no trades", "The rule found nothing to trade here.", _without_trades(run)
    told = f"{_trades(s.trades)} in {s.days:.0f} days, {s.net_bps:+.1f} bps net each"
    if s.interval is None or s.trades < ENOUGH:
        return "thin", "Too few trades to tell.", f"{told}. {ENOUGH} would be the least to say anything from."
    told += f" (95 % interval {s.interval.low:+.1f} to {s.interval.high:+.1f}). {_kept(run)}"
    if s.interval.high < 0:
        return "against", "These data speak against it.", told
    if s.interval.low <= 0:
        return "open", "These data do not tell it apart from nothing.", told
    doubts = _doubts(s, null, tried)
    if doubts:
        return "open", "It won here, and that proves little.", f"{told} {doubts}"
    missing = [name for name, what in (("luck", null), ("other settings", tried)) if what is None]
    if missing:  # a win alone is what luck looks like, too
        return "open", "It won here; that alone says little.", f"{told} Not compared with {' and '.join(missing)}."
    text = f"{told} One pair, one span of time, one setting: what held here can end today."
    return "for", "These data support it, as far as they go.", text


def _without_trades(run: WalkForward) -> str:
    codes, counts = np.unique(run.verdicts.code[run.first_row :], return_counts=True)
    shares = sorted(zip(counts.tolist(), codes.tolist(), strict=True), reverse=True)
    said = ", ".join(f"{VERDICTS[code]} {count / run.summary.looks:.0%}" for count, code in shares)
    text = f"{run.summary.looks:,} looks in {run.summary.days:.0f} days: {said}."
    clean = float(clean_rows(run.report)[run.first_row :].mean())
    if clean < 0.995:
        text += f" The data were clean at {clean:.0%} of them."
    record = run.verdicts.record
    if record is not None and record.count[-1]:
        text += f" Of what its {record.count[-1]} past excursions showed, {record.kappa[-1]:.0%} came back"
        low = float(record.lower[-1])
        text += " (too few to judge by)." if np.isnan(low) else f" (lower bound {low:.0%})."
    return f"{text} This says nothing for or against the pair; what the rule asks for was not there."


def _kept(run: WalkForward) -> str:
    s = run.summary
    text = "" if s.promised_bps is None else f"Promised was {s.promised_bps:+.1f}."
    if s.given_up > 0 and run.execution.fill in {"worse", "worst"}:
        each = s.given_up / s.trades / run.report.params.notional * 1e4
        where = "at the worse moment" if run.execution.fill == "worse" else "each leg at its worst"
        text += f" Filling {where} took {each:.1f}."
    share = "more than all" if s.cost_share is None or s.cost_share > 1 else f"{s.cost_share:.0%}"
    return f"{text} Costs took {share} of the gross.".strip()


def _doubts(s: Summary, null: NullRun | None, tried: Sensitivity | None) -> str:
    doubts = []
    if s.trades < FEW:
        doubts.append(f"Only {s.trades} trades; {FEW} are the least to be for it.")
    if few := few_losses(s.lost):
        doubts.append(f"{few[0].upper()}{few[1:]}.")
    if null is not None and null.as_good > LUCK:
        doubts.append(
            f"On redrawn candles without a relationship {null.as_good:.0%} of {len(null.drawn) + 1} runs, this one"
            " counted in, did as well."
        )
    if tried is not None and tried.deflated is None:
        doubts.append(f"Too few days to allow for {tried.tried} settings.")
    if tried is not None and tried.deflated is not None and tried.deflated < SURE:
        doubts.append(
            f"After {tried.tried} settings its Sharpe ratio is more than the luck of the best with probability"
            f" {tried.deflated:.0%}."
        )
    return " ".join(doubts)


def _assumed(run: WalkForward) -> str:
    p, f = run.report.params, run.frictions
    settled = len(f.funding_y.settle_ms) or len(f.funding_x.settle_ms)
    stop = f"stop at |z| = {p.stop_z:g}" if run.execution.stop else "no stop"
    return (
        f"Assumed: fills at {FILLS[run.execution.fill]}; fee {p.fee_bps:g} bps a fill; half price-spreads"
        f" {f.half_y_bps:g} and {f.half_x_bps:g} bps; funding {'charged' if settled else 'left out'}; {stop}."
    )


def _trades(count: int) -> str:
    return "1 trade" if count == 1 else f"{count:,} trades"
