"""The tracker: what a network can reach, looked at again and again while it is trained."""

import math
import os
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import nn

from ..checks import (
    ArrayLike,
    CheckedInside,
    InputSequences,
    Size,
    as_tensor,
    as_vector,
    checked,
    require_positive,
    whole_number,
)
from ..systems import DEFAULT_MEMORY_BUDGET, DrivenMap, as_map
from .budget import Budget
from .history import TrackingHistory
from .observation import Observation
from .observing import Effort, Seen, observe_network
from .record import Record


@checked
class AttractorTracker:
    """Say, at every step that it is shown, what a network in training can reach, and what changed.

    Each observation holds the published VAA (n states, ``horizon`` steps, one held input for the whole run), the
    attractors that the same states really settle on, all fixed points, and how the sets of the observation before
    became those of this one, followed along the straight line between the weights:

        tracker = rd.AttractorTracker(sequences, every=100)
        for step in range(steps):
            ...
            tracker.observe(step, model.rnn, loss=loss.item())
        rd.plot_tracking(tracker.history)

    ``observe`` is a callback of ``warm_up`` as it is. The module, its grad flags and the random state stay as they are.
    """

    def __init__(
        self,
        sequences: InputSequences,
        *,
        hold: ArrayLike | None = None,
        n: Size = 32,
        horizon: Size = 10_000,
        epsilon: float = 1e-4,
        every: Size = 1,
        budget: float | Budget | None = 0.1,
        fixed_points: bool = True,
        searched: Size = 512,
        most_points: Size = 200,
        max_steps: Size = 10_000,
        drift_horizon: float = 1e6,
        time_limit: float | None = 60.0,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
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
            n: states for VAA and for the true count; 32 as published.
            horizon: steps M of the published VAA; 10,000 as published.
            epsilon: of VAA.
            every: steps that are no multiple of this are passed over, so that ``observe`` can stand in any loop.
            budget: largest share of the training time that observing may take; observations that would exceed it are
                left out and counted. Trackers of an ensemble share one ``Budget``. None observes whenever asked.
            fixed_points: whether fixed points that attract nothing are searched for too. Without them the cost is that
                of the attractors alone.
            searched: states that the first search for fixed points starts from; later ones start from what was there
                before and an eighth of this.
            most_points: once there are more fixed points than this, only attractors are kept and followed from then on:
                cells such as nBRC have thousands of saddles.
            max_steps, drift_horizon, memory_budget: of ``find_attractors``.
            time_limit: seconds after which the searches of one observation stop; it then says that it was cut off.
                None for no limit.
            seed: of states, held input and searches; every observation takes the same sequences and times.
            folder: where every observation is written as soon as it is made.
            resume: go on from what is in ``folder``.

        Raises:
            ValueError: for settings out of range, or a folder that holds another history.
        """
        require_positive(epsilon=epsilon, max_steps=max_steps, drift_horizon=drift_horizon, memory_budget=memory_budget)
        if time_limit is not None:
            require_positive(time_limit=time_limit)
        self._sequences = sequences
        self._hold = None if hold is None else as_tensor(hold, "hold", dtype=torch.float64, device=torch.device("cpu"))
        self.every = whole_number(every, "every", 1)
        self.budget = budget if isinstance(budget, Budget) else Budget(budget)
        self._effort = Effort(
            n=whole_number(n, "n", 2),
            horizon=whole_number(horizon, "horizon", 0),
            epsilon=epsilon,
            fixed_points=fixed_points,
            searched=whole_number(searched, "searched", 8),
            most_points=whole_number(most_points, "most_points", 1),
            max_steps=max_steps,
            drift_horizon=drift_horizon,
            memory_budget=memory_budget,
            time_limit=time_limit,
            seed=whole_number(seed, "seed", 0),
        )
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
            self._spent = self._record.spent
            self.budget.resume(self._spent, self._record.training_seconds)

    @property
    def history(self) -> TrackingHistory:
        """All observations so far."""
        return TrackingHistory(tuple(self._observations), self.budget.training_seconds, self._skipped)

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
        """Look at the network as it is now.

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
                or has changed its shape, or scalars that are not numbers.
        """
        if isinstance(step, bool) or int(step) != step:
            raise ValueError(f"step must be a whole number, got {step!r}")
        step = int(step)
        if step <= self._resumed_to:
            return None
        if self.latest_step is not None and step <= self.latest_step:
            raise ValueError(f"steps must rise, got {step} after {self.latest_step}: a new run needs a new tracker")
        first = not self._observations
        if not (force or first):
            if step % self.every:
                return None
            if not self.budget.allows:
                self._skipped += 1
                return None
        numbers = _numbers(scalars)
        before = self.budget.spent
        with self.budget.charge():
            network = module if isinstance(module, DrivenMap) else as_map(module)
            observation, self._seen = observe_network(
                network, self._sequences, self._input(network), self._effort, self._before(network), step, numbers
            )
            self._observations.append(observation)
            if self._record is not None:
                self._record.add(observation, self._seen.network)
        self._spent += self.budget.spent - before
        if self._record is not None:
            self._record.account(self._spent, self.budget.training_seconds, self._skipped)
        if observation.interrupted:
            raise KeyboardInterrupt
        return observation

    def _before(self, network: DrivenMap) -> Seen | None:
        if self._seen is None and self._observations and self._record is not None:
            earlier = self._record.network_like(network, self._observations[-1].step)
            if earlier is not None:
                most = self._effort.most_points
                crowded = any((o.n_fixed_points or 0) > most for o in self._observations)
                self._seen = Seen(earlier, self._observations[-1].sets, crowded)
        if self._seen is not None and self._seen.network.state_size != network.state_size:
            sizes = f"{self._seen.network.state_size} state units before, {network.state_size} now"
            raise ValueError(f"module must keep its shape from one observation to the next, got {sizes}")
        return self._seen

    def _input(self, network: DrivenMap) -> torch.Tensor:
        if self._hold is None:
            generator = torch.Generator().manual_seed(self._effort.seed)
            self._hold = torch.randn(network.input_size, generator=generator, dtype=torch.float64)
        return as_vector(self._hold, "hold", network.input_size, dtype=torch.float64, device=network.device)

    def _settings(self) -> dict[str, Any]:
        """What must not change between a run and its resumption."""
        effort = self._effort
        return {
            "n": effort.n,
            "horizon": effort.horizon,
            "epsilon": effort.epsilon,
            "fixed_points": effort.fixed_points,
            "seed": effort.seed,
            "hold": None if self._hold is None else self._hold.tolist(),
        }


def _numbers(scalars: dict[str, Any]) -> dict[str, float]:
    try:
        return {
            name: float(value.detach() if isinstance(value, torch.Tensor) else value) for name, value in scalars.items()
        }
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(f"scalars must be numbers, such as loss=0.1: {error}") from error
