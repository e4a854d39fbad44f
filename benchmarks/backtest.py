"""How fast a backtest walks a year of minutes, and what it says of recorded candles.

    python -m benchmarks.backtest [--candles N] [--repeats N] [--sample N]
    python -m benchmarks.backtest --recorded FILE --pairs ETHUSDT/BTCUSDT,... [--null N]

First: both presets over a seeded year of 1-minute candles on one core, beside a timed sample of the loop that every
notebook has: slice, statsmodels' OLS and coint, z and correlation, one candle after the other. Second: klines
(``open_time_ms,symbol,open,high,low,close,volume``, gzip or plain) as a user would run them, figures as they come out.
"""
# ruff: noqa: E402 (a thread count that is set after numpy was loaded is not read)

from __future__ import annotations

import os

for _library in ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM"):  # one core
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import statsmodels.api as sm
from statsmodels.tsa.stattools import coint

from analytics.backtest import Frictions, WalkForward, walk_forward
from analytics.banner import banner
from analytics.fills import Execution
from analytics.funding import FundingRates
from analytics.null import NullRun, Outcome, null_runs
from analytics.params import Params, Preset
from analytics.report import analyse
from analytics.sensitivity import Sensitivity, sensitivity, sensitivity_runs
from benchmarks.machine import goal, heading, table
from benchmarks.rule_markets import Market, plain, reverting
from core.types import Candles, Floats

START_MS = 1_700_006_400_000
YEAR = 525_600
SECONDS_ALLOWED, MIB_ALLOWED = 5.0, 1024.0
HALF_BPS = 0.5  # assumed for each leg of the recorded pairs: their touch is about a tick
FUNDING = 1e-4  # assumed at every settlement: the exchange's own base rate, 0.01 % in 8 h
PRESETS: tuple[Preset, ...] = ("evidence", "classic")
MARKETS = (Market("related, half-life 10", reverting(10), real=True), Market("no relationship", plain))


def main() -> None:
    """Measure and print."""
    args = argparse.ArgumentParser(prog="python -m benchmarks.backtest", description=__doc__.splitlines()[0])
    args.add_argument("--candles", type=int, default=YEAR, help="of a seeded pair, 1 minute each")
    args.add_argument("--repeats", type=int, default=5, help="timed runs of each kind")
    args.add_argument("--sample", type=int, default=200, help="candles of the timed loop")
    args.add_argument("--recorded", type=Path, help="klines instead of a seeded pair")
    args.add_argument("--pairs", default="ETHUSDT/BTCUSDT", help="of the recorded symbols, Y/X, comma separated")
    args.add_argument("--null", type=int, default=0, help="runs on redrawn candles, and all neighbouring settings")
    chosen = args.parse_args()
    print(heading("Backtest", "numpy", "scipy", "statsmodels", "pandas"))
    if chosen.recorded:
        recorded(chosen.recorded, [tuple(p.split("/")) for p in chosen.pairs.split(",")], chosen.null)
    else:
        speed(chosen.candles, chosen.repeats, chosen.sample)


# ---- speed


def speed(n: int, repeats: int, sample: int) -> None:
    """Print both presets' times, and the loop's."""
    params = Params()
    costs = Frictions(HALF_BPS, HALF_BPS, *(FundingRates.flat(FUNDING, START_MS, START_MS + n * 60_000),) * 2)
    rows = []
    took: dict[tuple[str, Preset], float] = {}
    for market in MARKETS:
        legs = seeded(market, n)
        for preset in PRESETS:
            walls, cores, run = [], [], None
            for _ in range(repeats):
                wall, core = time.perf_counter(), time.process_time()
                run = walk_forward(*legs, Params(preset=preset), costs)
                walls.append(time.perf_counter() - wall)
                cores.append(time.process_time() - core)
            took[market.name, preset] = statistics.median(cores)
            trades = 0 if run is None else run.summary.trades
            spread = f"{min(walls):.2f} to {max(walls):.2f}"
            rows.append([market.name, preset, f"{statistics.median(walls):.2f}", spread,
                         f"{statistics.median(cores):.2f}", f"{trades:,}"])  # fmt: skip
    print(f"{n:,} candles of 1 minute, N = {params.fit_bars}, {repeats} runs each, one core\n")
    print(table(["market", "preset", "median s", "s", "median CPU s", "trades"], rows), "\n")
    mib = peak_mib()
    slowest = max(took[market.name, "evidence"] for market in MARKETS)
    held = goal(slowest <= SECONDS_ALLOWED)
    print(f"Evidence in at most {SECONDS_ALLOWED:g} s of one core: {slowest:.2f} s of CPU, {held}")
    print(f"at most {MIB_ALLOWED:,.0f} MiB at the peak: {mib:,.0f} MiB, {goal(mib <= MIB_ALLOWED)}\n")
    loop(seeded(MARKETS[0], n), n, sample, took[MARKETS[0].name, "evidence"])


