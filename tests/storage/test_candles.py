"""Trades in, confirmed and complete candles out: equal to a slow reading of the definition, whatever the batches."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.exact import MAX_BATCH_UNITS
from core.types import TIMEFRAMES_S, Candles, Ticks
from storage.candles import CandleBuilder
from tests.storage.samples import recording

GRACE = 500
Row = tuple[int, float, float, float, float, float, int]  # open_ms, o, h, l, c, volume, count
Span = tuple[int | None, int]


def make(rows: Iterable[tuple[int, int, int, str, str]], symbol: str = "BTCUSDT") -> Ticks:
    """(trade_id, first_id, ts_ms, price, qty) rows as columns."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    ids, first, ts = (np.array(c, np.int64) for c in columns[:3])
    price, qty = (np.array([float(v) for v in c], np.float64) for c in columns[3:])
    return Ticks(symbol, ids, first, ts, price, qty, np.zeros(len(ids), np.bool_))


def at(*times_ms: int) -> Ticks:
    """Single trades of 0.001 at these times, prices 1, 2, 3, ..."""
    return make((i, i, t, str(i), "0.001") for i, t in enumerate(times_ms, start=1))


def rows(candles: Candles) -> list[Row]:
    return list(
        zip(
            candles.open_ms.tolist(),
            candles.open.tolist(),
            candles.high.tolist(),
            candles.low.tolist(),
            candles.close.tolist(),
            candles.volume.tolist(),
            candles.trade_count.tolist(),
            strict=True,
        )
    )


def reference(trades: Ticks, timeframe_s: int, watermark_ms: int, gaps: Iterable[Span] = ()) -> list[Row]:
    """The definition, word by word, with decimal volumes: slow, and nothing shared with the builder."""
    ms = timeframe_s * 1000
    buckets: dict[int, list[int]] = {}
    for i, t in enumerate(trades.ts_ms.tolist()):
        buckets.setdefault(t // ms * ms, []).append(i)
    out: list[Row] = []
    for open_ms, which in sorted(buckets.items()):
        confirmed = watermark_ms >= open_ms + ms + GRACE
        touched = any(to >= open_ms and (start is None or start < open_ms + ms) for start, to in gaps)
        if confirmed and not touched:
            prices = [float(trades.price[i]) for i in which]
            volume = float(sum(Decimal(repr(float(trades.qty[i]))) for i in which))
            count = sum(int(trades.trade_id[i] - trades.first_id[i]) + 1 for i in which)
            out.append((open_ms, prices[0], max(prices), min(prices), prices[-1], volume, count))
    return out


@st.composite
def trade_runs(draw: st.DrawFn) -> Ticks:
    """Ids that skip and aggregate, times that mostly advance, sometimes by hours, and sometimes step back."""
    made, trade_id, ts = [], draw(st.integers(1, 10**10)), draw(st.integers(0, 10**12))
    steps = st.one_of(st.integers(0, 40), st.integers(-1500, 3000), st.integers(0, 4_000_000))
    for _ in range(draw(st.integers(1, 60))):
        first_id = trade_id + draw(st.integers(1, 3))
        trade_id = first_id + draw(st.integers(0, 4))
        ts = max(0, ts + draw(steps))
        price = f"{draw(st.integers(1, 5000)) / 10:.1f}"
        made.append((trade_id, first_id, ts, price, f"{draw(st.integers(1, 10**7)) / 1000:.3f}"))
    return make(made)


def cuts(n: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, n), max_size=6).map(lambda inner: [0, *sorted(inner), n])


@settings(max_examples=150)
@given(st.data(), trade_runs())
def test_candles_equal_the_slow_reference_however_the_trades_are_batched(data: st.DataObject, trades: Ticks) -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE)
    low, high = int(trades.ts_ms.min()), int(trades.ts_ms.max())
    span = st.tuples(st.integers(low - 2000, high + 2000), st.integers(0, 5000)).map(lambda s: (s[0], s[0] + s[1]))
    gaps: list[Span] = [*data.draw(st.lists(span, max_size=3))]
    if data.draw(st.booleans()):
        gaps.append((None, int(trades.ts_ms[0])))
    for start, to in gaps:
        builder.gap(start, to)
    edges = data.draw(cuts(len(trades)))
    for a, b in pairwise(edges):
        builder.add(trades.take(slice(a, b)))
    watermark = data.draw(st.integers(low, high + 8_000_000))
    confirmed = builder.confirm(watermark)
    for timeframe_s in TIMEFRAMES_S:
        got = confirmed.get(timeframe_s, Candles.empty("BTCUSDT", timeframe_s))
        assert rows(got) == reference(trades, timeframe_s, watermark, gaps)
        assert set(got.provenance.tolist()) <= {"trades"}
    assert builder.late() == []


