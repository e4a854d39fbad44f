"""scan(): every pair of a market tested, with an answer for how many were. It names candidates; the rule decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analytics.multiple import adjusted
from analytics.params import MAX_STALE, MIN_BETA, RELATED_P
from analytics.report import EG_LAGS
from analytics.scan_fits import PairFits, fit_aligned
from analytics.scan_moments import fit_all
from analytics.scan_robust import robust_t
from analytics.scan_series import LeftOut, stale_shares, usable
from analytics.spread import edge_bps
from analytics.stationarity import mackinnon_p
from core.types import Bools, Floats, Ints, Texts

MIN_BARS: Final = 30  # as for the fit window of a pair
FALSE_RATE: Final = 0.05  # false discovery rate that the candidates of a scan keep


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """p rows, one for each pair (or ordered pair) of the m symbols that could be used; (p,) columns unless noted.

    A row is NaN where the two legs share fewer than N candles. Where one leg explains the other all but perfectly the
    statistic is −inf with p = 0, as in statsmodels' ``coint``. Neither kind is ``tested``.
    """

    symbols: Texts  # (m,) the most liquid first, then by name
    left_out: tuple[LeftOut, ...]
    bars: int  # N
    both_directions: bool
    cost_bps: float  # a round trip, bps of gross notional
    entry_z: float
    stop_z: float
    y: Ints  # index into ``symbols``
    x: Ints
    stat: Floats  # Engle-Granger
    pvalue: Floats  # of this test alone
    adjusted: Floats  # the smallest false discovery rate it passes at; NaN where not tested
    beta: Floats
    z: Floats  # last residual / residual sd of the same fit
    half_life_bars: Floats  # pure noise shows one too: it means something for a candidate only
    corr: Floats  # of log returns over the window
    stale_share: Floats  # worse leg's share of intervals without a candle or with an unchanged close
    sd_bps: Floats  # residual sd, bps of gross notional
    break_even_z: Floats  # |z| that pays the cost if all of a stretch comes back; it rarely does
    tested: Bools  # counts as a test: there is an answer, and the stale share is within the rule's limit
    robust_pvalue: Floats  # errors that allow for changing volatility; NaN where ``adjusted`` is above ``FALSE_RATE``
    logs: Floats  # (m, n) what was tested
    candidates: Ints  # (c,) rows, best first

    def __len__(self) -> int:
        return len(self.y)

    @property
    def pairs_tested(self) -> int:
        """Tests that the correction answers for."""
        return int(np.count_nonzero(self.tested))

    @property
    def robust_limit(self) -> float:
        """What ``robust_pvalue`` may be at most, as of Benjamini-Hochberg: rate × pairs that pass / pairs tested."""
        return FALSE_RATE * np.count_nonzero(self.adjusted <= FALSE_RATE) / max(self.pairs_tested, 1)

    @property
    def expected_by_chance(self) -> float:
        """Pairs that would show p < .05 if no two symbols were related."""
        return RELATED_P * self.pairs_tested

    @property
    def below_nominal(self) -> int:
        """Pairs that show p < .05, before any correction: to be read beside ``expected_by_chance``."""
        return int(np.count_nonzero(self.tested & (self.pvalue < RELATED_P)))

    @property
    def found(self) -> int:
        """Candidates."""
        return len(self.candidates)

    def pair(self, row: int) -> str:
        """A row's name, Y first."""
        return f"{self.symbols[self.y[row]]}/{self.symbols[self.x[row]]}"

    def correlations(self) -> Floats:
        """(m, m) correlation of log returns, 1 on the diagonal: the heatmap, ``scan_order.cluster_order`` orders it."""
        out = np.eye(len(self.symbols))
        out[self.y, self.x] = out[self.x, self.y] = self.corr
        return out


