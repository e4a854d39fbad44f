"""What every test may ask for."""

from pathlib import Path

import pytest
from hypothesis import settings

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
