"""The commands by name, each imported once it is called, so that ``--help`` and a wrong name need no torch."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

MANNERS: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}
"""What every ``Typer`` of the command line is made with."""

COMMANDS = {
    "demo": ("demo", "Train a small network, and write a page of what it does."),
    "analyze": ("fixed_points", "Find the fixed points of a trained network."),
    "report": ("report", "Write one page of HTML of what was found."),
    "reach": ("reach", "Say which attractors inputs reach, beside VAA."),
    "bifurcate": ("bifurcate", "Follow what changes as an input or weight moves."),
    "certify": ("certify", "Prove a saved result in ball arithmetic."),
    "warmup": ("warmup", "Warm a network up, or plant attractors."),
    "train": ("train", "Train networks on a task, and track their attractors."),
    "track": ("track", "Track a folder of checkpoints, or a run of train."),
    "sweep": ("sweep", "Run the cases of a plan, and gather what they measured."),
    "report-bug": ("report_bug", "Describe a network and this machine for a bug report, without weights."),
}
"""The module of each, and what it does, in a line of the help."""


class Commands(TyperGroup):
    """The group of all commands."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return [*COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        if hasattr(module, "app"):  # of several commands itself
            return typer.main.get_command(module.app)
        app = typer.Typer(**MANNERS)
        app.command(cmd_name, epilog=getattr(module, "EXAMPLES", None))(getattr(module, cmd_name.replace("-", "_")))
        return typer.main.get_command(app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])
