"""What the tests of the desk share."""

from pathlib import Path

import pytest

from simulator.recording import Recording, read_recording
from tests.desk.lives import lengthened

RECORDING = "ticks_usdm_btcusdt_ethusdt_20240718T2357_20240719T0005.csv.gz"


@pytest.fixture(scope="session")
def recording(shared_data: Path) -> Recording:
    """Eight recorded minutes of two symbols, and a few seconds more, so that the last bars are over."""
    return lengthened(read_recording(shared_data / RECORDING))
