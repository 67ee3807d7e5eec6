"""The bifurcations of a training: what was born, met and changed its stability between its checkpoints."""

from .coincidence import Coincidence
from .inputs import seed_folder
from .results import Bifurcation, TrainingBifurcations
from .search import training_bifurcations

__all__ = [
    "Bifurcation",
    "Coincidence",
    "TrainingBifurcations",
    "seed_folder",
    "training_bifurcations",
]
