"""The warm start asks for what is missing, newest first, and for nothing else."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types import Candles
from ingestion.binance_rest import SETTLING_MS
from ingestion.history import BARS_A_CALL, history, pages
from tests.ingestion.tape import bars

STEP_MS = 60_000
NOW_MS = 1_791_382_980_000


class Bars:
    """Every minute has a bar; what was asked is kept."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    def klines(self, symbol: str, timeframe_s: int, *, start_ms: int | None, end_ms: int | None, limit: int) -> Candles:
        assert start_ms is not None
        assert end_ms is not None
        self.asked.append((start_ms, end_ms, limit))
        opens = np.arange(start_ms, end_ms + 1, timeframe_s * 1_000)
        ones = np.ones(len(opens))
        count = np.ones(len(opens), np.int64)
        return Candles(
            symbol, timeframe_s, opens, ones, ones, ones, ones, ones, count, np.full(len(opens), "kline", "U8")
        )


def asked(need: int, have: Iterable[int] = (), now_ms: int = NOW_MS) -> tuple[Bars, list[Candles], list[float]]:
    exchange = Bars()
    found = list(history("BTCUSDT", 60, need, have, exchange, now_ms))
    return exchange, [page for page, _ in found], [progress for _, progress in found]


def test_a_first_start_fetches_all_newest_first_and_tells_its_progress() -> None:
    _, found, progress = asked(need=3_500)
    opens = [bars(page) for page in found]
    assert [page[-1] for page in opens] == sorted((page[-1] for page in opens), reverse=True)
    assert sorted(at for page in opens for at in page) == [NOW_MS - k * STEP_MS for k in range(3_501, 1, -1)]
    assert progress == pytest.approx([1_500 / 3_500, 3_000 / 3_500, 1.0])


@pytest.mark.parametrize(
    ("late_ms", "newest_ms"), [(0, NOW_MS - 2 * STEP_MS), (SETTLING_MS, NOW_MS - STEP_MS), (59_999, NOW_MS - STEP_MS)]
)
def test_the_running_bar_and_one_not_yet_settled_are_never_asked_for(late_ms: int, newest_ms: int) -> None:
    exchange, _, _ = asked(need=10, now_ms=NOW_MS + late_ms)
    assert exchange.asked[0][1] == newest_ms


def test_what_is_stored_is_not_fetched_again() -> None:
    stored = [NOW_MS - k * STEP_MS for k in range(2, 2_000)]
    exchange, found, _ = asked(need=2_100, have=stored)
    assert sum(map(len, found)) == 102
    assert len(exchange.asked) == 1
    assert asked(need=1_000, have=stored)[0].asked == []


def test_a_bar_length_the_exchange_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="timeframe_s"):
        next(history("BTCUSDT", 5, 10, [], Bars(), NOW_MS))


@settings(deadline=None)
@given(st.sets(st.integers(0, 400)), st.integers(1, 50))
def test_pages_cover_exactly_what_is_missing_within_their_size(missing: set[int], most: int) -> None:
    spans = pages(sorted(missing), step_ms=1, most=most)
    assert all(last - first < most for first, last, _ in spans)
    assert sorted(at for at in missing for first, last, _ in spans if first <= at <= last) == sorted(missing)
    assert sum(count for _, _, count in spans) == len(missing)
    assert spans == sorted(spans, reverse=True)
    assert all({first, last} <= missing for first, last, _ in spans)


def test_a_page_is_no_longer_than_the_exchange_gives() -> None:
    exchange, _, _ = asked(need=5_000)
    assert max(limit for *_, limit in exchange.asked) == BARS_A_CALL
