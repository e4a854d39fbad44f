"""Where history and stream meet, and where one run ends and the next begins, candles are those of an unbroken run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.types import TIMEFRAMES_S, Gap
from simulator.recording import Recording
from storage.reader import StoreReader
from tests.desk.lives import GRACE_MS, Life
from tests.desk.schedules import SYMBOLS
from tests.desk.truth import FINE_S, KLINE_SETTLES_MS

pytestmark = pytest.mark.recording

WANTS: Final = (60, 300, 900, 3600)
RUN_S: Final = 620.0
AFTER_S: Final = 75.0  # long enough for a minute to begin, to end and to settle
LEFT_S: Final = 345.0  # where the last cut may be
MIDNIGHT_S: Final = 177.293  # after the first record: there bars of every length begin

Values = tuple[float, float, float, float, float, int]


class Candles(dict[tuple[str, int, int], Values]):
    """Values by symbol, timeframe and open time."""

    def __repr__(self) -> str:
        return f"<{len(self)} candles>"  # a failure is not told by listing them


# Anywhere, and within a second of the beginning of a minute.
CUTS = st.one_of(
    st.floats(1.0, LEFT_S),
    st.builds(lambda minute, off: MIDNIGHT_S + 60 * minute + off, st.integers(-2, 2), st.floats(-1.0, 1.0)),
)
QUICK = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
THOROUGH = settings(QUICK, max_examples=100)


def candles_in(store: StoreReader) -> Candles:
    """All that is stored, whatever it came from."""
    found = Candles()
    for symbol in SYMBOLS:
        for timeframe_s in TIMEFRAMES_S:
            c = store.candles(symbol, timeframe_s)
            columns = (c.open_ms, c.open, c.high, c.low, c.close, c.volume, c.trade_count)
            for open_ms, *values in zip(*(column.tolist() for column in columns), strict=True):
                found[symbol, timeframe_s, open_ms] = tuple(values)
    return found


@pytest.fixture(scope="session")
def unbroken(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Candles:
    """What a collector stores that listens from the first record to the last."""
    with Life(recording, tmp_path_factory.mktemp("seam") / "unbroken.db", wants=WANTS) as life:
        life.run(RUN_S)
        assert life.findings().bad == []
        return candles_in(life.store)


def differences(life: Life, unbroken: Candles, first_ms: dict[str, int], unknown: Iterable[Gap] = ()) -> list[str]:
    """What is not as in an unbroken run, of all that is over and, below a minute, began after the first trade."""
    life.store.flush()
    found = candles_in(life.store)
    over_ms = life.collector.intake.watermark_ms - GRACE_MS - KLINE_SETTLES_MS
    told = []
    for (symbol, timeframe_s, open_ms), values in unbroken.items():
        end_ms = open_ms + timeframe_s * 1000
        if end_ms > over_ms or (timeframe_s < FINE_S and open_ms <= first_ms[symbol]):
            continue
        if any(gap.symbol == symbol and gap.from_ms < end_ms and gap.to_ms >= open_ms for gap in unknown):
            continue
        mine = found.get((symbol, timeframe_s, open_ms))
        if mine != values:
            told.append(f"{symbol} {timeframe_s} s at {open_ms}: {mine} instead of {values}")
    told += [f"{key} is in no unbroken run" for key in found.keys() - unbroken.keys()]
    return told


def first_trades(life: Life) -> dict[str, int]:
    """When each symbol was first heard."""
    return {symbol: trade.ts_ms for symbol in SYMBOLS if (trade := life.store.next_trade(symbol, 0)) is not None}


def begun_at(recording: Recording, unbroken: Candles, cut_s: float) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Life(recording, Path(folder) / "cut.db", wants=WANTS, begins_s=cut_s) as life,
    ):
        life.run(AFTER_S)
        assert differences(life, unbroken, first_trades(life)) == []
        assert "kline" in life.store.candles("BTCUSDT", 60).provenance.tolist()


def broken_at(recording: Recording, unbroken: Candles, cut_s: float, away_s: float, killed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, Life(recording, Path(folder) / "broken.db", wants=WANTS) as life:
        life.run(cut_s)
        if killed:
            life.killed(away_s)
        else:
            life.pause(away_s)
        life.run(AFTER_S)
        long = [gap for gap in life.store.gaps(state="lost") if (gap.before_id or 0) - (gap.after_id or 0) > 1_000]
        assert differences(life, unbroken, first_trades(life), long) == []
        assert life.store.gap_counts()["open"] == 0


@QUICK
@example(cut_s=MIDNIGHT_S)
@given(cut_s=CUTS)
def test_history_before_and_stream_after_any_cut_give_an_unbroken_run(
    recording: Recording, unbroken: Candles, cut_s: float
) -> None:
    begun_at(recording, unbroken, cut_s)


@QUICK
@example(cut_s=MIDNIGHT_S - 1.0, away_s=2.0, killed=True)
@given(cut_s=CUTS, away_s=st.floats(0.3, 4.0), killed=st.booleans())
def test_a_restart_leaves_no_trace_in_the_candles(
    recording: Recording, unbroken: Candles, cut_s: float, away_s: float, killed: bool
) -> None:
    broken_at(recording, unbroken, cut_s, away_s, killed)


@pytest.mark.long
@THOROUGH
@given(cut_s=CUTS)
def test_history_before_and_stream_after_a_hundred_cuts(recording: Recording, unbroken: Candles, cut_s: float) -> None:
    begun_at(recording, unbroken, cut_s)


@pytest.mark.long
@THOROUGH
@given(cut_s=CUTS, away_s=st.floats(0.3, 4.0), killed=st.booleans())
def test_a_hundred_restarts_leave_no_trace_in_the_candles(
    recording: Recording, unbroken: Candles, cut_s: float, away_s: float, killed: bool
) -> None:
    broken_at(recording, unbroken, cut_s, away_s, killed)
