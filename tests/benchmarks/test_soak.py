"""The soak benchmark runs and prints, and its figures are those of SQLite's format."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import soak
from benchmarks.soak_size import computed_bytes
from storage.sqlite import TradeStore
from tests.storage.samples import seeded


def test_a_few_seconds_of_it_end_without_an_open_gap(capsys: pytest.CaptureFixture[str]) -> None:
    soak.main(["--minutes", "0.06", "--rate", "400", "--fault-every", "1"])  # too short for its judgement of memory
    rows = {
        cells[1].strip(): cells[2].strip()
        for line in capsys.readouterr().out.splitlines()
        if len(cells := line.split("|")) > 3
    }
    assert rows["gaps open at the end"] == "0"
    assert rows["rows dropped by the store"] == "0"
    assert rows["errors logged"] == "0"


def test_the_computed_size_is_that_of_the_file_but_for_pages_not_quite_full(tmp_path: Path) -> None:
    with TradeStore(tmp_path / "store.db") as store:
        for first in range(5_000_000_000, 5_000_200_000, 20_000):
            store.put(seeded(20_000, first=first, start_ms=1_700_000_000_000 + first % 1_000_000 * 20))
        store.flush()
        computed = computed_bytes(store)
    size = (tmp_path / "store.db").stat().st_size
    assert computed["candles"] == 0
    assert np.isclose(size, computed["trades"], rtol=soak.SIZE_OFF)
