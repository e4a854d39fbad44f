"""The same net over the Track record page: cards, tables and open trades, each number worked out here, by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from math import nan

import numpy as np
import pytest

from analytics.paper_account import Account, account
from analytics.paper_score import Score
from analytics.paper_view import TrackView, figures
from analytics.params import Params
from analytics.presets import PRESETS
from core.paper import PaperTrade
from tests.ui import paper_trades
from tests.ui.fakes import FakeDesk
from tests.ui.page_tree import plain
from tests.ui.scene import Scene
from tests.ui.stage import markup, play
from tests.ui.test_every_number_of_lists import untied
from tests.ui.ties_body import measured
from tests.ui.written import UNKNOWN, age, bps, num, percent, stamp

HITS = "proves nothing: many small gains can hide one large loss"
CAUTION = (
    "Trades on paper. Nothing is ever sent: these are trades on paper. Each is filled at the prices an order would have"
    " met when both legs next traded, or at the next candle's closes where those were not seen, pays fees, price spread"
    " and funding, and is left by the rule that was set at its look. A look that was said too late to be acted on is no"
    " trade."
)
REFUSED = {
    "related": "not related",
    "record": "record too thin, or does not pay",
    "corr": "returns hardly move together",
}
Nets = list[tuple[PaperTrade, float]]


def known(trades: Sequence[PaperTrade]) -> Nets:
    """Closed trades whose net is known, in order of their closing, with it in quote currency."""
    closed = [t for t in trades if t.state == "closed" and t.in_ms]
    accounts = [(t, a.net) for t in sorted(closed, key=lambda t: t.out_ms) if (a := account(t)) is not None]
    return [(t, net) for t, net in accounts if net is not None]


def per_trade(nets: Nets) -> float:
    """Mean, bps."""
    return float(np.mean([net / t.notional * 1e4 for t, net in nets]))


def cards(trades: Sequence[PaperTrade], key: str, judged: Score) -> dict[str, str]:
    """What one side's cards must say. The interval and the Sharpe ratio are the record's own, tested with it."""
    nets, never = known(trades), sum(t.state == "closed" and not t.in_ms for t in trades)
    closed = sum(t.state == "closed" for t in trades) - never
    unknown = closed - len(nets)
    won = np.cumsum([net for _, net in nets])
    best = np.maximum(np.maximum.accumulate(won), 0.0)
    told = [(t.promised_bps, net / t.notional * 1e4) for t, net in nets if not np.isnan(t.promised_bps)]
    kept = float(np.mean([mine - promised for promised, mine in told])) if told else None
    of_few = f"{unknown} of them, of unknown net (funding or price spread not seen), is left out"
    between = "no interval with fewer than 10 days"
    if judged.interval is not None:
        between = f"95%: {num(judged.interval.low, 1, True)} to {bps(judged.interval.high)}"
    sharpe = "Sharpe needs 20 days"
    if judged.sharpe is not None:
        sharpe = f"Sharpe {num(judged.sharpe.annual, 1)} ± {num(judged.sharpe.annual_se, 1)}, a year of 365 days"
    touches = sum((t.in_fill == "touch") + (t.out_fill == "touch") for t, _ in nets)
    came = (
        "none whose every cost was known"
        if kept is None
        else f"{bps(abs(kept), False)} {'more' if kept >= 0 else 'less'} came"
    )
    promised = float(np.mean([p for p, _ in told])) if told else None
    hold = float(np.mean([(t.out_ms - t.in_ms) / 1000 for t, _ in nets]))
    running = of_few if unknown else f"{len(trades) - closed - never} open"
    dropped = f"; {never} never filled (said too late, or no candle of both legs within 3)" if never else ""
    return {
        f"{key}_closed": f"Closed trades {closed} {running}{dropped}",
        f"{key}_net": f"Net per trade {bps(per_trade(nets))} {between}",
        f"{key}_promised": f"Promised net {UNKNOWN if promised is None else bps(promised)} {came}",
        f"{key}_hits": f"Hit rate {percent(float(np.mean([net > 0 for _, net in nets])), 0)} {HITS}",
        f"{key}_won": f"Won in all, quote {num(float(won[-1]), 2, True)} "
        f"at most {num(float((best - won).max()), 2)} below its best; {sharpe}",
        f"{key}_held": f"Time held {age(hold)} {touches} of {2 * len(nets)} fills at the touch",
    }


def says(what: str, count: int, judged: Score) -> str:
    """What is concluded of one side."""
    trades = f"{count} closed {what} {'trade' if count == 1 else 'trades'}"
    if count < 30:
        return f"{trades}: nothing can be concluded from so few. 30 are the least."
    assert judged.interval is not None
    low, high = judged.interval.low, judged.interval.high
    between = f"Over {trades} the mean net lies between {bps(low)} and {bps(high)} (95% interval)"
    refused = "below zero. To refuse them saved money."
    return f"{between}: {'above zero, in this stretch of market.' if what == 'TRADABLE' else refused}"


def bins(what: str, nets: Nets) -> list[str]:
    """The calibration of one side: bins of equal count, ten or more, at most five."""
    told = sorted((t.promised_bps, net / t.notional * 1e4) for t, net in nets if not np.isnan(t.promised_bps))
    rows = []
    for part in np.array_split(np.array(told), min(max(1, len(told) // 10), 5)) if told else []:
        promised, came = part.T
        error = num(float(np.std(came, ddof=1) / np.sqrt(len(came))), 1) if len(came) > 1 else UNKNOWN
        ends = f"{num(promised[0], 1, True)} {num(promised[-1], 1, True)} {len(part)}"
        rows.append(f"{what} {ends} {num(promised.mean(), 1, True)} {num(came.mean(), 1, True)} {error}")
    return rows


def between(judged: Score) -> str:
    interval = judged.interval
    return UNKNOWN if interval is None else f"{num(interval.low, 1, True)} to {num(interval.high, 1, True)}"


def refusal(key: str, trades: Sequence[PaperTrade], judged: Score) -> str:
    nets = known(trades)
    told, i = "too few to tell", judged.interval
    if len(nets) >= 30 and i is not None:
        told = "saved money" if i.high < 0 else "cost money" if i.low > 0 else "cannot be told"
    return f"{REFUSED[key]} {len(nets)} {bps(per_trade(nets))} {between(judged)} {told}"


def side(trades: Sequence[PaperTrade], judged: Score, hits: bool) -> str:
    """A pair's row, of one side."""
    nets = known(trades)
    closed = sum(t.state == "closed" and t.in_ms > 0 for t in trades)
    net = bps(per_trade(nets)) if nets else UNKNOWN
    row = f"{closed} {net} {between(judged)}"
    if not hits:
        return row
    told = [t.promised_bps for t, _ in nets if not np.isnan(t.promised_bps)]
    won = percent(float(np.mean([n > 0 for _, n in nets])), 0) if nets else UNKNOWN
    return f"{row} {bps(float(np.mean(told))) if told else UNKNOWN} {won}"


