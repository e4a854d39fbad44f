"""What can go wrong, as values, and the JSON schedule that says when.

A schedule is a JSON array of faults, each an object. ``do`` names the fault; when it happens is one of

- ``at_s``: seconds of the wall since the exchange's clock started (a replay's starts with its first subscription),
- ``at_sim_s``: seconds of exchange time since the start,
- ``after_records``: exactly so many records have been published (and, where subscribed, sent),
- none of them: at once, as soon as the clock runs.

``for_s`` is always in seconds of the wall. ``route`` is ``public`` (the unrouted addresses included), ``routed`` (only
/public itself), ``market`` or ``all``; connections are broken if they are open at that moment. For example::

    [{"at_s": 5, "do": "drop"},
     {"after_records": 9000, "do": "silent", "symbol": "ETHUSDT", "for_s": 20, "heals": "resubscribe"},
     {"at_sim_s": 120, "do": "rest_status", "status": 429, "retry_after_s": 3, "for_s": 3}]

=============  ================================================================================================
``do``         what happens, and its fields with their defaults
=============  ================================================================================================
drop           connections end without a close frame; how "reset" (or "fin"), route "public"
close          close frame; code 1008, reason "Invalid request", route "public"
cut            the daily cut: close frame 1001; route "public"
stall          half open: nothing is sent, pings are not answered, the socket stays open; route "public"
midframe       the first half of a frame, then as stall; route "public"
garbage        frames that are no messages; how "json", "utf8", "binary", "types" or "empty", count 1, route "public"
oversized      one text frame of so many bytes; bytes 16777216, route "public"; with how "header" only announced
silent         a symbol's streams of a kind are not delivered while REST knows them; symbol, for_s 0 (0: no end),
               kind "trade" (or "aggTrade", "both"), route "public", heals "time" (or "resubscribe", "reconnect")
late           records arrive by_ms later in exchange time, E with them; by_ms 1900, for_s 5, symbol "" (all)
na_burst       so many records X "NA", with ids of the chain; symbol, count 50
duplicate      the next records are delivered twice, the second time ``distance`` records later; count 20, distance 0
reorder        the next records are delivered in reversed blocks; count 5 (blocks), distance 3 (block length)
refuse         upgrades are answered with an HTTP status; status 451, for_s 5, route "all"
rest_status    REST answers with an HTTP status; status 503, for_s 5, path "" (all), retry_after_s 0, count 0 (no limit)
rest_slow      REST answers late; delay_s 3, for_s 5, path ""
rest_hang      REST does not answer at all for as long; for_s 5, path ""
clock_off      REST time is wrong; by_ms 180000, for_s 0 (0: no end)
=============  ================================================================================================
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.errors import SettingsError

STATUSES: Final = (400, 401, 403, 404, 408, 418, 429, 451, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Fields that its kind does not use keep their neutral value."""

    do: str
    at_s: float | None = None
    at_sim_s: float | None = None
    after_records: int | None = None
    route: str = "public"
    symbol: str = ""
    path: str = ""
    how: str = ""
    kind: str = ""
    heals: str = ""
    reason: str = ""
    for_s: float = 0.0
    delay_s: float = 0.0
    retry_after_s: int = 0
    by_ms: int = 0
    code: int = 0
    status: int = 0
    count: int = 0
    distance: int = 0
    bytes: int = 0

    @property
    def at_once(self) -> bool:
        """Whether it waits for nothing."""
        return self.at_s is None and self.at_sim_s is None and self.after_records is None