def scan(
    closes: Floats,
    symbols: Sequence[str] | Texts,
    bars: int | None = None,
    *,
    both_directions: bool = False,
    liquidity: Floats | None = None,
    cost_bps: float = 10.0,
    entry_z: float = 2.0,
    stop_z: float = 4.0,
) -> Scan:
    """Test every pair of a market for a spread that keeps coming back, and rank what survives the correction.

    Which leg is Y is fixed before any test: **X is the leg of more ``liquidity``, and of equals (or without it) the one
    whose name comes first**. Never the direction that looks better: that would be a second, uncounted test.

    Parameters
    ----------
    closes : (m, n) float
        Confirmed closes, one row a symbol, evenly spaced, oldest first; NaN where an interval has no candle. n beyond
        N lets pairs with gaps still have N common candles, and widens the span of the stale share: give N + N/4.
    symbols : (m,) str
        Unique names.
    bars : int, optional
        N, the newest common candles a pair is fitted to; >= 30. All n by default.
    both_directions : bool
        Also X on Y, as tests of their own: twice as many are answered for.
    liquidity : (m,) float, optional
        Any measure of it, the more the better: 24 h quote volume. NaN is least.
    cost_bps : float
        A round trip of both legs, bps of gross notional, >= 0.
    entry_z, stop_z : float
        Between them a candidate is stretched.

    Returns
    -------
    Scan
        A **candidate** is tested, passes at ``FALSE_RATE``, passes once more with errors that allow for changing
        volatility (``robust_t``), and has β > 0.1, so that a neutral position exists. Ranked: first those stretched
        now, beyond their break-even and short of the stop; within each group by the statistic.

    Raises
    ------
    ValueError
        Shapes that do not fit, a name twice, or a parameter out of range.

    Notes
    -----
    Engle and Granger (1987), MacKinnon (1994, 2010), Benjamini and Yekutieli (2001). Pairs of series without a gap
    go through ``scan_moments`` together; one with a gap costs as much as some fifty others.

    Measured by ``benchmarks.scan`` on seeded markets of 50 unrelated symbols: a false candidate in about 1 % of scans,
    3–5 % where volatility comes in strong clusters (without the second opinion, 10–12 %).
    Beside pairs with a wide spread, pairs that share a leg with them are named too. A candidate is not a verdict.
    """
    closes = np.asarray(closes, np.float64)
    names = np.asarray(symbols, np.str_)
    bars = closes.shape[-1] if bars is None else bars
    _check(closes, names, liquidity, bars=bars, cost_bps=cost_bps, z=(entry_z, stop_z))

    order = np.argsort(names, kind="stable")
    if liquidity is not None:
        volume = np.asarray(liquidity, np.float64)[order]
        order = order[np.argsort(-np.nan_to_num(volume, nan=-np.inf), kind="stable")]
    closes, names = closes[order], names[order]
    kept, left_out = usable(closes, names, bars)
    closes, names = closes[kept], names[kept]
    fits = _fit(closes, bars, both_directions)

    stale = stale_shares(closes)
    sd_bps = edge_bps(fits.resid_sd, fits.beta)
    return _judged(
        Scan(
            symbols=names,
            left_out=left_out,
            bars=bars,
            both_directions=both_directions,
            cost_bps=cost_bps,
            entry_z=entry_z,
            stop_z=stop_z,
            y=fits.y,
            x=fits.x,
            stat=fits.stat,
            pvalue=fits.pvalue,
            adjusted=np.empty(0),
            beta=fits.beta,
            z=fits.z,
            half_life_bars=fits.half_life_bars,
            corr=fits.corr,
            stale_share=np.maximum(stale[fits.y], stale[fits.x]),
            sd_bps=sd_bps,
            break_even_z=cost_bps / sd_bps,
            tested=np.empty(0, np.bool_),
            robust_pvalue=np.empty(0),
            logs=np.log(closes),
            candidates=np.empty(0, np.int64),
        )
    )


def why(result: Scan, row: int) -> str:
    """In words, why a row is a candidate, or why it is not.

    Parameters
    ----------
    result : Scan
    row : int
    """
    s, k = result, row
    y, x = s.symbols[s.y[k]], s.symbols[s.x[k]]
    if np.isnan(s.stat[k]):
        return f"No answer: fewer than {s.bars:,} common candles, or nothing in them that could be tested."
    if s.stat[k] == -np.inf:
        return f"{y} and {x} move as one: nothing is left between them to test."
    if not s.tested[k]:
        return f"Not tested: {s.stale_share[k]:.0%} of a leg's intervals have no new price, {MAX_STALE:.0%} at most."
    test = f"t = {s.stat[k]:.2f}, p = {_shown(s.pvalue[k])}; {_shown(s.adjusted[k])} after {s.pairs_tested:,} tests"
    if not s.adjusted[k] <= FALSE_RATE:
        return f"Not supported by the data: {test}."
    if not s.robust_pvalue[k] <= s.robust_limit:
        return (
            f"Carried by a few wild moves: {test}; but p = {_shown(s.robust_pvalue[k])} where volatility may change,"
            f" {_shown(s.robust_limit)} at most."
        )
    if not s.beta[k] > MIN_BETA:
        return f"The spread keeps coming back ({test}), but β = {s.beta[k]:.2f}: no neutral position exists."
    return (
        f"What is left of {y} after {s.beta[k]:.2f} × {x} keeps coming back: {test}."
        f" Half of a deviation is gone in about {s.half_life_bars[k]:.1f} bars. {_stretch(s, k)}"
    )


