"""How far a run is, how far a fetch is, and what stands there before either."""

from __future__ import annotations

from analytics.trial import Stage, Trial
from core.load import HistoryLoad
from core.types import TIMEFRAME_NAMES
from ui import formats
from ui.markup import Markup, el
from ui.panels.banner import bar

BARS_A_CALL = 1500
CALLS_A_MINUTE = 144  # of the exchange's budget what is left to the background

DOING: dict[Stage, str] = {
    "waiting": "waiting for the run before it",
    "reading": "reading the candles",
    "funding": "running; the settled funding comes first",
    "running": "running",
    "done": "done",
    "cancelled": "cancelled",
    "failed": "not run",
}


def running(trial: Trial) -> Markup:
    """A run's bar and words."""
    words = trial.problem or DOING[trial.stage]
    if trial.stage == "cancelled" and trial.run is not None:
        words += "; what was made of it stands below"
    if trial.stage == "running":
        part = "redrawn candles" if len(trial.drawn) < trial.ask.redraws else "neighbouring settings"
        words = f"run {trial.done_steps} of {trial.steps}, now {part}"
        if trial.left_s is not None:
            words += f", about {formats.age(trial.left_s)} left"
    return _line("Run", trial.done_steps / trial.steps, words, "walk_stage", trial.stage)


def loading(plan: tuple[tuple[str, ...], int, int], load: HistoryLoad) -> Markup:
    """A fetch's bar and words."""
    symbols, timeframe_s, days = plan
    what = f"{' and '.join(symbols)}, {TIMEFRAME_NAMES[timeframe_s]}, {days} days"
    counted = f"{formats.count(load.asked)} of {formats.count(load.missing)} missing candles"
    words = {
        "idle": "not asked for",
        "waiting": "waiting for the fetch before it",
        "loading": f"{counted} asked for, {_left(load)}",
        "done": f"{formats.count(load.missing)} fetched, nothing is missing" if load.missing else "nothing was missing",
        "cancelled": f"cancelled at {counted}; what came stays",
        "failed": load.problem,
    }[load.stage]
    return _line(f"Fetch {what}", load.share, words, "walk_load", load.stage)


def effort(timeframe_s: int, days: int) -> str:
    """What a fetch may take, before it is asked for."""
    calls = 2 * -(-days * 86_400 // timeframe_s // BARS_A_CALL)
    minutes = calls / CALLS_A_MINUTE
    took = "under a minute" if minutes < 1 else f"about {minutes:.0f} min"
    return (
        f"Closed candles from the exchange, at most {calls} calls for both legs, {took} within its budget. They are "
        "kept: nothing is asked for twice."
    )


def nothing(gone: bool) -> Markup:
    """What stands in the place of a result."""
    words = (
        "That run is not kept any more: run it again."
        if gone
        else "Nothing has been run here. The sidebar's rule is taken as it is; nothing is searched for."
    )
    return el("div", el("p", words), cls="ps-no-figure ps-low", data_key="walk_nothing")


def _left(load: HistoryLoad) -> str:
    return "time left not known yet" if load.left_s is None else f"about {formats.age(load.left_s)} left"


def _line(name: str, share: float, words: str, key: str, value: str) -> Markup:
    return el(
        "div",
        el("b", name),
        bar(share, name),
        el("span", words),
        cls="ps-warm ps-walk-line",
        data_key=key,
        data_value=value,
        role="status",
    )
