"""One reading of the desk: everything a page shows at one tick, taken once, as one frozen value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analytics.decision import LiveScore, Verdict
from analytics.look import Look
from analytics.params import Params
from analytics.report import PairReport
from core.journal import JournalRow
from core.types import DeskStatus, Floats, MarkPrice, SymbolInfo
from ui.port import DeskPort


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the desk says about the chosen pair now."""

    symbol_y: str
    symbol_x: str
    params: Params
    status: DeskStatus
    look: Look
    live: LiveScore | None = None
    marks: Mapping[str, MarkPrice] = field(default_factory=dict)
    catalogue: Mapping[str, SymbolInfo] = field(default_factory=dict)
    said: Sequence[JournalRow] = ()  # the journal, oldest first
    paused: bool = False
    past: bool = False  # a moment that is over: nothing in it is live
    basis: str = "from stored candles, with nothing after them"  # what a past moment was computed from
    offline: bool = False  # of files, not of any stream

    @property
    def report(self) -> PairReport:
        """The look's report."""
        return self.look.report

    @property
    def source(self) -> str:
        """Whose prices these are."""
        return "OFFLINE" if self.offline else self.status.source

    @property
    def now_ms(self) -> float | None:
        """The exchange's clock."""
        return exchange_now_ms(self.status)

    @property
    def candle_age_s(self) -> float | None:
        """Since the newest confirmed candle ended."""
        now, newest = self.now_ms, self.report.newest_ms
        if now is None or newest is None:
            return None
        return max(0.0, (now - newest) / 1000 - self.params.timeframe_s)

    @property
    def stale(self) -> bool:
        """Whether the live numbers are old: nothing current can be said, or no one is collecting."""
        return self.look.decision.verdict is Verdict.NO_DATA or not self.status.running

    @property
    def live_z(self) -> float | None:
        """Live z on the same scale as the z that the preset decides by."""
        if self.live is None:
            return None
        return finite(self.live.z_roll if self.params.preset == "classic" else self.live.z)

    def tick_size(self, symbol: str) -> float | None:
        """The exchange's price step; None while unknown."""
        info = self.catalogue.get(symbol)
        return info.tick_size if info else None


def take(
    desk: DeskPort, status: DeskStatus, pair: tuple[str, str], params: Params, journal_rows: int, paused: bool = False
) -> Reading:
    """Ask the desk once. Raises PairsightError when the pair cannot be analysed."""
    symbol_y, symbol_x = pair
    return Reading(
        symbol_y,
        symbol_x,
        params,
        status,
        desk.look(symbol_y, symbol_x, params),
        desk.live(symbol_y, symbol_x, params),
        desk.marks(),
        desk.catalogue(),
        desk.journal(symbol_y, symbol_x, params, journal_rows),
        paused,
    )


def exchange_now_ms(status: DeskStatus) -> float | None:
    """The exchange's time as far as the streams tell it: the newest event, plus the time since that arrived.

    It goes on while no line is open, so that what is shown then grows older. Our own clock is not asked, so that a
    replayed recording and a machine with a wrong clock read right.
    """
    feed = status.trades
    heard = [(feed.watermark_ms, feed.last_frame_age_s), *((s.last_event_ms, s.age_s) for s in feed.streams)]
    return max((ms + 1000.0 * age_s for ms, age_s in heard if ms and age_s is not None), default=None)


def deciding_z(report: PairReport) -> Floats:
    """(n,) the z that the preset decides by: of the log fit (Evidence) or rolling (Classic)."""
    return report.z_roll if report.params.preset == "classic" else report.log_fits.z


def finite(value: float | None) -> float | None:
    """The value, or None where it is unknown."""
    return None if value is None or not math.isfinite(value) else float(value)


def last(values: Floats) -> float | None:
    """The newest value, or None where there is none."""
    return finite(values[-1]) if len(values) else None


def quantity_ratio(report: PairReport) -> float | None:
    """Units of X that hedge one unit of Y at the newest closes, by the method chosen.

    In logs β is a ratio of notionals, in prices it is the ratio of quantities itself.
    """
    if report.hedge is None:
        return None
    beta = report.hedge.beta
    return beta if report.params.price_units else beta * float(report.y[-1]) / float(report.x[-1])


def bars_since_crossing(report: PairReport, entry_z: float) -> int | None:
    """Candles since |z| last went from one side of the entry threshold to the other; None: never, in these rows."""
    z = deciding_z(report)
    beyond = abs(z) >= entry_z  # NaN compares as inside
    for back in range(1, len(z)):
        i = len(z) - back
        if math.isnan(z[i]) or math.isnan(z[i - 1]):
            return None
        if beyond[i] != beyond[i - 1]:
            return back - 1
    return None
