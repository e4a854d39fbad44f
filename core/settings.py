"""Every knob, read once from the environment, typed and checked. Nothing else reads the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from core.errors import SettingsError
from core.types import TIMEFRAME_NAMES, WatchedPair

EXCHANGE_HOST = "binance.com"
FEES_BPS: Final = (-100.0, 1_000.0)  # what a fee may be, wherever it is said; negative: a rebate


@dataclass(frozen=True, slots=True)
class Settings:
    """One frozen object, passed by hand. Each field is the variable ``PAIRSIGHT_<NAME>``; see the README's table."""

    ws_url: str = "wss://fstream.binance.com"  # routes /public and /market are appended
    rest_url: str = "https://fapi.binance.com"  # /fapi/v1/... is appended
    db: Path = Path("data/pairsight.db")
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
    stream: Literal["trade", "aggTrade"] = "trade"
    autostart: bool = True
    role: Literal["any", "read"] = "any"  # read: never collects, whoever else does
    grace_ms: int = 500  # a candle is confirmed when the watermark is this far past its end
    ring_trades: int = 20_000  # newest trades kept in memory, per symbol
    flush_ms: int = 250  # trades wait at most this long before a transaction
    queue_rows: int = 500_000  # rows that may wait for the writer
    retention_days: float = 3.0  # trades older than this leave the database; candles stay
    stale_after_s: float = 15.0  # a stream without a record for this long is suspect
    taker_fee_bps: float = 5.0
    maker_fee_bps: float = 2.0
    watch: tuple[WatchedPair, ...] = ()  # looked at without a browser, beside the watch-list in the database
    alert_urls: tuple[str, ...] = field(default=(), repr=False)  # Apprise addresses; secrets, never shown or logged
    allowed_emails: tuple[str, ...] = ()  # who may see the screen after logging in; see docs/serving.md

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the variables; anything absent keeps its default.

        Raises
        ------
        SettingsError
            Naming the variable, what it must be and what it was.
        """
        env = os.environ if env is None else env
        d = cls()
        return cls(
            ws_url=_url(env, "PAIRSIGHT_WS_URL", d.ws_url, ("ws", "wss")),
            rest_url=_url(env, "PAIRSIGHT_REST_URL", d.rest_url, ("http", "https")),
            db=Path(_text(env, "PAIRSIGHT_DB") or d.db),
            symbols=_symbols(env, "PAIRSIGHT_SYMBOLS", d.symbols),
            stream=cast(
                'Literal["trade", "aggTrade"]', _choice(env, "PAIRSIGHT_STREAM", d.stream, ("trade", "aggTrade"))
            ),
            autostart=_choice(env, "PAIRSIGHT_AUTOSTART", "1", ("0", "1")) == "1",
            role=cast('Literal["any", "read"]', _choice(env, "PAIRSIGHT_ROLE", d.role, ("any", "read"))),
            grace_ms=_whole(env, "PAIRSIGHT_GRACE_MS", d.grace_ms, 0, 60_000),
            ring_trades=_whole(env, "PAIRSIGHT_RING_TRADES", d.ring_trades, 100, 10_000_000),
            flush_ms=_whole(env, "PAIRSIGHT_FLUSH_MS", d.flush_ms, 10, 60_000),
            queue_rows=_whole(env, "PAIRSIGHT_QUEUE_ROWS", d.queue_rows, 1_000, 100_000_000),
            retention_days=_number(env, "PAIRSIGHT_RETENTION_DAYS", d.retention_days, 0.01, 36_500, "days"),
            stale_after_s=_number(env, "PAIRSIGHT_STALE_AFTER_S", d.stale_after_s, 0.5, 86_400, "seconds"),
            taker_fee_bps=_number(env, "PAIRSIGHT_TAKER_FEE_BPS", d.taker_fee_bps, *FEES_BPS, "basis points"),
            maker_fee_bps=_number(env, "PAIRSIGHT_MAKER_FEE_BPS", d.maker_fee_bps, *FEES_BPS, "basis points"),
            watch=_watch(env, "PAIRSIGHT_WATCH"),
            alert_urls=_secret_urls(env, "PAIRSIGHT_ALERT_URLS"),
            allowed_emails=_emails(env, "PAIRSIGHT_ALLOWED_EMAILS"),
        )

    @property
    def is_exchange(self) -> bool:
        """Whether the stream comes from Binance itself; anything else must not be called LIVE."""
        host = urlsplit(self.ws_url).hostname or ""
        return host == EXCHANGE_HOST or host.endswith("." + EXCHANGE_HOST)


def _text(env: Mapping[str, str], name: str) -> str:
    return env.get(name, "").strip()


def _url(env: Mapping[str, str], name: str, default: str, schemes: tuple[str, ...]) -> str:
    given = _text(env, name)
    value = given.rstrip("/") or default
    try:
        parts = urlsplit(value)
        good = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number
        good = False
    if not good:
        raise SettingsError(
            f"{name} must be an address like {schemes[-1]}://host[:port], was {given!r}: name the host, or leave the"
            f" variable out for {default}"
        )
    return value


def _choice(env: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = _text(env, name) or default
    if value not in allowed:
        raise SettingsError(f"{name} must be {' or '.join(allowed)}, was {value!r}")
    return value


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = _text(env, name)
    if not value:
        return default
    if not re.fullmatch(r"[+-]?\d+", value) or not low <= int(value) <= high:
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, was {value!r}")
    return int(value)


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float, unit: str) -> float:
    value = _text(env, name)
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        raise SettingsError(f"{name} must be {unit}, was {value!r}") from None
    if not low <= number <= high:
        raise SettingsError(f"{name} must be {unit} from {low:g} to {high:g}, was {value!r}")
    return number


def _watch(env: Mapping[str, str], name: str) -> tuple[WatchedPair, ...]:
    timeframes = {shown: seconds for seconds, shown in TIMEFRAME_NAMES.items()}
    entries: list[WatchedPair] = []
    for part in (part.strip() for part in _text(env, name).split(",") if part.strip()):
        found = re.fullmatch(r"([^\s/@:?&#]+)/([^\s/@:?&#]+)(?:@(\w+))?(?::(evidence|classic))?", part)
        symbols = [s.upper() for s in found.groups()[:2]] if found else []
        if found is None or symbols[0] == symbols[1] or (found[3] or "1m") not in timeframes:
            raise SettingsError(
                f"{name} must be pairs such as ETHUSDT/BTCUSDT@1m,SOLUSDT/BTCUSDT@5m:classic with a timeframe of"
                f" {', '.join(timeframes)}; had {part!r}"
            )
        preset = cast('Literal["evidence", "classic"]', found[4] or "evidence")
        entries.append(WatchedPair(symbols[0], symbols[1], timeframes[found[3] or "1m"], preset))
    return tuple(dict.fromkeys(entries))


def _secret_urls(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    # A comma may stand within an address; one before another address does not.
    urls = tuple(part for part in re.split(r"\s+|,\s*(?=[A-Za-z][A-Za-z0-9+]*://)", _text(env, name)) if part)
    for i, url in enumerate(urls, 1):
        if not re.match(r"[A-Za-z][A-Za-z0-9+]*://.", url):
            raise SettingsError(f"{name} must be addresses such as tgram://…, separated by spaces; number {i} is none")
    return urls


def _emails(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    addresses = tuple(part.strip().lower() for part in _text(env, name).split(",") if part.strip())
    bad = [a for a in addresses if not re.fullmatch(r"[^@\s]+@[^@\s]+", a)]
    if bad:
        raise SettingsError(f"{name} must be addresses such as you@example.org, had {bad[0]!r}")
    return addresses


def _symbols(env: Mapping[str, str], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = _text(env, name)
    if not value:
        return default
    symbols = tuple(part.strip().upper() for part in value.split(",") if part.strip())
    twice = sorted({s for s in symbols if symbols.count(s) > 1})
    if twice:
        raise SettingsError(f"{name} must name each symbol once, has {', '.join(twice)} twice")
    bad = [s for s in symbols if any(c.isspace() or c in "/@?&#\"'\\" for c in s)]
    if bad or not symbols:
        raise SettingsError(f"{name} must be symbols such as BTCUSDT,ETHUSDT, was {value!r}")
    return symbols
