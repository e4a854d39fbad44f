"""What would change the verdict, or what the trade is, in one sentence: the last thing the banner has to answer."""

from __future__ import annotations

from analytics.decision import Decision, Verdict
from ui import formats
from ui.ticket import Ticket

ENTRY_CHECKS = ("stretched", "z_roll")  # the deciding check that waits for a stretch, by preset


def next_step(
    decision: Decision, ticket: Ticket | None, symbol_y: str, symbol_x: str, tick_y: float | None
) -> tuple[str, str]:
    """A label and a sentence; both empty where the reason has said it all."""
    if decision.verdict is Verdict.TRADABLE and ticket is not None:
        return "The trade", trade(ticket)
    if decision.verdict is Verdict.NO_DATA:
        return "What would change it", f"New trades of both {symbol_y} and {symbol_x}."
    if decision.verdict is Verdict.WARMING_UP:
        return "", ""
    waiting = [c for c in decision.checks if c.deciding and c.state != "passed"]
    if not waiting:
        return "", ""
    first, *rest = waiting
    sentence = first.flips
    trigger = decision.trigger
    if first.key in ENTRY_CHECKS and decision.armed and trigger is not None and trigger.distance_z > 0:
        price = formats.price(trigger.trigger_price_y, tick_y)
        away = formats.bps(trigger.distance_bps, sign=False)
        sentence = f"{symbol_y} at {price} while {symbol_x} stays, {away} from its last close."
    if rest:
        sentence += f" Then still open: {rest[0].question[:1].lower()}{rest[0].question[1:]}"
    return "What would change it", sentence


def trade(ticket: Ticket) -> str:
    """Side and quantity of both legs, stop and time limit."""
    legs = ", ".join(f"{leg.side} {formats.quantity(leg.qty, leg.step)} {leg.symbol}" for leg in ticket.legs)
    return f"{legs}; stop at z {formats.z_score(ticket.stop_z)}, out after {ticket.limit_text} at the latest."
