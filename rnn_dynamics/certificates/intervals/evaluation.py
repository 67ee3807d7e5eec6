"""F and DF over many boxes at once."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg
from torch.utils import _pytree as pytree

from ...enclosures import Trace, trace
from .duals import MIXING, RULES, Dual, Unbounded, as_dual
from .intervals import Intervals, joined, up

BATCHES = (16, 128, 1024)
"""Boxes in a batch: a graph is traced for a fixed number, and the least of these that holds all is filled up."""

_AGREEMENT = 1e-9
"""Relative: rounding is 1e-14."""


class Evaluation(ABC):
    """Rigorous bounds of a function of R^m and its derivative over boxes."""

    size: int
    """M."""

    @abstractmethod
    def along(self, middle: Intervals, half: Intervals, radii: Tensor) -> tuple[Intervals, Intervals]:
        """F [k, n] at ``middle`` [k, m], and its slopes [k, n, 1 + m] over all x = middle + s half + w.

        With |s| <= 1 and |w| <= ``radii`` [k, m], all above 0: the first slope is by s, the others by w. That x goes
        along a chord stays known, so that they are far narrower than over the box that holds it.
        """

    @abstractmethod
    def linearize(self, boxes: Intervals) -> tuple[Intervals, Intervals]:
        """F [k, n] and DF [k, n, m] over boxes [k, m]."""

    @abstractmethod
    def value(self, boxes: Intervals) -> Intervals:
        """F [k, n] over boxes [k, m]."""


def unscaled(slopes: Intervals, radii: Tensor) -> Intervals:
    """Slopes [k, n, 1 + m] by s and by w, of those by s and by w / ``radii`` [k, m]."""
    size = torch.cat([torch.ones_like(radii[:, :1]), radii], dim=-1).unsqueeze(1)
    return slopes / Intervals.exactly(size)


class Batches(Evaluation):
    """A function of rows [k, m] -> [k, n], traced for a batch of them and evaluated over boxes of float64.

    Raises:
        Unbounded: for a function with an operation that ``duals.RULES`` lacks.
        Unenclosed: for one that cannot be traced.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], size: int) -> None:
        self._function, self.size = function, size
        self._traces: dict[int, Trace] = {}
        self._require_agreement()

    def value(self, boxes: Intervals) -> Intervals:
        return joined([self._run(Dual(part, None)).value for part in _parts(boxes)])[: len(boxes)]

    def linearize(self, boxes: Intervals) -> tuple[Intervals, Intervals]:
        one = torch.eye(self.size, dtype=torch.float64)
        inputs = [Dual(part, Intervals.exactly(one.expand(len(part), -1, -1))) for part in _parts(boxes)]
        return self._linearized(inputs, len(boxes))

    def along(self, middle: Intervals, half: Intervals, radii: Tensor) -> tuple[Intervals, Intervals]:
        reach = up(half.magnitude + radii)
        boxes = middle + Intervals(-reach, reach)
        own = Intervals.exactly(torch.diag_embed(radii))
        slopes = joined([half[:, :, None], own], -1)
        inputs = [Dual(box, slope) for box, slope in zip(_parts(boxes), _parts(slopes), strict=True)]
        value, scaled = self._linearized(inputs, len(middle), _parts(middle))
        return value, unscaled(scaled, radii)

    def _linearized(
        self, inputs: list[Dual], count: int, middles: list[Intervals] | None = None
    ) -> tuple[Intervals, Intervals]:
        """Value and slopes, the value at the middles where they are given."""
        values: list[Intervals] = []
        slopes: list[Intervals] = []
        for number, given in enumerate(inputs):
            centres: dict[fx.Node, Any] = {}
            if middles is not None:
                values.append(self._run(Dual(middles[number], None), centres).value)
            image = self._run(given, None, centres or None)
            if middles is None:
                values.append(image.value)
            assert given.slope is not None  # what is linearised
            shape = (*image.value.lower.shape, given.slope.lower.shape[-1])
            slopes.append(_wide(image.slope, shape))
        return joined(values)[:count], joined(slopes)[:count]

    def _require_agreement(self) -> None:
        """That rules read the operations as torch does, at points where rounding is all that may differ."""
        generator = torch.Generator().manual_seed(0)
        points = torch.randn(BATCHES[0], self.size, generator=generator, dtype=torch.float64)
        value, _ = self.linearize(Intervals.exactly(points))
        wanted = self._function(points)
        if not torch.allclose(wanted, value.middle, _AGREEMENT, _AGREEMENT, equal_nan=True):
            raise Unbounded("an operation that its rule reads otherwise than torch does")

    def _run(
        self, given: Dual, kept: dict[fx.Node, Any] | None = None, centres: dict[fx.Node, Any] | None = None
    ) -> Dual:
        """The graph's value; its nodes are ``kept``, and meet the mean value form about ``centres``."""
        traced = self._traced(len(given.value))
        inputs = iter([given, *traced.constants])
        known: dict[fx.Node, Any] = {} if kept is None else kept
        for node in traced.module.graph.nodes:
            if node.op == "placeholder":
                known[node] = next(inputs)
            elif node.op == "get_attr":
                known[node] = getattr(traced.module, str(node.target))
            elif node.op == "output":
                (result,) = map_arg(node.args, known.__getitem__)
                return as_dual(result)
            else:
                known[node] = _applied(node, known, traced)
                if centres is not None and node.target in MIXING:
                    known[node] = known[node].about(as_dual(centres[node]))
        raise AssertionError("a traced graph has an output")

    def _traced(self, size: int) -> Trace:
        if size not in self._traces:
            rows = torch.zeros(size, self.size, dtype=torch.float64)
            self._traces[size] = trace(self._function, (rows,))
        return self._traces[size]


def _applied(node: fx.Node, known: dict[fx.Node, Any], traced: Trace) -> Any:
    arguments = map_arg(node.args, known.__getitem__)
    options = map_arg(node.kwargs, known.__getitem__)
    if _as_torch_has_it(node, traced):
        if any(isinstance(one, Dual) for one in pytree.tree_leaves((arguments, options))):
            raise Unbounded(f"{node.target} of rounded numbers in another precision")
        return node.target(*arguments, **options)  # pyright: ignore[reportCallIssue]
    if node.target not in RULES:
        raise Unbounded(str(node.target))
    try:
        return RULES[node.target](*arguments, **options)
    except TypeError as error:  # an argument that the rule does not know
        raise Unbounded(f"{node.target} with {', '.join(options)}") from error


def _as_torch_has_it(node: fx.Node, traced: Trace) -> bool:
    """Whether a node is the same for all boxes, and no number of float64: a weight of the map that is analysed."""
    dtype = traced.dtypes.get(node)
    return node not in traced.depending and dtype is not None and dtype is not torch.float64


def _wide(slope: Intervals | None, shape: tuple[int, ...]) -> Intervals:
    """Of a shape; 0 where the value depends on nothing."""
    if slope is None:
        return Intervals.exactly(torch.zeros(shape, dtype=torch.float64))
    return slope.moved(lambda ends: ends.expand(shape))


def _parts(boxes: Intervals) -> list[Intervals]:
    """In batches of one size, the last filled up with its own last box."""
    size = next((size for size in BATCHES if len(boxes) <= size), BATCHES[-1])
    parts = [boxes[begin : begin + size] for begin in range(0, len(boxes), size)]
    missing = size - len(parts[-1])
    index = torch.cat([torch.arange(len(parts[-1])), torch.full((missing,), len(parts[-1]) - 1)])
    return [*parts[:-1], parts[-1][index]]
