"""A look that rested on what was repaired later gets its note, whenever the process that repaired it is killed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from analytics.params import Params
from core.journal import JournalRow
from desk.outbox import Outbox
from desk.watch import Key, Watch

MIN = 60_000
KEY = Key("AUSDT", "BUSDT", Params())
OTHER = Key("CUSDT", "DUSDT", Params())


class Shelf:
    """A journal that outlives who writes it, and may have no room."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, int, int, int]] = []
        self.kept: dict[str, tuple[str, int]] = {}
        self.full = False

    def put_looks(self, looks: Sequence[JournalRow]) -> bool:
        return not self.full

    def note_looks(self, pair: str, timeframe_s: int, from_ms: int, to_ms: int) -> bool:
        self.noted += [] if self.full else [(pair, timeframe_s, from_ms, to_ms)]
        return not self.full

    def settle(self, timeout_s: float) -> bool:
        return True

    def put_note(self, name: str, body: str, at_ms: int) -> None:
        self.kept[name] = body, at_ms

    def note(self, name: str) -> tuple[str, int] | None:
        return self.kept.get(name)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def hand_on(outbox: Outbox) -> None:
    outbox.note_repaired([(KEY, Watch()), (OTHER, Watch())], lambda key, watch: 9 * MIN)
    outbox.hand_on()


def test_what_a_killed_process_had_repaired_and_not_noted_the_next_one_notes_once(shelf: Shelf) -> None:
    killed = Outbox(shelf)
    killed.repaired("BUSDT", 60, 5 * MIN)
    killed.repaired("BUSDT", 60, 3 * MIN)
    killed.repaired("BUSDT", 60, 7 * MIN)
    hand_on(Outbox(shelf))
    assert shelf.noted == [("AUSDT/BUSDT", 60, 3 * MIN, 9 * MIN)]
    hand_on(Outbox(shelf))
    assert len(shelf.noted) == 1


def test_one_that_was_killed_before_there_was_room_for_the_notes_left_them_to_the_next(shelf: Shelf) -> None:
    killed = Outbox(shelf)
    killed.repaired("AUSDT", 60, 5 * MIN)
    shelf.full = True
    hand_on(killed)
    assert shelf.noted == []
    shelf.full = False
    hand_on(Outbox(shelf))
    assert shelf.noted == [("AUSDT/BUSDT", 60, 5 * MIN, 9 * MIN)]


def test_what_is_repaired_while_notes_wait_is_owed_until_it_has_its_own(shelf: Shelf) -> None:
    outbox = Outbox(shelf)
    outbox.repaired("AUSDT", 60, 5 * MIN)
    outbox.note_repaired([(KEY, Watch())], lambda key, watch: 9 * MIN)
    outbox.repaired("DUSDT", 60, 4 * MIN)
    outbox.hand_on()
    hand_on(Outbox(shelf))
    assert ("CUSDT/DUSDT", 60, 4 * MIN, 9 * MIN) in shelf.noted


def test_what_was_repaired_waits_for_its_pair_to_be_watched_and_the_rest_is_noted_once(shelf: Shelf) -> None:
    killed = Outbox(shelf)
    killed.repaired("AUSDT", 60, 5 * MIN)
    killed.repaired("DUSDT", 60, 4 * MIN)
    for _ in range(2):  # no pair is watched yet, then one; and the process ends
        again = Outbox(shelf)
        again.note_repaired([], lambda key, watch: 9 * MIN)
        again.hand_on()
        again.note_repaired([(OTHER, Watch())], lambda key, watch: 9 * MIN)
        again.hand_on()
    assert shelf.noted == [("CUSDT/DUSDT", 60, 4 * MIN, 9 * MIN)]
    hand_on(Outbox(shelf))
    assert shelf.noted[1:] == [("AUSDT/BUSDT", 60, 5 * MIN, 9 * MIN)]
    hand_on(Outbox(shelf))
    assert len(shelf.noted) == 2
