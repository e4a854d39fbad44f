"""The same net over the Walk-forward page: each number worked out here from the run's trades, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.params import Params
from analytics.trial import Trial
from tests.ui.fakes import FakeDesk
from tests.ui.page_tree import plain
from tests.ui.scene import Scene
from tests.ui.stage import markup
from tests.ui.test_every_number_of_lists import untied
from tests.ui.test_walk_forward_page import run
from tests.ui.ties_body import measured
from tests.ui.written import UNKNOWN, bps, num, percent, stamp

ASSUMED = (
    "Assumed: fills at the next candle's open or close, whichever was worse for both legs together; fee 0 bps a "
    "fill; half price-spreads 0.5 and 0.5 bps; funding left out; stop at |z| = 4."
)
HEADLINE = "It won here, and that proves little."


def tiles(trial: Trial) -> dict[str, str]:
    """The figures. Interval, Sharpe ratio, drawdown and tail are the analysis' own, tested with it."""
    assert trial.run is not None
    s, trades, notional = trial.run.summary, trial.run.trades, trial.run.report.params.notional
    net = np.array([t.gross - t.fees - t.half_spreads - t.funding for t in trades])
    each, hold = net / notional * 1e4, np.array([t.out_row - t.in_row for t in trades])
    told = [(mine, t.promised_bps) for mine, t in zip(each, trades, strict=True) if t.promised_bps is not None]
    gross, cost = sum(t.gross for t in trades), sum(t.fees + t.half_spreads + t.funding for t in trades)
    interval = "too few trades for an interval"
    if s.interval is not None:
        interval = f"95% {num(s.interval.low, 1, True)} to {num(s.interval.high, 1, True)}; block bootstrap"
    sharpe = (UNKNOWN, "needs 20 days that differ")
    if s.sharpe is not None:
        sharpe = num(s.sharpe.annual, 1, True), f"± {num(s.sharpe.annual_se, 1)}; daily, √365"
    worst = [UNKNOWN if loss is None else bps(-loss) for loss in (s.var_bps, s.shortfall_bps)]
    promised = bps(float(np.mean([p for _, p in told]))) if told else UNKNOWN
    kept = bps(float(np.mean([mine - p for mine, p in told]))) if told else UNKNOWN
    looks = trial.run.report.have_bars - trial.run.first_row
    won = percent(float((net > 0).mean()), 0)
    turned = sum(t.traded for t in trades) / notional / s.days
    share = (
        (percent(cost / gross, 0), "fees, price spreads, funding")
        if gross > 0
        else (UNKNOWN, "the gross is not above 0")
    )
    return {
        "net_bps": f"Net per trade CONFIRMED {bps(float(each.mean()))} {interval}",
        "trades": f"Trades CONFIRMED {len(trades)} in position {percent(hold.sum() / looks, 0)} of the time",
        "net": f"Won in all, net CONFIRMED {num(net.sum(), 2, True)} quote currency, not compounded",
        "drawdown": f"Deepest fall CONFIRMED {bps(s.drawdown_bps, False)} of gross notional, at closes",
        "sharpe": f"Sharpe, a year CONFIRMED {sharpe[0]} {sharpe[1]}",
        "promised": f"Promised, net CONFIRMED {promised} realised less promised {kept}",
        "hits": f"Trades that won CONFIRMED {won} mean hold {num(hold.mean(), 0)} candles",
        "cost_share": f"Costs, of gross CONFIRMED {share[0]} {share[1]}",
        "var": f"Worst day in 20 CONFIRMED {worst[0]} mean of those days {worst[1]}",
        "turnover": f"Turnover CONFIRMED {num(turned, 1)} × of the gross notional, a day",
    }


def money(trial: Trial) -> str:
    """Where it went: in all, and bps a trade."""
    assert trial.run is not None
    trades, notional = trial.run.trades, trial.run.report.params.notional

    def line(name: str, amount: float) -> str:
        return f"{name} {num(amount, 2, True)} {num(amount / len(trades) / notional * 1e4, 2, True)}"

    closes = sum(t.gross + t.given_up for t in trades)
    parts = [sum(getattr(t, name) for t in trades) for name in ("given_up", "fees", "half_spreads", "funding")]
    names = ("Filled at the chosen moment instead", "Fees", "Half price-spreads", "Funding")
    return " ".join([
        "Quote currency in all bps a trade",
        line("Gross at the next closes, as the record has it", closes),
        *(line(name, -part) for name, part in zip(names, parts, strict=True)),
        line("Net", closes - sum(parts)),
    ])  # fmt: skip


def settings(trial: Trial) -> str:
    """Every variant, this run first."""
    rows = ["Setting days trades net a trade, bps won, quote Sharpe, a year"]
    for v in trial.variants:
        s, sharpe = v.summary, v.summary.sharpe
        ratio = UNKNOWN if sharpe is None else f"{num(sharpe.annual, 1, True)} ± {num(sharpe.annual_se, 1)}"
        won = f"{num(s.net_bps, 1, True)} {num(s.net, 2, True)}"
        rows.append(f"{v.setting.changed or 'this run'} {num(s.days, 1)} {s.trades} {won} {ratio}")
    return " ".join(rows)


