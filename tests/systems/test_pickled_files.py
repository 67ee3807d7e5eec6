"""Pickles of whole modules and of foreign objects: read by stand-ins, with nothing of theirs imported or run."""

import argparse
import dataclasses
import enum
import io
import os
import pickle
import resource
import sys
import types
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel
from rnn_dynamics.systems import as_map, read_checkpoint

RAN: list[str] = []
"""What of a file's classes has run."""


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _foreign_library() -> types.ModuleType:
    """Classes of a library that is gone when the file is read, and tells if it is not."""
    library = types.ModuleType("foreign_library")

    class Config:
        def __init__(self) -> None:
            self.hidden, self.names = 6, {"a", "b"}

        def __setstate__(self, state: Any) -> None:
            RAN.append("Config")
            self.__dict__.update(state)

    class Names(dict):
        pass

    class Rows(list):
        pass

    class Kind(enum.Enum):
        FAST = 1

    @dataclasses.dataclass(frozen=True)
    class Point:
        x: float = 1.0

    class Slotted:
        __slots__ = ("weights",)

        def __init__(self, weights: Any = None) -> None:
            self.weights = weights

    class Model(nn.Module):
        def __init__(self, core: nn.Module | None = None) -> None:
            super().__init__()
            self.config = Config()
            self.encoder = nn.ModuleDict({"conv": nn.Conv1d(3, 3, 3), "rnn": core or nn.GRU(3, 6)})
            self.readout = nn.Linear(6, 2)
            self.register_buffer("steps", torch.zeros(()))

    class PeepholeGRU(nn.GRU):
        pass

    class OwnCell(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, weight in nn.GRUCell(3, 6).named_parameters():
                self.register_parameter(name, weight)

    for made in (Config, Names, Rows, Kind, Point, Slotted, Model, PeepholeGRU, OwnCell):
        made.__module__, made.__qualname__ = library.__name__, made.__name__
        setattr(library, made.__name__, made)
    return library


@pytest.fixture
def library() -> Iterator[types.ModuleType]:
    made = _foreign_library()
    sys.modules[made.__name__] = made
    yield made
    sys.modules.pop(made.__name__, None)


def _same(path: Path, module: nn.Module, **options: Any) -> None:
    """It is read as the module, in the absence of its library, and nothing of it has run."""
    sys.modules.pop("foreign_library", None)
    RAN.clear()
    found = read_checkpoint(path, **options)
    inputs = torch.randn(4, 7, 3, dtype=next(module.parameters()).dtype)
    assert torch.equal(found.network.run(inputs), as_map(module).run(inputs))
    assert not RAN
    assert "foreign_library" not in sys.modules


def _beside(make: Callable[[types.ModuleType, Any], Any]) -> Callable[[types.ModuleType, nn.Module], Any]:
    """A dict with something foreign beside the weights of a model."""
    return lambda library, core: {"args": make(library, core), "model": library.Model(core).state_dict()}


OBJECTS: dict[str, Callable[[types.ModuleType, nn.Module], Any]] = {
    "argparse": _beside(lambda library, _: argparse.Namespace(lr=0.1, layers=[1, 2])),
    "path": _beside(lambda library, _: Path("somewhere")),
    "numpy scalar": _beside(lambda library, _: np.float64(0.5)),
    "numpy dtype": _beside(lambda library, _: np.dtype("f4")),
    "numpy array": _beside(lambda library, _: np.arange(4.0)),
    "numpy objects": _beside(lambda library, _: np.array([{}, None], dtype=object)),
    "own class": _beside(lambda library, _: library.Config()),
    "own dict": _beside(lambda library, _: library.Names(a=1)),
    "own list": _beside(lambda library, _: library.Rows([1, 2])),
    "enum": _beside(lambda library, _: {library.Kind.FAST: 3}),
    "dataclass": _beside(lambda library, _: library.Point()),
    "default dict": _beside(lambda library, _: defaultdict(list, a=[1])),
    "sets": _beside(lambda library, _: [{1, 2}, frozenset({(1, (2, 3))}), {library.Kind.FAST}]),
    "bytes": _beside(lambda library, _: [b"abc", bytearray(b"abc"), 1 + 2j, 10**40, slice(3)]),
    "device and dtype": _beside(lambda library, _: [torch.device("cpu"), torch.float64, torch.Size([3])]),
    "a method": _beside(lambda library, _: nn.Linear(2, 2).forward),
    "optimiser": _beside(lambda library, core: torch.optim.Adam(core.parameters())),
    "random state": _beside(lambda library, _: [np.random.default_rng(0), torch.Generator()]),
    "whole module": lambda library, core: core,
    "whole model": lambda library, core: library.Model(core),
    "model in a dict": lambda library, core: {"epoch": 3, "model": library.Model(core)},
    "model in an object": lambda library, core: library.Slotted(library.Model(core)),
    "state dict in an object": lambda library, core: library.Slotted(core.state_dict()),
    "weights in an own dict": lambda library, core: library.Names(core.state_dict()),
    "DataParallel": lambda library, core: nn.DataParallel(library.Model(core)),
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", OBJECTS)
def test_files_with_foreign_objects_are_read(tmp_path, library, name, protocol) -> None:
    core = nn.GRU(3, 6, num_layers=2)
    torch.save(OBJECTS[name](library, core), tmp_path / "model.pt", pickle_protocol=protocol)
    _same(tmp_path / "model.pt", core)


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code:UserWarning")  # of torch.save
@pytest.mark.parametrize("name", OBJECTS)
def test_older_files_with_foreign_objects_are_read(tmp_path, library, name) -> None:
    core = nn.GRU(3, 6)
    torch.save(OBJECTS[name](library, core), tmp_path / "model.pt", _use_new_zipfile_serialization=False)
    _same(tmp_path / "model.pt", core)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("name", OBJECTS)
def test_plain_pickles_are_read(tmp_path, library, name, protocol) -> None:
    core = nn.GRU(3, 6)
    if name == "random state":
        pytest.skip("pickle.dump itself refuses a torch.Generator")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(OBJECTS[name](library, core), protocol))
    _same(tmp_path / "model.pkl", core)


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".bin", ""])
def test_a_name_does_not_tell_who_wrote_a_pickle(tmp_path, suffix) -> None:
    core, path = nn.GRU(3, 6), tmp_path / f"model{suffix}"
    for zipped in (True, False):
        torch.save({"args": argparse.Namespace(), **core.state_dict()}, path, _use_new_zipfile_serialization=zipped)
        _same(path, core)
        torch.save(core.state_dict(), path, _use_new_zipfile_serialization=zipped)
        _same(path, core)


