"""Checkpoints: every module comes back exactly, wherever it lies in a file; every bad file gives one clear sentence."""

import argparse
import gzip
import io
import json
import pickle
import re
import resource
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save, save_file
from torch import Tensor, nn

from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel
from rnn_dynamics.systems import Checkpoint, as_map, read_checkpoint

pytestmark = pytest.mark.usefixtures("seeded")


SEQUENCES = [
    *((nn.RNN, {}), (nn.RNN, {"nonlinearity": "relu"}), (nn.GRU, {}), (nn.LSTM, {}), (nn.LSTM, {"proj_size": 4})),
    *((MGU, {}), (BRC, {}), (NBRC, {})),
    *((Parallel, {"cells": cells}) for cells in [(nn.GRU, nn.GRU), (nn.LSTM, nn.RNN), (MGU, BRC, NBRC)]),
]
CELLS = [(nn.RNNCell, {}), (nn.RNNCell, {"nonlinearity": "relu"}), (nn.GRUCell, {}), (nn.LSTMCell, {})]
MODULES = [
    *((kind, {**options, "num_layers": layers}) for (kind, options), layers in product(SEQUENCES, [1, 2, 3])),
    *CELLS,
]


class Model(nn.Module):
    """A recurrent core among other parts."""

    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"conv": nn.Conv1d(3, 3, 3), "rnn": core, "norm": nn.LayerNorm(6)})
        self.attention = nn.MultiheadAttention(6, 2)
        self.readout = nn.Linear(6, 2)


def _gru(**options: Any) -> nn.GRU:
    return nn.GRU(3, 6, **options)


def _same(path: Path, module: nn.Module, **options: Any) -> bool:
    inputs = torch.randn(4, 7, 3, dtype=next(module.parameters()).dtype)
    return torch.equal(read_checkpoint(path, **options).network.run(inputs), as_map(module).run(inputs))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kind", "options"), MODULES, ids=str)
def test_a_module_comes_back_from_a_model(tmp_path, kind, options, bias, suffix) -> None:
    module = kind(3, 6, bias=bias, **options)
    state = Model(module).state_dict()
    path = tmp_path / f"model{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    chosen = {"nonlinearity": options.get("nonlinearity", "tanh")}
    assert _same(path, module, **chosen)

    found = read_checkpoint(path, **chosen)
    kinds = options.get("cells", [kind])
    assert found.cell == " | ".join(k.__name__.removesuffix("Cell").replace("NBRC", "nBRC") for k in kinds)
    assert found.prefix == "encoder.rnn."
    assert len(found.network.layers) == options.get("num_layers", 1)
    assert not any(w.requires_grad for layer in found.network.layers for w in layer.weights().values())


def test_a_checkpoint_describes_itself(tmp_path) -> None:
    path = tmp_path / "model.pt"

    top = "at the top level ('')"

    def description(module: nn.Module, **options: Any) -> str:
        torch.save(module.state_dict(), path)
        return str(read_checkpoint(path, **options))

    assert description(Model(nn.GRU(3, 64, num_layers=2))) == "GRU, 2 layers of 64 units, 3 inputs, at 'encoder.rnn.'"
    assert (
        description(nn.LSTM(1, 8, proj_size=2))
        == "LSTM, 1 layer of 8 units projected to 2, 1 input, at the top level ('')"
    )
    assert (
        description(nn.RNNCell(3, 1, bias=False))
        == "RNN (tanh), 1 layer of 1 unit, 3 inputs, no bias, at the top level ('')"
    )
    assert description(nn.RNN(3, 5), nonlinearity="relu").startswith("RNN (relu), 1 layer of 5 units")
    assert description(NBRC(3, 5, bias=False), cell="nBRC") == "nBRC, 1 layer of 5 units, 3 inputs, no bias, " + top
    wide = Parallel(3, 6, (nn.LSTM, MGU), 2, split=(2, 4))
    assert description(Model(wide)) == "LSTM | MGU, 2 layers of 6 units, 3 inputs, at 'encoder.rnn.'"


