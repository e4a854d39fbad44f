"""What the page's own words and the Data page must say, from the status, the gaps and the rule's constants."""

from __future__ import annotations

from analytics.params import RELATED_P
from core.types import FeedStatus
from tests.ui.scene import Scene, X, Y
from tests.ui.written import UNKNOWN, age, num, stamp
from ui.panels.glossary import TERMS

STORE = {"writing": "writing", "reading": "reading; another process collects", "failing": "cannot write"}
FEED = {"live": "receiving", "waiting": "waiting to reconnect"}


def state(s: Scene, value: str | None) -> str:
    """The sentences of a page that stands in the desk's place."""
    why = s.status.problem
    return {
        "unreachable": f"The exchange cannot be reached {why} The desk keeps trying. Meanwhile a local simulator can "
        "stand in: same protocol, made-up prices.",
        "stopped": "The feed is stopped Nothing is stored for this pair yet. Start the feed to collect trades; "
        "candles follow as they are confirmed.",
        "failed": f"This pair cannot be judged {Y} has not moved in this window: there is nothing to fit Choose "
        "another pair, timeframe or window.",
    }[value or ""]


def nothing_to_replay(s: Scene, _: str | None) -> str:
    if s.desk.scenario == "failed":
        return state(s, "failed")
    none = f"No {Y} and {X} candles of this timeframe are stored yet."
    return f"Nothing to replay {none} The first that both share is shown as soon as it is stored."


def glossary(_: Scene) -> str:
    """The numbers in the words are the rule's own."""
    text = " ".join(f"{term} {words}" for term, words in TERMS)
    assert f"p below {RELATED_P}: supported" in text
    assert "over 20 or more" in text
    assert "2.33 standard errors below the mean" in text
    return text.replace("−", "-")


def files(s: Scene) -> str:
    """A day of candles, the analytics of each, and the looks of that day; no trades yet."""
    end = int(s.now_ms)
    since = end - 86_400_000
    opens = [int(t) for t in s.desk.candles(Y, 60, limit=10**6, from_ms=since, to_ms=end).open_ms]
    rows = sum(t >= since for t in s.desk.report(Y, X, s.params, 10**6, end).open_ms)
    said = sum(row.candle_ms >= since for row in s.said)
    return (
        f"{stamp(since)} to {stamp(end)} UTC. Rows: candles {num(2 * len(opens), 0)}, analytics {num(rows, 0)}, "
        f"journal {num(said, 0)}. Trades take longer: make the files to have them, too."
    )


# The Data page


def card_trades(s: Scene) -> str:
    feed = s.status.trades
    others = ", ".join(f"{why} {n}" for why, n in feed.rejected.items()) or "none"
    counts = f"{num(feed.records, 0)} records, {num(feed.reconnects, 0)} reconnects; not taken: {others}"
    return f"Trades {_feed(s, feed, 'trade')} {counts} {feed.reason}".strip()


def card_market(s: Scene) -> str:
    feed = s.status.market
    counts = f"{num(feed.frames, 0)} frames, {num(feed.reconnects, 0)} reconnects"
    return f"Mark price and funding {_feed(s, feed, 'frame')} {counts} {feed.reason}".strip()


def _feed(s: Scene, feed: FeedStatus, what: str) -> str:
    if not s.status.running:
        return "stopped"
    if feed.state == "waiting":
        return f"{FEED['waiting']}, next try in {age(feed.next_try_in_s)}"
    rate = sum(one.rate_per_s for one in feed.streams)
    return f"{FEED[feed.state]}, newest {what} {age(feed.last_frame_age_s)} ago, {num(rate, 0)}/s"


def card_store(s: Scene) -> str:
    store = s.status.store
    sizes = f"{store.size_bytes / 1e6:.1f} MB, {num(store.written, 0)} rows written, {num(store.queued, 0)} waiting"
    return f"Database {STORE[store.state]} {sizes}, {num(store.write_ms, 1)} ms a transaction {store.reason}".strip()


def card_gaps(s: Scene) -> str:
    return f"Gaps {s.status.gaps_open} open {s.status.gaps_repaired} repaired, {s.status.gaps_lost} lost"


def card_clock(s: Scene) -> str:
    return f"Clock {num(s.status.clock_offset_ms, 0)} ms exchange clock minus this machine's"


def card_looks(s: Scene) -> str:
    looks = s.status.engine
    if not looks.at_ms:
        return "Looks none yet each confirmed candle of a watched pair is judged once"
    return f"Looks up to date {looks.watched} pairs watched, the newest round took {num(looks.round_s, 2)} s"


def stream(s: Scene, symbol: str) -> str:
    if symbol == "universe":
        return f"closed Scanner kline_1m {UNKNOWN} {UNKNOWN} {UNKNOWN} {UNKNOWN} open while the Scanner is looked at"
    found = next((one for one in s.status.trades.streams if one.symbol == symbol), None)
    silent = found is None or found.age_s is None or found.age_s > s.status.stale_after_s
    word = "stopped" if not s.status.running else "silent" if silent else "alive"
    loaded = "" if symbol in s.status.warmup else "complete" if found else UNKNOWN
    if found is None:
        return f"{word} {symbol} trade 0.0 {UNKNOWN} {UNKNOWN} {UNKNOWN} {loaded}".strip()
    numbers = f"{num(found.rate_per_s, 1)} {age(found.age_s)} {stamp(found.last_event_ms)} {found.last_id}"
    return f"{word} {symbol} {found.kind} {numbers} {loaded}".strip()


def gap(s: Scene, to_ms: int, seen: int) -> str:
    """The ``seen``-th row of those that end then: one a symbol, in the order of the symbols."""
    g = [g for symbol in s.status.symbols for g in s.desk.gaps(symbol) if g.to_ms == to_ms][seen]
    assert g.before_id is not None
    assert g.after_id is not None
    missing = num(g.before_id - g.after_id - 1, 0)
    times = f"{stamp(g.from_ms)} {stamp(g.to_ms)} {age((g.to_ms - g.from_ms) / 1000)}"
    return f"{g.state} {g.symbol} {times} {missing}"


def log(s: Scene) -> str:
    return " ".join(reversed(s.status.log))
