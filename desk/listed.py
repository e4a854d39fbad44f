"""Whether a symbol can be streamed, by the exchange's own list."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import UnknownSymbol
from core.types import SymbolInfo


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
    info = catalogue.get(symbol)
    if info is None:
        raise UnknownSymbol(f"{symbol} is not a contract of this exchange. Choose one from the list.")
    if info.status != "TRADING":
        raise UnknownSymbol(f"{symbol} does not trade now: the exchange says {info.status}.")
