"""The search behind FixedPointFinder's interface: what its two tables hold, its settings, and what it takes."""

import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from problems.torch_like import NO_PULSE, found, ghost, line, network
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.fixed_point_finder import FixedPointFinder, FixedPoints
from rnn_dynamics.fixed_points import FixedPointsOverInputs


def _quiet(rnn: Any, **settings: Any) -> FixedPointFinder:
    return FixedPointFinder(rnn, verbose=False, **settings)


def _new(kind: type[nn.RNNBase], **options: Any) -> nn.RNNBase:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(3, 4, **options)


NAMES = ("GRU-16", "LSTM-16", "tanh-64")


@pytest.mark.parametrize("name", NAMES)
def test_the_example_finds_all_27(name: str) -> None:
    """Theirs gives 27 for tanh, a thousand for a GRU and an error for an LSTM."""
    unique, every = found(name)
    assert (len(unique), len(every)) == (27, 256)
    assert unique.is_stable is not None
    assert unique.is_stable.sum() == 8
    assert unique.native is not None
    assert unique.native is every.native
    assert unique.native.index_sum == 1


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_those_of_the_very_states(name: str) -> None:
    module, _ = network(name)
    for table in found(name):
        system = rd.as_map(module).hold()
        x = torch.from_numpy(table.xstar)
        np.testing.assert_allclose(table.F_xstar, system(x), rtol=0, atol=1e-14)
        np.testing.assert_allclose(table.qstar, 0.5 * ((table.xstar - table.F_xstar) ** 2).sum(1), rtol=0, atol=1e-28)
        assert table.dq.max() < 1e-24  # a further step changes nothing
        assert not table.inputs.any()
        assert not table.cond_id.any()
    unique, every = found(name)
    np.testing.assert_allclose(unique.J_xstar, system.jacobian(torch.from_numpy(unique.xstar)), atol=1e-14)
    np.testing.assert_allclose(unique.dFdu, system.input_jacobian(torch.from_numpy(unique.xstar)), atol=1e-14)
    assert every.J_xstar is None
    values, vectors = unique.eigval_J_xstar, unique.eigvec_J_xstar
    np.testing.assert_allclose(unique.J_xstar @ vectors, vectors * values[:, None], atol=1e-10)
    assert (np.diff(np.abs(values)) <= 1e-12).all()
    assert (unique.is_stable == (np.abs(values[:, 0]) < 1)).all()


def test_every_start_has_its_row_and_ends_at_a_unique_point() -> None:
    unique, every = found("GRU-16")
    assert unique.x_init is not None
    led = unique.n_iters >= 0
    for point in unique[led]:
        (row,) = np.flatnonzero((every.x_init == point.x_init).all(axis=1))
        np.testing.assert_allclose(every.xstar[row], point.xstar[0], atol=1e-9)
        assert every.n_iters[row] == point.n_iters[0] > 0
    assert all(point in unique for point in every)


def test_points_that_no_start_led_to_are_there_without_a_start() -> None:
    module, hidden = network("GRU-16")
    finder = _quiet(module)
    unique, every = finder.find_fixed_points(hidden[:1, 40], NO_PULSE)
    assert (len(unique), len(every)) == (27, 1)
    missed = unique.n_iters == -1
    assert missed.sum() == 26
    assert np.isnan(unique.x_init[missed]).all()


def test_each_start_may_have_its_own_input() -> None:
    module, hidden = network("GRU-16")
    finder = _quiet(module)
    states = finder.sample_states(hidden, 40)
    pulses = np.repeat([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], 20, axis=0)[::-1].copy()
    unique, every = finder.find_fixed_points(states, pulses)
    np.testing.assert_array_equal(every.x_init, states)  # in the order of the starts
    np.testing.assert_array_equal(every.inputs, pulses)
    assert isinstance(unique.native, FixedPointsOverInputs)
    for number, points in enumerate(unique.native.points):
        own = unique[unique.cond_id == number]
        assert len(own) == len(points)
        np.testing.assert_allclose(
            own.inputs, points.completeness and unique.native.inputs[[number]].expand(len(own), -1)
        )
        system = rd.as_map(module).hold(own.inputs[0])
        np.testing.assert_allclose(own.F_xstar, system(torch.from_numpy(own.xstar)), atol=1e-14)
        np.testing.assert_allclose(own.J_xstar, system.jacobian(torch.from_numpy(own.xstar)), atol=1e-14)
    alone, _ = finder.find_fixed_points(states[:20], pulses[:1])
    assert len(alone) == (unique.cond_id == 1).sum()


