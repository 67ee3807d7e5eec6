"""What ``import rnn_dynamics`` costs, and that nothing is missing for it."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer

import rnn_dynamics as rd
from rnn_dynamics import cli
from rnn_dynamics.cli.commands import COMMANDS, Commands

HEAVY = (
    *("matplotlib", "pandas", "sklearn", "typer", "rich", "networkx", "lightning", "IPython", "gymnasium"),
    "tqdm.notebook",
    *(f"scipy.{part}" for part in ("linalg", "optimize", "sparse", "spatial", "stats", "cluster")),
)

FRESH = """
import pydoc, rlcompleter, sys, torch
before = set(sys.modules)
import rnn_dynamics as rd
rd.train
print(*set(sys.modules) - before)
print(rlcompleter.Completer({"rd": rd}).complete("rd.plot_att", 0))
from rnn_dynamics import *
print(plot_attractors.__name__, rd.plotting.plot_attractors is rd.plot_attractors)
print("plot_attractors(" in pydoc.plain(pydoc.render_doc(rd)))
"""


def test_an_import_brings_little_more_than_torch_and_plots_come_when_asked_for() -> None:
    command = [sys.executable, "-c", FRESH]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    brought, completed, named, helped = answer.splitlines()
    assert "rnn_dynamics.training" in brought.split()
    assert not [name for name in brought.split() if name.startswith(HEAVY)]
    assert completed.startswith("rd.plot_attractors")
    assert named == "plot_attractors True"
    assert helped == "True"


HELP = """
import sys
from rnn_dynamics.cli import main
for arguments in (["--help"], ["no-such-command"], {commands}):
    sys.argv = ["rnn-dynamics", *arguments]
    try:
        main()
    except SystemExit:
        pass
print("brought", *sys.modules)
"""


def brought_by(*commands: str) -> list[str]:
    """Modules after the help of each of the commands."""
    source = HELP.format(commands=", ".join(f"[{name!r}, '--help']" for name in commands) or "[]")
    answer = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True).stdout
    return answer.splitlines()[-1].split()[1:]


def test_help_brings_no_torch_and_that_of_a_command_nothing_to_draw_with() -> None:
    """Half a second on one thread of this class of machine, where torch alone takes two."""
    alone = brought_by()
    assert "rnn_dynamics.cli" in alone
    assert not {"torch", "numpy", "scipy", "safetensors", *HEAVY} & set(alone) - {"typer", "rich"}
    every = brought_by(*COMMANDS)
    assert {"torch", "rnn_dynamics.report"} <= set(every)
    assert not [name for name in every if name.startswith(HEAVY) and not name.startswith(("typer", "rich"))]


def test_every_command_is_there_under_its_name() -> None:
    app = typer.main.get_command(cli.app)
    context = app.make_context("rnn-dynamics", ["demo"])
    assert isinstance(app, Commands)
    for name in COMMANDS:
        command = app.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_no_module_hides_what_is_called_by_its_name() -> None:
    """An import of the module would put it in the place of the function."""
    folder = Path(rd.__file__).parent
    modules = {path.stem for path in folder.iterdir()}
    assert {name for name in rd.__all__ if name in modules} == {"cells", "charts", "tasks"}


def test_the_store_alone_reads_every_result(tmp_path: Path) -> None:
    system = rd.as_map(lambda state, _: 0.5 * state, state_size=2, input_size=0).hold()
    path = rd.save(rd.find_attractors(system, torch.zeros(1, 2)), tmp_path / "found.safetensors")
    source = "import sys; from rnn_dynamics.store import load; print(type(load(sys.argv[1])).__name__)"
    answer = subprocess.run([sys.executable, "-c", source, str(path)], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "Attractors"


def test_every_public_name_is_there_and_no_other() -> None:
    assert set(rd.__all__) <= set(dir(rd))
    assert all(hasattr(rd, name) for name in rd.__all__)
    with pytest.raises(AttributeError, match="module 'rnn_dynamics' has no attribute 'plot_nothing'"):
        rd.plot_nothing  # noqa: B018