@settings(max_examples=150)
@given(st.data(), trade_runs())
def test_every_interval_is_given_out_once_or_told_as_late_or_incomplete(data: st.DataObject, trades: Ticks) -> None:
    """The watermark runs along; gaps are told in time or too late. What was given out and is told nowhere is true."""
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE)
    given_out: dict[tuple[int, int], Row] = {}
    late: set[tuple[int, int]] = set()
    broken: list[tuple[int, int, int]] = []
    gaps: list[Span] = []
    edges = data.draw(cuts(len(trades)))
    watermark = 0
    for a, b in pairwise(edges):
        batch = trades.take(slice(a, b))
        builder.add(batch)
        watermark = max([watermark, *batch.ts_ms.tolist()])
        if data.draw(st.booleans()):
            start = watermark + data.draw(st.integers(-9000, 9000))
            gaps.append((start, start + data.draw(st.integers(0, 5000))))
            builder.gap(*gaps[-1])
        confirmed = builder.confirm(watermark)
        for timeframe_s, candles in confirmed.items():
            assert (np.diff(candles.open_ms) > 0).all()
            for row in rows(candles):
                assert (timeframe_s, row[0]) not in given_out
                assert row in reference(trades.take(slice(0, b)), timeframe_s, watermark, gaps)
                given_out[timeframe_s, row[0]] = row
        late |= set(builder.late())
        broken += builder.incomplete()
    end = int(trades.ts_ms.max()) + 8_000_000
    for timeframe_s, candles in builder.confirm(end).items():
        given_out |= {(timeframe_s, row[0]): row for row in rows(candles)}
    broken += builder.incomplete()

    for timeframe_s in TIMEFRAMES_S:
        told = {
            t
            for tf, first, last in broken
            if tf == timeframe_s
            for t in range(first, min(last, end) + 1, timeframe_s * 1000)
        } | {t for tf, t in late if tf == timeframe_s}
        for row in reference(trades, timeframe_s, end):
            if row[0] not in told:  # neither late nor incomplete: must have been given out, exactly so
                assert given_out[timeframe_s, row[0]] == row


def test_a_candle_is_confirmed_at_its_end_plus_grace_and_not_a_millisecond_before() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE)
    builder.add(at(10_000, 10_999))
    assert builder.confirm(11_499) == {}
    assert rows(builder.confirm(11_500)[1]) == [(10_000, 1.0, 2.0, 1.0, 2.0, 0.002, 2)]
    assert builder.confirm(11_500) == {}
    assert builder.confirm(9_000) == {}  # a watermark never goes back


def test_no_trade_no_candle() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1,))
    builder.add(at(10_000, 14_000))
    assert builder.confirm(16_000)[1].open_ms.tolist() == [10_000, 14_000]
    assert builder.incomplete() == []


def test_open_and_close_are_the_first_and_last_by_id_not_by_time() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1,))
    builder.add(at(10_500, 10_900, 10_100))  # prices 1, 2, 3
    assert rows(builder.confirm(20_000)[1])[0][1:5] == (1.0, 3.0, 1.0, 3.0)


def test_the_first_partial_candle_after_a_start_is_not_confirmed() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1, 5))
    builder.gap(None, 12_300)
    builder.add(at(12_300, 13_000, 15_000))
    confirmed = builder.confirm(30_000)
    assert confirmed[1].open_ms.tolist() == [13_000, 15_000]
    assert confirmed[5].open_ms.tolist() == [15_000]
    assert builder.incomplete() == [(1, 12_000, 12_000), (5, 10_000, 10_000)]


def test_a_gap_touches_every_interval_it_overlaps_traded_or_not() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1, 5))
    builder.add(at(10_000, 15_000))
    builder.gap(11_999, 13_000)
    builder.add(at(13_999, 14_000))
    confirmed = builder.confirm(20_500)
    assert confirmed[1].open_ms.tolist() == [10_000, 14_000, 15_000]
    assert confirmed[5].open_ms.tolist() == [15_000]
    assert builder.incomplete() == [(1, 11_000, 13_000), (5, 10_000, 10_000)]
    assert builder.incomplete() == []


