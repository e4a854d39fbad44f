"""A desk that stands in for the real one: seeded values for every state the screen can show."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal

import numpy as np

from analytics.costs import CostSplit
from analytics.decision import Check, CheckState, Decision, Legs, LiveScore, Trigger, Verdict
from analytics.look import Look, RecordSummary, Said
from analytics.params import Params
from analytics.report import HalfLife, PairReport, TestResult, analyse
from core.errors import NotEnoughData, PairsightError, UnknownSymbol
from core.types import (
    Bools,
    Candles,
    DeskStatus,
    FeedStatus,
    Floats,
    Gap,
    Ints,
    MarkPrice,
    StoreStatus,
    StreamStatus,
    SymbolInfo,
    Ticks,
)

Scenario = Literal[
    "tradable",
    "wait",
    "thin",
    "not_tradable",
    "trap",
    "warming",
    "no_data",
    "unreachable",
    "stopped",
    "failed",
    "empty",
]
FeedState = Literal["stopped", "connecting", "live", "waiting", "blocked"]
SCENARIOS: Final[tuple[Scenario, ...]] = (
    "tradable", "wait", "thin", "not_tradable", "trap", "warming", "no_data", "unreachable", "stopped", "failed",
    "empty",
)  # fmt: skip
END_MS: Final = 1_721_401_200_000  # 2024-07-19 15:00:00 UTC: the newest candle ends here
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
NAN: Final = float("nan")
TARGET_Z: Final[Mapping[str, float]] = {
    "tradable": 2.43,
    "wait": 1.31,
    "thin": 2.18,
    "not_tradable": 0.62,
    "trap": -2.71,
}


def info(symbol: str, tick: float, step: float) -> SymbolInfo:
    """A contract as the exchange lists it."""
    return SymbolInfo(symbol, "TRADING", "PERPETUAL", symbol.removesuffix("USDT"), "USDT", tick, step, step, 1e4, 5.0)


CATALOGUE: Final = {
    s.symbol: s
    for s in (
        info("BTCUSDT", 0.1, 0.001), info("ETHUSDT", 0.01, 0.001), info("BNBUSDT", 0.01, 0.01),
        info("SOLUSDT", 0.001, 1.0), info("XRPUSDT", 0.0001, 0.1), info("ADAUSDT", 0.0001, 1.0),
    )
}  # fmt: skip


@lru_cache(maxsize=64)
def report(symbol_y: str, symbol_x: str, params: Params, target_z: float = 1.31, rows: int = 1400) -> PairReport:
    """The real analysis of a seeded pair with a hole of 18 candles in it; the last z is near ``target_z``."""
    rng = np.random.default_rng(7)
    x = 64_000 * np.exp(np.cumsum(rng.normal(0, 4e-4, rows)))
    noise = np.zeros(rows)
    for i in range(1, rows):
        noise[i] = 0.93 * noise[i - 1] + rng.normal(0, 3.2e-4)
    ramp = np.clip((np.arange(rows) - rows + 25) / 25, 0, 1)
    noise += ramp * (target_z * float(noise.std()) - noise[-1])
    y = np.exp(math.log(3_425) + 0.84 * (np.log(x) - math.log(64_000)) + noise)
    keep = (np.arange(rows) < rows - 150) | (np.arange(rows) >= rows - 132)
    step = params.timeframe_s * 1000
    open_ms = END_MS - step * np.arange(rows, 0, -1, dtype=np.int64)
    return analyse(_closes(symbol_y, params, open_ms, y, keep), _closes(symbol_x, params, open_ms, x, keep), params)


def _closes(symbol: str, params: Params, open_ms: Ints, close: Floats, keep: Bools) -> Candles:
    ones, trades = np.ones(len(close)), np.array(["trades"] * len(close))
    whole = Candles(
        symbol, params.timeframe_s, open_ms, close, close, close, close, ones, ones.astype(np.int64), trades
    )
    return whole.take(keep)


def checks(states: Mapping[str, CheckState], z: float, as_of_ms: int | None) -> tuple[Check, ...]:
    """The rule's checks with the given states."""

    def check(key: str, question: str, value: float, text: str, threshold: str, margin: float, flips: str,
              deciding: bool = True) -> Check:  # fmt: skip
        state = states.get(key, "passed")
        if state == "unknown":
            return Check(key, question, None, "–", threshold, None, state, flips, as_of_ms, deciding)
        return Check(key, question, value, text, threshold, margin, state, flips, as_of_ms, deciding)

    related = states.get("related", "passed")
    p = 0.017 if related == "passed" else 0.31
    return (
        check("clean", "Are the candles complete and alive?", 0.012, "1.2 % stale", "≤ 10 %, none incomplete", 0.088,
              "An incomplete candle, or 10 % unchanged closes, in the last 1,250."),
        check("hedgeable", "Does buying one leg hedge the other?", 0.84, "β 0.840", "β > 0.1", 0.74,
              "A hedge ratio at or below 0.1."),
        check("related", "Do the legs belong together in this window?", p, f"p {p:.3f}", "p < 0.050", 0.05 - p,
              "A p-value of 0.05 or more: then the data do not support a relationship."),
        check("stretched", "Is the spread far enough from its mean?", abs(z), f"|z| {abs(z):.2f}", "2.00 to 4.00",
              abs(z) - 2, "|z| below 2.00, or at 4.00 and beyond."),
        check("record", "Has this pair paid for such a stretch before?", 2.1, "+2.1 bps", "> 0 bps after cost", 2.1,
              "A lower bound of past returns below the cost of 12.4 bps."),
        check("adf", "Would a plain ADF test agree?", 0.002, "p 0.002", "p < 0.050", 0.048,
              "A p-value above 0.05.", False),
        check("corr", "Do the legs move together, candle by candle?", 0.83, "0.83", "≥ 0.80", 0.03,
              "A return correlation below 0.80.", False),
        check("persistence", "Was the relationship there before, too?", 5, "5 of 6 below 0.01", "≥ 4 of 6", 1,
              "Two more windows without support.", False),
    )  # fmt: skip


