"""A button that carries a file away. The file is made before the click; why so: see ``ui.panels.exports``."""

from __future__ import annotations

import streamlit as st


def download(
    label: str,
    data: bytes,
    name: str | None,
    key: str,
    *,
    mime: str | None = "text/csv",
    help_text: str | None = None,
    disabled: bool = False,
) -> None:
    """Draw it. A click redraws nothing."""
    st.download_button(
        label,
        data,
        name,
        mime,
        key=key,
        help=help_text,
        on_click="ignore",
        icon=":material/download:",
        disabled=disabled,
    )