@pytest.mark.parametrize(("kind", "units"), [*product([BRC, NBRC, MGU, nn.RNN, nn.GRU, nn.LSTM], [1, 2, 3, 4])])
def test_cells_are_told_apart_by_their_shapes_however_small(tmp_path, kind, units) -> None:
    module = kind(3, units, num_layers=2)
    torch.save(module.state_dict(), tmp_path / "model.pt")
    assert _same(tmp_path / "model.pt", module)
    same = kind is NBRC and units == 1  # one unit sees itself alone: that is a BRC
    name = "BRC" if same else kind.__name__.replace("NBRC", "nBRC")
    assert read_checkpoint(tmp_path / "model.pt").cell == name


def _with_optimizer(model: nn.Module) -> dict[str, Any]:
    optimizer = torch.optim.Adam(model.parameters())
    sum(p.square().sum() for p in model.parameters()).backward()  # pyright: ignore[reportAttributeAccessIssue]
    optimizer.step()
    return {"state_dict": model.state_dict(), "epoch": 3, "optimizer": optimizer.state_dict(), "losses": [0.5, 0.1]}


def _lightning(model: nn.Module) -> dict[str, Any]:
    return {
        "epoch": 1,
        "global_step": 10,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": OrderedDict((f"model.{key}", value) for key, value in model.state_dict().items()),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}}}},
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [torch.optim.SGD(model.parameters(), momentum=0.9).state_dict()],
        "hyper_parameters": {"hidden": 6},
    }


def _cyclic(model: nn.Module) -> dict[str, Any]:
    root: dict[str, Any] = {"model": model.state_dict()}
    root["self"] = [root]
    return root


def _renamed(model: nn.Module, old: str, new: str) -> dict[str, Tensor]:
    return {re.sub(old, new, key): value for key, value in model.state_dict().items()}


def _core(model: nn.Module) -> dict[str, Tensor]:
    return model.get_submodule("encoder.rnn").state_dict()


LAYOUTS: dict[str, tuple[Callable[[nn.Module], Any], str]] = {
    "state_dict": (_with_optimizer, "encoder.rnn."),
    "model": (lambda model: {"model": model.state_dict(), "args": {"lr": 0.1}}, "encoder.rnn."),
    "lightning": (_lightning, "model.encoder.rnn."),
    "deep": (lambda model: {"a": {"b": {"c": [0, {"d": model.state_dict()}]}}}, "encoder.rnn."),
    "DataParallel": (lambda model: nn.DataParallel(model).state_dict(), "encoder.rnn."),
    "compile": (lambda model: _renamed(model, "^", "_orig_mod."), "encoder.rnn."),
    "both": (lambda model: _renamed(model, "^", "module._orig_mod."), "encoder.rnn."),
    "inner": (lambda model: _renamed(model, "rnn", "_orig_mod.rnn"), "encoder.rnn."),
    "named rates": (lambda model: {"model": model.state_dict(), "lr": {"rnn.weight_hh_l0": 0.1}}, "encoder.rnn."),
    "parameters": (lambda model: dict(model.named_parameters()), "encoder.rnn."),
    "core alone": (_core, ""),
    "parts": (lambda model: {"rnn": _core(model), "readout": nn.Linear(6, 2).state_dict()}, ""),
    "cyclic": (_cyclic, "encoder.rnn."),
}


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt", ""])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_weights_are_found_wherever_they_lie(tmp_path, layout, suffix) -> None:
    core = _gru(num_layers=2)
    make, prefix = LAYOUTS[layout]
    path = tmp_path / f"file{suffix}"
    torch.save(make(Model(core)), path)
    assert read_checkpoint(path).prefix == prefix
    assert _same(path, core)
    assert _same(str(path), core, prefix=prefix.rstrip("."), cell="GRU")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("options", [{"_use_new_zipfile_serialization": False}, {"pickle_protocol": 3}])
def test_older_formats_are_read_without_a_warning(tmp_path, options) -> None:
    core = _gru()
    torch.save(core.state_dict(), tmp_path / "model.pt", **options)
    assert _same(tmp_path / "model.pt", core)


def test_safetensors_are_known_by_their_content(tmp_path) -> None:
    core = _gru()
    save_file({f"module.{k}": v for k, v in core.state_dict().items()}, tmp_path / "model.bin")
    assert _same(tmp_path / "model.bin", core)


