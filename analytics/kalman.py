"""A hedge ratio that drifts: α and β as random walks, filtered. The second of two links to statsmodels.

The filter's innovations look stationary whether or not the pair is related, because α follows the price. They are
never offered as evidence; only the newest β, with its uncertainty, leaves this file.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from statsmodels.tsa.statespace.mlemodel import MLEModel

from core.types import Floats

# Starting shares of the residual variance: noise, and how far α and β wander in a step.
START: Final = (0.5, 1e-3, 1e-6)
LOG_BOUNDS: Final = (-40.0, 8.0)
DIFFUSE: Final = 10.0  # how much wider than least squares' own error the first state is believed to be


class _DriftingHedge(MLEModel):  # type: ignore[misc]  # statsmodels is untyped
    """y = α(t) + β(t) x + noise, α and β random walks. Parameters: logs of the three variances."""

    def __init__(self, y: Floats, x: Floats, start_beta: float, start_var: Floats) -> None:
        super().__init__(y, k_states=2, k_posdef=2, initialization="known", initial_state=np.array([0.0, start_beta]),
                         initial_state_cov=np.diag(start_var))  # fmt: skip
        self["design"] = np.stack((np.ones_like(x), x))[None]
        self["transition"] = np.eye(2)
        self["selection"] = np.eye(2)

    def update(self, params: Floats, **kwargs: Any) -> None:
        super().update(params, **kwargs)
        noise, alpha, beta = np.exp(params)
        self["obs_cov", 0, 0] = noise
        self["state_cov", 0, 0] = alpha
        self["state_cov", 1, 1] = beta


def drifting_hedge(
    y: Floats, x: Floats, start_beta: float, start_beta_se: float, resid_sd: float
) -> tuple[float, float, float]:
    """Filter α and β through a window, the three noise variances by maximum likelihood.

    Parameters
    ----------
    y, x : (n,) float
        Centred log prices, oldest first.
    start_beta, start_beta_se, resid_sd : float
        Least squares over the same window, where the filter starts from.

    Returns
    -------
    alpha, beta, beta_sd : float
        Of the newest row, given all rows up to it. β ± 2 sd is what the filter believes.

    Notes
    -----
    Durbin and Koopman (2012), ch. 3 and 7; the filter is statsmodels' state space, the optimiser L-BFGS-B.
    """
    unit_x = float(np.sqrt((x * x).mean()))  # in units of their own spread, so that one set of bounds fits all
    beta_unit = resid_sd / unit_x
    spread_var = (DIFFUSE * max(start_beta_se, 1e-9) / beta_unit) ** 2
    model = _DriftingHedge(y / resid_sd, x / unit_x, start_beta / beta_unit, np.array([1.0, spread_var]))
    best = minimize(
        lambda logs: -model.loglike(logs) / len(y),
        np.log(np.array(START)),
        method="L-BFGS-B",
        bounds=[LOG_BOUNDS] * 3,
    )
    run = model.filter(best.x)
    alpha, beta = run.filtered_state[:, -1]
    beta_sd = float(np.sqrt(max(0.0, run.filtered_state_cov[1, 1, -1])))
    return float(alpha) * resid_sd, float(beta) * beta_unit, beta_sd * beta_unit
