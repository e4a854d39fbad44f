"""What the checklist, ticket, record, snapshot and journal must say, from the look and from the journal's rows."""

from __future__ import annotations

import math
from collections.abc import Callable

from analytics.decision import CHECKS, Check
from analytics.journal import row_of
from analytics.presets import PRESETS
from core.journal import JournalRow
from tests.ui.scene import Scene, X, Y
from tests.ui.ties_banner import rounded
from tests.ui.written import UNKNOWN, age, bps, clock, num, p, percent, stamp, stepped, z

UNIT = {"stretched": "z", "z_roll": "z", "record": "bps", "half_life": "bars", "persistence": "of 6"}
PLACES = {"bars": 0, "of 6": 0, "candles": 0, "bps": 1, "% pts": 1}


def deciding(s: Scene) -> str:
    asked = [c for c in s.look.decision.checks if c.deciding]
    return f"Deciding, all must pass: {[c.state for c in asked].count('passed')} of {len(asked)}"


def informing(_: Scene) -> str:
    return "Informing, never deciding"


def check(s: Scene, key: str) -> str:
    (c,) = (c for c in s.look.decision.checks if c.key == key)
    assert key in CHECKS
    words = (c.state, c.question, c.flips, c.value_text or UNKNOWN, c.threshold_text, _margin(c))
    dated = "" if c.as_of_ms is None else f"{{Data to {stamp(c.as_of_ms)} UTC}} "
    return dated + " ".join(words)


def _margin(c: Check) -> str:
    if c.margin is None:
        return UNKNOWN
    value, unit = c.margin, UNIT.get(c.key, "")
    if c.key == "clean":
        value, unit = (value, "candles") if value <= -1 else (value * 100, "% pts")
    places = PLACES.get(unit, 2 if abs(value) >= 0.1 else 3)
    return f"{num(value, places, True)} {unit}".strip()


def ticket(s: Scene) -> str:
    legs, costs = rounded(s), s.look.costs
    assert costs is not None
    tradable = s.look.decision.verdict == "TRADABLE"
    wanted = s.look.decision.legs
    assert wanted is not None
    off = legs[1][3] - legs[0][3] * wanted.notional_x / wanted.notional_y
    off = off if legs[1][0] == "BUY" else -off
    gross = legs[0][3] + legs[1][3]
    way = "short" if off < 0 else "long"
    parts = [("fees", costs.fees_bps), ("price spread", costs.half_spreads_bps), ("funding", costs.funding_bps)]
    split = ", ".join(f"{name} {num(v, 1)}" for name, v in parts)
    fits = s.report.log_fits
    even = costs.total_bps / (1e4 * float(fits.resid_sd[-1]) / (1 + abs(float(fits.beta[-1]))))
    stop = math.copysign(s.params.stop_z, s.z or 0.0)
    return " ".join(
        (
            "The rule's trade" if tradable else "Example, not a signal",
            "nothing is sent to the exchange",
            f"Exchange minimum {'met by both legs' if s.catalogue else 'not checked'}",
            f"Left unhedged {num(abs(off))} {quoted(s)} net {way}, {bps(1e4 * abs(off) / gross, False)} of both",
            f"Cost, round trip {bps(costs.total_bps, False)} ({split})",
            f"Break-even |z| {num(even)}, if all of it came back",
            f"Stop z {z(stop)}, your risk limit",
            f"Time limit {s.params.fit_bars} candles of 1m, {s.params.fit_bars / 60:.3g} h",
        )
    )


def leg(s: Scene, symbol: str) -> str:
    (found,) = (one for one in rounded(s) if one[2] == symbol)
    return f"{found[0]} {found[1]} {symbol} {num(found[3])} {quoted(s)}"


def quoted(s: Scene) -> str:
    """The currency of both legs, where the exchange has told it."""
    return "USDT" if s.catalogue else "quote"


def record(s: Scene) -> str:
    r = s.look.record
    assert r is not None
    caught, low, mean, since = UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN
    if r.kappa is not None:
        caught = f"{percent(r.kappa, 0)} of what was shown"
        caught += "" if r.kappa_se is None else f", ± {percent(r.kappa_se, 0)}"
        mean = f"{bps(r.mean_shown_bps)} shown, {bps(r.mean_gross_bps)} returned"
    if r.lower_bound is not None:
        low = f"{percent(r.lower_bound, 1)} (caught - 2.33 standard errors)"
    if r.first_ms is not None and r.newest_ms is not None:
        since = f"{age((r.newest_ms - r.first_ms) / 1000)}, since {stamp(r.first_ms)[:10]}"
    to_go = "" if r.days_to_go is None or r.excursions >= r.needed else f", about {_left(24 * r.days_to_go)} to go"
    return " ".join(
        (
            f"{r.excursions} excursions, {r.needed} needed{to_go}",
            f"Caught {caught} Lower bound {low} Mean excursion {mean}",
            f"Mean hold {age(r.mean_hold_s)} History {since}",
        )
    )


