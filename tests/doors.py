"""A valid, tiny call of every public function: what the fuzzer breaks one argument of."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from flint import arb, arb_mat
from problems.maps import normal
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics import cells, enclosures, fixed_point_finder, manifolds, plotting, rl, roots, sweeps, tasks, training
from rnn_dynamics.bifurcations import SpecialPoint
from rnn_dynamics.fixed_point_finder import FixedPointFinder, plot_fps
from rnn_dynamics.tracking import Budget, checkpoint_files


@dataclass(frozen=True)
class Door:
    """A function and arguments that it takes, made anew for each call where it changes them."""

    name: str
    function: Callable[..., Any]
    make: Callable[[], dict[str, Any]]
    of_result: bool = False
    """A result put together by hand: its fields get values of other types only, since their shapes are the maker's."""


def network() -> rd.DrivenMap:
    return rd.as_map(module())


def module() -> nn.RNN:
    """Two coordinates with two fixed points each that attract, and one input."""
    with torch.random.fork_rng():
        made = nn.RNN(1, 2, batch_first=True)
    with torch.no_grad():
        for weight in made.parameters():
            weight.zero_()
        made.weight_hh_l0.copy_(1.5 * torch.eye(2))
        made.weight_ih_l0.fill_(0.1)
    return made


def starts() -> Tensor:
    return normal(6, 2)


def sequences() -> Tensor:
    return normal(4, 5, 1).float()


def plane_family(p: float, q: float) -> rd.AutonomousMap:
    return rd.as_map(lambda h, _: torch.tanh(q * h) + p, 2, 0).hold()


def two_inputs(h: Tensor, x: Tensor) -> Tensor:
    return torch.tanh(x[..., :1] * h + x[..., 1:])


WATCHED = rd.charts.Watch(transient=100, steps=64, max_steps=64, max_period=4)
BRIEFLY = rd.Settle(max_steps=200, horizon=1e3)
LITTLE = rd.Effort(n=4, horizon=5, settle=rd.Settle(max_steps=100, horizon=100.0), searched=8)


@cache
def charted() -> rd.Chart:
    return rd.chart(plane_family, starts()[:1], ((-1, 1), (0.5, 2)), resolution=(2, 2), depth=0, watch=WATCHED)


@cache
def orbits_over() -> rd.OrbitDiagram:
    return rd.orbit_diagram(network().input_family(0), starts(), (-1, 1), resolution=2, samples=4, watch=WATCHED)


@cache
def crisis() -> rd.Crisis:
    few = {"orbits": 4, "steps": 20, "transient": 10, "max_rounds": 2, "max_period": 1}
    return rd.find_crisis(network().input_family(0), starts()[0], (-0.5, 0.5), **few)


@cache
def points() -> rd.FixedPoints:
    return rd.find_fixed_points(network().hold(), starts(), extra_starts=8)


@cache
def line() -> rd.LineAttractor:
    """Of states along the diagonal, on which the network's two units stay."""
    (found,) = rd.line_attractors(network().hold(), [[-0.1, -0.1], [0.0, 0.0], [0.1, 0.1]])
    return found


@cache
def attractors() -> rd.Attractors:
    return rd.find_attractors(network().hold(), starts())


@cache
def saddle() -> Tensor:
    """Of the network: at rest in one coordinate, unstable in the other."""
    found = points()
    return found.states[found.n_unstable == 1][0]


@cache
def curves() -> rd.InvariantManifold:
    return rd.invariant_manifold(network().hold(), saddle(), spacing=0.1)


@cache
def surface() -> rd.InvariantSurface:
    return rd.invariant_surface(network().hold(), [0.0, 0.0], spacing=0.4)


@cache
def _henon() -> rd.DrivenMap:
    def step(h: Tensor, p: Tensor) -> Tensor:
        return torch.stack([1 - p[..., 0] * h[..., 0] ** 2 + h[..., 1], p[..., 1] * h[..., 0]], dim=-1)

    return rd.as_map(step, 2, 2)


def henon(a: float, b: float = 0.3) -> rd.AutonomousMap:
    return _henon().hold([a, b])


HENON_SADDLE = [0.631354, 0.189406]


@cache
def connections() -> rd.ConnectingOrbits:
    """Two homoclinic orbits of Henon's map that meet at a = 1.305."""
    return rd.connecting_orbits(henon(1.31), [0.649, 0.195], length=5.0, most=3)


@cache
def connected() -> manifolds.ConnectionBranch:
    found = connections()
    near = found[int(found.transversality.argmin())]
    return rd.continue_connection(henon, near, (1.303, 1.31), at=1.31)


@cache
def touching() -> manifolds.TangencyCurve:
    return rd.continue_tangency(henon, connected().tangencies[0], ((1.30, 1.31), (0.29, 0.31)), at=0.3)


@cache
def portrait() -> rd.PhasePortrait:
    return rd.phase_portrait(network().hold(), resolution=9)


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="rnn-dynamics-doors-"))


@cache
def branch() -> rd.Branch:
    return rd.continue_fixed_point(network().input_family(0), torch.full((2,), 0.8), (-9.0, 3.0), at=0.0)


@cache
def fold() -> SpecialPoint:
    """A fold of h = tanh(1.5 h) + p in each of two coordinates."""
    family = rd.as_map(lambda h, x: torch.tanh(1.5 * h) + x, 1, 1).input_family(0)
    followed = rd.continue_fixed_point(family, torch.full((1,), 1.3), (-2.0, 2.0), at=0.3)
    return next(point for point in followed.special_points if point.kind == "fold")


@cache
def diagram() -> rd.BifurcationDiagram:
    return rd.bifurcation_diagram(network().input_family(0), starts(), (-1, 1), searches=2, sections=0, max_period=1)


@cache
def reach() -> rd.Reachability:
    return rd.reachability(network(), sequences(), [0.0], n=4, horizons=(0, 5))


@cache
def proof() -> rd.Certificates:
    return rd.certify(network().hold(), points(), starts()[:2])


@cache
def census() -> rd.FixedPointCensus:
    return rd.all_fixed_points(network().hold(), [[0.8, 0.8]], within=(0.0, 1.0))


@cache
def proved_branch() -> Any:
    return rd.certify(network().input_family(0), branch())


@cache
def proved_reach() -> Any:
    return rd.certify(network(), reach(), steps=100)


@cache
def history() -> rd.TrackingHistory:
    tracker = rd.AttractorTracker(sequences(), hold=[0.0], effort=LITTLE, budget=None)
    for step in range(2):
        tracker.observe(step, module(), loss=0.5)
    return tracker.history


@cache
def timeline() -> rd.TrainingBifurcations:
    return rd.training_bifurcations([(0, module()), (1, module())], n_starts=8)


@cache
def basins() -> Any:
    return rd.basin_map(network().hold(), [[0, 0], [1, 0], [0, 1]], attractors(), resolution=4)


@cache
def echo() -> Any:
    return rd.echo_index(network(), sequences()[0], (0.5, 1.0), starts=starts())


@cache
def fractions() -> rd.BasinFractions:
    return rd.basin_fractions(network().input_family(0), starts(), (-1, 1), resolution=3, settle=BRIEFLY)


@cache
def resilient() -> rd.Resilience:
    return rd.resilience(network().hold(), attractors(), starts(), restarts=1, rounds=1, settle=BRIEFLY)


