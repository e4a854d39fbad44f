"""Entry: settings, the one Desk of this process, the pages. No maths, no SQL, no classes."""

import gc

import streamlit as st

from core.errors import PairsightError
from core.settings import Settings
from desk.desk import Desk
from ui.shell import refuse, run


@st.cache_resource(on_release=lambda desk: desk.close(), show_spinner=False)
def the_desk() -> Desk:
    """One desk however many tabs are open; closed when the cache lets go of it."""
    settings = Settings.from_env()
    desk = Desk(settings)
    if settings.autostart or settings.role == "read":  # who only reads has no button for it
        desk.start()
    # Streamlit collects garbage after every run; what lives as long as the process need not be walked each time.
    gc.freeze()
    return desk


try:
    desk = the_desk()
except PairsightError as error:
    refuse(str(error))
else:
    run(desk, desk.settings)
