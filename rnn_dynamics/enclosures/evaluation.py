"""The graph of a step, evaluated over balls with their slopes."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import flint
import torch
from flint import arb
from torch import Tensor, fx

from .arrays import Array, Balls, Constant
from .patterns import softsigns
from .rules import MADE, MOVES, RULES, TRUTHS, made, move
from .tape import Tape
from .tracing import Trace, Unenclosed, where

_ROUNDING = 1e-6
"""Relative, of floats in a step: a rule that is wrong is farther off."""


class Evaluation:
    """A traced step that knows a rule for each of its operations.

    What does not depend on the state is worked out once for each precision. Numbers that the step computes in a
    coarser precision than float64 from weights alone are taken as torch computes them: they are weights of the map
    that is analysed. All else is the exact function that the operations stand for, of the weights as they are.
    """

    def __init__(self, traced: Trace) -> None:
        self._traced = traced
        self._same: dict[int, dict[fx.Node, Any]] = {}
        places = [node for node in traced.module.graph.nodes if node.op == "placeholder"]
        own = len(places) - len(traced.constants)
        self._given = {node: Constant(one) for node, one in zip(places[own:], traced.constants, strict=True)}
        self._softsigns, self._parts = softsigns(traced.module.graph)
        for node in traced.module.graph.nodes:
            self._require_rule(node)
        self._require_agreement()

    def _require_rule(self, node: fx.Node) -> None:
        if node.op != "call_function" or node.target is operator.getitem or self._as_torch_has_it(node):
            return
        truth = self._traced.dtypes.get(node) is torch.bool and node in self._traced.depending
        if truth and _name(node) not in TRUTHS | MOVES:
            raise Unenclosed(f"there is no rule for {node.target} of truths over balls{where(node)}")
        if _name(node) not in MOVES | MADE and _rule(node) is None:
            raise Unenclosed(f"there is no rule for {node.target} over balls{where(node)}")

    def _require_agreement(self) -> None:
        """Balls at the state of the trace contain what torch makes of it, up to its rounding."""
        arguments = [Constant(one).balls for one in self._traced.arguments]
        found = self(Tape(0), arguments).flat()
        for ball, number in zip(found, self._traced.image.flatten().tolist(), strict=True):
            near = arb(number, _ROUNDING * (1 + abs(number)))
            if math.isfinite(number) and not near.overlaps(ball):
                raise Unenclosed(f"balls and torch disagree about the step: {ball} is not {number}")

    def _as_torch_has_it(self, node: fx.Node) -> bool:
        """Whether a node is the same for all states, and no number of float64."""
        dtype = self._traced.dtypes.get(node)
        return node not in self._traced.depending and dtype is not None and dtype is not torch.float64

    def __call__(self, tape: Tape, arguments: Sequence[Balls]) -> Balls:
        """What the step makes of arguments in the shapes that it was traced with, at python-flint's precision."""
        known = dict(self._constants())
        given = iter(arguments)  # of the state; those after them are constants
        for node in self._traced.module.graph.nodes:
            if node in known or node in self._parts:
                continue
            if node.op == "placeholder":
                known[node] = next(given)
            elif node.op == "output":
                return _as_balls(_taken(known, node.args[0]))
            else:
                known[node] = self._evaluated(tape, known, node)
        raise AssertionError("a graph ends in its output")

    def _constants(self) -> dict[fx.Node, Any]:
        bits = int(flint.ctx.prec)
        if bits not in self._same:
            same: dict[fx.Node, Any] = dict(self._given)
            for node in self._traced.module.graph.nodes:
                if node not in self._traced.depending | self._parts and node not in same and node.op != "output":
                    same[node] = self._evaluated(Tape(0), same, node)
            self._same[bits] = same
        return self._same[bits]

    def _evaluated(self, tape: Tape, known: dict[fx.Node, Any], node: fx.Node) -> Any:
        if node in self._softsigns:
            return RULES["softsign"](tape, self=known[self._softsigns[node]])
        args, kwargs = _taken(known, node.args), _taken(known, node.kwargs)
        if node.target is operator.getitem:
            return args[0][args[1]]
        try:
            arguments = _named(node.target, args, kwargs)
            if self._as_torch_has_it(node) and not _rounded_truth(args, self._traced.dtypes[node]):
                return _by_torch(node, args, kwargs)
            if _name(node) in MOVES:
                return move(node.target, arguments)
            return made(node.target, arguments) if _name(node) in MADE else _rule(node)(tape, **arguments)
        except NotImplementedError as error:
            raise Unenclosed(f"there is no rule for {node.target} over balls for {error}{where(node)}") from error
        except TypeError as error:  # an argument that the rule does not know
            raise Unenclosed(f"the rule for {node.target} does not take it as it is called{where(node)}") from error


def _rounded_truth(args: Any, dtype: torch.dtype) -> bool:
    """Whether a comparison is of numbers that torch would have to round first."""
    return dtype is torch.bool and any(isinstance(one, Balls) for one in args)


def _by_torch(node: fx.Node, args: Any, kwargs: Any) -> Constant:
    def tensor(one: Any) -> Any:
        if isinstance(one, Balls):
            raise NotImplementedError("numbers that were rounded, in a coarser precision")
        return one.tensor if isinstance(one, Constant) else one

    result = node.target(*_mapped(tensor, args), **_mapped(tensor, kwargs))  # pyright: ignore[reportCallIssue]
    return Constant(result)


def _mapped(change: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _mapped(change, one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(change, one) for one in value]
    return change(value)


def _taken(known: dict[fx.Node, Any], value: Any) -> Any:
    return _mapped(lambda one: known[one] if isinstance(one, fx.Node) else one, value)


def _as_balls(array: Array) -> Balls:
    return array.balls if isinstance(array, Constant) else array


def _name(node: fx.Node) -> str:
    """Torch's name of an operation, without its overload: "add"."""
    schema = getattr(node.target, "_schema", None)
    return str(node.target) if schema is None else schema.name.rpartition("::")[2]


def _rule(node: fx.Node) -> Any:
    overload = getattr(node.target, "_overloadname", "")
    return RULES.get(f"{_name(node)}.{overload}") or RULES.get(_name(node))


def _named(operation: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments under the names of the operation's schema."""
    names = [argument.name for argument in operation._schema.arguments]
    return dict(zip(names, args, strict=False)) | kwargs


def example(size: Sequence[int], seed: int, device: torch.device) -> Tensor:
    """Numbers to trace a step at: none of them special."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tuple(size), generator=generator, dtype=torch.float64).to(device)
