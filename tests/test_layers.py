"""The arrows between packages never turn back."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "ingestion": {"core"},
    "storage": {"core"},
    "analytics": {"core"},
    "simulator": {"core"},
    "desk": {"core", "ingestion", "storage", "analytics"},
    "ui": {"core", "analytics"},
}
# A library known by one file only, so that replacing it touches one file only.
ONE_OWNER = {
    "websocket": "ingestion/transport.py",
    "requests": "ingestion/rest.py",
    "apprise": "desk/apprise_sender.py",
}
PACKAGES = {*ALLOWED, "tests", "benchmarks"}


def imported(path: Path) -> set[str]:
    """The top-level names of what a file imports, late imports too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("package", ALLOWED)
def test_package_imports_only_what_lies_below_it(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        above = imported(path) & (PACKAGES - {package})
        assert above <= ALLOWED[package], f"{path.relative_to(ROOT)} imports {above - ALLOWED[package]}"


@pytest.mark.parametrize("library", ONE_OWNER)
def test_one_file_knows_the_library(library: str) -> None:
    owners = {
        path.relative_to(ROOT).as_posix()
        for package in ALLOWED
        for path in (ROOT / package).rglob("*.py")
        if library in imported(path)
    }
    assert owners == {ONE_OWNER[library]}


def test_streamlit_is_known_by_the_screen_only() -> None:
    for package in ALLOWED.keys() - {"ui"}:
        for path in (ROOT / package).rglob("*.py"):
            assert not imported(path) & {"streamlit", "altair"}, path


def test_core_needs_nothing_but_numpy() -> None:
    import sys

    for path in (ROOT / "core").rglob("*.py"):
        foreign = imported(path) - set(sys.stdlib_module_names) - {"core", "numpy"}
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"
