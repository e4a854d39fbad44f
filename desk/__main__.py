"""python -m desk: the same feed, store and journal without a browser; --status tells how the desk that runs does."""

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

from core.errors import PairsightError, SettingsError, StoreDenied
from core.settings import Settings
from core.types import DeskStatus, WatchedPair
from desk.desk import Desk
from desk.health import PATH, HealthEndpoint
from desk.log_lines import set_up
from desk.told import told

log = logging.getLogger("desk")

CHECK_S: Final = 0.5  # on Windows an unbounded wait would not see Ctrl-C


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """The command line as values."""
    parser = argparse.ArgumentParser(
        prog="python -m desk", description="Collects, analyses and journals without a browser."
    )
    parser.add_argument(
        "--status", action="store_true", help="print how the collecting Pairsight does, as JSON, and end"
    )
    parser.add_argument("--every", type=seconds, default=60.0, metavar="S", help="seconds between status lines (60)")
    parser.add_argument("--log", choices=("human", "json"), default="human", help="lines for people, or JSON objects")
    parser.add_argument(
        "--health-port", type=port, metavar="PORT", help=f"answer GET {PATH} there; 0 picks a free port"
    )
    parser.add_argument("--health-host", default="127.0.0.1", metavar="ADDRESS", help="and on this address (127.0.0.1)")
    return parser.parse_args(argv)


def seconds(text: str) -> float:
    """Of a pause between two lines."""
    value = float(text)
    if not CHECK_S <= value < math.inf:
        raise argparse.ArgumentTypeError(f"give {CHECK_S:g} or more, not {text}")
    return value


def port(text: str) -> int:
    """Of TCP."""
    value = int(text)
    if not 0 <= value <= 65_535:
        raise argparse.ArgumentTypeError(f"give a port from 0 to 65535, not {text}")
    return value


def main(argv: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM.

    Returns
    -------
    int
        0: stopped with everything written, or well (``--status``). 1: not so, and trying again may help. 2: arguments
        or settings that cannot be used, which somebody has to mend. The log has the reason.
    """
    args = parsed(argv)
    set_up(args.log)
    try:
        settings = Settings.from_env()
        if args.status:
            said = told(settings)
            print(json.dumps(said, indent=1, ensure_ascii=False))
            return 0 if said["healthy"] else 1
        if settings.role == "read":
            raise SettingsError("PAIRSIGHT_ROLE=read is for screens: python -m desk collects")
        return collected(settings, args)
    except PairsightError as error:
        log.error("%s", error)
        return 2 if isinstance(error, SettingsError) else 1


def collected(settings: Settings, args: argparse.Namespace) -> int:
    """As `main`. Raises PairsightError where it cannot run."""
    over = stopped_by_signals()
    desk = Desk(settings)
    endpoint: HealthEndpoint | None = None
    try:
        if desk.denied:
            raise StoreDenied(desk.denied)
        endpoint = endpoint_of(desk, args.health_host, args.health_port)
        desk.start()
        watch_something(desk, settings)
        run(desk, settings, over, args.every)
    finally:
        if endpoint is not None:
            endpoint.stop()
        written = desk.close()
        if written:
            log.info("stopped; everything is written")
        else:
            log.error("stopped; not everything could be written, the lines above say why")
    return 0 if written else 1


def stopped_by_signals() -> threading.Event:
    """Set once this process is asked to end."""
    over = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: over.set())
    return over


def endpoint_of(desk: Desk, host: str, port: int | None) -> HealthEndpoint | None:
    """The health endpoint, answering; none where none was asked for. Raises PairsightError where it cannot listen."""
    if port is None:
        return None
    try:
        endpoint = HealthEndpoint(desk.status, host, port)
    except OSError as error:
        raise PairsightError(f"Port {port} of {host} cannot be used: {error}.") from error
    endpoint.start()
    log.info("health at http://%s:%d%s", host, endpoint.port, PATH)
    return endpoint


def run(desk: Desk, settings: Settings, over: threading.Event, every_s: float) -> None:
    """Say now and then how it goes."""
    next_s = time.monotonic() + every_s
    while not over.wait(CHECK_S):
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


if __name__ == "__main__":
    sys.exit(main())