def test_many_inputs_are_searched_as_each_alone() -> None:
    """All starts are brought near in one batch first, and a single start is helped by others."""
    module, hidden = network("GRU-16")
    finder = _quiet(module)
    states = finder.sample_states(hidden, 6, noise_scale=0.5)
    inputs = 0.3 * np.random.default_rng(0).normal(size=(6, 3))
    unique, every = finder.find_fixed_points(states, inputs)
    np.testing.assert_array_equal(every.inputs, inputs)
    np.testing.assert_array_equal(every.x_init, states)
    assert every.n_iters[every.qstar < 1e-20].min() > 1  # those of the batch are counted
    for row in range(6):
        alone, _ = finder.find_fixed_points(states[[row]], inputs[[row]])
        own = unique[(unique.inputs == inputs[row]).all(axis=1)]
        assert len(own) == len(alone)
        assert all(point in alone for point in own)


def test_after_ctrl_c_the_inputs_searched_so_far_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[rd.FixedPoints] = []

    def interrupted(*arguments: Any, **options: Any) -> rd.FixedPoints:
        points = rd.find_fixed_points(*arguments, **options)
        known = replace(points.completeness, interrupted=len(searches) == 1)
        searches.append(replace(points, completeness=known))
        return searches[-1]

    monkeypatch.setattr("rnn_dynamics.fixed_point_finder.search.find_fixed_points", interrupted)
    inputs = np.array([[3.0], [1.0], [2.0], [1.0]])
    starts = np.arange(4.0)[:, None]
    finder = _quiet(lambda input, state: (None, torch.tanh(2 * state + input)))
    unique, every = finder.find_fixed_points(starts, inputs)
    assert unique.native.points == tuple(searches)
    assert len(searches) == 2
    assert every.inputs.flatten().tolist() == [1, 2, 1]
    assert every.x_init.flatten().tolist() == [1, 2, 3]
    assert set(unique.inputs.flatten()) == {1, 2}


def test_conditions_are_kept_as_given() -> None:
    finder = _quiet(_new(nn.GRU))
    inputs = np.array([[1.0, 0, 0], [0, 0, 0], [1, 0, 0]])
    unique, every = finder.find_fixed_points(np.zeros((3, 4)), inputs, cond_ids=np.array([7, 5, 7]))
    assert every.cond_id.tolist() == [7, 5, 7]
    assert sorted(unique.cond_id) == [5, 7]


