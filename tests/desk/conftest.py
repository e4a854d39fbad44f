"""What the tests of the desk share."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.recording import Recording, read_recording
from storage.sqlite import TradeStore
from tests.desk.lives import lengthened

RECORDING = "ticks_usdm_btcusdt_ethusdt_20240718T2357_20240719T0005.csv.gz"


@pytest.fixture(scope="session")
def recording(shared_data: Path) -> Recording:
    """Eight recorded minutes of two symbols, and a few seconds more, so that the last bars are over."""
    return lengthened(read_recording(shared_data / RECORDING))


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    """What all the random fates together left in their databases; shown by ``-s``, and by ``-n0`` alone."""
    total: Counter[str] = Counter()
    yield total
    print("\nrandom fates:", ", ".join(f"{name} {n}" for name, n in total.items()))  # noqa: T201 (figures for a report)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TradeStore]:
    """An empty store, written at once."""
    with TradeStore(tmp_path / "store.db", flush_ms=10) as store:
        yield store
