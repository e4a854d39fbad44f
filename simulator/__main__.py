"""python -m simulator: a local exchange on a port, until it is told to end."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from core.errors import PairsightError, SettingsError
from simulator.clock import AS_FAST_AS_POSSIBLE
from simulator.faults import read_faults
from simulator.market import MarketPlan
from simulator.running import SimulatedExchange
from simulator.scenarios import SCENARIOS
from simulator.universe import chosen


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """The command line as values."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A local exchange that speaks Binance's USD-M futures protocol on one port.",
        epilog="scenarios:\n" + "\n".join(f"  {name:10} {kind.about}" for name, kind in SCENARIOS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=9700, help="port for WebSocket and REST; 0 picks a free one")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="replay a recording instead of the seeded market")
    parser.add_argument("--speed", type=_speed, default=1.0, help="exchange seconds a second, or 'max' for a replay")
    parser.add_argument("--seed", type=int, default=1, help="seed of the market (default 1)")
    parser.add_argument("--rate", type=_above_zero, default=60.0, help="records a second, all symbols (default 60)")
    parser.add_argument("--symbols", default="12", help="how many contracts trade, up to 500, or their names")
    parser.add_argument("--scenario", choices=SCENARIOS, default="default", help="kind of market; listed below")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="JSON schedule of faults; see faults.py")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input closes")
    return parser.parse_args(argv)


def _speed(text: str) -> float:
    speed = AS_FAST_AS_POSSIBLE if text == "max" else float(text)
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"must be above 0 or 'max', was {text!r}")
    return speed


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, was {text!r}")
    return number


def built(args: argparse.Namespace) -> SimulatedExchange:
    """The exchange that the command line asks for."""
    schedule = read_faults(args.faults) if args.faults is not None else ()
    if args.replay is None:
        if args.speed == AS_FAST_AS_POSSIBLE:
            raise SettingsError("--speed max needs a recording (--replay): a market has no end")
        if args.seed < 0:
            raise SettingsError(f"--seed must not be negative, was {args.seed}")
        plan = MarketPlan(args.seed, args.rate, chosen(args.symbols), SCENARIOS[args.scenario])
        return SimulatedExchange.making(plan, speed=args.speed, host=args.host, port=args.port, faults=schedule)
    return SimulatedExchange.replaying(args.replay, speed=args.speed, host=args.host, port=args.port, faults=schedule)


def main(argv: list[str] | None = None) -> int:
    """Run until SIGINT, SIGTERM or, where asked for, the end of standard input."""
    args = parsed(argv)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO, stream=sys.stderr)
    over = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: over.set())
    try:
        exchange = built(args)
        bases = exchange.start()
    except PairsightError as why:
        print(f"simulator: {why}", file=sys.stderr)
        return 2
    mode = exchange.exchange.source.mode
    print(f"READY ws={bases.ws_url} rest={bases.rest_url} mode={mode}", flush=True)
    print(f"Use it with:\n  PAIRSIGHT_WS_URL={bases.ws_url}\n  PAIRSIGHT_REST_URL={bases.rest_url}", flush=True)
    if args.exit_with_parent:
        threading.Thread(target=_end_with_stdin, args=(over,), name="parent-watch", daemon=True).start()
    while not over.wait(0.5):  # a bounded wait: on Windows an unbounded one would not see Ctrl-C
        pass
    exchange.stop()
    return 0


def _end_with_stdin(over: threading.Event) -> None:
    while sys.stdin is not None and os.read(sys.stdin.fileno(), 4096):  # not through sys.stdin: its lock outlives us
        pass
    over.set()


if __name__ == "__main__":
    sys.exit(main())
