"""Values over many boxes with their derivatives by the state, and what operations make of them."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from . import circular, exponential, hyperbolic
from .intervals import Intervals, product, up


class Unbounded(Exception):
    """An operation that batches of boxes have no rule for: balls may have one."""


@dataclass(frozen=True, eq=False)
class Dual:
    """A value over each box and its derivative by the n coordinates of the state.

    At a kink the derivative is the hull of those on both sides, which holds Clarke's: the mean value theorem, and with
    it the interval Newton test, is true with it (Clarke 1990, Optimization and Nonsmooth Analysis, 2.6.5).
    """

    value: Intervals
    slope: Intervals | None
    """Of the value's shape and one dimension [n] more; None where the value does not depend on the state."""

    def scaled(self, value: Intervals, factor: Intervals) -> "Dual":
        """The chain rule: another value whose derivative by this one is ``factor``."""
        if self.slope is None:
            return Dual(value, None)
        return Dual(value, self.slope * factor.moved(lambda ends: ends.unsqueeze(-1)))

    def about(self, centre: "Dual") -> "Dual":
        """The same value, within the mean value form too: ``centre`` is that of the middle of each box.

        The slopes are by variables that run over [-1, 1].
        """
        if self.slope is None:
            return self
        n = self.slope.lower.shape[-1]
        reach = up(self.slope.magnitude.sum(dim=-1) * (1.0 + 2.0**-50 * n))
        return Dual(self.value.meet(centre.value + Intervals(-reach, reach)), self.slope)

    def moved(self, move: Callable[[Tensor], Tensor]) -> "Dual":
        """The same numbers in another arrangement."""
        value = self.value.moved(move)
        if self.slope is None:
            return Dual(value, None)
        return Dual(value, self.slope.moved(torch.vmap(move, in_dims=-1, out_dims=-1)))


def as_dual(value: "Dual | Tensor | float") -> Dual:
    """Constants are exactly the numbers that they are."""
    if isinstance(value, Dual):
        return value
    tensor = torch.as_tensor(value, dtype=None if isinstance(value, Tensor) else torch.float64)
    if tensor.is_complex():
        raise Unbounded("complex numbers")
    return Dual(Intervals.exactly(tensor), None)


def _summed(a: Intervals | None, b: Intervals | None, shape: torch.Size) -> Intervals | None:
    """Of two derivatives of a value of a shape; either may be none."""
    known = [part for part in (a, b) if part is not None]
    if not known:
        return None
    n = known[0].lower.shape[-1]
    wide = [Intervals(p.lower.expand(*shape, n), p.upper.expand(*shape, n)) for p in known]
    return wide[0] + wide[1] if len(wide) == 2 else wide[0]


def _aligned(a: Dual, b: Dual) -> tuple[Dual, Dual]:
    """With as many dimensions in both, so that derivatives broadcast as values do."""
    most = max(a.value.lower.ndim, b.value.lower.ndim)

    def padded(x: Dual) -> Dual:
        missing = most - x.value.lower.ndim
        return x.moved(lambda part: part.reshape([1] * missing + list(part.shape))) if missing else x

    return padded(a), padded(b)


def _add(a: Any, b: Any, alpha: float = 1) -> Dual:
    a, b = _aligned(as_dual(a), _times(b, alpha))
    value = a.value + b.value
    return Dual(value, _summed(a.slope, b.slope, value.lower.shape))


def _subtract(a: Any, b: Any, alpha: float = 1) -> Dual:
    return _add(a, b, -alpha)


def _times(a: Any, factor: float) -> Dual:
    a = as_dual(a)
    if factor == 1:
        return a
    if factor == -1:
        return Dual(-a.value, None if a.slope is None else -a.slope)
    return _multiply(a, factor)


def _multiply(a: Any, b: Any) -> Dual:
    a, b = _aligned(as_dual(a), as_dual(b))
    value = a.value * b.value
    left, right = a.scaled(value, b.value).slope, b.scaled(value, a.value).slope
    return Dual(value, _summed(left, right, value.lower.shape))


