"""Expressions that are smooth though their parts are not."""

from torch import fx


def softsigns(graph: fx.Graph) -> tuple[dict[fx.Node, fx.Node], frozenset[fx.Node]]:
    """The nodes x / (1 + |x|) of a graph with their x, and the nodes that serve for nothing else.

    Softsign's slope 1 / (1 + |x|)^2 has no kink where |x| has one.
    """
    found = {node: x for node in graph.nodes if (x := _under_softsign(node)) is not None}
    parts: set[fx.Node] = set()
    for whole, x in found.items():
        below = whole.args[1]
        if isinstance(below, fx.Node) and all(user in found for user in below.users):
            parts.add(below)
            parts |= {part for part in below.all_input_nodes if part is not x and set(part.users) <= parts}
    return found, frozenset(parts)


def _under_softsign(node: fx.Node) -> fx.Node | None:
    if not _is(node, "div") or len(node.args) != 2 or node.kwargs:
        return None
    x, below = node.args
    if not isinstance(x, fx.Node) or not isinstance(below, fx.Node) or not _is(below, "add"):
        return None
    if len(below.args) != 2 or below.kwargs:
        return None
    absolute, one = below.args if isinstance(below.args[0], fx.Node) else below.args[::-1]
    is_absolute = isinstance(absolute, fx.Node) and _is(absolute, "abs") and absolute.args == (x,)
    return x if is_absolute and isinstance(one, int | float) and one == 1 else None


def _is(node: fx.Node, name: str) -> bool:
    return getattr(node.target, "__name__", "").partition(".")[0] == name
