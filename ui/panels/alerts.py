"""Alerts in words: a rule, a channel, and what was told with how it fared on each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analytics.presets import PRESETS
from core.alerts import LEVELLED, OF_STREAMS, Alert, AlertRule, AlertsView, ChannelStatus, Delivery
from core.types import TIMEFRAME_NAMES, WatchedPair
from core.wishes import Wish
from ui import formats, theme
from ui.markup import Markup, el, join

SHOWN: Final = 50
STATE: Final = {
    "sent": "passed", "sent in part": "failed", "given up": "failed", "waiting": "unknown", "no channel": "unknown",
    "too late": "unknown",
}  # fmt: skip
WORDS: Final = {
    "no channel": "No channel was set.",
    "too late": "Found more than an hour late, so no channel was used.",
}
CHANNEL: Final = {"ready": "passed", "failing": "failed", "unusable": "failed"}
JUDGED: Final = (
    "A watched pair is judged at each confirmed candle by its preset, with the rule's own windows and your taker fee; "
    "windows changed in the sidebar move no alert. Nobody has to look on, and one event is one alert however many tabs "
    "are open."
)
KEPT: Final = (
    "An address holds a password or token. Entered here it is kept as it is in this machine's database, and whoever "
    "reads that file can use the channel. To keep it out of the file, set PAIRSIGHT_ALERT_URLS instead. It is never "
    "shown again or logged."
)


def rule_words(rule: AlertRule, pairs: Sequence[str]) -> Markup:
    """What a rule asks for, and how often at most."""
    about = rule.pair or ("every streamed symbol" if rule.kind in OF_STREAMS else "every watched pair")
    details = [f"arms again below {rule.rearm:g}"] if rule.kind in LEVELLED else []
    if rule.cooldown_s:
        details.append(f"cooldown {formats.age(rule.cooldown_s)}")
    if rule.quiet_from_min is not None and rule.quiet_to_min is not None:
        details.append(f"channels quiet {_of_day(rule.quiet_from_min)}–{_of_day(rule.quiet_to_min)} {rule.quiet_zone}")
    if not rule.enabled:
        details.append("switched off")
    if rule.pair and rule.pair not in pairs and rule.kind not in OF_STREAMS:
        details.append("not on the watch-list: nothing is looked at")
    return el(
        "div",
        el("strong", rule.name),
        el("span", about, cls="ps-alert-about"),
        el("small", ", ".join(details)),
        cls="ps-alert-rule" + ("" if rule.enabled else " ps-alert-off"),
        data_key="alert_rule",
        data_value=str(rule.id),
    )


def no_rules() -> Markup:
    """What stands where no rule does."""
    return el("p", "No rule yet: nothing is told.", cls="ps-note", data_key="no_rules")


def unwatched(on_screen: str, view: AlertsView) -> Markup:
    """A warning where the rules have no pair to look at, or not the one on screen; empty where they have."""
    if view.elsewhere or on_screen in view.pairs or (view.pairs and not view.rules):
        return Markup()
    why = (
        f"{on_screen}, the pair on screen, is not on the watch-list, so no alert speaks of its verdict or z. Choose "
        "it under “For” in a new rule, or press Watch below."
        if view.pairs
        else "No pair is on the watch-list, so rules for every watched pair have nothing to look at, the pair on "
        "screen included. Choose it under “For”, or press Watch below."
    )
    return el("p", why, cls="ps-note ps-alert-warning", data_key="unwatched")


def wishes(asked: Sequence[Wish]) -> Markup:
    """What was asked of the desk and is not done, each with its time and what became of it."""
    return join(*(_wish(wish) for wish in asked))


def _wish(wish: Wish) -> Markup:
    said = {
        "asked": f"Asked the desk at {formats.stamp(wish.asked_ms)} UTC; not taken up yet",
        "taken": "The desk is doing this",
        "refused": f"Asked the desk at {formats.stamp(wish.asked_ms)} UTC; not done",
    }[wish.state]
    return el(
        "p",
        f"{said}: {wish.words}.{f' {wish.answer}' if wish.answer else ''}",
        cls="ps-note ps-alert-warning" if wish.state == "refused" else "ps-note",
        data_key="wish",
        data_value=str(wish.id),
        data_state=wish.state,
    )


def watched_words(entry: WatchedPair, *, named: bool) -> Markup:
    """A pair that is looked at, at which timeframe and by which preset, and who named it."""
    return el(
        "div",
        el("strong", entry.pair),
        el("span", f"{TIMEFRAME_NAMES[entry.timeframe_s]} {PRESETS[entry.preset].title}", cls="ps-alert-about"),
        *([el("small", "named by PAIRSIGHT_WATCH")] if named else []),
        cls="ps-alert-rule",
        data_key="watched",
        data_value=entry.words,
    )


def nothing_watched() -> Markup:
    """What stands where no pair is watched."""
    return el("p", "No pair yet: rules for verdicts and z have nothing to look at.", cls="ps-note", data_key="no_pairs")


def channel_words(channel: ChannelStatus) -> Markup:
    """What a channel is and how it does; never where it leads."""
    name = channel.service or "Channel"
    said = channel.reason
    if not said:
        said = f"took its newest at {formats.stamp(channel.sent_ms)} UTC" if channel.sent_ms else "nothing sent yet"
    if channel.waiting:
        said += f"; {formats.count(channel.waiting)} waiting"
    if channel.test:
        said += f"; test {channel.test}"
    return el(
        "div",
        theme.glyph(CHANNEL[channel.state]),
        el("strong", name),
        el("code", channel.masked),
        el("span", channel.label, cls="ps-alert-about"),
        el("small", said),
        cls="ps-alert-rule",
        data_key="alert_channel",
        data_value=channel.name,
        data_state=channel.state,
    )


def no_channels(elsewhere: bool = False) -> Markup:
    """What stands where no channel does."""
    return el(
        "p",
        "No channel is known here: none was entered on a page, and the desk that collects has told of none of its own."
        if elsewhere
        else "No channel yet: alerts are told here and in every open tab, nowhere else.",
        cls="ps-note",
        data_key="no_channels",
    )


def shown_of(view: AlertsView) -> str:
    """In which order the history is shown, and how much of it."""
    cut = len(view.alerts) > SHOWN
    return f"the newest {SHOWN}, times in UTC; the file has all" if cut else "newest first, times in UTC"


def history(view: AlertsView) -> Markup:
    """The newest alerts, newest first."""
    if not view.alerts:
        return el("p", "Nothing has been told yet.", cls="ps-note", data_key="no_alerts")
    names = {c.name: _short(c) for c in view.channels}
    by_alert: dict[int, list[Delivery]] = {}
    for delivery in view.deliveries:
        by_alert.setdefault(delivery.alert_id, []).append(delivery)
    rows = [_row(alert, by_alert.get(alert.id, ()), names) for alert in view.alerts[:SHOWN]]
    return el("div", *rows, cls="ps-alert-list", role="list", aria_label="Alerts", data_key="alerts")


def _short(channel: ChannelStatus) -> str:
    """What a channel is called where there is little room.

    >>> _short(ChannelStatus("env-5f1c88e0", "Telegram", "tgram://…", "environment 1", False))
    'Telegram (environment 1)'
    """
    if channel.kept and channel.label:
        return channel.label
    return f"{channel.service} ({channel.label or channel.name})" if channel.service else channel.name


def _row(alert: Alert, deliveries: Sequence[Delivery], names: dict[str, str]) -> Markup:
    state = STATE.get(alert.delivery, "unknown")
    timeframe = TIMEFRAME_NAMES.get(alert.timeframe_s, "")
    return el(
        "div",
        el("time", formats.stamp(alert.time_ms), cls="ps-alert-time"),
        el(
            "div",
            el("strong", alert.rule),
            el("span", f"{alert.pair} {timeframe}".strip(), cls="ps-alert-about"),
            cls="ps-alert-what",
        ),
        el("p", formats.prose(alert.text), cls="ps-alert-text"),
        el(
            "div",
            theme.glyph(state),
            el("span", _fared(alert, deliveries, names)),
            cls=f"ps-alert-fared ps-check-{state}",
        ),
        cls="ps-alert",
        role="listitem",
        data_key="alert",
        data_value=str(alert.id),
        data_state=alert.delivery,
    )


def _fared(alert: Alert, deliveries: Sequence[Delivery], names: dict[str, str]) -> Markup:
    """One line a channel where they differ, else one for all."""
    if not deliveries:
        return join(WORDS.get(alert.delivery, alert.delivery))
    if all(d.state == "sent" for d in deliveries):
        where = ", ".join(names.get(d.channel, d.channel) for d in deliveries)
        return join(f"Sent to {where} at {formats.clock(max(d.changed_ms for d in deliveries))}")
    return join(*(el("span", _state(d, names.get(d.channel, d.channel)), cls="ps-alert-line") for d in deliveries))


def _state(d: Delivery, name: str) -> str:
    if d.state == "waiting" and not d.attempts and d.next_ms:
        return f"{name}: held until {formats.clock(d.next_ms, seconds=False)}"
    if d.state == "waiting" and d.attempts:
        return f"{name}: {d.reason}, next try {formats.clock(d.next_ms)}"
    if d.state == "given up":
        return f"{name}: given up, {d.reason}"
    return f"{name}: {d.state}"


def _of_day(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
