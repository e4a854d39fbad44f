"""What the banner, the tiles and the trigger must say, from the look, the journal, the live score and the status."""

from __future__ import annotations

import math

from tests.ui.scene import Scene, X, Y
from tests.ui.written import UNKNOWN, age, bps, clock, num, p, percent, stamp, stepped, z
from ui.theme import SOURCE_NOTE

TITLE = {"evidence": "Evidence", "classic": "Classic"}


def source(s: Scene) -> str:
    return f"{s.status.source} {SOURCE_NOTE[s.status.source]}"


def pair(s: Scene) -> str:
    mark = " THE PAST" if s.past is not None else ""
    return f"{Y} / {X} · 1m · {TITLE[s.params.preset]}{mark}"


def verdict(s: Scene) -> str:
    names = "Source Confirmed to Feed Said since" if s.past is None else "As of Source Computed Said since"
    return f"{_word(s)} {names}"


def _word(s: Scene) -> str:
    return s.look.decision.verdict.value


def reason(s: Scene) -> str:
    return s.look.decision.reason


def change(s: Scene) -> str:
    d = s.look.decision
    if d.verdict == "TRADABLE":
        assert d.legs is not None
        stop = math.copysign(s.params.stop_z, s.z or 0)
        legs = ", ".join(f"{side} {qty} {symbol}" for side, qty, symbol, _ in rounded(s))
        hours = s.params.fit_bars / 60
        return (
            f"The trade {legs}; stop at z {z(stop)}, out after {s.params.fit_bars} candles of 1m,"
            f" {hours:.3g} h at the latest."
        )
    if d.verdict == "NO DATA":
        return f"What would change it New trades of both {Y} and {X}."
    open_checks = [c for c in d.checks if c.deciding and c.state != "passed"]
    first = open_checks[0]
    words = first.flips
    if first.key in {"stretched", "z_roll"} and d.trigger is not None and d.trigger.distance_z > 0:
        at = stepped(d.trigger.trigger_price_y, s.tick(Y))
        words = f"{Y} at {at} while {X} stays, {bps(d.trigger.distance_bps, False)} from its last close."
    if len(open_checks) > 1:
        question = open_checks[1].question
        words += f" Then still open: {question[0].lower()}{question[1:]}"
    return f"What would change it {words}"


def warm_up(s: Scene) -> str:
    loading = [s.status.warmup[symbol] for symbol in (Y, X) if symbol in s.status.warmup]
    if loading:
        return f"loading history from the exchange, {percent(min(loading), 0)}"
    share, left = s.report.have_bars / s.report.need_bars, s.look.decision.ready_in_s
    return f"{percent(share, 0)}, ready in about {age(left)}" if left is not None else "time left unknown"


def fact_source(s: Scene) -> str:
    return s.status.source


def fact_candle(s: Scene) -> str:
    if not len(s.report.open_ms):
        return "none yet"
    end = int(s.report.open_ms[-1]) + 60_000
    return f"{clock(end)} UTC, {age((s.now_ms - end) / 1000)} ago"


def fact_feed(s: Scene) -> str:
    feed = s.status.trades
    if not s.status.running:
        return "stopped"
    rate = sum(stream.rate_per_s for stream in feed.streams)
    return f"receiving, newest trade {age(feed.last_frame_age_s)} ago, {num(rate, 0)}/s"


def fact_since(s: Scene) -> str:
    """The end of the first candle of the unbroken run that says what is said now."""
    rows, word = list(s.said), _word(s)
    told = bool(rows) and rows[-1].candle_ms == s.report.newest_ms
    if not rows or rows[-1].verdict != word or (s.past is not None and not told):
        return "not journalled" if s.past is not None else "not journalled yet"
    start = len(rows)
    while start and rows[start - 1].verdict == word:
        start -= 1
    end = rows[start].candle_ms + 60_000
    text = f"{clock(end)} UTC" + ("" if start else " or before")
    return text if s.past is not None else f"{text}, {age((s.now_ms - end) / 1000)} ago"


def fact_as_of(s: Scene) -> str:
    return f"{stamp((s.past or 0) + 60_000)} UTC"


def fact_basis(_: Scene) -> str:
    return "from stored candles, with nothing after them"


# The tiles


def z_live(s: Scene) -> str:
    sub = "scored once the fit is known"
    if s.live is not None:
        sub = f"at executable: sell {z(s.live.z_sell_spread)}, buy {z(s.live.z_buy_spread)}"
    return f"z now {s.tag} {z(s.live_z)} {sub}"