REASON: Final[Mapping[str, str]] = {
    "tradable": "ETHUSDT is 2.43 standard deviations rich against BTCUSDT, the relationship holds (p 0.017), and this "
    "pair's own record pays for the trade after costs.",
    "wait": "The legs are related (p 0.017) but the spread is only 1.31 standard deviations out: 0.69 to go, at "
    "ETHUSDT 3,431.20.",
    "thin": "Stretched and related, but the record is thin: 7 of 20 excursions, about 13 days to go.",
    "not_tradable": "A relationship between the legs is not supported by the data of this window (p 0.310).",
    "trap": "ETHUSDT is 2.71 standard deviations cheap, but nothing ties it to BTCUSDT now (p 0.310): a deviation "
    "without a relationship.",
    "warming": "The rule needs 1,250 complete candles of both legs; 312 are there.",
    "no_data": "ETHUSDT has been silent for 47 s: what is on screen may no longer be true.",
    "empty": "No confirmed candle of either leg yet.",
}
VERDICT: Final[Mapping[str, Verdict]] = {
    "tradable": Verdict.TRADABLE, "wait": Verdict.WAIT, "thin": Verdict.WAIT, "not_tradable": Verdict.NOT_TRADABLE,
    "trap": Verdict.TRAP, "warming": Verdict.WARMING_UP, "no_data": Verdict.NO_DATA, "stopped": Verdict.NO_DATA,
    "empty": Verdict.WARMING_UP,
}  # fmt: skip
STATES: Final[Mapping[str, Mapping[str, CheckState]]] = {
    "wait": {"stretched": "failed"},
    "thin": {"record": "unknown"},
    "not_tradable": {"related": "failed", "stretched": "failed", "record": "unknown", "persistence": "failed"},
    "trap": {"related": "failed", "corr": "failed"},
    "warming": dict.fromkeys(
        ("clean", "hedgeable", "related", "stretched", "record", "adf", "corr", "persistence"), "unknown"
    ),
}
REGIME: Final[Mapping[str, str]] = {
    "tradable": "Mean reversion supported", "wait": "Mean reversion supported", "thin": "Mean reversion supported",
    "not_tradable": "Not supported by the data", "trap": "Not supported by the data",
}  # fmt: skip