def loop(legs: tuple[Candles, Candles], n: int, sample: int, ours_s: float) -> None:
    """Time the loop over statsmodels at some candles, and compare what it says."""
    params = Params()
    y, x = (np.log(leg.close) for leg in legs)
    report = analyse(*legs, params)
    rng = np.random.default_rng(1)
    rows = np.sort(rng.choice(np.arange(params.need_bars, n), sample, replace=False)).tolist()
    times, apart = [], 0.0
    for row in rows:
        began = time.process_time()
        z, p, corr = notebook(y, x, row, params)
        times.append(time.process_time() - began)
        ours = report.log_fits.z[row], report.eg_pvalue[row], report.corr[row]
        apart = max(apart, *(abs(a - b) for a, b in zip((z, p, corr), ours, strict=True)))
    each = statistics.median(times)
    print(f"The loop: {each * 1e3:.2f} ms of CPU a candle (median of {sample}), {each * n:,.0f} s for all of them,")
    print("for fit, z, test and correlation alone: no record, no verdict, no trade.")
    faster = each * n / ours_s
    print(f"Ours, everything: {ours_s:.2f} s of CPU, {faster:,.0f} times faster; z, p and r differ by {apart:.0e}.")


def notebook(y: Floats, x: Floats, row: int, params: Params) -> tuple[float, float, float]:
    """One candle, as it is usually done."""
    w = slice(row - params.fit_bars + 1, row + 1)
    fit = sm.OLS(y[w], sm.add_constant(x[w])).fit()
    z = fit.resid[-1] / np.sqrt(fit.scale)
    pvalue = coint(y[w], x[w], trend="c", maxlag=2, autolag=None)[1]
    both = pd.DataFrame({"y": y[w], "x": x[w]}).diff().iloc[-params.z_bars :]
    return float(z), float(pvalue), float(both["y"].corr(both["x"]))


def seeded(market: Market, n: int) -> tuple[Candles, Candles]:
    """A pair whose candles open where the one before closed."""
    y, x = (np.exp(leg[0]) for leg in market.draw(np.random.default_rng(1), 1, n))
    open_ms, one, kind = START_MS + np.arange(n) * 60_000, np.ones(n), np.full(n, "kline", dtype="U8")

    def candles(symbol: str, close: Floats) -> Candles:
        opened = np.concatenate((close[:1], close[:-1]))
        high, low = np.maximum(opened, close), np.minimum(opened, close)
        return Candles(symbol, 60, open_ms, opened, high, low, close, one, one.astype(np.int64), kind)

    return candles("YUSDT", y), candles("XUSDT", x)


def peak_mib() -> float:
    """The most memory this process has held."""
    try:
        import resource
    except ImportError:  # Windows keeps it elsewhere
        return float(getattr(psutil.Process().memory_info(), "peak_wset", float("nan"))) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


# ---- recorded candles


@dataclass(frozen=True, slots=True)
class Fashion:
    """A way to fill."""

    name: str
    execution: Execution


FASHIONS = (
    Fashion("worse moment, stop", Execution()),
    Fashion("each leg's worst, stop", Execution("worst")),
    Fashion("close, no stop (as the record)", Execution("close", stop=False)),
)