def _fit(closes: Floats, bars: int, both_directions: bool) -> PairFits:
    """Fit all pairs; X is the earlier row."""
    gappy = np.count_nonzero(np.isnan(closes[:, -bars:]), axis=1) > 0
    logs = np.log(closes)
    whole = np.flatnonzero(~gappy)
    fits = fit_all(logs[whole, -bars:], EG_LAGS, both_directions)
    fits = replace(fits, y=whole[fits.y], x=whole[fits.x])
    if gappy.any():
        x, y = np.triu_indices(len(closes), 1)
        apart = gappy[x] | gappy[y]
        y, x = y[apart], x[apart]
        if both_directions:
            y, x = np.concatenate((y, x)), np.concatenate((x, y))
        fits = fits.joined(fit_aligned(logs, y, x, bars, EG_LAGS))
    return fits


def _judged(result: Scan) -> Scan:
    """Correct for the number of tests, and rank what passes."""
    tested = np.isfinite(result.stat) & (result.stale_share <= MAX_STALE)
    rate = adjusted(np.where(tested, result.pvalue, np.nan))
    robust, passed = np.full(len(result), np.nan), np.flatnonzero(rate <= FALSE_RATE)
    t = robust_t(result.logs, result.y[passed], result.x[passed], result.bars, EG_LAGS)
    robust[passed] = mackinnon_p(t, 2)
    judged = replace(result, tested=tested, adjusted=rate, robust_pvalue=robust)
    rows = np.flatnonzero((robust <= judged.robust_limit) & (judged.beta > MIN_BETA))
    return replace(judged, candidates=rows[np.lexsort((judged.stat[rows], ~stretched(judged, rows)))])


def stretched(s: Scan, rows: Ints) -> Bools:
    """Which of these rows stand beyond their break-even now, and short of the stop."""
    size = np.abs(s.z[rows])
    now: Bools = (size >= np.maximum(s.entry_z, s.break_even_z[rows])) & (size < s.stop_z)
    return now


def _stretch(s: Scan, k: int) -> str:
    at, pays = f"It stands at z = {s.z[k]:+.2f}", f"{s.break_even_z[k]:.1f}"
    if s.break_even_z[k] >= s.stop_z:
        return f"{at}, but a stretch pays its cost only from |z| = {pays} on, past the stop at {s.stop_z:g}."
    if abs(s.z[k]) >= s.stop_z:
        return f"{at}, past the stop at {s.stop_z:g}."
    if stretched(s, np.array([k])).all():
        return f"{at}, past the {pays} that pays the cost if all of it comes back."
    return f"{at}, not stretched; from |z| = {pays} on all of a stretch would pay its cost."


def _shown(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-12 else "under 1e-12"  # the table says nothing finer


def _check(
    closes: Floats,
    names: Texts,
    liquidity: Floats | None,
    *,
    bars: int,
    cost_bps: float,
    z: tuple[float, float],
) -> None:
    if closes.ndim != 2 or len(closes) != len(names):
        raise ValueError(f"closes must have one row for each of {len(names)} symbols, was {closes.shape}")
    if len(np.unique(names)) != len(names):
        raise ValueError("symbols must be unique")
    if liquidity is not None and np.shape(liquidity) != names.shape:
        raise ValueError(f"liquidity must have one value for each of {len(names)} symbols, was {np.shape(liquidity)}")
    if bars < MIN_BARS:
        raise ValueError(f"bars must be >= {MIN_BARS}, was {bars}")
    if not cost_bps >= 0:
        raise ValueError(f"cost_bps must be >= 0, was {cost_bps}")
    if not 0 < z[0] < z[1]:
        raise ValueError(f"entry_z must be above 0 and below stop_z ({z[1]}), was {z[0]}")
