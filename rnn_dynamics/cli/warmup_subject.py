"""What ``rnn-dynamics warmup`` warms up: the network of a file or a new one, and the file that it is written to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from ..cells import SPEC_FORM, Parallel, Specification, module_from_spec
from ..files import replacing
from ..systems import DrivenMap, Reading, as_map
from .shared import console, read_network


@dataclass(frozen=True)
class Subject:
    """What is warmed up, and where it goes."""

    map: DrivenMap
    parallel: bool
    folder: Path
    """For results, by default."""

    name: str
    """Of the file for the warmed network."""

    weights: Callable[[], dict[str, Tensor]]
    """By the names that they have in the file."""

    write: Callable[[Path], object]


def from_checkpoint(path: Path, width: int | None, inputs: Path | None, reading: Reading) -> Subject:
    """The network of a file."""
    checkpoint = read_network(path, reading)
    checkpoint.require_writable()
    wanted = checkpoint.network.input_size
    if width not in (None, wanted):
        what = "--input-size" if inputs is None else str(inputs)
        raise ValueError(f"{what} must have {wanted} inputs [batch, time, {wanted}], as {path} has, got {width}")
    for weight in checkpoint.places.values():
        weight.requires_grad_(True)
    return Subject(
        checkpoint.network,
        " | " in checkpoint.cell,
        path.with_name(f"{path.stem}-warmup"),
        f"{path.stem}-warmed{path.suffix}",
        lambda: {containers + key: weight for (containers, key), weight in checkpoint.places.items()},
        checkpoint.write,
    )


def from_spec(text: str, width: int, seed: int, t_max: float, nonlinearity: str) -> Subject:
    """A new network, by a name such as "GRU-64"."""
    try:
        spec = Specification.parse(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is neither a file nor a network by name: give a checkpoint (.pt or .safetensors), or {SPEC_FORM}"
        ) from error
    module = module_from_spec(spec, width, seed, t_max, nonlinearity=nonlinearity)
    shape = f"{spec.layers} layer{'s' * (spec.layers > 1)} of {spec.units} units, {width} input{'s' * (width > 1)}"
    chrono = f", t_max {t_max:g}" if "chrono" in spec.cells else ""
    console.print(f"Made {spec}: {shape}, initialised as in the paper with seed {seed}{chrono}", soft_wrap=True)

    def write(path: Path) -> None:
        with replacing(path) as temporary:
            save_file(module.state_dict(), temporary)

    folder = Path(f"{spec}-warmup")
    return Subject(as_map(module), isinstance(module, Parallel), folder, "warmed.safetensors", module.state_dict, write)


def written(subject: Subject, folder: Path) -> tuple[Path, str]:
    """The file with the warmed network; if its own format refuses, its weights alone, and why."""
    path = folder / subject.name
    try:
        subject.write(path)
    except ValueError as error:
        path = folder / "warmed_weights.safetensors"
        with replacing(path) as temporary:
            save_file({name: weight.detach().contiguous() for name, weight in subject.weights().items()}, temporary)
        return path, str(error)
    return path, ""
