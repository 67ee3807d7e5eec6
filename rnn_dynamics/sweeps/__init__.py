"""Sweeps: the cases of a plan, computed by one machine, a cluster or a job array; each is kept once it is done."""

from .dask import dask_client
from .gathering import gather, measured_rows
from .networks import TrainedNetworks
from .plan import SweepPlan
from .results import Sweep
from .running import sweep
from .series import Series, series_of

__all__ = [
    "Series",
    "Sweep",
    "SweepPlan",
    "TrainedNetworks",
    "dask_client",
    "gather",
    "measured_rows",
    "series_of",
    "sweep",
]
