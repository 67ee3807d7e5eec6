"""What leaves the library: results as datasets of xarray, as files of MATLAB, and pickled to other processes."""

import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy
import torch
from test_indexing import equal, fixed_points
from test_results import every_result
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.results import Result
from rnn_dynamics.tables import Table


def tensors(value: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors of a result that are no parts of tuples, with the path to each."""
    for f in fields(value):
        part, own = getattr(value, f.name), f"{path}{f.name}"
        if isinstance(part, Tensor):
            yield own, part
        elif isinstance(part, Result):
            yield from tensors(part, f"{own}.")


# --- xarray


def test_every_result_is_a_dataset_with_all_it_holds() -> None:
    for kind, result in every_result().items():
        dataset = result.to_dataset()
        if kind is rd.Sweep:  # its dataset is its grid: tests/sweeps
            continue
        assert (dataset.attrs["result"], dataset.attrs["summary"]) == (kind.__name__, result.summary())
        for path, tensor in tensors(result):
            assert np.array_equal(dataset[path].values, tensor.numpy(), equal_nan=True), path
        for f in fields(result):
            value = getattr(result, f.name)
            there = any(name == f.name or str(name).startswith(f"{f.name}.") for name in dataset.variables)
            assert there == (value is not None), (kind, f.name)
        if isinstance(result, Table) and any(isinstance(getattr(result, name), Tensor) for name in result._columns()):
            assert dataset.sizes["row"] == len(result), kind


def test_dimensions_that_a_result_names_are_there() -> None:
    for kind, result in every_result().items():
        dataset = result.to_dataset()
        names = {f.name for f in fields(result)}
        for name, dimensions in result._dimensions.items():
            assert name in names, (kind, name)
            if name in dataset and isinstance(getattr(result, name), Tensor):
                assert len(dimensions) == getattr(result, name).ndim, (kind, name)
                assert dataset[name].dims == dimensions


def test_fixed_points_are_a_dataset_that_is_chosen_from_by_name() -> None:
    points = fixed_points()
    dataset = points.to_dataset()
    assert dataset.sizes["row"] == 9
    assert dataset.right_eigenvectors.dims == ("row", "unit", "kept_mode")
    assert dataset.eigenvalues.dtype == np.complex128
    assert list(dataset.kinds.values) == list(points.kinds)
    assert dataset["slow.states"].dims == ("slow.row", "slow.unit")
    assert dataset.labels.dims == ("start",)
    stable = dataset.isel(row=points.stable.numpy())
    assert np.array_equal(stable.states, points[points.stable].states)
    dataset.states[0] = 7.0
    assert not (points.states == 7).any()  # a copy


def test_parts_of_tuples_are_numbered_or_columns() -> None:
    found = every_result()[rd.Attractors]
    assert isinstance(found, rd.Attractors)
    dataset = found.to_dataset()
    for row, orbit in enumerate(found.orbits):
        assert np.array_equal(dataset[f"orbits.{row}"], orbit)
        assert dataset[f"orbits.{row}"].dims[1] == "unit"
    assert dataset["evidence.margin"].dims == ("row",)
    assert dataset["evidence.margin"].values.tolist() == [evidence.margin for evidence in found.evidence]


def test_without_xarray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    with pytest.raises(ImportError, match=r"pip install 'rnn-dynamics\[xarray\]'"):
        fixed_points().to_dataset()


# --- MATLAB


def test_every_result_is_a_file_of_matlab_with_all_it_holds(tmp_path: Path) -> None:
    for kind, result in every_result().items():
        path = result.to_mat(tmp_path / f"{kind.__name__}.mat")
        content = scipy.io.loadmat(path, simplify_cells=True)
        assert {f.name for f in fields(result)} == {name for name in content if not name.startswith("__")}
        for name, tensor in tensors(result):
            value: Any = content
            for part in name.split("."):
                value = value[part]
            assert np.array_equal(np.ravel(value), tensor.numpy().ravel(), equal_nan=True)


def test_matlab_gets_structs_cells_and_rows_from_zero(tmp_path: Path) -> None:
    points = fixed_points()
    content = scipy.io.loadmat(points.to_mat(tmp_path / "points"))
    assert content["states"].shape == (9, 2)
    assert content["hits"].shape == (9, 1)
    assert content["labels"].min() in (-1, 0)
    assert [str(cell[0][0]) for cell in content["kinds"]] == list(points.kinds)
    assert content["slow"]["states"][0, 0].shape == (0, 2)
    assert content["chosen_from"].shape == (0, 0)  # None
    assert np.iscomplexobj(content["right_eigenvectors"])
    found = every_result()[rd.Attractors]
    assert isinstance(found, rd.Attractors)
    cells = scipy.io.loadmat(found.to_mat(tmp_path / "found.mat"))["orbits"]
    assert [cell[0].shape for cell in cells] == [tuple(orbit.shape) for orbit in found.orbits]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="cannot write"):
        fixed_points().to_mat(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    with pytest.raises(ValueError, match="path"):
        fixed_points().to_mat(3)  # pyright: ignore[reportArgumentType]


# --- Other processes


def test_every_result_can_be_pickled() -> None:
    for kind, result in every_result().items():
        again = pickle.loads(pickle.dumps(result))
        assert type(again) is kind
        assert equal(again, result), kind
        assert repr(again) == repr(result)


def test_maps_of_networks_can_be_pickled() -> None:
    with torch.random.fork_rng():
        modules = nn.GRU(2, 3, num_layers=2), nn.LSTM(2, 3), nn.RNN(2, 3), rd.cells.LeakyRNN(2, 3, alpha=0.2)
    for module in modules:
        system = rd.as_map(module).hold([0.5, -0.5])
        again = pickle.loads(pickle.dumps(system))
        states = torch.randn(4, system.state_size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        assert torch.equal(again(states), system(states))
        assert torch.equal(again.linearize(states)[1].dense(), system.linearize(states)[1].dense())


def search(system: Any, points: rd.FixedPoints) -> rd.FixedPoints:
    torch.set_num_threads(1)
    return rd.find_fixed_points(system, points.states, extra_starts=0)


def test_maps_and_results_go_to_workers_and_come_back() -> None:
    with torch.random.fork_rng():
        system = rd.as_map(nn.GRU(1, 2)).hold([0.0])
    points = rd.find_fixed_points(system, torch.zeros(4, 2), extra_starts=0)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
        again = workers.submit(search, system, points).result()
    assert equal(again, rd.find_fixed_points(system, points.states, extra_starts=0))