@lru_cache(maxsize=64)
def look(scenario: Scenario, symbol_y: str, symbol_x: str, params: Params) -> Look:
    """The look that a scenario stands for."""
    if scenario == "failed":
        raise NotEnoughData(params.need_bars, 12)
    z = TARGET_Z.get(scenario, 1.31)
    if scenario == "empty":
        nothing = Candles.empty(symbol_y, params.timeframe_s), Candles.empty(symbol_x, params.timeframe_s)
        r = analyse(*nothing, params)
    else:
        r = report(symbol_y, symbol_x, params, z, rows=330 if scenario == "warming" else 1400)
        z = float(r.z[-1])
    r = replace(r, engle_granger=TestResult(-3.71, 0.017, 2, 997, "no cointegration"), half_life=HalfLife(24, 17, 41),
                persistence=np.array([0.017, 0.008, 0.004, 0.006, 0.009, 0.021]))  # fmt: skip
    supported = scenario in {"tradable", "wait", "thin"}
    if not supported:
        bad = TestResult(-2.1, 0.31, 2, 997, "no cointegration")
        r = replace(r, half_life=None, engle_granger=bad, persistence=np.array([0.31, 0.2, 0.4, 0.3, 0.08, 0.03]))
    if scenario in {"warming", "empty"}:
        r = replace(r, engle_granger=None, adf=None, persistence=np.full(6, NAN))
    newest = r.newest_ms
    trigger = legs = None
    if newest is not None and scenario not in {"warming", "no_data"}:
        price = float(r.y[-1])
        to_go = max(0.0, params.entry_z - abs(z))
        at = price * math.exp(math.copysign(to_go, z) * float(r.resid_sd[-1]))
        trigger = Trigger(z, math.copysign(params.entry_z, z), to_go, price, at, 1e4 * abs(at / price - 1))
    if scenario == "tradable":
        beta, y, x = float(r.beta[-1]), float(r.y[-1]), float(r.x[-1])
        leg_y = params.notional / (1 + beta)
        legs = Legs("SELL", "BUY", leg_y / y, (params.notional - leg_y) / x, leg_y, params.notional - leg_y)
    decision = Decision(
        VERDICT[scenario],
        REASON.get(scenario, "The feed is stopped."),
        checks(STATES.get(scenario, {}), z, newest),
        REGIME.get(scenario, ""),
        newest,
        f"{params.preset} 1",
        trigger,
        legs,
        {"tradable": 2.1, "wait": -8.4}.get(scenario),
        12.4 if scenario not in {"empty", "warming"} else None,
        938 * params.timeframe_s if scenario in {"warming", "empty"} else None,
    )
    costs = (
        CostSplit(10.0, 1.6, 0.8, "10.0 fees + 1.6 half price-spreads + 0.8 funding")
        if decision.cost_bps is not None
        else None
    )
    return Look(r, decision, costs, RecordSummary(7 if scenario == "thin" else 34, 20, 0.12, 0.04, 0.03, 13.0))


