"""The command ``rnn-dynamics``."""

import sys

import typer
from rich.console import Console

from .commands import MANNERS, Commands

app = typer.Typer(cls=Commands, no_args_is_help=True, **MANNERS)

HELP = """Find out what a recurrent network learned: its fixed points and attractors, and which of them inputs reach.

Start here:

\b
rnn-dynamics demo               train a small network, and write a page of what it does
rnn-dynamics report model.pt    one such page of your checkpoint, to look at, send or print
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
                                versions and the shape of a map for an issue, without its weights
"""


@app.callback(help=HELP)
def about() -> None:
    """Keep the commands as subcommands."""


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
        from ..checks import out_of_memory  # and with it torch, which help does without

        if not out_of_memory(error):
            raise
        _refuse(f"there is not enough memory: {str(error).splitlines()[0] if str(error) else 'none is left'}")
    except KeyboardInterrupt:
        sys.exit(130)