def recorded(path: Path, pairs: list[tuple[str, ...]], null: int) -> None:
    """Print both presets, filled in three ways, and what the banner says."""
    legs = load(path, {symbol for pair in pairs for symbol in pair})
    first = next(iter(legs.values()))
    from_ms, to_ms = int(first.open_ms[0]), int(first.open_ms[-1])
    rates = FundingRates.flat(FUNDING, from_ms, to_ms)
    costs = Frictions(HALF_BPS, HALF_BPS, rates, rates)
    lines, words = [], []
    for y, x in pairs:
        for preset in PRESETS:
            params = Params(timeframe_s=first.timeframe_s, preset=preset)
            runs = [walk_forward(legs[y], legs[x], params, costs, execution=f.execution) for f in FASHIONS]
            for fashion, run in zip(FASHIONS, runs, strict=True):
                lines.append([f"{y}/{x}", preset, fashion.name, *figures(run)])
            words.append(f"{y}/{x} {preset}: {_worded(runs[0], legs[y], legs[x], costs, null)}")
    params = Params(timeframe_s=first.timeframe_s)
    print(f"{path.name}: {first.timeframe_s} s candles, N = {params.fit_bars}; fee {params.fee_bps:g} bps a fill,")
    print(f"half price-spread {HALF_BPS:g} bps a leg and funding {FUNDING:.2%} a settlement assumed\n")
    head = ["pair", "preset", "fills", "days", "trades", "gross bps", "cost bps", "net bps", "95 %", "promised", "hits",
            "exposure", "Sharpe ± se", "drawdown bps"]  # fmt: skip
    print(table(head, lines), "\n")
    print("\n".join(words))


def figures(run: WalkForward) -> list[str]:
    """A run's line; bps of gross notional, a trade."""
    s = run.summary
    if s.net_bps is None:
        return [f"{s.days:.1f}", "0", *"–––––––––"]
    each = s.trades * run.report.params.notional / 1e4
    return [
        f"{s.days:.1f}",
        f"{s.trades}",
        f"{s.gross / each:+.2f}",
        f"{(s.gross - s.net) / each:.2f}",
        f"{s.net_bps:+.2f}",
        "–" if s.interval is None else f"{s.interval.low:+.1f} to {s.interval.high:+.1f}",
        "–" if s.promised_bps is None else f"{s.promised_bps:+.1f}",
        f"{s.hit_rate:.0%}",
        f"{s.exposure:.0%}",
        "–" if s.sharpe is None else f"{s.sharpe.annual:+.1f} ± {s.sharpe.annual_se:.1f}",
        f"{s.drawdown_bps:.0f}",
    ]


def _worded(run: WalkForward, y: Candles, x: Candles, costs: Frictions, null: int) -> str:
    if not null:
        said = banner(run)
        return f"{said.headline} {said.text}"
    params, rng = run.report.params, np.random.default_rng(1)
    drawn = null_runs(y, x, params, costs, rng, runs=null, execution=run.execution)
    luck = NullRun(Outcome.of(run.summary), tuple(drawn))
    tried: Sensitivity = sensitivity(sensitivity_runs(y, x, params, costs, execution=run.execution))
    said = banner(run, luck, tried)
    net = "–" if luck.net_bps is None else f"{luck.net_bps:+.2f}"
    sharpe = "–" if tried.deflated is None else f"{tried.deflated:.2f}"
    return (
        f"{said.headline} {said.text}\n  redrawn {null} times: {luck.trades:.1f} trades a run at {net} bps net, as good"
        f" {luck.as_good:.2f}; {tried.tried} settings: {tried.winning} won anything, deflated Sharpe {sharpe}"
    )


def load(path: Path, symbols: set[str]) -> dict[str, Candles]:
    """Klines by symbol. One without trades is not a candle."""
    rows = pd.read_csv(path)
    step_ms = int(np.diff(np.unique(rows["open_time_ms"])).min())
    rows = rows[(rows["volume"] > 0) & rows["symbol"].isin(symbols)]
    absent = symbols - set(rows["symbol"])
    if absent:
        raise SystemExit(f"{path.name} has no {', '.join(sorted(absent))}")
    legs = {}
    for symbol, leg in rows.groupby("symbol"):
        prices = (leg[name].to_numpy(np.float64) for name in ("open", "high", "low", "close", "volume"))
        opened, high, low, close, volume = prices
        n = len(leg)
        legs[str(symbol)] = Candles(
            str(symbol), step_ms // 1000, leg["open_time_ms"].to_numpy(np.int64), opened, high, low, close, volume,
            np.ones(n, np.int64), np.full(n, "kline", dtype="U8"),
        )  # fmt: skip
    return legs


if __name__ == "__main__":
    main()