# Each kind by its defaults: a fault has the fields that stand here, and a trigger.
KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "drop": {"how": "reset", "route": "public"},
    "close": {"code": 1008, "reason": "Invalid request", "route": "public"},
    "cut": {"route": "public"},
    "stall": {"route": "public"},
    "midframe": {"route": "public"},
    "garbage": {"how": "json", "count": 1, "route": "public"},
    "oversized": {"bytes": 1 << 24, "how": "whole", "route": "public"},
    "silent": {"symbol": "", "for_s": 0.0, "kind": "trade", "route": "public", "heals": "time"},
    "late": {"by_ms": 1_900, "for_s": 5.0, "symbol": ""},
    "na_burst": {"symbol": "", "count": 50},
    "duplicate": {"count": 20, "distance": 0},
    "reorder": {"count": 5, "distance": 3},
    "refuse": {"status": 451, "for_s": 5.0, "route": "all"},
    "rest_status": {"status": 503, "for_s": 5.0, "path": "", "retry_after_s": 0, "count": 0},
    "rest_slow": {"delay_s": 3.0, "for_s": 5.0, "path": ""},
    "rest_hang": {"for_s": 5.0, "path": ""},
    "clock_off": {"by_ms": 180_000, "for_s": 0.0},
}
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {"silent": ("symbol",), "na_burst": ("symbol",)}
CHOICES: Final[Mapping[tuple[str, str], tuple[object, ...]]] = {
    ("drop", "how"): ("reset", "fin"),
    ("garbage", "how"): ("json", "utf8", "binary", "types", "empty"),
    ("oversized", "how"): ("whole", "header"),
    ("silent", "kind"): ("trade", "aggTrade", "both"),
    ("silent", "heals"): ("time", "resubscribe", "reconnect"),
    ("refuse", "status"): STATUSES,
    ("rest_status", "status"): STATUSES,
}
WHOLE: Final = ("code", "count", "distance", "bytes", "by_ms", "after_records", "retry_after_s")
ROUTES: Final = ("public", "routed", "market", "all")
TRIGGERS: Final = ("at_s", "at_sim_s", "after_records")


def fault(raw: object, where: str = "The fault") -> Fault:
    """Check one fault.

    >>> fault({"do": "close", "at_s": 2})
    Fault(do='close', at_s=2, ..., reason='Invalid request', ..., code=1008, ...)
    >>> fault({"do": "clos"})
    Traceback (most recent call last):
    core.errors.SettingsError: The fault: do must be one of drop, close, ..., was 'clos'
    """
    if not isinstance(raw, dict):
        raise SettingsError(f"{where} must be a JSON object, was {raw!r}")
    do = raw.get("do")
    if not isinstance(do, str) or do not in KINDS:
        raise SettingsError(f"{where}: do must be one of {', '.join(KINDS)}, was {do!r}")
    fields = {name: value for name, value in raw.items() if name != "do"}
    defaults = KINDS[do]
    for name, value in fields.items():
        if name not in defaults and name not in TRIGGERS:
            raise SettingsError(f"{where} ({do}) has no field {name!r}; it takes {', '.join((*defaults, *TRIGGERS))}")
        _check(f"{where} ({do}): {name}", name, value, (do, name))
    if sum(name in fields for name in TRIGGERS) > 1:
        raise SettingsError(f"{where} ({do}) takes one of {', '.join(TRIGGERS)}, not several")
    for name in NEEDED.get(do, ()):
        if not fields.get(name):
            raise SettingsError(f"{where} ({do}) needs {name}")
    return replace(Fault(do), **{**defaults, **fields})


def _check(what: str, name: str, value: object, key: tuple[str, str]) -> None:
    allowed = CHOICES.get(key) or (ROUTES if name == "route" else None)
    if allowed is not None:
        if value not in allowed:
            raise SettingsError(f"{what} must be one of {', '.join(map(str, allowed))}, was {value!r}")
    elif name in ("symbol", "path", "reason"):
        if not isinstance(value, str):
            raise SettingsError(f"{what} must be a text, was {value!r}")
    elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SettingsError(f"{what} must be a number, was {value!r}")
    elif name in WHOLE and not isinstance(value, int):
        raise SettingsError(f"{what} must be a whole number, was {value!r}")
    elif value < 0 and key != ("clock_off", "by_ms"):
        raise SettingsError(f"{what} must not be negative, was {value!r}")


def faults(raw: object, where: str = "Faults") -> tuple[Fault, ...]:
    """Check a whole schedule, or a single fault."""
    if isinstance(raw, dict):
        return (fault(raw, where),)
    if not isinstance(raw, list):
        raise SettingsError(f"{where} must be a JSON array of objects")
    return tuple(fault(entry, f"{where}, entry {number}") for number, entry in enumerate(raw, 1))


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Read a schedule from a file; SettingsError names the entry that cannot be used."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as why:
        raise SettingsError(f"The fault schedule {path} cannot be read: {why}") from None
    return faults(raw, f"The fault schedule {path}")