def z_confirmed(s: Scene) -> str:
    over = f"rolling, W = {s.params.z_bars}" if s.classic else f"fit, N = {s.params.fit_bars}"
    return f"z {s.confirmed} {z(s.z)} {over} · entry ±{num(s.params.entry_z)}"


def beta(s: Scene) -> str:
    b, sub = s.newest(s.report.beta), "unknown until the fit window is full"
    if b is not None:
        units = b * float(s.report.y[-1]) / float(s.report.x[-1])  # of X for one of Y, from a ratio of notionals
        sub = f"± {num(s.newest(s.report.beta_se), 3)} · 1 {s.base(Y)} ↔ {units:,.4g} {s.base(X)}"
    return f"Hedge ratio β {s.confirmed} {num(b, 3)} {sub}"


def spread(s: Scene) -> str:
    value, sub = s.newest(s.report.spread), "no live score yet"
    if s.past is not None:
        sub = "last residual of the fit"
    elif s.live is not None:
        sub = f"{s.tag.lower()} {bps(s.live.spread * 1e4)}"
    return f"Spread {s.confirmed} {bps(None if value is None else value * 1e4)} {sub}"


def corr(s: Scene) -> str:
    return f"Correlation {s.confirmed} {num(s.newest(s.report.corr))} of log returns, W = {s.params.z_bars}"


def prices(s: Scene) -> str:
    y, x = (s.live.price_y, s.live.price_x) if s.live else (None, None)
    return f"{s.base(Y)} {s.tag} {stepped(y, s.tick(Y))} {s.base(X)} {stepped(x, s.tick(X))}"


def close(s: Scene, symbol: str) -> str:
    closes = s.report.y if symbol == Y else s.report.x
    return f"{s.base(symbol)} close {s.confirmed} {stepped(float(closes[-1]), s.tick(symbol))} of this candle"


def cost(s: Scene) -> str:
    c = s.look.costs
    if c is None:
        return f"Cost, round trip {s.confirmed} {UNKNOWN} unknown · fees, spread, funding"
    parts = (c.fees_bps, c.half_spreads_bps, c.funding_bps)
    split = " + ".join(num(v, 1) for v in parts)
    total = ("at least " if None in parts else "") + bps(sum(v or 0.0 for v in parts), False)
    return f"Cost, round trip {s.confirmed} {total} {split} · fees, spread, funding"


def regime(s: Scene) -> str:
    sentence = s.look.decision.regime.rstrip(".")
    for cut in (" (", ": "):
        if cut in sentence:
            head, rest = sentence.split(cut, 1)
            return f"Regime {s.confirmed} {head} {rest.removesuffix(')')}"
    test, name = (s.report.adf, "ADF") if s.classic else (s.report.engle_granger, "Engle-Granger")
    found = "not tested yet" if test is None else f"p {p(test.pvalue)}"
    return f"Regime {s.confirmed} {sentence} {name} {found}"


def half_life(s: Scene) -> str:
    h = s.report.half_life
    if h is None:
        return f"Half-life {s.confirmed} {UNKNOWN} shown only once the test supports a return"
    bars = f"{num(h.bars, 0)} candles {num(h.low, 0)} to {num(h.high, 0)} at 95% · {age(60 * h.bars)}"
    return f"Half-life {s.confirmed} {bars}"


def net(s: Scene) -> str:
    d = s.look.decision
    c = s.look.costs
    least = "at least " if c is None or None in (c.half_spreads_bps, c.funding_bps) else ""
    cost_words = "cost unknown" if d.cost_bps is None else f"{least}{bps(d.cost_bps, False)} cost"
    shown = d.verdict in {"TRADABLE", "WAIT"} and d.expected_net_bps is not None
    if shown:
        sub = f"lower bound, after {cost_words}"
    else:
        words = {"WAIT": "not known yet", "NO DATA": "needs current data", "WARMING UP": "needs a full window"}
        why = words.get(d.verdict, "shown only with a relationship")
        sub = f"{why}, {cost_words}"
    return f"Expected net {s.confirmed} {bps(d.expected_net_bps if shown else None)} {sub}"


def funding(s: Scene) -> str:
    if not s.marks:
        return f"Funding {s.base(Y)} {s.tag} {UNKNOWN} no mark price has arrived yet"
    y, x = s.marks[Y], s.marks[X]
    left = int((min(y.next_funding_ms, x.next_funding_ms) - s.now_ms) / 1000)
    to_go = f"{left // 3600:02}:{left % 3600 // 60:02}:{left % 60:02}"
    rates = [percent(m.funding_rate, 4, True) for m in (y, x)]
    return f"Funding {s.base(Y)} {s.tag} {rates[0]} {s.base(X)} {rates[1]} · in {to_go}"


