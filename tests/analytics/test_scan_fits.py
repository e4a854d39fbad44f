"""All pairs at once, each pair from its rows, and statsmodels say the same, of degenerate pairs too."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.tools.sm_exceptions import CollinearityWarning
from statsmodels.tsa.stattools import coint

from analytics import scan_moments
from analytics.scan_fits import PairFits, fit_aligned, fit_each
from analytics.scan_moments import fit_all
from analytics.stationarity import engle_granger, half_life
from core.errors import DegenerateData
from core.types import Floats
from tests.analytics.pairs import reverting

MEASURED = ("beta", "corr", "stat", "pvalue", "resid_sd", "z", "half_life_bars")


def market(seed: int, m: int, n: int) -> Floats:
    """Log prices of walks with a common factor; every fourth one is tied to the one before it."""
    rng = np.random.default_rng(seed)
    logs: Floats = np.cumsum(1e-3 * (0.8 * rng.normal(size=n) + 0.6 * rng.normal(size=(m, n))), axis=1)
    for k in range(3, m, 4):
        logs[k] = rng.uniform(0.5, 1.5) * logs[k - 1] + reverting(rng, n, 8.0, 1e-3)
    return logs + rng.uniform(-8.0, 11.0, size=(m, 1))


def theirs(y: Floats, x: Floats, lags: int) -> tuple[float, float]:
    """``coint`` of centred series: a level changes nothing but the reference's own digits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollinearityWarning)
        stat, pvalue, _ = coint(y - y.mean(), x - x.mean(), trend="c", maxlag=lags, autolag=None)
    return float(stat), float(pvalue)


