"""Seeded trades on paper: closed and open, said and refused, of three pairs and both presets."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import lru_cache
from math import nan
from typing import Final

import numpy as np

from analytics.paper_view import TrackView
from analytics.params import Params, Preset
from analytics.presets import PRESETS
from core.paper import PaperTrade

END_MS: Final = 1_721_401_200_000  # 2024-07-19 15:00:00 UTC
PAIRS: Final = (("ETHUSDT", "BTCUSDT"), ("SOLUSDT", "ETHUSDT"), ("BNBUSDT", "BTCUSDT"))
REFUSALS: Final = (("WAIT", "record"), ("TRAP", "related"), ("NOT TRADABLE", "related"), ("TRAP", "corr"))
MINUTE_MS: Final = 60_000


def trade(
    at: int,
    net_bps: float,
    *,
    pair: tuple[str, str] = PAIRS[0],
    preset: Preset = "evidence",
    refused: tuple[str, str] | None = None,
    promised_bps: float = 6.0,
    side: int = 1,
    touch: bool = True,
) -> PaperTrade:
    """A closed trade of 10,000, looked at so many minutes before the end, that returned this much net."""
    params, rule = Params(preset=preset), f"{preset} {PRESETS[preset].version}"
    look_ms = END_MS - at * MINUTE_MS
    price_y, price_x = 3_425.0, 64_000.0
    qty_y, qty_x = -side * 5_000 / price_y, side * 5_000 / price_x
    how, half = ("touch", 0.0) if touch else ("candle", 0.4)
    fees = 10.0 + (0.0 if touch else 0.8)
    return PaperTrade(
        pair="/".join(pair), timeframe_s=60, look_ms=look_ms, params=params.key, rule=rule, preset=preset,
        inputs=str(asdict(params)), verdict=refused[0] if refused else "TRADABLE", failed=refused[1] if refused else "",
        side=side, z=2.4 * side, price_y=price_y, price_x=price_x, hedge=1.0, notional=10_000.0, qty_y=qty_y,
        qty_x=qty_x, fee_bps=5.0, leave_z=0.0, stop_z=4.0, limit_bars=1000, shown_bps=42.0, half_bps=0.4,
        cost_bps=12.0, promised_bps=promised_bps, middle_bps=nan, hours_y=8, hours_x=8, state="closed",
        seen_ms=look_ms + 30 * MINUTE_MS, bars=30, mark_y=price_y, mark_x=price_x, in_ms=look_ms + MINUTE_MS + 800,
        in_y=price_y, in_x=price_x, in_fill=how, in_half_bps=half, exit_look_ms=look_ms + 29 * MINUTE_MS, exit_z=-0.1,
        reason="zero", out_ms=look_ms + 31 * MINUTE_MS, out_y=price_y + (net_bps + fees) / qty_y, out_x=price_x,
        out_fill=how, out_half_bps=half, changed_ms=END_MS,
    )  # fmt: skip


def running(at: int, **more: object) -> PaperTrade:
    """An open one."""
    done = trade(at, 0.0)
    on = replace(done, state="open", out_ms=0, out_y=nan, out_x=nan, out_fill="", exit_look_ms=0, exit_z=nan, reason="")
    return replace(on, mark_y=done.in_y * 0.999, **more)  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def many() -> TrackView:
    """Two months: forty-eight that were said, ninety that were refused, three that are on."""
    rng = np.random.default_rng(9)
    trades = []
    for i in range(48):
        promised = float(rng.uniform(1.0, 16.0))
        trades.append(
            trade(
                86_400 - i * 1_700, float(0.6 * promised + rng.normal(-1.0, 14.0)), pair=PAIRS[i % 3],
                preset="classic" if i % 5 == 0 else "evidence", promised_bps=promised, side=1 if i % 2 else -1,
                touch=i % 4 > 0,
            )
        )  # fmt: skip
    for i in range(90):
        refused = REFUSALS[i % 4]
        promised = nan if refused[1] != "record" else float(rng.uniform(-9.0, 1.0))
        trades.append(
            trade(86_301 - i * 950, float(rng.normal(-8.0, 15.0)), pair=PAIRS[i % 3], refused=refused,
                  promised_bps=promised, touch=i % 3 > 0)
        )  # fmt: skip
    trades.append(replace(trade(5_000, 0.0), funding_unknown=1))
    trades.append(running(50))
    trades.append(running(20, verdict="TRAP", failed="related", side=-1))
    trades.append(running(1, state="entering", in_ms=0, in_y=nan, in_x=nan, in_fill="", pair="SOLUSDT/ETHUSDT", bars=0))
    return TrackView.of(sorted(trades, key=lambda t: t.look_ms))


@lru_cache(maxsize=1)
def few() -> TrackView:
    """Three, which say nothing."""
    return TrackView.of([trade(300, 12.0), trade(200, -4.0), trade(100, 7.5, refused=REFUSALS[0], promised_bps=-2.0)])
