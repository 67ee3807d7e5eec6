"""The tracker: what a network can reach, looked at again and again while it is trained."""

import math
import os
from pathlib import Path
from typing import Annotated, Any, TypedDict

import torch
from torch import nn

from ..checks import (
    ArgumentError,
    ArrayLike,
    CheckedInside,
    InputSequences,
    NoWeights,
    Size,
    as_tensor,
    as_vector,
    checked,
    require_positive,
    whole_number,
)
from ..families import named_weights
from ..systems import DEFAULT_MEMORY_BUDGET, DrivenMap, LayeredMap, as_map, recurrent_layers
from .budget import Budget
from .effort import Effort
from .history import TrackingHistory
from .observation import Observation
from .observing import Looking, Seen, observe_network
from .record import Record
from .ring import DEFAULT_PATH_BUDGET, WeightRing


class TrackerOptions(TypedDict, total=False):
    """What ``AttractorTracker`` takes, but for its folder, for the functions that make one."""

    hold: ArrayLike | None
    epsilon: float
    every: Size
    effort: Effort | None
    budget: float | Budget | None
    time_limit: float | None
    memory_budget: int
    path_budget: int
    seed: int


@checked
class AttractorTracker:
    """Say, at every step that it is shown, what a network in training can reach, and what changed.

    Each observation holds the published VAA (n states, ``horizon`` steps, one held input for the whole run), the
    attractors that the same states really settle on, all fixed points, and how the sets of the observation before
    became those of this one. These are followed along the weights that the training had in between, as many as
    ``path_budget`` takes, so that each birth, death and change of stability is located to one update, or to the few
    that its bracket says:

        tracker = rd.AttractorTracker(sequences, every=100)
        for step in range(steps):
            ...
            tracker.observe(step, model.rnn, loss=loss.item())
        rd.plot_tracking(tracker.history)

    Called at every update, ``observe`` looks at every hundredth here and takes a copy of the weights at the others. A
    loop that calls it at the hundredth only calls ``record(step, model.rnn)`` at every update, as ``train`` does; if it
    does not, events are located to a hundred updates. ``observe`` is a callback of ``warm_up`` as it is. The module,
    its grad flags and the random state stay as they are.
    """

    def __init__(
        self,
        sequences: InputSequences,
        *,
        hold: ArrayLike | None = None,
        epsilon: float = 1e-4,
        every: Size = 1,
        effort: Effort | None = None,
        budget: float | Budget | None = 0.1,
        time_limit: float | None = 60.0,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
        path_budget: int = DEFAULT_PATH_BUDGET,
        seed: int = 0,
        folder: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> None:
        """Set up what to look at.

        Args:
            sequences: inputs [batch, time, m] of the recurrent module itself, a list of [time_i, m], or a task: their
                trajectories give the states.
            hold: the held input [m]; by default one x ~ N(0, I), drawn once, as the published measure does. What a
                network remembers while no input comes is seen under zeros, not under that.
            epsilon: of VAA.
            every: at steps that are no multiple of this only the weights are kept, so that ``observe`` can stand in any
                loop.
            effort: how much is spent on each observation.
            budget: largest share of the training time that observing may take; observations that would exceed it are
                left out and counted. Locating events is given what is left of it, and at least as much time as the
                searches of its observation took; where that is over, events are as coarse as the ``resolution`` of the
                observation says. Trackers of an ensemble share one ``Budget``. None observes whenever asked, and
                locates events to the end.
            time_limit: seconds after which the searches of one observation stop; it then says that it was cut off.
                None for no limit.
            memory_budget: bytes that a search may take at once.
            path_budget: bytes for the weights since the last observation, on the module's device. Once they exceed it,
                every other one is dropped, and so on: events are then located to 2, 4, ... updates, as each
                observation's ``resolution`` says. 0 keeps none. 64 MB by default: every one of 26 updates of 2 x 256
                GRU units, of thousands for small networks, below 2 GB for an ensemble of 30.
            seed: of states, held input and searches; every observation takes the same sequences and times.
            folder: where every observation is written as soon as it is made, and, at each ``flush``, the weights since.
            resume: go on from what is in ``folder``.

        Raises:
            ValueError: for settings out of range, or a folder that holds another history.
        """
        require_positive(epsilon=epsilon, memory_budget=memory_budget)
        if time_limit is not None:
            require_positive(time_limit=time_limit)
        self._hold = None if hold is None else as_tensor(hold, "hold", dtype=torch.float64, device=torch.device("cpu"))
        self.every = whole_number(every, "every", 1)
        self.budget = budget if isinstance(budget, Budget) else Budget(budget)
        number = whole_number(seed, "seed", 0)
        self._looking = Looking(sequences, effort or Effort(), epsilon, time_limit, memory_budget, number)
        self._ring = WeightRing(whole_number(path_budget, "path_budget", 0))
        self._recording = 0.0
        self._observations: list[Observation] = []
        self._seen: Seen | None = None
        self._skipped = 0
        self._spent = 0.0  # of the budget, by this tracker
        self._record = None if folder is None else Record(Path(folder), self._settings(), resume)
        self._resumed_to = -math.inf
        if self._record is not None and self._record.observations:
            self._observations = list(self._record.observations)
            self._resumed_to = self._observations[-1].step
            self._skipped = self._record.skipped
            self._spent, self._recording = self._record.spent, self._record.recording
            self._ring.begin(self._observations[-1].step)
            self._ring.restore(self._record.weights_since())
            self.budget.resume(self._spent, self._record.training_seconds)

    @property
    def history(self) -> TrackingHistory:
        """All observations so far."""
        return TrackingHistory(
            tuple(self._observations),
            self.budget.training_seconds,
            self._skipped,
            self._recording,
            interrupted=bool(self._observations) and self._observations[-1].interrupted,
        )

    @property
    def latest_step(self) -> int | None:
        """The step of the last observation; None before the first."""
        return self._observations[-1].step if self._observations else None

    @property
    def latest_count(self) -> int | None:
        """The number of attractors reached at the last observation; None before the first."""
        return self._observations[-1].count if self._observations else None

    @checked
    def observe(
        self,
        step: int,
        module: Annotated[nn.Module | DrivenMap, CheckedInside()],
        *,
        force: bool = False,
        **scalars: float,
    ) -> Observation | None:
        """Look at the network as it is now; where it is not looked at, keep its weights as ``record`` does.

        Args:
            step: of training; steps must rise.
            module: anything that ``as_map`` takes, or its result; always of the same shapes.
            force: observe whatever ``every`` and the budget say, as for the first and last step of a training.
            scalars: numbers to keep beside it, such as ``loss=...``.

        Returns:
            The observation, or None if this step was passed over, left out for the budget, or already in the folder of
            a resumed run. After Ctrl-C the observation is kept, cut off as it is, and KeyboardInterrupt goes on.

        Raises:
            ValueError: for a step that is not later than the last, a module that is no recurrent network, holds NaN,
                or has changed its architecture, or scalars that are not numbers.
        """
        step = self._checked(step)
        if step <= self._resumed_to:
            return None
        first = not self._observations
        if not (force or first):
            if step % self.every:
                self.record(step, module)
                return None
            if not self.budget.allows:
                self._skipped += 1
                self.record(step, module)
                return None
        numbers = _numbers(scalars)
        before, left = self.budget.spent, self.budget.left
        with self.budget.charge():
            network = module if isinstance(module, DrivenMap) else as_map(module)
            earlier = self._before(network)
            since = step if earlier is None or self.latest_step is None else self.latest_step
            known = self._ring.between(since, step)
            observation, self._seen = observe_network(
                network, self._input(network), self._looking, earlier, since, known, step, numbers, left
            )
            self._observations.append(observation)
            self._ring.begin(step)
            if self._record is not None:
                self._record.add(observation, self._seen.network)
        self.budget.spare(self._seen.spared)
        self._spent += self.budget.spent - before
        self._write_account()
        if observation.interrupted:
            raise KeyboardInterrupt
        return observation

    def record(self, step: int, module: nn.Module | DrivenMap) -> None:
        """Keep a copy of the weights as they are now, for the next observation to locate events by.

        It costs as much as copying them. What a step that was recorded already brings anew replaces it and all later
        ones, as a training that goes on from an earlier state takes its steps again. Of a plain function there are no
        weights to keep.

        Args:
            step: of training; nothing is kept before the first observation.
            module: as in ``observe``.

        Raises:
            ValueError: for a step that is not later than the last observation, or a module that is no recurrent
                network.
        """
        step = self._checked(step)
        if step <= self._resumed_to or not self._observations or not self._ring.budget:
            return
        before = self.budget.spent
        with self.budget.charge(look=False):
            weights = _weights_of(module)
            if weights is not None:
                self._ring.add(step, weights)
        self._spent += self.budget.spent - before
        self._recording += self.budget.spent - before

    def flush(self) -> None:
        """Write the weights since the last observation into the folder, if there is one.

        A training that writes its own state calls this first, as ``train`` does: what it resumes is then tracked as if
        it had not been stopped. Otherwise the weights known begin anew where it is resumed, and the resolution says so.
        """
        if self._record is None:
            return
        piece = self._ring.unwritten()
        if piece is not None:
            self._record.add_weights(piece)
            self._write_account()

    def _write_account(self) -> None:
        if self._record is not None:
            self._record.account(self._spent, self.budget.training_seconds, self._skipped, self._recording)

    def _checked(self, step: int) -> int:
        if isinstance(step, bool) or int(step) != step:
            raise ArgumentError("step", f"must be a whole number, got {step!r}")
        step = int(step)
        if step > self._resumed_to and self.latest_step is not None and step <= self.latest_step:
            raise ValueError(f"steps must rise, got {step} after {self.latest_step}: a new run needs a new tracker")
        return step

    def _before(self, network: DrivenMap) -> Seen | None:
        if self._seen is None and self._observations and self._record is not None:
            earlier = self._record.network_like(network, self._observations[-1].step)
            if earlier is not None:
                most = self._looking.effort.most_points
                crowded = any((o.n_fixed_points or 0) > most for o in self._observations)
                last = self._observations[-1]
                whole = last.n_fixed_points is not None and not crowded
                self._seen = Seen(earlier, last.sets, crowded, whole)
        if self._seen is not None and self._seen.network.state_size != network.state_size:
            sizes = f"{self._seen.network.state_size} state units before, {network.state_size} now"
            raise ArgumentError("module", f"must keep its shape from one observation to the next, got {sizes}")
        return self._seen

    def _input(self, network: DrivenMap) -> torch.Tensor:
        if self._hold is None:
            generator = torch.Generator().manual_seed(self._looking.seed)
            self._hold = torch.randn(network.input_size, generator=generator, dtype=torch.float64)
        return as_vector(self._hold, "hold", network.input_size, dtype=torch.float64, device=network.device)

    def _settings(self) -> dict[str, Any]:
        """What must not change between a run and its resumption."""
        effort = self._looking.effort
        return {
            "n": effort.n,
            "horizon": effort.horizon,
            "epsilon": self._looking.epsilon,
            "fixed_points": effort.fixed_points,
            "seed": self._looking.seed,
            "hold": None if self._hold is None else self._hold.tolist(),
        }


def _weights_of(module: nn.Module | DrivenMap) -> list[torch.Tensor] | None:
    """The weights of a network as they are, in the order that ``as_map`` has them; None for a plain function."""
    if isinstance(module, nn.Module):
        return LayeredMap(recurrent_layers(module)).weights  # without what as_map tries first
    if isinstance(module, LayeredMap):
        return module.weights
    try:
        return list(named_weights(module, "module")[0].values())
    except NoWeights:
        return None


def _numbers(scalars: dict[str, Any]) -> dict[str, float]:
    try:
        return {
            name: float(value.detach() if isinstance(value, torch.Tensor) else value) for name, value in scalars.items()
        }
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ArgumentError("scalars", f"must be numbers, such as loss=0.1: {error}") from error
