"""What every test may ask for."""

import os
from pathlib import Path

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


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings beside the project; skips where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real recordings (../shared/data) are not beside the project")
    return folder
