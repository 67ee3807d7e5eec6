"""Expressions that are smooth though their parts are not."""

from torch import fx
from torch.nn.functional import softsign


def smoothed(graph: fx.Graph) -> None:
    """Write softsign for x / (1 + |x|), whose slope 1 / (1 + |x|)^2 has no kink where |x| has one."""
    for node in list(graph.nodes):
        x = _under_softsign(node)
        if x is not None:
            with graph.inserting_before(node):
                node.replace_all_uses_with(graph.call_function(softsign, (x,)))


def _under_softsign(node: fx.Node) -> fx.Node | None:
    if not _is(node, "div") or len(node.args) != 2 or node.kwargs:
        return None
    x, below = node.args
    if not _is(below, "add") or not isinstance(x, fx.Node) or len(below.args) != 2 or below.kwargs:
        return None
    absolute, one = below.args if isinstance(below.args[0], fx.Node) else below.args[::-1]
    return x if _is(absolute, "abs") and absolute.args == (x,) and one == 1 else None


def _is(node: object, name: str) -> bool:
    return isinstance(node, fx.Node) and getattr(node.target, "__name__", "").partition(".")[0] == name