@dataclass
class FakeDesk:
    """DeskPort by hand. ``calls`` notes what was asked of it; ``clock`` moves the live numbers."""

    scenario: Scenario = "wait"
    source: Literal["LIVE", "SIMULATED", "REPLAY"] = "LIVE"
    running: bool = True
    symbols: list[str] = field(default_factory=lambda: list(SYMBOLS))
    clock: Callable[[], float] = lambda: 0.0
    calls: list[str] = field(default_factory=list)
    refuse_simulator: str = ""

    def __post_init__(self) -> None:
        if self.scenario in {"stopped", "unreachable"}:
            self.running = self.scenario == "unreachable"

    def start(self) -> None:
        """Run."""
        self.calls.append("start")
        self.running = True
        if self.scenario == "stopped":
            self.scenario = "warming"

    def stop(self) -> None:
        """Stop."""
        self.calls.append("stop")
        self.running = False

    def use_simulator(self) -> None:
        """Switch to made-up prices."""
        self.calls.append("use_simulator")
        if self.refuse_simulator:
            raise PairsightError(self.refuse_simulator)
        self.scenario, self.source, self.running = "wait", "SIMULATED", True

    def use_exchange(self) -> None:
        """Switch back."""
        self.calls.append("use_exchange")
        self.source = "LIVE"

    def add_symbol(self, symbol: str) -> None:
        """Known contracts only."""
        self.calls.append(f"add {symbol}")
        if symbol not in CATALOGUE:
            raise UnknownSymbol(
                f"{symbol} is not a contract on Binance futures. Check the spelling, for example XRPUSDT."
            )
        if symbol not in self.symbols:
            self.symbols.append(symbol)

    def drop_symbol(self, symbol: str) -> None:
        """Forget a symbol."""
        self.calls.append(f"drop {symbol}")
        self.symbols.remove(symbol)

    def status(self) -> DeskStatus:
        """A desk of three days' work."""
        away = self.scenario == "unreachable"
        age = 47.0 if self.scenario == "no_data" else 0.2
        state: FeedState = "waiting" if away else "live" if self.running else "stopped"
        end = END_MS + 4_200
        feed = FeedStatus(
            state,
            "The name fstream.binance.com could not be resolved." if away else "",
            "wss://fstream.binance.com/public/stream",
            None if away else END_MS - 3_600_000,
            2,
            184_220,
            184_031,
            {"not a trade": 189},
            0 if away or self.scenario == "empty" else end,
            None if away else age,
            3.2 if away else None,
            ()
            if away
            else tuple(
                StreamStatus(
                    s, 5_182_016_437 + i, end - 40 * i, age if s == "ETHUSDT" else 0.2 + i / 10, 41.3 / (i + 1)
                )
                for i, s in enumerate(self.symbols)
            ),
        )
        return DeskStatus(
            self.running,
            self.source,
            feed,
            replace(feed, url="wss://fstream.binance.com/market/stream", streams=()),
            StoreStatus("writing", "", "data/pairsight.db", 12, 184_031, 0, 3.4, 48_200_000),
            tuple(self.symbols),
            "The name fstream.binance.com could not be resolved. Is this machine online?" if away else "",
            away,
            {"ETHUSDT": 0.25, "BTCUSDT": 0.25} if self.scenario == "warming" else {},
            1 if self.scenario == "no_data" else 0,
            3,
            1,
            -12.0,
            (
                "00:00:01 feed connected to wss://fstream.binance.com/public/stream",
                "00:04:12 gap in ETHUSDT after id 4217910238, 41 trades missing",
                "00:04:13 repaired 41 trades of ETHUSDT",
            ),
        )

    def catalogue(self) -> Mapping[str, SymbolInfo]:
        """Six contracts, or none while the exchange is away."""
        return {} if self.scenario == "unreachable" else CATALOGUE

    def marks(self) -> Mapping[str, MarkPrice]:
        """Funding of both legs."""
        if self.scenario in {"unreachable", "empty"}:
            return {}
        due = END_MS + 3_600_000
        return {s: MarkPrice(s, END_MS, 1.0, 1.0, r, due) for s, r in (("ETHUSDT", 0.0001), ("BTCUSDT", 0.000084))}

    def look(self, symbol_y: str, symbol_x: str, params: Params) -> Look:
        """The scenario's look."""
        return look("empty" if self.scenario == "unreachable" else self.scenario, symbol_y, symbol_x, params)

    def live(self, symbol_y: str, symbol_x: str, params: Params) -> LiveScore | None:
        """The last row, moved a little by the clock."""
        r = self.look(symbol_y, symbol_x, params).report
        if self.scenario in {"empty", "unreachable", "warming"} or not len(r.z):
            return None
        shift = 0.12 + 0.25 * math.sin(self.clock())
        z, sd = float(r.z[-1]) + shift, float(r.resid_sd[-1])
        y = float(r.y[-1]) * math.exp(shift * sd)
        z_roll = float(r.z_roll[-1]) + shift
        return LiveScore(END_MS, y, float(r.x[-1]), z * sd, z, z_roll, z - 0.08, z + 0.08)

    def newest_candle_ms(self, symbol_y: str, symbol_x: str, timeframe_s: int) -> int | None:
        """The newest candle of the scenario."""
        if self.scenario in {"unreachable", "stopped", "empty"}:
            return None
        return END_MS - timeframe_s * 1000

    def candles(
        self,
        symbol: str,
        timeframe_s: int,
        limit: int | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> Candles:
        """Seeded candles with one repaired and one from a kline."""
        if self.scenario in {"unreachable", "stopped", "empty"}:
            return Candles.empty(symbol, timeframe_s)
        rng = np.random.default_rng(len(symbol))
        n = min(limit or 120, 120)
        close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
        open_ = np.concatenate([[100.0], close[:-1]])
        made = np.array(["trades"] * n)
        made[:2] = ["kline", "kline"][: min(2, n)]
        at = END_MS - timeframe_s * 1000 * np.arange(n, 0, -1, dtype=np.int64)
        return Candles(symbol, timeframe_s, at, open_, np.maximum(open_, close), np.minimum(open_, close), close,
                       rng.uniform(1, 50, n), rng.integers(10, 900, n), made)  # fmt: skip

    def trades(self, symbol: str, from_ms: int, to_ms: int, limit: int) -> Ticks:
        """None are kept here."""
        return Ticks.empty(symbol)

    def gaps(self, symbol: str, from_ms: int | None = None) -> Sequence[Gap]:
        """One of each state."""
        return (
            Gap(symbol, 4_217_910_238, 4_217_910_280, END_MS - 9_252_000, END_MS - 9_250_600, "repaired", 1),
            Gap(symbol, 4_217_990_001, 4_217_990_950, END_MS - 952_000, END_MS - 913_000, "lost", 2),
        )

    def journal(self, symbol_y: str, symbol_x: str, params: Params, limit: int) -> Sequence[Said]:
        """What was said at the newest 40 candles."""
        if self.scenario in {"unreachable", "stopped", "empty", "warming"}:
            return ()
        return said(self.scenario, symbol_y, symbol_x, params)[-limit:]


@lru_cache(maxsize=64)
def said(scenario: Scenario, symbol_y: str, symbol_x: str, params: Params) -> tuple[Said, ...]:
    """Journal rows that end with the scenario's verdict."""
    l = look(scenario, symbol_y, symbol_x, params)  # noqa: E741
    r = l.report
    rows = []
    for i in range(max(0, len(r.open_ms) - 40), len(r.open_ms)):
        verdict = l.decision.verdict if i > len(r.open_ms) - 8 else Verdict.WAIT
        rows.append(
            Said(int(r.open_ms[i]), verdict, l.decision.reason, float(r.beta[i]), float(r.spread[i]), float(r.z[i]),
                 float(r.corr[i]), 0.02, "repaired" if i == len(r.open_ms) - 5 else "")
        )  # fmt: skip
    return tuple(rows)
