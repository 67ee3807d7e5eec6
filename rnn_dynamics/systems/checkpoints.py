"""From saved weights to driven maps, and back."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from torch import Tensor

from ..checks import CheckedInside, checked
from .cell_groups import WeightGroup, shortened
from .layered import LayeredMap
from .layers import ElmanLayer, LeakingLayer, LSTMLayer
from .preceding import preceding
from .readable_cells import LEAKY, Reading, share
from .reading import read_file, write_tensors
from .stored_parts import WANTED, put_together
from .weight_groups import weight_groups


@dataclass(frozen=True)
class Checkpoint:
    """A recurrent network read from a file; ``str`` describes it in a line."""

    network: LayeredMap
    cell: str  # "RNN", "GRU", "LSTM", "MGU", "BRC", "nBRC"; "GRU | MGU" for cells in parallel
    prefix: str  # what its weights' names begin with: "encoder.rnn.", or "" at the top level
    source: Path
    places: dict[tuple[str, str], Tensor]  # the network's own weights, by containers and key in the file
    computed: tuple[str, ...] = ()  # its weights that the file holds in parts: weight_norm, pruning
    preceding: tuple[str, ...] = ()  # what seems to come before it in its model: "encoder.fc (784 to 64)"
    told: bool = False  # whether the file says what cell it is
    declared: bool = False  # whether the caller did
    unwritable: str | None = None  # why the file cannot be written again

    def __str__(self) -> str:
        bottom = self.network.layers[0]
        kind = f"{self.cell} ({bottom.nonlinearity})" if isinstance(bottom, ElmanLayer) else self.cell
        if isinstance(bottom, LeakingLayer):
            share = f"{bottom.alpha.item():.3g}" if bottom.alpha.ndim == 0 else "by unit"
            kind = f"{self.cell} ({bottom.nonlinearity}, alpha {share}, leak {bottom.leak})"
        width = bottom.cell_size if isinstance(bottom, LSTMLayer) else bottom.output_size
        units = _count(width, "unit") + (f" projected to {bottom.output_size}" if bottom.output_size < width else "")
        biased = any("bias_ih" in name for name in bottom.weights())
        inputs = _count(bottom.input_size, "input") + ("" if biased else ", no bias")
        where = f"'{self.prefix}'" if self.prefix else "the top level ('')"
        return f"{kind}, {_count(len(self.network.layers), 'layer')} of {units}, {inputs}, at {where}"

    @property
    def by_shape(self) -> bool:
        """Whether names and shapes of weights alone decided what cell it is, which other cells may share."""
        return not (self.told or self.declared)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole file again, all else in it as it was, with the present weights of ``network``.

        The format is that of the file; weights stay in the precision, and tied as, they are there.

        Raises:
            ValueError: if the file cannot be written, or not hold these weights; it appears only when it is whole.
        """
        self.require_writable()
        write_tensors(self.source, self.places, Path(path))
        return Path(path)

    def require_writable(self) -> None:
        """Refuse a file that cannot be written again, or holds some weights in parts: new ones do not tell new parts.

        Raises:
            ValueError: that says why, or names those weights.
        """
        if self.unwritable is not None:
            raise ValueError(f"{self.source} cannot be written again with other weights: {self.unwritable}")
        if self.computed:
            raise ValueError(
                f"{self.source} holds {shortened(self.computed, ', ', 6)} in parts (weight_norm or pruning), into "
                "which new weights cannot be written: save the module's weights themselves, as "
                "torch.nn.utils.remove_weight_norm and prune.remove make them"
            )


