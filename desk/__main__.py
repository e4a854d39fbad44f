"""python -m desk: the same feed, store and journal without a browser; --status tells what it is doing."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import signal
import sys
import threading
import time

from analytics.params import Params
from core.errors import PairsightError
from core.settings import Settings
from core.types import DeskStatus
from desk.desk import Desk
from storage.sqlite import TradeStore

log = logging.getLogger("desk")


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """The command line as values."""
    parser = argparse.ArgumentParser(
        prog="python -m desk", description="Collects, analyses and journals without a browser."
    )
    parser.add_argument("--status", action="store_true", help="print what the database holds as JSON, and end")
    parser.add_argument("--every", type=float, default=60.0, metavar="S", help="seconds between status lines (60)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; 2 where it cannot run, with a sentence."""
    args = parsed(argv)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        settings = Settings.from_env()
        if args.status:
            print(json.dumps(stored(settings), indent=1))
            return 0
        desk = Desk(settings)
    except PairsightError as error:
        print(f"desk: {error}", file=sys.stderr)
        return 2
    over = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: over.set())
    desk.start()
    try:
        run(desk, settings, over, args.every)
    finally:
        desk.close()
    return 0


def run(desk: Desk, settings: Settings, over: threading.Event, every_s: float) -> None:
    """Watch the first two symbols, and say now and then how it goes."""
    if len(settings.symbols) > 1:
        desk.look(settings.symbols[1], settings.symbols[0], Params(fee_bps=settings.taker_fee_bps))
    next_s = time.monotonic() + every_s
    while not over.wait(min(0.5, every_s)):  # a bounded wait: on Windows an unbounded one would not see Ctrl-C
        if time.monotonic() >= next_s:
            next_s += every_s
            log.info("status %s", json.dumps(summary(desk.status())))


def summary(status: DeskStatus) -> dict[str, object]:
    """The status as one flat line's worth of values."""
    told = dataclasses.asdict(status)
    told.pop("log")
    return told


def stored(settings: Settings) -> dict[str, object]:
    """What the database holds, whoever collects into it."""
    with TradeStore.open_reader(settings.db) as store:
        newest = {symbol: trade for symbol in store.symbols() if (trade := store.last_trade(symbol)) is not None}
        return {
            "database": str(settings.db),
            "size_bytes": store.status().size_bytes,
            "symbols": {
                symbol: {
                    "newest_trade_id": trade.trade_id,
                    "newest_trade_ms": trade.ts_ms,
                    "age_s": round(time.time() - trade.ts_ms / 1000, 1),
                }
                for symbol, trade in newest.items()
            },
            "rows": {
                f"{symbol} {f'{timeframe_s} s' if timeframe_s else 'trades'}": rows
                for (symbol, timeframe_s), rows in sorted(store.counts().items())
            },
            "gaps": dict(store.gap_counts()),
        }


if __name__ == "__main__":
    sys.exit(main())
