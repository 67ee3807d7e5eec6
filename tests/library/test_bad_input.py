"""What a user may get wrong: each is refused with a sentence that names what was expected."""

import os
from collections.abc import Callable

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.tasks import flip_flop

NAN, INF = float("nan"), float("inf")


def _system():
    return rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=3, input_size=0).hold()


def _gru(kind: type[nn.GRU] = nn.GRU, **options) -> nn.GRU:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(2, 4, **options)


def _with_weight(value: float) -> nn.GRU:
    module = _gru()
    with torch.no_grad():
        module.weight_hh_l0[1, 2] = value
    return module


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Identity(), _gru())


class _Changed(nn.GRU):
    def forward(self, input):
        return super().forward(input)


def _points() -> rd.FixedPoints:
    return rd.find_fixed_points(_system(), torch.zeros(1, 3), extra_starts=0)


def _memory() -> nn.RNN:
    with torch.random.fork_rng():
        module = nn.RNN(2, 2)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.weight_hh_l0.copy_(2 * torch.eye(2))
    return module


def _found(n: int) -> rd.Attractors:
    """Of tanh(2x)."""
    system = rd.as_map(lambda h, _: torch.tanh(2 * h), state_size=n, input_size=0).hold()
    return rd.find_attractors(system, torch.full((1, n), 0.5))


