"""What the screen needs of the desk, and nothing more. The desk fulfils it; tests use a hand-written one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from analytics.decision import LiveScore
from analytics.look import Look
from analytics.market import MarketRule, MarketView
from analytics.paper_account import Account
from analytics.paper_view import TrackView
from analytics.params import Params
from analytics.report import PairReport
from analytics.trial import Trial, TrialAsk
from core.alerts import Alert, AlertRule, AlertsView
from core.journal import JournalRow
from core.load import HistoryLoad
from core.types import Candles, DeskStatus, Gap, MarkPrice, SymbolInfo, Ticks, WatchedPair


class AlertsPort(Protocol):
    """Alerts. What changes something asks the process that collects to, where that is another one; it raises
    PairsightError where it cannot."""

    def view(self) -> AlertsView:
        """Rules, channels and the newest alerts. Cheap."""

    def newest(self, after_id: int, limit: int = ...) -> Sequence[Alert]:
        """What was told after one, newest first, the newest ``limit``. Cheap while these are few."""

    def newest_id(self) -> int:
        """The newest alert's; 0: none."""

    def save(self, rule: AlertRule) -> None:
        """Store a rule; with the id of one it takes its place. It speaks of what is from now on."""

    def enable(self, rule_id: int, on: bool) -> None:
        """Switch a rule on or off, and change nothing else of it."""

    def drop(self, rule_id: int) -> None:
        """Forget a rule; what it told stays."""

    def add_channel(self, url: str, label: str) -> None:
        """Keep a channel's address. It is a secret, and in no sentence."""

    def drop_channel(self, name: str) -> None:
        """Forget a channel that was entered on the page."""

    def test(self, name: str) -> None:
        """Send a test; the view says how it went."""


class DeskPort(Protocol):
    """Thread-safe; every method returns a value and may be called from any browser tab's script run."""

    def start(self) -> None:
        """Start the feeds; does nothing when they run."""

    def stop(self) -> None:
        """Stop the feeds and write what is queued; does nothing when stopped."""

    def use_simulator(self) -> None:
        """Start the local simulator, switch the source to it, and run. Raises PairsightError where it cannot."""

    def use_exchange(self) -> None:
        """Back to the addresses of the settings."""

    def add_symbol(self, symbol: str) -> None:
        """Stream one more symbol; does nothing when it is streamed. Raises UnknownSymbol."""

    def drop_symbol(self, symbol: str) -> None:
        """Stop streaming a symbol; its stored data stay. Raises PairsightError where it may not leave."""

    def status(self) -> DeskStatus:
        """The desk at this moment. Cheap."""

    @property
    def alerts(self) -> AlertsPort:
        """What the trader is told, and how."""

    def catalogue(self) -> Mapping[str, SymbolInfo]:
        """Every contract the exchange lists; empty while unknown."""

    def marks(self) -> Mapping[str, MarkPrice]:
        """Newest mark price and funding per symbol; a symbol may be absent."""

    def look(self, symbol_y: str, symbol_x: str, params: Params) -> Look:
        """The look at the newest confirmed candle.

        Cheap on every tick: ``look.report`` is the same object until another candle is confirmed, and ``look``
        changes before that only when the state of the data does. Raises PairsightError for what cannot be analysed.
        """

    def report(self, symbol_y: str, symbol_x: str, params: Params, bars: int, to_ms: int) -> PairReport:
        """The analysis of the newest ``bars`` stored candles opened before ``to_ms``."""

    def live(self, symbol_y: str, symbol_x: str, params: Params) -> LiveScore | None:
        """The newest trades of both legs, scored with the confirmed fit; the scores are NaN while there is none.

        None until both legs have traded. Cheap.
        """

    def newest_candle_ms(self, symbol_y: str, symbol_x: str, timeframe_s: int) -> int | None:
        """Open of the newest candle both legs may share: the earlier of their newest confirmed ones. Cheap."""

    def market(self, rule: MarketRule) -> MarketView:
        """What is known of the whole market, scanned for as long as somebody asks. Cheap.

        ``view.scan`` is the same object until another scan is made.
        """

    def watch_pair(self, entry: WatchedPair, keep: bool) -> None:
        """Put a pair on the watch-list, or take it off, or ask the process that collects to.

        Raises PairsightError where that cannot be.
        """

    def watch_list(self) -> Sequence[WatchedPair]:
        """The pairs on it, with their timeframes and presets, in the order they came."""

    def candles(
        self,
        symbol: str,
        timeframe_s: int,
        limit: int | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> Candles:
        """Confirmed, complete candles, oldest first; with ``limit`` the newest ones of the range."""

    def trades(self, symbol: str, from_ms: int, to_ms: int, limit: int) -> Ticks:
        """Stored trades with ``from_ms <= ts_ms < to_ms``, oldest first, at most ``limit``."""

    def gaps(self, symbol: str, from_ms: int | None = None) -> Sequence[Gap]:
        """Known gaps that end at or after ``from_ms``, oldest first."""

    def journal(self, symbol_y: str, symbol_x: str, params: Params, limit: int) -> Sequence[JournalRow]:
        """What the looks said, oldest first, the newest ``limit``; may be empty. Cheap while nothing new was said."""

    def journal_before(
        self, symbol_y: str, symbol_x: str, params: Params, limit: int, before_ms: int
    ) -> Sequence[JournalRow]:
        """What the looks said at candles opened before ``before_ms``, oldest first, the newest ``limit`` of them."""

    def as_of(self, symbol_y: str, symbol_x: str, params: Params, candle_ms: int) -> Look:
        """The look at a past candle, from what is stored. Raises PairsightError where there is none."""

    def track_record(self) -> TrackView:
        """Trades on paper, of what was said and of what was refused. Cheap; the same object until one changes."""

    def paper_now(self) -> Mapping[tuple[str, int, str, int], Account]:
        """Open ones as if closed at the touch, by their key; one whose touch is not known is absent. Live, cheap."""

    def walk(self, ask: TrialAsk) -> None:
        """Run a walk-forward in the background, anew; does nothing while it waits or runs."""

    def walked(self, ask: TrialAsk) -> Trial | None:
        """How far that is; None where it was not asked for, or is not kept any more. Cheap."""

    def cancel_walk(self, ask: TrialAsk) -> None:
        """Stop it; what is there of it stays."""

    def fetch_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Fetch what is missing of the newest days, in the background. Raises PairsightError where it cannot be."""

    def history_load(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> HistoryLoad:
        """How far that is. Cheap."""

    def cancel_history(self, symbols: tuple[str, ...], timeframe_s: int, days: int) -> None:
        """Fetch it no further; what has come stays."""
