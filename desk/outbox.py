"""What was said, on its way to the journal and to those who listen: in order, and kept until the journal takes it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final

from core.clock import now_ms
from core.journal import JournalRow
from desk.basis import Journal
from desk.notes import read_note
from desk.watch import Key, Watch

log = logging.getLogger(__name__)

OWED: Final = "repaired"  # the note that says which looks are still to get theirs
NOTE_BARS: Final = 2_000  # candles whose looks are noted at once: the writer has other things to do

Listener = Callable[[Key, JournalRow], None]
Opens = dict[tuple[str, int], int]  # symbol, timeframe -> first open repaired


class Outbox:
    """One thread's own, save ``repaired`` and ``tell``. It stays small where no more is said while it is ``refused``.

    Without a journal nothing is to be said. What was repaired is kept beside the journal until its notes are on their
    way, so that the process that follows one that was killed writes them; where no pair with that symbol and timeframe
    is watched, until one is.
    """

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        self._listeners: list[Listener] = []
        self._looks: list[tuple[Key, JournalRow]] = []
        self._notes: dict[tuple[str, int], tuple[int, int]] = {}  # pair, timeframe -> opens from, to
        self.refused = False  # the journal had no room
        self._lock = threading.Lock()  # guards what follows
        self._repaired: Opens = {}  # and not noted
        kept = read_note(journal, OWED, list[tuple[str, int, int]]) if journal is not None else None
        for symbol, timeframe_s, open_ms in kept[0] if kept is not None else ():
            self._repaired[symbol, timeframe_s] = open_ms
        self._owed = dict(self._repaired)  # those, and what is in notes that wait

    def __len__(self) -> int:
        """Looks that wait."""
        return len(self._looks)

    def tell(self, listener: Listener) -> None:
        """Have this hear of every look once the journal has taken it."""
        self._listeners.append(listener)

    def say(self, key: Key, look: JournalRow) -> None:
        """Queue a look."""
        self._looks.append((key, look))

    def repaired(self, symbol: str, timeframe_s: int, open_ms: int) -> None:
        """A candle was repaired: from any thread."""
        if self._journal is None:
            return
        what = symbol, timeframe_s
        with self._lock:
            self._repaired[what] = min(open_ms, self._repaired.get(what, open_ms))
            if open_ms < self._owed.get(what, open_ms + 1):
                self._owed[what] = open_ms
                self._keep(self._journal)

    def note_repaired(self, watches: Iterable[tuple[Key, Watch]], said_ms: Callable[[Key, Watch], int | None]) -> None:
        """Queue a note on the looks said by now, of these pairs, at what was repaired and later."""
        with self._lock:
            repaired = dict(self._repaired)
        concerned = set()
        for key, watch in watches if repaired else ():
            what = key.pair, key.params.timeframe_s
            concerned |= {(symbol, what[1]) for symbol in key.symbols}
            from_ms = min((repaired[each] for s in key.symbols if (each := (s, what[1])) in repaired), default=None)
            if from_ms is not None:
                with watch.lock:
                    to_ms = said_ms(key, watch)
                if to_ms is not None and to_ms >= from_ms:
                    first_ms, last_ms = self._notes.get(what, (from_ms, to_ms))
                    self._notes[what] = min(first_ms, from_ms), max(last_ms, to_ms)
        with self._lock:  # what came meanwhile stays, and what concerns nobody yet
            self._repaired = {
                what: ms for what, ms in self._repaired.items() if what not in concerned or repaired.get(what) != ms
            }

    def hand_on(self) -> bool:
        """Offer the looks to the journal, and tell who listens once it has them; then a part of the notes.

        False: there is no room for the looks, and they wait on.
        """
        looks = self._looks
        if looks and self._journal is not None:
            refused, self.refused = self.refused, not self._journal.put_looks([row for _, row in looks])
            if self.refused:
                if not refused:
                    log.warning("the store has no room for looks: %d wait, and no more are said", len(looks))
                return False
            if refused:
                log.info("the store has room for looks again")
            self._looks = []
            for key, row in looks:
                self._hear(key, row)
        self._hand_on_notes(NOTE_BARS)
        return True

    def finish(self) -> bool:
        """Hand on everything; False: the journal did not take it all."""
        return self.hand_on() and self._hand_on_notes(None)

    def _hear(self, key: Key, row: JournalRow) -> None:
        for listener in self._listeners:
            try:
                listener(key, row)
            except Exception:  # whoever listens is not to cost others what was said
                log.exception("a listener failed at a look at %s", key.pair)

    def _hand_on_notes(self, bars: int | None) -> bool:
        """So many candles of them, None: all; those of each pair oldest first. False: there is no room."""
        while self._journal is not None and self._notes and (bars is None or bars > 0):
            (pair, timeframe_s), (from_ms, to_ms) = next(iter(self._notes.items()))
            step_ms = timeframe_s * 1000
            end_ms = to_ms if bars is None else min(to_ms, from_ms + (bars - 1) * step_ms)
            if not self._journal.note_looks(pair, timeframe_s, from_ms, end_ms):
                return False
            del self._notes[pair, timeframe_s]
            if end_ms < to_ms:
                self._notes[pair, timeframe_s] = end_ms + step_ms, to_ms
            if bars is not None:
                bars -= (end_ms - from_ms) // step_ms + 1
        with self._lock:
            if self._journal is not None and not self._notes and self._owed != self._repaired:
                self._owed = dict(self._repaired)
                self._keep(self._journal)
        return True

    def _keep(self, journal: Journal) -> None:
        """Under the lock: nothing out of date is written."""
        owed = [(symbol, timeframe_s, open_ms) for (symbol, timeframe_s), open_ms in self._owed.items()]
        journal.put_note(OWED, json.dumps(owed), now_ms())
