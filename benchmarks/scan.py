"""How fast and how honest a scan is: ``python -m benchmarks.scan [--scans N] [--repeats N]``.

Speed: whole scans (tests, p-values, correction, ranking) on one core, beside a timed sample of the loop over
statsmodels' ``coint`` in the same run; and by how much the two differ. Honesty: how often a seeded market without a
related pair yields a candidate, and how many of 20 planted pairs are found, with standard errors.
"""
# ruff: noqa: E402 (a thread count that is set after numpy was loaded is not read)

from __future__ import annotations

import os

for _library in ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM"):  # one core
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter
from statsmodels.tsa.stattools import coint

from analytics.scanner import Scan, scan
from core.types import Floats

STEP = 1e-3  # sd of a bar's log return
CORR = 0.8  # of any two symbols' returns
SYMBOLS = 50
Returns = Callable[[np.random.Generator, int, int], Floats]


def names(m: int) -> list[str]:
    """Symbols that sort as they are numbered."""
    return [f"S{k:03}USDT" for k in range(m)]


def gaussian(rng: np.random.Generator, m: int, n: int) -> Floats:
    """Log returns (m, n) of a common factor and of each symbol's own."""
    return _mixed(rng.normal(size=n), rng.normal(size=(m, n)))


def heavy(rng: np.random.Generator, m: int, n: int) -> Floats:
    """The same with Student's t of 3 degrees of freedom: jumps of ten standard deviations now and then."""
    returns: Floats = _mixed(rng.standard_t(3, size=n), rng.standard_t(3, size=(m, n))) / np.sqrt(3.0)
    return returns


def bouncing(rng: np.random.Generator, m: int, n: int) -> Floats:
    """The same, each close at the bid or the ask, 0.3 bars' sd from the middle."""
    sides = 0.3 * STEP * rng.choice([-1.0, 1.0], size=(m, n))
    return gaussian(rng, m, n) + np.diff(sides, axis=1, prepend=0.0)


def clustered(rng: np.random.Generator, m: int, n: int) -> Floats:
    """The same under one volatility that wanders: its log an AR(1), half-life 34 bars, sd 0.5."""
    volatility: Floats = np.exp(0.5 * _ar1(rng, 1, n, 34.0) - 0.25)
    returns: Floats = gaussian(rng, m, n) * volatility
    return returns


MARKETS: dict[str, Returns] = {
    "gaussian": gaussian,
    "heavy tails": heavy,
    "bid-ask bounce": bouncing,
    "volatility clusters": clustered,
}


def closes(returns: Floats) -> Floats:
    """Prices of walks."""
    prices: Floats = np.exp(np.cumsum(returns, axis=1))
    return prices


def planted(rng: np.random.Generator, m: int, n: int, pairs: int, half_life: float, sd: float) -> Floats:
    """Closes of a Gaussian market whose symbols 2k + 1 are β times symbol 2k and an AR(1) spread, for ``pairs`` k."""
    logs = np.cumsum(gaussian(rng, m, n), axis=1)
    beta = rng.uniform(0.5, 1.5, size=(pairs, 1))
    logs[1 : 2 * pairs : 2] = beta * logs[0 : 2 * pairs : 2] + sd * _ar1(rng, pairs, n, half_life)
    prices: Floats = np.exp(logs)
    return prices


def _mixed(factor: Floats, own: Floats) -> Floats:
    returns: Floats = STEP * (np.sqrt(CORR) * factor + np.sqrt(1.0 - CORR) * own)
    return returns


def _ar1(rng: np.random.Generator, m: int, n: int, half_life: float) -> Floats:
    """(m, n) AR(1) series of sd 1, in their stationary state."""
    phi = 0.5 ** (1.0 / half_life)
    noise = rng.normal(size=(m, n))
    noise[:, 1:] *= np.sqrt(1.0 - phi * phi)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise, axis=1))


@dataclass(frozen=True, slots=True)
class Timing:
    """Of repeated scans of one market."""

    best_s: float
    median_s: float
    cpu_s: float  # median; no more than the clock's, for it is one core
    peak_mib: float  # newly allocated while scanning


def timed(prices: Floats, bars: int, repeats: int) -> tuple[Scan, Timing]:
    """Scan once to warm up, then repeatedly, then once more with every allocation traced."""
    symbols = names(len(prices))
    result = scan(prices, symbols, bars)
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        scan(prices, symbols, bars)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    tracemalloc.start()
    scan(prices, symbols, bars)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return result, Timing(min(walls), float(np.median(walls)), float(np.median(cpus)), peak / 2**20)


def loop_s(prices: Floats, result: Scan, rng: np.random.Generator, sample: int) -> tuple[float, float, float]:
    """CPU seconds a pair of the ``coint`` loop over a sample of its pairs; by how much t and p differ at most."""
    logs = np.log(prices)
    rows = rng.choice(len(result), sample, replace=False)
    started = time.process_time()
    theirs = [coint(logs[result.y[k]], logs[result.x[k]], trend="c", maxlag=2, autolag=None)[:2] for k in rows]
    seconds = (time.process_time() - started) / sample
    off = np.abs(np.array(theirs) - np.stack((result.stat[rows], result.pvalue[rows]), axis=1)).max(axis=0)
    return seconds, float(off[0]), float(off[1])


