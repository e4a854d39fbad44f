"""The door: open as it comes, closed by whatever is only half set up, and for whoever is not on the list."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.fakes import FakeDesk
from tests.ui.stage import markup, words
from ui.login import Door, Visitor, door

ANN = Visitor(True, "Ann@Example.org")
LIST = ("ann@example.org",)


@pytest.mark.parametrize(
    ("configured", "allowed", "visitor", "state"),
    [
        (False, (), Visitor(), "open"),
        (False, LIST, Visitor(), "closed"),
        (False, LIST, ANN, "closed"),
        (True, (), ANN, "closed"),
        (True, (), Visitor(), "closed"),
        (True, LIST, Visitor(), "ask"),
        (True, LIST, ANN, "open"),
        (True, LIST, Visitor(True, "ann@example.org.evil"), "closed"),
        (True, LIST, Visitor(True, ""), "closed"),
        (True, LIST, Visitor(True, "ann@example.org", verified=False), "closed"),
    ],
)
def test_only_who_is_logged_in_and_on_the_list_passes(
    configured: bool, allowed: tuple[str, ...], visitor: Visitor, state: str
) -> None:
    found = door(configured, allowed, visitor)
    assert found.state == state
    assert bool(found.reason) == (state == "closed")


def test_without_a_login_nobody_is_asked() -> None:
    assert door(False, (), Visitor()) == Door("open")


def _script(desk: object, allowed: tuple[str, ...]) -> None:
    from core.settings import Settings
    from ui import shell

    shell.run(desk, Settings(allowed_emails=allowed))  # type: ignore[arg-type]


def at_the_door(allowed: tuple[str, ...], auth: bool) -> AppTest:
    app = AppTest.from_function(_script, default_timeout=30, kwargs={"desk": FakeDesk("tradable"), "allowed": allowed})
    if auth:
        app.secrets["auth"] = {"redirect_uri": "http://127.0.0.1:8501/oauth2callback", "cookie_secret": "x"}
    return app.run()


def test_a_configured_login_shows_its_door_and_nothing_behind_it() -> None:
    app = at_the_door(LIST, auth=True)
    assert not app.exception
    assert [b.key for b in app.button] == ["login"]
    assert "asks who you are" in words(app)
    assert 'data-key="verdict"' not in markup(app)
    assert not app.sidebar.button


@pytest.mark.parametrize(("allowed", "auth"), [(LIST, False), ((), True)])
def test_half_a_login_is_a_closed_door(allowed: tuple[str, ...], auth: bool) -> None:
    app = at_the_door(allowed, auth)
    assert not app.exception
    assert "closed to you" in words(app)
    assert 'data-key="verdict"' not in markup(app)


def test_without_both_the_desk_is_simply_there() -> None:
    assert 'data-key="verdict"' in markup(at_the_door((), auth=False))
