"""What can be chosen to be shown is there to be shown."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.params import FIT_BARS, Params
from analytics.report import analyse
from desk.watch import Key
from tests.analytics.pairs import candles, cointegrated
from ui.controls import LOOK_BARS


@pytest.mark.parametrize("fit_bars", sorted({30, *FIT_BARS.values()}))
def test_every_length_offered_has_statistics_in_every_row_of_a_look(fit_bars: int) -> None:
    params = Params(fit_bars=fit_bars, z_bars=20)
    y, x = cointegrated(np.random.default_rng(1), Key("YUSDT", "XUSDT", params).look_bars)
    rows = analyse(candles("YUSDT", y), candles("XUSDT", x), params).z
    assert all(np.isfinite(rows[-bars:]).sum() == bars for bars in LOOK_BARS.values())
