"""The contracts that the simulated exchange lists: how they print, what they cost, how busy they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.errors import SettingsError
from simulator.records import Instrument


@dataclass(frozen=True, slots=True)
class Listing:
    """A contract and the size of its market."""

    instrument: Instrument
    price: float  # around which the seeded market moves
    weight: float  # share of all trades, relative
    daily_vol: float = 0.04  # of its own part, log units a day
    market_beta: float = 1.0  # exposure to the common factor


def _perpetual(
    base: str,
    price: float,
    digits: int,
    tick: int,
    qty_digits: int,
    weight: float,
    vol: float = 0.03,
    beta: float = 1.1,
) -> Listing:
    notional = {"BTC": "50", "ETH": "20"}.get(base, "5")
    hours = 4 if base in ("LINK", "AVAX") else 8
    instrument = Instrument(
        f"{base}USDT", digits, qty_digits, tick, base=base, min_notional=notional, funding_hours=hours
    )
    return Listing(instrument, price, weight, vol, beta)


# Shares are rounded from 24 h trade counts; 币安人生USDT is thin enough to have minutes without a trade.
LISTINGS: Final = (
    _perpetual("BTC", 83_000.0, 2, 10, 3, 30.0, 0.010, 1.0),
    _perpetual("ETH", 3_200.0, 2, 1, 3, 20.0, 0.012, 1.15),
    _perpetual("BNB", 880.0, 3, 10, 2, 7.0, 0.020, 0.9),
    _perpetual("SOL", 140.0, 4, 100, 2, 10.0, 0.028, 1.3),
    _perpetual("XRP", 2.2, 4, 1, 1, 8.0, 0.030),
    _perpetual("ADA", 0.45, 5, 10, 0, 5.0, 0.028),
    _perpetual("DOGE", 0.15, 6, 10, 0, 7.0, 0.032, 1.3),
    _perpetual("LINK", 14.0, 3, 1, 2, 4.0, 0.030),
    _perpetual("LTC", 95.0, 2, 1, 3, 3.0, 0.022, 0.9),
    _perpetual("BCH", 520.0, 2, 1, 3, 3.0, 0.026, 0.9),
    _perpetual("AVAX", 15.0, 4, 10, 0, 4.0, 0.032, 1.3),
    _perpetual("币安人生", 0.12, 5, 1, 0, 0.08, 0.060, 0.8),
)
# Listed, never traded here: what a client must not stream, and what may legitimately be silent.
IDLE: Final = (
    Instrument("BTCUSDT_261225", 1, 3, base="BTC", contract_type="CURRENT_QUARTER", min_notional="50"),
    Instrument("XAUUSDT", 2, 3, base="XAU", contract_type="TRADIFI_PERPETUAL"),
    Instrument("EOSUSDT", 3, 1, base="EOS", status="SETTLING"),
    Instrument("NEWUSDT", 4, 0, base="NEW", status="PENDING_TRADING"),
)
MOST: Final = 500
_SYLLABLES: Final = ("ZA", "KO", "MI", "RU", "TE", "NO", "VI", "LA", "PE", "SU")


def listings(count: int) -> tuple[Listing, ...]:
    """The first ``count`` contracts; past the known names, invented ones.

    >>> [listing.instrument.symbol for listing in listings(14)[-3:]]
    ['币安人生USDT', 'ZAKOUSDT', 'ZAMIUSDT']
    """
    out = list(LISTINGS[:count])
    for i in range(count - len(out)):
        first, rest = i // 90, i % 90
        name = _SYLLABLES[rest // 9] + _SYLLABLES[(rest // 9 + 1 + rest % 9) % 10] + ("X" * first)
        out.append(_perpetual(name, 0.5 * 1.37 ** (rest % 17), 5, 1, 1, 1.0, 0.035, 0.8 + 0.05 * (rest % 13)))
    return tuple(out)


def chosen(text: str) -> tuple[Listing, ...]:
    """The contracts that a command line asks for: a number of them, or names; unknown names are invented.

    >>> [entry.instrument.symbol for entry in chosen("ethusdt,FOOUSDT")]
    ['ETHUSDT', 'FOOUSDT']
    """
    if text.isascii() and text.isdigit():
        if not 1 <= int(text) <= MOST:
            raise SettingsError(f"--symbols must be from 1 to {MOST}, was {text}")
        return listings(int(text))
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SettingsError(f"--symbols names {', '.join(sorted(twice))} twice")
    bad = [name for name in names if not name.endswith("USDT") or name == "USDT" or not name.isalnum()]
    if bad or not names:
        raise SettingsError(f"--symbols must be a number or names such as BTCUSDT,ETHUSDT, was {text!r}")
    by_name = {entry.instrument.symbol: entry for entry in LISTINGS}
    return tuple(by_name.get(name) or _perpetual(name.removesuffix("USDT"), 1.0, 5, 1, 1, 1.0) for name in names)


def known(symbol: str) -> Instrument | None:
    """A contract by name, if it is one of the known ones."""
    return next((entry.instrument for entry in LISTINGS if entry.instrument.symbol == symbol), None)