def _divide(a: Any, b: Any) -> Dual:
    a, b = _aligned(as_dual(a), as_dual(b))
    value = a.value / b.value
    one = Intervals.exactly(torch.ones_like(b.value.lower))
    left = a.scaled(value, one / b.value).slope
    right = b.scaled(value, -(value / b.value)).slope
    return Dual(value, _summed(left, right, value.lower.shape))


def _power(a: Any, exponent: Any) -> Dual:
    if isinstance(exponent, Tensor | Dual) or exponent not in (1, 2, 3):
        raise Unbounded(f"a power of exponent {exponent}")
    a = as_dual(a)
    if exponent == 1:
        return a
    square = a.value.square()
    if exponent == 2:
        return a.scaled(square, _double(a.value))
    low = (Intervals.exactly(a.value.lower) * Intervals.exactly(a.value.lower).square()).lower
    high = (Intervals.exactly(a.value.upper) * Intervals.exactly(a.value.upper).square()).upper
    return a.scaled(Intervals(low, high), square + _double(square))


def _double(x: Intervals) -> Intervals:
    return x + x


def _tanh(a: Any) -> Dual:
    a = as_dual(a)
    value = hyperbolic.tanh(a.value)
    return a.scaled(value, _one_minus(value.square()))


def _sigmoid(a: Any) -> Dual:
    a = as_dual(a)
    value = hyperbolic.sigmoid(a.value)
    # s (1 - s) = (1 - (2 s - 1)^2) / 4, with s once.
    twice = _double(value)
    odd = Intervals(twice.lower - 1.0, twice.upper - 1.0)  # exact: both lie in [0, 2], up to a rounding covered below
    odd = odd + Intervals(torch.full_like(odd.lower, -1e-15), torch.full_like(odd.lower, 1e-15))
    quarter = _one_minus(odd.square())
    return a.scaled(value, Intervals(quarter.lower / 4, quarter.upper / 4))


def _exp(a: Any) -> Dual:
    a = as_dual(a)
    value = exponential.exp(a.value)
    return a.scaled(value, value)


def _softplus(a: Any, beta: float = 1, threshold: float = 20) -> Dual:
    """As torch has it: x beyond the threshold, where it jumps by 2e-9, so that a box across it has no slope."""
    a = _times(a, beta)
    x = a.value
    below, beyond = x.upper <= threshold, x.lower > threshold
    soft, slope = exponential.softplus(x), hyperbolic.sigmoid(x)
    either = soft.hull(x)
    value = _chosen(below, soft, _chosen(beyond, x, either))
    one = Intervals.exactly(torch.ones_like(x.lower))
    unknown = Intervals(torch.full_like(x.lower, -torch.inf), torch.full_like(x.lower, torch.inf))
    result = a.scaled(value, _chosen(below, slope, _chosen(beyond, one, unknown)))
    return result if beta == 1 else _divide(result, beta)


def _chosen(where: Tensor, a: Intervals, b: Intervals) -> Intervals:
    return Intervals(torch.where(where, a.lower, b.lower), torch.where(where, a.upper, b.upper))


def _sin(a: Any) -> Dual:
    a = as_dual(a)
    return a.scaled(circular.sin(a.value), circular.cos(a.value))


def _cos(a: Any) -> Dual:
    a = as_dual(a)
    return a.scaled(circular.cos(a.value), -circular.sin(a.value))


def _tanh_backward(a: Any, image: Any) -> Dual:
    """A (1 - t^2)."""
    image = as_dual(image)
    slope = image.scaled(_one_minus(image.value.square()), -_double(image.value))
    return _multiply(a, slope)


def _sigmoid_backward(a: Any, image: Any) -> Dual:
    """A s (1 - s)."""
    image = as_dual(image)
    one = Intervals.exactly(torch.ones_like(image.value.lower))
    slope = image.scaled(image.value * (one - image.value), one - _double(image.value))
    return _multiply(a, slope)


