"""A look as the journal keeps it: one flat row of plain values, written once."""

from __future__ import annotations

from math import isfinite, nan

import msgspec

from analytics.costs import break_even_z
from analytics.look import Look
from core.journal import JournalRow
from core.types import Floats


def row_of(look: Look, written_ms: int = 0) -> JournalRow:
    """The row of table ``decisions`` for a look: its inputs, every number it rests on, every check, the verdict.

    Parameters
    ----------
    look : Look
        At one confirmed candle. Live values are left out.
    written_ms : int
        Our clock, when it is said.

    Returns
    -------
    JournalRow
        All else is a pure function of the look: the same candles, parameters, costs and record give the same row to
        the bit, whenever it is made.

    Raises
    ------
    ValueError
        For a look without a candle: there is nothing to file it under.
    """
    report, decision, costs, record = look.report, look.decision, look.costs, look.record
    if decision.candle_ms is None:
        raise ValueError("a look needs a candle to be filed under")
    p, fits, back = report.params, report.log_fits, report.persistence.tolist()
    half_life, trigger, eg, adf = report.half_life, decision.trigger, report.engle_granger, report.adf
    caught = None if record is None else record.lower_bound
    even = None
    if costs is not None and not costs.missing and caught is not None:
        even = break_even_z(costs.total_bps, caught, float(fits.resid_sd[-1]), float(fits.beta[-1]))
    return JournalRow(
        pair=report.pair,
        timeframe_s=p.timeframe_s,
        candle_ms=decision.candle_ms,
        params=p.key,
        rule=decision.rule,
        verdict=decision.verdict.value,
        reason=decision.reason,
        regime=decision.regime,
        price_y=_newest(report.y),
        price_x=_newest(report.x),
        alpha=_newest(report.alpha),
        beta=_newest(report.beta),
        beta_se=_newest(report.beta_se),
        resid_sd=_newest(report.resid_sd),
        spread=_newest(report.spread),
        z=_newest(fits.z),  # of the rule's own fit, as the trigger is; the fit above is the one shown
        z_mean=_newest(report.z_mean),
        z_sd=_newest(report.z_sd),
        z_roll=_newest(report.z_roll),
        corr=_newest(report.corr),
        eg_stat=_known(None if eg is None else eg.stat),
        eg_pvalue=_known(None if eg is None else eg.pvalue),
        adf_stat=_known(None if adf is None else adf.stat),
        adf_pvalue=_known(None if adf is None else adf.pvalue),
        p_back_1=_known(back[1]),
        p_back_2=_known(back[2]),
        p_back_3=_known(back[3]),
        p_back_4=_known(back[4]),
        p_back_5=_known(back[5]),
        half_life=_known(None if half_life is None else half_life.bars),
        half_life_low=_known(None if half_life is None else half_life.low),
        half_life_high=_known(None if half_life is None else half_life.high),
        kappa=_known(None if record is None else record.kappa),
        kappa_se=_known(None if record is None else record.kappa_se),
        kappa_low=_known(caught),
        excursions=_known(None if record is None else record.excursions),
        fees_bps=_known(None if costs is None else costs.fees_bps),
        half_spreads_bps=_known(None if costs is None else costs.half_spreads_bps),
        funding_bps=_known(None if costs is None else costs.funding_bps),
        cost_bps=_known(decision.cost_bps),
        expected_net_bps=_known(decision.expected_net_bps),
        break_even_z=_known(even),
        entry_z=_known(None if trigger is None else trigger.entry_z),
        trigger_price_y=_known(None if trigger is None else trigger.trigger_price_y),
        distance_z=_known(None if trigger is None else trigger.distance_z),
        distance_bps=_known(None if trigger is None else trigger.distance_bps),
        checks=_json(decision.checks),
        inputs=_json(
            {
                "params": p,
                "incomplete": report.incomplete,
                "stale_share": report.stale_share,
                "hedge": report.hedge,
                "cost_formula": "" if costs is None else costs.formula,
                "record": record,
            }
        ),
        written_ms=written_ms,
    )


def _newest(rows: Floats) -> float:
    return _known(float(rows[-1]))


def _known(value: float | None) -> float:
    """NaN for what is undefined: infinity is no value a database or a reader can use either."""
    return nan if value is None or not isfinite(value) else value


def _json(value: object) -> str:
    """Dataclasses by their fields; NaN and infinity as null; a NumPy scalar as what it holds."""
    return msgspec.json.encode(value, enc_hook=lambda scalar: scalar.item()).decode()
