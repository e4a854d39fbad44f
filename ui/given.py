"""Two legs from files: asked for, checked, told of, chosen; the same on each page that takes files. No desk here."""

from __future__ import annotations

import streamlit as st

from core.types import Candles
from ui import offline
from ui.controls import offline as choices
from ui.markup import el
from ui.panels import file_problems


def legs() -> tuple[Candles, Candles] | None:
    """Y and X. None while there are none, or none that go together, which is then said."""
    files = choices.files()
    if not files:
        st.html(file_problems.forms())
    for file in files:
        file_problems.render(file)
    if not files or any(file.problems for file in files):
        return None
    found, problem = offline.legs_in(files)
    if problem:
        st.error(problem, icon=":material/error:")
        return None
    st.html(el("p", offline.told(files, found), cls="ps-note", data_key="read"))
    y, x = choices.legs(list(found))
    if y == x:
        st.error(f"Y and X are both {y}. A pair needs two different symbols.", icon=":material/error:")
        return None
    return found[y], found[x]