@cache
def escapes() -> rd.EscapeTimes:
    return rd.escape_times(network().hold(), attractors(), (0.5, 1.0), trials=2, max_steps=10, settle=BRIEFLY)


@cache
def uncertain() -> rd.UncertaintyExponent:
    return rd.uncertainty_exponent(network().hold(), attractors(), starts(), distances=2, settle=BRIEFLY)


@cache
def picture() -> Any:
    """Basins on a plane that show three of them, fine enough to be merged."""
    labels = torch.arange(256)[:, None].expand(256, 256) // 86
    return replace(basins(), labels=labels, x=torch.arange(256.0), y=torch.arange(256.0))


@cache
def merged() -> rd.Wada:
    return rd.wada(picture())


@cache
def plane_map() -> rd.MultistabilityMap:
    return rd.multistability_map(
        plane_family, starts(), ((-1, 1), (0.5, 2)), resolution=(2, 2), settle=rd.Settle(max_steps=200)
    )


@cache
def graph() -> Any:
    return rd.transition_graph(network(), attractors(), torch.full((1, 1), 5.0))


def task() -> tasks.FlipFlop:
    return tasks.FlipFlop(10, 4, bits=1, seed=0)


def model() -> rd.SequenceModel:
    return rd.SequenceModel(module(), 1, seed=0)


@cache
def warmed() -> rd.Warmup:
    return rd.warm_up(module(), sequences(), 2, batch_size=2, horizon=rd.Horizon(longest=3))


@cache
def planted() -> rd.Planting:
    return rd.plant(module(), sequences(), blocks=2, input_scale=0.2, hold=[0.0], n=4)


@cache
def trained() -> rd.Training:
    return rd.train(model(), task(), settings=rd.TrainSettings(epochs=1, batch_size=4))


def plan() -> dict[str, Any]:
    """Of two cases, in a folder that is kept: the first call computes them."""
    grid = {"x": [1, 2], "y": [1]}
    return {"folder": folder() / "sweep", "grid": grid, "function": "doors:measure", "source": Path(__file__).parent}


def measure(x: int, y: int) -> dict[str, int]:
    return {"z": x * y}


@cache
def swept() -> rd.Sweep:
    return rd.sweep(plan())


@cache
def checkpoints() -> Path:
    where = folder() / "checkpoints"
    where.mkdir()
    for step in (1, 2):
        torch.save(module().state_dict(), where / f"step-{step}.pt")
    return where


@cache
def _plan_file() -> Path:
    path = folder() / "plan.toml"
    path.write_text("[grid]\nseed = [0, 1]\n")
    return path


def _images() -> dict[str, Any]:
    return {"images": normal(6, 2, 2).abs().clamp(max=1), "labels": torch.arange(6), "blank": 1, "classes": 10}


def _tracking(**options: Any) -> rd.AttractorTracker:
    return rd.AttractorTracker(sequences(), **options)


def _drawn(result: Callable[[], Any], draw: Callable[..., Any]) -> Callable[..., Any]:
    """Use a result some fields of which are replaced."""

    def use(**replaced: Any) -> Any:
        kept = {field.name: getattr(result(), field.name) for field in fields(result()) if field.init}
        changed = type(result())(**(kept | replaced))
        return changed.summary() if hasattr(changed, "summary") else None, draw(changed)

    return use


def _fields(result: Callable[[], Any]) -> Callable[[], dict[str, Any]]:
    return lambda: {field.name: getattr(result(), field.name) for field in fields(result()) if field.init}


