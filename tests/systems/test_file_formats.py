"""Weights in the formats of other libraries: states as the own library computes them, or a refusal."""

import io
import json
import os
import sys
import types
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rnn_dynamics.systems import Checkpoint, as_map, read_checkpoint

os.environ.setdefault("KERAS_BACKEND", "torch")
INPUTS = np.random.default_rng(0).normal(size=(4, 7, 3))


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _states(found: Checkpoint) -> Tensor:
    return found.network.run(torch.from_numpy(INPUTS).to(found.network.dtype))


def _same(path: Path, module: nn.Module, **options: Any) -> Checkpoint:
    found = read_checkpoint(path, **options)
    assert torch.equal(_states(found), as_map(module).run(torch.from_numpy(INPUTS).float()))
    return found


def _refused(path: Path, phrase: str, **options: Any) -> None:
    with pytest.raises(ValueError, match="cannot read") as raised:
        read_checkpoint(path, **options)
    assert phrase in str(raised.value)
    assert "\n" not in str(raised.value)


def _arrays(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: weight.numpy() for name, weight in module.state_dict().items()}


def _model(core: nn.Module | None = None) -> nn.ModuleDict:
    return nn.ModuleDict({"encoder": nn.Linear(5, 3), "rnn": core or nn.GRU(3, 6, 2), "readout": nn.Linear(6, 2)})


# NumPy and MATLAB


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, save) -> None:
    model = _model()
    arrays = _arrays(model)
    arrays["rnn.weight_hh_l0"] = np.asfortranarray(arrays["rnn.weight_hh_l0"])
    save(tmp_path / "model.npz", **arrays, names=np.array(["a", "b"]), step=3)
    found = _same(tmp_path / "model.npz", model["rnn"])
    assert found.preceding == ("encoder (5 to 3)",)
    with pytest.raises(ValueError, match="cannot be written again"):
        found.require_writable()


def test_objects_that_numpy_saved(tmp_path) -> None:
    model = _model()
    np.save(tmp_path / "model.npy", np.array({"weights": _arrays(model)}, dtype=object))
    _same(tmp_path / "model.npy", model["rnn"])
    np.savez(tmp_path / "model.npz", weights=np.array(_arrays(model), dtype=object), loss=np.zeros(3))
    _same(tmp_path / "model.npz", model["rnn"])
    np.save(tmp_path / "numbers.npy", np.zeros((6, 6)))
    _refused(tmp_path / "numbers.npy", "save {name: array} with numpy.savez")
    (tmp_path / "half.npz").write_bytes((tmp_path / "model.npz").read_bytes()[:-30])
    _refused(tmp_path / "half.npz", "cut short, damaged")


@pytest.mark.parametrize("compressed", [False, True])
def test_mat(tmp_path, compressed) -> None:
    from scipy.io import savemat

    model = _model()
    core = _arrays(model["rnn"])
    layouts = {
        "flat": core,
        "joined": {f"rnn_{name}": array for name, array in core.items()},
        "struct": {"net": {"rnn": core, "note": "text"}, "loss": np.zeros(3)},
        "columns": {name: array.reshape(len(array), -1) for name, array in core.items()},
    }
    for name, layout in layouts.items():
        savemat(tmp_path / f"{name}.mat", layout, do_compression=compressed)
        _same(tmp_path / f"{name}.mat", model["rnn"])
    cells = np.empty((1, 2), dtype=object)
    cells[0, 0], cells[0, 1] = {"a": 1.0}, core
    savemat(tmp_path / "cells.mat", {"nets": cells}, do_compression=compressed)
    _same(tmp_path / "cells.mat", model["rnn"])


def test_a_mat_file_that_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path) -> None:
    from scipy.io import savemat

    savemat(tmp_path / "bomb.mat", {"weight_hh_l0": np.zeros((2000, 2000))}, do_compression=True)
    _refused(tmp_path / "bomb.mat", "as no weights of its size do")
    savemat(tmp_path / "half.mat", _arrays(nn.GRU(3, 6)))
    (tmp_path / "half.mat").write_bytes((tmp_path / "half.mat").read_bytes()[:-500])
    _refused(tmp_path / "half.mat", ".mat file, cut short or damaged")


# HDF5


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_hdf5_with_the_names_of_torch(tmp_path, compression) -> None:
    h5py = pytest.importorskip("h5py")
    model = _model()
    with h5py.File(tmp_path / "model.h5", "w") as file:
        for name, array in _arrays(model).items():
            file.create_dataset(name.replace(".", "/"), data=array, compression=compression)
        file["text"] = "a text"
    _same(tmp_path / "model.h5", model["rnn"])


