"""Runs the screen over a hand-written desk, and reads what it shows."""

from __future__ import annotations

import html
import re

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.ui.fakes import FakeDesk


def _script(desk: object) -> None:  # runs as a script of its own: it sees nothing of this module
    from core.settings import Settings
    from ui import shell

    shell.run(desk, Settings())  # type: ignore[arg-type]


def play(desk: FakeDesk, page: str = "decision", **query: str) -> AppTest:
    """The page after one run of the script."""
    app = AppTest.from_function(_script, default_timeout=120, kwargs={"desk": desk})
    if page != "decision":
        app._page_hash = calc_hash(page)  # AppTest can switch to pages that are files only; ours are functions
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def markup(app: AppTest) -> str:
    """All HTML of the page, without the style sheet."""
    return "\n".join(block.value for block in app.html if "<style" not in block.value)


def words(app: AppTest) -> str:
    """All text of that HTML."""
    return html.unescape(re.sub(r"<[^>]+>", " ", markup(app)))


def shown(app: AppTest, key: str) -> str:
    """The ``data-value`` of the part named ``key``."""
    found = re.search(rf'data-key="{key}" data-value="([^"]*)"', markup(app))
    assert found, f"nothing on the page is named {key}"
    return html.unescape(found[1])
