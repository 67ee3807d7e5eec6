"""From a map to the graph of elementary operations that it evaluates."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter, getitem
from typing import Any

import torch
from torch import Tensor, fx

_AGREEMENT = 1e-9
"""Relative, between the map and its graph at random states: rounding is 1e-15, what is left out is not."""

_SIZES = (0.1, 1.0, 3.0)
"""Of the states at which they are compared."""


class Unenclosed(ValueError):
    """A map that balls cannot follow, and why."""


@dataclass(frozen=True)
class Trace:
    """The graph of a step, and what its nodes come to."""

    module: fx.GraphModule
    constants: tuple[Tensor, ...]
    """Its last arguments: the tensors that are the same for all states."""

    arguments: tuple[Tensor, ...]
    """Its first arguments, as it was traced with them."""

    image: Tensor
    """What the step makes of these."""

    dtypes: dict[fx.Node, torch.dtype] = field(repr=False)
    """Of the nodes that are tensors."""

    depending: frozenset[fx.Node] = field(repr=False)
    """The nodes that depend on the state or the parameter; all others are the same for all of them."""


def trace(function: Callable[..., Tensor], arguments: tuple[Tensor, ...]) -> Trace:
    """The graph of a function of float64 tensors, traced at ``arguments`` and compared with it at others.

    Raises:
        Unenclosed: where the function looks at the numbers themselves (``if``, ``.item()``, NumPy), draws random
            numbers, or computes what depends on them in another precision.
    """
    # Both bring much that a plain ``import torch`` does not.
    from torch.func import functionalize
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            first = make_fx(function)(*arguments)
            # Once more for what is written in place, by the step or by torch in taking it apart.
            open_step = _Open(first)
            module = make_fx(functionalize(open_step.run, remove="mutations"))(*arguments, *open_step.constants)
        except Exception as error:  # of any kind, in a caller's function
            raise Unenclosed(
                "the step cannot be traced into operations of torch: it may look at the numbers of its state (if, "
                f".item(), NumPy), or compute outside torch. It said: {_first_line(error)}"
            ) from error
        module.graph.eliminate_dead_code()
        module.recompile()
        _require_deterministic(module.graph)
        _require_same(function, lambda *others: module(*others, *open_step.constants), arguments)
    return retraced(module, open_step.constants, arguments)


@torch.no_grad()
def retraced(module: fx.GraphModule, constants: tuple[Tensor, ...], arguments: tuple[Tensor, ...]) -> Trace:
    """What is known of a graph that was traced already: of ``arguments``, and of constants after them.

    Raises:
        Unenclosed: as ``trace``.
    """
    _require_deterministic(module.graph)
    looked_at = _Looking(module)
    image = looked_at.run(*arguments, *constants)
    depending = _depending(module.graph, len(arguments))
    _require_double(looked_at.dtypes, depending)
    return Trace(module, constants, arguments, image, looked_at.dtypes, depending)


class _Open(fx.Interpreter):
    """A graph whose tensors are arguments too, after its own."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self._names = list(dict.fromkeys(str(node.target) for node in module.graph.nodes if node.op == "get_attr"))
        self.constants = tuple(attrgetter(name)(module).detach().clone() for name in self._names)

    def run(self, *args: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        own = len(args) - len(self._names)
        self._given = dict(zip(self._names, args[own:], strict=True))
        return super().run(*args[:own])

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG002
        return self._given[str(target)]


class _Looking(fx.Interpreter):
    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.dtypes: dict[fx.Node, torch.dtype] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.dtypes[n] = result.dtype
        return result


def _require_deterministic(graph: fx.Graph) -> None:
    for node in graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise Unenclosed(f"the step draws random numbers ({node.target}){where(node)}, so that it is no map")


def _require_same(
    function: Callable[..., Tensor], traced: Callable[..., Tensor], arguments: tuple[Tensor, ...]
) -> None:
    generator = torch.Generator().manual_seed(0)
    for size in _SIZES:
        others = [size * torch.randn(one.shape, generator=generator, dtype=one.dtype).to(one) for one in arguments]
        wanted, got = function(*others), traced(*others)
        if wanted.shape != got.shape or not torch.allclose(wanted, got, _AGREEMENT, _AGREEMENT, equal_nan=True):
            raise Unenclosed(
                "the step computes something that its trace does not show: at another state than the one it was traced "
                "at, the two differ (a number taken out of a tensor, NumPy, a state that the step keeps?)"
            )


def _depending(graph: fx.Graph, arguments: int) -> frozenset[fx.Node]:
    """What the first arguments lead to."""
    found = set([node for node in graph.nodes if node.op == "placeholder"][:arguments])
    for node in graph.nodes:
        if any(parent in found for parent in node.all_input_nodes):
            found.add(node)
    return frozenset(found)


def _require_double(dtypes: dict[fx.Node, torch.dtype], depending: frozenset[fx.Node]) -> None:
    for node, dtype in dtypes.items():
        if node in depending and dtype not in (torch.float64, torch.bool):
            made_by = node.args[0] if node.target is getitem and isinstance(node.args[0], fx.Node) else node
            remedy = "; hold the network in it, network.hold(input)" if dtype.is_floating_point else ""
            raise Unenclosed(
                f"the step makes {dtype} of its state ({made_by.target}){where(node)}, and balls follow float64 and "
                f"truths alone{remedy}"
            )


def where(node: fx.Node) -> str:
    """The caller's line that a node came of, as far as torch tells."""
    lines = [line.strip() for line in (node.stack_trace or "").splitlines() if line.strip()]
    return f", at {lines[-1]!r}" if lines else ""


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__
