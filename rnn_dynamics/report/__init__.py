"""What the command line shows and writes."""

from .agents import TrainedAgent, agents_sentence, print_agents, write_agents
from .bifurcations import print_bifurcations, print_timeline, write_bifurcations, write_timeline
from .bug import bug_report
from .certificates import print_branch_certificates, print_certificates, print_proof, write_certificates
from .fixed_points import print_report, write_report
from .page import write_page
from .reachability import print_reachability, write_reachability
from .sweep import write_sweep_figure
from .tracking import print_tracking, write_tracking
from .training import TrainedSeed, print_training, training_sentence, write_training
from .warmup import Measure, print_warmup, write_history, write_outcome, write_planting

__all__ = [
    "Measure",
    "TrainedAgent",
    "TrainedSeed",
    "agents_sentence",
    "bug_report",
    "print_agents",
    "print_bifurcations",
    "print_branch_certificates",
    "print_certificates",
    "print_proof",
    "print_reachability",
    "print_report",
    "print_timeline",
    "print_tracking",
    "print_training",
    "print_warmup",
    "training_sentence",
    "write_agents",
    "write_bifurcations",
    "write_certificates",
    "write_history",
    "write_outcome",
    "write_page",
    "write_planting",
    "write_reachability",
    "write_report",
    "write_sweep_figure",
    "write_timeline",
    "write_tracking",
    "write_training",
]
