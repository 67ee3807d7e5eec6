"""What leads from one attractor to another: inputs, and the unstable directions of saddles."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .attractors import Attractors, Fate, Settle, find_attractors, wilson_intervals
from .checks import ArgumentError, ArrayLike, Size, as_tensor, checked, require_positive
from .fixed_points import FixedPoints
from .progress import each
from .systems import DEFAULT_MEMORY_BUDGET, AutonomousMap, DrivenMap, require_network, require_system

if TYPE_CHECKING:
    import networkx as nx

_SAMPLES = 16
"""States of a circle, torus, chaotic set or continuum from which each input is tried."""

_NEAR = 1e-6
"""An orbit that rests within this of a saddle, times max(1, |h|), rests on it."""

_ROUNDS = 8
"""New attractors are tried in turn, and those that they lead to, at most so many times."""


@checked
@torch.no_grad()
def transition_graph(
    network: DrivenMap,
    attractors: Attractors,
    inputs: ArrayLike | Sequence[Tensor],
    *,
    names: Sequence[str] | None = None,
    noise: float = 0.0,
    trials: Size = 1,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> "nx.MultiDiGraph":
    """Which input takes which attractor to which.

    From each attractor (every state of a cycle, 16 of a circle or chaotic set) each input is applied, then the held
    input of ``attractors`` again, until the state settles. Attractors met on the way are added and tried in turn.
    While it lasts, an input replaces the held input and is not added to it: on top of a held input b, a pulse d is the
    input b + d.

    Args:
        network: the driven map.
        attractors: of ``network.hold(input)``.
        inputs: pulses [q, m] of one step each, sequences [q, time, m], or a list of [time_i, m].
        names: of the inputs, one each, no two alike; by default the values of their first three steps, and their row
            where these are those of another input too.
        noise: standard deviation of Gaussian noise added to every coordinate of the state after each step of an input.
        trials: how often each state and input are tried; more than 1 makes sense with noise.
        settle: how starts settle, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of the noise.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        Nodes are the attractors' rows, with ``kind``, ``period``, ``share`` (of the starts) and ``given`` (False for
        those met on the way), and a string for each way of not settling. Edges have their input's name as key, so that
        ``graph[source][target][name]`` is one of them, and carry ``input`` (its row), ``label`` (its name),
        ``probability`` with Wilson's 95 % interval ``low``, ``high``, and ``trials``. All are plain numbers and
        strings, so ``networkx.write_graphml`` and its like write it as it is.

    Raises:
        ValueError: for inputs or names that do not fit, or attractors of another network or held input.
    """
    import networkx as nx

    require_network(network)
    require_positive(trials=trials)
    if not 0 <= noise < float("inf"):
        raise ArgumentError("noise", f"must be 0 or positive and finite, got {noise}")
    pulses = _sequences(network, inputs)
    labels = _names(pulses) if names is None else [str(name) for name in names]
    if len(labels) != len(pulses):
        raise ArgumentError("names", f"must be one per input, got {len(labels)} for {len(pulses)} inputs")
    if twice := [name for name, count in Counter(labels).items() if count > 1]:
        raise ArgumentError("names", f"must differ, got {twice[0]!r} {labels.count(twice[0])} times")
    frozen = network.frozen(torch.float64)
    system = network.hold(attractors.held_input)
    generator = torch.Generator().manual_seed(seed)
    graph = nx.MultiDiGraph()
    found, done = attractors, 0
    for _ in range(_ROUNDS):
        fresh = range(done, len(found))
        if not fresh:
            break
        _add_nodes(graph, found, fresh, given=done == 0, shares=attractors)
        starts, sources = _starts(found, fresh, trials)
        for row, pulse in enumerate(each(pulses, "transitions", progress, unit="input")):
            ends = _applied(frozen, starts, pulse, noise, generator)
            found = find_attractors(system, ends, known=found, seed=seed, settle=settle, memory_budget=memory_budget)
            _add_edges(graph, found, sources, row, labels[row])
        done = fresh.stop
    _add_nodes(graph, found, range(done, len(found)), given=False, shares=attractors)
    return graph


@checked
@torch.no_grad()
def saddle_connections(
    system: AutonomousMap,
    points: FixedPoints,
    attractors: Attractors,
    *,
    displacement: float = 1e-4,
    settle: Settle | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    seed: int = 0,
    progress: bool | None = None,
) -> "nx.MultiDiGraph":
    """The heteroclinic skeleton: from each saddle, both ways along its unstable directions, to which attractors.

    Args:
        system: the map.
        points: its fixed points; those with unstable directions are followed (for a complex pair along its real and
            imaginary parts, which span the plane that both turn in).
        attractors: of the same map; further ones that are met are added.
        displacement: how far from the saddle to begin, times max(1, |h|).
        settle: how starts settle, as in ``find_attractors``.
        memory_budget: bytes for Jacobians at a time.
        seed: of tangent vectors.
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        Nodes "saddle 3" (the row of ``points``) with ``kind`` and ``n_unstable``, "attractor 0" with ``kind``, and a
        word for each way of not settling; edges with ``direction`` (which unstable mode), ``side`` (+1 or -1) and
        ``eigenvalue`` (its modulus). Where symmetry leads from one saddle to another, the edge does.

    Raises:
        ValueError: for points or attractors of another size, or points without all their unstable eigenvectors.
    """
    import networkx as nx

    require_system(system)
    require_positive(displacement=displacement)
    graph = nx.MultiDiGraph()
    starts: list[Tensor] = []
    origins: list[tuple[int, int, int, float]] = []
    for row in points.n_unstable.nonzero().flatten().tolist():
        graph.add_node(f"saddle {row}", kind=points.kinds[row], n_unstable=int(points.n_unstable[row]))
        state = points.states[row]
        reach = displacement * max(1.0, float(state.norm()))
        for mode, direction in points.unstable_directions(row):
            for side in (1, -1):
                starts.append(state + side * reach * direction.to(state))
                origins.append((row, mode, side, float(points.eigenvalues[row, mode].abs())))
    found = attractors
    if starts:
        found = find_attractors(
            system,
            torch.stack(starts),
            known=attractors,
            seed=seed,
            progress=progress,
            settle=settle,
            memory_budget=memory_budget,
        )
    for row in range(len(found)):
        graph.add_node(f"attractor {row}", kind=str(found.kinds[row]), period=int(found.periods[row]))
    for index, (row, mode, side, eigenvalue) in enumerate(origins):
        label = int(found.labels[index])
        target = f"attractor {label}" if label >= 0 else _unsettled_target(found, index, points)
        graph.add_edge(f"saddle {row}", target, direction=mode, side=side, eigenvalue=eigenvalue)
    return graph


def _unsettled_target(found: Attractors, index: int, points: FixedPoints) -> str:
    """The saddle that an orbit from another one rests on, as symmetry may have it, or how else it did not settle."""
    fate = Fate(int(found.fates[index]))
    distance = (points.states - found.ends[index]).norm(dim=-1)
    nearest = int(distance.argmin())
    if fate is Fate.BALANCED and float(distance[nearest]) <= _NEAR * max(1.0, float(points.states[nearest].norm())):
        return f"saddle {nearest}"
    return fate.outcome


def _sequences(network: DrivenMap, inputs: ArrayLike | Sequence[Tensor]) -> list[Tensor]:
    where = {"dtype": torch.float64, "device": network.device}
    m = network.input_size
    if isinstance(inputs, Sequence) and len(inputs) and all(getattr(pulse, "ndim", 0) == 2 for pulse in inputs):
        pulses = [as_tensor(pulse, f"input {row}", **where) for row, pulse in enumerate(inputs)]
    else:
        stacked = as_tensor(inputs, "inputs", **where)
        if stacked.ndim not in (2, 3):
            raise ArgumentError("inputs", f"must have shape [q, {m}] or [q, time, {m}], got {list(stacked.shape)}")
        pulses = list(stacked.unsqueeze(1) if stacked.ndim == 2 else stacked)
    if not pulses:
        raise ArgumentError("inputs", "are empty: at least one is needed")
    for row, pulse in enumerate(pulses):
        if pulse.ndim != 2 or pulse.shape[1] != m or not len(pulse):
            raise ValueError(f"input {row} must have shape [time, {m}], got {list(pulse.shape)}")
    return pulses


def _names(pulses: list[Tensor]) -> list[str]:
    """The values of each, with the row where these do not tell it from others."""
    names = [_name(pulse) for pulse in pulses]
    return [f"input {row}: {name}" if names.count(name) > 1 else name for row, name in enumerate(names)]


def _name(pulse: Tensor) -> str:
    text = " ".join(",".join(f"{x:+g}" if x else "0" for x in row[:6].tolist()) for row in pulse[:3])
    return text + (" ..." if len(pulse) > 3 or pulse.shape[1] > 6 else "")


def _starts(found: Attractors, rows: range, trials: int) -> tuple[Tensor, list[int]]:
    """States of the attractors in ``rows``, each ``trials`` times, and which attractor each is of."""
    states, sources = [], []
    for row in rows:
        orbit = found.orbits[row].double()
        if found.kinds[row] not in ("fixed point", "cycle"):
            orbit = orbit[torch.linspace(0, len(orbit) - 1, _SAMPLES).long().to(orbit.device)]
        states.append(orbit.repeat(trials, 1))
        sources += [row] * len(states[-1])
    return torch.cat(states), sources


def _applied(network: DrivenMap, states: Tensor, pulse: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    for input in pulse:
        states = network.step(states, input.expand(len(states), -1))
        if noise:
            drawn = torch.randn(states.shape, generator=generator, dtype=torch.float64)
            states = states + noise * drawn.to(states)
    return states


def _add_nodes(graph: "nx.MultiDiGraph", found: Attractors, rows: range, *, given: bool, shares: Attractors) -> None:
    fractions = shares.fractions.tolist()
    for row in rows:
        share = float(fractions[row]) if row < len(fractions) else 0.0
        graph.add_node(row, kind=str(found.kinds[row]), period=int(found.periods[row]), share=share, given=given)


def _add_edges(graph: "nx.MultiDiGraph", found: Attractors, sources: list[int], row: int, label: str) -> None:
    targets: dict[int, list[int | str]] = {}
    for source, target, fate in zip(sources, found.labels.tolist(), found.fates.tolist(), strict=True):
        targets.setdefault(source, []).append(target if target >= 0 else Fate(fate).outcome)
    for source, ends in targets.items():
        for target in dict.fromkeys(ends):
            count = ends.count(target)
            low, high = wilson_intervals(torch.tensor([count]), len(ends))[0].tolist()
            graph.add_edge(
                source,
                target,
                key=label,
                input=row,
                label=label,
                probability=count / len(ends),
                low=low,
                high=high,
                trials=len(ends),
            )
