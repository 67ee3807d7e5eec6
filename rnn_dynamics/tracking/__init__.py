"""Floor 7: what a network can reach while it is trained, and what became of it."""

from .budget import Budget
from .checkpoints import checkpoint_files, track_checkpoints
from .history import TrackingHistory
from .invariant_sets import InvariantSets
from .matching import Event, Identities, match
from .observation import Crossing, Observation, Passage, Waypoint
from .tracker import AttractorTracker, TrackerOptions

__all__ = [
    "AttractorTracker",
    "Budget",
    "Crossing",
    "Event",
    "Identities",
    "InvariantSets",
    "Observation",
    "Passage",
    "TrackerOptions",
    "TrackingHistory",
    "Waypoint",
    "checkpoint_files",
    "match",
    "track_checkpoints",
]
