"""Channels through Apprise; the only file that knows it. An address is a secret: no word that leaves here holds it."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import PairsightError

THREADS = "alert-"  # what the threads that send are called
# What no later try is likely to change: the alert itself, or who sends it, is refused. Not 403 and 404, which a proxy
# answers while what is behind it is down.
FOR_GOOD = frozenset(f"it answered {code}" for code in (400, 401, 410))

Send = Callable[[str, str], str]  # title and text; returns why it was not taken, empty: it was


class BadAddress(PairsightError, ValueError):  # noqa: N818
    """Not an address of a channel. The sentence does not repeat it."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A channel that can be sent to."""

    service: str  # Telegram, Email, …
    send: Send


def masked(url: str) -> str:
    """What may be shown of an address: what kind it is.

    >>> masked("tgram://123456:secret/42"), masked("secret")
    ('tgram://…', '…')
    """
    found = re.match(r"([a-z][a-z0-9+]{0,20})://", url.strip(), re.IGNORECASE)
    return f"{found[1].lower()}://…" if found else "…"


def open_sender(url: str) -> Sender:
    """The channel of an address. Nothing is sent yet.

    Raises
    ------
    BadAddress
        If Apprise does not know such an address, or sends to it more than once: it answers for all in a word, and where
        one fails the others would be told again with it.
    """
    import apprise  # late: it takes a third of a second, and most desks have no channel

    _be_discreet()
    # No deadline of Apprise's own: it would send from a thread of its own, and an answer after it would be lost.
    # Nothing is kept on disk.
    asset = apprise.AppriseAsset(
        app_id="Pairsight", app_desc="Pairsight", service_timeout=0, async_mode=False, storage_mode="memory"
    )
    try:
        with _loading:  # the first address loads every plugin
            plugin = apprise.Apprise.instantiate(url.strip(), asset=asset, suppress_exceptions=True)
    except (TypeError, ValueError, AttributeError):  # what many plugins make of an address half right
        plugin = None
    if plugin is None:
        raise BadAddress(
            f"{masked(url)} is not a complete address of a channel. Apprise's documentation lists the form of each."
        )
    if len(plugin) > 1:
        raise BadAddress(
            f"{masked(url)} names several recipients, or repeats by itself (retry=). Give each recipient an address of "
            "its own: what one does not take is sent again, and to nobody else."
        )
    channel = apprise.Apprise(asset=asset)
    channel.add(plugin)

    def send(title: str, text: str) -> str:
        _reasons.said.text = ""
        try:
            taken = channel.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:  # noqa: BLE001 (over a hundred foreign plugins; their words may hold the address)
            return f"it failed ({type(error).__name__})"
        return "" if taken else _why(getattr(_reasons.said, "text", ""))

    return Sender(str(plugin.service_name), send)


class _Reasons(logging.Handler):
    """Keeps Apprise's newest complaint for the thread that sends. Its words may hold secrets and go no further."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        self.said.text = record.getMessage()


class _Discreet(logging.Filter):
    """Drops what is said of requests from the threads that send: paths and queries are where tokens stand."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not threading.current_thread().name.startswith(THREADS)


_reasons = _Reasons()
_loading = threading.Lock()
_discreet = _Discreet()


def _be_discreet() -> None:
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    logger.addHandler(_reasons)
    for name in ("urllib3.connectionpool", "urllib3.util.retry", "requests_oauthlib.oauth1_session", "oauthlib"):
        logging.getLogger(name).addFilter(_discreet)


def _why(complaint: str) -> str:
    """What may be told of a complaint: its numbers and kind.

    >>> _why("Failed to send JSON POST notification: Service Unavailable, error=503.")
    'it answered 503'
    >>> _why("A Connection error occurred sending JSON notification to secret.example.")
    'it could not be reached'
    """
    code = re.search(r"error=(\d{3})\b", complaint)
    if code:
        return f"it answered {code[1]}"
    if re.search(r"connection|socket|timed? ?out", complaint, re.IGNORECASE):
        return "it could not be reached"
    return "it was not accepted"