@checked
def read_checkpoint(
    path: Annotated[str | os.PathLike[str], CheckedInside()],
    *,
    prefix: str | None = None,
    cell: str | None = None,
    nonlinearity: str | None = None,
    alpha: float | None = None,
    dt: float | None = None,
    tau: float | None = None,
    leak: str | None = None,
) -> Checkpoint:
    """Read a recurrent network from a file of weights, without running any code the file may carry.

    Read are RNN, GRU (with the reset gate after or before the recurrent product), LSTM, MGU, BRC, nBRC, and all other
    cells of this library by what its files say (weights under torch's names too, with cell="leaky"). Classes of
    pickled objects are neither imported nor run: stand-ins keep what they hold, so that whole modules are read by
    their parts, and tell what cell they are. Weights that the file holds in parts are put together: those of
    weight_norm and pruning, as hooks or parametrizations, and a WeightDrop's raw ones. A cell is refused that is not
    known to be one of these: a class of another library around torch's names, or tensors beside the weights that may
    act in its step (peepholes, layer normalisation, masks). Where names and shapes alone decide, the checkpoint says so
    (``by_shape``).

    Args:
        path: a file of torch.save (state dicts, whole modules, dicts of anything, Lightning's .ckpt), safetensors,
            pickle.dump, numpy (.npz, or .npy of a dict), MATLAB (.mat), HDF5, Keras (.keras, .h5, .weights.h5), ONNX,
            torch.export (.pt2) or stable-baselines3 (.zip), or a folder of Hugging Face. HDF5 and ONNX need the extra
            ``files``. The weights may lie anywhere in nested dicts, under any prefix; half precision becomes float32.
        prefix: which network, if the file holds several: "encoder.rnn", with or without the last dot.
        cell: "RNN", "GRU", "GRU-reset-before", "LSTM", "MGU", "BRC", "nBRC", "leaky", "Dale", "low-rank", "minGRU",
            "minLSTM" or "LRU", in any case, to insist on one, and that other tensors do not act in its step; the file
            or the shapes of the weights tell it otherwise. Cells of ``Parallel`` are found by its names.
        nonlinearity: "tanh" or "relu", of a plain RNN; those of ``LeakyRNN`` for leaky cells; by default what the file
            says, or "tanh".
        alpha, leak: of leaky cells, as in ``LeakyRNN``; by default what the file holds, and "outside".
        dt, tau: in place of alpha, which is dt / tau.

    Returns:
        A ``Checkpoint``: ``network`` is the driven map, ``str`` says what it was taken for, ``preceding`` names layers
        that the map's inputs go through in the model (``as_map(module, encoder=...)`` takes them in).

    Raises:
        ValueError: for a file that cannot be read, holds no or several recurrent networks, weights that do not fit, or
            a cell whose step is not known.
    """
    return read_as_told(Path(path), Reading(prefix, cell, nonlinearity, share(alpha, dt, tau), leak))


def read_as_told(path: Path, reading: Reading) -> Checkpoint:
    """``read_checkpoint`` with its arguments in one.

    Raises:
        ValueError: as it does.
    """
    try:
        read = read_file(path, WANTED)
        stored = put_together(read)
        group = _chosen(weight_groups(stored), reading.prefix)
        checkpoint = _built(group, reading, path)
        before = preceding(stored, group, checkpoint.network.input_size, in_order=read.in_order)
        checkpoint = replace(checkpoint, preceding=before, unwritable=read.unwritable)
        if reading.cell not in (None, checkpoint.cell):
            raise ValueError(f"it holds weights of {checkpoint.cell} cells, but cell='{reading.cell}' was asked for")
        if checkpoint.cell not in LEAKY and (reading.alpha is not None or reading.leak is not None):
            raise ValueError(f"alpha and leak are for leaky cells (cell='leaky'), but it holds {checkpoint}")
        takes = {"RNN", *LEAKY} & set(checkpoint.cell.split(" | "))
        if reading.nonlinearity not in (None, "tanh") and not takes:
            raise ValueError(f"nonlinearity='{reading.nonlinearity}' is for an RNN, but it holds {checkpoint}")
    except ValueError as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    return checkpoint


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _built(group: WeightGroup, reading: Reading, source: Path) -> Checkpoint:
    stack = group.build(reading)
    one: dict[object, Tensor] = {}  # weights that are tied in the file are one tensor, which an optimiser moves once

    def tied(weight: Tensor) -> Tensor:
        return one.setdefault((weight.data_ptr(), weight.shape, weight.stride(), weight.dtype), weight)

    places = {place: tied(weight) for place, weight in stack.places.items()}
    return Checkpoint(
        LayeredMap([layer.apply(tied) for layer in stack.layers]),
        stack.cell,
        group.prefix,
        source,
        places,
        stack.computed,
        told=stack.told,
        declared=reading.cell is not None,
    )


def _listed(groups: list[WeightGroup]) -> str:
    return shortened([_described(group) for group in groups], "; ")


def _described(group: WeightGroup) -> str:
    try:
        return str(_built(group, Reading(), Path()))
    except ValueError as error:
        return f"unreadable weights at '{group.prefix}' ({error})"


def _chosen(groups: list[WeightGroup], prefix: str | None) -> WeightGroup:
    matching = groups
    if prefix is not None:
        wanted = f"{prefix.rstrip('.')}." if prefix else ""
        matching = [g for g in groups if g.prefix == wanted] or [g for g in groups if wanted in g.aliases]
    if not matching:
        raise ValueError(f"it holds no recurrent network at '{prefix}', but {_listed(groups)}")
    if len(matching) > 1:
        raise ValueError(f"it holds several networks, pass --prefix or prefix= for one: {_listed(matching)}")
    return matching[0]