CASES: dict[str, tuple[Callable[[], object], str]] = {
    # Modules and functions.
    "bidirectional": (lambda: rd.as_map(_gru(bidirectional=True)), "bidirectional"),
    "NaN weight": (lambda: rd.as_map(_with_weight(NAN)), "weight_hh of layer 0 must be finite"),
    "infinite weight": (lambda: rd.as_map(_with_weight(INF)), "must be finite"),
    "unknown module": (lambda: rd.as_map(nn.Identity()), "Identity is not one of RNN"),
    "model around two": (
        lambda: rd.as_map(nn.ModuleDict({"a": _gru(), "b": _gru()})),
        r"several recurrent modules, pass one of '\.a' \(GRU\), '\.b' \(GRU\), as child=",
    ),
    "no such child": (
        lambda: rd.as_map(_Model(), child="rnn"),
        r"child must be the path of a part of _Model \(encoder, encoder\.0",
    ),
    "child of a function": (lambda: rd.as_map(lambda h, x: h, 3, 0, child="rnn"), "is for a torch module"),
    "protocol of a function": (lambda: rd.as_map(lambda h, x: h, 3, 0, protocol="time, batch"), "is for modules"),
    "unknown protocol": (lambda: rd.as_map(_gru(), protocol="input"), "protocol must be"),
    "subclass that knows no state": (lambda: rd.as_map(_gru(kind=_Changed)), "takes no state: its forward has input"),
    "function without sizes": (lambda: rd.as_map(lambda h, x: h), "a function with state_size and input_size"),
    "function without input_size": (lambda: rd.as_map(lambda h, x: h, 3), "needs input_size"),
    "no module at all": (lambda: rd.as_map("model.pt"), "got str alone"),
    "zero state size": (lambda: rd.as_map(lambda h, x: h, 0, 0), "state_size must be >= 1"),
    "not callable": (lambda: rd.as_map(3, 3, 0), "got int"),
    "step of the wrong width": (lambda: rd.as_map(lambda h, x: h[..., :2], 3, 0).hold(), r"shape \[3\]"),
    "step that returns a tuple": (lambda: rd.as_map(lambda h, x: (h, h), 3, 0).hold(), "got tuple"),
    "step that raises": (lambda: rd.as_map(lambda h, x: h @ torch.ones(7), 3, 0).hold(), "it raised RuntimeError"),
    "random step": (lambda: rd.as_map(lambda h, x: h * torch.randn(3, dtype=h.dtype), 3, 0).hold(), "deterministic"),
    "upside-down box": (lambda: rd.as_map(lambda h, x: h, 2, 0, box=([1, 1], [-1, -1])), "lower < upper"),
    "box of the wrong size": (lambda: rd.as_map(lambda h, x: h, 2, 0, box=([-1], [1])), r"shape \[2\], got \[1\]"),
    "box that is left": (
        lambda: rd.find_fixed_points(
            rd.as_map(lambda h, x: 2 * h, 2, 0, box=([-1, -1], [1, 1])).hold(), torch.zeros(1, 2)
        ),
        "not mapped into itself",
    ),
    # Held inputs and runs.
    "held input of the wrong size": (lambda: rd.as_map(_gru()).hold([1.0]), r"input must have shape \[2\], got \[1\]"),
    "NaN held input": (lambda: rd.as_map(_gru()).hold([NAN, 0.0]), "input must be finite"),
    "integer dtype": (lambda: rd.as_map(_gru()).hold(dtype=torch.int64), "dtype must be torch.float64"),
    "half precision": (lambda: rd.as_map(_gru()).hold(dtype=torch.float16), "got torch.float16"),
    "inputs without batch": (lambda: rd.as_map(_gru()).run(torch.zeros(5, 2)), r"\[batch, time, 2\], got \[5, 2\]"),
    "inputs of no time": (lambda: rd.as_map(_gru()).run(torch.zeros(5, 0, 2)), r"got \[5, 0, 2\]"),
    "first state of the wrong size": (
        lambda: rd.as_map(_gru()).run(torch.zeros(5, 3, 2), torch.zeros(5, 3)),
        r"state must have shape \[5, 4\]",
    ),
    # Sampling.
    "no samples": (lambda: rd.sample_states(rd.as_map(_gru()), torch.zeros(1, 3, 2), 0), "n must be positive"),
    "negative noise": (
        lambda: rd.sample_states(rd.as_map(_gru()), torch.zeros(1, 3, 2), 5, noise=-1),
        "noise must be 0 or",
    ),
    "sequences of the wrong width": (
        lambda: rd.sample_states(rd.as_map(_gru()), torch.zeros(1, 3, 7), 5),
        r"\[batch, time, 2\], got \[1, 3, 7\]",
    ),
    "NaN sequences": (
        lambda: rd.sample_states(rd.as_map(_gru()), torch.full((1, 3, 2), NAN), 5),
        "sequences must be finite, got 6",
    ),
    "an empty sequence in a list": (
        lambda: rd.sample_states(rd.as_map(_gru()), [torch.zeros(3, 2), torch.zeros(0, 2)], 5),
        "sequence 1 must have shape",
    ),
    "no sequences": (lambda: rd.sample_states(rd.as_map(_gru()), [], 5), r"\[batch, time, 2\]"),
    # Searches.
    "a network instead of a map": (
        lambda: rd.find_fixed_points(rd.as_map(_gru()), torch.zeros(1, 4)),
        r"as system.hold\(\) gives it; got LayeredMap",
    ),
    "a module instead of a map": (lambda: rd.find_fixed_points(_gru(), torch.zeros(1, 4)), "got GRU"),
    "sampling a module": (lambda: rd.sample_states(_gru(), torch.zeros(1, 3, 2), 5), "as as_map"),
    "a NumPy step": (
        lambda: rd.as_map(lambda h, x: torch.from_numpy(np.tanh(h.numpy())), 3, 0).hold(),
        "must be written in torch operations|step",
    ),
    "starts of the wrong width": (
        lambda: rd.find_fixed_points(_system(), torch.zeros(5, 4)),
        r"starts must have shape \[k, 3\], got \[5, 4\]",
    ),
    "no starts": (lambda: rd.find_fixed_points(_system(), torch.zeros(0, 3)), "starts is empty"),
    "NaN starts": (
        lambda: rd.find_fixed_points(_system(), torch.tensor([[0.0, NAN, 0]])),
        "got 1 NaN or infinite entries of 3",
    ),
    "infinite starts": (lambda: rd.find_fixed_points(_system(), np.array([[0.0, np.inf, 0]])), "starts must be finite"),
    "complex starts": (
        lambda: rd.find_fixed_points(_system(), torch.zeros(1, 3, dtype=torch.complex64)),
        "must be real",
    ),
    "starts in words": (lambda: rd.find_fixed_points(_system(), ["a", "b", "c"]), "starts must be a tensor or array"),
    "starts of three axes": (lambda: rd.find_fixed_points(_system(), torch.zeros(1, 1, 3)), r"got \[1, 1, 3\]"),
    "negative budget": (
        lambda: rd.find_fixed_points(_system(), torch.zeros(1, 3), extra_starts=-1),
        "extra_starts must be 0 or more",
    ),
    "no steps": (lambda: rd.find_fixed_points(_system(), torch.zeros(1, 3), max_steps=0), "max_steps must be positive"),
    "no memory": (
        lambda: rd.find_fixed_points(_system(), torch.zeros(1, 3), memory_budget=0),
        "memory_budget must be positive",
    ),
    "zero tolerance": (
        lambda: rd.find_fixed_points(_system(), torch.zeros(1, 3), merge_tolerance=0.0),
        "merge_tolerance must be positive",
    ),
    "unknown SciPy method": (lambda: rd.ScipyRoot("newton-cotes"), "method must be one of hybr"),
    "a solver by name": (
        lambda: rd.find_fixed_points(_system(), torch.zeros(1, 3), "hybr"),
        "solver must be a RootSolver",
    ),
    "held inputs of the wrong width": (
        lambda: rd.find_fixed_points_over_inputs(rd.as_map(_gru()), torch.zeros(2, 5), torch.zeros(1, 4)),
        r"inputs must have shape \[k, 2\]",
    ),
    "Jacobian of the wrong width": (lambda: _system().jacobian(torch.zeros(2, 5)), r"states must have shape \[k, 3\]"),
    # Attractors.
    "attractors of a network": (
        lambda: rd.find_attractors(rd.as_map(_gru()), torch.zeros(1, 4)),
        r"as system.hold\(\) gives it; got LayeredMap",
    ),
    "attractors from NaN": (
        lambda: rd.find_attractors(_system(), torch.full((2, 3), NAN)),
        "starts must be finite, got 6",
    ),
    "attractors from nowhere": (lambda: rd.find_attractors(_system(), torch.zeros(0, 3)), "starts is empty"),
    "attractors from the wrong width": (
        lambda: rd.find_attractors(_system(), torch.zeros(2, 4)),
        r"starts must have shape \[k, 3\], got \[2, 4\]",
    ),
    "no steps to settle": (
        lambda: rd.find_attractors(_system(), torch.zeros(1, 3), settle=rd.Settle(max_steps=0)),
        "max_steps must be positive",
    ),
    "no horizon": (
        lambda: rd.find_attractors(_system(), torch.zeros(1, 3), settle=rd.Settle(horizon=-1)),
        "horizon must be positive",
    ),
    "no exponent tolerance": (
        lambda: rd.find_attractors(_system(), torch.zeros(1, 3), settle=rd.Settle(exponent_tolerance=0.0)),
        "exponent_tolerance must be positive",
    ),
    "fixed points as known attractors": (
        lambda: rd.find_attractors(_system(), torch.zeros(1, 3), known=_points()),
        "known must be the Attractors of find_attractors, got FixedPoints",
    ),
    "known attractors of another size": (
        lambda: rd.find_attractors(_system(), torch.zeros(1, 3), known=_found(2)),
        "known has states of size 2, the system of 3",
    ),
    "known attractors of another map": (
        lambda: rd.find_attractors(
            rd.as_map(lambda h, _: torch.tanh(-2 * h), 2, 0).hold(), torch.zeros(1, 2), known=_found(2)
        ),
        "not a stable one of this map: was another input held",
    ),
    "exponents of a module": (lambda: rd.lyapunov_spectrum(_gru(), torch.zeros(4)), "got GRU"),
    "too many exponents": (lambda: rd.lyapunov_spectrum(_system(), torch.zeros(3), k=4), r"k must lie in 1..3"),
    "exponents over no steps": (
        lambda: rd.lyapunov_spectrum(_system(), torch.zeros(3), steps=0),
        "steps must be positive",
    ),
    "a negative transient": (
        lambda: rd.lyapunov_spectrum(_system(), torch.zeros(3), transient=-1),
        "transient must be 0 or more",
    ),
    "finite-time exponents of a held map": (
        lambda: rd.finite_time_exponents(_system(), torch.zeros(1, 3, 2)),
        "network must be a map",
    ),
    "finite-time exponents of the wrong inputs": (
        lambda: rd.finite_time_exponents(rd.as_map(_gru()), torch.zeros(1, 3, 5)),
        r"\[batch, time, 2\], got \[1, 3, 5\]",
    ),
    "finite-time exponents from the wrong state": (
        lambda: rd.finite_time_exponents(rd.as_map(_gru()), torch.zeros(1, 3, 2), torch.zeros(2, 4)),
        r"state must have shape \[1, 4\], got \[2, 4\]",
    ),
    "cycles of period 0": (lambda: rd.find_cycles(_system(), 0, torch.zeros(1, 3)), "integer of 1 or more, got 0"),
    "cycles of period 2.5": (lambda: rd.find_cycles(_system(), 2.5, torch.zeros(1, 3)), "1 or more, got 2.5"),
    "cycles from nowhere": (
        lambda: rd.find_cycles(rd.as_map(lambda h, _: 2 * h, 3, 0).hold(), 2),
        "starts are needed, since no box is known",
    ),
    # Multistability and transitions.
    "VAA of a vector": (lambda: rd.vaa(torch.zeros(5)), r"\[n, d\] with n, d >= 1, got \[5\]"),
    "VAA of nothing": (lambda: rd.vaa(torch.zeros(0, 5)), r"got \[0, 5\]"),
    "VAA of NaN": (lambda: rd.vaa(torch.full((2, 2), NAN)), "states must be finite, got 4"),
    "VAA at no distance": (lambda: rd.vaa(torch.zeros(2, 2), epsilon=0), "epsilon must be positive and finite"),
    "soft VAA of NaN": (lambda: rd.soft_vaa(torch.full((2, 2), NAN)), "states must be finite"),
    "diversity of shares": (lambda: rd.diversity([0.5, 0.5]), "whole and not negative"),
    "reachability of a module": (lambda: rd.reachability(_gru(), torch.zeros(1, 3, 2)), "network must be a map"),
    "reachability of the wrong sequences": (
        lambda: rd.reachability(rd.as_map(_gru()), torch.zeros(1, 3, 5)),
        r"\[batch, time, 2\], got \[1, 3, 5\]",
    ),
    "reachability at the wrong input": (
        lambda: rd.reachability(rd.as_map(_gru()), torch.zeros(1, 3, 2), hold=[1.0, 2, 3]),
        r"hold must have shape \[k, 2\]",
    ),
    "reachability from no states": (
        lambda: rd.reachability(rd.as_map(_gru()), torch.zeros(1, 3, 2), n=0),
        "n must be positive",
    ),
    "falling horizons": (
        lambda: rd.reachability(rd.as_map(_gru()), torch.zeros(1, 3, 2), horizons=(10, 5)),
        r"horizons must be whole numbers of steps, 0 or more and rising, got \[10, 5\]",
    ),
    "no horizons": (
        lambda: rd.reachability(rd.as_map(_gru()), torch.zeros(1, 3, 2), horizons=()),
        "horizons must be",
    ),
    "holding an input that there is none of": (
        lambda: rd.reachability(rd.as_map(lambda h, _: h / 2, 2, 0), torch.zeros(1, 3, 0), hold=[1.0]),
        "hold must be left out",
    ),
    "echo of a batch": (
        lambda: rd.echo_index(rd.as_map(_gru()), torch.zeros(1, 3, 2)),
        r"sequence must have shape \[time, 2\], got \[1, 3, 2\]",
    ),
    "echo without a box": (
        lambda: rd.echo_index(rd.as_map(lambda h, x: h / 2 + x, 1, 1), torch.zeros(9, 1)),
        "starts are needed",
    ),
    "echo at no amplitude": (
        lambda: rd.echo_index(rd.as_map(_gru()), torch.zeros(3, 2), []),
        "amplitudes must be a list of numbers",
    ),
    "transitions between fixed points": (
        lambda: rd.transition_graph(rd.as_map(_gru()), _points(), torch.zeros(1, 2)),
        "attractors must be the Attractors of find_attractors",
    ),
    "transitions by inputs of the wrong width": (
        lambda: rd.transition_graph(rd.as_map(_memory()), _found(2), torch.zeros(1, 5)),
        r"input 0 must have shape \[time, 2\], got \[1, 5\]",
    ),
    "transitions by nothing": (
        lambda: rd.transition_graph(rd.as_map(_memory()), _found(2), torch.zeros(0, 2)),
        "inputs are empty",
    ),
    "transitions with too few names": (
        lambda: rd.transition_graph(rd.as_map(_memory()), _found(2), torch.zeros(2, 2), names=["a"]),
        "names must be one per input, got 1 for 2",
    ),
    "transitions with negative noise": (
        lambda: rd.transition_graph(rd.as_map(_memory()), _found(2), torch.zeros(2, 2), noise=-1),
        "noise must be 0 or positive",
    ),
    "connections of attractors": (
        lambda: rd.saddle_connections(_system(), _found(2), _found(2)),
        "points must be the FixedPoints",
    ),
    # Store and tasks.
    "saving a string": (lambda: rd.save("points", "x.safetensors"), "save takes a result of this library, got str"),
    "saving below a file": (lambda: rd.save(_points(), os.devnull + "/x.safetensors"), "cannot write"),
    "loading nothing": (lambda: rd.load("no-such-file.safetensors"), "cannot read no-such-file"),
    "flip-flop of no bits": (lambda: flip_flop(1, 1, 0, generator=torch.Generator()), "bits must be positive"),
    "flip-flop rate": (
        lambda: flip_flop(1, 1, pulse_rate=2.0, generator=torch.Generator()),
        r"pulse_rate must lie in \[0, 1\]",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_refused_with_a_clear_sentence(name: str) -> None:
    attempt, sentence = CASES[name]
    with pytest.raises(ValueError, match=sentence):
        attempt()


def test_a_broken_or_foreign_result_file(tmp_path) -> None:
    path = rd.save(_points(), tmp_path / "points.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="cannot read"):
        rd.load(tmp_path / "cut.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ValueError, match="not a result saved by rnn_dynamics"):
        rd.load(tmp_path / "foreign.safetensors")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = rd.save(_points(), tmp_path / "points.safetensors")
    before = path.read_bytes()

    def full_disk(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rnn_dynamics.store.save_file", full_disk)
    with pytest.raises(ValueError, match="No space left"):
        rd.save(_points(), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["points.safetensors"]
