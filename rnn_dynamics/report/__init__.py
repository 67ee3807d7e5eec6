"""Floor 9: what the command line shows and writes."""

from .fixed_points import print_report, write_report
from .reachability import print_reachability, write_reachability

__all__ = ["print_reachability", "print_report", "write_reachability", "write_report"]
