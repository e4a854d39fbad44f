"""How often is the rule wrong, and does it earn what it promises? Both presets, seeded, with standard errors.

    python -m benchmarks.rule [--quick | --full] [--seed N] [--forward]
    python -m benchmarks.rule --candles FILE [--pairs N]

Simulated markets first (see ``rule_markets``): size of the tests, alerts per judged pair-day without any
relationship, share of real excursions flagged, promised against realised net, rows that changed afterwards; then the
walk-forward engine on the same markets (``--forward``: this alone).
``--candles`` runs both presets over recorded klines (``open_time_ms,symbol,…,close,volume``, gzip or plain) instead.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from analytics.params import FIT_BARS, NEEDED, Params
from analytics.record import clean_rows, past_excursions
from analytics.report import PairReport, analyse
from analytics.stationarity import adf, engle_granger
from benchmarks.machine import table
from benchmarks.rule_forward import forward
from benchmarks.rule_markets import DAY, MARKETS, Market, plain, reverting
from benchmarks.rule_score import Tally, ratio
from benchmarks.rule_walk import Walk, walk_rule
from core.types import Candles, Floats, Ints

TAKER_BPS, MAKER_BPS = 5.0, 2.0
START_MS = 1_700_006_400_000


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to simulate."""

    windows: int  # for the tests' size
    pairs: int  # per market, each 45 days of minutes
    classic_days: int  # judged by the classic preset at the end of each pair's history: its lag search costs most
    replays: int  # looks repeated with nothing but the last candles
    forward: int  # pairs per market that the walk-forward engine runs over


EFFORTS = {
    "quick": Effort(4_000, 4, 1, 20, 2),
    "default": Effort(40_000, 40, 3, 200, 12),
    "full": Effort(100_000, 300, 3, 1_000, 60),
}
DAYS = 45


def main() -> None:
    """Print the tables."""
    args = argparse.ArgumentParser(prog="python -m benchmarks.rule", description=__doc__.splitlines()[0])
    how = args.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="half a minute, with wide errors")
    how.add_argument("--full", action="store_true", help="about half an hour")
    args.add_argument("--seed", type=int, default=20260801)
    args.add_argument("--forward", action="store_true", help="the walk-forward engine's part alone")
    args.add_argument("--candles", type=Path, help="recorded klines instead of simulations")
    args.add_argument("--pairs", type=int, default=300, help="recorded pairs drawn at random from all")
    chosen = args.parse_args()
    began = time.perf_counter()
    rng = np.random.default_rng(chosen.seed)
    if chosen.candles:
        recorded(chosen.candles, chosen.pairs, rng)
    else:
        effort = EFFORTS["quick" if chosen.quick else "full" if chosen.full else "default"]
        print(f"seed {chosen.seed}; {effort}\n")
        if not chosen.forward:
            sizes(rng, effort)
            markets(rng, effort)
        forward(np.random.default_rng(chosen.seed), effort.forward)
    print(f"\n{time.perf_counter() - began:.0f} s")


# ---- the tests' own size and power -----------------------------------------------------------------------------