def test_a_gap_spares_the_intervals_that_end_where_it_begins_and_begin_after_it_ends() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1,))
    builder.add(at(10_000, 11_000, 12_000, 13_000))
    builder.gap(11_000, 12_999)
    assert builder.confirm(20_000)[1].open_ms.tolist() == [10_000, 13_000]


def test_the_first_trade_of_the_interval_after_those_that_passed_is_not_late() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1,))
    builder.add(at(10_000))
    builder.confirm(12_500)
    builder.add(at(12_000))
    assert builder.late() == []
    assert builder.confirm(13_500)[1].open_ms.tolist() == [12_000]


def test_a_gap_told_after_its_intervals_passed_is_reported_at_once() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1,))
    builder.add(at(10_000, 11_000, 12_000))
    builder.confirm(12_600)
    builder.gap(10_400, 11_200)
    assert builder.incomplete() == [(1, 10_000, 11_000)]
    builder.gap(1_000, 1_200)  # before anything was seen here: known all the same
    assert builder.incomplete() == [(1, 1_000, 1_000)]


def test_a_late_trade_is_told_in_every_timeframe_it_missed_and_counted_in_the_others() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1, 5, 60))
    builder.add(at(10_000, 15_000))
    builder.confirm(15_600)
    builder.add(make([(9, 9, 10_500, "7", "0.5"), (10, 10, 12_000, "8", "0.5")]))
    assert builder.late() == [(1, 10_000), (1, 12_000), (5, 10_000)]
    assert builder.late() == []
    assert rows(builder.confirm(60_000 + GRACE)[60]) == [(0, 1.0, 8.0, 1.0, 8.0, 1.002, 4)]


def test_a_late_trade_in_an_incomplete_interval_is_told_as_incomplete() -> None:
    """Rebuilt from stored trades it would pass for complete."""
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1,))
    builder.gap(10_000, 10_100)
    builder.confirm(12_000)
    assert builder.incomplete() == [(1, 10_000, 10_000)]
    builder.add(at(10_700))
    assert builder.late() == []
    assert builder.incomplete() == [(1, 10_000, 10_000)]


@pytest.mark.parametrize("n", [3, 200])  # the loop and the columns
def test_volumes_beyond_64_bits_are_still_exact(n: int) -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(60,))
    each = int(MAX_BATCH_UNITS)
    builder.add(make((i, i, 1000 + i, "1", str(each)) for i in range(n)))
    assert builder.confirm(10**6)[60].volume.tolist() == [float(each * n)]


def test_adding_a_tenth_ten_times_is_one() -> None:
    builder = CandleBuilder("BTCUSDT", grace_ms=GRACE, timeframes_s=(1,))
    for i in range(10):
        builder.add(make([(i, i, 1000, "1", "0.1")]))
    assert builder.confirm(10**6)[1].volume.tolist() == [1.0]


@pytest.mark.parametrize(
    ("grace_ms", "timeframes_s", "sentence"),
    [(-1, (1,), "grace_ms must be >= 0"), (0, (), "timeframes_s"), (0, (0,), "timeframes_s"), (0, (5, 5), "distinct")],
)
def test_what_cannot_be_is_refused(grace_ms: int, timeframes_s: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CandleBuilder("BTCUSDT", grace_ms=grace_ms, timeframes_s=timeframes_s)


def test_a_gap_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="to_ms must be >= from_ms"):
        CandleBuilder("BTCUSDT", grace_ms=0).gap(2, 1)


@pytest.mark.recording
@pytest.mark.parametrize("batch", [1, 7, 400])
def test_the_recording_gives_the_same_candles_in_any_batches(shared_data: Path, batch: int) -> None:
    for symbol, trades in recording(shared_data).items():
        builder = CandleBuilder(symbol, grace_ms=GRACE)
        got: dict[int, list[Row]] = {s: [] for s in TIMEFRAMES_S}
        for a in range(0, len(trades), batch):
            part = trades.take(slice(a, a + batch))
            builder.add(part)
            for timeframe_s, candles in builder.confirm(int(part.ts_ms.max())).items():
                got[timeframe_s] += rows(candles)
        end = int(trades.ts_ms.max())
        assert {s: reference(trades, s, end) for s in TIMEFRAMES_S} == got
        assert builder.late() == []