def assert_equal_theirs(fits: PairFits, logs: Floats, rows: np.ndarray, lags: int = 2) -> None:
    expected = np.array([theirs(logs[fits.y[k]], logs[fits.x[k]], lags) for k in rows])
    assert_allclose(np.stack((fits.stat[rows], fits.pvalue[rows]), axis=1), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("n", [60, 200, 1000])
def test_all_pairs_at_once_equal_statsmodels_in_both_directions(n: int) -> None:
    logs = market(n, 20, n)
    for both in (False, True):
        fits = fit_all(logs, 2, both)
        assert len(fits) == 20 * 19 // (1 if both else 2)
        assert both or (fits.x < fits.y).all()
        assert_equal_theirs(fits, logs, np.random.default_rng(n).choice(len(fits), 60, replace=False))


@pytest.mark.parametrize("lags", [0, 1, 3, 5])
def test_any_number_of_lags_equals_statsmodels(lags: int) -> None:
    logs = market(lags, 8, 150)
    fits = fit_all(logs, lags)
    assert_equal_theirs(fits, logs, np.arange(len(fits)), lags)
    assert_allclose(np.stack([getattr(fits, c) for c in MEASURED]), fit_each(logs[fits.y], logs[fits.x], lags))


def test_each_column_is_what_the_pair_by_itself_shows() -> None:
    logs = market(5, 12, 300)
    fits = fit_all(logs, 2)
    for k in range(len(fits)):
        y, x = logs[fits.y[k]], logs[fits.x[k]]
        design = np.stack((np.ones(300), x - x.mean())).T
        (a, b), _, _, _ = np.linalg.lstsq(design, y, rcond=None)
        e = y - design @ [a, b]
        sd = np.sqrt(e @ e / 298)
        corr = np.corrcoef(np.diff(y), np.diff(x))[0, 1]
        got = [getattr(fits, c)[k] for c in ("beta", "resid_sd", "z", "corr", "half_life_bars")]
        assert_allclose(got, [b, sd, e[-1] / sd, corr, half_life(e).bars], rtol=1e-8)


def test_the_cut_into_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = market(2, 17, 80)
    whole = {both: fit_all(logs, 2, both) for both in (False, True)}
    monkeypatch.setattr(scan_moments, "BLOCK", 40)
    for both, fits in whole.items():
        cut = fit_all(logs, 2, both)
        assert {(int(y), int(x)) for y, x in zip(cut.y, cut.x, strict=True)} == {
            (int(y), int(x)) for y, x in zip(fits.y, fits.x, strict=True)
        }
        for name in MEASURED:
            before, after = (getattr(f, name)[np.lexsort((f.y, f.x))] for f in (fits, cut))
            assert_allclose(after, before, rtol=1e-8)


def awkward(n: int = 200) -> dict[str, tuple[Floats, Floats]]:
    """Pairs (y, x) that take the digits away from sums of squares, and some that have no answer."""
    rng = np.random.default_rng(11)
    x = np.cumsum(rng.normal(0.0, 1e-3, n))
    other = np.cumsum(rng.normal(0.0, 1e-3, n))
    time = np.arange(n)
    spike = np.zeros((3, n))
    spike[0, -1] = spike[1, 0] = spike[2, 1] = 1.0
    centred = x.copy()
    centred[-1] = centred[:-1].mean()
    noise = rng.normal(0.0, 1e-3, n)
    return {
        "identical": (x, x),
        "scaled": (0.5 * x + 3.0, x),
        "within rounding": (x + 1e-12 * other, x),
        "inside the guard": (x + 3e-6 * rng.normal(size=n), x),
        "just outside the guard": (x + 1.6e-5 * rng.normal(size=n), x),
        "near-collinear": (2.0 * x + 1e-3 * other, x),
        "one jump at the end": (x + 0.5 * spike[0], x),
        "one jump at the start": (x - 0.5 * spike[1], x),
        "nothing but a jump at the end": (centred + spike[0] + 1e-4 * other, centred),
        "nothing but two jumps at the start": (centred + spike[2] - spike[1] + 1e-4 * other, centred),
        "one noise, a slow wave apart": (noise + 2e-5 * np.sin(time / 30.0), noise),
        "two slow waves": (np.sin(time / 50.0) + 1e-3 * other, np.sin(time / 31.0)),
        "a slow wave apart": (x + 0.05 * np.sin(time / 40.0) + 1e-5 * other, x),
        "a trend apart": (x + 1e-3 * time + 1e-6 * other, x),
        "a pure trend": (1e-3 * time + 1e-9 * other, x),
        "alternating": (x + 1e-2 * (-1.0) ** time + 1e-4 * other, x),
        "one strong trend": (1e-3 * time + 0.03 * noise, 2e-3 * time + 0.03 * rng.normal(0.0, 1e-3, n)),
        "against each other": (-x + 1e-4 * other, x),
    }


@pytest.mark.parametrize("name", awkward())
def test_awkward_pairs_equal_statsmodels_alone_and_in_a_market(name: str) -> None:
    y, x = awkward()[name]
    logs = np.stack((x, y, *market(1, 5, 200)))
    fits = fit_all(logs, 2, both_directions=True)
    for k in np.flatnonzero((fits.y < 2) & (fits.x < 2)):
        one, two = logs[fits.y[k]], logs[fits.x[k]]
        expected = theirs(one, two, 2)
        assert_allclose((fits.stat[k], fits.pvalue[k]), expected, rtol=1e-8, atol=1e-8)
        assert_allclose(fit_each(one[None], two[None], 2)[2:4, 0], expected, rtol=1e-8, atol=1e-8)
        if expected[0] == -np.inf:
            assert np.isnan([fits.z[k], fits.resid_sd[k], fits.half_life_bars[k]]).all()
            with pytest.raises(DegenerateData):
                engle_granger(one, two)
    assert_equal_theirs(fits, logs, np.flatnonzero((fits.y >= 2) & (fits.x >= 2)))


def test_a_flat_leg_has_no_statistic() -> None:
    """``coint`` answers here, from the rounding of a mean; there is nothing to answer."""
    x = market(1, 1, 100)
    for y, other in ((np.full((1, 100), 7.1), x), (x, np.full((1, 100), 7.1))):
        assert np.isnan(fit_each(y, other, 2)).all()


@pytest.mark.parametrize(
    ("y", "x"), [((2, 1, -3, 0), (1, -2, 0, 1)), ((1, -1, 0), (1, 1, -2)), ((1, -1), (1, 1, -1, -1))]
)
def test_a_residual_that_foretells_itself_has_no_statistic(y: tuple[int, ...], x: tuple[int, ...]) -> None:
    """``coint`` divides by its own rounding here and finds the strongest relationship there is."""
    logs = np.stack([np.resize(np.array(leg, np.float64), 120) for leg in (x, y)])
    fits = fit_all(logs, 2)
    assert np.isnan([fits.stat[0], fits.pvalue[0]]).all()
    assert np.isfinite([fits.z[0], fits.resid_sd[0]]).all()


def test_pairs_with_gaps_are_fitted_to_their_newest_common_candles() -> None:
    rng = np.random.default_rng(4)
    logs = market(9, 8, 260)
    logs[rng.random(logs.shape) < 0.05] = np.nan
    y, x = np.triu_indices(8, 1)
    fits = fit_aligned(logs, y, x, 200, 2)
    for k in range(len(fits)):
        common = np.flatnonzero(~np.isnan(logs[y[k]] + logs[x[k]]))[-200:]
        r = engle_granger(logs[y[k], common], logs[x[k], common])
        assert_allclose([fits.stat[k], fits.pvalue[k]], [r.stat, r.pvalue], atol=1e-9)
    short = fit_aligned(logs, y, x, 250, 2)
    assert all(np.isnan(getattr(short, c)).all() for c in MEASURED)


def test_alignment_of_whole_series_changes_nothing() -> None:
    logs = market(3, 6, 120)
    fits = fit_all(logs[:, -100:], 2)
    aligned = fit_aligned(logs, fits.y, fits.x, 100, 2)
    for name in MEASURED:
        assert_allclose(getattr(aligned, name), getattr(fits, name), rtol=1e-8)
    assert_array_equal(aligned.y, fits.y)


@pytest.mark.parametrize("m", [0, 1])
@pytest.mark.parametrize("both", [False, True])
def test_fewer_than_two_series_have_no_pair(m: int, both: bool) -> None:
    assert len(fit_all(market(0, 1, 50)[:m], 2, both)) == 0