def _arrays(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: weight.numpy() for name, weight in module.state_dict().items()}


@pytest.mark.parametrize("protocol", range(6))
def test_pickled_arrays_are_read_in_every_order_of_numbers(tmp_path, protocol) -> None:
    core = nn.GRU(3, 6)
    for change in (np.ascontiguousarray, np.asfortranarray, lambda a: a.astype(a.dtype.newbyteorder())):
        arrays = {name: change(array) for name, array in _arrays(core).items()}
        (tmp_path / "model.pkl").write_bytes(pickle.dumps({"weights": arrays, "names": np.array(["a"])}, protocol))
        _same(tmp_path / "model.pkl", core)
    double = {name: array.astype(np.float64) for name, array in _arrays(core).items()}
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(double, protocol))
    _same(tmp_path / "model.pkl", core.double())


KINDS: list[tuple[Callable[..., nn.Module], dict[str, Any]]] = [
    *((nn.RNN, {}), (nn.RNN, {"nonlinearity": "relu"}), (nn.GRU, {}), (nn.LSTM, {"proj_size": 2}), (nn.RNNCell, {})),
    *((nn.RNNCell, {"nonlinearity": "relu"}), (nn.GRUCell, {}), (nn.LSTMCell, {}), (MGU, {}), (BRC, {}), (NBRC, {})),
    (Parallel, {"cells": (nn.GRU, MGU)}),
]


@pytest.mark.parametrize(("kind", "options"), KINDS, ids=str)
def test_a_whole_module_says_what_cell_it_is(tmp_path, kind, options) -> None:
    module = kind(3, 6, **options)
    torch.save(module, tmp_path / "model.pt")
    _same(tmp_path / "model.pt", module)
    found = read_checkpoint(tmp_path / "model.pt")
    assert not found.by_shape
    torch.save(module.state_dict(), tmp_path / "state.pt")
    assert read_checkpoint(tmp_path / "state.pt").by_shape == (kind is not Parallel)


def test_a_nonlinearity_that_the_file_contradicts_is_refused(tmp_path) -> None:
    torch.save(nn.RNN(3, 6, nonlinearity="relu"), tmp_path / "model.pt")
    assert "RNN (relu)" in str(read_checkpoint(tmp_path / "model.pt", nonlinearity="relu"))
    with pytest.raises(ValueError, match=r"nonlinearity='tanh' was asked for, but the file says 'relu'"):
        read_checkpoint(tmp_path / "model.pt", nonlinearity="tanh")


@pytest.mark.parametrize("name", ["PeepholeGRU", "OwnCell"])
def test_a_class_of_anothers_with_the_names_of_torch_is_no_cell_of_ours(tmp_path, library, name) -> None:
    made = library.PeepholeGRU(3, 6) if name == "PeepholeGRU" else library.OwnCell()
    model = library.Model(made)
    torch.save(model, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=rf"at 'encoder\.rnn\.' .* a foreign_library\.{name}, .*as_map\(module\)"):
        read_checkpoint(tmp_path / "model.pt")
    found = read_checkpoint(tmp_path / "model.pt", cell="gru")
    assert (found.cell, found.by_shape) == ("GRU", False)


def test_what_was_read_by_stand_ins_cannot_be_written(tmp_path, library) -> None:
    torch.save({"args": library.Config(), "model": nn.GRU(3, 6).state_dict()}, tmp_path / "model.pt")
    found = read_checkpoint(tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"cannot be written again .* Python objects besides tensors"):
        found.write(tmp_path / "new.pt")
    assert not (tmp_path / "new.pt").exists()


