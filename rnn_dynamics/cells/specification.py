"""Networks by name: "GRU-64x2" is a GRU with two layers of 64 units, initialised as the paper does."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import nn

from ..checks import ArgumentError, AtMost, CheckedInside, Told, checked
from .dale import DaleRNN
from .gated import BRC, MGU, NBRC
from .initialisation import chrono_initialise, initialise
from .leaky import LeakyRNN
from .minimal import MinGRU, MinLSTM
from .parallel import Parallel

SPEC_FORM = (
    "CELL-UNITS or CELL-UNITSxLAYERS, like GRU-64x2, with cells RNN, LSTM, GRU, MGU, BRC, nBRC, leaky, Dale, minGRU, "
    "minLSTM or chrono (an LSTM), or several side by side, like GRU+GRU-64x2"
)
"""What a spec looks like, for messages."""

_CELLS: dict[str, Callable[..., nn.Module]] = {
    "RNN": nn.RNN,
    "LSTM": nn.LSTM,
    "GRU": nn.GRU,
    "MGU": MGU,
    "BRC": BRC,
    "nBRC": NBRC,
    "leaky": LeakyRNN,
    "Dale": DaleRNN,
    "minGRU": MinGRU,
    "minLSTM": MinLSTM,
    "chrono": nn.LSTM,
}
CELL_NAMES = tuple(_CELLS)
_NAMES = {name.lower(): name for name in _CELLS}
_FORM = re.compile(r"([a-z]+(?:\+[a-z]+)*)-(\d{1,6})(?:x(\d{1,3}))?", re.IGNORECASE | re.ASCII)


@checked
@dataclass(frozen=True)
class Specification:
    """A network by name; ``str`` is the canonical spelling, "GRU-64" for one layer and "GRU-64x2" for two."""

    cells: tuple[str, ...]
    """One, or several that stand side by side and share the units."""

    units: int
    """Of a layer, whatever cells it has."""

    layers: int

    @classmethod
    @checked
    def parse(cls, text: Annotated[str, CheckedInside()]) -> "Specification":
        """Read a name, in upper or lower case.

        Raises:
            ValueError: for anything else than a name as ``SPEC_FORM`` says.
        """
        found = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
        names = [_NAMES.get(name.lower()) for name in found[1].split("+")] if found else []
        cells = tuple(name for name in names if name is not None)
        if (
            found is None
            or len(cells) < len(names)
            or not (units := int(found[2]))
            or not (layers := int(found[3] or 1))
        ):
            raise ValueError(f"{text!r} is no network by name: {SPEC_FORM}")
        if units < len(cells):
            raise ValueError(f"{text!r} has {len(cells)} cells side by side, but only {units} units to share")
        return cls(cells, units, layers)

    def __str__(self) -> str:
        return f"{'+'.join(self.cells)}-{self.units}" + (f"x{self.layers}" if self.layers > 1 else "")


@checked
def module_from_spec(
    text: Annotated[str | Specification, CheckedInside()],
    input_size: Annotated[int, AtMost(), Told("a whole number of 1 or more")] = 1,
    seed: int = 0,
    t_max: float = 600.0,
    *,
    nonlinearity: str = "tanh",
) -> nn.Module:
    """Make the network of a name, initialised as the paper does.

    Args:
        text: "GRU-64x2": cell, units of each layer, layers (1 if left out). Cells are RNN, LSTM, GRU, MGU, BRC, nBRC,
            leaky, Dale, minGRU, minLSTM and chrono, an LSTM initialised by ``chrono_initialise``. "GRU+GRU-64x2" is a
            ``Parallel`` whose cells share the 64 units of a layer equally. Case does not matter.
        input_size: m.
        seed: of the weights; the global random state is not touched.
        t_max: of chrono cells: the longest time to bridge, in steps.
        nonlinearity: "tanh" or "relu", of RNN cells only.

    Raises:
        ValueError: for another name, an input_size below 1, or a network that does not fit into memory.
    """
    spec = text if isinstance(text, Specification) else Specification.parse(text)
    if not isinstance(input_size, int) or input_size < 1:
        raise ArgumentError("input_size", f"must be a whole number of 1 or more, got {input_size!r}")
    if nonlinearity not in ("tanh", "relu"):
        raise ArgumentError("nonlinearity", f"must be 'tanh' or 'relu', got {nonlinearity!r}")
    if nonlinearity != "tanh" and "RNN" not in spec.cells:
        raise ValueError(f"nonlinearity={nonlinearity!r} is for RNN cells, which {spec} has none of")
    generator = torch.Generator().manual_seed(seed)
    try:
        with torch.random.fork_rng(devices=[]):  # torch draws weights in its constructors
            module = _made(spec, input_size, nonlinearity)
        initialise(module, generator)
    except (RuntimeError, MemoryError) as error:  # what torch's allocator raises
        raise ValueError(f"{spec} with {input_size} inputs cannot be made: {error}".splitlines()[0]) from error
    rows: list[list[nn.Module]] = [list(row) for row in module.parallel] if isinstance(module, Parallel) else [[module]]  # pyright: ignore[reportArgumentType]
    for row in rows:
        for name, cell in zip(spec.cells, row, strict=True):
            if name == "chrono" and isinstance(cell, nn.LSTM):
                chrono_initialise(cell, t_max, generator)
    return module


def _made(spec: Specification, input_size: int, nonlinearity: str) -> nn.Module:
    def maker(name: str) -> Callable[..., nn.Module]:
        if name != "RNN":
            return _CELLS[name]
        return lambda *sizes, **options: nn.RNN(*sizes, nonlinearity=nonlinearity, **options)

    makers = [maker(name) for name in spec.cells]
    if len(makers) > 1:
        return Parallel(input_size, spec.units, makers, num_layers=spec.layers)
    return makers[0](input_size, spec.units, num_layers=spec.layers)
