"""The walk-forward engine itself on simulated pairs: without a relationship it loses the cost, with one it wins.

Every fill is the engine's: the next candle, stop and all. A candle opens where the one before closed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analytics.backtest import Frictions, WalkForward, aligned_bars, walk_report
from analytics.fills import BPS, Execution, FillAt
from analytics.funding import FundingRates
from analytics.params import Params
from analytics.report import PairReport, analyse
from benchmarks.machine import table
from benchmarks.rule_markets import DAY, MARKETS, Market
from benchmarks.rule_score import ratio
from core.types import Candles, Floats, Ints

TAKER_BPS = 5.0
ANY_RECORD = "Evidence, any record"  # what is left of it is its test and its stretch
START_MS = 1_700_006_400_000
DAYS = 45
FILLS: tuple[FillAt, ...] = ("worse", "worst")

Clusters = dict[Hashable, tuple[float, float]]  # by pair: a sum in bps of gross notional, and of how many trades


@dataclass
class Sums:
    """What a preset's trades came to in one market; pairs are independent of one another."""

    at_closes: Clusters = field(default_factory=dict)  # gross, had both fills been at the closes
    taken: Clusters = field(default_factory=dict)  # by the worse moment
    cost: Clusters = field(default_factory=dict)
    net: Clusters = field(default_factory=dict)
    net_at_closes: Clusters = field(default_factory=dict)
    net_worst: Clusters = field(default_factory=dict)  # each leg at its own worst moment

    def add(self, pair: int, run: WalkForward, cost_bps: float) -> None:
        """Count a run, charged ``cost_bps`` of each fill's notional."""
        for t in run.trades:
            of = 1e4 / t.notional
            cost = t.traded * cost_bps * BPS * of
            taken = t.given_up * of
            if run.execution.fill == "worst":
                _add(self.net_worst, pair, t.gross_bps - cost)
                continue
            _add(self.at_closes, pair, t.gross_bps + taken)
            _add(self.taken, pair, taken)
            _add(self.cost, pair, cost)
            _add(self.net, pair, t.gross_bps - cost)
            _add(self.net_at_closes, pair, t.gross_bps + taken - cost)


def _add(into: Clusters, pair: int, bps: float) -> None:
    total, trades = into.get(pair, (0.0, 0.0))
    into[pair] = (total + bps, trades + 1.0)


def forward(rng: np.random.Generator, pairs: int, markets: Sequence[Market] = MARKETS) -> None:
    """Print what the engine's trades came to in each market: ``pairs`` pairs of 45 days of minutes."""
    nothing: list[list[str]] = []
    planted: list[list[str]] = []
    for market in (m for m in markets if m.breaks_at is None):
        sums = {name: Sums() for name in settings(market)}
        for pair in range(pairs):
            legs = drawn(market, rng, DAYS * DAY)
            report = analyse(*legs, Params())
            for name, params in settings(market).items():
                walk(sums[name], pair, replace(report, params=params), legs, market, name != ANY_RECORD)
        for name, s in sums.items():
            (planted if market.real else nothing).append([market.name, name, *_line(s, market.real)])
        print(f"… {market.name}", flush=True)
    head = ["market", "preset", "trades", "gross at closes", "cost", "net at closes", "worse moment takes", "net"]
    print(
        "\nWalk forward without a relationship: gross at the closes should be 0, net the cost (bps of gross notional)\n"
    )
    print(table(head, nothing), "\n")
    print("Walk forward on planted pairs: net should be above 0 for Evidence\n")
    print(table([*head, "net, each leg at its worst"], planted), "\n")


def settings(market: Market) -> dict[str, Params]:
    """Both presets at taker fees; on nothing, for want of trades, also an Evidence that any record satisfies."""
    both = {"Evidence": Params(fee_bps=TAKER_BPS), "Classic": Params(preset="classic", fee_bps=TAKER_BPS)}
    return both if market.real else {**both, ANY_RECORD: both["Evidence"]}


def walk(
    sums: Sums,
    pair: int,
    report: PairReport,
    legs: tuple[Candles, Candles],
    market: Market,
    record_decides: bool = True,
) -> None:
    """Run one setting over one pair, at each way to fill that is asked of it."""
    half = market.half_spread_bps
    costs = Frictions(half, half, FundingRates.none(), FundingRates.none())
    bars = aligned_bars(report, *legs)
    for at in FILLS if market.real else FILLS[:1]:
        sums.add(pair, walk_report(report, bars, costs, Execution(at), record_decides=record_decides), TAKER_BPS + half)


def drawn(market: Market, rng: np.random.Generator, n: int) -> tuple[Candles, Candles]:
    """One pair's candles, each opening where the one before closed."""
    y, x = (np.exp(leg[0]) for leg in market.draw(rng, 1, n))
    open_ms: Ints = START_MS + np.arange(n) * 60_000
    return _candles("YUSDT", open_ms, y), _candles("XUSDT", open_ms, x)


def _candles(symbol: str, open_ms: Ints, close: Floats) -> Candles:
    n = len(close)
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    one, kind = np.ones(n), np.full(n, "kline", dtype="U8")
    return Candles(symbol, 60, open_ms, opened, high, low, close, one, one.astype(np.int64), kind)


def _line(s: Sums, real: bool) -> list[str]:
    columns = [s.at_closes, s.cost, s.net_at_closes, s.taken, s.net, *([s.net_worst] if real else [])]
    return [f"{ratio(s.net).count:.0f}", *(_of(clusters) for clusters in columns)]


def _of(clusters: Clusters) -> str:
    r = ratio(clusters)
    if np.isnan(r.value):
        return "–"
    return f"{r.value:.2f} ± –" if np.isnan(r.se) else r.text()  # one pair alone has no error
