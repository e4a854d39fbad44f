"""A look as the journal keeps it: one flat row of plain values, written once."""

from __future__ import annotations

from math import isfinite, nan

import msgspec

from analytics.costs import break_even_z
from analytics.look import Look
from core.journal import JournalRow

Value = str | int | float | None


def journal_row(look: Look) -> dict[str, Value]:
    """The row of table ``decisions`` for a look: its inputs, every number it rests on, every check, the verdict.

    Parameters
    ----------
    look : Look
        At one confirmed candle. Live values are left out.

    Returns
    -------
    dict
        Columns by name; what is undefined is None. A pure function of the look: the same candles, parameters, costs
        and record give the same row to the bit, whenever it is made.

    Raises
    ------
    ValueError
        For a look without a candle: there is nothing to file it under.
    """
    report, decision, costs, record = look.report, look.decision, look.costs, look.record
    if decision.candle_ms is None:
        raise ValueError("a look needs a candle to be filed under")
    p = report.params
    back = [float(v) for v in report.persistence]
    half_life, trigger, test = report.half_life, decision.trigger, report.engle_granger
    caught = None if record is None else record.lower_bound
    even = None
    if costs is not None and not costs.missing and caught is not None:
        fits = report.log_fits
        even = break_even_z(costs.total_bps, caught, float(fits.resid_sd[-1]), float(fits.beta[-1]))
    row: dict[str, Value] = {
        "pair": report.pair,
        "timeframe_s": p.timeframe_s,
        "candle_ms": decision.candle_ms,
        "params": p.key,
        "rule": decision.rule,
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "regime": decision.regime,
        "price_y": float(report.y[-1]),
        "price_x": float(report.x[-1]),
        **{
            name: float(getattr(report, name)[-1])
            for name in ("alpha", "beta", "beta_se", "resid_sd", "spread", "z_mean", "z_sd", "z_roll", "corr")
        },
        "z": float(report.log_fits.z[-1]),  # of the rule's own fit, as the trigger is; the fit above is the one shown
        "eg_stat": None if test is None else test.stat,
        "eg_pvalue": None if test is None else test.pvalue,
        "adf_stat": None if report.adf is None else report.adf.stat,
        "adf_pvalue": None if report.adf is None else report.adf.pvalue,
        **{f"p_back_{j}": back[j] for j in range(1, 6)},
        "half_life": None if half_life is None else half_life.bars,
        "half_life_low": None if half_life is None else half_life.low,
        "half_life_high": None if half_life is None else half_life.high,
        "kappa": None if record is None else record.kappa,
        "kappa_se": None if record is None else record.kappa_se,
        "kappa_low": caught,
        "excursions": None if record is None else record.excursions,
        "fees_bps": None if costs is None else costs.fees_bps,
        "half_spreads_bps": None if costs is None else costs.half_spreads_bps,
        "funding_bps": None if costs is None else costs.funding_bps,
        "cost_bps": decision.cost_bps,
        "expected_net_bps": decision.expected_net_bps,
        "break_even_z": even,
        "entry_z": None if trigger is None else trigger.entry_z,
        "trigger_price_y": None if trigger is None else trigger.trigger_price_y,
        "distance_z": None if trigger is None else trigger.distance_z,
        "distance_bps": None if trigger is None else trigger.distance_bps,
        "checks": _json(decision.checks),
        "inputs": _json(
            {
                "params": p,
                "incomplete": report.incomplete,
                "stale_share": report.stale_share,
                "hedge": report.hedge,
                "cost_formula": "" if costs is None else costs.formula,
                "record": record,
            }
        ),
    }
    return {name: _plain(value) for name, value in row.items()}


def row_of(look: Look, written_ms: int = 0) -> JournalRow:
    """The same as the journal is read: what is undefined is NaN. Raises ValueError as ``journal_row``."""
    told = {name: nan if value is None else value for name, value in journal_row(look).items()}
    return JournalRow(**told, written_ms=written_ms)  # type: ignore[arg-type]


def _plain(value: Value) -> Value:
    """NaN and infinity are not values a database or a reader can use."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _json(value: object) -> str:
    """Dataclasses by their fields; NaN and infinity as null; a NumPy scalar as what it holds."""
    return msgspec.json.encode(value, enc_hook=lambda scalar: scalar.item()).decode()