def peak_rss_mib() -> float | None:
    """The process's largest resident size, where the system says so in KiB."""
    if sys.platform != "linux":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def speed(repeats: int, sample: int) -> None:
    """Print the timings."""
    rng = np.random.default_rng(1)
    print(f"speed, one core, {repeats} scans each; loop and ratio in CPU time, since others may use the machine")
    print(
        f"{'market':>12}{'pairs':>9}{'best':>10}{'median':>10}{'cpu':>10}{'peak':>10}"
        f"{'coint a pair':>14}{'whole loop':>12}{'ratio':>9}{'max |Δt|':>10}{'max |Δp|':>10}"
    )
    for m, n in ((100, 1000), (500, 500), (800, 1000)):
        prices = closes(gaussian(rng, m, n))
        result, t = timed(prices, n, repeats)
        pair_s, off_t, off_p = loop_s(prices, result, rng, sample)
        print(
            f"{f'{m} × {n}':>12}{len(result):>9,}{t.best_s * 1e3:>7.0f} ms{t.median_s * 1e3:>7.0f} ms"
            f"{t.cpu_s * 1e3:>7.0f} ms{t.peak_mib:>6.0f} MiB{pair_s * 1e3:>11.2f} ms{pair_s * len(result):>10.0f} s"
            f"{pair_s * len(result) / t.cpu_s:>8,.0f}×{off_t:>10.0e}{off_p:>10.0e}"
        )
    prices = closes(gaussian(rng, 100, 1250))
    prices[:30][rng.random((30, 1250)) < 0.02] = np.nan
    result, t = timed(prices, 1000, repeats)
    print(
        f"100 × 1000, 30 of them with gaps in 2 % of their intervals: {len(result):,} pairs,"
        f" best {t.best_s * 1e3:.0f} ms, median {t.median_s * 1e3:.0f} ms, peak {t.peak_mib:.0f} MiB"
    )
    rss = peak_rss_mib()
    print(f"whole process, libraries and prices included: peak {'unknown here' if rss is None else f'{rss:.0f} MiB'}\n")


def share(hits: int, tries: int) -> str:
    """A share with its standard error; of none or all, that of one hit more or less."""
    p = hits / tries
    inner = min(max(p, 1.0 / tries), 1.0 - 1.0 / tries)
    return f"{p:6.2%} ± {np.sqrt(inner * (1.0 - inner) / tries):.2%}"


def unrelated(scans: int) -> None:
    """Print how often a market without a related pair yields a candidate."""
    print(f"no related pair, {SYMBOLS} symbols, return correlation {CORR}, {scans:,} scans each")
    print(f"{'market':>20}{'candles':>9}{'scans with a false candidate':>30}{'pairs with p < .05 alone':>26}")
    symbols = names(SYMBOLS)
    for name, returns in MARKETS.items():
        for n in (200, 500, 1000):
            rng = np.random.default_rng((2, n))
            hits, nominal = 0, 0.0
            for _ in range(scans):
                result = scan(closes(returns(rng, SYMBOLS, n)), symbols)
                hits += result.found > 0
                nominal += result.below_nominal / result.pairs_tested
            print(f"{name:>20}{n:>9,}{share(hits, scans):>30}{nominal / scans:>26.1%}")
    print()


def related(scans: int, pairs: int = 20, half_life: float = 10.0, n: int = 1000) -> None:
    """Print how many planted pairs are found, and what else is."""
    print(
        f"{pairs} related pairs planted among {SYMBOLS} symbols, {n:,} candles, half-life {half_life:g} bars,"
        f" {scans:,} scans each"
    )
    print(f"{'spread sd':>20}{'found':>16}{'scans with ≥ 18':>20}{'others found':>18}{'share of others':>20}")
    symbols = names(SYMBOLS)
    for name, sd in (("1 bar's return", 1.0), ("3 bars' returns", 3.0)):
        rng = np.random.default_rng(3)
        true, other = np.empty(scans), np.empty(scans)
        for k in range(scans):
            result = scan(planted(rng, SYMBOLS, n, pairs, half_life, sd * STEP), symbols)
            y, x = result.y[result.candidates], result.x[result.candidates]
            real = (y == x + 1) & (x % 2 == 0) & (x < 2 * pairs)
            true[k], other[k] = np.count_nonzero(real), np.count_nonzero(~real)
        rate = other / np.maximum(true + other, 1)
        enough = share(int(np.count_nonzero(true >= 18)), scans)
        print(f"{name:>20}{_mean(true):>16}{enough:>20}{_mean(other):>18}{_mean(100 * rate) + ' %':>20}")


def _mean(values: Floats) -> str:
    return f"{values.mean():.2f} ± {values.std(ddof=1) / np.sqrt(len(values)):.2f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=1000, help="simulated markets of each kind")
    parser.add_argument("--repeats", type=int, default=15, help="timed scans of each size")
    parser.add_argument("--sample", type=int, default=200, help="pairs of the timed coint loop")
    given = parser.parse_args()
    speed(given.repeats, given.sample)
    unrelated(given.scans)
    related(max(2, given.scans // 2))


if __name__ == "__main__":
    main()