def tries(trial: Trial) -> str:
    """The settings, summed up."""
    assert trial.tried is not None
    n, won = len(trial.variants), sum(v.summary.net > 0 for v in trial.variants)
    told = f"One change at a time, all shown, none chosen: {won} of {n} won anything net. {n} settings tried in all."
    if trial.tried.deflated is None or trial.tried.hurdle is None:
        return f"{told} Its Sharpe ratio cannot be deflated: fewer than 20 days that differ."
    sure = trial.tried.deflated
    words = "below 1%" if sure < 0.005 else "above 99%" if sure >= 0.995 else percent(sure, 0)
    return (
        f"{told} The best of so many worthless ones would show a Sharpe ratio of {num(trial.tried.hurdle, 1, True)}; "
        f"that this run's is truly above it has probability {words} (deflated Sharpe ratio)."
    )


def luck(trial: Trial) -> str:
    """The redrawn runs, summed up."""
    assert trial.run is not None
    drawn, net = trial.drawn, sum(t.net for t in trial.run.trades)
    count, as_much = sum(d.trades for d in drawn), sum(d.net >= net for d in drawn)
    each = "not one trade in any of them"
    if count:
        mean = sum(d.trades * d.net_bps for d in drawn if d.net_bps is not None) / count
        each = f"{num(count / len(drawn), 1)} trades a run at {bps(mean)} net"
    return (
        f"The same rule on {len(drawn)} redrawn histories of this pair, its moves kept and its relationship taken away:"
        f" {each}. {as_much} of them won as much in all as this run, or more. Counting this one in, luck did as well in"
        f" {percent((1 + as_much) / (1 + len(drawn)), 0)} of the runs."
    )


def says(trial: Trial) -> tuple[str, str]:
    """The headline with the facts, and the text under it."""
    assert trial.run is not None
    assert trial.tried is not None
    r, s, trades = trial.run.report, trial.run.summary, trial.run.trades
    name = {60: "1m", 3600: "1h"}[r.params.timeframe_s]
    ends = f"{stamp(int(r.open_ms[0]))[:16]} to {stamp(int(r.open_ms[-1]) + r.step_ms)[:16]} UTC"
    tested = f"{num(s.days, 1)} days, {r.have_bars - trial.run.first_row:,} looks"
    head = (
        f"ETHUSDT / BTCUSDT · walk-forward CONFIRMED {HEADLINE} Pair ETHUSDT / BTCUSDT Rule "
        f"Evidence, {name}, N = {r.params.fit_bars} Candles {r.have_bars:,} that both legs share From, to {ends}"
        f" Tested {tested}"
    )
    net = [t.net / r.params.notional * 1e4 for t in trades]
    told = f"{len(trades)} trades in {s.days:.0f} days, {np.mean(net):+.1f} bps net each"
    assert s.interval is not None
    promised = np.mean([t.promised_bps for t in trades if t.promised_bps is not None])
    share = sum(t.cost for t in trades) / sum(t.gross for t in trades)
    told += f" (95 % interval {s.interval.low:+.1f} to {s.interval.high:+.1f}). Promised was {promised:+.1f}."
    given_up = sum(t.given_up for t in trades)
    if given_up > 0:
        told += f" Filling at the worse moment took {given_up / len(trades) / r.params.notional * 1e4:.1f}."
    told += f" Costs took {share:.0%} of the gross."
    tried = len(trial.variants)
    if trial.tried.deflated is None:
        return head, f"{told} Too few days to allow for {tried} settings."
    sure = f"{trial.tried.deflated:.0%}"
    return (
        head,
        f"{told} After {tried} settings its Sharpe ratio is more than the luck of the best with probability {sure}.",
    )


@pytest.mark.parametrize("timeframe", ["1m", "1h"])
def test_every_number_of_a_run_is_of_its_trades(timeframe: str) -> None:
    desk = FakeDesk("wait")
    html = markup(run(desk, tf=timeframe, entry="1.20", n="100", fee="0.00"))
    (trial,) = desk.walks.values()
    assert trial.run is not None
    assert trial.run.trades
    head, text = says(trial)
    said = {
        "walk": [head],
        "walk_text": [text],
        "assumed": [ASSUMED],
        **{f"walk_{key}": [words] for key, words in tiles(trial).items()},
        "walk_money": [money(trial)],
        "walk_settings": [settings(trial)],
        "tries": [tries(trial)],
        "luck": [luck(trial)],
        "measured": [measured(Scene(FakeDesk(), Params()))],
    }
    assert untied(html, said) == []
    wrong = plain(said["walk_net"][0]).split()[5].lstrip("+-")
    assert untied(html.replace(wrong, "0.07"), said)
