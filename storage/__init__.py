"""Where trades are kept: the ring in memory, the candles they become, and the stores on disk."""

from collections.abc import Callable
from typing import Final

from storage.sqlite import TradeStore

# A store joins by one line here; tests/storage/test_contract.py then runs over it.
STORES: Final[dict[str, Callable[..., TradeStore]]] = {"sqlite": TradeStore}
