"""The same net over the Offline page: each number on it is of the look at the files, of the files, or typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import get_args

import pytest

from analytics.look import Look
from analytics.params import Params, Preset
from core.journal import JournalRow
from core.types import Candles, DeskStatus, SymbolInfo
from tests.ui import ties_banner as banner
from tests.ui.candle_files import kline
from tests.ui.fakes import FakeDesk
from tests.ui.scene import Scene, X, Y
from tests.ui.stage import markup, play
from tests.ui.test_every_number import TIES, Ties, faults
from tests.ui.written import num
from ui import offline
from ui.candle_file import read


@dataclass(frozen=True)
class FileScene(Scene):
    """What stands behind the page: the files, and nothing of any desk."""

    legs: tuple[Candles, Candles] = field(kw_only=True)
    assumed: offline.Assumed = field(default=offline.Assumed(), kw_only=True)

    @cached_property
    def _look(self) -> Look:
        return offline.look_at(*self.legs, self.params, self.assumed)

    @property
    def look(self) -> Look:
        return self._look

    @property
    def confirmed(self) -> str:
        return "OFFLINE"

    @property
    def status(self) -> DeskStatus:
        return DeskStatus()

    @property
    def catalogue(self) -> Mapping[str, SymbolInfo]:
        return {}

    @property
    def said(self) -> Sequence[JournalRow]:
        return ()


def read_words(s: Scene) -> str:
    assert isinstance(s, FileScene)
    y, x = (len(leg) for leg in s.legs)
    return f"{num(y + x, 0)} rows read and checked: {Y} {num(y, 0)}, {X} {num(x, 0)} candles."


OF_FILES: Ties = {
    **TIES,
    "pair": lambda s: banner.pair(s).replace("THE PAST", "OFFLINE"),
    "source": lambda _: "OFFLINE Computed from files of yours. Nothing of it reaches the live store or the journal.",
    "fact_source": lambda _: "OFFLINE",
    "fact_basis": lambda _: "from the files above, and only them",
    "read": read_words,
}


@pytest.mark.parametrize("preset", get_args(Preset))
@pytest.mark.parametrize("rows", [300, 1_400, 4_000])
def test_every_number_of_the_offline_page_is_what_stands_behind_it(rows: int, preset: Preset) -> None:
    files = {f"{symbol}-1m.csv": kline(symbol, rows) for symbol in (Y, X)}
    y, x = (read(name, data).legs[name.split("-")[0]] for name, data in files.items())
    app = play(FakeDesk("wait"), "offline", preset=preset.capitalize())
    app.file_uploader(key="offline_files").set_value([(name, data, "text/csv") for name, data in files.items()]).run()
    assert not app.exception
    past = int(y.open_ms[-1])
    assert faults(markup(app), FileScene(FakeDesk(), Params(preset=preset), past, legs=(y, x)), OF_FILES) == []
    app.number_input(key="offline_half").set_value(2.5).run()
    app.number_input(key="offline_funding").set_value(-1.5).run()
    typed = FileScene(FakeDesk(), Params(preset=preset), past, legs=(y, x), assumed=offline.Assumed(2.5, -1.5))
    assert faults(markup(app), typed, OF_FILES) == []
