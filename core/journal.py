"""One row of the journal, as it is stored and read: what a look rested on and what it said. A value, no more."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One look at one confirmed candle. The first four fields are its key; it is written once and never changed.

    Numbers are NaN where they were undefined. Fields are the columns of the table ``decisions``, by name and order.
    """

    pair: str  # Y first, as BTCUSDT/ETHUSDT
    timeframe_s: int
    candle_ms: int  # open time of the candle looked at
    params: str  # key of the parameters
    rule: str  # name and version
    verdict: str
    reason: str
    regime: str = ""
    price_y: float = nan  # closes of the candle
    price_x: float = nan
    alpha: float = nan  # the fit shown: in logs, or in price units
    beta: float = nan
    beta_se: float = nan
    resid_sd: float = nan
    spread: float = nan
    z: float = nan  # of the log fit, whatever is shown: the z that Evidence decides by
    z_mean: float = nan
    z_sd: float = nan
    z_roll: float = nan
    corr: float = nan
    eg_stat: float = nan  # Engle-Granger on the fit's window
    eg_pvalue: float = nan
    adf_stat: float = nan
    adf_pvalue: float = nan
    p_back_1: float = nan  # Engle-Granger p of the window that ended j·N/20 candles before, j = 1 … 5
    p_back_2: float = nan
    p_back_3: float = nan
    p_back_4: float = nan
    p_back_5: float = nan
    half_life: float = nan  # bars
    half_life_low: float = nan
    half_life_high: float = nan
    kappa: float = nan  # the pair's own record: share of the edge shown that came back
    kappa_se: float = nan
    kappa_low: float = nan
    excursions: float = nan
    fees_bps: float = nan  # costs of a round trip, bps of gross notional
    half_spreads_bps: float = nan
    funding_bps: float = nan
    cost_bps: float = nan
    expected_net_bps: float = nan
    break_even_z: float = nan
    entry_z: float = nan  # signed: the nearer threshold
    trigger_price_y: float = nan
    distance_z: float = nan
    distance_bps: float = nan
    checks: str = "[]"  # JSON: every check with its value, threshold, margin and state
    inputs: str = "{}"  # JSON: the parameters in full, and what else went in
    written_ms: int = 0  # our clock, when it was said
    note: str = ""  # 'repaired': a candle it rested on was repaired afterwards
