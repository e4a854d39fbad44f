"""Whether a trade on paper is the rule's own, or an experiment of somebody's sidebar. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from analytics.params import FIT_BARS, Params
from analytics.presets import PRESETS
from core.paper import PaperTrade

OWN: Final = "the rule's own"
FEE_BPS: Final = Params().fee_bps


def settings_of(trade: PaperTrade, fee_bps: float = FEE_BPS) -> str:
    """The settings of a trade in words.

    Parameters
    ----------
    trade : PaperTrade
    fee_bps : float
        What the desk takes a taker to pay.

    Returns
    -------
    str
        ``OWN`` for the preset's own parameters at that fee, by the rule as it is today: what every watched pair is
        looked at by. Else the parameters, and the rule's version where it is an earlier one.
    """
    return _words(trade.timeframe_s, trade.preset, trade.params, trade.rule, fee_bps)


@lru_cache(maxsize=4096)
def _words(timeframe_s: int, preset: str, params: str, rule: str, fee_bps: float) -> str:
    today = {f"{name} {info.version}" for name, info in PRESETS.items()}
    own = {Params(timeframe_s, name, fee_bps=fee_bps).key for name in PRESETS} if timeframe_s in FIT_BARS else set()
    if rule in today and params in own:
        return OWN
    chosen = params.removeprefix(f"{preset} ")
    return chosen if rule in today else f"{chosen}, version {rule.removeprefix(f'{preset} ')}"
