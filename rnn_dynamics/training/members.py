"""Models in training side by side, and the simplest case of one."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from ..checks import ArgumentError
from ..tasks import SequenceTask
from .batches import draw_seed

_drawing = threading.RLock()

Weights: TypeAlias = dict[str, Tensor]
Moments: TypeAlias = dict[str, dict[str, Tensor]]
"""What Adam knows of each parameter, by the parameter's name."""


class Lesson(Protocol):
    """What an update learns from: a task, or what takes its place for agents."""

    input_size: int

    def batch(self, rows: Any) -> tuple[Tensor, Any, Tensor]:
        """Inputs [b, T, m], what ``loss`` compares the outputs with, and lengths [b]."""
        ...

    def loss(self, outputs: Tensor, targets: Any, lengths: Tensor) -> Tensor:
        """The loss [] of outputs [b, T, d]."""
        ...


class Members(ABC):
    """Models in training, one a row: what the loop of a training asks of them.

    For developers: rows differ in seed and weights only, are all at the same update, and never mix; row i does what a
    training of it alone would do.
    """

    device: torch.device
    dtype: torch.dtype

    @abstractmethod
    def __len__(self) -> int:
        """How many rows are still in training."""

    @abstractmethod
    def differentiate(self, task: Lesson, rows: Sequence[Any], step: int) -> Tensor:
        """Each member's loss [E] on its own batch of ``task``, whose gradient is then the one that ``update`` takes."""

    @abstractmethod
    def gradient_norms(self) -> Tensor:
        """The norm [E] of each member's whole gradient."""

    @abstractmethod
    def update(self, scales: Tensor | None) -> None:
        """One step of Adam with each gradient scaled by its entry of ``scales`` [E]."""

    @abstractmethod
    def evaluate(self, task: SequenceTask, rows: slice) -> tuple[Tensor, list[float]]:
        """Each member's loss [E] and score on the same sequences, without dropout."""

    @abstractmethod
    def bytes_per_sequence(self, time: int) -> int:
        """About what running one member over one sequence takes where nothing is kept for a gradient."""

    @abstractmethod
    def module(self, row: int) -> nn.Module:
        """A member's model, with its present weights."""

    @abstractmethod
    def moments(self, row: int) -> Moments:
        """A copy of what Adam knows of a member."""

    @abstractmethod
    def load(self, row: int, weights: Weights, moments: Moments) -> None:
        """Set a member back to what ``weights`` and ``moments`` gave."""

    @abstractmethod
    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these members only, gradients and all."""

    def weights(self, row: int) -> Weights:
        """A copy of a member's weights and buffers, by the model's names."""
        return {name: tensor.detach().clone() for name, tensor in self.module(row).state_dict().items()}

    def borrowed(self) -> AbstractContextManager[None]:
        """A context that gives the caller's models back as they were, except for their weights."""
        return nullcontext()


class OneModel(Members):
    """One model of any kind, called as it is."""

    def __init__(self, model: nn.Module, lr: float, seed: int) -> None:
        self.model, self.seed = model, seed
        self._moving = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self.device, self.dtype = device_and_dtype(model)
        self.optimiser = torch.optim.Adam(self._moving.values(), lr=lr)
        self._left = False

    def __len__(self) -> int:
        return 0 if self._left else 1

    def differentiate(self, task: Lesson, rows: Sequence[Any], step: int) -> Tensor:
        inputs, targets, lengths = task.batch(rows[0])
        self.optimiser.zero_grad()
        with own_draws(draw_seed(self.seed, step), self.device):
            loss = task.loss(self.model(inputs.to(self.device, self.dtype)), targets, lengths)
            loss.backward()
        return loss.detach().unsqueeze(0)

    def gradient_norms(self) -> Tensor:
        norms = [torch.linalg.vector_norm(weight.grad) for weight in self._moving.values() if weight.grad is not None]
        return torch.linalg.vector_norm(torch.stack(norms)).unsqueeze(0)

    def update(self, scales: Tensor | None) -> None:
        if scales is not None:
            for weight in self._moving.values():
                if weight.grad is not None:
                    weight.grad.mul_(scales[0])
        self.optimiser.step()

    @torch.no_grad()
    def evaluate(self, task: SequenceTask, rows: slice) -> tuple[Tensor, list[float]]:
        inputs, targets, lengths = task.batch(rows)
        with in_mode(self.model, training=False), own_draws(0, self.device):
            outputs = self.model(inputs.to(self.device, self.dtype))
        return task.loss(outputs, targets, lengths).unsqueeze(0), [task.score(outputs, targets, lengths)]

    def bytes_per_sequence(self, time: int) -> int:
        # Each weight matrix [k, j] makes k numbers of every step; twice that, for what is made of them.
        widths = sum(weight.shape[0] for weight in self.model.parameters() if weight.ndim > 1)
        return 2 * time * max(1, widths) * self.dtype.itemsize

    def module(self, row: int) -> nn.Module:  # noqa: ARG002
        return self.model

    def moments(self, row: int) -> Moments:  # noqa: ARG002
        return {
            name: {key: value.clone() for key, value in self.optimiser.state[weight].items()}
            for name, weight in self._moving.items()
            if weight in self.optimiser.state
        }

    def load(self, row: int, weights: Weights, moments: Moments) -> None:  # noqa: ARG002
        load_weights(self.model, weights)
        for name, known in moments.items():
            weight = self._moving[name]
            self.optimiser.state[weight] = {
                key: value.clone() if key == "step" else value.to(weight, copy=True) for key, value in known.items()
            }

    def keep(self, rows: Sequence[int]) -> None:
        self._left = not rows

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        gradients = {weight: weight.grad for weight in self._moving.values()}
        with in_mode(self.model, training=True):
            try:
                yield
            finally:
                for weight, gradient in gradients.items():
                    weight.grad = gradient


def device_and_dtype(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Where a model computes and in which precision, as its first trainable weight says.

    Raises:
        ValueError: if none of its weights may move.
    """
    for weight in model.parameters():
        if weight.requires_grad and weight.is_floating_point():
            return weight.device, weight.dtype
    raise ArgumentError("model", "has no weight that requires a gradient: they are frozen, or there are none")


def shapes_of(model: nn.Module) -> dict[str, str]:
    """Dtype and shape of a model's weights and buffers, in words."""
    return {name: shape_of(weight) for name, weight in model.state_dict().items()}


def shape_of(weight: Tensor) -> str:
    """Dtype and shape in words: "float32 [3, 2]"."""
    return f"{str(weight.dtype).removeprefix('torch.')} {list(weight.shape)}"


@torch.no_grad()
def load_weights(model: nn.Module, weights: Weights) -> None:
    """Copy weights and buffers into a model, in place."""
    for name, tensor in model.state_dict().items():
        tensor.copy_(weights[name])


@contextmanager
def in_mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Put all modules of a model into training or evaluation mode, and each back into its own afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def own_draws(seed: int, device: torch.device) -> Iterator[None]:
    """Let what draws from torch's global random state follow ``seed``, and leave that state as it was.

    Trainings in other threads wait meanwhile: the state is one for all of them.
    """
    cuda = device.type == "cuda"
    with _drawing, torch.random.fork_rng(devices=[device] if cuda else []):
        torch.default_generator.manual_seed(seed)  # of the CPU only, unlike torch.manual_seed
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
