"""A seeded market of forty symbols, five of them in pairs that return, scanned by the real scan."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np

from analytics.market import MarketRule, MarketView
from analytics.scan_series import LeftOut
from analytics.scanner import Scan, scan

END_MS: Final = 1_721_401_200_000
COUNT: Final = 40
PAIRS: Final = ((1, 0), (7, 3), (20, 12), (31, 30))  # Y follows X
NAMES: Final = (
    "BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "LINK", "AVAX", "LTC", "BCH", "DOT", "UNI", "NEAR", "APT", "ARB",
    "OP", "FIL", "ATOM", "ETC", "AAVE", "MKR", "INJ", "SUI", "SEI", "TIA", "RUNE", "ALGO", "ICP", "HBAR", "STX", "IMX",
    "GRT", "SAND", "MANA", "AXS", "CRV", "LDO", "SNX", "COMP",
)  # fmt: skip


@lru_cache(maxsize=8)
def scanned(rule: MarketRule) -> Scan:
    """The scan of its newest minutes; one symbol never moves, one is too short."""
    rng = np.random.default_rng(11)
    n = rule.need_bars
    market = rng.normal(0, 4e-4, n)
    steps = rng.normal(0, 6e-4, (COUNT, n)) + rng.uniform(0.6, 1.4, (COUNT, 1)) * market
    logs = np.cumsum(steps, axis=1)
    for follower, leader in PAIRS:
        noise = np.zeros(n)
        for i in range(1, n):
            noise[i] = 0.93 * noise[i - 1] + rng.normal(0, 9e-4)
        logs[follower] = 0.9 * logs[leader] + noise
    logs[PAIRS[1][0], -1] += 1.1e-2  # stretched
    closes = np.exp(logs + np.log(rng.uniform(0.1, 60_000, (COUNT, 1))))
    closes[38] = 12.5
    closes[39, : n // 2] = np.nan
    return scan(
        closes,
        [f"{name}USDT" for name in NAMES],
        rule.fit_bars,
        both_directions=rule.both_directions,
        liquidity=np.geomspace(3e10, 2e7, COUNT),
        cost_bps=rule.cost_bps,
        entry_z=rule.entry_z,
        stop_z=rule.stop_z,
    )


def view(rule: MarketRule) -> MarketView:
    """The market, all of it loaded."""
    return MarketView(
        stage="live",
        symbols=tuple(f"{name}USDT" for name in NAMES),
        left_out=(LeftOut("FRESHUSDT", "too young: listed for 300 minutes, 1,250 are needed"),),
        loaded=1.0,
        left_s=0.0,
        scan=scanned(rule),
        candle_ms=END_MS - 60_000,
        took_ms=14.2,
        number=12,
    )


def loading(rule: MarketRule) -> MarketView:
    """A third of the history is there, and nothing to scan."""
    return replace(view(rule), stage="loading", loaded=0.35, left_s=41.0, scan=None, candle_ms=None, number=0)
