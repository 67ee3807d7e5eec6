"""What a network can reach while it is trained, and what became of it."""

from .budget import Budget
from .checkpoints import checkpoint_files, track_checkpoints
from .effort import Effort
from .history import TrackingHistory
from .identities import Event, Identities, number_of
from .invariant_sets import InvariantSet, InvariantSets, sets_of, sets_of_points, table, with_sets
from .matching import Look, match
from .observation import Crossing, Observation, Passage, Waypoint
from .passages import Ahead, followed_along, followed_forward, passage_between
from .tracker import AttractorTracker, TrackerOptions

__all__ = [
    "Ahead",
    "AttractorTracker",
    "Budget",
    "Crossing",
    "Effort",
    "Event",
    "Identities",
    "InvariantSet",
    "InvariantSets",
    "Look",
    "Observation",
    "Passage",
    "TrackerOptions",
    "TrackingHistory",
    "Waypoint",
    "checkpoint_files",
    "followed_along",
    "followed_forward",
    "match",
    "number_of",
    "passage_between",
    "sets_of",
    "sets_of_points",
    "table",
    "track_checkpoints",
    "with_sets",
]