def test_mat_of_version_7_3(tmp_path) -> None:
    """HDF5 behind a header of 512 bytes, each array with its axes in reverse."""
    h5py = pytest.importorskip("h5py")
    model = _model()
    with h5py.File(tmp_path / "model.mat", "w", userblock_size=512) as file:
        for name, array in _arrays(model["rnn"]).items():
            one = file.create_dataset(f"net/rnn_{name}", data=np.atleast_2d(array).T)
            one.attrs["MATLAB_class"] = np.bytes_("single")
    with (tmp_path / "model.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM")
    assert _same(tmp_path / "model.mat", model["rnn"]).prefix == "rnn."


def test_hdf5_bombs_and_links_are_not_followed(tmp_path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("weight_hh_l0", shape=(10**5, 10**5), dtype="f4", chunks=(100, 100), compression="gzip")
    _refused(tmp_path / "bomb.h5", "it unpacks to 40,000,000,000 bytes")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        for name, array in _arrays(nn.GRU(3, 6)).items():
            file[name] = array
    with h5py.File(tmp_path / "links.h5", "w") as file:
        file["rnn"] = h5py.ExternalLink("other.h5", "/")
        file["more"] = h5py.SoftLink("/nowhere")
    _refused(tmp_path / "links.h5", "holds no recurrent weights")
    (tmp_path / "half.h5").write_bytes((tmp_path / "other.h5").read_bytes()[:3000])
    _refused(tmp_path / "half.h5", "it is a damaged HDF5 file")


@pytest.mark.parametrize(("module", "name"), [("h5py", "model.h5"), ("onnx", "model.onnx")])
def test_what_a_format_needs_is_said(tmp_path, monkeypatch, module, name) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).write_bytes((b"\x89HDF\r\n\x1a\n" if module == "h5py" else b"\x08\x0a") + bytes(100))
    _refused(tmp_path / name, "pip install 'rnn-dynamics[files]'")


# Keras


@pytest.fixture(scope="module")
def keras() -> types.ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras")


