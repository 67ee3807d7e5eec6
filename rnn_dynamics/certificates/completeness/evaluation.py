"""F and DF over many boxes at once: what branch and prune asks of a map."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import fx
from torch.fx.experimental.proxy_tensor import make_fx

from ...systems import AutonomousMap
from .bounds import Bounds, joined
from .duals import RULES, Dual, Unbounded, as_dual

_SIZES = (16, 128, 1024)
"""Boxes in a batch: a graph is traced for a fixed number, and the least of these that holds all is filled up."""


class Evaluation(ABC):
    """Rigorous bounds of a map and its derivative over boxes."""

    state_size: int

    @abstractmethod
    def linearize(self, boxes: Bounds) -> tuple[Bounds, Bounds]:
        """F [k, n] and DF [k, n, n] over boxes [k, n]."""

    @abstractmethod
    def value(self, boxes: Bounds) -> Bounds:
        """F [k, n] over boxes [k, n]."""


class Batches(Evaluation):
    """The step that the analysis runs, traced for a batch of states and evaluated over boxes of float64.

    Raises:
        Unbounded: for a step with an operation that ``duals.RULES`` lacks.
    """

    def __init__(self, system: AutonomousMap) -> None:
        self._system = system
        self.state_size = system.state_size
        self._graphs: dict[int, fx.GraphModule] = {}
        self.value(Bounds.exactly(torch.zeros(1, self.state_size, dtype=torch.float64)))

    def value(self, boxes: Bounds) -> Bounds:
        return joined([self._run(part, False).value for part in _parts(boxes)])[: len(boxes)]

    def linearize(self, boxes: Bounds) -> tuple[Bounds, Bounds]:
        images = [self._run(part, True) for part in _parts(boxes)]
        values = joined([image.value for image in images])[: len(boxes)]
        n = self.state_size
        slopes = [
            image.slope or Bounds.exactly(image.value.lower.new_zeros(*image.value.lower.shape, n)) for image in images
        ]
        return values, joined(slopes)[: len(boxes)]

    def _run(self, boxes: Bounds, derivative: bool) -> Dual:
        graph = self._graph(len(boxes))
        slope = None
        if derivative:
            one = torch.eye(self.state_size, dtype=torch.float64)
            slope = Bounds.exactly(one.expand(len(boxes), *one.shape))
        known: dict[fx.Node, Any] = {}
        for node in graph.graph.nodes:
            if node.op == "placeholder":
                known[node] = Dual(boxes, slope)
            elif node.op == "get_attr":
                known[node] = getattr(graph, str(node.target))
            elif node.op == "output":
                (result,) = fx.node.map_arg(node.args, known.__getitem__)
                return as_dual(result)
            else:
                known[node] = _applied(node, known)
        raise AssertionError("a traced graph has an output")

    def _graph(self, size: int) -> fx.GraphModule:
        if size not in self._graphs:
            states = torch.zeros(size, self.state_size, dtype=torch.float64)
            with torch.no_grad():
                self._graphs[size] = make_fx(lambda h: self._system(h))(states)
        return self._graphs[size]


def _applied(node: fx.Node, known: dict[fx.Node, Any]) -> Any:
    if node.target not in RULES:
        raise Unbounded(str(node.target))
    arguments = fx.node.map_arg(node.args, known.__getitem__)
    options = fx.node.map_arg(node.kwargs, known.__getitem__)
    try:
        return RULES[node.target](*arguments, **options)
    except TypeError as error:  # an argument that the rule does not know
        raise Unbounded(f"{node.target} with {', '.join(options)}") from error


def _parts(boxes: Bounds) -> list[Bounds]:
    """In batches of one size, the last filled up with its own last box."""
    size = next((size for size in _SIZES if len(boxes) <= size), _SIZES[-1])
    parts = [boxes[begin : begin + size] for begin in range(0, len(boxes), size)]
    missing = size - len(parts[-1])
    index = torch.cat([torch.arange(len(parts[-1])), torch.full((missing,), len(parts[-1]) - 1)])
    return [*parts[:-1], parts[-1][index]]
