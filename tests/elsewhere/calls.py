"""Every analysis, small, on a device of choice: made on the host, on a pretended device, and on a GPU, to be compared.

To add one: a function of a device's name that returns a result, in ``CALLS`` under the name of what it calls.
"""

import copy
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from problems.maps import normal
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.exchange import Named, parts_of
from rnn_dynamics.systems import HeldMap
from rnn_dynamics.tasks import FlipFlop

Call = Callable[[str], Any]

SETTLE = rd.Settle(max_steps=3000, horizon=1e5)
WATCH = rd.charts.Watch(transient=100, steps=100, max_steps=200)
LITTLE = rd.Effort(n=8, horizon=20, settle=SETTLE, searched=16)


@cache
def _module(kind: type[nn.Module] = nn.RNN) -> nn.Module:
    """Three units that hold two bits: 1.6 and 1.4 on the diagonal and some coupling, and an input."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = kind(1, 3, batch_first=True).double()
    if kind is nn.RNN:
        with torch.no_grad():
            made.weight_hh_l0.copy_(torch.tensor([[1.6, 0.1, 0.0], [0.0, 1.4, 0.1], [0.1, 0.0, 0.5]]))
            made.bias_ih_l0.fill_(0.05)
            made.bias_hh_l0.zero_()
    return made


def module(device: str, kind: type[nn.Module] = nn.RNN) -> nn.Module:
    """A copy of its own on the device."""
    return copy.deepcopy(_module(kind)).to(device)


def network(device: str) -> rd.DrivenMap:
    return rd.as_map(module(device))


def starts(device: str, k: int = 12) -> Tensor:
    return normal(k, 3).to(device)


def sequences(device: str) -> Tensor:
    return normal(8, 6, 1, seed=1).to(device)


def plane(device: str, k: int = 6) -> Tensor:
    return normal(k, 2).to(device)


def _points(device: str) -> rd.FixedPoints:
    return rd.find_fixed_points(network(device).hold(), starts(device), extra_starts=8)


def _found(device: str) -> rd.Attractors:
    return rd.find_attractors(network(device).hold(), starts(device), settle=SETTLE)


def _solved(solver: Any) -> Call:
    return lambda device: rd.find_fixed_points(
        network(device).hold(), starts(device), solver=solver, extra_starts=8, max_steps=200
    )


def _rectified(device: str) -> rd.AutonomousMap:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = nn.RNN(1, 3, nonlinearity="relu").double()
    with torch.no_grad():
        made.weight_hh_l0.copy_(torch.tensor([[0.5, -0.8, 0.0], [-0.8, 0.5, 0.2], [0.1, 0.0, 0.3]]))
    return rd.as_map(made.to(device)).hold()


def turning(device: str) -> rd.AutonomousMap:
    """A closed curve that attracts: tanh units, of which two turn by a radian a step."""
    weight = 1.3 * torch.tensor([[0.5403, -0.8415], [0.8415, 0.5403]], dtype=torch.float64).to(device)
    return rd.as_map(lambda h, _: torch.tanh(h @ weight.T), 2, 0, device=device).hold()


def _flipping(device: str) -> rd.AutonomousMap:
    return rd.as_map(lambda h, _: torch.tanh(-1.5 * h), 2, 0, box=([-1.0, -1.0], [1.0, 1.0]), device=device).hold()


def _line(device: str) -> Any:
    weight = torch.diag(torch.tensor([1.0, 0.3], dtype=torch.float64)).to(device)
    system = rd.as_map(lambda h, _: h @ weight, 2, 0, device=device).hold()
    return rd.line_attractors(system, (normal(20, 2) * torch.tensor([1.0, 0.0])).to(device))


def _fold(device: str) -> tuple[Callable[[float, float], rd.AutonomousMap], Any]:
    """A fold of h = tanh(1.5 h) + p, and the plane it is followed in."""
    steep = rd.as_map(lambda h, x: torch.tanh(1.5 * h) + x, 1, 1, device=device)
    walk = rd.Walk(max_steps=12, longest_step=2.0)
    branch = rd.continue_fixed_point(steep.input_family(0), torch.full((1,), 0.7), (-0.5, 0.0), at=-0.1, walk=walk)
    point = next(point for point in branch.special_points if point.kind == "fold")
    return lambda p, q: rd.as_map(lambda h, _: torch.tanh(q * h) + p, 1, 0, device=device).hold(), point


def _curve(device: str) -> Any:
    family, point = _fold(device)
    return rd.continue_bifurcation(family, point, ((-0.5, 0.5), (1.4, 1.6)), at=1.5, walk=rd.Walk(max_steps=4))


def _plane(device: str) -> Any:
    return rd.multistability_map(
        lambda p, q: rd.as_map(lambda h, _: torch.tanh(q * h) + p, 1, 0, device=device).hold(),
        normal(6, 1).to(device),
        ((-1, 1), (0.5, 2)),
        resolution=(2, 2),
        settle=SETTLE,
    )


def model(device: str, seed: int = 0) -> rd.SequenceModel:
    return rd.SequenceModel(rd.cells.module_from_spec("GRU-3", 1, seed), 1, seed=seed).double().to(device)


def task() -> FlipFlop:
    return FlipFlop(12, 6, bits=1, seed=0)


SETTINGS = rd.TrainSettings(epochs=2, batch_size=4, clip_norm=1.0)


def _trained(device: str) -> Any:
    made = model(device)
    return rd.train(made, task(), settings=SETTINGS), [weight.detach() for weight in made.parameters()]


def _ensemble(device: str) -> Any:
    return rd.train_ensemble([model(device, 0), model(device, 1)], task(), settings=SETTINGS)


def _agents(device: str) -> Any:
    maze = rd.rl.TMaze(length=3)
    models = [rd.rl.q_network(maze, "GRU-4", seed=seed).double().to(device) for seed in (0, 1)]
    return rd.rl.train_agents(models, maze, settings=rd.rl.AgentSettings(episodes=2, updates=1, batch_size=2))


def _proved(found: Call) -> Call:
    """What the device found, proved on the host, where the balls are."""
    return lambda device: rd.certify(network("cpu").hold(), found(device), starts=starts(device))


def _tracked(device: str) -> Any:
    tracker = rd.AttractorTracker(sequences(device), hold=[0.0], effort=LITTLE, budget=None)
    for step in range(2):
        moved = module(device)
        with torch.no_grad():
            moved.weight_hh_l0.mul_(1 - 0.5 * step)
        tracker.observe(step, moved)
    history = tracker.history
    return history.steps, [(seen.vaa, seen.index_sum) for seen in history.observations], history.identities


def _warmed(device: str) -> Any:
    made = module(device, nn.GRU)
    return rd.warm_up(made, sequences(device), 3, batch_size=4, horizon=rd.Horizon(longest=5)), [
        weight.detach() for weight in made.parameters()
    ]


def _timeline(device: str) -> Any:
    after = module(device)
    with torch.no_grad():
        after.weight_hh_l0.mul_(0.5)
    return rd.training_bifurcations([(0, module(device)), (1, after)], input=[0.0], n_starts=8)


def _folding(device: str) -> Callable[[float, float], rd.AutonomousMap]:
    return lambda p, q: rd.as_map(lambda h, _: torch.tanh(q * h) + p, 1, 0, device=device).hold()


def _henon(device: str) -> Callable[..., rd.AutonomousMap]:
    """Its parameters are inputs: a map for each pair would be probed anew, which takes most of the time."""

    def step(h: Tensor, both: Tensor) -> Tensor:
        return torch.stack([1 - both[..., 0] * h[..., 0] ** 2 + h[..., 1], both[..., 1] * h[..., 0]], dim=-1)

    network = rd.as_map(step, 2, 2, device=device).frozen(torch.float64)
    return lambda a, b=0.3: HeldMap(network, torch.tensor([a, b], dtype=torch.float64).to(device))


_NEAR = 1.306
"""Two homoclinic orbits are near to one another, and to their tangency at 1.305."""


def _homoclinic(device: str) -> rd.ConnectingOrbits:
    return rd.connecting_orbits(_henon(device)(_NEAR), [0.649, 0.195], length=5.0, spacing=0.1, most=3)


@cache
def _connected(device: str) -> Any:
    found = _homoclinic(device)
    near = found[int(found.transversality.argmin())]
    return rd.continue_connection(_henon(device), near, (1.304, _NEAR), at=_NEAR)


def _touching(device: str) -> Any:
    tangency = _connected(device).tangencies[0]
    return rd.continue_tangency(
        _henon(device), tangency, ((1.30, 1.31), (0.29, 0.31)), at=0.3, walk=rd.Walk(max_steps=1)
    )


def _planted(device: str) -> Any:
    made = module(device, nn.GRU)
    return rd.plant(made, sequences(device), blocks=1, input_scale=0.2, hold=[0.0], n=4), [
        weight.detach() for weight in made.parameters()
    ]


def _saddle(device: str, unstable: int) -> Tensor:
    """A fixed point with so many unstable directions."""
    found = _points(device)
    return found.states[(found.n_unstable == unstable).nonzero()[0, 0]]


CALLS: dict[str, Call] = {
    "as_map": lambda device: network(device).run(sequences(device)),
    "sample_states": lambda device: rd.sample_states(network(device), sequences(device), 20, noise=0.5, seed=0),
    "find_fixed_points": _points,
    "NewtonKrylov": _solved(rd.NewtonKrylov()),
    "ScipyRoot": _solved(rd.ScipyRoot()),
    "SpeedMinimizer": _solved(rd.SpeedMinimizer()),
    "LinearRegions": lambda device: rd.find_fixed_points(
        _rectified(device), starts(device), solver=rd.LinearRegions(), extra_starts=0
    ),
    "find_fixed_points_over_inputs": lambda device: rd.find_fixed_points_over_inputs(
        network(device), torch.tensor([[0.0], [0.1]]).to(device), starts(device)
    ),
    "index_sum": lambda device: rd.index_sum(
        network(device).hold(), _points(device).states, _points(device).eigenvalues
    ),
    "line_attractors": _line,
    "find_attractors": _found,
    "find_attractors, circle": lambda device: rd.find_attractors(turning(device), plane(device), settle=SETTLE),
    "find_attractors, cycle": lambda device: rd.find_attractors(_flipping(device), plane(device), settle=SETTLE),
    "find_attractors, known": lambda device: rd.find_attractors(
        network(device).hold(), starts(device), settle=SETTLE, known=_found(device)
    ),
    "find_attractors_over_inputs": lambda device: rd.find_attractors_over_inputs(
        network(device), {"rest": [0.0], "push": [0.1]}, starts(device), settle=SETTLE
    ),
    "find_cycles": lambda device: rd.find_cycles(_flipping(device), 2),
    "lyapunov_spectrum": lambda device: rd.lyapunov_spectrum(
        network(device).hold(), starts(device, 2), steps=64, transient=16
    ),
    "finite_time_exponents": lambda device: rd.finite_time_exponents(network(device), sequences(device)),
    "kaplan_yorke_dimension": lambda device: rd.kaplan_yorke_dimension(torch.tensor([0.1, -0.2]).to(device)),
    "basin_map": lambda device: rd.basin_map(
        network(device).hold(), [[-1.0, -1, 0], [1.0, -1, 0], [-1.0, 1, 0]], _found(device), resolution=4
    ),
    "basin_boundary": lambda device: rd.basin_boundary(
        network(device).hold(), [0.9, 0.9, 0.1], [-0.9, -0.9, -0.1], known=_found(device), max_rounds=1
    ),
    "bifurcation_diagram": lambda device: rd.bifurcation_diagram(
        network(device).input_family(0), starts(device), (-0.02, 0.02), searches=1, sections=1, max_period=1
    ),
    "continue_fixed_point": lambda device: rd.continue_fixed_point(
        network(device).input_family(0), [0.9, 0.9, 0.1], (-0.5, 0.1), at=0.0
    ),
    "continue_bifurcation": _curve,
    "multistability_map": _plane,
    "between": lambda device: rd.continue_fixed_point(
        rd.between(module(device), module(device), input=[0.0]), [0.9, 0.9, 0.1], (0.0, 1.0), at=0.0
    ),
    "scaled": lambda device: rd.continue_fixed_point(
        rd.scaled(module(device), "weight_hh_l0", input=[0.0]), [0.9, 0.9, 0.1], (0.9, 1.1), at=1.0
    ),
    "shifted": lambda device: rd.continue_fixed_point(
        rd.shifted(module(device), "bias_hh_l0", input=[0.0]), [0.9, 0.9, 0.1], (-0.1, 0.1), at=0.0
    ),
    "reachability": lambda device: rd.reachability(
        network(device), sequences(device), [0.0], n=8, horizons=(0, 5, 40), settle=SETTLE
    ),
    "echo_index": lambda device: rd.echo_index(
        network(device), sequences(device)[0], (0.5, 1.0), starts=starts(device)
    ),
    "vaa": lambda device: rd.vaa(starts(device)),
    "soft_vaa": lambda device: rd.soft_vaa(starts(device)),
    "diversity": lambda device: rd.diversity(torch.tensor([3, 2, 1]).to(device)),
    "targeted_directions": lambda device: rd.targeted_directions(
        normal(8, 3, 2).to(device), {"choice": torch.arange(8.0).to(device)}, components=2
    )["choice"],
    "transition_graph": lambda device: rd.transition_graph(
        network(device), _found(device), torch.full((1, 1), 5.0).to(device), noise=0.1, trials=2
    ),
    "saddle_connections": lambda device: rd.saddle_connections(
        network(device).hold(), _points(device), _found(device), settle=SETTLE
    ),
    "basin_fractions": lambda device: rd.basin_fractions(
        network(device).input_family(0), starts(device), (-0.1, 0.1), resolution=3, settle=SETTLE
    ),
    "driving": lambda device: rd.basin_fractions(
        rd.driving(network(device), sequences(device)[0], offset=[0.0]),
        starts(device),
        (0.5, 1.0),
        resolution=2,
        settle=SETTLE,
    ),
    "through": lambda device: rd.basin_fractions(
        rd.through([(0, module(device)), (1, module(device))], input=[0.0]),
        starts(device),
        (0.0, 1.0),
        resolution=2,
        settle=SETTLE,
    ),
    "resilience": lambda device: rd.resilience(
        network(device).hold(), _found(device), starts(device), restarts=1, rounds=1, settle=SETTLE
    ),
    "escape_times": lambda device: rd.escape_times(
        network(device).hold(), _found(device), (0.5, 1.0), trials=2, max_steps=10, settle=SETTLE
    ),
    "uncertainty_exponent": lambda device: rd.uncertainty_exponent(
        network(device).hold(), _found(device), starts(device, 64), distances=2, settle=SETTLE
    ),
    "chart": lambda device: rd.chart(
        _folding(device), [[0.1]], ((-1, 1), (0.5, 2)), resolution=(2, 2), depth=0, watch=WATCH
    ),
    "input_plane": lambda device: rd.chart(
        rd.input_plane(rd.as_map(lambda h, x: torch.tanh(2 * h + x[..., :1] - x[..., 1:]), 1, 2, device=device)),
        [[0.1]],
        ((-1, 1), (-1, 1)),
        resolution=(2, 2),
        depth=1,
        watch=WATCH,
    ),
    "orbit_diagram": lambda device: rd.orbit_diagram(
        network(device).input_family(0), starts(device), (-1, 1), resolution=2, samples=4, watch=WATCH
    ),
    "find_crisis": lambda device: rd.find_crisis(
        network(device).input_family(0),
        starts(device)[0],
        (-0.5, 0.5),
        orbits=4,
        steps=20,
        transient=10,
        max_rounds=2,
        max_period=1,
    ),
    "connecting_orbits": _homoclinic,
    "continue_connection": _connected,
    "continue_tangency": _touching,
    "plant": _planted,
    "invariant_manifold": lambda device: rd.invariant_manifold(
        network(device).hold(), _saddle(device, 1), length=1.0, spacing=0.2
    ),
    "invariant_surface": lambda device: rd.invariant_surface(
        network(device).hold(), _saddle(device, 2), reach=0.5, spacing=0.5
    ),
    "phase_portrait": lambda device: rd.phase_portrait(
        network(device).hold(), _points(device), states=starts(device), resolution=5
    ),
    "warm_up": _warmed,
    "train": _trained,
    "train_ensemble": _ensemble,
    "AttractorTracker": _tracked,
    "training_bifurcations": _timeline,
    "rl.train_agents": _agents,
    **{f"certify, {name}": _proved(found) for name, found in {"points": _points, "attractors": _found}.items()},
}


def assert_alike(one: Any, other: Any, tolerance: float = 1e-7) -> None:
    """That two results hold the same, to rounding."""
    first, second = _numbers(one), _numbers(other)
    assert first.keys() == second.keys()
    for field, value in second.items():
        if field.endswith(_EFFORT):
            continue
        if np.asarray(value).dtype.kind in "USO":  # rounding shows in sentences too
            assert _NUMBER.sub("#", str(first[field])) == _NUMBER.sub("#", str(value)), field
        else:
            np.testing.assert_allclose(first[field], value, atol=tolerance, rtol=tolerance, err_msg=field)


_EFFORT = ("times", "work", "unseen")
"""Fields that say how long something took, or how often it was met, which rounding may change."""

_NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?")


def _numbers(value: Any) -> dict[str, Any]:
    """All that a result holds, by the names of its fields, as NumPy arrays of the host."""
    flat: dict[str, Any] = {}

    def gather(part: Any, path: str) -> None:
        if isinstance(part, Named):
            flat[path] = part.values
        elif isinstance(part, dict):
            for key, inner in part.items():
                gather(inner, f"{path}.{key}")
        elif isinstance(part, list):
            for row, inner in enumerate(part):
                gather(inner, f"{path}.{row}")

    for number, part in enumerate(value if isinstance(value, list | tuple) else [value]):
        gather([parts_of(one) for one in part] if isinstance(part, list) else parts_of(part), f"{number}")
    return flat
