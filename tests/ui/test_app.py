"""The entry itself: what cannot be used is a sentence on the screen, and stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.stage import words

APP = Path(__file__).parents[2] / "app.py"


def a_folder(folder: Path) -> Path:
    db = folder / "folder.db"
    db.mkdir()
    return db


def nowhere_to_write(folder: Path) -> Path:
    (folder / "file").write_bytes(b"a file where a folder should be")
    return folder / "file" / "pairsight.db"


@pytest.mark.parametrize("made", [a_folder, nowhere_to_write])
def test_a_database_that_cannot_be_used_is_a_sentence_and_what_is_there_stays(
    made: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = made(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setenv("PAIRSIGHT_DB", str(db))
    monkeypatch.setenv("PAIRSIGHT_AUTOSTART", "0")
    app = AppTest.from_file(APP, default_timeout=120).run()
    assert not app.exception
    assert "PAIRSIGHT_DB" in words(app)
    assert sorted(tmp_path.rglob("*")) == before
