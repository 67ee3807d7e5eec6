"""The command ``rnn-dynamics``."""

import sys

import typer
from rich.console import Console

from ..checks import out_of_memory
from .bifurcate import EXAMPLES as BIFURCATE_EXAMPLES
from .bifurcate import bifurcate
from .certify import EXAMPLES as CERTIFY_EXAMPLES
from .certify import certify
from .fixed_points import analyze, demo
from .reach import reach
from .report_bug import EXAMPLES as REPORT_BUG_EXAMPLES
from .report_bug import report_bug
from .sweep import app as sweep_app
from .track import EXAMPLES as TRACK_EXAMPLES
from .track import track
from .train import EXAMPLES as TRAIN_EXAMPLES
from .train import train
from .warmup import warmup

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

HELP = """Find out what a recurrent network learned: its fixed points and attractors, and which of them inputs reach.

Start here:

\b
rnn-dynamics demo               train a small network, find and draw its fixed points
rnn-dynamics analyze model.pt   fixed points of your checkpoint (RNN, GRU, LSTM, MGU, ... weights),
                                which are stable, and whether any are missing
rnn-dynamics reach model.pt     what its inputs really reach: attractors of every kind,
                                beside what the published measure (VAA) claims
rnn-dynamics bifurcate model.pt --direction 0 --span -2 2
                                what is born, meets or loses stability as an input or weight moves
rnn-dynamics certify model-analysis/fixed_points.safetensors --of model.pt
                                proofs of what was found: existence, stability, what is reached
rnn-dynamics warmup GRU-64x2    make states stay apart (published warmup), of a new network
                                or a checkpoint: VAA and true attractors before and after
rnn-dynamics train copy --seeds 5 --warmup
                                train networks on a task; what they reach at every epoch,
                                what is born and dies, and in which bifurcation
rnn-dynamics track checkpoints/ the same of anybody's folder of checkpoints, or of a run of train
rnn-dynamics sweep run plan.toml
                                many trainings, or whatever a plan says, on one machine or a cluster
rnn-dynamics analyze model.pt --inputs x.npy --hold 0,0,1
                                from states that your inputs lead to, at a held input
rnn-dynamics report-bug model.pt
                                versions and a description of the network without its weights, to be shared
"""


@app.callback(help=HELP)
def about() -> None:
    """Keep the commands as subcommands."""


app.command()(demo)
app.command()(analyze)
app.command()(reach)
app.command(epilog=BIFURCATE_EXAMPLES)(bifurcate)
app.command(epilog=CERTIFY_EXAMPLES)(certify)
app.command()(warmup)
app.command(epilog=TRAIN_EXAMPLES)(train)
app.command(epilog=TRACK_EXAMPLES)(track)
app.command(epilog=REPORT_BUG_EXAMPLES)(report_bug)
app.add_typer(sweep_app, name="sweep")


def _refuse(sentence: str) -> None:
    Console(stderr=True, highlight=False).print(f"Error: {sentence}", soft_wrap=True, markup=False)
    sys.exit(1)


def main() -> None:
    """Run the command; a user's mistake is one sentence and exit code 1."""
    try:
        app()
    except ValueError as error:
        _refuse(str(error))
    except OSError as error:
        name = "" if error.filename is None else f" {error.filename}"
        _refuse(f"cannot use{name}: {error.strerror or error}" if name else str(error))
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        _refuse(f"there is not enough memory: {str(error).splitlines()[0] if str(error) else 'none is left'}")
    except KeyboardInterrupt:
        sys.exit(130)
