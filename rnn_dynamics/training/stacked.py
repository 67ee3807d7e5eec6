"""Many models of one architecture in one batched program."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from ..checks import ArgumentError
from ..systems import Layer, bytes_kept, recurrent_layers
from ..tasks import SequenceTask
from .member_kernels import kernels_of
from .members import Lesson, Members, Moments, Weights, device_and_dtype
from .model import SequenceModel


class StackedModels(Members):
    """``SequenceModel``s of one architecture, their weights stacked [E, ...].

    Layers of GRUs and LSTMs have kernels for many members; others are those that ``as_map`` analyses, under
    ``torch.vmap``, which torch's fused kernels do not understand. Members are taken in groups whose activations fit
    the memory budget.
    """

    def __init__(self, models: Sequence[SequenceModel], lr: float, memory_budget: int) -> None:
        self._models = list(models)
        self._lr, self._budget = lr, memory_budget
        self.device, self.dtype = device_and_dtype(models[0])
        template = models[0]
        self._layers = recurrent_layers(template.recurrent)
        self._kernels = kernels_of(self._layers)
        on_cpu = self.device.type == "cpu"
        self._fewest = max(kernel.fewest for kernel in self._kernels) if self._kernels and on_cpu else 2
        self._names = {id(weight): name for name, weight in _tensors(template).items()}
        named = [_tensors(model) for model in models]
        self._fixed = {
            name: torch.stack([own[name].detach() for own in named])
            for name, weight in _tensors(template).items()
            if not weight.requires_grad
        }
        self._moving = {
            name: torch.stack([own[name].detach() for own in named]).requires_grad_()
            for name, weight in template.named_parameters()
            if weight.requires_grad
        }
        self.optimiser = torch.optim.Adam(self._moving.values(), lr=lr)

    def __len__(self) -> int:
        return len(self._models)

    def differentiate(self, task: Lesson, rows: Sequence[Any], step: int) -> Tensor:  # noqa: ARG002
        batches = [task.batch(own) for own in rows]
        time = max(inputs.shape[1] for inputs, _, _ in batches)
        inputs = torch.stack([pad(own, (0, 0, 0, time - own.shape[1])) for own, _, _ in batches])
        inputs = inputs.to(self.device, self.dtype)
        self.optimiser.zero_grad()
        losses: list[Tensor] = []
        units, itemsize = sum(layer.state_size for layer in self._layers), self.dtype.itemsize
        for group in self._groups(bytes_kept(inputs.shape[1] * time, units, task.input_size, itemsize)):
            outputs = self._outputs(self._weights(group), inputs[group])
            own = [
                task.loss(output[:, : batch[0].shape[1]], batch[1], batch[2])
                for output, batch in zip(outputs, batches[group], strict=True)
            ]
            torch.stack(own).sum().backward()
            losses += [loss.detach() for loss in own]
        return torch.stack(losses)

    def gradient_norms(self) -> Tensor:
        squares = [
            weight.grad.flatten(1).square().sum(dim=1) for weight in self._moving.values() if weight.grad is not None
        ]
        return torch.stack(squares).sum(dim=0).sqrt()

    def update(self, scales: Tensor | None) -> None:
        if scales is not None:
            for weight in self._moving.values():
                if weight.grad is not None:
                    weight.grad.mul_(scales.to(weight).view(-1, *[1] * (weight.ndim - 1)))
        self.optimiser.step()

    @torch.no_grad()
    def evaluate(self, task: SequenceTask, rows: slice) -> tuple[Tensor, list[float]]:
        inputs, targets, lengths = task.batch(rows)
        inputs = inputs.to(self.device, self.dtype)
        losses, scores = [], []
        for group in self._groups(len(inputs) * self.bytes_per_sequence(inputs.shape[1])):
            weights = self._weights(group)
            for outputs in self._outputs(weights, inputs.expand(len(weights["readout.bias"]), *inputs.shape)):
                losses.append(task.loss(outputs, targets, lengths))
                scores.append(task.score(outputs, targets, lengths))
        return torch.stack(losses), scores

    def bytes_per_sequence(self, time: int) -> int:
        widths = sum(layer.drive_size + 2 * layer.state_size for layer in self._layers)
        return 2 * time * widths * self.dtype.itemsize

    @torch.no_grad()
    def module(self, row: int) -> nn.Module:
        own = _tensors(self._models[row])
        for name, weight in self._all().items():
            own[name].copy_(weight[row])
        return self._models[row]

    def moments(self, row: int) -> Moments:
        return {
            name: {
                key: value.clone() if key == "step" else value[row].clone()
                for key, value in self.optimiser.state[weight].items()
            }
            for name, weight in self._moving.items()
            if weight in self.optimiser.state
        }

    @torch.no_grad()
    def load(self, row: int, weights: Weights, moments: Moments) -> None:
        for name, weight in self._all().items():
            weight[row] = weights[name].to(weight)
        for name, known in moments.items():
            weight = self._moving[name]
            state = self.optimiser.state[weight]
            for key, value in known.items():
                if key == "step":
                    state[key] = value.clone()  # rows are all at the same update
                else:
                    state.setdefault(key, torch.zeros_like(weight))[row] = value.to(weight)

    def keep(self, rows: Sequence[int]) -> None:
        if list(rows) == list(range(len(self))):
            return
        index = torch.tensor(list(rows), dtype=torch.int64, device=self.device)
        states = {name: dict(self.optimiser.state.get(weight, {})) for name, weight in self._moving.items()}
        self._fixed = {name: weight[index] for name, weight in self._fixed.items()}
        moving: dict[str, Tensor] = {}
        for name, weight in self._moving.items():
            moving[name] = weight.detach()[index].requires_grad_()
            moving[name].grad = None if weight.grad is None else weight.grad[index]
        self._moving = moving
        self.optimiser = torch.optim.Adam(self._moving.values(), lr=self._lr)
        for name, state in states.items():
            if state:
                kept = {key: value if key == "step" else value[index] for key, value in state.items()}
                self.optimiser.state[self._moving[name]] = kept
        self._models = [self._models[row] for row in rows]

    def _all(self) -> dict[str, Tensor]:
        return self._fixed | self._moving

    def _weights(self, group: slice) -> dict[str, Tensor]:
        if group == slice(0, len(self)):
            return self._all()
        return {name: weight[group] for name, weight in self._all().items()}

    def _groups(self, bytes_of_one: int) -> Iterator[slice]:
        size = max(1, self._budget // max(1, bytes_of_one))
        return (slice(begin, min(begin + size, len(self))) for begin in range(0, len(self), size))

    def _layers_with(self, weights: Weights) -> list[Layer]:
        return [template.apply(lambda weight: weights[self._names[id(weight)]]) for template in self._layers]

    def _outputs(self, weights: Weights, inputs: Tensor) -> Tensor:
        """The outputs [g, b, T, d] of a group of members for inputs [g, b, T, m], each with its own weights."""
        if len(inputs) < self._fewest:  # by torch's own kernel, where it has one for the cell
            members = [{name: weight[row] for name, weight in weights.items()} for row in range(len(inputs))]
            return torch.stack([self._run(own, rows, alone=True) for own, rows in zip(members, inputs, strict=True)])
        if self._kernels is None:
            return torch.vmap(self._run)(weights, inputs)
        sequences = inputs.transpose(1, 2)
        for kernel, layer in zip(self._kernels, self._layers_with(weights), strict=True):
            sequences = kernel.run(layer, sequences)
        outputs = torch.baddbmm(
            weights["readout.bias"].unsqueeze(1), sequences.flatten(1, 2), weights["readout.weight"].mT
        )
        return outputs.unflatten(1, sequences.shape[1:3]).transpose(1, 2)

    def _run(self, weights: Weights, inputs: Tensor, alone: bool = False) -> Tensor:
        """The outputs [b, T, d] of one member for inputs [b, T, m]."""
        sequences = inputs.transpose(0, 1)
        for layer in self._layers_with(weights):
            first = sequences.new_zeros(sequences.shape[1], layer.state_size)
            if alone:
                sequences = layer.run(sequences, first)[0]
            else:
                sequences = layer.scan(layer.project(sequences), first)[..., : layer.output_size]
        return linear(sequences, weights["readout.weight"], weights["readout.bias"]).transpose(0, 1)


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Weights, and buffers that layers have beside them."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def require_alike(models: Sequence[nn.Module]) -> list[SequenceModel]:
    """Refuse models that cannot be stacked.

    Raises:
        ValueError: for anything but different ``SequenceModel``s of one architecture, without dropout or noise.
    """
    if not isinstance(models, Sequence) or not models:
        raise ArgumentError("models", f"must be a list of one SequenceModel or more, got {models!r:.80}")
    alike: list[SequenceModel] = []
    for index, model in enumerate(models):
        if not isinstance(model, SequenceModel):
            raise ArgumentError("models", f"must be SequenceModels, but number {index} is a {type(model).__name__}")
        if type(model).forward is not SequenceModel.forward or type(model.readout) is not nn.Linear:
            raise ValueError(f"model {index} has a forward or a readout of its own: use train")
        if model.readout.bias is None:
            raise ValueError(f"the readout of model {index} has no bias: use train")
        if getattr(model.recurrent, "dropout", 0):
            raise ValueError(f"model {index} has dropout, which models trained together cannot have: use train")
        if not getattr(model.recurrent, "outputs_are_states", True):
            raise ValueError(f"model {index} has a {type(model.recurrent).__name__}, whose outputs are not its states")
        if getattr(model.recurrent, "noise", 0):
            raise ValueError(f"model {index} has noise, which models trained together cannot have: use train")
        alike.append(model)
    if len({id(weight) for model in models for weight in model.parameters()}) < sum(
        len(list(model.parameters())) for model in models
    ):
        raise ArgumentError("models", "must not share weights: each needs a module of its own")
    wanted = _form(alike[0])
    for index, model in enumerate(alike):
        names = {id(weight) for weight in _tensors(model).values()}
        for layer in recurrent_layers(model.recurrent):
            if not all(id(weight) in names for weight in layer.weights().values()):
                raise ValueError(f"the layers of model {index} must use its own parameters as they are")
        if _form(model) != wanted:
            raise ArgumentError(
                "models", f"must be of one architecture, but {_form(model)} of model {index} is not {wanted}"
            )
    return alike


def _form(model: SequenceModel) -> list[str]:
    layers = [str(layer.form()) for layer in recurrent_layers(model.recurrent)]
    weights = [
        f"{name} {weight.dtype} {list(weight.shape)} {weight.device}{' frozen' * (not weight.requires_grad)}"
        for name, weight in model.named_parameters()
    ]
    return [*layers, *weights]