@pytest.mark.parametrize(
    ("dtype", "read_as"),
    [(torch.float64, torch.float64), (torch.float16, torch.float32), (torch.bfloat16, torch.float32)],
)
def test_half_precision_becomes_single(tmp_path, dtype, read_as) -> None:
    core = _gru(dtype=dtype)
    torch.save(core.state_dict(), tmp_path / "model.pt")
    assert read_checkpoint(tmp_path / "model.pt").network.dtype == read_as
    assert _same(tmp_path / "model.pt", core.to(read_as))


def test_one_of_several_networks_is_chosen_by_its_prefix(tmp_path) -> None:
    path = tmp_path / "model.pt"
    model = Model(_gru())
    model.add_module("decoder", nn.LSTM(3, 6, bidirectional=True))
    model.add_module("memory", nn.LSTMCell(3, 5))
    torch.save({"epoch": 1, "model": nn.DataParallel(model).state_dict()}, path)
    for prefix in (
        "encoder.rnn",
        "encoder.rnn.",
        "module.encoder.rnn",
        "model.encoder.rnn.",
        "model.module.encoder.rnn",
    ):
        assert _same(path, model.get_submodule("encoder.rnn"), prefix=prefix)
        assert read_checkpoint(path, prefix=prefix).prefix == "encoder.rnn."
    assert _same(path, model.get_submodule("memory"), prefix="memory")

    listed = (
        r"GRU, 1 layer of 6 units, 3 inputs, at 'encoder\.rnn\.'; "
        r"unreadable weights at 'decoder\.' \(a bidirectional .*\); "
        r"LSTM, 1 layer of 5 units, 3 inputs, at 'memory\.'$"
    )
    with pytest.raises(ValueError, match=r"several networks, pass --prefix or prefix= for one: " + listed):
        read_checkpoint(path)
    with pytest.raises(ValueError, match=r"no recurrent network at 'rnn', but " + listed):
        read_checkpoint(path, prefix="rnn")
    with pytest.raises(ValueError, match="a bidirectional module is no dynamical system"):
        read_checkpoint(path, prefix="decoder")


def test_networks_of_one_name_are_told_apart_by_their_containers(tmp_path) -> None:
    path = tmp_path / "model.pt"
    first, second, third = _gru(), _gru(), nn.LSTM(3, 6)
    average = {f"module.rnn.{k}": v for k, v in second.state_dict().items()}
    torch.save({"model": nn.ModuleDict({"rnn": first}).state_dict(), "ema": average, "": third.state_dict()}, path)
    with pytest.raises(ValueError, match=r"at 'model\.rnn\.'; GRU.* at 'ema\.module\.rnn\.'; LSTM.* at the top level"):
        read_checkpoint(path)
    assert _same(path, first, prefix="model.rnn")
    assert _same(path, second, prefix="ema.rnn")
    assert _same(path, third, prefix="")
    with pytest.raises(ValueError, match="several networks"):
        read_checkpoint(path, prefix="rnn")

    torch.save([_gru().state_dict() for _ in range(20)], path)
    with pytest.raises(ValueError, match=r"at '11\.' and 8 more$"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"cell": "LSTM"}, "it holds weights of GRU cells, but cell='LSTM' was asked for"),
        (
            {"cell": "gruu"},
            "cell must be one of 'RNN', 'GRU', 'GRU-reset-before', 'LSTM', 'MGU', 'BRC', 'nBRC', 'leaky', "
            "'Dale', 'low-rank', 'minGRU', 'minLSTM', 'LRU', got 'gruu'",
        ),
        ({"nonlinearity": "relu"}, "nonlinearity='relu' is for an RNN, but it holds GRU, 1 layer"),
        ({"nonlinearity": "gelu"}, "nonlinearity must be 'tanh' or 'relu', got 'gelu'"),
        ({"prefix": "decoder"}, "no recurrent network at 'decoder', but GRU, 1 layer of 6 units, 3 inputs, at the top"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, phrase) -> None:
    torch.save(_gru().state_dict(), tmp_path / "model.pt")
    with pytest.raises(ValueError) as raised:
        read_checkpoint(tmp_path / "model.pt", **options)
    assert phrase in str(raised.value)


