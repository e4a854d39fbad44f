"""python -m desk: the same feed, store and journal without a browser; --status tells what it is doing."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import math
import signal
import sys
import threading
import time
from typing import Final

from core.errors import PairsightError
from core.settings import Settings
from core.types import DeskStatus, WatchedPair
from desk.desk import Desk
from desk.health import PATH, HealthEndpoint
from desk.log_lines import set_up
from storage.sqlite import TradeStore

log = logging.getLogger("desk")

LOOK_S: Final = 0.5  # on Windows an unbounded wait would not see Ctrl-C


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """The command line as values."""
    parser = argparse.ArgumentParser(
        prog="python -m desk", description="Collects, analyses and journals without a browser."
    )
    parser.add_argument("--status", action="store_true", help="print what the database holds as JSON, and end")
    parser.add_argument("--every", type=seconds, default=60.0, metavar="S", help="seconds between status lines (60)")
    parser.add_argument("--log", choices=("human", "json"), default="human", help="lines for people, or JSON objects")
    parser.add_argument("--health-port", type=int, metavar="PORT", help=f"answer GET {PATH} there; 0 picks a free port")
    parser.add_argument("--health-host", default="127.0.0.1", metavar="ADDRESS", help="and on this address (127.0.0.1)")
    return parser.parse_args(argv)


def seconds(text: str) -> float:
    """Of a pause between two lines."""
    value = float(text)
    if not LOOK_S <= value < math.inf:
        raise argparse.ArgumentTypeError(f"give {LOOK_S:g} or more, not {text}")
    return value


def main(argv: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; 2 where it cannot run, with a sentence."""
    args = parsed(argv)
    set_up(args.log)
    try:
        settings = Settings.from_env()
        if args.status:
            print(json.dumps(stored(settings), indent=1))
            return 0
        over = stopped_by_signals()
        desk = Desk(settings)
    except PairsightError as error:
        print(f"desk: {error}", file=sys.stderr)
        return 2
    try:
        endpoint = endpoint_of(desk, args.health_host, args.health_port)
    except (OSError, OverflowError) as error:
        desk.close()
        print(f"desk: port {args.health_port} of {args.health_host} cannot be used: {error}", file=sys.stderr)
        return 2
    try:
        desk.start()
        watch_something(desk, settings)
        run(desk, settings, over, args.every)
    except PairsightError as error:
        print(f"desk: {error}", file=sys.stderr)
        return 2
    finally:
        if endpoint is not None:
            endpoint.stop()
        desk.close()
    log.info("stopped; everything is written")
    return 0


def stopped_by_signals() -> threading.Event:
    """Set once this process is asked to end."""
    over = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: over.set())
    return over


def endpoint_of(desk: Desk, host: str, port: int | None) -> HealthEndpoint | None:
    """The health endpoint, answering; none where none was asked for."""
    if port is None:
        return None
    endpoint = HealthEndpoint(desk.status, host, port)
    endpoint.start()
    log.info("health at http://%s:%d%s", host, endpoint.port, PATH)
    return endpoint


def run(desk: Desk, settings: Settings, over: threading.Event, every_s: float) -> None:
    """Say now and then how it goes."""
    next_s = time.monotonic() + every_s
    while not over.wait(LOOK_S):
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + every_s
            try:
                if desk.status().store.state == "reading":  # another process had the database; it may have ended
                    desk.start()
                    watch_something(desk, settings)
                log.info("status", extra={"data": summary(desk.status())})
            except PairsightError as error:  # what collects goes on, or tries again by itself
                log.warning("%s", error)


def watch_something(desk: Desk, settings: Settings) -> None:
    """Where nobody named a pair, put the first two symbols on the watch-list: what is looked at is what is told of."""
    if settings.watch or len(settings.symbols) < 2:
        return
    if desk.status().store.state == "reading":  # another process collects: what it watches is its business
        return
    try:
        if not desk.watch_list():
            desk.watch_pair(WatchedPair(settings.symbols[1], settings.symbols[0]), True)
    except PairsightError as error:  # the list cannot be read
        log.warning("%s", error)


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
