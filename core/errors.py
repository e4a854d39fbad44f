"""The one exception tree.

PairsightError
├── SettingsError        a setting cannot be used; says which and what it must be
├── BadFrame             a frame that cannot be read
├── LineDown             the connection is gone, whoever ended it
│   └── LineRefused      the exchange would not open it; carries the HTTP status
├── UnknownSymbol        not a contract that trades there
├── RestError            the exchange's REST could not answer
│   ├── BadRequest       it would not answer this request; asking again is of no use
│   ├── RateLimited      429 or 418; carries how long to wait
│   ├── Blocked          451 or 403: this place is not served
│   └── Unreachable      no answer, or 5xx after the last retry
├── StoreError           the database
│   ├── StoreCorrupt     the file is not a usable database
│   ├── StoreBusy        another process collects into it
│   ├── StoreDenied      this user may not collect into it
│   └── NoteUnreadable   what is kept in it by name is of another form
└── DataError            numbers that cannot be answered
    ├── NotEnoughData    fewer observations than the method needs
    └── DegenerateData   flat, collinear or not finite
"""

from __future__ import annotations


class PairsightError(Exception):
    """Anything Pairsight raises on purpose. Its text is a sentence that can be shown to the trader."""


class SettingsError(PairsightError, ValueError):
    """A setting cannot be used."""


class BadFrame(PairsightError):  # noqa: N818 (the protocol's own word)
    """A frame that cannot be read."""


class LineDown(PairsightError):  # noqa: N818
    """The connection is gone."""


class LineRefused(LineDown):
    """The exchange answered the upgrade with an HTTP status instead of a socket."""

    def __init__(self, reason: str, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_s = retry_after_s  # where the exchange said how long to stay away


class UnknownSymbol(PairsightError, ValueError):  # noqa: N818
    """Not a contract that trades there."""


class RestError(PairsightError):
    """The exchange's REST could not answer."""


class BadRequest(RestError):  # noqa: N818
    """The exchange would not answer this request."""


class RateLimited(RestError):  # noqa: N818
    """429 or 418. ``retry_after_s`` says how long nothing may be asked."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Blocked(RestError):  # noqa: N818
    """451 (final) or 403 (a firewall): this place is not served."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class Unreachable(RestError):  # noqa: N818
    """No answer, or a server error after the last retry."""


class StoreError(PairsightError):
    """The database cannot be used as asked."""


class StoreCorrupt(StoreError):  # noqa: N818
    """The file is not a usable Pairsight database. It is never overwritten."""


class StoreBusy(StoreError):  # noqa: N818
    """Another process collects into this file."""


class StoreDenied(StoreError):  # noqa: N818
    """This user may not collect into this file; perhaps read it."""


class NoteUnreadable(StoreError):  # noqa: N818
    """Something kept in the database by name is not of the form that this version knows. It is left as it is."""


class DataError(PairsightError, ValueError):
    """Numbers that cannot be answered."""


class NotEnoughData(DataError):  # noqa: N818
    """Fewer observations than the method needs."""

    def __init__(self, needed: int, got: int) -> None:
        super().__init__(f"needs {needed} observations, got {got}")
        self.needed = needed
        self.got = got


class DegenerateData(DataError):  # noqa: N818
    """Flat, collinear or not finite: the statistic is undefined."""
