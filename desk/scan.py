"""The thread that scans: a moment after candles have come, on what is there. Its result is a value."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import Final

import numpy as np

from analytics.market import MarketRule
from analytics.scan_series import LeftOut
from analytics.scanner import Scan, scan
from core.types import Bools
from desk.closes import Closes, Window
from desk.worker import Worker

log = logging.getLogger(__name__)

SETTLE_S: Final = 1.0  # the bars of one minute come within about a second of each other
REST_S: Final = 2.0  # while history arrives all the time


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """One scan, and what it was made of."""

    scan: Scan | None = None
    left_out: tuple[LeftOut, ...] = ()  # too thin by the minute, or not known yet to be thick enough
    candle_ms: int | None = None
    took_ms: float = nan
    number: int = 0
    problem: str = ""


class Scanner:
    """Thread ``scanner``. ``result`` may be read from anywhere.

    ``rule``, ``day_volume`` and ``loading``, the symbols whose history is still being fetched, are asked at each scan.
    """

    def __init__(
        self,
        closes: Closes,
        rule: Callable[[], MarketRule | None],
        day_volume: Callable[[], Mapping[str, float]],
        loading: Callable[[], Collection[str]],
        settle_s: float = SETTLE_S,
        rest_s: float = REST_S,
    ) -> None:
        self._closes = closes
        self._rule = rule
        self._day_volume = day_volume
        self._loading = loading
        self._settle_s = settle_s
        self._rest_s = rest_s
        self._wake = threading.Event()
        self._worker = Worker("scanner", self._main, self._wake)
        self.result = Scanned()

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        self._worker.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread; what it last found stays."""
        self._worker.stop(timeout_s)

    def poke(self) -> None:
        """Candles have come, or the rule has changed."""
        self._wake.set()

    def _main(self, stop: threading.Event) -> None:
        made: tuple[int, MarketRule] | None = None
        while not stop.is_set():
            self._wake.wait()
            self._wake.clear()
            if stop.wait(self._settle_s):
                return
            try:
                rule = self._rule()
                if rule is not None and (self._closes.version, rule) != made:
                    made = self._closes.version, rule
                    self._scan(rule)
            except Exception:  # the thread's last resort
                log.exception("the market could not be scanned; it is tried again with the next minute")
                before = self.result
                self.result = replace(before, problem="An error inside Pairsight disturbs the scan; the log has it.")
            stop.wait(self._rest_s)

    def _scan(self, rule: MarketRule) -> None:
        loading = self._loading()  # before the copy: what has come since only makes it fuller
        window = self._closes.window()
        if window is None:
            return
        began = time.perf_counter()
        kept, left_out = liquid(window, rule.min_minute_volume, loading)
        volumes = self._day_volume()
        names = [symbol for symbol, keep in zip(window.symbols, kept, strict=True) if keep]
        found = None
        if len(names) > 1:
            found = scan(
                window.closes[kept],
                names,
                rule.fit_bars,
                both_directions=rule.both_directions,
                liquidity=np.array([volumes.get(symbol, nan) for symbol in names]),
                cost_bps=rule.cost_bps,
                entry_z=rule.entry_z,
                stop_z=rule.stop_z,
            )
        took_ms = 1000 * (time.perf_counter() - began)
        self.result = Scanned(found, left_out, window.newest_ms, took_ms, self.result.number + 1)


def liquid(window: Window, least: float, loading: Collection[str]) -> tuple[Bools, tuple[LeftOut, ...]]:
    """Mark the symbols whose median minute turned over at least so much, and name the others.

    Parameters
    ----------
    window : Window
    least : float
        Quote currency a minute.
    loading : collection of str
        Symbols of which minutes are still to come: too little so far says nothing of them.
    """
    median = np.median(window.turnover, axis=1)
    kept: Bools = median >= least
    left_out = tuple(
        LeftOut(
            symbol,
            "history still loading"
            if symbol in loading
            else f"too thin: {value:,.0f} in the median minute, {least:,.0f} are asked for",
        )
        for symbol, value, keep in zip(window.symbols, median.tolist(), kept, strict=True)
        if not keep
    )
    return kept, left_out
