"""What the exchange's own list says of a symbol: whether it can be streamed, whether it is ever funded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from analytics.costs import NEVER_H
from core.errors import UnknownSymbol
from core.types import SymbolInfo


def untraded(symbols: Iterable[str], catalogue: Mapping[str, SymbolInfo]) -> list[str]:
    """A sentence for each of these that cannot be streamed; none while there is no list."""
    if not catalogue:
        return []
    found = []
    for symbol in symbols:
        info = catalogue.get(symbol)
        if info is None:
            found.append(f"{symbol} is not a contract of this exchange. Choose one from the list.")
        elif info.status != "TRADING":
            found.append(f"{symbol} does not trade now: the exchange says {info.status}.")
    return found


def must_trade(symbol: str, catalogue: Mapping[str, SymbolInfo], problem: str) -> None:
    """Pass a contract that trades. ``problem`` is why there is no list, where that is known.

    Raises
    ------
    UnknownSymbol
        If the exchange does not list it as trading, or its list is not known yet.
    """
    if not catalogue:
        why = problem or "it is still being fetched"
        raise UnknownSymbol(f"{symbol} cannot be checked: the exchange's list of contracts is not known ({why}).")
    for why in untraded([symbol], catalogue):
        raise UnknownSymbol(why)


def never_funded(catalogue: Mapping[str, SymbolInfo]) -> dict[str, int]:
    """Delivery contracts (CURRENT_QUARTER, NEXT_QUARTER, ...), each with the hours between its settlements: never."""
    return {s: NEVER_H for s, info in catalogue.items() if info.contract_type.startswith(("CURRENT_", "NEXT_"))}
