"""What every test may ask for."""

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

# Before numpy is loaded, here and in every process that a test starts: a worker has a core, not all of them, and BLAS
# threads that wait for each other on a busy machine take many times as long as one alone.
for _library in ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# A deadline is a timed assertion: an example that writes to a disk takes as long as the machine is busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent
# The files that take longest, in the order in which they begin: what mostly waits beside what mostly computes, and none
# is left for the end, when the other workers have nothing to do any more.
SLOW: Final = (
    "browser/test_paths.py",
    "browser/test_accessibility.py",
    "desk/test_faults.py",
    "browser/test_backtest.py",
    "browser/test_paths_files.py",
    "browser/test_simulated.py",
    "desk/test_faults_on_sockets.py",
    "browser/test_scanner.py",
    "desk/test_desk.py",
    "browser/test_track.py",
    "desk/test_main.py",
    "browser/test_alerts.py",
    "simulator/test_faults.py",
    "browser/test_real_input.py",
    "ingestion/test_under_faults.py",
    "browser/test_wishes.py",
    "desk/test_universe.py",
    "desk/test_crash.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first."""
    began = {ROOT / "tests" / name: at for at, name in enumerate(SLOW)}
    items.sort(key=lambda item: began.get(item.path, len(SLOW)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings beside the project; skips where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real recordings (../shared/data) are not beside the project")
    return folder