def running(t: PaperTrade, worth: Mapping[tuple[str, int, str, int], Account]) -> str:
    """An open trade's row: its net at confirmed closes, and as if closed now."""
    now = worth.get(t.key)
    way = "sold" if t.side > 0 else "bought"
    said = t.verdict if not t.failed else f"{t.verdict}: {REFUSED[t.failed]}"
    confirmed, state = UNKNOWN, "waits for its fill"
    if t.in_ms:
        gross = t.qty_y * (t.mark_y - t.in_y) + t.qty_x * (t.mark_x - t.in_x)
        size_in = abs(t.qty_y) * t.in_y + abs(t.qty_x) * t.in_x
        size_out = abs(t.qty_y) * t.mark_y + abs(t.qty_x) * t.mark_x
        cost = (size_in + size_out) * t.fee_bps * 1e-4 + (size_in * t.in_half_bps + size_out * t.half_bps) * 1e-4
        confirmed, state = bps((gross - cost - t.funding) / t.notional * 1e4), f"open, in at the {t.in_fill}"
    live = UNKNOWN if now is None or now.net is None else bps(now.net / now.notional * 1e4)
    name = f"{t.pair.replace('/', ' / ')}, 1m, {t.preset}"
    candles = f"{t.bars} of {t.limit_bars:,}"
    return f"{name} {said} {way} {stamp(t.look_ms + 60_000)} {candles} {confirmed} {live} {state}"