class _Calls:
    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("saved", ["torch", "older", "pickle"])
def test_no_function_of_a_file_is_called(tmp_path, saved) -> None:
    """Harmless names become stand-ins; what only harm would name ends the reading."""
    core, witness = nn.GRU(3, 6), tmp_path / "witness"

    def save(root: Any) -> None:
        if saved == "pickle":
            (tmp_path / "model.pt").write_bytes(pickle.dumps(root))
        else:
            torch.save(root, tmp_path / "model.pt", _use_new_zipfile_serialization=saved == "torch")

    save({"x": _Calls(Path.touch, witness), "y": _Calls(setattr, nn.GRU, "harmed", 1), "model": core.state_dict()})
    _same(tmp_path / "model.pt", core)
    for function in (os.system, eval, exec, open):
        save({"model": core.state_dict(), "x": _Calls(function, f"touch {witness}")})
        with pytest.raises(ValueError, match=rf"besides tensors \(\w+\.{function.__name__}\), which could run code"):
            read_checkpoint(tmp_path / "model.pt")
    assert not witness.exists()
    assert not hasattr(nn.GRU, "harmed")


def _tensor_op(size: bytes) -> bytes:
    """A pickle that sets the state of torch's own function, were it not a stand-in's."""
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x04\x00\x00\x00evilK\x01s" + size + b"b."


HOSTILE: dict[str, bytes] = {
    "memo": b"\x80\x04K\x01r\xff\xff\xff\x7f.",
    "memo of text": b"\x80\x04K\x01p99999999999\n.",
    "bytes": b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b"abc.",
    "bytearray": b"\x80\x05\x96" + (2**36).to_bytes(8, "little") + b"abc.",
    "text": b"\x80\x04\x8d" + (2**40).to_bytes(8, "little") + b"abc.",
    "frame": b"\x80\x04\x95" + (2**40).to_bytes(8, "little") + b"N.",
    "long": b"\x80\x04\x8b\xff\xff\xff\x7fab.",
    "nested tuples": b"\x80\x04}(K\x01" + b"\x85" * 200_000 + b"K\x01u.",
    "nested lists": b"\x80\x04" + b"]" * 200_000 + b"a" * 199_999 + b".",
    "doubled tuples": b"\x80\x04}K\x01" + b"2\x86" * 60 + b"K\x01s.",
    "extension": b"\x80\x04\x82\x01.",
    "state of a function": _tensor_op(b""),
    "reduce of a number": b"\x80\x04K\x01)R.",
    "reduce without a tuple": b"\x80\x04ctorch._utils\n_rebuild_parameter\nK\x01R.",
    "tensor of no storage": b"\x80\x04ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x00K\x03\x85K\x01\x85tR.",
    "entries of a tensor class": b"\x80\x04ctorch\nTensor\nK\x01K\x02s.",
    "items of a number": b"\x80\x04K\x01K\x02a.",
    "persistent": b"\x80\x04K\x01Q.",
    "no end": b"\x80\x04]",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_are_refused_without_filling_the_memory(tmp_path, name) -> None:
    (tmp_path / "model.pkl").write_bytes(HOSTILE[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="cannot read") as raised:
        read_checkpoint(tmp_path / "model.pkl")
    assert "\n" not in str(raised.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    assert not hasattr(torch._utils._rebuild_tensor_v2, "evil")


def test_a_tensor_beyond_its_storage_is_refused(tmp_path) -> None:
    """torch itself would make room for it."""
    buffer = io.BytesIO()
    torch.save({"args": argparse.Namespace(), "rnn.weight_hh_l0": torch.zeros(7, 9)}, buffer, pickle_protocol=4)
    whole = buffer.getvalue()
    assert whole.count(b"K\x07K\x09\x86") == 1
    (tmp_path / "model.pt").write_bytes(whole.replace(b"K\x07K\x09\x86", b"K\xffK\xff\x86"))
    with pytest.raises(ValueError, match="cut short, damaged"):
        read_checkpoint(tmp_path / "model.pt")


def test_an_older_module_is_not_compared_with_its_source(tmp_path, monkeypatch) -> None:
    """Files of torch before 1.6 carry the source of their classes, which torch.load compares, and writes patches."""
    monkeypatch.chdir(tmp_path)
    core = nn.GRU(3, 6)
    core.dump_patches = True
    torch.save(core, "model.pt", _use_new_zipfile_serialization=False)
    content = Path("model.pt").read_bytes()
    assert b"class GRU(RNNBase)" in content
    Path("model.pt").write_bytes(content.replace(b"class GRU(RNNBase)", b"class GRX(RNNBase)"))
    _same(Path("model.pt"), core)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_ordered_dicts_of_tensors_keep_their_names(tmp_path) -> None:
    core = nn.GRU(3, 6)
    state: OrderedDict[str, Tensor] = core.state_dict()
    state["note"] = argparse.Namespace()  # pyright: ignore[reportArgumentType]
    torch.save(state, tmp_path / "model.pt")
    _same(tmp_path / "model.pt", core)
    assert read_checkpoint(tmp_path / "model.pt").prefix == ""
