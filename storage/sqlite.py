"""TradeStore: one SQLite file, one writing thread, and every read of the reader."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from core.alerts import AlertRule, Delivery
from core.clock import DAY_MS
from core.journal import JournalRow
from core.paper import PaperBook, PaperTrade, Settlement
from core.types import Candles, Gap, GapState, StoreStatus, Ticks
from storage.alert_work import (
    DropChannel,
    DropRule,
    GiveUp,
    PutChannel,
    PutDelivery,
    PutRule,
    StateOf,
    Tell,
    ToTell,
)
from storage.backlog import Backlog
from storage.connect import CollectorLock, check_file, connect_writer
from storage.paper import PutPaper
from storage.reader import StoreReader
from storage.wishes import DropWish, RefuseWish, TakeWish
from storage.work import DeleteCandles, NoteLooks, PutCandles, PutGap, PutLooks, PutNote, PutTrades, SetGapState
from storage.writer import Writer

log = logging.getLogger(__name__)

_PUT_ROWS: Final = 10_000  # larger requests are cut, so that a full queue refuses no more than it must


class TradeStore(StoreReader):
    """The store of the one process that collects. ``open_reader`` is for all others.

    Requests (``put…``, ``delete_candles``, ``set_gap_state``, ``note_looks``) never block: they are queued, and
    written in the order given, many in one transaction. What does not fit into the queue is dropped and counted;
    the stretch it covered becomes a gap of state open, and the candles it touches are removed.

    Parameters
    ----------
    path : Path or str
        The file; it and its folder are made when absent. Never overwritten.
    flush_ms : int
        A request waits at most this long before its transaction; a killed process loses no more.
    queue_rows : int
        Rows that may wait while nothing can be written.
    retention_days : float
        Trades older than this, against the newest stored trade of all symbols, leave. Candles stay.
    on_dropped : Gap -> None
        Hears of every stretch that was dropped, on the writer's thread, once something can be written again. Its gap
        and the removal of its candles are queued by then.
    connect : Path -> Connection
        Opens the file for writing.

    Raises
    ------
    StoreBusy
        If another process collects into the file.
    StoreDenied
        If this user may not.
    StoreCorrupt
        If the file is not a usable database.
    StoreError
        If it cannot be opened or made, or belongs to another program or a newer Pairsight.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        flush_ms: int = 250,
        queue_rows: int = 500_000,
        retention_days: float = 3.0,
        on_dropped: Callable[[Gap], None] | None = None,
        connect: Callable[[Path], sqlite3.Connection] = connect_writer,
    ) -> None:
        path = Path(path)
        check_file(path)
        self._asking = threading.Lock()  # guards what follows: changes are counted in the order they are asked for
        self._count = itertools.count(1)
        self._changed: dict[tuple[str, int], int] = {}  # symbol, timeframe (0: all) -> count of its newest change
        self._newest: dict[tuple[str, int], int] = {}  # open of the newest candle asked to be stored
        self._collector = CollectorLock(path)
        try:
            self._backlog = Backlog(queue_rows, flush_ms / 1000)
            self._writer = Writer(
                path, self._backlog, keep_ms=int(retention_days * DAY_MS), connect=connect, on_dropped=on_dropped
            )
        except BaseException:
            self._collector.release()
            raise
        super().__init__(path)
        self._writer.start()

    def tell_dropped(self, on_dropped: Callable[[Gap], None]) -> None:
        """Have this hear of what is dropped from now on: the store is there before whoever collects into it."""
        self._writer.on_dropped = on_dropped

    def put(self, ticks: Ticks) -> None:
        """Store trades, each once, however often it comes."""
        for start in range(0, len(ticks), _PUT_ROWS):
            whole = len(ticks) <= _PUT_ROWS
            self._backlog.offer(PutTrades(ticks if whole else ticks.take(slice(start, start + _PUT_ROWS))))

    def put_candles(self, candles: Candles) -> None:
        """Store confirmed, complete candles where there are none; one that is stored is not changed."""
        self._offer_candles(candles, replace=False)

    def replace_candles(self, candles: Candles) -> None:
        """Store repaired candles, over those stored."""
        self._offer_candles(candles, replace=True)

    def delete_candles(self, symbol: str, from_ms: int, to_ms: int, timeframe_s: int | None = None) -> None:
        """Remove the candles (of one timeframe, or of all) that ``[from_ms, to_ms]`` touches, both ends included.

        Those of provenance kline stay: the exchange closed them itself.
        """
        with self._asking:
            self._backlog.offer(DeleteCandles(symbol, from_ms, to_ms, timeframe_s))
            self._changed[symbol, timeframe_s or 0] = next(self._count)

    def candles_change(self, symbol: str, timeframe_s: int) -> tuple[int, int, int | None]:
        """Whether candles read before still are what is stored: another file, another change, newer candles. Cheap.

        The third is the open of the newest candle asked to be stored. Where it alone has grown, candles came after
        those known and nothing else happened. What was asked for is done after ``flush``.
        """
        with self._asking:
            change = max(self._changed.get((symbol, timeframe_s), 0), self._changed.get((symbol, 0), 0))
            return self._writer.opened, change, self._newest.get((symbol, timeframe_s))

    def put_gap(self, gap: Gap) -> None:
        """Store a gap. One with the same bounds is stored once, and has the state given last: it may open again."""
        self._backlog.offer(PutGap(gap))

    def set_gap_state(self, gap: Gap, state: GapState) -> None:
        """Say what became of a gap: it is found by its id or, where that is None, by its bounds."""
        self._backlog.offer(SetGapState(gap, state))

    def put_looks(self, looks: Iterable[JournalRow]) -> bool:
        """Store what looks said, each once: one that is stored is never changed. False: there is no room for them."""
        return self._backlog.offer(PutLooks(tuple(looks)))

    def note_looks(self, pair: str, timeframe_s: int, from_ms: int, to_ms: int) -> bool:
        """Note "repaired" on looks stored by then at candles opened in ``[from_ms, to_ms]``; what they said stays.

        False: there is no room for it.
        """
        return self._backlog.offer(NoteLooks(pair, timeframe_s, from_ms, to_ms))

    def put_paper(
        self,
        trades: Iterable[PaperTrade] = (),
        books: Iterable[PaperBook] = (),
        settlements: Iterable[Settlement] = (),
    ) -> bool:
        """Store trades on paper as they are now, with how far their looks were scored; False when it was dropped."""
        return self._backlog.offer(PutPaper(tuple(trades), tuple(books), tuple(settlements)))

    def put_note(self, name: str, body: str, at_ms: int) -> None:
        """Keep a small thing, JSON, by name; the newest stands."""
        self._backlog.offer(PutNote(name, body, at_ms))

    def put_alert_rule(self, rule: AlertRule) -> bool:
        """Store a rule; one with an id takes the place of what it was, and begins anew.

        False, of this and of every request about alerts: there is no room, and nothing changes.
        """
        return self._backlog.offer(PutRule(rule))

    def drop_alert_rule(self, rule_id: int) -> bool:
        """Forget a rule. What it told stays."""
        return self._backlog.offer(DropRule(rule_id))

    def put_alert_channel(self, url: str, label: str, made_ms: int) -> bool:
        """Keep the address of a channel, as it is."""
        return self._backlog.offer(PutChannel(url, label, made_ms))

    def drop_alert_channel(self, channel_id: int) -> bool:
        """Forget a channel's address."""
        return self._backlog.offer(DropChannel(channel_id))

    def tell_alerts(self, events: Iterable[ToTell], states: Iterable[StateOf]) -> bool:
        """Store events, each once by its key, and where the rules stand after them, in one."""
        return self._backlog.offer(Tell(tuple(events), tuple(states)))

    def put_delivery(self, delivery: Delivery) -> bool:
        """Say how an alert fares on a channel."""
        return self._backlog.offer(PutDelivery(delivery))

    def give_up_deliveries(self, channel: str, before_ms: int | None = None) -> bool:
        """Nothing more goes to a channel that is there no longer: what has waited since before then, or all."""
        return self._backlog.offer(GiveUp(channel, before_ms))

    def take_wish(self, wish_id: int) -> bool:
        """A wish is being done; what it asks for leaves the file."""
        return self._backlog.offer(TakeWish(wish_id))

    def refuse_wish(self, wish_id: int, answer: str) -> bool:
        """Say why a wish cannot be done."""
        return self._backlog.offer(RefuseWish(wish_id, answer))

    def drop_wish(self, wish_id: int) -> bool:
        """Forget a wish: it is done, or its answer is old."""
        return self._backlog.offer(DropWish(wish_id))

    def wait_room(self, timeout_s: float) -> bool:
        """Let a writer that is behind catch up, at most so long; says whether half of the queue is free.

        For whoever reads a socket: what is left unread there for a moment is not lost, what the queue refuses is. A
        writer that cannot write is not waited for.
        """
        return self._writer.state == "writing" and self._backlog.wait_room(timeout_s)

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything queued so far is committed; False when it is not after ``timeout_s``."""
        return self._backlog.wait_written(timeout_s)

    def settle(self, timeout_s: float) -> bool:
        """``flush``, for whoever can do without: a writer that cannot write is not waited for."""
        return self._writer.state == "writing" and self.flush(timeout_s)

    def status(self) -> StoreStatus:
        """The writer at this moment. Cheap."""
        w = self._writer
        return StoreStatus(
            w.state,
            w.reason,
            str(self._path),
            queued=self._backlog.rows,
            written=w.written,
            dropped=self._backlog.dropped,
            write_ms=w.write_ms,
            size_bytes=self._size_bytes(),
        )

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write what is queued and end the thread; may be called twice.

        Returns
        -------
        bool
            False when rows had to be given up or the thread did not end; the log and ``status()`` say so.
        """
        self._backlog.close()
        ended = self._writer.join(timeout_s)
        super().close()
        if ended:
            self._writer.close()
            self._collector.release()
        else:
            log.error("%s: the writer did not end within %g s", self._path, timeout_s)
        return ended and self._writer.state == "closed" and not self._writer.reason

    def _offer_candles(self, candles: Candles, *, replace: bool) -> None:
        if not len(candles):
            return
        what = (candles.symbol, candles.timeframe_s)
        with self._asking:
            for start in range(0, len(candles), _PUT_ROWS):
                self._backlog.offer(PutCandles(candles.take(slice(start, start + _PUT_ROWS)), replace))
            newest = self._newest.get(what)
            if replace or (newest is not None and candles.open_ms[0] <= newest):
                self._changed[what] = next(self._count)
            self._newest[what] = max(int(candles.open_ms[-1]), newest or 0)