def sizes(rng: np.random.Generator, effort: Effort) -> None:
    """Rejections at a nominal 5 %: without a relationship, and for real pairs."""
    rows = []
    for bars in (300, 500, 1000):
        eg: list[bool] = []
        naive: list[bool] = []
        while len(eg) < effort.windows:
            y, x = plain(rng, min(2000, effort.windows - len(eg)), bars)  # in parts, to spare the memory
            eg += [engle_granger(y[i], x[i]).pvalue < 0.05 for i in range(len(y))]
            naive += [adf(_residual(y[i], x[i])).pvalue < 0.05 for i in range(0, len(y), 20)]
        power: list[list[bool]] = []
        for half_life in (10, 20, 40):
            y, x = reverting(half_life)(rng, effort.windows // 40, bars)
            power.append([engle_granger(y[i], x[i]).pvalue < 0.05 for i in range(len(y))])
        rows.append([str(bars), _share(eg), _share(naive), *(_share(p) for p in power)])
    head = ["N", "Engle-Granger, null %", "plain ADF on the spread, null %", "power h = 10 %", "h = 20 %", "h = 40 %"]
    print("Rejections at a nominal 5 % (independent windows)\n")
    print(table(head, rows), "\n")


def _residual(y: Floats, x: Floats) -> Floats:
    dy, dx = y - y.mean(), x - x.mean()
    out: Floats = dy - (dy * dx).sum() / (dx * dx).sum() * dx
    return out


def _share(passed: list[bool]) -> str:
    p = float(np.mean(passed))
    return f"{100 * p:.2f} ± {100 * np.sqrt(p * (1 - p) / len(passed)):.2f}"


# ---- simulated markets -----------------------------------------------------------------------------------------


def markets(rng: np.random.Generator, effort: Effort) -> None:
    """Alerts, flagged excursions, promised and realised net, for both presets in every market."""
    false_rows: list[list[str]] = []
    real_rows: list[list[str]] = []
    gate_rows: list[list[str]] = []
    changed = looked = 0
    for market in MARKETS:
        tallies: dict[str, Tally] = {}
        cost = 4.0 * (TAKER_BPS + market.half_spread_bps) / 2.0  # two fills a leg; bps of gross whatever the split
        for pair in range(effort.pairs):
            y, x = (np.exp(v[0]) for v in market.draw(rng, 1, DAYS * DAY))
            evidence = _report(y, x, Params())
            for name, walk in _walks(market, evidence, cost, effort):
                tallies.setdefault(name, Tally()).add(pair, walk, evidence, cost, by_day=False)
            if pair < 4:
                looks = effort.replays // (4 * len(MARKETS)) + 1
                changed += _changed_rows(rng, evidence, looks)
                looked += looks
        for name, tally in tallies.items():
            if not market.real:
                false_rows.append([market.name, name, *_false(tally)])
                continue
            real_rows.append([market.name, name, f"{cost:.1f}", *_real(tally)])
            if name.startswith("Evidence"):
                gate_rows.append([market.name + name.removeprefix("Evidence"), *_gate(tally)])
        print(f"… {market.name}", flush=True)
    print("\nWithout a relationship: what each preset raised all the same\n")
    head = ["market", "preset", "judged pair-days", "alerts per 1,000 pair-days", "pair-days with an alert %"]
    print(table(head, false_rows), "\n")
    print("Real pairs: what was flagged, promised and earned (bps of gross notional, net of cost)\n")
    head = [
        "market", "preset", "cost", "free excursions", "flagged %", "trades", "promised", "its middle", "realised net",
        "realised − middle",
    ]  # fmt: skip
    print(table(head, real_rows), "\n")
    print("The persistence check beside Evidence's trades: it informs, and does not decide\n")
    head = ["market", "alerts per pair-day", "trades", "persistence passed %", "net where passed", "net where failed"]
    print(table(head, gate_rows), "\n")
    print(f"Replays: {looked} looks repeated from their last candles alone; {changed} rows differed in any bit")


def _walks(market: Market, evidence: PairReport, cost: float, effort: Effort) -> list[tuple[str, Walk]]:
    """Each preset over one pair; a pair that breaks is judged after the break, its first day apart."""
    n = evidence.have_bars
    classic = replace(evidence, params=Params(preset="classic"))  # the same numbers, read by the other rule
    late = n - effort.classic_days * DAY
    walks = [("Classic", walk_rule(classic, cost, late))]
    if market.name.endswith("50 % stale"):
        walks.append(("Classic without the clean-data check", walk_rule(classic, cost, late, clean_decides=False)))
    if market.breaks_at is None:
        return [("Evidence", walk_rule(evidence, cost)), *walks]
    broke = int(market.breaks_at * n)
    walk = walk_rule(evidence, cost, broke)
    return [
        ("Evidence, first day after", _part(walk, broke, broke + DAY)),
        ("Evidence, later", _part(walk, broke + DAY, n)),
        *walks,
    ]


def _part(walk: Walk, first: int, end: int) -> Walk:
    rows = np.arange(len(walk.judged))
    inside = (rows >= first) & (rows < end)
    trades = tuple(t for t in walk.trades if first <= t.row < end)
    return replace(
        walk, judged=walk.judged & inside, alerts=walk.alerts & inside, trades=trades, free=0, flagged=0
    )  # excursions are not split: the whole stretch has their share


def _false(t: Tally) -> list[str]:
    alerts = ratio(t.alerts)
    return [f"{alerts.count:.0f}", alerts.text(1000, 1), ratio(t.alert_days).text(100, 2)]


def _real(t: Tally) -> list[str]:
    flagged = ratio(t.flagged)
    return [
        f"{flagged.count:.0f}" if flagged.count else "–",
        flagged.text(100, 1),
        f"{ratio(t.net).count:.0f}",
        *(_of(clusters) for clusters in (t.promised, t.middle, t.net, t.off_middle)),
    ]


def _gate(t: Tally) -> list[str]:
    return [
        ratio(t.alerts).text(1, 2),
        f"{ratio(t.net).count:.0f}",
        ratio(t.gate).text(100, 1),
        _of(t.net_passed),
        _of(t.net_failed),
    ]


def _of(clusters: dict[object, tuple[float, float]]) -> str:
    r = ratio(clusters)
    return "–" if np.isnan(r.value) else r.text()


def _report(y: Floats, x: Floats, params: Params) -> PairReport:
    open_ms = START_MS + np.arange(len(y)) * 60_000
    return analyse(_candles("Y", open_ms, y, 60), _candles("X", open_ms, x, 60), params)


def _candles(symbol: str, open_ms: Ints, close: Floats, timeframe_s: int) -> Candles:
    one, kind = np.ones(len(close)), np.full(len(close), "kline", dtype="U8")
    return Candles(symbol, timeframe_s, open_ms, close, close, close, close, one, one.astype(np.int64), kind)


def _changed_rows(rng: np.random.Generator, whole: PairReport, looks: int) -> int:
    """Looks repeated with nothing but the candles the desk loads; how many said anything else."""
    p, changed = whole.params, 0
    for end in rng.integers(p.need_bars, whole.have_bars, looks).tolist():
        rows = slice(end - p.need_bars, end)
        open_ms = whole.open_ms[rows]
        part = analyse(_candles("Y", open_ms, whole.y[rows], 60), _candles("X", open_ms, whole.x[rows], 60), p)
        same = all(
            np.array_equal(getattr(part, name)[p.fit_bars :], getattr(whole, name)[rows][p.fit_bars :], equal_nan=True)
            for name in ("beta", "spread", "z", "z_roll", "corr", "eg_stat", "eg_pvalue")
        )
        changed += not same
    return changed


# ---- recorded candles ------------------------------------------------------------------------------------------


def recorded(path: Path, most: int, rng: np.random.Generator) -> None:
    """Both presets over recorded klines. Trades cluster by day: all pairs share one market."""
    rows = pd.read_csv(path, usecols=["open_time_ms", "symbol", "close", "volume"])
    rows = rows[rows["volume"] > 0]  # a kline without trades is not a candle
    step_ms = int(np.diff(np.unique(rows["open_time_ms"])).min())
    timeframe_s = step_ms // 1000
    legs = {
        str(symbol): _candles(
            str(symbol), leg["open_time_ms"].to_numpy(np.int64), leg["close"].to_numpy(np.float64), timeframe_s
        )
        for symbol, leg in rows.groupby("symbol")
    }
    pairs = list(combinations(sorted(legs), 2))
    if len(pairs) > most:
        pairs = [pairs[i] for i in sorted(rng.choice(len(pairs), most, replace=False).tolist())]
    print(
        f"{path.name}: {len(legs)} symbols, {timeframe_s} s candles, N = {FIT_BARS[timeframe_s]},"
        f" {len(pairs)} pairs (Y, X in the alphabet's order, fixed in advance)\n"
    )
    evidence, classic = Params(timeframe_s=timeframe_s), Params(timeframe_s=timeframe_s, preset="classic")
    taker, maker = 4 * TAKER_BPS / 2, 4 * MAKER_BPS / 2
    runs = {
        "Evidence at taker fees": (evidence, taker),
        "Evidence at maker fees": (evidence, maker),
        "Classic": (classic, taker),
    }
    tallies = {name: Tally() for name in runs}
    everything: dict[object, tuple[float, float]] = {}
    for y, x in pairs:
        r = analyse(legs[y], legs[x], Params(timeframe_s=timeframe_s))
        for name, (params, cost) in runs.items():
            tallies[name].add((y, x), walk_rule(replace(r, params=params), cost), r, cost, by_day=True)
        fits = r.log_fits
        for e in past_excursions(r.open_ms, r.y, r.x, fits.z, fits.spread, fits.beta, clean_rows(r), r.params)[0]:
            if e.row + r.params.fit_bars + 1 >= r.have_bars:
                continue  # its time is not up: counting it would count quick winners first
            old = everything.get(int(r.open_ms[e.row]) // 86_400_000, (0.0, 0.0))
            everything[int(r.open_ms[e.row]) // 86_400_000] = (old[0] + e.gross_bps, old[1] + e.shown_bps)
    lines = []
    for name, t in tallies.items():
        alerts, days = ratio(t.alerts), ratio(t.alert_days)
        gross = ratio(t.gross) if t.gross else None
        lines.append(
            [
                name,
                f"{alerts.count:.0f}",
                alerts.text(1000, 1),
                days.text(100, 1),
                f"{gross.count:.0f}" if gross else "0",
                _of(t.gross),
                f"{gross.value - taker:+.2f}" if gross else "–",
                f"{gross.value - maker:+.2f}" if gross else "–",
                _of(t.promised),
                _of(t.kappa),
            ]
        )
    head = [
        "preset", "judged pair-days", "alerts per 1,000 pair-days", "pair-days with an alert %", "trades",
        "gross bps ± se", "net at taker", "net at maker", "promised net", "κ of its trades ± se",
    ]  # fmt: skip
    print(table(head, lines), "\n")
    print(
        f"All clean, mature excursions, whatever their p: κ = {_of(everything)} (a record needs {NEEDED} mature ones)."
    )
    print("Fees alone are charged: klines hold no prints to read the price spread from. Errors cluster by day.")


if __name__ == "__main__":
    main()