def _between(a: Any, b: Any, weight: Any) -> Dual:
    """A + w (b - a), which is what lerp stands for."""
    return _add(a, _multiply(weight, _subtract(b, a)))


def _copied(a: Any, source: Any) -> Dual:
    """What is written over a."""
    shape = as_dual(a).value.lower.shape
    return as_dual(source).moved(lambda part: part.expand(shape))


def _new(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Tensors of which the arguments tell no more than the shape."""
    return lambda *given, **options: operation(
        *(one.value.lower if isinstance(one, Dual) else one for one in given), **options
    )


def _one_minus(x: Intervals) -> Intervals:
    """1 - x of squares of what lies in [-1, 1]."""
    rest = Intervals.exactly(torch.ones_like(x.lower)) - x
    return Intervals(rest.lower.clamp(min=0.0), rest.upper.clamp(max=1.0))


def _relu(a: Any) -> Dual:
    a = as_dual(a)
    slope = Intervals((a.value.lower > 0).to(torch.float64), (a.value.upper >= 0).to(torch.float64))
    return a.scaled(Intervals(a.value.lower.clamp(min=0.0), a.value.upper.clamp(min=0.0)), slope)


def _matrix_product(a: Any, b: Any, batch: str = "") -> Dual:
    a, b = as_dual(a), as_dual(b)
    length = a.value.lower.shape[-1]
    ik, kj, ij = (batch + letters for letters in ("ik", "kj", "ij"))
    value = product(f"{ik},{kj}->{ij}", a.value, b.value, length)
    left = None if a.slope is None else product(f"{ik}n,{kj}->{ij}n", a.slope, b.value, length)
    right = None if b.slope is None else product(f"{ik},{kj}n->{ij}n", a.value, b.slope, length)
    return Dual(value, _summed(left, right, value.lower.shape))


def _affine(bias: Any, a: Any, b: Any, beta: float = 1, alpha: float = 1) -> Dual:
    return _add(_times(bias, beta), _times(_matrix_product(a, b), alpha))


def _side_by_side(join: Callable[..., Tensor]) -> Callable[..., Dual]:
    def rule(parts: list[Any], dim: int = 0) -> Dual:
        duals = [as_dual(part) for part in parts]
        dim = dim % (duals[0].value.lower.ndim + (join is torch.stack))
        lower = join([d.value.lower for d in duals], dim)
        upper = join([d.value.upper for d in duals], dim)
        sizes = [d.slope.lower.shape[-1] for d in duals if d.slope is not None]
        if not sizes:
            return Dual(Intervals(lower, upper), None)
        slopes = [_slope_of(d, sizes[0]) for d in duals]
        slope = Intervals(join([s.lower for s in slopes], dim), join([s.upper for s in slopes], dim))
        return Dual(Intervals(lower, upper), slope)

    return rule


def _slope_of(a: Dual, n: int) -> Intervals:
    if a.slope is not None:
        return a.slope
    return Intervals.exactly(a.value.lower.new_zeros(*a.value.lower.shape, n))


def _arranged(operation: Callable[..., Tensor]) -> Callable[..., Dual]:
    return lambda a, *rest, **options: as_dual(a).moved(lambda part: operation(part, *rest, **options))


def _parted(operation: Callable[..., Any]) -> Callable[..., list[Dual]]:
    def rule(a: Any, *rest: Any, **options: Any) -> list[Dual]:
        a = as_dual(a)
        count = len(operation(a.value.lower, *rest, **options))
        return [a.moved(lambda part, i=i: operation(part, *rest, **options)[i]) for i in range(count)]

    return rule


def _converted(a: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    """To float64, which holds every number of a coarser precision."""
    if dtype not in (None, torch.float64):
        raise Unbounded(f"numbers of {dtype}")
    return a.to(torch.float64) if isinstance(a, Tensor) else a


def _modulus(a: Any) -> Dual:
    a = as_dual(a)
    low, high = a.value.lower, a.value.upper
    least = torch.maximum(torch.maximum(low, -high), torch.zeros_like(low))
    slope = Intervals(torch.where(low >= 0, 1.0, -1.0).to(low), torch.where(high <= 0, -1.0, 1.0).to(low))
    return a.scaled(Intervals(least, a.value.magnitude), slope)


_ATEN = torch.ops.aten

RULES: dict[Any, Callable[..., Any]] = {
    operator.getitem: operator.getitem,
    _ATEN.add.Tensor: _add,
    _ATEN.add.Scalar: _add,
    _ATEN.sub.Tensor: _subtract,
    _ATEN.sub.Scalar: _subtract,
    _ATEN.rsub.Scalar: lambda a, b, alpha=1: _subtract(b, a, alpha),
    _ATEN.rsub.Tensor: lambda a, b, alpha=1: _subtract(b, a, alpha),
    _ATEN.neg.default: lambda a: _times(a, -1),
    _ATEN.mul.Tensor: _multiply,
    _ATEN.mul.Scalar: _multiply,
    _ATEN.div.Tensor: _divide,
    _ATEN.div.Scalar: _divide,
    _ATEN.reciprocal.default: lambda a: _divide(1.0, a),
    _ATEN.pow.Tensor_Scalar: _power,
    _ATEN.tanh.default: _tanh,
    _ATEN.sigmoid.default: _sigmoid,
    _ATEN.exp.default: _exp,
    _ATEN.softplus.default: _softplus,
    _ATEN.sin.default: _sin,
    _ATEN.cos.default: _cos,
    _ATEN.relu.default: _relu,
    _ATEN.abs.default: _modulus,
    _ATEN._to_copy.default: _converted,
    _ATEN.mm.default: _matrix_product,
    _ATEN.addmm.default: _affine,
    _ATEN.bmm.default: lambda a, b: _matrix_product(a, b, "b"),
    _ATEN.lerp.Tensor: _between,
    _ATEN.lerp.Scalar: _between,
    _ATEN.tanh_backward.default: _tanh_backward,
    _ATEN.sigmoid_backward.default: _sigmoid_backward,
    _ATEN.copy.default: _copied,
    **{
        operation: _new(operation)
        for operation in (
            _ATEN.zeros.default,
            _ATEN.zeros_like.default,
            _ATEN.ones_like.default,
            _ATEN.full.default,
            _ATEN._new_zeros_with_same_feature_meta.default,
        )
    },
    _ATEN.cat.default: _side_by_side(torch.cat),
    _ATEN.stack.default: _side_by_side(torch.stack),
    **{
        operation: _parted(operation)
        for operation in (
            _ATEN.split.Tensor,
            _ATEN.split_with_sizes.default,
            _ATEN.unbind.int,
            _ATEN.chunk.default,
        )
    },
    **{
        operation: _arranged(operation)
        for operation in (
            _ATEN.alias.default,
            _ATEN.detach.default,
            _ATEN.clone.default,
            _ATEN.lift_fresh_copy.default,
            _ATEN.contiguous.default,
            _ATEN.t.default,
            _ATEN.transpose.int,
            _ATEN.permute.default,
            _ATEN.expand.default,
            _ATEN.view.default,
            _ATEN._unsafe_view.default,
            _ATEN.reshape.default,
            _ATEN.squeeze.dim,
            _ATEN.squeeze.dims,
            _ATEN.unsqueeze.default,
            _ATEN.select.int,
            _ATEN.slice.Tensor,
            _ATEN.flip.default,
        )
    },
}
"""What each operation that torch traces makes of duals; arguments as the operation's own."""


MIXING = frozenset(
    {
        _ATEN.add.Tensor,
        _ATEN.sub.Tensor,
        _ATEN.mul.Tensor,
        _ATEN.mm.default,
        _ATEN.addmm.default,
        _ATEN.bmm.default,
    }
)
"""Operations that put numbers together which depend on the same variables: there the mean value form is narrower."""
