"""Which looks open a trade on paper: those TRADABLE, and the entry look of an excursion that was refused; once each.

Reads a look as the journal keeps it: what was said is scored, not what would be said today.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import isfinite, isnan, nan
from typing import Any, Final

from analytics.params import REARM_Z, Params
from analytics.presets import PRESETS
from analytics.spread import edge_bps, gross_per_unit
from analytics.ticket import legs_at
from analytics.verdict import Verdict
from core.journal import JournalRow
from core.paper import PaperTrade

REFUSALS: Final = (Verdict.WAIT, Verdict.NOT_TRADABLE, Verdict.TRAP)


@dataclass(frozen=True, slots=True)
class Memory:
    """What classic remembers of the excursion that is on; evidence's looks say themselves whether they are entries."""

    seen: bool = False  # a look of it was judged
    used: bool = False  # it was TRADABLE at one
    z: float = nan  # of the look before

    def as_text(self) -> str:
        """As it is stored."""
        return json.dumps({**asdict(self), "z": None if isnan(self.z) else self.z})

    @classmethod
    def from_text(cls, text: str) -> Memory:
        """As it was stored."""
        told: dict[str, Any] = json.loads(text)
        return cls(bool(told["seen"]), bool(told["used"]), nan if told["z"] is None else float(told["z"]))


def entry_of(memory: Memory, row: JournalRow, params: Params) -> tuple[Memory, bool]:
    """Whether a look opens a trade, and what is remembered after it.

    Parameters
    ----------
    memory : Memory
        After the look before.
    row : JournalRow
    params : Params
        Of the look.

    Returns
    -------
    Memory, bool
        Evidence: TRADABLE, or refused at the one look of the excursion that is its entry (check "stretched"). Classic
        has no such check: its first TRADABLE look of an excursion, and its first look at all when that was refused.
        A z at or beyond the stop opens nothing: it would be closed at once. Without a verdict (NO DATA, WARMING UP)
        there is nothing to score.
    """
    z = entered_by(row, params)
    tradable = row.verdict == Verdict.TRADABLE
    judged = tradable or row.verdict in REFUSALS
    beyond = params.entry_z <= abs(z)  # False for NaN
    if params.preset == "evidence":
        return memory, beyond and judged and abs(z) < params.stop_z and _check(row, "stretched") == "passed"
    over = abs(z) < REARM_Z or z * memory.z < 0
    seen, used = (False, False) if over else (memory.seen, memory.used)
    opens = judged and beyond and abs(z) < params.stop_z and (not used if tradable else not seen)
    return Memory(seen or (judged and beyond), used or tradable, z), opens


def opened(row: JournalRow, params: Params, hours: tuple[int, int] = (8, 8)) -> PaperTrade | None:
    """The trade that a look speaks of, not filled yet; None where its hedge has no answer.

    Parameters
    ----------
    row : JournalRow
    params : Params
        Of the look; ``stop_z``, ``exit_z`` and N are frozen with it.
    hours : (int, int)
        Between settlements of funding, Y's and X's.

    Returns
    -------
    PaperTrade or None
        Quantities are the ticket's before rounding to the exchange's steps, as in a backtest. What was promised is
        what the look said: the record's lower bound net of cost, or for classic all of the stretch net of cost; NaN
        where it did not know all of the cost. The price spread of a fill is the look's own estimate, the same for both
        legs: their mean, weighted by notional, is what the look knew.
    """
    told: dict[str, Any] = json.loads(row.inputs)
    hedge = (told.get("hedge") or {}).get("beta")
    z = entered_by(row, params)
    if hedge is None or isnan(z):
        return None
    legs = legs_at(row.price_y, row.price_x, float(hedge), z, params)
    shown = shown_bps(row, params)
    cost_bps = row.fees_bps + row.half_spreads_bps + row.funding_bps  # row.cost_bps is the sum of those that are known
    return PaperTrade(
        pair=row.pair,
        timeframe_s=row.timeframe_s,
        look_ms=row.candle_ms,
        params=row.params,
        rule=row.rule,
        preset=params.preset,
        inputs=json.dumps(asdict(params)),
        verdict=row.verdict,
        failed=refused_by(row, params),
        side=1 if z > 0 else -1,
        z=z,
        price_y=row.price_y,
        price_x=row.price_x,
        hedge=float(hedge),
        notional=params.notional,
        qty_y=legs.qty_y if legs.side_y == "BUY" else -legs.qty_y,
        qty_x=legs.qty_x if legs.side_x == "BUY" else -legs.qty_x,
        fee_bps=params.fee_bps,
        leave_z=params.exit_z,
        stop_z=params.stop_z,
        limit_bars=params.fit_bars,
        shown_bps=shown,
        half_bps=row.half_spreads_bps / 2.0,
        cost_bps=cost_bps,
        promised_bps=row.expected_net_bps if params.preset == "evidence" else shown - cost_bps,
        middle_bps=row.kappa * shown - cost_bps if params.preset == "evidence" else nan,
        hours_y=hours[0],
        hours_x=hours[1],
        seen_ms=row.candle_ms,
        mark_y=row.price_y,
        mark_x=row.price_x,
    )


def entered_by(row: JournalRow, params: Params) -> float:
    """The z that the preset enters and leaves by: of the log fit (evidence) or rolling (classic); NaN: undefined."""
    if params.preset == "classic":
        return row.z_roll
    if not params.price_units:
        return row.z
    value = next((c["value"] for c in _checks(row) if c["key"] == "stretched"), None)  # row.z was the shown fit's
    return nan if value is None else float(value)


def shown_bps(row: JournalRow, params: Params) -> float:
    """E, the edge on the screen, bps of gross notional; NaN where the journal does not hold it.

    In price units evidence's own fit is not among the columns: E is then what its bound and cost leave.
    """
    if params.preset == "classic":
        unit = gross_per_unit(row.price_y, row.price_x, row.beta, params.price_units)
        return abs(row.z_roll) * row.z_sd / unit * 1e4
    if not params.price_units:
        return edge_bps(row.z * row.resid_sd, row.beta)
    if isfinite(row.kappa_low) and row.kappa_low != 0.0:
        return (row.expected_net_bps + row.cost_bps) / row.kappa_low
    return nan


def refused_by(row: JournalRow, params: Params) -> str:
    """Key of the check that the verdict names; empty for TRADABLE."""
    if row.verdict == Verdict.TRADABLE:
        return ""
    checks = _checks(row)
    state = {c["key"]: c["state"] for c in checks}
    if row.verdict == Verdict.TRAP:
        return next((key for key in PRESETS[params.preset].relationship if state.get(key) == "failed"), "corr")
    deciding = (c for c in checks if c["deciding"])
    return next((str(c["key"]) for c in deciding if c["state"] != "passed"), "unknown")


def params_of(row: JournalRow | PaperTrade) -> Params:
    """The parameters in full. Raises ValueError or TypeError for some that this version does not know."""
    told: dict[str, Any] = json.loads(row.inputs)
    return Params(**(told if isinstance(row, PaperTrade) else told["params"]))


def _check(row: JournalRow, key: str) -> str:
    return next((str(c["state"]) for c in _checks(row) if c["key"] == key), "unknown")


def _checks(row: JournalRow) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(row.checks)
    return told
