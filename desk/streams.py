"""The two sockets of a source, trades and mark prices, and what becomes of a symbol whose trades stay silent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from core.settings import Settings
from core.types import Batch, FeedStatus, MarkPrice
from desk.intake import Intake
from desk.surroundings import Surroundings
from ingestion import binance
from ingestion.binance import StreamKind
from ingestion.feed import Feed

log = logging.getLogger(__name__)

STANDS_AFTER_S: Final = 60.0  # a mark price that has not changed for so long is that of a closed market


def since_ms(feed: FeedStatus, symbol: str, seconds: float) -> int | None:
    """Exchange time from which on a symbol's records are at most so old at this moment; None: all of them are older."""
    for stream in feed.streams:
        if stream.symbol == symbol and stream.age_s is not None and stream.last_event_ms is not None:
            return stream.last_event_ms - int(1000 * (seconds - stream.age_s)) if stream.age_s <= seconds else None
    return None


class Streams:
    """Threads ``feed-trades`` (route /public) and ``feed-market`` (route /market).

    The stream of single trades has no promise of the exchange. When a symbol's stays silent while its market moves,
    on its own address and on the one without a route, its aggregates are taken instead, which have. What ``listed``
    denies is asked for and not waited for: a name that is no contract's, a contract that does not trade now.
    """

    def __init__(self, settings: Settings, around: Surroundings, intake: Intake, listed: Callable[[str], bool]) -> None:
        self._intake = intake
        self._listed = listed
        self._kind: StreamKind = settings.stream
        self._monotonic = around.monotonic
        self._marks: dict[str, MarkPrice] = {}
        self._moved_s: dict[str, float] = {}  # when each mark price last changed
        self._fallen: dict[str, None] = {}  # symbols whose aggregates are taken instead
        self.trades = feed_of(
            "feed-trades",
            settings,
            around,
            route=binance.ROUTES[self._kind],
            other_route=binance.UNROUTED if self._kind == "trade" else None,
            on_batch=intake.take,
            on_silent=intake.suspect,
            on_given_up=self._fall_back,
            moves=self._moves,
        )
        self.market = feed_of(
            "feed-market",
            settings,
            around,
            route=binance.ROUTES["markPrice"],
            on_batch=self._take,
            on_silent=lambda symbols: intake.suspect([s for s in symbols if s in self._fallen]),
            moves=listed,
        )

    def start(self) -> None:
        """Start both; returns at once."""
        self.trades.start()
        self.market.start()

    def stop(self) -> None:
        """End both."""
        self.trades.stop()
        self.market.stop()

    def subscribe(self, symbol: str) -> None:
        """Deliver this symbol."""
        self.trades.subscribe([symbol], self._kind)
        self.market.subscribe([symbol], "markPrice")

    def unsubscribe(self, symbol: str) -> None:
        """Deliver it no longer."""
        self.trades.unsubscribe([symbol], self._kind)
        for kind in ("markPrice", "aggTrade"):
            self.market.unsubscribe([symbol], kind)
        self._marks = {s: mark for s, mark in self._marks.items() if s != symbol}
        self._fallen.pop(symbol, None)

    def expect(self, per_day: Mapping[str, float]) -> None:
        """How many trades each symbol has in a day, so that the silence of a thin one is understood."""
        self.trades.expect(self._kind, per_day)

    @property
    def marks(self) -> Mapping[str, MarkPrice]:
        """The newest mark price of each symbol that had one."""
        return self._marks

    def status(self) -> tuple[FeedStatus, FeedStatus]:
        """Both feeds; a symbol's aggregates stand with the trades, wherever they come from, and so does what the
        intake left out."""
        trades, market = self.trades.status(), self.market.status()
        instead = tuple(stream for stream in market.streams if stream.kind == "aggTrade")
        left_out = {**trades.rejected, **self._intake.left_out()}
        return replace(trades, streams=trades.streams + instead, rejected=left_out), market

    def _take(self, batch: Batch) -> None:
        if batch.marks:
            now_s = self._monotonic()
            for mark in batch.marks:
                before = self._marks.get(mark.symbol)
                if before is None or before.mark != mark.mark:
                    self._moved_s[mark.symbol] = now_s
            self._marks = {**self._marks, **{mark.symbol: mark for mark in batch.marks}}
        if batch.records:
            self._intake.take(batch)

    def _moves(self, symbol: str) -> bool:
        """Whether a symbol's market is open, as far as its mark price tells; where that is not known, it is."""
        if not self._listed(symbol):
            return False
        moved_s = self._moved_s.get(symbol)
        if moved_s is None or self.market.status().state != "live":
            return True
        return self._monotonic() - moved_s <= STANDS_AFTER_S

    def _fall_back(self, symbols: Iterable[str], kind: str) -> None:
        """No address delivers these."""
        if kind != "trade":
            return
        for symbol in symbols:
            log.warning("%s: no single trades come; its aggregates are taken instead", symbol)
            self._fallen[symbol] = None
            self._intake.switch(symbol, "aggTrade")
            self.market.subscribe([symbol], "aggTrade")
            self.trades.unsubscribe([symbol], "trade")


def feed_of(
    name: str,
    settings: Settings,
    around: Surroundings,
    *,
    route: str,
    on_batch: Callable[[Batch], None],
    **more: object,
) -> Feed:
    """A feed of this source; ``more`` as in `Feed`."""
    return Feed(
        name,
        wire=binance,
        base=settings.ws_url,
        route=route,
        connect=around.connect,
        now_s=around.monotonic,
        now_ms=around.now_ms,
        waits=around.waits,
        beside=around.beside,
        times=around.times,
        on_batch=on_batch,
        **more,  # type: ignore[arg-type]
    )
