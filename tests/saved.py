"""Files of one GRU in every format that is read, each as its users write it."""

import argparse
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn


class _Exported(nn.Module):
    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        self.rnn = core

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0]


def _arrays(core: nn.Module) -> dict[str, np.ndarray]:
    return {f"rnn.{name}": weight.numpy() for name, weight in core.state_dict().items()}


def _pickled(core: nn.Module, path: Path) -> None:
    path.write_bytes(pickle.dumps({"args": argparse.Namespace(), "weights": _arrays(core)}))


def _archived(core: nn.Module, path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({f"lstm_actor.{name}": weight for name, weight in core.state_dict().items()}, buffer)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", "{}")
        archive.writestr("policy.pth", buffer.getvalue())


def _folder(core: nn.Module, path: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"hidden": 6}))
    save_file({f"rnn.{name}": weight for name, weight in core.state_dict().items()}, path / "model.safetensors")


def _mat(core: nn.Module, path: Path) -> None:
    from scipy.io import savemat

    savemat(path, {name.replace(".", "_"): array for name, array in _arrays(core).items()})


def _hdf5(core: nn.Module, path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, array in _arrays(core).items():
            file[name.replace(".", "/")] = array


def _keras(core: nn.Module, path: Path) -> None:
    """As Keras 2 wrote a layer, in its order of gates."""
    h5py = pytest.importorskip("h5py")
    weights = {name.removeprefix("rnn."): array for name, array in _arrays(core).items()}
    turned = {
        name: np.concatenate(np.split(array, 3)[1::-1] + np.split(array, 3)[2:]) for name, array in weights.items()
    }
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["gru"]
        file["gru/gru/gru_cell/kernel:0"] = turned["weight_ih_l0"].T
        file["gru/gru/gru_cell/recurrent_kernel:0"] = turned["weight_hh_l0"].T
        file["gru/gru/gru_cell/bias:0"] = np.stack([turned["bias_ih_l0"], turned["bias_hh_l0"]])


def _onnx(core: nn.Module, path: Path) -> None:
    pytest.importorskip("onnx")
    torch.onnx.export(_Exported(core), (torch.zeros(7, 4, 3),), str(path), dynamo=False)


def _program(core: nn.Module, path: Path) -> None:
    torch.export.save(torch.export.export(_Exported(core), (torch.zeros(7, 4, 3),)), path)


FILES: dict[str, tuple[Callable[[nn.Module, Path], Any], str, bool]] = {
    "state.pt": (lambda core, path: torch.save(core.state_dict(), path), "at the top level ('')", False),
    "whole.pt": (lambda core, path: torch.save(_Exported(core), path), "at 'rnn.'", True),
    "last.ckpt": (
        lambda core, path: torch.save({"state_dict": core.state_dict(), "hparams": argparse.Namespace()}, path),
        "at the top level ('')",
        False,
    ),
    "model.safetensors": (lambda core, path: save_file(core.state_dict(), path), "at the top level ('')", False),
    "model.pkl": (_pickled, "at 'rnn.'", False),
    "model.npz": (lambda core, path: np.savez(path, **_arrays(core)), "at 'rnn.'", False),
    "model.npy": (lambda core, path: np.save(path, np.array(_arrays(core), dtype=object)), "at 'rnn.'", False),
    "model.mat": (_mat, "at 'rnn.'", False),
    "model.h5": (_hdf5, "at 'rnn.'", False),
    "keras.h5": (_keras, "at 'gru.'", False),
    "model.onnx": (_onnx, "at 'rnn.GRU.'", True),
    "model.pt2": (_program, "at 'rnn.'", True),
    "agent.zip": (_archived, "at 'lstm_actor.'", False),
    "folder": (_folder, "at 'rnn.'", False),
}
"""How it is written, where the network lies in it, and whether it says what cell it is."""
