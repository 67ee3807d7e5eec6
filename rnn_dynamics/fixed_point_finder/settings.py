"""The settings of a FixedPointFinder, and which of them have no meaning here."""

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "tol_q": 1e-12,
        "tol_dq": 1e-20,
        "max_iters": 5000,
        "method": "joint",
        "do_rerun_q_outliers": False,
        "outlier_q_scale": 10.0,
        "do_exclude_distance_outliers": False,
        "outlier_distance_scale": 10.0,
        "tol_unique": 1e-3,
        "max_n_unique": float("inf"),
        "do_compute_jacobians": True,
        "do_decompose_jacobians": True,
        "dtype": "float64",
        "random_seed": 0,
        "verbose": True,
        "super_verbose": False,
        "n_iters_per_print_update": 100,
    }
)
"""Theirs, but for two: true fixed points may lie far from the starts, and float32 cannot tell a residual from 1e-7."""

_OPTIMISERS: Mapping[str, Any] = {
    "lr_init": 1.0,
    "lr_patience": 5,
    "lr_factor": 0.95,
    "lr_cooldown": 0,
    **{
        name: DEFAULTS[name]
        for name in ("tol_dq", "method", "do_rerun_q_outliers", "outlier_q_scale", "n_iters_per_print_update")
    },
}
"""Settings of a descent that is not made: each start ends by itself, judged on the state that is returned."""


def notice_unused(given: Mapping[str, Any]) -> None:
    """Warn once of all settings in ``given`` that would have changed the descent and change nothing here."""
    unused = [name for name, default in _OPTIMISERS.items() if given[name] != default]
    if unused:
        words = f"{', '.join(unused)}: accepted without effect, as Newton's method replaces the descent"
        warnings.warn(words, stacklevel=4)  # whoever called the constructor, which has a door before it
