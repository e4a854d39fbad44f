"""Where trades are kept: the ring in memory, the candles they become, and the stores on disk."""

from collections.abc import Callable
from typing import Final

from storage.sqlite import TradeStore

# Each is held to tests/storage/test_contract.py. The desk's own is wired in desk/desk.py.
STORES: Final[dict[str, Callable[..., TradeStore]]] = {"sqlite": TradeStore}
