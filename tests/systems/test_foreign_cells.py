"""Cells of other libraries that reuse torch's names: none is read as a cell that it is not without saying so."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnn_dynamics.systems import as_map, read_checkpoint

torchrecurrent = pytest.importorskip("torchrecurrent")


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _made() -> dict[str, nn.Module]:
    """All layers and cells of the library, of 6 inputs and units: one of them wants as many of both."""
    kinds = {name: getattr(torchrecurrent, name) for name in dir(torchrecurrent)}
    modules = {name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, nn.Module)}
    made = {}
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        for name, kind in modules.items():
            try:
                made[name] = kind(6, 6)
            except (TypeError, NotImplementedError):  # a base class
                continue
    return made


MADE = _made()


def test_the_library_has_the_cells_that_this_is_about() -> None:
    assert len(MADE) >= 60
    assert {"MUT2", "OriginalLSTM", "PeepholeLSTM", "tauGRU", "ATRCell", "coRNNCell"} <= MADE.keys()


@pytest.mark.parametrize("name", MADE)
def test_whole_modules_are_refused(tmp_path, name) -> None:
    """Their class says whose they are."""
    torch.save(nn.ModuleDict({"core": MADE[name]}), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="cannot read"):
        read_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize("name", MADE)
def test_state_dicts_are_refused_or_told_to_be_read_by_shape(tmp_path, name) -> None:
    """A cell whose every name and shape is torch's is beyond telling: what it was taken for is said."""
    module = MADE[name]
    torch.save(module.state_dict(), tmp_path / "model.pt")
    if name in ALIKE:
        found = read_checkpoint(tmp_path / "model.pt")
        assert (found.cell, found.by_shape) == (ALIKE[name], True)
    else:
        with pytest.raises(ValueError, match="cannot read"):
            read_checkpoint(tmp_path / "model.pt")


ALIKE = {
    **dict.fromkeys(["ATRCell", "AntisymmetricRNNCell", "MiRU2Cell", "SGRNCell"], "RNN"),
    **dict.fromkeys(["MUT2Cell", "MUT3Cell", "OriginalLSTMCell", "TGRUCell", "TLSTMCell"], "GRU"),
    **dict.fromkeys(["tauGRUCell", "IntersectionRNNCell"], "LSTM"),
}
"""Single cells with no other weights than torch's cell has, each of its shape; three only with 6 inputs and 6 units."""


def _refused(path: Path, phrase: str, **options: Any) -> None:
    with pytest.raises(ValueError, match="cannot read") as raised:
        read_checkpoint(path, **options)
    assert phrase in str(raised.value)


@pytest.mark.parametrize(
    ("name", "sibling"),
    [
        ("weight_ph_l0", torch.zeros(6)),
        ("weight_ch_l0", torch.zeros(6, 6)),
        ("alpha", torch.tensor(0.1)),
        ("mask", torch.ones(18, 6, dtype=torch.bool)),
        ("sign", torch.ones(18, 6, dtype=torch.int8)),
        ("norm.weight", torch.ones(18)),
    ],
)
def test_what_lies_beside_the_weights_makes_a_file_ambiguous(tmp_path, name: str, sibling: Tensor) -> None:
    core, path = nn.GRU(3, 6), tmp_path / "model.pt"
    state = {f"rnn.{key}": weight for key, weight in core.state_dict().items()}
    torch.save(state | {f"rnn.{name}": sibling}, path)
    _refused(path, f"beside the weights of GRU at 'rnn.' lie {name}, which may change its step")
    found = read_checkpoint(path, cell="gru")
    inputs = torch.randn(4, 7, 3)
    assert torch.equal(found.network.run(inputs), as_map(core).run(inputs))


def test_a_mask_elsewhere_with_the_shape_of_the_weights_makes_a_file_ambiguous(tmp_path) -> None:
    state = {f"rnn.{key}": weight for key, weight in nn.RNN(3, 6).state_dict().items()}
    torch.save(
        state | {"rec_mask": torch.ones(6, 6), "counts": torch.ones(3, dtype=torch.int64)}, tmp_path / "model.pt"
    )
    _refused(tmp_path / "model.pt", "beside the weights of RNN at 'rnn.' lie rec_mask")
    assert read_checkpoint(tmp_path / "model.pt", cell="RNN").cell == "RNN"
    torch.save(state | {"padding_mask": torch.ones(7, 9)}, tmp_path / "model.pt")
    assert read_checkpoint(tmp_path / "model.pt").cell == "RNN"


def test_cells_in_a_list_are_read_once_they_are_named(tmp_path) -> None:
    cells = nn.ModuleDict({"cells": nn.ModuleList([nn.GRUCell(3, 6)])})
    torch.save(cells.state_dict(), tmp_path / "model.pt")
    _refused(tmp_path / "model.pt", "cells in a list of that name are another library's or wired by hand")
    assert read_checkpoint(tmp_path / "model.pt", cell="gru").cell == "GRU"
    torch.save(cells, tmp_path / "whole.pt")
    assert read_checkpoint(tmp_path / "whole.pt").told
