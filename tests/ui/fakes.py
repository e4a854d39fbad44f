"""A desk that stands in for the real one, over seeded values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from analytics.decision import LiveScore
from analytics.live import Touch, score_live
from analytics.look import Look
from analytics.market import MarketRule, MarketView
from analytics.paper_account import Account
from analytics.paper_view import TrackView
from analytics.params import Params
from analytics.report import PairReport, analyse
from analytics.trial import Trial, TrialAsk
from core.engine import EngineStatus
from core.errors import DataError, PairsightError, UnknownSymbol
from core.journal import JournalRow
from core.load import HistoryLoad
from core.types import (
    Candles,
    DeskStatus,
    FeedStatus,
    Gap,
    MarkPrice,
    StoreStatus,
    StreamStatus,
    SymbolInfo,
    Ticks,
    WatchedPair,
)
from tests.ui import market_of_forty
from tests.ui.fake_alerts import FakeAlerts
from tests.ui.seeded import (
    CATALOGUE,
    END_MS,
    MARKETS,
    SYMBOLS,
    Market,
    Scenario,
    legs,
    look,
    past_look,
    said,
    walked,
)

FeedState = Literal["stopped", "connecting", "live", "waiting", "blocked"]


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
    store_problem: str = ""
    watched: list[WatchedPair] = field(default_factory=list)
    other_collects: bool = False
    may_collect: bool = True
    alerts: FakeAlerts = field(default_factory=FakeAlerts)
    paper: TrackView = field(default_factory=TrackView)
    paper_worth: dict[tuple[str, int, str, int], Account] = field(default_factory=dict)
    walks: dict[TrialAsk, Trial] = field(default_factory=dict)
    load: HistoryLoad = field(default_factory=HistoryLoad)

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
        ages = {s: age if s == "ETHUSDT" else 0.2 + i / 10 for i, s in enumerate(self.symbols)}
        feed = FeedStatus(
            state,
            "The name fstream.binance.com could not be resolved." if away else "",
            ("wss://fstream.binance.com" if self.source == "LIVE" else "ws://127.0.0.1:9700") + "/public/stream",
            2,
            184_220,
            184_031,
            {"not a trade": 189},
            0 if away or self.scenario == "empty" else end,
            None if away else 0.2,
            3.2 if away else None,
            ()
            if away
            else tuple(
                StreamStatus(s, 5_182_016_437 + i, int(end + 200 - 1000 * old), old, 41.3 / (i + 1))
                for i, (s, old) in enumerate(ages.items())
            ),
        )
        return DeskStatus(
            running=self.running,
            source=self.source,
            trades=feed,
            market=replace(feed, url="wss://fstream.binance.com/market/stream", streams=()),
            store=StoreStatus(
                state="failing" if self.store_problem else "reading" if self.other_collects else "writing",
                reason=self.store_problem
                or ("Another Pairsight collects into data/pairsight.db." * self.other_collects),
                path="data/pairsight.db",
                queued=12,
                written=184_031,
                write_ms=3.4,
                size_bytes=48_200_000,
            ),
            symbols=tuple(self.symbols),
            problem="The name fstream.binance.com could not be resolved. Is this machine online?" if away else "",
            may_collect=self.may_collect,
            simulator_offered=away,
            warmup={"ETHUSDT": 0.25, "BTCUSDT": 0.25} if self.scenario == "warming" else {},
            gaps_open=1 if self.scenario == "no_data" else 0,
            gaps_repaired=3,
            gaps_lost=1,
            clock_offset_ms=-12.0,
            engine=EngineStatus() if away else EngineStatus(watched=3, round_s=0.047, at_ms=END_MS),
            log=(
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

    def report(self, symbol_y: str, symbol_x: str, params: Params, bars: int, to_ms: int) -> PairReport:
        """The scenario's candles up to a moment."""
        y, x = (
            leg.take(leg.open_ms < to_ms)
            for leg in legs(symbol_y, symbol_x, params, MARKETS.get(self.scenario, Market()))
        )
        return analyse(y.take(slice(-bars, None)), x.take(slice(-bars, None)), params)

    def live(self, symbol_y: str, symbol_x: str, params: Params) -> LiveScore | None:
        """Trades a little off the last closes, moved by the clock."""
        r = self.look(symbol_y, symbol_x, params).report
        if self.scenario in {"empty", "unreachable", "warming"} or not len(r.z):
            return None
        shift = 0.12 + 0.25 * math.sin(self.clock())
        y, x = float(r.y[-1]) * math.exp(shift * float(r.log_fits.resid_sd[-1])), float(r.x[-1])
        try:
            return score_live(r, y, x, END_MS, Touch(0.99999 * y, 1.00001 * y), Touch(0.99999 * x, 1.00001 * x))
        except DataError:  # as the desk says it
            return LiveScore(END_MS, y, x, spread=math.nan, z=math.nan, z_roll=math.nan)

    def newest_candle_ms(self, symbol_y: str, symbol_x: str, timeframe_s: int) -> int | None:
        """The newest candle of the scenario."""
        if self.scenario in {"unreachable", "stopped", "empty"}:
            return None
        return END_MS - timeframe_s * 1000

    def market(self, rule: MarketRule) -> MarketView:
        """A seeded market of forty symbols, where the scenario has one."""
        if self.scenario in {"unreachable", "stopped", "empty"}:
            seen = MarketView("choosing")
        else:
            seen = (market_of_forty.loading if self.scenario == "warming" else market_of_forty.view)(rule)
        return replace(seen, pairs=tuple(dict.fromkeys((e.symbol_y, e.symbol_x) for e in self.watched)))

    def watch_pair(self, entry: WatchedPair, keep: bool) -> None:
        """Remember it until the end."""
        self.watched = [other for other in self.watched if other != entry]
        if keep:
            self.watched.append(entry)
        self.alerts.watched = tuple(self.watched)

    def watch_list(self) -> Sequence[WatchedPair]:
        """What is remembered."""
        return self.watched

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
        n = 1_400
        close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
        open_ = np.concatenate([[100.0], close[:-1]])
        made = np.array(["trades"] * n)
        made[:-118] = "kline"
        at = END_MS - timeframe_s * 1000 * np.arange(n, 0, -1, dtype=np.int64)
        every = Candles(symbol, timeframe_s, at, open_, np.maximum(open_, close), np.minimum(open_, close), close,
                        rng.uniform(1, 50, n), rng.integers(10, 900, n), made)  # fmt: skip
        asked = every.take((at >= (from_ms or 0)) & (at < (to_ms or END_MS)))
        return asked.take(slice(max(0, len(asked) - (limit or 120)), None))

    def trades(self, symbol: str, from_ms: int, to_ms: int, limit: int) -> Ticks:
        """None are kept here."""
        return Ticks.empty(symbol)

    def gaps(self, symbol: str, from_ms: int | None = None) -> Sequence[Gap]:
        """One of each state."""
        return (
            Gap(symbol, 4_217_910_238, 4_217_910_280, END_MS - 9_252_000, END_MS - 9_250_600, "repaired", 1),
            Gap(symbol, 4_217_990_001, 4_217_990_950, END_MS - 952_000, END_MS - 913_000, "lost", 2),
        )

    def journal(self, symbol_y: str, symbol_x: str, params: Params, limit: int) -> Sequence[JournalRow]:
        """What was said at the newest 40 candles."""
        if self.scenario in {"unreachable", "stopped", "empty", "warming"}:
            return ()
        return said(self.scenario, symbol_y, symbol_x, params)[-limit:]

    def journal_before(
        self, symbol_y: str, symbol_x: str, params: Params, limit: int, before_ms: int
    ) -> Sequence[JournalRow]:
        """The same, up to a moment."""
        rows = self.journal(symbol_y, symbol_x, params, 10_000)
        return [row for row in rows if row.candle_ms < before_ms][-limit:]

    def track_record(self) -> TrackView:
        """What a test put there."""
        return self.paper

    def paper_now(self) -> Mapping[tuple[str, int, str, int], Account]:
        """The same."""
        return self.paper_worth

    def as_of(self, symbol_y: str, symbol_x: str, params: Params, candle_ms: int) -> Look:
        """The scenario up to a candle."""
        return past_look(self.scenario, symbol_y, symbol_x, params, candle_ms)

    def walk(self, ask: TrialAsk) -> None:
        """Run it here and now."""
        self.calls.append("walk")
        self.walks[ask] = walked(ask)

    def walked(self, ask: TrialAsk) -> Trial | None:
        """What was run; a test may put there what it likes."""
        return self.walks.get(ask)

    def cancel_walk(self, ask: TrialAsk) -> None:
        """Stop it."""
        self.calls.append("cancel_walk")
        self.walks[ask] = replace(self.walks[ask], stage="cancelled")

    def fetch_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Say that it is on its way."""
        self.calls.append(f"fetch {' '.join(symbols)} {timeframe_s} {days}")
        if self.other_collects:
            raise PairsightError("Another Pairsight collects into this database: fetch there.")
        self.load = HistoryLoad("loading", 3_000, 12_000, 42.0)

    def history_load(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> HistoryLoad:
        """A quarter of it is there."""
        return self.load

    def cancel_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Stop it."""
        self.calls.append("cancel_history")
        self.load = replace(self.load, stage="cancelled")
