"""The kline stream: which messages are candles, and what the others prove."""

from __future__ import annotations

import numpy as np
import pytest

from core.types import Bars
from ingestion import binance
from ingestion.pulse import Pulse
from ingestion.tally import spoke
from tests.ingestion.frames import kline, raw, trade

OPEN_MS = 1_785_780_000_000


def one(*frames: bytes) -> Bars:
    """The bars of the only symbol."""
    (bars,) = binance.parse(frames).bars
    return bars


@pytest.mark.parametrize("form", [lambda frame: frame, raw], ids=["combined", "raw"])
def test_a_closed_minute_is_a_candle_field_by_field(form) -> None:  # type: ignore[no-untyped-def]
    bars = one(form(kline(open_ms=OPEN_MS)))
    c = bars.candles
    assert (bars.symbol, bars.event_ms, bars.messages) == ("BTCUSDT", OPEN_MS + 62_000, 1)
    assert (c.symbol, c.timeframe_s, c.open_ms.tolist(), c.trade_count.tolist()) == ("BTCUSDT", 60, [OPEN_MS], [42])
    assert (c.open[0], c.high[0], c.low[0], c.close[0], c.volume[0]) == (83000.1, 83091.7, 82990.0, 83084.3, 12.345)
    assert c.provenance.tolist() == ["kline"]


def test_a_forming_minute_is_no_candle_and_proves_that_the_stream_lives() -> None:
    batch = binance.parse([kline(open_ms=OPEN_MS, E=OPEN_MS + 1_000, x=False)])
    assert len(batch.bars[0].candles) == len(batch.bars[0].closed_ms) == 0
    assert list(spoke(batch)) == [("BTCUSDT", "kline_1m")]
    pulse = Pulse()
    pulse.watch([("BTCUSDT", "kline_1m")], now_s=0.0)
    pulse.take(batch, now_s=1.0)
    assert pulse.streams(1.0)[0].age_s == 0.0
    assert batch.watermark_ms == 0  # it confirms no candle of trades


def test_a_minute_without_trades_is_known_to_be_over_and_is_no_candle() -> None:
    bars = one(kline(open_ms=OPEN_MS, n=0, v="0"))
    assert bars.closed_ms.tolist() == [OPEN_MS]
    assert len(bars.candles) == 0


def test_minutes_come_in_order_and_a_double_counts_once() -> None:
    bars = one(*(kline(open_ms=OPEN_MS + 60_000 * m, E=OPEN_MS + 300_000) for m in (2, 0, 1, 1)))
    np.testing.assert_array_equal(bars.candles.open_ms, OPEN_MS + 60_000 * np.arange(3))
    assert bars.messages == 4


@pytest.mark.parametrize(
    "change",
    [
        {"l": "83050.0"},
        {"h": "83050.0"},
        {"c": "0"},
        {"l": "-1"},
        {"h": "NaN"},
        {"h": "1e300"},
        {"v": "inf"},
        {"t": OPEN_MS + 1},
        {"E": OPEN_MS + 59_000},
    ],
    ids=str,
)
def test_a_closed_minute_that_cannot_be_is_refused_and_counted(change: dict[str, object]) -> None:
    batch = binance.parse([kline("BTCUSDT", OPEN_MS, **change)])
    assert sum(len(bars.candles) for bars in batch.bars) == 0
    assert batch.rejected.get("bad_bar", 0) + batch.rejected.get("malformed", 0) == 1


def test_a_date_beyond_what_can_be_believed_is_refused() -> None:
    batch = binance.parse([kline(open_ms=OPEN_MS)], None, latest_ms=OPEN_MS)
    assert batch.bars == ()
    assert batch.rejected["bad_time"] == 1


@pytest.mark.parametrize("change", [{"st": 2}, {"i": "5m"}], ids=str)
def test_other_markets_and_other_lengths_are_foreign(change: dict[str, object]) -> None:
    batch = binance.parse([kline("BTCUSDT", OPEN_MS, **change)])
    assert (batch.bars, batch.rejected) == ((), {"foreign": 1})


def test_symbols_nobody_asked_for_are_foreign_and_trades_beside_are_read() -> None:
    batch = binance.parse([kline("ETHUSDT"), trade("BTCUSDT"), kline("BTCUSDT")], {"BTCUSDT"})
    assert batch.rejected == {"foreign": 1}
    assert [bars.symbol for bars in batch.bars] == ["BTCUSDT"]
    assert len(batch.records[0]) == 1


def test_the_stream_has_its_name_and_its_route() -> None:
    assert binance.stream_name("BTCUSDT", "kline_1m") == "btcusdt@kline_1m"
    assert binance.ROUTES["kline_1m"] == "/market"
