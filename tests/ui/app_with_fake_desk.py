"""The screen over a desk of seeded values, for looking at it: ``streamlit run tests/ui/app_with_fake_desk.py``.

Choose a state with ``?scenario=trap&source=SIMULATED`` in the address.
"""

import gc
import sys
import time
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).parents[2]))

from core.settings import Settings
from tests.ui.fakes import FakeDesk
from ui import shell


@st.cache_resource
def desks() -> dict[tuple[str, str], FakeDesk]:
    gc.collect()
    gc.freeze()  # as app.py does
    return {}


key = (st.query_params.get("scenario", "wait"), st.query_params.get("source", "LIVE"))
desk = desks().setdefault(key, FakeDesk(*key, clock=time.monotonic))  # type: ignore[arg-type]
shell.run(desk, Settings())
