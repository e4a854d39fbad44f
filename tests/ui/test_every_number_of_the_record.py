"""The same net over the figures of the Track record page: sums and means are made here anew, trade by trade."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from analytics.paper_account import account
from analytics.paper_score import Score
from analytics.paper_view import TrackView, figures
from core.paper import PaperTrade
from tests.ui import paper_trades
from tests.ui.fakes import FakeDesk
from tests.ui.page_tree import parts, plain
from tests.ui.stage import markup, play
from tests.ui.written import UNKNOWN, age, bps, num, percent

HITS = "proves nothing: many small gains can hide one large loss"


def cards(trades: Sequence[PaperTrade], key: str, judged: Score) -> dict[str, str]:
    """What one side's cards must say. The interval and the Sharpe ratio are the record's own, tested with it."""
    closed = [t for t in trades if t.state == "closed"]
    accounts = [(t, a) for t in sorted(closed, key=lambda t: t.out_ms) if (a := account(t)) is not None]
    known = [(t, a.net, a.net / a.notional * 1e4) for t, a in accounts if a.net is not None]
    unknown = len(closed) - len(known)
    nets = np.array([net for _, net, _ in known])
    won = np.cumsum(nets)
    best = np.maximum(np.maximum.accumulate(won), 0.0)
    told = [(t.promised_bps, mine) for t, _, mine in known if not np.isnan(t.promised_bps)]
    kept = float(np.mean([mine - promised for promised, mine in told])) if told else None
    of_few = f"{unknown} of them, of unknown net (funding or price spread not seen), is left out"
    between = "no interval with fewer than 10 days"
    if judged.interval is not None:
        between = f"95%: {num(judged.interval.low, 1, True)} to {bps(judged.interval.high)}"
    sharpe = "Sharpe needs 20 days"
    if judged.sharpe is not None:
        sharpe = f"Sharpe {num(judged.sharpe.annual, 1)} ± {num(judged.sharpe.annual_se, 1)}, a year of 365 days"
    touches = sum((t.in_fill == "touch") + (t.out_fill == "touch") for t, _, _ in known)
    came = (
        "none whose every cost was known"
        if kept is None
        else f"{bps(abs(kept), False)} {'more' if kept >= 0 else 'less'} came"
    )
    promised = float(np.mean([p for p, _ in told])) if told else None
    hold = float(np.mean([(t.out_ms - t.in_ms) / 1000 for t, _, _ in known]))
    return {
        f"{key}_closed": f"Closed trades {len(closed)} {of_few if unknown else f'{len(trades) - len(closed)} open'}",
        f"{key}_net": f"Net per trade {bps(float(np.mean([mine for *_, mine in known])))} {between}",
        f"{key}_promised": f"Promised net {UNKNOWN if promised is None else bps(promised)} {came}",
        f"{key}_hits": f"Hit rate {percent(float(np.mean(nets > 0)), 0)} {HITS}",
        f"{key}_won": f"Won in all, quote {num(float(won[-1]), 2, True)} "
        f"at most {num(float((best - won).max()), 2)} below its best; {sharpe}",
        f"{key}_held": f"Time held {age(hold)} {touches} of {2 * len(known)} fills at the touch",
    }


@pytest.mark.parametrize("view", [paper_trades.many(), paper_trades.few()], ids=["many", "few"])
def test_every_figure_of_the_track_record_is_of_its_trades(view: TrackView) -> None:
    html = markup(play(FakeDesk(paper=view), "track-record"))
    found = {part.key: part.text for part in parts(html)}
    judged = figures(view.trades, (view.trades[0].look_ms, paper_trades.END_MS))
    said, refused = [t for t in view.trades if t.said], [t for t in view.trades if not t.said]
    wanted = {**cards(said, "said", judged.said.score), **cards(refused, "refused", judged.refused.score)}
    assert {key: found[key] for key in wanted} == {key: plain(text) for key, text in wanted.items()}
    on = [t for t in view.trades if t.state != "closed"]
    assert sum(part.key == "open_trade" for part in parts(html)) == len(on)
