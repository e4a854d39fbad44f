"""Statistics per minute of one symbol: what was traded, and how far the price went."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.types import Candles

MINUTE_S = 60


def table(candles: Candles) -> pd.DataFrame:
    """One row a minute candle, newest first.

    ``return_bps`` is the log return from the minute before; unknown where that minute has no candle. ``range_bps`` is
    high to low. ``volume`` is in the base currency.
    """
    close = candles.close
    step = np.diff(candles.open_ms, prepend=candles.open_ms[:1]) == MINUTE_S * 1000
    before = np.concatenate([close[:1], close[:-1]])
    returns = np.where(step, 1e4 * np.log(close / before), np.nan)
    frame = pd.DataFrame(
        {
            "minute_utc": pd.to_datetime(candles.open_ms, unit="ms"),
            "trades": candles.trade_count,
            "volume": candles.volume,
            "close": close,
            "return_bps": returns,
            "range_bps": 1e4 * np.log(candles.high / candles.low),
            "from": candles.provenance,
        }
    )
    return frame.iloc[::-1].reset_index(drop=True)
