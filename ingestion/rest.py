"""The exchange's REST: asks within the budget, obeys its refusals, answers with values. The only `import requests`."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, TypeVar
from urllib.parse import urlsplit
from weakref import WeakSet

import requests

from core.clock import now_ms
from core.errors import BadFrame, BadRequest, Blocked, RateLimited, RestError, Unreachable
from core.types import Candles, MarkPrice, Records, SymbolInfo, Ticks
from ingestion import binance_rest as answers
from ingestion.backoff import delays
from ingestion.binance_rest import INTERVALS, Ticker
from ingestion.budget import Budget

CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 15.0
TRIES: Final = 4
FIREWALL_WAIT_S: Final = 60.0
UNSAID_WAIT_S: Final = 60.0  # 429 and 418 without a Retry-After
BACKGROUND_SHARE: Final = 0.6  # of the weight; the rest is for gaps and for what a person waits for
URGENT_SHARE: Final = 0.9  # others may ask from the same address, and a ban costs more than a minute
PATIENCE_S: Final = 70.0  # waiting for the next minute is normal, waiting for the end of a ban is not

KLINES_MOST: Final = 1500
AGGREGATES_MOST: Final = 1000
TRADES_MOST: Final = 1000
SETTLED_MOST: Final = 1000

T = TypeVar("T")
Waits = Callable[[], Iterator[float]]


class Rest:
    """Thread safe: any number of callers share one budget, one ban, one answer to "are we served here".

    Every method raises `RateLimited` (nothing may be asked for ``retry_after_s``), `Blocked`, `BadRequest` or
    `Unreachable`, all of them `RestError` with a sentence for the trader. The proxy variables of the environment are
    obeyed, as requests does by itself.
    """

    def __init__(
        self,
        base: str,
        *,
        now_ms: Callable[[], int] = now_ms,
        now_s: Callable[[], float] = time.monotonic,
        waits: Waits = lambda: delays(first_s=0.5, most_s=8.0),
        timeouts_s: tuple[float, float] = (CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S),
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._base = base
        self._host = urlsplit(base).netloc
        self._now_ms = now_ms
        self._now_s = now_s
        self._waits = waits
        self._timeouts_s = timeouts_s
        self._patience_s = patience_s
        self._closed = threading.Event()
        self._lock = threading.Lock()  # guards everything below
        self._budget = Budget()
        self._forbidden_until_s = 0.0  # monotonic: a ban is as long as it is, whoever sets a clock meanwhile
        self._offset_ms = 0.0
        self._offset_known = False
        self._blocked: Blocked | None = None
        self._simulated: Literal["", "market", "replay"] = ""
        self._sessions = WeakSet[requests.Session]()  # a thread's own leaves with it
        self._local = threading.local()  # its session, which requests does not promise to share, and when it asked

    # The exchange's answers

    def server_time_ms(self) -> int:
        """The exchange's clock now; also measures how far ours is from it."""
        answer = _read(answers.server_ms, self.get("/fapi/v1/time", weight=1, background=False))
        with self._lock:
            # Within half the round trip: the exchange read its clock somewhere in between.
            self._offset_ms, self._offset_known = answer - self._local.asked_ms, True
        return answer

    def exchange_info(self) -> dict[str, SymbolInfo]:
        """Every contract by symbol."""
        return _read(answers.symbols, self.get("/fapi/v1/exchangeInfo", weight=1, background=False))

    def klines(
        self,
        symbol: str,
        timeframe_s: int,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = KLINES_MOST,
        background: bool = True,
    ) -> Candles:
        """Closed bars with trades, oldest first: from ``start_ms`` on, or the newest before ``end_ms``.

        ``end_ms`` is the last open time wanted. `binance_rest.candles` says which bars count.
        """
        params = {"symbol": symbol, "interval": INTERVALS[timeframe_s], "startTime": start_ms, "endTime": end_ms}
        weight = 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10
        asked_ms = self.clock_ms()  # before asking: a bar that ends meanwhile is not yet settled in the answer
        body = self.get("/fapi/v1/klines", params | {"limit": limit}, weight=weight, background=background)
        return _read(lambda text: answers.candles(symbol, timeframe_s, text, asked_ms), body)

    def agg_trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = AGGREGATES_MOST,
    ) -> Records:
        """Aggregates by id: from ``from_id`` (an aggregate's id) on, or of a time span; of the last 48 hours only."""
        params = {"symbol": symbol, "fromId": from_id, "startTime": start_ms, "endTime": end_ms, "limit": limit}
        body = self.get("/fapi/v1/aggTrades", params, weight=20, background=False)  # a gap waits for it
        return _read(lambda text: answers.aggregates(symbol, text), body)

    def trades(self, symbol: str, limit: int = TRADES_MOST) -> Ticks:
        """The newest executions, one by one, by id."""
        body = self.get("/fapi/v1/trades", {"symbol": symbol, "limit": limit}, weight=5, background=False)
        return _read(lambda text: answers.trades(symbol, text), body)

    def premium_index(self) -> list[MarkPrice]:
        """Mark price, index price and running funding rate of every symbol."""
        return _read(answers.marks, self.get("/fapi/v1/premiumIndex", weight=10))

    def funding_hours(self) -> dict[str, int]:
        """Hours between funding settlements by symbol; a symbol that is not listed settles every 8 h; 0: not said."""
        return _read(answers.funding_hours, self.get("/fapi/v1/fundingInfo", weight=1))

    def funding_settled(self, symbol: str, start_ms: int, end_ms: int) -> list[tuple[int, float]]:
        """A symbol's settlements from ``start_ms`` to ``end_ms``, oldest first: (time, rate as a fraction)."""
        found: list[tuple[int, float]] = []
        since = start_ms
        while since <= end_ms:
            params: dict[str, str | int | None] = {"symbol": symbol, "startTime": since, "endTime": end_ms}
            params["limit"] = SETTLED_MOST
            page = _read(answers.settled, self.get("/fapi/v1/fundingRate", params, weight=1))
            found += [one for one in page if not found or one[0] > found[-1][0]]
            if len(page) < SETTLED_MOST:
                break
            since = found[-1][0] + 60_000
        return found

    def ticker_24h(self) -> list[Ticker]:
        """The last 24 hours of every symbol."""
        return _read(answers.tickers, self.get("/fapi/v1/ticker/24hr", weight=40))

    # What it knows

    @property
    def simulated(self) -> Literal["", "market", "replay"]:
        """What the server says of itself; empty for the exchange, and before the first answer."""
        with self._lock:
            return self._simulated

    @property
    def offset_ms(self) -> float | None:
        """The exchange's clock minus ours; None: not measured yet."""
        with self._lock:
            return self._offset_ms if self._offset_known else None

    def exchange_ms(self) -> int:
        """The exchange's clock, as far as it has been measured."""
        with self._lock:
            return int(self._now_ms() + self._offset_ms)

    def clock_ms(self) -> int:
        """The exchange's clock; asked for where it is not known or, as a replay's, runs at its own speed."""
        if self.simulated or self.offset_ms is None:
            return self.server_time_ms()
        return self.exchange_ms()

    def pause(self, seconds: float) -> None:
        """Wait, unless it is closed meanwhile: then `Unreachable`."""
        if self._closed.wait(seconds):
            raise Unreachable("Stopped.")

    def close(self) -> None:
        """Answer nothing any more; whoever waits gets `Unreachable` at once, except within a request on its way."""
        self._closed.set()
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()

    # One request

    def get(
        self,
        path: str,
        params: Mapping[str, str | int | None] | None = None,
        *,
        weight: int,
        background: bool = True,
    ) -> bytes:
        """The body of a good answer. Waits for the budget; asks again, up to four times in all, when nothing came."""
        waits = self._waits()
        for attempt in range(1, TRIES + 1):
            self._wait_for_turn(weight, background)
            try:
                return self._ask(path, params or {})
            except Unreachable:
                if attempt == TRIES or self._closed.wait(next(waits)):
                    raise
        raise AssertionError("the last try returns or raises")

    def wait_s(self, weight: int) -> float:
        """How long a background request of this weight would wait for the budget; 0: not at all."""
        now_ms = self.exchange_ms()
        with self._lock:
            return self._still_s(weight, BACKGROUND_SHARE, now_ms)

    def _still_s(self, weight: int, share: float, now_ms: int) -> float:
        banned_s = max(0.0, self._forbidden_until_s - self._now_s())
        return max(banned_s, self._budget.wait_ms(weight, share, now_ms) / 1000)

    def _wait_for_turn(self, weight: int, background: bool) -> None:
        """Wait until the request may be sent, and count it."""
        share = BACKGROUND_SHARE if background else URGENT_SHARE
        while True:
            now_ms = self.exchange_ms()
            with self._lock:
                if self._blocked is not None:
                    raise self._blocked
                wait_s = self._still_s(weight, share, now_ms)
                if wait_s == 0:
                    self._budget.spend(weight, now_ms)
            if wait_s > self._patience_s:
                raise RateLimited(f"The exchange must not be asked for another {wait_s:.0f} s.", wait_s)
            self.pause(wait_s)
            if wait_s == 0:
                return

    def _ask(self, path: str, params: Mapping[str, str | int | None]) -> bytes:
        sent_ms = self._now_ms()
        try:
            response = self._session().get(
                self._base + path,
                params={name: value for name, value in params.items() if value is not None},
                timeout=self._timeouts_s,
            )
        except requests.exceptions.SSLError as error:
            raise Unreachable(f"The certificate of {self._host} cannot be verified: {error}") from error
        except requests.exceptions.Timeout as error:
            raise Unreachable(f"{self._host} did not answer in time.") from error
        except requests.exceptions.ConnectionError as error:
            raise Unreachable(f"{self._host} cannot be reached.") from error
        except requests.exceptions.RequestException as error:
            raise Unreachable(f"{self._host} cannot be asked: {error}") from error
        self._local.asked_ms = (sent_ms + self._now_ms()) / 2
        used = response.headers.get("X-MBX-USED-WEIGHT-1M", "")
        mark = response.headers.get("X-Pairsight-Simulator", "")
        now_ms = self.exchange_ms()
        with self._lock:
            self._simulated = "replay" if mark == "replay" else "market" if mark else ""
            if used.isdigit():
                self._budget.told(int(used), now_ms)
        if response.status_code == 200:
            return response.content
        raise self._refusal(response, now_ms)

    def _refusal(self, response: requests.Response, now_ms: int) -> RestError:
        """What an answer other than 200 means, and remember what it forbids."""
        status = response.status_code
        failure = answers.failure(response.content)
        code, words = failure or (0, "")
        if status in (418, 429):
            wait_s = _retry_after_s(response.headers.get("Retry-After"), words, now_ms)
            self._forbid(wait_s)
            what = "has banned this address" if status == 418 else "asks for fewer requests"
            return RateLimited(f"The exchange {what} for {wait_s:.0f} s (HTTP {status}).", wait_s)
        if status == 451:
            blocked = Blocked("The exchange does not serve this location (HTTP 451).", status)
            with self._lock:
                self._blocked = blocked
            return blocked
        if status == 403:
            self._forbid(FIREWALL_WAIT_S)
            return Blocked("A firewall in front of the exchange refused the request (HTTP 403).", status)
        if status >= 500 or status == 408:
            return Unreachable(f"The exchange is not available (HTTP {status}{': ' + words if words else ''}).")
        if failure is None:  # a proxy, or an address that is not the exchange's
            return BadRequest(f"{self._host} refused the request without the exchange's reason (HTTP {status}).")
        return BadRequest(f"The exchange refused the request: {words or 'no reason given'} (code {code}).")

    def _forbid(self, seconds: float) -> None:
        with self._lock:
            self._forbidden_until_s = max(self._forbidden_until_s, self._now_s() + seconds)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            self._local.session = session
            with self._lock:
                self._sessions.add(session)
        return session


def _read(read: Callable[[bytes], T], body: bytes) -> T:
    """Read a body; one that cannot be read is an exchange that cannot be reached."""
    try:
        return read(body)
    except BadFrame as error:
        raise Unreachable(f"Something else than the exchange answered: {error}") from error


def _retry_after_s(header: str | None, words: str, now_ms: int) -> float:
    """How long to stay away: as the header says, or the ban's own words ("banned until <ms>")."""
    if header is not None and header.isdigit():
        return max(1.0, float(header))
    until = re.search(r"until (\d{13})", words)
    if until is not None:
        return max(1.0, (int(until.group(1)) - now_ms) / 1000)
    return UNSAID_WAIT_S