def _saved_by_keras(keras: Any, layers: list[Any], path: Path) -> np.ndarray:
    """What a model of layers puts out at each step; its weights are drawn, biases too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = keras.Sequential([keras.Input((7, 3)), *layers])
        drawn = np.random.default_rng(1)
        model.set_weights([drawn.normal(size=weight.shape) * 0.5 for weight in model.get_weights()])
        model.save_weights(path) if path.name.endswith(".weights.h5") else model.save(path)
        return np.asarray(model.predict(INPUTS, verbose=0))


KERAS_LAYERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "tanh": ("SimpleRNN", {}, "RNN"),
    "relu": ("SimpleRNN", {"activation": "relu"}, "RNN"),
    "gru": ("GRU", {"reset_after": True}, "GRU"),
    "gru, reset before": ("GRU", {"reset_after": False}, "GRU-reset-before"),
    "gru without bias": ("GRU", {"reset_after": True, "use_bias": False}, "GRU"),
    "gru without bias, reset before": ("GRU", {"reset_after": False, "use_bias": False}, "GRU-reset-before"),
    "lstm": ("LSTM", {}, "LSTM"),
    "lstm without bias": ("LSTM", {"use_bias": False}, "LSTM"),
}


@pytest.mark.parametrize("suffix", [".h5", ".keras", ".weights.h5"])
@pytest.mark.parametrize("name", KERAS_LAYERS)
def test_keras(tmp_path, keras, name, suffix) -> None:
    kind, options, cell = KERAS_LAYERS[name]
    path = tmp_path / f"model{suffix}"
    layer = getattr(keras.layers, kind)(6, return_sequences=True, name="memory", **options)
    outputs = _saved_by_keras(keras, [keras.layers.Dense(3, name="encoder", use_bias=False), layer], path)
    chosen = {"nonlinearity": "relu"} if name == "relu" and suffix == ".weights.h5" else {}
    if "without bias" in name and kind == "GRU" and suffix == ".weights.h5":
        _refused(path, "has no bias to tell reset_after by: save the model as .keras")
        return
    found = read_checkpoint(path, **chosen)
    assert (found.cell, found.prefix) == (cell, "memory.")
    assert found.told == (suffix != ".weights.h5" or cell == "GRU-reset-before")
    drawn = np.random.default_rng(1).normal(size=(3, 3)) * 0.5
    inputs = torch.from_numpy(INPUTS @ drawn).to(found.network.dtype)
    assert np.abs(found.network.run(inputs)[..., :6].numpy() - outputs).max() < 1e-5
    assert found.preceding == ("encoder (3 to 3)",)


@pytest.mark.parametrize("suffix", [".h5", ".keras", ".weights.h5"])
def test_keras_layers_that_no_layer_here_computes_are_refused(tmp_path, keras, suffix) -> None:
    path = tmp_path / f"model{suffix}"
    layers = keras.layers
    _saved_by_keras(keras, [layers.Bidirectional(layers.GRU(6))], path)
    _refused(path, "is half of a bidirectional layer")
    _saved_by_keras(keras, [layers.GRU(6), layers.Reshape((1, 6)), layers.LSTM(5, name="second")], path)
    _refused(path, "several networks")
    assert read_checkpoint(path, prefix="second").cell == "LSTM"
    if suffix != ".weights.h5":
        _saved_by_keras(keras, [layers.LSTM(6, activation="relu")], path)
        _refused(path, "has activations 'relu' and 'sigmoid', not tanh and sigmoid")
        _saved_by_keras(keras, [layers.SimpleRNN(6, activation="softplus")], path)
        _refused(path, "has nonlinearity 'softplus', not tanh or relu")


@pytest.mark.parametrize("suffix", [".h5", ".keras", ".weights.h5"])
def test_a_cell_of_keras_that_is_ones_own_is_refused(tmp_path, keras, suffix) -> None:
    class OwnCell(keras.layers.GRUCell):
        def call(self, *args: Any, **options: Any) -> Any:
            return super().call(*args, **options)

    path = tmp_path / f"model{suffix}"
    _saved_by_keras(keras, [keras.layers.RNN(OwnCell(6), name="memory")], path)
    _refused(path, "whose step the file does not tell")
    _saved_by_keras(keras, [keras.layers.RNN(keras.layers.GRUCell(6), name="memory")], path)
    assert read_checkpoint(path).cell == "GRU"


# ONNX


def _node(kind: str, prefix: str, given: str, rng: np.random.Generator, inputs: int, **attributes: Any) -> Any:
    from onnx import helper, numpy_helper

    rows = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind] * 6
    weights = {"W": (1, rows, inputs), "R": (1, rows, 6), "B": (1, 2 * rows)}
    held = [
        numpy_helper.from_array((0.5 * rng.normal(size=shape)).astype(np.float32), prefix + name)
        for name, shape in weights.items()
    ]
    names = [given, *(prefix + name for name in weights)]
    return helper.make_node(kind, names, [f"{prefix}Y"], name=f"/{prefix}/{kind}", hidden_size=6, **attributes), held


def _saved_as_onnx(path: Path, nodes: list[Any], held: list[Any], output: str) -> np.ndarray:
    """What the reference evaluator of ONNX puts out, [time, 1, batch, n]."""
    import onnx
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [7, 4, 3])
    result = helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)
    model = helper.make_model(helper.make_graph(nodes, "g", [value], [result], held))
    onnx.save(model, path)
    ran = ReferenceEvaluator(model).run([output], {"x": INPUTS.transpose(1, 0, 2).astype(np.float32)})
    assert isinstance(ran, list)
    return ran[0]


ONNX_NODES: dict[str, tuple[str, dict[str, Any], str]] = {
    "tanh": ("RNN", {}, "RNN"),
    "gru": ("GRU", {"linear_before_reset": 1}, "GRU"),
    "gru, reset before": ("GRU", {}, "GRU-reset-before"),
    "lstm": ("LSTM", {}, "LSTM"),
}


@pytest.mark.parametrize("name", ONNX_NODES)
def test_onnx(tmp_path, name) -> None:
    pytest.importorskip("onnx")
    kind, attributes, cell = ONNX_NODES[name]
    node, held = _node(kind, "memory", "x", np.random.default_rng(0), 3, **attributes)
    outputs = _saved_as_onnx(tmp_path / "model.onnx", [node], held, "memoryY")
    found = read_checkpoint(tmp_path / "model.onnx")
    assert (found.cell, found.told, found.prefix) == (cell, True, f"memory.{kind}.")
    states = _states(found)[..., :6].numpy().transpose(1, 0, 2)
    assert np.abs(states - outputs[:, 0]).max() < 1e-5


def test_a_stack_in_onnx_is_one_network(tmp_path) -> None:
    pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(0)
    below, first = _node("LSTM", "a", "x", rng, 3)
    above, second = _node("LSTM", "b", "between", rng, 6)
    axes = numpy_helper.from_array(np.array([1]), "axes")
    passing = helper.make_node("Squeeze", ["aY", "axes"], ["between"])
    outputs = _saved_as_onnx(tmp_path / "model.onnx", [below, passing, above], [*first, *second, axes], "bY")
    found = read_checkpoint(tmp_path / "model.onnx")
    assert str(found) == "LSTM, 2 layers of 6 units, 3 inputs, at 'a.LSTM.'"
    assert np.abs(_states(found)[..., 12:18].numpy().transpose(1, 0, 2) - outputs[:, 0]).max() < 1e-5


@pytest.mark.parametrize("kind", ["tanh", "relu", "gru", "lstm"])
def test_modules_that_torch_exports_to_onnx(tmp_path, kind) -> None:
    pytest.importorskip("onnx")
    makers = {"tanh": nn.RNN, "relu": lambda *s: nn.RNN(*s, nonlinearity="relu"), "gru": nn.GRU, "lstm": nn.LSTM}
    module = makers[kind](3, 6, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.randn(7, 4, 3),), str(tmp_path / "model.onnx"), dynamo=False)
    found = read_checkpoint(tmp_path / "model.onnx")
    wanted = as_map(module).run(torch.from_numpy(INPUTS).float())
    assert (_states(found) - wanted).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("kind", "attributes", "phrase"),
    [
        ("GRU", {"direction": "reverse"}, "does not run forward in time alone"),
        ("LSTM", {"activations": ["Sigmoid", "Relu", "Tanh"]}, "has activations sigmoid, relu, tanh"),
        ("RNN", {"activations": ["Softsign"]}, "has nonlinearity 'softsign', not tanh or relu"),
        ("GRU", {"clip": 1.0}, "clips its states or couples its gates"),
        ("LSTM", {"input_forget": 1}, "clips its states or couples its gates"),
    ],
)
def test_nodes_that_no_layer_here_computes_are_refused(tmp_path, kind, attributes, phrase) -> None:
    onnx = pytest.importorskip("onnx")
    node, held = _node(kind, "memory", "x", np.random.default_rng(0), 3, **attributes)
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [], held)), tmp_path / "model.onnx")
    _refused(tmp_path / "model.onnx", phrase)


def test_weights_that_a_graph_computes_or_keeps_elsewhere_are_refused(tmp_path) -> None:
    onnx = pytest.importorskip("onnx")
    node, held = _node("GRU", "memory", "x", np.random.default_rng(0), 3)

    def save(held: list[Any]) -> None:
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [], held)), tmp_path / "model.onnx")

    save(held[:2])
    _refused(tmp_path / "model.onnx", "takes its weights from other nodes: export it with constants folded")
    held[1].data_location = onnx.TensorProto.EXTERNAL
    held[1].external_data.add(key="location", value="/etc/passwd")
    held[1].ClearField("raw_data")
    save(held)
    _refused(tmp_path / "model.onnx", "takes its weights from a file beside it")
    (tmp_path / "model.onnx").write_bytes(b"\xff\xff no protobuf")
    _refused(tmp_path / "model.onnx", "no ONNX file")


# Archives


def _archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _torch_bytes(root: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(root, buffer)
    return buffer.getvalue()


def test_stable_baselines3(tmp_path) -> None:
    """As RecurrentPPO of sb3-contrib writes it: two networks, optimisers beside the policy, and JSON with pickles."""
    actor, critic = nn.LSTM(3, 6), nn.LSTM(3, 6)
    policy = nn.ModuleDict({"lstm_actor": actor, "lstm_critic": critic, "action_net": nn.Linear(6, 2)})
    members = {
        "data": json.dumps({"policy_class": {":serialized:": "gASV"}}).encode(),
        "policy.pth": _torch_bytes(policy.state_dict()),
        "policy.optimizer.pth": _torch_bytes(torch.optim.Adam(policy.parameters()).state_dict()),
        "pytorch_variables.pth": _torch_bytes(None),
        "_stable_baselines3_version": b"2.3.2",
    }
    path = _archive(tmp_path / "agent.zip", **members)
    _refused(path, "at 'lstm_actor.'; LSTM, 1 layer of 6 units, 3 inputs, at 'lstm_critic.'")
    _same(path, actor, prefix="lstm_actor")
    found = _same(path, critic, prefix="lstm_critic")
    with pytest.raises(ValueError, match=r"cannot be written again .*stable-baselines3"):
        found.require_writable()
    _refused(_archive(tmp_path / "half.zip", **{"policy.pth": members["policy.pth"][:400]}), "policy.pth in it is cut")
    _refused(_archive(tmp_path / "notes.zip", notes=b"text"), "a zip archive, but not one that torch.save wrote")


class _Exported(nn.Module):
    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        self.rnn, self.readout = core, nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.rnn(x)[0])


class _OwnGRU(nn.GRU):
    pass


def _export(core: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(_Exported(core), (torch.randn(7, 4, 3),)), path)
    if "serialized_state_dict.pt" in zipfile.ZipFile(path).namelist():
        pytest.skip(f"torch {torch.__version__} exports programs as of before, which do not tell their modules")


EXPORTED = [("GRU", nn.GRU, {}), ("LSTM", nn.LSTM, {}), ("RNN", nn.RNN, {"nonlinearity": "relu"})]


@pytest.mark.parametrize(("cell", "kind", "options"), EXPORTED, ids=[cell for cell, *_ in EXPORTED])
def test_exported_programs(tmp_path, cell, kind, options) -> None:
    core = kind(3, 6, 2, **options)
    _export(core, tmp_path / "model.pt2")
    found = _same(tmp_path / "model.pt2", core)
    assert (found.cell, found.prefix, found.told) == (cell, "rnn.", True)


def test_exported_programs_of_before_and_of_foreign_classes(tmp_path) -> None:
    core = _OwnGRU(3, 6)
    _export(core, tmp_path / "model.pt2")
    _refused(tmp_path / "model.pt2", "belong to a test_file_formats._OwnGRU")
    _same(tmp_path / "model.pt2", core, cell="gru")
    state = {"serialized_exported_program.json": b"{}", "serialized_state_dict.pt": _torch_bytes(core.state_dict())}
    _same(_archive(tmp_path / "before.pt2", **state), core)
    config = {"m/data/weights/model_weights_config.json": b'{"config": {"weight_hh_l0": {}}}'}
    _refused(_archive(tmp_path / "damaged.pt2", **config), "it is a damaged exported program")


# Folders, and other programs' dictionaries


def test_folders_of_hugging_face(tmp_path) -> None:
    model = _model()
    state = model.state_dict()
    (tmp_path / "config.json").write_text("{}")
    _refused(tmp_path, "Is a directory without model.safetensors or pytorch_model.bin")
    torch.save(state, tmp_path / "pytorch_model.bin")
    _same(tmp_path, model["rnn"])
    (tmp_path / "pytorch_model.bin").unlink()
    save_file(state, tmp_path / "model.safetensors")
    _same(tmp_path, model["rnn"])
    (tmp_path / "model.safetensors").unlink()

    parts = {"model-00001-of-00002.safetensors": {}, "model-00002-of-00002.safetensors": {}}
    where = {}
    for number, (name, tensor) in enumerate(state.items()):
        part = list(parts)[number % 2]
        parts[part][name] = tensor
        where[name] = part
    for part, tensors in parts.items():
        save_file(tensors, tmp_path / part)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    found = _same(tmp_path, model["rnn"])
    with pytest.raises(ValueError, match="cannot be written again"):
        found.require_writable()
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../other.safetensors"}}))
    _refused(tmp_path, "model.safetensors.index.json in it is damaged")


def test_a_checkpoint_of_lightning(tmp_path, monkeypatch) -> None:
    """With what its hyper-parameters and callbacks bring along."""
    library = types.ModuleType("own_project")

    class Config:
        pass

    Config.__module__, Config.__qualname__, library.Config = "own_project", "Config", Config
    monkeypatch.setitem(sys.modules, "own_project", library)
    model = _model()
    content = {
        "epoch": 3,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {f"model.{name}": weight for name, weight in model.state_dict().items()},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"dirpath": tmp_path, "best_k_models": {}}},
        "optimizer_states": [torch.optim.Adam(model.parameters()).state_dict()],
        "hparams_name": "kwargs",
        "hyper_parameters": {"config": Config(), "hidden": np.int64(6)},
    }
    torch.save(content, tmp_path / "last.ckpt")
    monkeypatch.delitem(sys.modules, "own_project")
    assert _same(tmp_path / "last.ckpt", model["rnn"]).prefix == "model.rnn."
