"""The desk that collects does what other screens wish, one after another. One thread, "wishes": nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from core.clock import HOUR_MS, now_ms
from core.errors import PairsightError, StoreError
from core.wishes import Wish
from desk.asks import Ask, Asked
from desk.troubles import Troubles
from desk.worker import Worker

log = logging.getLogger(__name__)

TURN_S: Final = 1.0
ANSWER_MS: Final = HOUR_MS  # an answer is there to be read for so long
SETTLE_S: Final = 10.0  # for what is written down to be on disk
CUT_OFF: Final = "The desk ended, or could not write, while it did this: see whether it is done, and ask again if not."
UNKNOWN: Final = "This desk does not know what is asked: it is of another version than the screen that asked."


class WishStore(Protocol):
    """Where wishes stand written. The requests return False where there is no room for them."""

    def wishes(self) -> tuple[Wish, ...]: ...
    def wish_body(self, wish_id: int) -> str: ...
    def take_wish(self, wish_id: int) -> bool: ...
    def refuse_wish(self, wish_id: int, answer: str) -> bool: ...
    def drop_wish(self, wish_id: int) -> bool: ...
    def settle(self, timeout_s: float) -> bool: ...


class Wishes:
    """A wish is written down as taken before it is done, and removed after: one that was cut off is never done twice,
    and says that it was."""

    def __init__(self, store: WishStore, desk: Asked, *, now_ms: Callable[[], int] = now_ms) -> None:
        self._store = store
        self._desk = desk
        self._now_ms = now_ms
        self._answered_ms: dict[int, int] = {}  # wish -> since when its answer is there, as far as this life knows
        self._troubles = Troubles(log)
        self._wake = threading.Event()
        self._worker = Worker("wishes", self._main, self._wake)

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        self._worker.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the thread after the wish it is at."""
        self._worker.stop(timeout_s)

    def problem(self) -> str:
        """Why wishes are not taken up now, as a sentence; empty: they are. Cheap."""
        return self._troubles.first()

    def _main(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with (
                self._troubles.guarded("Wishes of other screens are not taken up"),
                self._troubles.waiting("Wishes of other screens have to wait"),
            ):
                self.turn(stop.is_set)
            self._wake.wait(TURN_S)
            self._wake.clear()

    def turn(self, over: Callable[[], bool] = lambda: False) -> None:
        """Do what waits, in order. Called by the thread; by a test without one. Raises StoreError."""
        wishes = self._store.wishes()
        if any(wish.state != "refused" for wish in wishes):
            self._on_disk()  # else what is marked now would be written later, and seem to have been cut off
        for wish in wishes:
            if over():
                return
            if wish.state == "taken":  # by another life, or none could be written when it was done
                self._on_disk(self._store.refuse_wish(wish.id, CUT_OFF))
            elif wish.state == "asked":
                body = self._store.wish_body(wish.id)
                self._on_disk(self._store.take_wish(wish.id))
                why = self._done(wish, body)
                self._on_disk(self._store.refuse_wish(wish.id, why) if why else self._store.drop_wish(wish.id))
            elif self._now_ms() - self._answered_ms.setdefault(wish.id, self._now_ms()) > ANSWER_MS:
                self._store.drop_wish(wish.id)
        self._answered_ms = {w.id: self._answered_ms[w.id] for w in wishes if w.id in self._answered_ms}

    def _done(self, wish: Wish, body: str) -> str:
        """Do it; why it cannot be done, as a sentence, or nothing. What was asked may hold a secret: no word of it."""
        try:
            ask = msgspec.json.decode(body, type=Ask)
        except msgspec.MsgspecError:
            return UNKNOWN
        try:
            ask.do(self._desk)
        except PairsightError as error:
            log.info("another screen's wish cannot be done: %s: %s", wish.words, error)
            return str(error)
        except Exception as error:  # noqa: BLE001 (of one wish; a traceback could hold an address)
            log.error("another screen's wish failed: %s: %s", wish.words, type(error).__name__)
            return f"It failed ({type(error).__name__})."
        log.info("done as another screen wished: %s", wish.words)
        return ""

    def _on_disk(self, accepted: bool = True) -> None:
        if not accepted or not self._store.settle(SETTLE_S):
            raise StoreError("nothing can be written now.")