def doors() -> Iterator[Door]:
    """Every public function, and every result put to use."""
    yield Door("as_map", rd.as_map, lambda: {"module": module()})
    yield Door(
        "as_map of a function",
        lambda **options: rd.as_map(**options).hold(),
        lambda: {
            "module": lambda h, x: torch.tanh(h),
            "state_size": 2,
            "input_size": 1,
            "box": ([-1.0, -1.0], [1.0, 1.0]),
            "device": "cpu",
        },
    )
    system = network().hold
    searching = {"max_steps": 20, "memory_budget": 2**20, "seed": 0, "progress": False}
    yield Door(
        "find_fixed_points",
        rd.find_fixed_points,
        lambda: {
            "system": system(),
            "starts": starts(),
            "solver": rd.Newton(),
            "extra_starts": 4,
            "merge_tolerance": 1e-6,
            "marginal_tolerance": 1e-6,
            **searching,
        },
    )
    yield Door(
        "find_fixed_points_over_inputs",
        rd.find_fixed_points_over_inputs,
        lambda: {
            "network": network(),
            "inputs": torch.zeros(1, 1),
            "starts": starts(),
            "solver": None,
            "dtype": torch.float64,
            "progress": False,
            "extra_starts": 0,
        },
    )
    yield Door(
        "find_attractors_over_inputs",
        rd.find_attractors_over_inputs,
        lambda: {
            "network": network(),
            "inputs": {"rest": [0.0]},
            "starts": starts(),
            "settle": BRIEFLY,
            "memory_budget": 2**20,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "targeted_directions",
        rd.targeted_directions,
        lambda: {"states": normal(8, 3, 2), "variables": {"choice": torch.arange(8.0)}, "components": 2},
    )
    yield Door(
        "line_attractors",
        rd.line_attractors,
        lambda: {
            "system": system(),
            "found": points(),
            "starts": starts(),
            "neutral": 0.1,
            "between": 1,
            "memory_budget": 2**20,
        },
    )
    yield Door(
        "index_sum",
        rd.index_sum,
        lambda: {
            "system": system(),
            "states": points().states,
            "eigenvalues": points().eigenvalues,
            "tolerance": 1e-6,
        },
    )
    yield Door(
        "find_attractors",
        rd.find_attractors,
        lambda: {
            "system": system(),
            "starts": starts(),
            "settle": BRIEFLY,
            "known": attractors(),
            "memory_budget": 2**20,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "find_cycles",
        rd.find_cycles,
        lambda: {
            "system": system(),
            "period": 2,
            "starts": starts(),
            "solver": None,
            "merge_tolerance": 1e-6,
            "seed": 0,
            "extra_starts": 0,
            "max_steps": 10,
        },
    )
    yield Door(
        "finite_time_exponents",
        rd.finite_time_exponents,
        lambda: {"network": network(), "inputs": sequences(), "state": torch.zeros(4, 2), "k": 1, "seed": 0},
    )
    yield Door(
        "kaplan_yorke_dimension",
        rd.kaplan_yorke_dimension,
        lambda: {"exponents": torch.tensor([0.1, -0.2]), "n": 2},
    )
    yield Door(
        "lyapunov_spectrum",
        rd.lyapunov_spectrum,
        lambda: {
            "system": system(),
            "start": starts()[:1],
            "k": 2,
            "steps": 20,
            "transient": 5,
            "every": 1,
            "memory_budget": 2**20,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "basin_boundary",
        rd.basin_boundary,
        lambda: {
            "system": system(),
            "first": [0.5, 0.5],
            "second": [-0.5, -0.5],
            "known": attractors(),
            "width": 0.1,
            "max_rounds": 4,
        },
    )
    yield Door(
        "basin_map",
        rd.basin_map,
        lambda: {
            "system": system(),
            "points": [[0, 0], [1, 0], [0, 1.0]],
            "known": attractors(),
            "resolution": 4,
            "border": 0.25,
        },
    )
    walking = {"walk": rd.Walk(max_steps=10, longest_step=0.5)}
    yield Door(
        "bifurcation_diagram",
        rd.bifurcation_diagram,
        lambda: {
            "family": network().input_family(0),
            "starts": starts(),
            "span": (-0.5, 0.5),
            "searches": 2,
            "max_period": 1,
            "sections": 1,
            **walking,
            "settle": BRIEFLY,
            "memory_budget": 2**20,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "continue_fixed_point",
        rd.continue_fixed_point,
        lambda: {
            "family": network().input_family(0),
            "start": [0.8, 0.8],
            "span": (-0.5, 0.5),
            "at": 0.0,
            "period": 1,
            **walking,
        },
    )
    yield Door(
        "continue_bifurcation",
        rd.continue_bifurcation,
        lambda: {
            "family": lambda p, q: rd.as_map(lambda h, _: torch.tanh(q * h) + p, 1, 0).hold(),
            "point": fold(),
            "spans": ((-2.0, 2.0), (1.2, 2.0)),
            "at": 1.5,
            "period": 1,
            **walking,
        },
    )
    yield Door(
        "multistability_map",
        rd.multistability_map,
        lambda: {
            "family": plane_family,
            "starts": starts(),
            "spans": ((-1, 1), (0.5, 2)),
            "resolution": (2, 2),
            "settle": BRIEFLY,
            "memory_budget": 2**20,
            "seed": 0,
            "progress": False,
        },
    )
    proving = {"starts": starts()[:2], "steps": 50, "tolerance": 1e-6, "progress": False}
    yield Door("certify", rd.certify, lambda: {"system": system(), "found": points(), **proving})
    yield Door(
        "certify that points are all",
        rd.certify,
        lambda: {"system": system(), "found": [[0.8, 0.8]], "complete": True, "budget": 20, "progress": False},
    )
    yield Door(
        "all_fixed_points",
        rd.all_fixed_points,
        lambda: {
            "system": system(),
            "found": [[0.8, 0.8]],
            "within": ([0.0, 0.0], [1.0, 1.0]),
            "budget": 20,
            "progress": False,
        },
    )
    yield Door("Certificates.check", proof().check, lambda: {"precision": 106, "progress": False})
    yield Door("between", rd.between, lambda: {"before": module(), "after": network(), "input": [0.0]})
    weight = {"network": module(), "name": "weight_hh_l0", "input": [0.0], "gate": None}
    yield Door("scaled", rd.scaled, lambda: dict(weight))
    yield Door("shifted", rd.shifted, lambda: weight | {"name": "bias_hh_l0"})
    yield Door(
        "reachability",
        rd.reachability,
        lambda: {
            "network": network(),
            "sequences": sequences(),
            "hold": [0.0],
            "n": 4,
            "draws": 1,
            "horizons": (0, 3),
            "epsilon": 1e-4,
            "settle": BRIEFLY,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "echo_index",
        rd.echo_index,
        lambda: {
            "network": network(),
            "sequence": sequences()[0],
            "amplitudes": (1.0,),
            "starts": starts(),
            "n": 4,
            "tolerance": 1e-3,
            "seed": 0,
        },
    )
    yield Door(
        "input_plane",
        rd.input_plane,
        lambda: {"network": rd.as_map(two_inputs, 1, 2), "first": 0, "second": 1, "offset": [0.0, 0.0]},
    )
    yield Door(
        "chart",
        rd.chart,
        lambda: {
            "family": plane_family,
            "starts": starts()[:1],
            "spans": ((-1, 1), (0.5, 2)),
            "measure": rd.charts.Exponent(),
            "resolution": (2, 2),
            "depth": 0,
            "watch": WATCHED,
            "settle": BRIEFLY,
            "memory_budget": 2**20,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "orbit_diagram",
        rd.orbit_diagram,
        lambda: {
            "family": network().input_family(0),
            "starts": starts(),
            "span": (-1.0, 1.0),
            "resolution": 2,
            "samples": 4,
            "coordinate": 0,
            "watch": WATCHED,
            "memory_budget": 2**20,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "find_crisis",
        rd.find_crisis,
        lambda: {
            "family": network().input_family(0),
            "start": starts()[0],
            "span": (-0.5, 0.5),
            "orbits": 4,
            "steps": 20,
            "transient": 10,
            "max_rounds": 2,
            "max_period": 1,
            "memory_budget": 2**20,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "plot_chart",
        rd.plot_chart,
        lambda: {"chart": charted(), "curves": (), "labels": True, "legend": True, "parameters": ("p", "q")},
    )
    yield Door(
        "plot_orbit_diagram",
        rd.plot_orbit_diagram,
        lambda: {"diagram": orbits_over(), "parameter": "p", "coordinate": "h"},
    )
    yield Door(
        "basin_fractions",
        rd.basin_fractions,
        lambda: {
            "family": network().input_family(0),
            "starts": starts(),
            "span": (-1.0, 1.0),
            "resolution": 2,
            "max_distance": 0.25,
            "settle": BRIEFLY,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "resilience",
        rd.resilience,
        lambda: {
            "system": network().hold(),
            "found": attractors(),
            "starts": starts(),
            "n": 4,
            "restarts": 1,
            "rounds": 0,
            "pulse_steps": 1,
            "largest_pulse": 20.0,
            "entropy_radius": 0.05,
            "settle": BRIEFLY,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "escape_times",
        rd.escape_times,
        lambda: {
            "system": network().hold(),
            "found": attractors(),
            "noise": (0.5, 1.0),
            "noise_in": "state",
            "trials": 2,
            "max_steps": 4,
            "every": 2,
            "settle": BRIEFLY,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "uncertainty_exponent",
        rd.uncertainty_exponent,
        lambda: {
            "system": network().hold(),
            "found": attractors(),
            "starts": starts(),
            "n": 4,
            "largest": 0.1,
            "smallest": 0.01,
            "distances": 2,
            "settle": BRIEFLY,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door("wada", rd.wada, lambda: {"basins": picture()})
    yield Door("driving", rd.driving, lambda: {"network": network(), "sequence": sequences()[0], "offset": [0.0]})
    yield Door("through", rd.through, lambda: {"checkpoints": [(0, module()), (1, module())], "input": [0.0]})
    yield Door("vaa", rd.vaa, lambda: {"states": starts(), "epsilon": 1e-4})
    yield Door("soft_vaa", rd.soft_vaa, lambda: {"states": starts(), "epsilon": 1e-4})
    yield Door("diversity", rd.diversity, lambda: {"hits": torch.tensor([3, 2, 1])})
    yield Door(
        "sample_states",
        rd.sample_states,
        lambda: {
            "network": network(),
            "sequences": sequences(),
            "n": 5,
            "noise": 0.1,
            "seed": 0,
            "distinct": False,
        },
    )
    yield Door(
        "transition_graph",
        rd.transition_graph,
        lambda: {
            "network": network(),
            "attractors": attractors(),
            "inputs": torch.full((2, 1), 5.0),
            "names": ["a", "b"],
            "noise": 0.1,
            "trials": 1,
            "settle": BRIEFLY,
            "seed": 0,
        },
    )
    yield Door(
        "saddle_connections",
        rd.saddle_connections,
        lambda: {
            "system": system(),
            "points": points(),
            "attractors": attractors(),
            "displacement": 1e-4,
            "settle": BRIEFLY,
        },
    )
    yield Door("save", rd.save, lambda: {"result": points(), "path": folder() / "points.safetensors"})
    yield Door("load", rd.load, lambda: {"path": rd.save(points(), folder() / "points.safetensors")})
    yield from _manifold_doors()
    yield from _training_doors()
    yield from _plotting_doors()
    yield from _making_doors()
    yield from _method_doors()
    yield from _maze_doors()
    yield from _agent_doors()
    yield from _result_doors()
    yield from _enclosure_doors()


def _enclosure_doors() -> Iterator[Door]:
    column = [[0.1], [0.2]]
    yield Door("enclose", enclosures.enclose, lambda: {"system": network().hold()})
    yield Door(
        "enclose_family",
        enclosures.enclose_family,
        lambda: {"function": lambda h, p: torch.tanh(p * h), "state_size": 2},
    )
    yield Door("ball", enclosures.ball, lambda: {"midpoints": torch.tensor(column), "radii": 0.1})
    yield Door("exact", enclosures.exact, lambda: {"tensor": torch.tensor(column)})
    yield Door("midpoints of balls", enclosures.midpoints, lambda: {"balls": arb_mat(column)})
    yield Door("hull of balls", enclosures.hull, lambda: {"one": arb_mat(column), "other": arb_mat(column)})
    yield Door(
        "Enclosure.linearize",
        lambda **options: enclosures.enclose(network().hold()).linearize(**options),
        lambda: {"box": arb_mat(column), "precision": 53},
    )
    yield Door(
        "FamilyEnclosure.linearize",
        lambda **options: enclosures.enclose_family(lambda h, p: torch.tanh(p * h), 2).linearize(**options),
        lambda: {"box": arb_mat(column), "parameter": arb(0.5), "precision": 53},
    )


def _manifold_doors() -> Iterator[Door]:
    yield Door(
        "invariant_manifold",
        rd.invariant_manifold,
        lambda: {
            "system": network().hold(),
            "saddle": saddle(),
            "stable": False,
            "period": 1,
            "length": 2.0,
            "spacing": 0.2,
            "bend": 0.3,
            "tolerance": 1e-8,
            "max_points": 200,
            "progress": False,
        },
    )
    yield Door(
        "invariant_surface",
        rd.invariant_surface,
        lambda: {
            "system": network().hold(),
            "saddle": [0.0, 0.0],
            "period": 1,
            "reach": 1.0,
            "spacing": 0.4,
            "tolerance": 1e-6,
            "max_points": 500,
            "progress": False,
        },
    )
    yield Door("InvariantManifold.distances", curves().distances, lambda: {"states": starts()})
    yield Door(
        "connecting_orbits",
        rd.connecting_orbits,
        lambda: {
            "system": henon(1.31),
            "source": [0.649, 0.195],
            "target": None,
            "guesses": [connections().orbits[0]],
            "period": 1,
            "length": 3.0,
            "spacing": 0.1,
            "most": 1,
            "progress": False,
        },
    )
    yield Door(
        "continue_connection",
        rd.continue_connection,
        lambda: {
            "family": henon,
            "orbit": connections()[0],
            "span": (1.31, 1.32),
            "at": 1.31,
            "walk": rd.Walk(max_steps=2),
            "progress": False,
        },
    )
    yield Door(
        "continue_tangency",
        rd.continue_tangency,
        lambda: {
            "family": henon,
            "tangency": connected().tangencies[0],
            "spans": ((1.30, 1.31), (0.29, 0.31)),
            "at": 0.3,
            "walk": rd.Walk(max_steps=2),
            "progress": False,
        },
    )
    yield Door(
        "phase_portrait",
        rd.phase_portrait,
        lambda: {
            "system": network().hold(),
            "points": points(),
            "plane": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
            "states": starts(),
            "limits": [[-1.0, 1.0], [-1.0, 1.0]],
            "resolution": 5,
            "memory_budget": 2**20,
            "seed": 0,
        },
    )
    yield Door(
        "plot_manifold",
        rd.plot_manifold,
        lambda: {
            "manifolds": [curves(), surface()],
            "ax": None,
            "onto": None,
            "dimensions": 2,
            "aspect": None,
            "legend": True,
        },
    )
    yield Door(
        "plot_phase_portrait",
        rd.plot_phase_portrait,
        lambda: {
            "system": network().hold(),
            "ax": None,
            "points": points(),
            "plane": None,
            "states": None,
            "limits": [[-1.0, 1.0], [-1.0, 1.0]],
            "manifolds": [curves()],
            "basins": None,
            "starts": [0.1],
            "cobweb_steps": 3,
            "streamlines": False,
            "legend": True,
        },
    )
    yield Door(
        "plot_delay",
        rd.plot_delay,
        lambda: {"trajectories": normal(2, 5, 2), "ax": None, "unit": 0, "lag": 1, "legend": True},
    )
    yield Door(
        "plot_spectrum_path",
        rd.plot_spectrum_path,
        lambda: {"branch": branch(), "ax": None, "xlabel": "input", "most": 2, "legend": True},
    )
    yield Door(
        "plot_trajectories",
        rd.plot_trajectories,
        lambda: {
            "trajectories": normal(2, 5, 2),
            "ax": None,
            "values": normal(2, 5),
            "label": "input",
            "onto": [0, 1],
            "dimensions": 2,
            "aspect": "auto",
            "legend": True,
        },
    )
    yield Door(
        "plot_skeleton",
        rd.plot_skeleton,
        lambda: {
            "graph": rd.saddle_connections(network().hold(), points(), attractors(), settle=BRIEFLY),
            "points": points(),
            "attractors": attractors(),
            "ax": None,
            "manifolds": [curves()],
            "most_unstable": 1,
            "onto": None,
            "dimensions": 2,
            "labels": True,
            "legend": True,
        },
    )
    yield Door(
        "interactive",
        plotting.interactive,
        lambda: {
            "path": folder() / "states.html",
            "points": None,
            "attractors": None,
            "trajectories": normal(2, 3, 3),
            "manifolds": (),
            "onto": [0, 1, 2],
            "title": "states",
        },
    )
    yield Door(
        "animate",
        plotting.animate,
        lambda: {
            "draw": lambda value, ax: ax.plot([0, value], [0, 1]),
            "values": [1.0, 2.0],
            "path": folder() / "pictures.gif",
            "fps": 4.0,
            "columns": 1,
            "height": 1.0,
            "projection": None,
            "limits": [(0.0, 2.0), (0.0, 1.0)],
            "progress": False,
        },
    )


def _training_doors() -> Iterator[Door]:
    yield Door(
        "AttractorTracker",
        rd.AttractorTracker,
        lambda: {
            "sequences": sequences(),
            "hold": [0.0],
            "epsilon": 1e-4,
            "every": 1,
            "effort": LITTLE,
            "budget": 0.1,
            "time_limit": 60.0,
            "memory_budget": 2**20,
            "seed": 0,
            "folder": None,
            "resume": False,
        },
    )
    yield Door(
        "AttractorTracker.observe",
        lambda **options: _tracking(hold=[0.0], effort=LITTLE, budget=None).observe(**options),
        lambda: {"step": 0, "module": module(), "force": False, "loss": 0.5},
    )
    yield Door("Budget", Budget, lambda: {"budget": 0.1})
    yield Door("checkpoint_files", checkpoint_files, lambda: {"folder": checkpoints()})
    yield Door(
        "track_checkpoints",
        rd.track_checkpoints,
        lambda: {
            "folder": checkpoints(),
            "sequences": sequences(),
            "prefix": None,
            "nonlinearity": "tanh",
            "tracker": None,
            "progress": False,
            "effort": LITTLE,
        },
    )
    fitting = {
        "validation": 0.2,
        "settings": rd.TrainSettings(epochs=1, batch_size=4),
        "folder": None,
        "resume": False,
        "snapshot_every": None,
        "memory_budget": 2**20,
        "progress": False,
    }
    yield Door("train", rd.train, lambda: {"model": model(), "task": task(), **fitting, "seed": 0, "tracker": None})
    yield Door(
        "train_ensemble",
        rd.train_ensemble,
        lambda: {"models": [model(), model()], "task": task(), **fitting, "seeds": [0, 1], "trackers": None},
    )
    yield Door(
        "sweep",
        rd.sweep,
        lambda: {
            "plan": plan(),
            "executor": None,
            "workers": 1,
            "gpus": 0,
            "retry": False,
            "index": 0,
            "of": 2,
            "progress": False,
        },
    )
    yield Door("SweepPlan", rd.SweepPlan, lambda: {**plan(), "fixed": {}, "cases": [], "pack": {}, "threads": 1})
    yield Door("SweepPlan.read", rd.SweepPlan.read, lambda: {"path": _plan_file()})
    yield Door("measured_rows", sweeps.measured_rows, lambda: {"plan": plan()})
    yield Door("gather", sweeps.gather, lambda: {"plan": plan()})
    yield Door("dask_client", sweeps.dask_client, lambda: {"address": None, "workers": 1})
    yield Door("Sweep.write", swept().write, lambda: {"path": folder() / "table.csv"})
    yield Door(
        "TrainedNetworks",
        sweeps.TrainedNetworks,
        lambda: {
            "cell": "GRU",
            "task": "denoising",
            "warmup": "plain",
            "length": 8,
            "seed": 0,
            "hidden": 4,
            "layers": 1,
            "t_max": 10.0,
            "pad": 2,
            "bits": None,
            "blank": None,
            "sequences": 4,
            "data": None,
            "epochs": 1,
            "batch_size": 2,
            "lr": 1e-3,
            "clip_norm": 1.0,
            "patience": None,
            "warmup_steps": 1,
            "n": 4,
            "horizon": 5,
            "device": "cpu",
        },
    )
    yield Door(
        "training_bifurcations",
        rd.training_bifurcations,
        lambda: {
            "checkpoints": [(0, module()), (1, module())],
            "input": [0.0],
            "starts": starts(),
            "losses": [1.0, 0.5],
            "n_starts": 4,
            "prefix": None,
            "nonlinearity": "tanh",
            "seed": 0,
            "memory_budget": 2**20,
            "progress": False,
        },
    )
    yield Door(
        "warm_up",
        rd.warm_up,
        lambda: {
            "module": module(),
            "sequences": sequences(),
            "steps": 1,
            "lr": 1e-2,
            "batch_size": 2,
            "target": 0.95,
            "objective": "vaa",
            "horizon": rd.Horizon(longest=2),
            "cells": (0,),
            "through_trajectories": True,
            "clip_norm": 1.0,
            "epsilon": 1e-4,
            "memory_budget": 2**20,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door(
        "plant",
        rd.plant,
        lambda: {
            "module": module(),
            "sequences": sequences(),
            "blocks": 2,
            "gain": (1.5, 2.0),
            "input_scale": 0.2,
            "thresholds": (-1.0, 1.0),
            "time_scales": None,
            "cells": (0,),
            "hold": [0.0],
            "n": 4,
            "draws": 1,
            "certify": False,
            "seed": 0,
            "progress": False,
        },
    )
    yield Door("evaluate", training.evaluate, lambda: {"model": model(), "task": task(), "batch_size": 4})
    yield Door("SequenceModel", rd.SequenceModel, lambda: {"recurrent": module(), "outputs": 1, "seed": 0})
    yield Door("Horizon", rd.Horizon, lambda: {"start": 1, "growth": 1, "longest": 3, "random": True})


def _plotting_doors() -> Iterator[Door]:
    yield Door(
        "plot_attractors",
        rd.plot_attractors,
        lambda: {
            "found": attractors(),
            "trajectories": normal(2, 3, 2),
            "ax": None,
            "onto": torch.eye(2),
            "dimensions": 2,
            "starts": starts(),
            "labels": None,
            "by_time": True,
            "legend": True,
            "certificates": proof(),
        },
    )
    yield Door(
        "plot_attractors of conditions",
        rd.plot_attractors,
        lambda: {"found": {"rest": attractors(), "go": attractors()}, "labels": ["a", "b"], "fitted_on": ["a"]},
    )
    yield Door("plot_basins", rd.plot_basins, lambda: {"basins": basins(), "ax": None, "legend": True})
    yield Door(
        "plot_branches",
        rd.plot_branches,
        lambda: {
            "branches": branch(),
            "ax": None,
            "observable": 0,
            "eigenvalues": False,
            "labels": True,
            "legend": True,
            "parameter": "p",
            "observable_label": None,
        },
    )
    yield Door(
        "plot_diagram",
        rd.plot_diagram,
        lambda: {
            "diagram": diagram(),
            "ax": None,
            "observable": 0,
            "eigenvalues": False,
            "labels": True,
            "legend": True,
            "cycles": True,
            "sections": True,
            "parameter": "p",
            "observable_label": None,
        },
    )
    yield Door("plot_resilience", rd.plot_resilience, lambda: {"table": resilient(), "ax": None, "legend": True})
    yield Door("plot_escape_times", rd.plot_escape_times, lambda: {"times": escapes(), "ax": None, "legend": True})
    yield Door("plot_uncertainty", rd.plot_uncertainty, lambda: {"result": uncertain(), "ax": None, "legend": True})
    yield Door(
        "plot_parameter_plane",
        rd.plot_parameter_plane,
        lambda: {
            "curves": (),
            "chart": plane_map(),
            "ax": None,
            "labels": True,
            "legend": True,
            "parameters": ("p", "q"),
        },
    )
    yield Door(
        "plot_timeline",
        rd.plot_timeline,
        lambda: {"timeline": timeline(), "axes": None, "observable": 0, "legend": True},
    )
    yield Door(
        "plot_sweep",
        rd.plot_sweep,
        lambda: {"sweep": swept(), "ax": None, "x": "x", "y": "z", "by": [], "legend": True},
    )
    yield Door(
        "plot_basin_fractions",
        rd.plot_basin_fractions,
        lambda: {"fractions": fractions(), "ax": None, "xlabel": "input", "most": 4, "legend": True},
    )
    yield Door("embed_figure", plotting.embed_figure, lambda: {"figure": plotting.figure()[0]})
    yield Door("plot_echo_index", rd.plot_echo_index, lambda: {"echo": echo(), "ax": None, "legend": True})
    yield Door(
        "plot_fixed_points",
        rd.plot_fixed_points,
        lambda: {
            "points": points(),
            "trajectories": normal(2, 3, 2),
            "ax": None,
            "onto": torch.eye(2),
            "dimensions": 2,
            "directions": True,
            "by_time": True,
            "legend": True,
            "certificates": proof(),
        },
    )
    yield Door(
        "plot_fixed_points of conditions",
        rd.plot_fixed_points,
        lambda: {
            "points": [points(), points()],
            "trajectories": {"a": normal(2, 3, 2)},
            "labels": ["a", "b"],
            "fitted_on": ["a"],
        },
    )
    yield Door(
        "plot_line_attractor",
        rd.plot_line_attractor,
        lambda: {
            "line": line(),
            "trajectories": normal(2, 3, 2),
            "ax": None,
            "onto": torch.eye(2),
            "dimensions": 2,
            "legend": True,
        },
    )
    yield Door("plot_reachability", rd.plot_reachability, lambda: {"reach": reach(), "axes": None, "legend": True})
    yield Door(
        "plot_spectrum",
        rd.plot_spectrum,
        lambda: {"points": points(), "ax": None, "which": [0, 1], "labels": None, "rim": True, "legend": True},
    )
    yield Door(
        "plot_tracking",
        rd.plot_tracking,
        lambda: {
            "history": history(),
            "axes": None,
            "scalar": "loss",
            "observable": 0,
            "identities": None,
            "legend": True,
        },
    )
    yield Door(
        "plot_transition_graph",
        rd.plot_transition_graph,
        lambda: {
            "graph": graph(),
            "ax": None,
            "positions": None,
            "labels": True,
            "names": ["a"],
            "self_loops": False,
            "legend": True,
        },
    )
    yield Door("plot_warmup", rd.plot_warmup, lambda: {"warmup": warmed(), "ax": None, "legend": True})
    yield Door(
        "plot_warmup_outcome",
        plotting.plot_warmup_outcome,
        lambda: {"before": reach(), "after": reach(), "ax": None, "legend": True},
    )
    yield Door("figure", plotting.figure, lambda: {"columns": 1, "height": 2.0, "projection": None})


def _making_doors() -> Iterator[Door]:
    yield Door(
        "Settle",
        rd.Settle,
        lambda: {
            "max_steps": 200,
            "horizon": 1e3,
            "tolerance": 1e-11,
            "merge_tolerance": 1e-6,
            "exponent_tolerance": 1e-4,
        },
    )
    yield Door(
        "Effort",
        rd.Effort,
        lambda: {
            "n": 4,
            "horizon": 5,
            "settle": BRIEFLY,
            "fixed_points": True,
            "searched": 8,
            "searches_between": 1,
            "most_points": 20,
        },
    )
    yield Door(
        "TrainSettings",
        rd.TrainSettings,
        lambda: {"epochs": 1, "batch_size": 4, "lr": 1e-3, "clip_norm": 1.0, "patience": 2},
    )
    yield Door("Walk", rd.Walk, lambda: {"tolerance": 1e-11, "max_steps": 10, "longest_step": 0.5, "max_norm": 1e6})
    yield Door("Newton", rd.Newton, lambda: {"tolerance": 1e-11, "step_bound": 2.0, "slow_points": 4, "ungated": True})
    yield Door(
        "NewtonKrylov",
        rd.NewtonKrylov,
        lambda: {"tolerance": 1e-11, "step_bound": 2.0, "krylov_size": 10, "forcing": 1e-3},
    )
    yield Door("every_root", roots.every_root, lambda: {"system": network().hold(), "most": 8})
    yield Door("LinearRegions", rd.LinearRegions, lambda: {"tolerance": 1e-11, "most": 100, "slow_points": 4})
    yield Door("ScipyRoot", rd.ScipyRoot, lambda: {"method": "hybr", "tolerance": 1e-11})
    yield Door("SpeedMinimizer", rd.SpeedMinimizer, lambda: {"tolerance": 1e-11, "slow_enough": 0.0})
    for solver in (rd.Newton(), rd.NewtonKrylov(), rd.ScipyRoot(), rd.SpeedMinimizer()):
        yield Door(
            f"{type(solver).__name__}.solve",
            solver.solve,
            lambda: {
                "system": network().hold(),
                "starts": starts(),
                "max_steps": 5,
                "memory_budget": 2**20,
                "progress": False,
            },
        )
    for cell in (cells.MGU, cells.BRC, cells.NBRC):
        yield Door(
            cell.__name__,
            _seeded(cell),
            lambda: {
                "input_size": 1,
                "hidden_size": 2,
                "num_layers": 1,
                "bias": True,
                "batch_first": False,
                "dropout": 0.0,
                "device": None,
                "dtype": None,
            },
        )
    sizes: dict[str, Any] = {"input_size": 1, "hidden_size": 2, "num_layers": 1, "bias": True, "batch_first": False}
    sizes |= {"dropout": 0.0, "device": None, "dtype": None}
    leaky = {"alpha": 0.2, "dt": None, "tau": None, "nonlinearity": "tanh", "leak": "outside", "noise": 0.0}
    dale = {"excitatory": 0.5, "signs": None, "mask": None, "self_connections": False}
    own: dict[Any, dict[str, Any]] = {cells.LeakyRNN: leaky, cells.DaleRNN: leaky | dale}
    own |= {
        cells.LowRankRNN: {**leaky, "rank": 1},
        cells.MinGRU: {"positive": False},
        cells.MinLSTM: {"positive": True},
    }
    for cell, more in own.items():
        yield Door(cell.__name__, _seeded(cell), lambda more=more: {**sizes, **more})
    ring = {"r_min": 0.0, "r_max": 1.0, "max_phase": 6.0, "device": None, "dtype": None}
    yield Door("LRU", _seeded(cells.LRU), lambda: {"input_size": 1, "hidden_size": 2, "batch_first": False, **ring})
    yield Door(
        "Parallel",
        _seeded(cells.Parallel),
        lambda: {
            "input_size": 1,
            "hidden_size": 4,
            "cells": (nn.GRU, cells.MGU),
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "split": (2, 2),
            "device": None,
            "dtype": None,
        },
    )
    yield Door(
        "module_from_spec",
        cells.module_from_spec,
        lambda: {"text": "chrono-2", "input_size": 1, "seed": 0, "t_max": 6.0, "nonlinearity": "tanh"},
    )
    yield Door("Specification.parse", cells.Specification.parse, lambda: {"text": "GRU-4x2"})
    yield Door("initialise", cells.initialise, lambda: {"module": module(), "seed": 0})
    yield Door(
        "chrono_initialise",
        cells.chrono_initialise,
        lambda: {"module": _seeded(nn.LSTM)(1, 2), "t_max": 6.0, "seed": 0},
    )
    yield from _finder_doors()
    generated = {"n": 4, "length": (12, 14), "seed": 0}
    yield Door(
        "task_by_name",
        tasks.task_by_name,
        lambda: {"name": "denoising", "length": 8, "pad": 2, "bits": None, "sequences": 4},
    )
    yield Door("CopyFirstInput", tasks.CopyFirstInput, lambda: dict(generated))
    yield Door("Denoising", tasks.Denoising, lambda: {**generated, "pad": 3, "marks": 2})
    yield Door("FlipFlop", tasks.FlipFlop, lambda: {**generated, "bits": 2, "pulse_rate": 0.2})
    yield Door(
        "flip_flop",
        tasks.flip_flop,
        lambda: {
            "n_sequences": 2,
            "length": 5,
            "bits": 1,
            "pulse_rate": 0.2,
            "generator": torch.Generator(),
        },
    )
    yield Door("by_pixel", tasks.PixelSequences.by_pixel, _images)
    yield Door("permuted", tasks.PixelSequences.permuted, lambda: {**_images(), "seed": 3})
    yield Door("by_row", tasks.PixelSequences.by_row, _images)
    yield Door(
        "PixelSequences",
        tasks.PixelSequences,
        lambda: {"sequences": normal(6, 4, 1).abs().float(), "labels": torch.arange(6), "blank": 1, "classes": 10},
    )
    yield Door("fixed_permutation", tasks.fixed_permutation, lambda: {"pixels": 6, "seed": 1})
    yield Door("digits", tasks.digits, lambda: {"test_share": 0.2, "seed": 0})
    yield Door("mnist", tasks.mnist, lambda: {"folder": folder()})
    yield Door("read_idx", tasks.read_idx, lambda: {"path": folder() / "none"})


def _seeded(made: Callable[..., Any]) -> Callable[..., Any]:
    """Torch draws first weights from the global random state."""

    def make(*values: Any, **options: Any) -> Any:
        with torch.random.fork_rng():
            return made(*values, **options)

    return make


def _method_doors() -> Iterator[Door]:
    yield Door("hold", network().hold, lambda: {"input": [0.0], "dtype": torch.float64})
    yield Door("run", network().run, lambda: {"inputs": sequences(), "state": torch.zeros(4, 2)})
    yield Door("input_family", network().input_family, lambda: {"direction": 0, "offset": [0.0]})
    yield Door("iterate", network().hold().iterate, lambda: {"states": starts(), "steps": 3})
    yield Door("jacobian", network().hold().jacobian, lambda: {"states": starts(), "memory_budget": 2**20})
    yield Door("input_jacobian", network().hold().input_jacobian, lambda: {"states": starts()})
    aligned = {"points": points(), "line": line()}
    for name, one in aligned.items():
        yield Door(
            f"{name}.alignment",
            one.alignment,
            lambda: {"inputs": torch.ones(1, 1), "readout": torch.ones(1, 2)},
        )
    yield Door("fraction_intervals", attractors().fraction_intervals, lambda: {"confidence": 0.9})
    yield Door("Horizon.draw", rd.Horizon().draw, lambda: {"step": 2, "generator": torch.Generator()})
    yield Door("batch", task().batch, lambda: {"rows": [0, 1]})
    yield Door("select", task().select, lambda: {"rows": torch.tensor([0, 1])})
    for method in ("loss", "score"):
        for one in (task(), tasks.PixelSequences.by_pixel(**_images())):
            yield Door(
                f"{type(one).__name__}.{method}",
                getattr(one, method),
                lambda one=one: {
                    "outputs": normal(2, one.inputs.shape[1], one.target_size).float(),
                    "targets": one.targets[:2],
                    "lengths": one.lengths[:2],
                },
            )
    yield Door("distance", branch().distance, lambda: {"state": branch().states[0], "parameter": 0.0})
    yield Door("near", branch().near, lambda: {"parameter": 0.0, "stable_only": False})
    yield Door("passing", branch().passing, lambda: {"parameter": 0.0})
    yield Door("observed", branch().observed, lambda: {"observable": 0})
    yield Door("index_beyond", branch().index_beyond, lambda: {"row": 0})
    yield Door("stable_beyond", branch().stable_beyond, lambda: {"row": 0})
    yield Door("share", plane_map().share, lambda: {"count": 2})
    yield Door(
        "TrackingHistory.match",
        history().match,
        lambda: {"max_distance": 0.25, "stability_weight": 0.5, "followed": True},
    )
    yield Door("scalars", history().scalars, lambda: {"name": "loss"})


def _maze_doors() -> Iterator[Door]:
    """Mazes, and who plays in them."""
    maze = {"length": 2, "stochasticity": 0.1, "fully_observed": False, "render_mode": "ansi"}
    yield Door("TMaze", rl.TMaze, lambda: dict(maze))
    yield Door(
        "TMazeVector",
        rl.TMazeVector,
        lambda: maze | {"num_envs": 3, "length": [2, 3, 2], "autoreset_mode": "SameStep", "device": None},
    )
    yield Door("TMaze.optimal_return", rl.TMaze(2, 0.1).optimal_return, lambda: {"gamma": 0.9})
    yield Door("TMaze.step", lambda action: _begun(rl.TMaze(2)).step(action), lambda: {"action": 0})
    mazes = _begun(rl.TMazeVector(3))
    yield Door("TMazeVector.step", mazes.step, lambda: {"actions": [0, 1, 2]})
    yield Door("TMazeVector.step_tensors", mazes.step_tensors, lambda: {"actions": torch.zeros(3, dtype=torch.long)})
    yield Door(
        "TMazeVector.reset_tensors",
        mazes.reset_tensors,
        lambda: {"seeds": torch.arange(3), "goals": torch.tensor([0, 1, 1]), "rows": torch.tensor([True, True, False])},
    )
    yield Door(
        "TabularProblem",
        rl.TabularProblem,
        lambda: {
            "next_states": torch.tensor([[0, 1], [1, 1]]),
            "rewards": torch.eye(2),
            "ends": torch.tensor([False, True]),
            "slip": 0.1,
        },
    )
    problem = rl.TMaze(2).problem()
    yield Door("TabularProblem.action_values", problem.action_values, lambda: {"gamma": 0.9, "tolerance": 1e-9})
    yield Door("TabularProblem.values_within", problem.values_within, lambda: {"gamma": 0.9, "steps": 3})
    yield Door("as_world", rl.as_world, lambda: {"environment": "rnn_dynamics/TMaze-v0", "device": None})
    yield Door("HiddenVelocity", rl.HiddenVelocity, lambda: {"env": gym.make("CartPole-v1"), "positions": [0, 2]})
    yield Door("RecurrentPolicy", rl.RecurrentPolicy, lambda: {"model": player()})
    yield Door(
        "evaluate_agent",
        rl.evaluate_agent,
        lambda: {
            "policy": player(),
            "lengths": [2, 3],
            "gamma": 0.9,
            "stochasticity": 0.1,
            "rollouts": 2,
            "seed": 0,
            "device": None,
        },
    )


def _agent_doors() -> Iterator[Door]:
    """The training of agents."""
    sizes = {"episodes": 1, "updates": 1, "batch_size": 2, "buffer": 20, "explored": 10, "target_every": 1}
    judged = {"evaluate_every": 1, "evaluated": 1, "longest": 4}
    rates = {"lr": 1e-3, "gamma": 0.9, "epsilon": 0.2, "double": True, "clip_norm": 1.0}
    yield Door("AgentSettings", rl.AgentSettings, lambda: {**sizes, **judged, **rates})
    warmup = {"steps": 2, "lr": 1e-2, "batch_size": 4, "horizon": rd.Horizon(), "cells": (0,), "clip_norm": 1.0}
    yield Door("AgentWarmup", rl.AgentWarmup, lambda: dict(warmup))
    shared = {
        "settings": rl.AgentSettings(**sizes, **judged),
        "warmup": rl.AgentWarmup(1, batch_size=2),
        "resume": True,
        "snapshot_every": 1,
        "memory_budget": 10**6,
        "progress": False,
    }
    yield Door(
        "train_agent",
        rl.train_agent,
        lambda: (
            {"model": player(), "environment": rl.TMaze(2), "seed": 0, "tracker": None, **shared}
            | {"folder": folder() / "agent"}
        ),
    )
    yield Door(
        "train_agents",
        rl.train_agents,
        lambda: (
            {"models": [player()], "environment": rl.TMaze(2), "seeds": [0], "trackers": [None], **shared}
            | {"folder": folder() / "agents"}
        ),
    )
    yield Door(
        "q_network", rl.q_network, lambda: {"environment": rl.TMaze(2), "network": "GRU-2", "seed": 0, "t_max": 9.0}
    )
    yield Door("explore", rl.explore, lambda: {"environment": rl.TMaze(2), "transitions": 20, "seed": 0})
    yield Door(
        "held_input",
        rl.held_input,
        lambda: {"environment": rl.TMaze(2), "action": 0, "observation": 2, "reward": 0.0},
    )


@cache
def agent() -> rl.AgentTraining:
    settings = rl.AgentSettings(4, updates=1, batch_size=2, buffer=20, evaluate_every=2)
    return rl.train_agent(player(), rl.TMaze(2), settings=settings, warmup=rl.AgentWarmup(1))


def player() -> rd.SequenceModel:
    """Plays the T-Maze, badly."""
    return rd.SequenceModel(_seeded(nn.GRU)(9, 2), 4, seed=0)


@cache
def played() -> rl.AgentEvaluation:
    return rl.evaluate_agent(player(), [2, 3, 5])


def _begun(maze: Any) -> Any:
    maze.reset(seed=0)
    return maze


def _finder_doors() -> Iterator[Door]:
    """FixedPointFinder's interface."""
    settings = FixedPointFinder.default_hps() | {"verbose": False, "max_n_unique": 100}
    yield Door(
        "FixedPointFinder",
        FixedPointFinder,
        lambda: {"rnn": module(), "lr_init": 1.0, "lr_patience": 5, "lr_factor": 0.95, "lr_cooldown": 0} | settings,
    )
    finder = FixedPointFinder(module(), verbose=False)
    drawing = {"state_traj": normal(3, 4, 2), "n_inits": 5, "valid_bxt": torch.ones(3, 4), "noise_scale": 0.1}
    yield Door("FixedPointFinder.sample_states", finder.sample_states, lambda: dict(drawing))
    yield Door(
        "FixedPointFinder.sample_inputs_and_states",
        finder.sample_inputs_and_states,
        lambda: {"inputs": normal(3, 4, 1)} | drawing,
    )
    yield Door(
        "FixedPointFinder.find_fixed_points",
        finder.find_fixed_points,
        lambda: {"initial_states": starts(), "inputs": torch.zeros(1, 1), "cond_ids": torch.zeros(6)},
    )
    made, _ = finder.find_fixed_points(starts(), torch.zeros(1, 1))
    yield Door("fixed_point_finder.FixedPoints", fixed_point_finder.FixedPoints, lambda: made.kwargs)
    yield Door(
        "plot_fps",
        plot_fps,
        lambda: {
            "fps": made,
            "state_traj": normal(3, 4, 2),
            "plot_batch_idx": [0, 1],
            "plot_start_time": 1,
            "plot_stop_time": 3,
            "mode_scale": 0.25,
            "fig": None,
        },
    )
    yield Door("FixedPoints.transform", made.transform, lambda: {"U": np.eye(2), "offset": 0.0})
    yield Door("FixedPoints.update", made[:].update, lambda: {"new_fps": made})
    yield Door("FixedPoints.concatenate", made.concatenate, lambda: {"fps_seq": [made, made]})
    yield Door("FixedPoints.save", made.save, lambda: {"save_path": folder() / "points.npz"})
    made.save(folder() / "kept.npz")
    yield Door("FixedPoints.restore", made[:].restore, lambda: {"restore_path": folder() / "kept.npz"})


def _result_doors() -> Iterator[Door]:
    """Results made of other fields, then summed up, drawn and saved."""
    shown: list[tuple[Callable[[], Any], Callable[..., Any]]] = [
        (points, lambda it: (rd.plot_fixed_points(it), it.to_pandas())),
        (attractors, lambda it: (rd.plot_attractors(it), it.to_pandas())),
        (line, lambda it: (rd.plot_line_attractor(it), it.to_pandas())),
        (reach, lambda it: (rd.plot_reachability(it), it.to_pandas())),
        (branch, lambda it: (rd.plot_branches(it), it.to_pandas())),
        (diagram, lambda it: (rd.plot_diagram(it), it.to_pandas())),
        (plane_map, lambda it: (rd.plot_parameter_plane(chart=it), it.to_pandas())),
        (timeline, lambda it: (rd.plot_timeline(it), it.to_pandas())),
        (history, lambda it: (rd.plot_tracking(it), it.to_pandas())),
        (warmed, lambda it: (rd.plot_warmup(it), it.to_pandas())),
        (planted, lambda it: it.to_pandas()),
        (basins, rd.plot_basins),
        (echo, rd.plot_echo_index),
        (fractions, lambda it: (rd.plot_basin_fractions(it), it.to_pandas())),
        (resilient, lambda it: (rd.plot_resilience(it), it.to_pandas())),
        (escapes, lambda it: (rd.plot_escape_times(it), it.to_pandas())),
        (uncertain, lambda it: (rd.plot_uncertainty(it), it.to_pandas())),
        (merged, lambda it: it.to_pandas()),
        (charted, lambda it: (rd.plot_chart(it), it.to_pandas())),
        (orbits_over, lambda it: (rd.plot_orbit_diagram(it), it.to_pandas())),
        (crisis, lambda it: it.to_pandas()),
        (curves, lambda it: (rd.plot_manifold(it), it.to_pandas())),
        (surface, lambda it: (rd.plot_manifold(it), it.to_pandas())),
        (connections, lambda it: (rd.plot_manifold(it), it.to_pandas())),
        (connected, lambda it: it.to_pandas()),
        (touching, lambda it: it.to_pandas()),
        (portrait, lambda it: (rd.plot_phase_portrait(it), it.to_pandas())),
        (trained, lambda it: it.to_pandas()),
        (played, lambda it: it.to_pandas()),
        (swept, lambda it: (rd.plot_sweep(it), it.to_pandas())),
        (fold, lambda it: repr(it)),
        (lambda: rd.diversity(torch.tensor([2, 1])), repr),
    ]
    for result, draw in shown:
        name = type(result()).__name__
        saved = _drawn(result, lambda it: rd.save(it, folder() / "result.safetensors"))
        yield Door(f"{name}, used", _drawn(result, draw), _fields(result), of_result=True)
        yield Door(f"{name}, saved", saved, _fields(result), of_result=True)
