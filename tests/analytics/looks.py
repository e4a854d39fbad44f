"""Looks made by hand, as the journal keeps them, and the paper trades that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from analytics.paper import Book, scored
from analytics.params import Params
from analytics.presets import PRESETS
from core.journal import JournalRow
from core.paper import PaperTrade

START_MS: Final = 1_700_006_400_000  # 2023-11-15 00:00:00 UTC, a settlement
MINUTE_MS: Final = 60_000
NEW: Final = Book()
PARAMS: Final = Params(fit_bars=40, z_bars=10, fee_bps=5.0, notional=10_000.0)


def look(
    minute: int,
    z: float,
    y: float,
    x: float,
    verdict: str = "WAIT",
    *,
    entry: bool | None = None,
    checks: Mapping[str, str] = {},
    params: Params = PARAMS,
    hedge: float | None = 1.0,
    half_spreads_bps: float = 2.0,
    **more: Any,
) -> JournalRow:
    """The look at the end of a minute.

    ``entry``: whether it is its excursion's entry; None: when it is TRADABLE. ``checks``: states that are not "passed".
    """
    stretched = "passed" if (verdict == "TRADABLE" if entry is None else entry) else "failed"
    states = {"stretched": stretched, **checks}
    info = PRESETS[params.preset]
    told = [
        {"key": key, "state": states.get(key, "passed"), "deciding": key in info.deciding, "value": z}
        for key in (*info.deciding, *info.informing)
    ]
    row = JournalRow(
        pair="YUSDT/XUSDT",
        timeframe_s=params.timeframe_s,
        candle_ms=START_MS + minute * MINUTE_MS,
        params=params.key,
        rule=f"{params.preset} 1",
        verdict=verdict,
        reason="",
        price_y=y,
        price_x=x,
        beta=1.0,
        resid_sd=0.004,
        z=z,
        z_sd=0.004,
        z_roll=z,
        kappa=0.6,
        kappa_low=0.5,
        fees_bps=10.0,
        half_spreads_bps=half_spreads_bps,
        funding_bps=0.0,
        cost_bps=12.0,
        expected_net_bps=8.0,
        checks=json.dumps(told),
        inputs=json.dumps({"params": asdict(params), "hedge": None if hedge is None else {"beta": hedge}}),
    )
    return replace(row, **more)


def run(rows: Sequence[JournalRow], params: Params = PARAMS, book: Book = NEW) -> tuple[Book, list[PaperTrade]]:
    """All looks, and every trade as it ended up."""
    trades: dict[object, PaperTrade] = {}
    for row in rows:
        book, changed = scored(book, row, params)
        trades.update((t.key, t) for t in changed)
    return book, list(trades.values())


def one(rows: Sequence[JournalRow], params: Params = PARAMS) -> PaperTrade:
    """The one trade that these looks make."""
    _, (trade,) = run(rows, params)
    return trade
