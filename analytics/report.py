"""analyse(): the whole pipeline, confirmed candles of two legs in, one PairReport out. Pure and causal."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.params import Params
from core.types import Bools, Candles, Floats, Ints


@dataclass(frozen=True, slots=True)
class TestResult:
    """A unit-root or cointegration test. ``null`` states what a small p-value speaks against."""

    __test__ = False  # not a pytest class
    stat: float
    pvalue: float
    lags: int
    nobs: int
    null: str


@dataclass(frozen=True, slots=True)
class HalfLife:
    """Bars until half of a deviation is gone, with a 95 % interval; infinite where nothing reverts."""

    bars: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class PairReport:
    """All that is known of a pair at its newest aligned confirmed candle; rows are as they were known then.

    Row arrays have length n (aligned candles given), oldest first, NaN where a row's own window was not full.
    ``spread[i]`` and ``z[i]`` belong to the fit of the N candles that end at i: nothing here repaints.
    """

    symbol_y: str
    symbol_x: str
    params: Params
    open_ms: Ints  # (n,) aligned candle opens
    y: Floats  # (n,) closes of Y, quote currency
    x: Floats  # (n,) closes of X
    alpha: Floats  # (n,) log units (or price units when params.price_units)
    beta: Floats  # (n,) hedge ratio: notional ratio in logs, units of X per unit of Y in prices
    beta_se: Floats  # (n,)
    resid_sd: Floats  # (n,) residual sd of the fit, N − 2 degrees of freedom
    spread: Floats  # (n,) last residual of the row's own fit
    z: Floats  # (n,) spread / resid_sd: the z of the evidence rule
    z_mean: Floats  # (n,) mean of the row's own residuals over its last W bars
    z_sd: Floats  # (n,) their standard deviation
    z_roll: Floats  # (n,) (spread − z_mean) / z_sd: the trader's timing view
    corr: Floats  # (n,) correlation of log returns over W bars
    unchanged_y: Bools  # (n,) close equal to the previous candle's
    unchanged_x: Bools
    have_bars: int  # aligned candles available
    need_bars: int  # N + N/4
    incomplete: int  # intervals known to be incomplete in the last need_bars span, either leg
    stale_share: float  # worse leg's share of that span's intervals without a candle or with an unchanged close
    engle_granger: TestResult | None  # residual of the last fit, exactly 2 lags; None where undefined
    adf: TestResult | None  # plain ADF on the last fit's residuals (informing; the Classic preset's test)
    half_life: HalfLife | None  # only where check 3 passes
    persistence: Floats  # (6,) Engle-Granger p of the windows ended j·N/20 candles ago, j = 0…5; NaN where short

    @property
    def newest_ms(self) -> int | None:
        """Open time of the newest aligned candle."""
        return int(self.open_ms[-1]) if len(self.open_ms) else None

    @property
    def pair(self) -> str:
        """The pair's name, Y first."""
        return f"{self.symbol_y}/{self.symbol_x}"


def analyse(  # filled in by the next change
    candles_y: Candles, candles_x: Candles, params: Params, incomplete_ms: Ints | None = None
) -> PairReport:
    """Align two legs on their open times and evaluate the rule's statistics at every row."""
    raise NotImplementedError