def test_the_network_is_left_as_it_was() -> None:
    module = _new(nn.GRU).train()
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    _quiet(module).find_fixed_points(np.zeros((1, 4)), NO_PULSE)
    assert module.training
    assert all(weight.requires_grad and weight.dtype == torch.float32 for weight in module.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in module.state_dict().items())


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU])
def test_a_wrapper_and_a_function_are_called_as_documented(kind: type[nn.RNNBase], batch_first: bool) -> None:
    module = _new(kind, batch_first=batch_first)

    class Wrapper(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.batch_first = module, batch_first

        def forward(self, input: torch.Tensor, state: torch.Tensor) -> Any:
            output, after = self.inner(input, state)
            return output, after * 1.0

    own = copy.deepcopy(module).double()

    def step(input: torch.Tensor, state: torch.Tensor) -> Any:
        time = 1 if batch_first else 0
        output, after = own(input.unsqueeze(time), state.unsqueeze(0))
        return output, after[0]

    known, _ = _quiet(module).find_fixed_points(np.zeros((2, 4)), NO_PULSE)
    for rnn in (Wrapper(), step):
        unique, _ = _quiet(rnn).find_fixed_points(np.zeros((2, 4)), NO_PULSE)
        assert len(known) == len(unique) == 1
        np.testing.assert_allclose(unique.xstar, known.xstar, atol=1e-9)
        np.testing.assert_allclose(unique.J_xstar, known.J_xstar, atol=1e-9)
        np.testing.assert_allclose(unique.dFdu, known.dFdu, atol=1e-9)


def test_a_map_is_taken_as_it_is() -> None:
    unique, _ = _quiet(rd.as_map(_new(nn.GRU))).find_fixed_points(np.zeros((1, 4)), NO_PULSE)
    assert len(unique) == 1


@pytest.mark.parametrize(
    "states",
    [
        np.zeros((5, 4)),
        np.zeros((5, 8)),
        (np.zeros((5, 4)), np.zeros((5, 4))),
        (torch.zeros(1, 5, 4), torch.zeros(1, 5, 4)),
        SimpleNamespace(c=np.zeros((5, 4)), h=np.zeros((5, 4))),
    ],
    ids=["h alone", "side by side", "pair", "torch's", "named"],
)
def test_states_of_an_lstm_in_every_form(states: Any) -> None:
    unique, every = _quiet(_new(nn.LSTM)).find_fixed_points(states, NO_PULSE)
    assert unique.xstar.shape == (1, 8)
    assert every.x_init.shape == (5, 8)


def test_named_states_of_an_lstm_are_told_by_their_names() -> None:
    states = SimpleNamespace(c=np.full((1, 4), 2.0), h=np.full((1, 4), 1.0))
    _, every = _quiet(_new(nn.LSTM)).find_fixed_points(states, NO_PULSE)
    assert every.x_init.tolist() == [[1.0] * 4 + [2.0] * 4]


def test_stacked_layers_are_taken() -> None:
    unique, every = _quiet(_new(nn.GRU, num_layers=2)).find_fixed_points(np.zeros((2, 3, 4)), NO_PULSE)
    assert unique.xstar.shape == (1, 8)
    assert unique.output == every[0].output == (4, 8)


def test_what_torch_returns_of_a_run_is_known() -> None:
    for module, states, output in (
        (_new(nn.GRU), 4, None),
        (_new(nn.LSTM), 8, (0, 4)),
        (_new(nn.LSTM, num_layers=2), 16, (8, 12)),
        (_new(nn.LSTM, proj_size=2), 6, (0, 2)),
    ):
        _, every = _quiet(module).find_fixed_points(np.zeros((1, states)), NO_PULSE)
        assert every.output == output


def test_a_network_without_input_has_inputs_of_no_width() -> None:
    unique, _ = _quiet(lambda _, state: (None, 0.5 * state)).find_fixed_points(np.ones((1, 2)), np.zeros((1, 0)))
    assert not unique.xstar.any()
    assert unique.dFdu.shape == (1, 2, 0)


def test_points_of_a_line_are_those_that_starts_ended_at_and_its_samples() -> None:
    starts = np.random.default_rng(0).normal(size=(64, 2))
    unique, every = _quiet(line).find_fixed_points(starts, np.zeros((1, 1)))
    assert unique.native.continua[0].shape == "line"
    np.testing.assert_allclose(every.xstar, starts * [1, 0], atol=1e-12)
    assert all(point in unique for point in every)
    assert unique.qstar.max() <= 1e-12
    assert not unique.is_stable.any()  # neutral along the line
    gaps = np.linalg.norm(unique.xstar[:, None] - unique.xstar, axis=2)
    assert gaps[~np.eye(len(unique), dtype=bool)].min() > 1e-3


def test_slow_points_count_up_to_tol_q() -> None:
    starts = np.linspace(-1, 1, 8)[:, None]
    strict, every = _quiet(ghost).find_fixed_points(starts, np.zeros((1, 1)))
    assert len(strict) == 0
    assert strict.J_xstar.shape == (0, 1, 1)
    assert strict.eigval_J_xstar.shape == (0, 1)
    np.testing.assert_allclose(every.qstar, 5e-7, rtol=1e-3)
    loose, _ = _quiet(ghost, tol_q=1e-6).find_fixed_points(starts, np.zeros((1, 1)))
    assert len(loose) == 1
    np.testing.assert_allclose(loose.xstar, 0, atol=1e-4)
    assert len(loose.native) == 0
    assert len(loose.native.slow) == 1


def test_no_failed_start_counts_however_small_its_q() -> None:
    """F(h) - h = exp(-h) fades below every tolerance far out, without a fixed point."""
    fading = _quiet(lambda _, state: (None, state + torch.exp(-state)), tol_q=1e-3)
    unique, every = fading.find_fixed_points(np.array([[40.0], [1.0]]), np.zeros((1, 1)))
    assert every.qstar.min() < 1e-12
    assert len(unique) == 0


# Settings.


def test_tol_unique_makes_points_one_and_native_has_them_all() -> None:
    module, hidden = network("GRU-16")
    coarse, every = _quiet(module, tol_unique=100.0).find_fixed_points(hidden[0, :20], NO_PULSE)
    assert len(coarse) == len(every.get_unique()) == 1
    assert len(coarse.native) == 27


def test_max_n_unique_keeps_a_part_drawn_by_the_seed() -> None:
    module, hidden = network("GRU-16")
    several = [
        _quiet(module, max_n_unique=5, random_seed=seed).find_fixed_points(hidden[0, :20], NO_PULSE)[0]
        for seed in (0, 0, 1)
    ]
    assert [len(each) for each in several] == [5, 5, 5]
    np.testing.assert_array_equal(several[0].xstar, several[1].xstar)
    assert not np.array_equal(several[0].xstar, several[2].xstar)
    assert all(point in found("GRU-16")[0] for point in several[2])


def test_distance_outliers_go_only_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    module, _ = network("GRU-16")
    near = found("GRU-16")[0].xstar[0] + 1e-3 * np.random.default_rng(0).normal(size=(20, 16))
    kept, _ = _quiet(module).find_fixed_points(near, NO_PULSE)
    assert len(kept) == 27
    finder = FixedPointFinder(module, do_exclude_distance_outliers=True, outlier_distance_scale=10)
    fewer, every = finder.find_fixed_points(near, NO_PULSE)
    assert len(fewer) == 1
    assert len(every) == 20
    assert "26 of 27 points left out" in capsys.readouterr().out
    assert len(fewer.native) == 27


def test_jacobians_and_their_spectra_may_be_left_out() -> None:
    module = _new(nn.GRU)
    bare, _ = _quiet(module, do_compute_jacobians=False).find_fixed_points(np.zeros((1, 4)), NO_PULSE)
    assert (bare.J_xstar, bare.dFdu, bare.is_stable) == (None, None, None)
    half, _ = _quiet(module, do_decompose_jacobians=False).find_fixed_points(np.zeros((1, 4)), NO_PULSE)
    assert half.J_xstar is not None
    assert not half.has_decomposed_jacobians


def test_float32_rounds_states_before_they_are_judged() -> None:
    module, hidden = network("GRU-16")
    unique, every = _quiet(module, dtype="float32").find_fixed_points(hidden[0, :20], NO_PULSE)
    assert {unique.xstar.dtype, unique.J_xstar.dtype, unique.qstar.dtype} == {np.dtype("float32")}
    assert unique.eigval_J_xstar.dtype == every.dtype_complex == np.complex64
    states = torch.from_numpy(unique.xstar).double()
    q = 0.5 * (rd.as_map(module).hold()(states) - states).square().sum(1)
    np.testing.assert_allclose(unique.qstar, q, rtol=1e-5)
    assert 1e-20 < unique.qstar.max() < 1e-12


def test_few_iterations_are_taken_at_their_word() -> None:
    module, hidden = network("GRU-16")
    _, every = _quiet(module, max_iters=2).find_fixed_points(hidden[0, :20] + 0.5, NO_PULSE)
    assert every.n_iters.max() <= 2
    _, every = _quiet(module, max_iters=0).find_fixed_points(hidden[0, :20] + 0.5, NO_PULSE)  # theirs takes one
    assert every.n_iters.max() <= 1


def test_settings_of_the_descent_are_told_of_once() -> None:
    module = _new(nn.GRU)
    descent = {"lr_init": 0.1, "lr_patience": 2, "lr_factor": 0.5, "lr_cooldown": 1, "tol_dq": 1e-9}
    descent |= {"method": "sequential", "do_rerun_q_outliers": True, "outlier_q_scale": 2.0}
    descent |= {"n_iters_per_print_update": 7}
    with pytest.warns(UserWarning, match="without effect") as told:
        finder = FixedPointFinder(module, **descent)
    assert len(told) == 1
    assert all(name in str(told[0].message) for name in descent)
    assert told[0].filename == __file__
    assert all(getattr(finder, name) == value for name, value in descent.items())
    FixedPointFinder(module, **FixedPointFinder.default_hps())  # no warning, which would be an error


def test_default_settings_are_a_dictionary_of_ones_own() -> None:
    FixedPointFinder.default_hps()["tol_q"] = 1.0
    defaults = FixedPointFinder.default_hps()
    assert len(defaults) == 17
    assert defaults["tol_q"] == 1e-12
    finder = _quiet(_new(nn.GRU))
    assert all(getattr(finder, name) == value for name, value in defaults.items() if name != "verbose")


def test_verbose_says_what_was_found_and_quiet_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    module = _new(nn.GRU)
    FixedPointFinder(module).find_fixed_points(np.zeros((2, 4)), np.eye(3)[:2])
    said = capsys.readouterr().out
    assert "2 starts under 2 inputs" in said
    assert "2 unique fixed points" in said
    FixedPointFinder(module).find_fixed_points(np.zeros((2, 4)), NO_PULSE)
    assert "index sum 1" in capsys.readouterr().out
    _quiet(module).find_fixed_points(np.zeros((2, 4)), NO_PULSE)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tol_q": 0.0}, "tol_q must be"),
        ({"max_iters": -1}, "max_iters must be"),
        ({"method": "newton"}, "method must be 'joint' or 'sequential'"),
        ({"tol_unique": -1e-3}, "tol_unique must be"),
        ({"max_n_unique": 0}, "max_n_unique must be"),
        ({"dtype": "float16"}, "dtype must be 'float64' or 'float32'"),
        ({"random_seed": -1}, "random_seed must be"),
        ({"verbose": "yes"}, "verbose must be"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FixedPointFinder(_new(nn.GRU), **settings)


@pytest.mark.parametrize(
    ("states", "inputs", "conditions", "words"),
    [
        (np.zeros((2, 5)), NO_PULSE, None, r"initial_states must have shape \[k, 4\], got \[2, 5\]"),
        (np.full((2, 4), np.nan), NO_PULSE, None, "initial_states must be finite"),
        (np.zeros((2, 4)), np.zeros((3, 3)), None, "inputs must have 1 or 2 rows"),
        (np.zeros((2, 4)), np.zeros((1, 2)), None, r"input must have shape \[3\]"),
        (np.zeros((2, 4)), np.zeros((1, 2, 3)), None, r"inputs must have shape \[1, n_inputs\]"),
        (np.zeros((2, 4)), NO_PULSE, [1], r"cond_ids must have shape \[2\]"),
        ((np.zeros((2, 4)), np.zeros((3, 4))), NO_PULSE, None, "of an LSTM h and c of the same shape"),
        ("states", NO_PULSE, None, "initial_states must be"),
    ],
)
def test_bad_arguments_are_refused(states: Any, inputs: Any, conditions: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        _quiet(_new(nn.GRU)).find_fixed_points(states, inputs, conditions)


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="rnn must be a recurrent module or a function, got int"):
        FixedPointFinder(3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="bidirectional"):
        _quiet(_new(nn.GRU, bidirectional=True)).find_fixed_points(np.zeros((1, 4)), NO_PULSE)


def test_rows_far_from_the_rest_are_told() -> None:
    fps = FixedPoints(xstar=np.array([[0.0], [5.0], [100.0]]), qstar=np.array([1e-9, 1e-12, 1e-3]))
    assert FixedPointFinder.identify_q_outliers(fps, 1e-9).tolist() == [2]
    assert FixedPointFinder.identify_q_non_outliers(fps, 1e-9).tolist() == [0, 1]
    starts = np.array([[-1.0], [1.0]])
    assert FixedPointFinder.identify_distance_non_outliers(fps, starts, 10.0).tolist() == [0, 1]
    assert FixedPointFinder.identify_distance_non_outliers(fps, starts[:1], 10.0).tolist() == [0, 1, 2]
