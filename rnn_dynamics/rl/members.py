"""Agents in training side by side: networks that learn, each with its target network."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..systems import bytes_kept
from ..training import SequenceModel, StackedModels, Weights


class AgentMembers(StackedModels):
    """``SequenceModel``s whose outputs are the values of actions, and the target networks beside them."""

    def __init__(self, models: Sequence[SequenceModel], lr: float, memory_budget: int) -> None:
        super().__init__(models, lr, memory_budget)
        self.actions, self.input_size = models[0].readout.out_features, self._layers[0].input_size
        self.state_size = sum(layer.state_size for layer in self._layers)
        self.refresh_targets()

    def refresh_targets(self) -> None:
        """Let each target network take over the weights of its agent."""
        self._target = {name: weight.detach().clone() for name, weight in self._all().items()}

    @torch.no_grad()
    def target_values(self, inputs: Tensor) -> Tensor:
        """What the target networks give, [E, b, T, d] for inputs [E, b, T, m]."""
        size = bytes_kept(inputs.shape[1] * inputs.shape[2], self.state_size, self.input_size, self.dtype.itemsize)
        groups = [
            self._outputs({name: weight[group] for name, weight in self._target.items()}, inputs[group])
            for group in self._groups(size)
        ]
        return torch.cat(groups)

    @torch.no_grad()
    def advance(self, inputs: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        """One step: the values [E, b, d] and next states [E, b, n] for inputs [E, b, m] in states [E, b, n]."""
        if len(self) == 1:  # vmap of one costs more than the step
            values, after = self._step({name: own[0] for name, own in self._all().items()}, inputs[0], states[0])
            return values.unsqueeze(0), after.unsqueeze(0)
        return torch.vmap(self._step)(self._all(), inputs, states)

    def target(self, row: int) -> Weights:
        """A copy of the weights of an agent's target network."""
        return {name: weight[row].clone() for name, weight in self._target.items()}

    def load_target(self, row: int, weights: Weights) -> None:
        """Set an agent's target network back to what ``target`` gave."""
        for name, weight in self._target.items():
            weight[row] = weights[name].to(weight)

    def keep(self, rows: Sequence[int]) -> None:
        if list(rows) != list(range(len(self))):
            index = torch.tensor(list(rows), dtype=torch.int64, device=self.device)
            self._target = {name: weight[index] for name, weight in self._target.items()}
        super().keep(rows)

    def _step(self, weights: Weights, input: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        states, layers = [], self._layers_with(weights)
        for layer, own in zip(layers, state.split([layer.state_size for layer in layers], dim=-1), strict=True):
            states.append(layer.step(own, input))
            input = states[-1][..., : layer.output_size]
        values = linear(input, weights["readout.weight"], weights["readout.bias"])
        return values, torch.cat(states, dim=-1)
