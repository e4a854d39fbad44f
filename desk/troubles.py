"""What of a thread's work fails now: it costs the rest nothing, is logged once, and is told until it goes well."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import PairsightError


class Troubles:
    """One thread goes through its work in ``guarded`` parts; anybody may ask for the ``first`` trouble."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: dict[str, str] = {}  # by the part that fails, as a sentence

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Do a part, named as the sentence that is true when it fails. A PairsightError is its caller's business."""
        try:
            yield
        except PairsightError:
            raise
        except Exception as error:  # noqa: BLE001 (logged once; one fault ends neither the other parts nor the thread)
            words = f"{what}: {type(error).__name__}, see the log."
            if self._said.get(what) != words:
                self._log.exception("%s", words)
            self._said[what] = words
        else:
            self._said.pop(what, None)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Do a part that has to wait where something that it needs cannot be had now."""
        try:
            yield
        except PairsightError as error:
            words = f"{what}: {error}"
            if self._said.get(what) != words:
                self._log.warning("%s", words)
            self._said[what] = words
        else:
            self._said.pop(what, None)

    def forget(self, what: str | None = None) -> None:
        """This part is not gone through any more; None: all are others from now on."""
        if what is None:
            self._said.clear()
        else:
            self._said.pop(what, None)

    def first(self) -> str:
        """The one that began first, as a sentence; empty: all goes well."""
        return next(iter(list(self._said.values())), "")
