"""The refresh benchmark runs and prints, and reads the same rows from both databases."""

from pathlib import Path

import pytest

from analytics.params import Params
from benchmarks import refresh
from benchmarks.refresh_store import LEGS, LOOKS_OF, PAIR, build
from desk.watch import SCREEN_ROWS
from storage.reader import StoreReader


def test_a_small_run_of_it_prints_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    refresh.main(["--trades", "20000", "--repeats", "3"])
    said = capsys.readouterr().out
    for figure in ("1 s: one refresh", "60 s: one refresh", "record advanced by one candle", "from scratch"):
        assert figure in said


def test_the_size_of_the_database_changes_nothing_of_what_is_read(tmp_path: Path) -> None:
    for name, trades in (("small", refresh.SMALL), ("large", 40_000)):
        build(tmp_path / f"{name}.db", trades)
    with (
        StoreReader.open_reader(tmp_path / "small.db") as small,
        StoreReader.open_reader(tmp_path / "large.db") as large,
    ):
        assert sum(large.counts()[leg, 0] for leg in LEGS) > 39_000
        for timeframe_s in (1, 60):
            params = Params(timeframe_s=timeframe_s)
            bars = params.need_bars + SCREEN_ROWS
            for leg in LEGS:
                opens = [store.candles(leg, timeframe_s, limit=bars).open_ms for store in (small, large)]
                assert (opens[0] == opens[1]).all()
                from_ms = int(opens[0][0])
                if timeframe_s == 1:
                    assert len(small.gaps(leg, from_ms=from_ms)) == len(large.gaps(leg, from_ms=from_ms)) > 0
            looks = [store.looks(PAIR, timeframe_s, LOOKS_OF, limit=refresh.JOURNAL_ROWS) for store in (small, large)]
            assert len(looks[0]) == len(looks[1]) == refresh.JOURNAL_ROWS