def of_record(
    view: TrackView, mine: Sequence[PaperTrade], worth: Mapping[tuple[str, int, str, int], Account]
) -> dict[str, list[str]]:
    """What the page must say of these trades of a view."""
    judged = figures(mine, (mine[0].look_ms, paper_trades.END_MS))
    said, refused = [t for t in mine if not t.failed], [t for t in mine if t.failed]
    groups = {(p.pair, p.preset): p for p in judged.pairs}
    rows = []
    for (pair, preset), p in groups.items():
        of_pair = [t for t in mine if (t.pair, t.preset) == (pair, preset)]
        left = side([t for t in of_pair if not t.failed], p.said, True)
        right = side([t for t in of_pair if t.failed], p.refused, False)
        rows.append(f"{pair.replace('/', ' / ')}, 1m, {preset} the rule's own {left} {right}")
    on = sorted((t for t in mine if t.state != "closed"), key=lambda t: (bool(t.failed), -t.look_ms))
    table = (
        "Pair Settings TRADABLE, closed Net per trade 95 % interval Promised Hit rate Refused, closed "
        "Net per trade 95 % interval"
    )
    head = "Pair Said Spread Look, UTC Candles Net CONFIRMED Net if closed now LIVE State"
    others = len(view.trades) - len(mine)
    away = f"{others} trades of other settings, or of an earlier version of the rule, not counted here."
    no_bin = "" if bins("", known(mine)) else " No closed trade was promised anything yet."
    every = {**cards(said, "said", judged.said.score), **cards(refused, "refused", judged.refused.score)}
    return {
        **{key: [text] for key, text in every.items()},
        "caution": [CAUTION],
        **({"not_counted": [away]} if others else {}),
        "said_says": [says("TRADABLE", len(known(said)), judged.said.score)],
        "refused_says": [says("refused", len(known(refused)), judged.refused.score)],
        "open_trades": [head if on else f"{head} No trade is open."],
        "open_trade": [running(t, worth) for t in on],
        "bins": [f"Said From to Trades Promised Realised Std. error{no_bin}"],
        "bin": [*bins("TRADABLE", known(said)), *bins("refused", known(refused))],
        "refusals": ["Refused because Closed Net per trade 95 % interval To refuse"],
        "refusal": [refusal(key, [t for t in refused if t.failed == key], score) for key, score in judged.checks],
        "pairs": [table],
        "pair_score": rows,
        "measured": [measured(Scene(FakeDesk(), Params()))],
        **({"no_bins": ["Drawn once two trades are closed that were promised something."]} if len(mine) < 3 else {}),
    }


@lru_cache(maxsize=1)
def mixed() -> TrackView:
    """The same, some looks that were never filled, an experiment, and a trade by the rule as it was."""
    own, experiment = paper_trades.trade(700, 0.0), Params(entry_z=1.2)
    never = replace(own, in_ms=0, in_y=nan, in_x=nan, in_fill="", reason="late", out_y=nan, out_x=nan, out_fill="")
    others = [
        never,
        replace(never, look_ms=never.look_ms + 1, reason="unfilled"),
        replace(paper_trades.trade(600, 900.0), params=experiment.key),
        replace(paper_trades.trade(500, 800.0), rule="evidence 1"),
        replace(paper_trades.running(400), params=experiment.key),
    ]
    return TrackView.of(sorted([*paper_trades.many().trades, *others], key=lambda t: t.look_ms))


@pytest.mark.parametrize("view", [paper_trades.many(), paper_trades.few(), mixed()], ids=["many", "few", "mixed"])
def test_every_number_of_the_track_record_is_of_its_trades(view: TrackView) -> None:
    own = {(Params(preset=name).key, f"{name} {info.version}") for name, info in PRESETS.items()}
    mine = [t for t in view.trades if (t.params, t.rule) in own]
    worth = {t.key: Account(10_000.0, 31.0, 10.0, 0.5, 0.25) for t in mine if t.state == "open" and not t.failed}
    html = markup(play(FakeDesk(paper=view, paper_worth=worth), "track-record"))
    told = of_record(view, mine, worth)
    assert untied(html, told) == []
    wrong = plain(told["said_net"][0]).split()[3].removeprefix("+").removeprefix("-")
    assert untied(html.replace(wrong, "9.99"), told)
