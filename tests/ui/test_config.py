"""What the server is told: this machine only, nothing foreign, nothing told that need not be."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from streamlit import config as streamlit_config

from ui.candle_file import MAX_BYTES

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("section", "option", "value"),
    [
        ("server", "address", "127.0.0.1"),
        ("server", "enableCORS", True),
        ("server", "enableXsrfProtection", True),
        ("server", "enableStaticServing", False),
        ("server", "fileWatcherType", "none"),
        ("browser", "gatherUsageStats", False),
        ("client", "showErrorDetails", "none"),
        ("client", "toolbarMode", "viewer"),
    ],
)
def test_the_app_answers_this_machine_only_and_tells_nobody(section: str, option: str, value: object) -> None:
    assert CONFIG[section][option] == value


def test_what_a_browser_may_send_is_small() -> None:
    assert CONFIG["server"]["maxUploadSize"] == MAX_BYTES / 1e6 == 10
    assert CONFIG["server"]["maxMessageSize"] <= 50
    assert CONFIG["server"]["maxWidgetStateSize"] <= 5


def test_every_option_is_one_that_streamlit_knows() -> None:
    known = streamlit_config.get_config_options().keys()
    for section, options in CONFIG.items():
        for name, value in options.items():
            if not isinstance(value, dict):
                assert f"{section}.{name}" in known


def test_secrets_stay_out_of_version_control() -> None:
    assert "/.streamlit/secrets.toml" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert not (ROOT / ".streamlit" / "secrets.toml").exists()


def test_no_html_is_passed_through_unescaped() -> None:
    """Markup is made in one place, and escaped there; nothing else may call itself markup from a variable."""
    for path in (ROOT / "ui").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert "unsafe_allow_html" not in source, path
        assert "unsafe_allow_javascript" not in source, path
        if path.name != "markup.py":
            wrapped = [w for w in re.findall(r"Markup\(([^)]*)\)", source) if w and not w.startswith('"".join(')]
            assert wrapped == [], path