def _saved(contents: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(contents, buffer, **options)
    return buffer.getvalue()


def _weights(**options: Any) -> bytes:
    return _saved(_gru().state_dict(), **options)


def _legacy() -> bytes:
    return _weights(_use_new_zipfile_serialization=False)


def _zip(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "hello")
    return buffer.getvalue()


def _header(dtype: str) -> bytes:
    text = json.dumps({"weight_hh": {"dtype": dtype, "shape": [4], "data_offsets": [0, 3]}}).encode()
    return len(text).to_bytes(8, "little") + text + b"\0\0\0"


def _refusal(path: Path) -> str:
    with pytest.raises(ValueError) as raised:
        read_checkpoint(path)
    message = str(raised.value)
    assert message.startswith(f"cannot read {path}: ")
    assert "\n" not in message
    assert len(message) - len(str(path)) < 250
    assert isinstance(raised.value.__cause__, ValueError)
    return message


UNKNOWN = "it is cut short, damaged, or neither a file of torch.save nor of safetensors"
OBJECTS = "it holds Python objects besides tensors"
NAMES = "it holds no recurrent weights, with names like 'rnn.weight_hh_l0'; tensors in it: "
PARTIAL = "it is cut short, damaged, or no safetensors file"

BAD_FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "it is empty"),
    "empty.safetensors": (lambda: b"", "it is empty"),
    "text": (lambda: b"hello world\n", UNKNOWN),
    "csv": (lambda: b"cell,weight\n1,2\n", UNKNOWN),
    "json": (lambda: b'{"weight_hh_l0": [1, 2]}', UNKNOWN),
    "dot": (lambda: b".", UNKNOWN),
    "noise": (lambda: np.random.default_rng(0).bytes(5000), UNKNOWN),
    "numpy": (lambda: b"\x93NUMPY\x01\x00v\x00" + b" " * 200, UNKNOWN),
    "half a zip": (lambda: _weights()[:2000], UNKNOWN),
    "zip without end": (lambda: _weights()[:-10], UNKNOWN),
    "zip with a hole": (lambda: (whole := _weights())[:80] + b"\xff" * 40 + whole[120:], UNKNOWN),
    "zip, bad name": (lambda: _saved({"a": 1}).replace(b"data.pkl", b"data.p\x80l"), UNKNOWN),
    "zip, bad directory": (lambda: _weights().replace(b"PK\1\2", b"PK\1\3"), UNKNOWN),
    "half a legacy file": (lambda: _legacy()[: len(_legacy()) // 2], UNKNOWN),
    "head of a legacy file": (lambda: _legacy()[:200], UNKNOWN),
    "empty zip": (_zip, UNKNOWN),
    "other zip": (
        lambda: _zip("notes.txt", "more/notes.txt"),
        "it is a zip archive, but not one that torch.save wrote",
    ),
    "TorchScript": (lambda: _zip("m/data.pkl", "m/constants.pkl", "m/version"), "it is a TorchScript archive: save"),
    "plain pickle": (lambda: pickle.dumps({"x": argparse.Namespace()}), f"{NAMES}none"),
    "pickle, protocol 2": (lambda: pickle.dumps(argparse.Namespace(), 2), f"{NAMES}none"),
    "object beside": (lambda: _saved({"args": argparse.Namespace()}), f"{NAMES}none"),
    "numpy scalar": (lambda: _saved({"loss": np.float64(1.0)}), f"{NAMES}none"),
    "whole module": (lambda: _saved(nn.Linear(2, 2)), f"{NAMES}weight, bias"),
    "code": (lambda: b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00exit\x85R.", f"{OBJECTS} (posix.system)"),
    "bare tensor": (lambda: _saved(torch.zeros(3)), "it holds one Tensor, not a state dict: save model.state_dict()"),
    "list": (lambda: _saved([1, 2]), f"{NAMES}none"),
    "list of tensors": (lambda: _saved([torch.zeros(1), torch.zeros(1)]), f"{NAMES}0, 1"),
    "feed-forward": (lambda: _saved({"model": nn.Linear(2, 2).state_dict()}), f"{NAMES}model.weight, model.bias"),
    "no tensors": (lambda: _saved({"weight_hh_l0": [1.0]}), f"{NAMES}none"),
    "pruned": (lambda: _saved({"rnn.weight_hh_l0_orig": torch.zeros(2, 2)}), f"{NAMES}rnn.weight_hh_l0_orig"),
    "other.safetensors": (lambda: save({"fc.bias": torch.zeros(2)}), f"{NAMES}fc.bias"),
    "half.safetensors": (lambda: save({"a": torch.zeros(50)})[:100], PARTIAL),
    "head.safetensors": (lambda: b"\x40\0", PARTIAL),
    "torch.safetensors": (_weights, PARTIAL),
    "text.safetensors": (lambda: b"hello hello hello", PARTIAL),
    "unknown dtype": (lambda: _header("Q9"), PARTIAL),
    "6-bit floats": (lambda: _header("F6_E2M3"), PARTIAL),
    "bidirectional": (
        lambda: _saved(_gru(bidirectional=True).state_dict()),
        "a bidirectional module is no dynamical system: its backward half runs against time",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, name) -> None:
    make, phrase = BAD_FILES[name]
    (tmp_path / name).write_bytes(make())
    assert phrase in _refusal(tmp_path / name)


def test_a_path_that_is_no_file_is_refused(tmp_path) -> None:
    assert "Is a directory" in _refusal(tmp_path)
    assert "No such file" in _refusal(tmp_path / "none.safetensors")
    assert "File name too long" in _refusal(tmp_path / ("x" * 300))


ONES = torch.ones(18, 6)
BAD_WEIGHTS = [  # in a GRU of 3 inputs and two layers of 6 units
    ("weight_ih_l0", None, "core.weight_ih_l0 is missing"),
    ("weight_hh_l1", None, "core.weight_hh_l1 is missing"),
    ("bias_hh_l1", None, "core.bias_hh_l1 is missing"),
    ("weight_hh_l3", ONES, "core.weight_hh_l2 is missing"),
    ("weight_hr_l0", ONES, "core.weight_hr_l1 is missing"),
    ("weight_hh_l0", torch.ones(6), "core.weight_hh_l0 must have shape [rows, columns], got [6]"),
    ("weight_ih_l0", torch.ones(18, 3, 1), "core.weight_ih_l0 must have shape [18, inputs], got [18, 3, 1]"),
    ("bias_ih_l0", torch.tensor(1.0), "core.bias_ih_l0 must have shape [18], got []"),
    ("weight_hh_l0", torch.ones(30, 6), "4 (LSTM) times as many rows as columns, got shape [30, 6]"),
    ("weight_hh_l0", torch.ones(2, 6), "core.bias_hh_l0 is no weight of BRC, whose shapes it has"),
    ("weight_ih_l0", torch.tensor(1.0), "core.weight_ih_l0 must have shape [18, inputs], got []"),
    ("weight_ih_l0", torch.ones(24, 3), "core.weight_ih_l0 must have shape [18, inputs], got [24, 3]"),
    ("weight_ih_l1", torch.ones(18, 5), "core.weight_ih_l1 must have shape [18, 6], got [18, 5]"),
    ("weight_hh_l1", torch.ones(15, 5), "core.weight_hh_l1 must have shape [18, 6], got [15, 5]"),
    ("weight_hh_l0", torch.ones(0, 0), "core.weight_hh_l0 is empty, of shape [0, 0]"),
    ("weight_hh_l1", ONES * float("nan"), "core.weight_hh_l1 must be finite, but holds NaN"),
    ("bias_ih_l0", torch.full((18,), float("inf")), "core.bias_ih_l0 must be finite"),
    ("weight_hh_l0", ONES.to(torch.int8), "must hold floating-point numbers of 16 to 64 bits, got torch.int8"),
    ("weight_hh_l0", ONES.to(torch.float8_e4m3fn), "of 16 to 64 bits, got torch.float8_e4m3fn"),
    ("weight_hh_l0", ONES.to(torch.complex64), "of 16 to 64 bits, got torch.complex64"),
    ("weight_hh_l0", ONES.to_sparse(), "must be a dense tensor with data, got torch.sparse_coo"),
    ("weight_hh_l0", ONES.to("meta"), "must be a dense tensor with data, got torch.strided on device meta"),
]


@pytest.mark.parametrize(("name", "weight", "phrase"), BAD_WEIGHTS)
def test_weights_that_do_not_fit_are_named(tmp_path, name, weight, phrase) -> None:
    state = {f"core.{key}": value for key, value in _gru(num_layers=2).state_dict().items()} | {f"core.{name}": weight}
    torch.save({key: value for key, value in state.items() if value is not None}, tmp_path / "model.pt")
    assert phrase in _refusal(tmp_path / "model.pt")


def test_a_projection_must_fit(tmp_path) -> None:
    torch.save({**nn.LSTM(3, 6, proj_size=4).state_dict(), "weight_hr_l0": torch.ones(3, 6)}, tmp_path / "model.pt")
    assert "weight_hh_l0 must have shape [24, 3], got [24, 4]" in _refusal(tmp_path / "model.pt")


BAD_CELLS = [
    (MGU, "bias_hh_l0", torch.ones(12), "bias_hh_l0 is no weight of MGU, whose shapes it has"),
    (MGU, "weight_hh_l1", torch.ones(12, 6), "weight_ih_l1 is missing"),
    (BRC, "weight_ih_l0", torch.ones(12, 3), "weight_ih_l0 must have shape [18, inputs], got [12, 3]"),
    (BRC, "bias_ih_l0", torch.ones(12), "bias_ih_l0 must have shape [18], got [12]"),
    (NBRC, "weight_ih_l0", torch.ones(24, 3), "weight_ih_l0 must have shape [12, inputs], got [24, 3]"),
    (Parallel, "parallel.0.1.weight_ih_l0", torch.ones(9, 4), "parallel.0.1 must be one layer with 3 inputs"),
    (Parallel, "parallel.1.0.weight_ih_l0", torch.ones(9, 4), "parallel.1.1 is missing"),
    (Parallel, "parallel.0.0.weight_hh_l0", torch.ones(9, 2), "parallel.0.0.weight_hh_l0 must have"),
]


@pytest.mark.parametrize(("kind", "name", "weight", "phrase"), BAD_CELLS)
def test_weights_that_do_not_fit_the_cells_of_the_paper_are_named(tmp_path, kind, name, weight, phrase) -> None:
    state = kind(3, 6).state_dict()
    if name not in state and name.startswith("parallel"):  # a second layer, begun
        state |= {name.replace("weight_ih", "weight_hh"): torch.ones(9, 3)}
        state |= {name.replace("weight_ih", bias): torch.ones(9) for bias in ("bias_ih", "bias_hh")}
        weight = torch.ones(9, 6)
    torch.save(state | {name: weight}, tmp_path / "model.pt")
    assert phrase in _refusal(tmp_path / "model.pt")


def _leaves(root: Any, prefix: str = "", seen: frozenset[int] = frozenset()) -> dict[str, Any]:
    """Everything in nested dicts and lists, by where it lies: "model.encoder.rnn.weight_hh_l0"."""
    if not isinstance(root, dict | list | tuple) or id(root) in seen:
        return {prefix: None if id(root) in seen else root}
    items = root.items() if isinstance(root, dict) else enumerate(root)
    leaves = [_leaves(item, f"{prefix}.{key}".lstrip("."), seen | {id(root)}) for key, item in items]
    return {name: leaf for part in leaves for name, leaf in part.items()}


def _content(path: Path) -> dict[str, Any]:
    return load_file(path) if path.suffix == ".safetensors" else _leaves(torch.load(path, weights_only=True))


def _doubled(path: Path, **options: Any) -> Checkpoint:
    """What is read from a file, with every weight of its network doubled in place."""
    found = read_checkpoint(path, **options)
    for weight in found.places.values():
        weight.mul_(2)
    return found


def _write_doubled(source: Path, target: Path, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is in a file, and in the one written with its network's weights doubled."""
    found, before = _doubled(source, **options), _content(source)
    assert found.write(str(target)) == target
    again = read_checkpoint(target, **options)
    inputs = torch.randn(4, 7, 3, dtype=found.network.dtype)
    assert torch.equal(again.network.run(inputs), found.network.run(inputs))
    assert str(again) == str(found)
    return before, _content(target)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("core", [_gru, lambda: Parallel(3, 6, (MGU, nn.LSTM), 2)], ids=["GRU", "Parallel"])
def test_a_file_is_written_again_with_its_network_changed_alone(tmp_path, layout, core) -> None:
    source, target = tmp_path / "model.pt", tmp_path / "new" / "model.pt"
    torch.save(LAYOUTS[layout][0](Model(core())), source)
    before, after = _write_doubled(source, target)
    network = {containers + key for containers, key in read_checkpoint(source).places}
    assert len(network) == len(core().state_dict())
    assert list(before) == list(after)
    for name, leaf in before.items():
        if isinstance(leaf, Tensor):
            assert after[name].dtype == leaf.dtype
            assert torch.equal(after[name], 2 * leaf if name in network else leaf)
        else:
            assert after[name] == leaf


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_file_is_written_in_its_own_precision(tmp_path, dtype) -> None:
    torch.save({"model": NBRC(3, 6, 2, dtype=dtype).state_dict()}, tmp_path / "model.pt")
    before, after = _write_doubled(tmp_path / "model.pt", tmp_path / "new.pt")
    assert {leaf.dtype for leaf in after.values()} == {dtype}
    assert all(torch.equal(after[name], 2 * leaf) for name, leaf in before.items())
    assert _doubled(tmp_path / "new.pt").write(tmp_path / "new.pt")  # in place of itself
    assert all(torch.equal(leaf, 4 * before[name]) for name, leaf in _content(tmp_path / "new.pt").items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.pt", "new.pt"]


@pytest.mark.parametrize("metadata", [None, {"format": "pt", "epoch": "3"}])
def test_safetensors_are_written_with_their_metadata(tmp_path, metadata) -> None:
    source, target = tmp_path / "model.safetensors", tmp_path / "new.safetensors"
    save_file(Model(Parallel(3, 6, (BRC, nn.GRU))).half().state_dict(), source, metadata)
    before, after = _write_doubled(source, target)
    assert all(torch.equal(leaf, before[name] * (1 + ("parallel" in name))) for name, leaf in after.items())
    with safe_open(target, framework="pt") as file:
        assert file.metadata() == metadata


def test_tied_weights_stay_tied(tmp_path) -> None:
    model = Model(_gru())
    model.readout.weight = nn.Parameter(model.get_submodule("encoder.rnn").weight_hh_l0[:2])
    model.register_buffer("twin", model.get_submodule("encoder.rnn").bias_hh_l0.detach())
    torch.save({"model": model.state_dict(), "ema": {"shadow": model.state_dict()["twin"]}}, tmp_path / "model.pt")
    _, after = _write_doubled(tmp_path / "model.pt", tmp_path / "new.pt")
    core = "model.encoder.rnn."
    assert after["model.readout.weight"].data_ptr() == after[f"{core}weight_hh_l0"].data_ptr()
    assert {after[name].data_ptr() for name in ("model.twin", "ema.shadow", f"{core}bias_hh_l0")} == {
        after["model.twin"].data_ptr()
    }


def test_weights_that_a_file_cannot_hold_are_refused(tmp_path) -> None:
    source, target = tmp_path / "model.pt", tmp_path / "new.pt"
    tied = _gru().half().state_dict()
    torch.save(tied | {"bias_hh_l0": tied["bias_ih_l0"]}, source)

    def refused(found: Checkpoint, phrase: str, path: Path = target) -> None:
        with pytest.raises(ValueError, match=rf"cannot write {path}.*{phrase}"):
            found.write(path)
        assert not path.is_file()

    found = read_checkpoint(source)
    found.network.layers[0].weights()["weight_hh"].fill_(1e6)
    refused(found, "weight_hh_l0 must be finite in the file's precision")
    found = read_checkpoint(source)
    found.network.layers[0].weights()["bias_hh"].add_(1)
    refused(found, "bias_.h_l0 shares its memory with another weight that now differs")
    refused(_doubled(source), "needs another suffix", tmp_path / "new.safetensors")
    refused(_doubled(source), "Is a directory", tmp_path)
    found = read_checkpoint(source)
    for content, phrase in [({}, "has changed"), (nn.GRU(3, 5).state_dict(), "has changed"), ([1], "has changed")]:
        torch.save(content, source)
        refused(found, phrase)
    source.write_bytes(b"12345678{}")
    refused(found, "damaged")
    source.unlink()
    refused(found, "No such file")
    torch.save(_gru().state_dict() | {"bias_hh_l0": torch.zeros(1).expand(18)}, source)
    refused(read_checkpoint(source), "bias_hh_l0 cannot be changed")


def test_a_tensor_that_stands_for_more_than_the_file_holds_is_refused(tmp_path) -> None:
    state = _gru().state_dict() | {"bias_hh_l0": torch.zeros(1).expand(10**9)}
    torch.save(state, tmp_path / "model.pt")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = _refusal(tmp_path / "model.pt")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    assert "bias_hh_l0 is an expanded tensor: 1,000,000,000 numbers, more than are in the file" in message
    # Elsewhere in the file it is nobody's business.
    torch.save(_gru().state_dict() | {"table": torch.zeros(1, dtype=torch.int64).expand(10**9)}, tmp_path / "other.pt")
    assert read_checkpoint(tmp_path / "other.pt").cell == "GRU"


def test_an_archive_that_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path) -> None:
    whole = _saved({"weight_hh_l0": torch.zeros(4096, 4096)})
    with (
        zipfile.ZipFile(io.BytesIO(whole)) as source,
        zipfile.ZipFile(tmp_path / "model.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for info in source.infolist():
            target.writestr(info.filename, source.read(info))
    assert "it unpacks to 67," in _refusal(tmp_path / "model.pt")


def _tar(*names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return buffer.getvalue()


FOREIGN: dict[str, tuple[Callable[[], bytes], str]] = {
    "json.pt": (lambda: json.dumps({"weight_hh_l0": [[0.5]]}).encode(), f"{UNKNOWN}: it is JSON, so save"),
    "list.json": (lambda: b" [[1, 2], [3, 4]]", "it is JSON"),
    "old.tar": (lambda: _tar("./storages", "./tensors", "./pickle"), "it is torch's own tar archive of before 2017"),
    "any.tar": (lambda: _tar("notes.txt"), "it is a tar archive"),
    "model.pt.gz": (lambda: gzip.compress(_weights()), "it is compressed by gzip, so unpack it first"),
    "model.h5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(500), "it is a damaged HDF5 file"),
    "model.npy": (lambda: b"\x93NUMPY\x01\x00v\x00" + b" " * 200, "it is a numpy array"),
    "model.keras": (lambda: _zip("config.json", "model.weights.h5"), "it is a damaged file of Keras"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_are_called_what_they_are(tmp_path, name) -> None:
    make, phrase = FOREIGN[name]
    (tmp_path / name).write_bytes(make())
    assert phrase in _refusal(tmp_path / name)


class _Encoded(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.encoder = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, width))
        self.rnn = nn.GRU(width, 6)
        self.decoder = nn.Linear(6, width)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_layers_before_the_network_are_said(tmp_path, suffix) -> None:
    path = tmp_path / f"model{suffix}"

    def before(model: nn.Module, **options: Any) -> tuple[str, ...]:
        save_file(model.state_dict(), path) if suffix == ".safetensors" else torch.save({"m": model.state_dict()}, path)
        return read_checkpoint(path, **options).preceding

    assert before(_Encoded(5)) == ("encoder.2 (16 to 5)",)
    assert before(nn.ModuleDict({"embedding": nn.Embedding(50, 3), "rnn": _gru()})) == ("embedding (50 to 3)",)
    assert before(nn.ModuleDict({"conv": nn.Conv1d(7, 3, 5), "rnn": _gru()})) == ("conv (7 to 3)",)
    assert before(nn.ModuleDict({"rnn": _gru(), "readout": nn.Linear(6, 2)})) == ()
    assert before(nn.ModuleDict({"rnn": _gru(), "decoder": nn.Linear(6, 3)})) == ()
    stacked = nn.ModuleDict({"first": nn.LSTM(4, 3), "second": _gru()})
    assert before(stacked, prefix="second") == ("first (4 to 3)",)
