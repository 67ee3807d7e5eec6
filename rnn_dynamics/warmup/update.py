"""Warmup: gradient descent that makes the states of different input sequences stay apart."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from ..checks import (
    ArgumentError,
    Bytes,
    CheckedInside,
    InputSequences,
    OrInfinite,
    Positive,
    Size,
    Told,
    Words,
    checked,
    generator_of,
    require_positive,
    whole_number,
)
from ..planting import Planting, sow
from ..progress import Progress
from ..stopping import go_on, stoppable
from ..systems import DEFAULT_MEMORY_BUDGET, DrivenMap, as_map, padded, states_after
from .horizon import Horizon
from .looks import Looks
from .objectives import Codes, Objective, Published
from .parts import WarmedPart, warmed_parts
from .results import Warmup


@checked
def warm_up(
    module: Annotated[nn.Module | DrivenMap, CheckedInside()],
    sequences: InputSequences,
    steps: Size = 100,
    lr: Annotated[float, Positive()] | None = None,
    batch_size: int = 32,
    target: Annotated[float, Told("lie in (0, 1], as VAA* does")] = 0.95,
    *,
    objective: Literal["vaa", "attractors"] = "vaa",
    horizon: Horizon | None = None,
    cells: Annotated[Sequence[int], Told("whole numbers in a sequence")] = (0,),
    through_trajectories: bool = True,
    clip_norm: Annotated[float, OrInfinite(), Positive()] | None = None,
    epsilon: Annotated[float, Positive()] = 1e-4,
    memory_budget: Bytes = DEFAULT_MEMORY_BUDGET,
    seed: int | torch.Generator = 0,
    callback: Callable[..., Any] | None = None,
    progress: bool | None = None,
) -> Warmup:
    """Warm up a recurrent network, in place: maximise its reachable multistability, as published.

    Each update runs a batch of sequences from h = 0, sequence i for c_i ~ U{1..T_i} steps, keeps the last states, moves
    each layer's own M steps under one held input x ~ N(0, I) of that layer, and takes one step of Adam on

        loss = mean over layers of (VAA* - target)^2

    whose gradient flows through the M steps and the trajectories. What it makes is a high VAA* at up to 200 steps;
    whether that is many attractors or slow drift, ``reachability`` says.

    With ``objective="attractors"`` the cells are planted first, as ``rd.plant`` does without a search, and updates
    make sequences end in different attractors, far from where these part (``Codes`` of ``objectives`` has
    the loss). Every 25 updates the attractors that 64 states reach under one held input are counted in truth; two
    counts in a row without more end it, and the weights that reached most stay.

    Args:
        module: anything that ``as_map`` takes, or its result (for a function, a ``FunctionMap`` whose step is a
            module). Dropout between layers is off.
        sequences: inputs [batch, time, m], a list of [time_i, m] of different lengths, or a task.
        steps: updates.
        lr: of Adam: 1e-2 as published, 1e-3 for attractors, which larger steps undo.
        batch_size: sequences in an update, drawn without replacement until all have been used; all of them if there
            are fewer.
        target: of VAA*; not of attractors.
        objective: "vaa" as published, or "attractors".
        horizon: of M; the published schedule by default, M ~ U{1..30} for attractors.
        cells: which cells of each layer of a ``Parallel`` are warmed up; no other weight of it moves. The first, as
            published.
        through_trajectories: False stops the gradient at the sampled states.
        clip_norm: the largest norm that a gradient may have; none by default.
        epsilon: of VAA*; not of attractors.
        memory_budget: bytes that an update may keep for its gradient: half for the trajectories, half for the M steps.
            What exceeds them is computed twice.
        seed: of batches, times, horizons and held inputs; the global random state is not touched.
        callback: called as ``callback(step, module, soft_vaa=..., loss=..., gradient_norm=..., horizon=...)`` before
            each update, with the weights that these numbers belong to, and once at the end with ``step=steps``, when no
            update follows and they are NaN (the horizon 0).
        progress: whether to show a bar; by default in notebooks only, after ten seconds.

    Returns:
        The history, whose VAA* is that of codes for attractors. If a loss or gradient is not finite, or Ctrl-C is
        pressed, it ends early and says so in ``status`` and ``advice``; the weights are then the last ones whose loss
        and gradient were finite, or for attractors those that reached most.

    Raises:
        ValueError: for sequences or a module that do not fit, settings out of range, or no weight that may move.

    Source: Lambrechts et al., arXiv 2106.01001.
    """
    steps, batch_size = whole_number(steps, "steps", 1), whole_number(batch_size, "batch_size", 1)
    _check_settings(batch_size, target, clip_norm, horizon)
    if objective == "attractors" and (target, epsilon) != (0.95, 1e-4):
        raise ArgumentError("target" if target != 0.95 else "epsilon", 'is of VAA*: leave it out for "attractors"')
    require_positive(epsilon=epsilon, memory_budget=memory_budget)
    network = module if isinstance(module, DrivenMap) else as_map(module)
    parts = warmed_parts(network, cells)
    weights = _movable(parts)
    inputs, lengths = padded(network, sequences)
    if len(inputs) < 2:
        raise ArgumentError("sequences", "must be 2 or more: one state alone has VAA* = 1 whatever the network does")
    half = max(len(parts), int(min(memory_budget, 2**62)) // 2)  # for the trajectories, and for the M steps
    planting: Planting | None = None
    looks: Looks | None = None
    if objective == "attractors":
        own = seed if isinstance(seed, int) else seed.initial_seed()
        planting = sow(network, sequences, cells=cells, seed=own)
        aim: Objective = Codes(network, planting, half)
        looks = Looks(network, sequences, weights, own)
    else:
        aim = Published(parts, target, epsilon, half)
    lr, horizon = aim.lr if lr is None else lr, aim.horizon if horizon is None else horizon
    generator = generator_of(seed)
    batches = _batches(len(inputs), batch_size, generator)
    optimiser = torch.optim.Adam(weights, lr=lr)
    kept = _copies(weights)  # those that the last entry of the history belongs to
    history: list[tuple[Tensor, float, float, int]] = []
    status = "finished"

    bar = Progress("warming up", progress, total=steps, unit="step")
    # A caller may be within no_grad() or inference_mode().
    with torch.inference_mode(False), torch.enable_grad(), _lent_gradients(weights), bar:
        with stoppable() as stop:
            for step in bar.counting(range(steps)):
                if looks is not None and looks.due(step):
                    worth_while = looks.look(step)
                    go_on()
                    if not worth_while:
                        break
                rows = next(batches)
                times = 1 + (torch.rand(len(rows), generator=generator, dtype=torch.float64) * lengths[rows]).long()
                ahead = horizon.draw(step, generator)
                with torch.set_grad_enabled(through_trajectories):
                    states = states_after(network, inputs[rows.to(inputs.device)], times, half)
                values, loss = aim.loss(states, ahead, generator)
                gradients, norm, numbers = _differentiated(loss, values, weights)
                scale = 1.0 if clip_norm is None or norm <= clip_norm else clip_norm / norm
                if not _applicable(norm, scale, network.dtype):
                    status = "not finite"
                    break
                entry = (numbers[1:], float(numbers[0]), norm, ahead)
                kept, history = _copies(weights), [*history, entry]  # both or, on Ctrl-C, neither
                mean = float(entry[0].mean())
                bar.note(VAA=f"{mean:.2f}", M=ahead)
                if callback is not None:
                    callback(step, module, soft_vaa=mean, loss=entry[1], gradient_norm=norm, horizon=ahead)
                    go_on()
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight.grad = None if gradient is None else gradient * scale
                optimiser.step()
                optimiser.zero_grad()
            else:
                if looks is not None:
                    looks.look(steps)
            if not all(bool(weight.isfinite().all()) for weight in weights):
                status = "not finite"
            if status == "finished" and callback is not None:
                callback(steps, module, soft_vaa=math.nan, loss=math.nan, gradient_norm=math.nan, horizon=0)
        if stop:
            status = "interrupted"
        if looks is not None:
            looks.restore()
            history = history[: looks.best]
        elif status != "finished":
            _restore(weights, kept)
    n = min(batch_size, len(inputs))
    values, losses, norms, ahead = zip(*history, strict=True) if history else ((), (), (), ())
    done = Warmup(
        soft_vaas=torch.stack(values) if history else torch.empty(0, 1 if looks else len(parts), dtype=torch.float64),
        losses=torch.tensor(losses, dtype=torch.float64),
        gradient_norms=torch.tensor(norms, dtype=torch.float64),
        horizons=torch.tensor(ahead, dtype=torch.int64),
        n=n,
        target=target,
        status=status,
        planting=planting,
        looks=tuple(looks.counts) if looks is not None else (),
    )
    return done.told(lr, clip_norm, horizon.longest, Words())


def _check_settings(batch_size: int, target: float, clip_norm: float | None, horizon: Horizon | None) -> None:
    if not isinstance(horizon, Horizon | None):
        raise ArgumentError("horizon", f"must be a Horizon, like Horizon(longest=200), got {horizon!r}")
    if batch_size < 2:
        raise ArgumentError("batch_size", "must be 2 or more: one state alone has VAA* = 1 whatever the network does")
    if not 0 < target <= 1:
        raise ArgumentError("target", f"must lie in (0, 1], as VAA* does, got {target}")
    if clip_norm is not None and not clip_norm > 0:
        raise ArgumentError("clip_norm", f"must be positive, or None, got {clip_norm}")


def _movable(parts: Sequence[WarmedPart]) -> list[Tensor]:
    """The weights of the warmed parts that require a gradient, each once."""
    weights = {id(weight): weight for part in parts for weight in part.weights if weight.requires_grad}
    if not weights:
        raise ValueError("none of the weights to warm up requires a gradient: they are frozen, or there are none")
    for weight in weights.values():
        if not weight.is_leaf:
            raise ValueError(
                "weights to warm up must be parameters, but one is computed from others (a parametrization, "
                "weight_norm, pruning): make it permanent first, as torch.nn.utils.parametrize.remove_parametrizations "
                "does"
            )
        if weight.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"weights to warm up must be float32 or float64, got {weight.dtype}")
        if not bool(weight.isfinite().all()):
            raise ValueError("weights to warm up must be finite, got NaN or infinite entries")
    return list(weights.values())


def _batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Rows in random order, each once before any comes again; a remainder smaller than a batch is left out."""
    size = min(size, count)
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order[: count // size * size].split(size)


def _copies(weights: list[Tensor]) -> list[Tensor]:
    return [weight.detach().clone() for weight in weights]


@torch.no_grad()
def _restore(weights: list[Tensor], kept: list[Tensor]) -> None:
    for weight, value in zip(weights, kept, strict=True):
        weight.copy_(value)


def _differentiated(
    loss: Tensor, values: Tensor, weights: list[Tensor]
) -> tuple[Sequence[Tensor | None], float, Tensor]:
    """The gradients by the weights, their norm (NaN if the loss is not finite), and loss and values on the host.

    All numbers come to the host together, once a step: a GPU is waited for each time.
    """
    if not loss.requires_grad:
        if not bool(loss.isfinite()):
            return (), math.nan, torch.cat([loss.unsqueeze(0), values]).cpu().double()
        raise ValueError("no weight to warm up acts on the states: those that require a gradient are not used")
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    # In float64, since squares of float32 overflow from 1e19 on.
    norms = [torch.linalg.vector_norm(g, dtype=torch.float64) for g in gradients if g is not None]
    numbers = torch.cat([loss.detach().unsqueeze(0), values.detach()]).double()
    numbers = torch.cat([numbers, torch.stack(norms)]).cpu()
    told, lengths = numbers[: 1 + len(values)], numbers[1 + len(values) :].tolist()
    return gradients, math.hypot(*lengths) if math.isfinite(told[0]) else math.nan, told


def _applicable(norm: float, scale: float, dtype: torch.dtype) -> bool:
    """Whether Adam can take a gradient; if not, its mean of squares is infinite and weights never move again."""
    return math.isfinite(norm) and norm * scale <= math.sqrt(torch.finfo(dtype).max)


@contextmanager
def _lent_gradients(weights: list[Tensor]) -> Iterator[None]:
    """Give the weights back the gradients that the caller may have gathered in them."""
    gradients = [weight.grad for weight in weights]
    for weight in weights:
        weight.grad = None
    try:
        yield
    finally:
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
