"""The door: off unless a login is configured, and then closed to everybody who is not on the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from ui import theme
from ui.panels import state


@dataclass(frozen=True, slots=True)
class Visitor:
    """What the provider says of somebody; nothing while nobody has logged in."""

    logged_in: bool = False
    email: str = ""
    verified: bool = True  # False only where the provider says so


@dataclass(frozen=True, slots=True)
class Door:
    """What stands before the desk. ``state``: open, ask (for a login), closed (with the reason)."""

    state: Literal["open", "ask", "closed"]
    reason: str = ""


def door(configured: bool, allowed: Sequence[str], visitor: Visitor) -> Door:
    """Whether somebody may pass. Whatever is only half set up lets nobody in."""
    if not configured and not allowed:
        return Door("open")
    if not configured:
        return Door("closed", "PAIRSIGHT_ALLOWED_EMAILS is set, but there is no [auth] section in the secrets.")
    if not allowed:
        return Door("closed", "A login is configured, but PAIRSIGHT_ALLOWED_EMAILS names nobody.")
    if not visitor.logged_in:
        return Door("ask")
    if not visitor.verified:
        return Door("closed", "The provider has not verified this address.")
    if visitor.email.strip().lower() not in allowed:
        return Door("closed", f"{visitor.email or 'Somebody without an address'} is not on the list.")
    return Door("open")


def admitted(allowed: Sequence[str]) -> bool:
    """Whether whoever looks may see the desk. Where not, draws the door instead."""
    configured = st.secrets.load_if_toml_exists() and "auth" in st.secrets
    found = door(configured, allowed, _visitor() if configured else Visitor())
    if found.state == "open":
        if configured:
            with st.sidebar:
                st.button("Log out", icon=":material/logout:", on_click=st.logout, key="logout", width="stretch")
        return True
    st.html(theme.STYLE)
    with st.container(key="ps-door", horizontal_alignment="center"):
        if found.state == "ask":
            words = state.PageState("choose", "This desk asks who you are", "Log in to see it.", "")
            st.html(state.markup(words))
            st.button("Log in", type="primary", icon=":material/login:", on_click=st.login, key="login")
        else:
            words = state.PageState("failed", "This desk is closed to you", found.reason, "Ask whoever runs it.")
            st.html(state.markup(words))
            if _visitor().logged_in:
                st.button("Log out", icon=":material/logout:", on_click=st.logout, key="logout")
    return False


def _visitor() -> Visitor:
    user = st.user
    if not getattr(user, "is_logged_in", False):
        return Visitor()
    return Visitor(True, str(user.get("email") or ""), user.get("email_verified") is not False)