def _left(hours: float) -> str:
    return (
        f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours" if hours >= 2 else f"{60 * hours:.0f} minutes"
    )


def row_live(s: Scene) -> str:
    live = s.live
    place = UNKNOWN if s.live_z is None else "beyond entry" if abs(s.live_z) >= s.params.entry_z else "inside entry"
    cells = (
        s.tag,
        stepped(live.price_y if live else None, s.tick(Y)),
        stepped(live.price_x if live else None, s.tick(X)),
        num(s.newest(s.report.beta) if live else None, 4),
        num(1e4 * live.spread if live else None, 1, True),
        z(s.live_z),
        UNKNOWN,
        place,
    )
    return " ".join(cells)


def row(s: Scene, end_ms: int) -> str:
    """The journal's words where it has the candle, else the report's own row of then."""
    r, open_ms = s.report, end_ms - 60_000
    told = {one.candle_ms: one for one in s.said}.get(open_ms)
    i = [int(t) for t in r.open_ms].index(open_ms)
    if told is not None:
        z_then = told.z_roll if s.classic else told.z
        values = [told.price_y, told.price_x, told.beta, told.spread, z_then, told.corr]
        word = f"{told.verdict}, {told.note}" if told.note else told.verdict
    else:
        series = (r.y, r.x, r.beta, r.spread, s.z_series, r.corr)
        values = [float(a[i]) for a in series]
        word = s.look.decision.verdict.value if i == len(r.open_ms) - 1 else UNKNOWN
    y, x, b, gap, z_then, c = values
    cells = (stepped(y, s.tick(Y)), stepped(x, s.tick(X)), num(b, 4), num(1e4 * gap, 1, True), z(z_then), num(c))
    return f"{clock(end_ms)} {' '.join(cells)} {word}"


def legend(s: Scene) -> str:
    rolling, fitted = f"rolling z, W = {s.params.z_bars}", f"z of the fit, N = {s.params.fit_bars}"
    first, second = (rolling, fitted) if s.classic else (fitted, rolling)
    turns = "turned to ◆ TRADABLE ▲ TRAP ● any other verdict"
    return f"{Y} {X} {first} {second} entry, p = 0.05 stop mean of the spread ± entry no candles {turns}"


def measured(s: Scene) -> str:
    """Both presets' measured rates, the chosen one first."""
    order = sorted(PRESETS, key=lambda key: key != s.params.preset)
    return " ".join(f"{PRESETS[k].title} m{PRESETS[k].false_alarms.removeprefix('M')}" for k in order)


# Replay: the journal beside the look


def agreement(s: Scene) -> str:
    told = _told(s)
    words = (
        "Number From the store The journal Verdict z Rolling z β, least squares Engle-Granger p Correlation "
        "Known cost Expected net"
    )
    if told is None:
        return f"Nothing was said at this candle: the desk did not look at this pair then. {words}"
    if _differs(s, told):
        note = " A candle it rested on was repaired afterwards." if told.note else ""
        names = _differs(s, told)
        assert len(names) > 5
        return f"The journal said something else in: {', '.join(names[:5])} and {len(names) - 5} more.{note} {words}"
    return f"The journal says the same, in all {len(JournalRow.__slots__) - 3} fields. {words}"


def now_value(s: Scene, name: str) -> str:
    return _told_as(name, getattr(row_of(s.look), name))


def then_value(s: Scene, name: str) -> str:
    told = _told(s)
    return UNKNOWN if told is None else _told_as(name, getattr(told, name))


def _told_as(name: str, value: str | float | None) -> str:
    if isinstance(value, str):
        return value
    wanted: dict[str, Callable[[float | None], str]] = {
        "z": z, "z_roll": z, "beta": lambda v: num(v, 4), "eg_pvalue": p, "corr": num,
        "cost_bps": lambda v: bps(v, False), "expected_net_bps": bps,
    }  # fmt: skip
    return wanted[name](value)


def _told(s: Scene) -> JournalRow | None:
    return next((one for one in s.said if one.candle_ms == s.past), None)


def _differs(s: Scene, told: JournalRow) -> list[str]:
    now = row_of(s.look)
    names = [n for n in JournalRow.__slots__ if n not in {"written_ms", "note", "inputs"}]
    return [n for n in names if repr(getattr(now, n)) != repr(getattr(told, n))]
