"""The Data page: is what is stored the truth of the exchange, and where is it not?"""

from __future__ import annotations

import streamlit as st

from core.types import DeskStatus
from ui.controls import Controls
from ui.port import DeskPort


def draw(desk: DeskPort, controls: Controls, status: DeskStatus) -> None:
    """Draw the page."""
    st.write("Data")