# The trigger


def band(s: Scene) -> str:
    edge = 1.1 * s.params.stop_z
    spoken = f"{{z confirmed {z(s.z)}" + (f", {s.tag.lower()} {z(s.live_z)}}}" if s.past is None else "}")
    found = [] if s.z is None else [f"{{confirmed {z(s.z)}}} @{_at(s.z, edge)}"]
    found += [] if s.live_z is None else [f"{{{s.tag.lower()} {z(s.live_z)}}} @{_at(s.live_z, edge)}"]
    return " ".join([spoken if any(c.isdigit() for c in spoken) else "", *found]).strip()


def _at(value: float, edge: float) -> str:
    return f"{50 + 50 * max(-1.0, min(1.0, value / edge)):.2f}"


def band_labels(s: Scene) -> str:
    stop, entry = num(s.params.stop_z, 1), num(s.params.entry_z, 1)
    return f"-{stop} stop -{entry} entry 0.0 mean {entry} entry {stop} stop"


def to_entry(s: Scene) -> str:
    if s.look.decision.trigger is None or s.z is None:
        return UNKNOWN
    return _distance(s.params.entry_z - abs(s.z), s.look.decision.trigger.distance_bps)


def to_entry_now(s: Scene) -> str:
    if s.live is None or s.live_z is None:
        return f"{UNKNOWN} {s.tag}"
    r, entry, log_x = s.report, math.copysign(s.params.entry_z, s.live_z), math.log(s.live.price_x)
    fits = r.log_fits
    log_y = fits.alpha[-1] + fits.beta[-1] * log_x + entry * fits.resid_sd[-1]
    if s.classic:
        log_y = r.alpha[-1] + r.beta[-1] * log_x + r.z_mean[-1] + entry * r.z_sd[-1]
    away = 1e4 * abs(math.exp(log_y) / s.live.price_y - 1)
    return f"{_distance(s.params.entry_z - abs(s.live_z), away)} {s.tag}"


def _distance(in_z: float, in_bps: float | None) -> str:
    if in_z <= 0:
        return "beyond entry"
    return f"{num(in_z)} z" + ("" if in_bps is None else f", {bps(in_bps, False)} of price")


def entry_price(s: Scene) -> str:
    """Where Y would have to stand for |z| to be the entry's, by the fit itself."""
    r, z_now = s.report, s.z
    if s.look.decision.trigger is None or z_now is None:
        return UNKNOWN
    entry = math.copysign(s.params.entry_z, z_now)
    at = stepped(s.look.decision.trigger.trigger_price_y, s.tick(Y))
    if not s.classic:
        fits = r.log_fits
        log_y = fits.alpha[-1] + fits.beta[-1] * math.log(r.x[-1]) + entry * fits.resid_sd[-1]
        at = stepped(math.exp(log_y), s.tick(Y))
    return f"{at}, at z {z(entry)}, X unchanged"


def crossing(s: Scene) -> str:
    series = [float(v) for v in s.z_series]
    if not series:
        return UNKNOWN
    for back in range(1, len(series)):
        newer, older = series[-back], series[-back - 1]
        if math.isnan(newer) or math.isnan(older):
            break
        if (abs(newer) >= s.params.entry_z) != (abs(older) >= s.params.entry_z):
            ago = back - 1
            return "at this candle" if not ago else f"{ago:,} candle{'s'[: ago > 1]} ago, {age(60 * ago)}"
    return "not within these candles"


def rounded(s: Scene) -> list[tuple[str, str, str, float]]:
    """Side, quantity, symbol and notional of both legs: Y rounded down to its step, X to the step nearest its hedge."""
    legs = s.look.decision.legs
    assert legs is not None
    if not s.catalogue:  # nobody tells the steps: as computed
        asked = ((legs.side_y, legs.qty_y, Y, legs.notional_y), (legs.side_x, legs.qty_x, X, legs.notional_x))
        return [(side, stepped(qty, None), symbol, notional) for side, qty, symbol, notional in asked]
    steps = {symbol: s.catalogue[symbol].step_size for symbol in (Y, X)}
    n_y = math.floor(legs.qty_y / steps[Y] + 1e-9)
    n_x = round(legs.qty_x / legs.qty_y * n_y * steps[Y] / steps[X])
    found: list[tuple[str, str, str, float]] = []
    for side, n, symbol, price in ((legs.side_y, n_y, Y, s.report.y[-1]), (legs.side_x, n_x, X, s.report.x[-1])):
        qty = n * steps[symbol]
        found.append((side, stepped(qty, steps[symbol]), symbol, qty * float(price)))
    return found
