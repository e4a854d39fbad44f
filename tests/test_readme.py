"""The README tells the truth: every setting is listed with its default, every command and picture exists."""

import dataclasses
import importlib.util
import re
from pathlib import Path

from core.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS_SOURCE = (ROOT / "core" / "settings.py").read_text(encoding="utf-8")


def rows() -> dict[str, str]:
    """Setting name to the default its row in the README gives."""
    found = re.findall(r"^\| `(PAIRSIGHT_\w+)` \|.*\| `?([^`|]*?)`? \|$", README, re.MULTILINE)
    return dict(found)


def shown(value: object) -> str:
    """A default as the README writes it."""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return value.as_posix() if isinstance(value, Path) else f"{value:g}" if isinstance(value, float) else str(value)


def test_every_setting_has_its_row_and_its_default() -> None:
    expected = {f"PAIRSIGHT_{f.name.upper()}": shown(getattr(Settings(), f.name)) for f in dataclasses.fields(Settings)}
    table = rows()
    assert {name: table.get(name) for name in expected} == expected


def test_no_other_variable_is_promised() -> None:
    read = set(re.findall(r'"(PAIRSIGHT_\w+)"', SETTINGS_SOURCE)) | {"PAIRSIGHT_CHROMIUM"}
    assert set(re.findall(r"PAIRSIGHT_[A-Z_]+[A-Z]", README)) <= read


def test_every_picture_and_file_it_links_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_module_and_test_it_says_to_run_exists() -> None:
    modules = set(re.findall(r"python -m ([\w.]+)", README))
    paths = set(re.findall(r"pytest [^`\n]*?(tests/[\w/.]+)", README))
    assert {"desk", "simulator", "benchmarks.rule"} <= modules
    assert "tests/desk/test_crash.py" in paths
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_its_two_commands_are_there_word_for_word() -> None:
    assert "pip install -r requirements.txt && streamlit run app.py" in README
    assert "pip install -r requirements-dev.txt && pytest" in README
