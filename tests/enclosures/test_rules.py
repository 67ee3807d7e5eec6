"""Every rule against torch and against 60 digits: values, slopes, boxes, kinks."""

from collections.abc import Callable

import mpmath
import pytest
import torch
import torch.nn.functional as F
from flint import arb, arb_mat
from inside import DOUBLE, holds, samples, width, within
from torch import Tensor
from torch.func import jacfwd

import rnn_dynamics as rd
from rnn_dynamics.enclosures import Unenclosed, ball, enclose, exact, midpoints, radii
from rnn_dynamics.enclosures.rules import RULES

N = 4

Function = Callable[[Tensor], Tensor]

mp = mpmath.mp.clone()
mp.dps = 60

_generator = torch.Generator().manual_seed(1)
W = torch.randn(N, N, generator=_generator, dtype=DOUBLE)
V = torch.randn(N, N, generator=_generator, dtype=DOUBLE)
b = torch.randn(N, generator=_generator, dtype=DOUBLE)
MASK = torch.tensor([True, False, True, True])
PLACES = torch.tensor([2, 0, 3, 3])


def _in_place(h: Tensor) -> Tensor:
    h = h.clone()
    h[0] = h[1] * 2
    h[2:] += h[:2]
    return h.mul_(0.5)


def _layer_norm(h: Tensor) -> Tensor:
    return F.layer_norm(h, (N,), b, b.flip(0), 1e-3)


SMOOTH: dict[str, Function] = {
    "add": lambda h: h + b + 2,
    "add with alpha": lambda h: torch.add(h, b, alpha=0.3),
    "sub": lambda h: 1.5 - (h - b),
    "sub with alpha": lambda h: torch.sub(b, h, alpha=2.5),
    "mul": lambda h: h * h.flip(0) * 0.7,
    "square": lambda h: h * h - h.square() * 3,
    "div": lambda h: h / (3.1 + h.flip(0)) + 1 / (h + 4),
    "neg": lambda h: -h,
    "addcmul": lambda h: torch.addcmul(b, h, h.roll(1), value=0.4),
    "addcdiv": lambda h: torch.addcdiv(b, h, h.roll(1) + 5, value=0.4),
    "lerp": lambda h: torch.lerp(h, h.flip(0), b),
    "lerp by a number": lambda h: torch.lerp(h, b, 0.3),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "exp": torch.exp,
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "log": lambda h: (h + 4).log(),
    "log2": lambda h: (h + 4).log2(),
    "log10": lambda h: (h + 4).log10(),
    "log1p": lambda h: (h.square()).log1p(),
    "sqrt": lambda h: (h + 4).sqrt(),
    "rsqrt": lambda h: (h + 4).rsqrt(),
    "reciprocal": lambda h: (h + 4).reciprocal(),
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": lambda h: torch.tan(h / 4),
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "asin": lambda h: torch.asin(h / 6),
    "acos": lambda h: torch.acos(h / 6),
    "atan": torch.atan,
    "asinh": torch.asinh,
    "atanh": lambda h: torch.atanh(h / 6),
    "erf": torch.erf,
    "erfc": torch.erfc,
    "pow 3": lambda h: h**3,
    "pow 4": lambda h: h**4,
    "pow -2": lambda h: (h + 4) ** -2,
    "pow 1.7": lambda h: (h + 4) ** 1.7,
    "pow of a number": lambda h: 1.3**h,
    "pow of a tensor": lambda h: (h + 4) ** h.flip(0),
    "softplus": lambda h: F.softplus(h, beta=1.5),
    "logaddexp": lambda h: torch.logaddexp(h, h.flip(0)),
    "logsigmoid": F.logsigmoid,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu by tanh": lambda h: F.gelu(h, approximate="tanh"),
    "mish": F.mish,
    "elu": F.elu,
    "softsign": F.softsign,
    "softsign, written out": lambda h: 0.5 * (h / (h.abs() + 1.0)) + h / (1 + h.abs()),
    "softmax": lambda h: torch.softmax(h, 0),
    "log_softmax": lambda h: torch.log_softmax(h.view(2, 2), -1).flatten(),
    "logsumexp": lambda h: h - torch.logsumexp(h, 0, keepdim=True),
    "layer_norm": _layer_norm,
    "mv": lambda h: W @ h,
    "mm": lambda h: (h.view(2, 2) @ W[:2, :2] @ h.view(2, 2)).flatten(),
    "linear": lambda h: F.linear(torch.tanh(F.linear(h, W, b)), V),
    "dot": lambda h: torch.dot(h, b) * h,
    "addmv": lambda h: torch.addmv(b, W, h, beta=0.5, alpha=2.0),
    "addmm": lambda h: torch.addmm(b.view(2, 2), W[:2, :2], h.view(2, 2), beta=0.5, alpha=2.0).flatten(),
    "bmm": lambda h: torch.bmm(h.view(2, 1, 2), W.view(2, 2, 4)[:, :, :2]).flatten(),
    "bmm of states": lambda h: torch.bmm(h.view(2, 1, 2), h.view(2, 2, 1)).expand(2, 2, 1).flatten(),
    "baddbmm": lambda h: torch.baddbmm(b.view(2, 1, 2), h.view(2, 1, 2), W.view(2, 2, 4)[:, :, 1:3]).flatten(),
    "einsum": lambda h: torch.einsum("ij,j,k->i", W, h, b[:1]),
    "outer": lambda h: torch.outer(h, h).sum(0),
    "sum": lambda h: h * h.sum(),
    "mean": lambda h: h - h.mean(),
    "mean over an axis": lambda h: h.view(2, 2).mean(-1, keepdim=True).expand(2, 2).flatten(),
    "var": lambda h: h * h.var() + h.var(correction=0),
    "std": lambda h: h / (1 + (h + W.diagonal() * 5).std()),
    "norm": lambda h: h / (h + 7).norm(),
    "cat": lambda h: torch.cat([h[2:], b[:1], h[:1]]),
    "stack": lambda h: torch.stack([h[:2], h[2:]], dim=1).flatten(),
    "chunk": lambda h: torch.cat(h.chunk(2)[::-1]),
    "split": lambda h: torch.cat([part.tanh() for part in h.split([1, 3])]),
    "slice and select": lambda h: torch.stack([h[3], h[0], *h[1:3]]),
    "index": lambda h: h[PLACES] * h,
    "index by a mask": lambda h: torch.cat([h[MASK], h[~MASK]]),
    "index_select": lambda h: h.index_select(0, PLACES),
    "gather": lambda h: h.gather(0, PLACES),
    "views": lambda h: h.unsqueeze(0).expand(3, N).t().reshape(3, N)[1].squeeze().view(2, 2).permute(1, 0).flatten(),
    "repeat": lambda h: h[:2].repeat(2),
    "flip and roll": lambda h: h.flip(0) + h.roll(1),
    "tril": lambda h: torch.outer(h, b).tril().sum(1) + torch.outer(h, b).triu(1).sum(0),
    "diag": lambda h: torch.diag_embed(h) @ b + torch.outer(h, b).diagonal(),
    "pad": lambda h: F.pad(h[1:], (0, 1)),
    "zeros and ones": lambda h: torch.zeros_like(h) + h * torch.ones(N) + torch.full((N,), 0.3) * torch.eye(N)[0],
    "to": lambda h: h.to(DOUBLE) * torch.arange(N) + torch.tensor([1, 2, 3, 4]),
    "detach": lambda h: h.clone() * 1.0,
    "in place": _in_place,
    "where by constants": lambda h: torch.where(MASK, h, -h),
    "masked_fill": lambda h: h.masked_fill(MASK, 0.5),
    "of float32 constants": lambda h: h * torch.linspace(0, 1, N).exp(),
    "of constants": lambda h: h * (b.exp() > 1) + b.exp().sin(),
    "logical": lambda h: torch.where((h > -50) & ~(h > 60) | (h == 99), h, 0.0),
    "sign far off": lambda h: (h + 9).sign() * h,
}
"""Within the boxes that are drawn here."""

KINKED: dict[str, Function] = {
    "relu": torch.relu,
    "abs": torch.abs,
    "clamp": lambda h: h.clamp(-0.5, 0.7),
    "clamp_min": lambda h: h.clamp(min=b),
    "maximum": lambda h: torch.maximum(h, h.flip(0) * 0.3),
    "minimum": lambda h: torch.minimum(h, b),
    "hardtanh": lambda h: F.hardtanh(h, -0.4, 0.9),
    "hardswish": lambda h: F.hardswish(3 * h),
    "leaky_relu": lambda h: F.leaky_relu(h, 0.2),
    "elu with another slope": lambda h: F.elu(h, alpha=0.4),
    "amax": lambda h: h * h.amax() - h.amin(),
    "norm of order 1": lambda h: h * torch.linalg.vector_norm(h, 1),
}


def mapped(function: Function) -> rd.AutonomousMap:
    return rd.as_map(lambda h, _: function(h), N, 0).hold()


def drawn(seed: int) -> Tensor:
    return torch.randn(N, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED])
def test_boxes_contain_what_torch_makes_of_their_states(name: str) -> None:
    """At a point, and in boxes narrow and wide: values, and derivatives by forward mode."""
    function = {**SMOOTH, **KINKED}[name]
    enclosure = enclose(mapped(function))
    for seed in range(3):
        state = drawn(seed)
        for reach in (0.0, 1e-8, 1e-3, 0.3, 0.8):
            assert holds(function, enclosure, ball(state, reach), samples(state, reach, 8, seed)), (seed, reach)


@pytest.mark.parametrize("name", SMOOTH)
def test_at_a_point_balls_are_a_few_roundings_wide(name: str) -> None:
    enclosure = enclose(mapped(SMOOTH[name]))
    state = drawn(5)
    value, jacobian, kinked = enclosure.linearize(exact(state))
    assert not kinked
    assert width(value) < 1e-14
    assert width(jacobian) < 3e-14
    # More bits, narrower balls, within the wider ones.
    finer, fine_slopes, _ = enclosure.linearize(exact(state), precision=212)
    assert value.overlaps(finer)
    assert jacobian.overlaps(fine_slopes)
    assert max(float(one.rad()) for one in [*finer.entries(), *fine_slopes.entries()]) < 1e-58


OF_ONE = {
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "exp": mp.exp,
    "expm1": mp.expm1,
    "sin": mp.sin,
    "cos": mp.cos,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "atan": mp.atan,
    "asinh": mp.asinh,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "gelu": lambda x: x * (1 + mp.erf(x / mp.sqrt(2))) / 2,
    "logsigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(mp.mpf(1.5) * x)) / 1.5,
    "softsign": lambda x: x / (1 + abs(x)),
    "mish": lambda x: x * mp.tanh(mp.log1p(mp.exp(x))),
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "pow 3": lambda x: x**3,
    "pow 4": lambda x: x**4,
    "log": lambda x: mp.log(x + 4),
    "sqrt": lambda x: mp.sqrt(x + 4),
    "rsqrt": lambda x: 1 / mp.sqrt(x + 4),
    "pow 1.7": lambda x: (x + 4) ** mp.mpf(1.7),
    "pow -2": lambda x: (x + 4) ** -2,
}
"""At 60 digits, written anew."""


@pytest.mark.parametrize("name", OF_ONE)
@pytest.mark.parametrize("bits", [53, 160])
def test_balls_contain_the_numbers_to_60_digits(name: str, bits: int) -> None:
    enclosure = enclose(mapped(SMOOTH[name]))
    for seed in range(4):
        state = 1.2 * drawn(seed)
        value, jacobian, _ = enclosure.linearize(exact(state), bits)
        for place, number in enumerate(state.tolist()):
            slope = mp.diff(OF_ONE[name], mp.mpf(number), h=mp.mpf(10) ** -25)
            assert _contains(value[place, 0], OF_ONE[name](mp.mpf(number)), 1e-58)
            assert _contains(jacobian[place, place], slope, 1e-24)


def _contains(one: arb, number: object, error: float) -> bool:
    import flint

    before, flint.ctx.prec = flint.ctx.prec, 212
    try:
        return bool(arb(mpmath.nstr(number, 60)).overlaps(one + arb(0, error)))
    finally:
        flint.ctx.prec = before


@pytest.mark.parametrize("name", KINKED)
def test_a_kink_within_a_box_is_told(name: str) -> None:
    enclosure = enclose(mapped(KINKED[name]))
    assert enclosure.linearize(ball(torch.zeros(N), 3.0))[2]
    away = torch.tensor([5.0, 6.5, 7.0, 9.0], dtype=DOUBLE)
    value, jacobian, kinked = enclosure.linearize(ball(away, 1e-6))
    assert not kinked
    assert within(jacfwd(KINKED[name])(away), jacobian)
    assert width(value) < 1e-3


def test_slopes_at_a_kink_are_the_hull_of_both_sides() -> None:
    leaky = enclose(mapped(lambda h: F.leaky_relu(h, 0.25)))
    value, jacobian, kinked = leaky.linearize(exact(torch.tensor([0.0, 1.0, -1.0, 2.0])))
    assert kinked
    assert torch.equal(midpoints(value)[:, 0], torch.tensor([0.0, 1.0, -0.25, 2.0], dtype=DOUBLE))
    assert torch.equal(midpoints(jacobian).diagonal()[1:], torch.tensor([1.0, 0.25, 1.0], dtype=DOUBLE))
    hull = jacobian[0, 0]
    assert hull.contains(1)
    assert hull.contains(arb(0.25))
    assert not hull.contains(arb(1.001))
    assert not hull.contains(arb(0.249))


def test_hardsigmoid_has_the_slope_of_a_sixth() -> None:
    """Torch's own gradient of it is that of float32."""
    system = rd.as_map(lambda h, _: F.hardsigmoid(h), N, 0, derivatives="differences").hold()
    state = torch.tensor([-4.0, 1.0, 3.0, 5.0], dtype=DOUBLE)
    value, jacobian, kinked = enclose(system).linearize(exact(state))
    assert kinked
    assert within(F.hardsigmoid(state), value)
    assert jacobian[1, 1].contains(arb(1) / 6)
    assert float(jacobian[1, 1].rad()) < 1e-16
    assert jacobian[2, 2].contains(0)
    assert jacobian[2, 2].contains(arb(1) / 6)
    assert jacobian[0, 0] == 0
    assert jacobian[3, 3] == 0


def test_softsign_is_smooth_at_0() -> None:
    for function in (F.softsign, lambda h: h / (h.abs() + 1.0)):
        value, jacobian, kinked = enclose(mapped(function)).linearize(ball(torch.zeros(N), 0.5))
        assert not kinked
        assert within(torch.full((N,), 1 / 3), value + arb_mat(N, 1, [arb(0, 1e-8)] * N), 0.0)
        assert jacobian[0, 0].contains(1)
        assert jacobian[0, 0] > 0.44
    # Nearly the same, with a kink.
    assert enclose(mapped(lambda h: h / (1.5 + h.abs()))).linearize(ball(torch.zeros(N), 0.5))[2]


def test_a_step_that_may_jump_has_no_known_slope() -> None:
    jumping = enclose(mapped(lambda h: torch.where(h > 0, h + 1, h) * 0.5 + (h > 0)))
    near = torch.tensor([0.0, 1.0, -1.0, 2.0], dtype=DOUBLE)
    value, jacobian, kinked = jumping.linearize(ball(near, 1e-9))
    assert kinked
    assert value[0, 0].contains(arb(1.5))
    assert value[0, 0].contains(0)
    assert radii(jacobian)[0].isinf().all()
    assert torch.equal(midpoints(jacobian)[1:], torch.eye(N, dtype=DOUBLE)[1:] * 0.5)
    # Exactly on the edge the value is known, but not what is next to it.
    value, jacobian, kinked = jumping.linearize(exact(near))
    assert kinked
    assert not jacobian[0, 0].is_finite()
    assert float(jumping.value(exact(near))[0, 0]) == 0.0


def test_truths_of_what_is_known_to_lie_to_one_side_have_no_slope() -> None:
    function = mapped(lambda h: (~((h > 0) & (h < 3)) | (h == 7)).to(DOUBLE) + h)
    value, jacobian, kinked = enclose(function).linearize(ball(torch.tensor([1.0, -1.0, 4.0, 2.0]), 0.5))
    assert not kinked
    assert torch.equal(midpoints(value)[:, 0], torch.tensor([1.0, 0.0, 5.0, 2.0], dtype=DOUBLE))
    assert torch.equal(midpoints(jacobian), torch.eye(N, dtype=DOUBLE))


def test_softplus_jumps_where_torch_has_it_jump() -> None:
    enclosure = enclose(mapped(F.softplus))
    value, jacobian, kinked = enclosure.linearize(exact(torch.tensor([19.0, 20.5, -60.0, 0.0])))
    assert not kinked
    assert float(value[1, 0]) == 20.5
    assert value[0, 0] > 19
    assert value[2, 0] > 0
    value, jacobian, kinked = enclosure.linearize(ball(torch.full((N,), 20.0), 1e-3))
    assert kinked
    assert not jacobian[0, 0].is_finite()
    assert within(F.softplus(torch.full((N,), 20.0, dtype=DOUBLE)), value)


def test_where_a_function_is_not_defined_nothing_is_known() -> None:
    enclosure = enclose(mapped(lambda h: (h + 4).log() + (h + 4).sqrt() + 1 / (h + 4)))
    value, jacobian, _ = enclosure.linearize(ball(torch.tensor([-4.0, 0.0, 1.0, 2.0]), 0.1))
    assert not value[0, 0].is_finite()
    assert not jacobian[0, 0].is_finite()
    assert all(value[place, 0].is_finite() for place in (1, 2, 3))


def test_wide_boxes_are_enclosed_by_the_ends_of_what_grows() -> None:
    """Of one number each, to within what a ball's radius of 30 bits allows."""
    wide = ball(torch.tensor([1.0, -2.0, 0.0, 30.0], dtype=DOUBLE), 1.5)
    for function in (torch.tanh, torch.sigmoid, torch.exp, torch.atan, torch.erf, torch.asinh, lambda h: h**3):
        low, high = (function(midpoints(wide)[:, 0] + side) for side in (-1.5, 1.5))
        value = enclose(mapped(function)).value(wide)
        reach = radii(value)[:, 0]
        assert (reach <= (high - low) / 2 * (1 + 1e-7) + 1e-8 * high.abs()).all(), function
    slopes = enclose(mapped(torch.tanh)).linearize(wide)[1]
    steepest = 1 - torch.tanh(torch.tensor([0.0, 0.5, 0.0, 28.5], dtype=DOUBLE)) ** 2
    most = midpoints(slopes).diagonal() + radii(slopes).diagonal()
    assert torch.allclose(most, steepest, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("wrong", ["tanh", "mul", "mv", "sum", "sigmoid"])
def test_a_rule_that_is_wrong_is_found_out(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a map is first enclosed, by torch's own number; and for slopes, by the check that these tests make."""
    system = mapped(lambda h: torch.tanh(W @ h) * torch.sigmoid(h) * h.sum())
    enclose(system)
    right = RULES[wrong]

    def tampered(tape: object, **arguments: object) -> object:
        result = right(tape, **arguments)
        return RULES["add"](tape, self=result, other=1e-4)

    monkeypatch.setitem(RULES, wrong, tampered)
    with pytest.raises(Unenclosed, match="balls and torch disagree about the step"):
        enclose(system)


def test_a_wrong_slope_is_no_enclosure() -> None:
    state = drawn(0)
    enclosure = enclose(mapped(torch.tanh))
    assert holds(torch.tanh, enclosure, ball(state, 1e-8), samples(state, 1e-8, 8, 0))
    assert not holds(lambda h: torch.tanh(h) + 1e-7 * h, enclosure, ball(state, 1e-8), samples(state, 1e-8, 8, 0))


def test_more_rows_than_a_slope_keeps_are_worked_out() -> None:
    """Sums over many units: each number then depends on more rows than a combination keeps apart."""
    n = 40
    weight = torch.randn(n, n, generator=_generator, dtype=DOUBLE) / n**0.5

    def function(h: Tensor) -> Tensor:
        rates = torch.tanh(weight @ h)
        return rates / (1 + rates.square().sum()) + h.sum() / n

    system = rd.as_map(lambda h, _: function(h), n, 0).hold()
    state = torch.randn(n, generator=_generator, dtype=DOUBLE)
    assert holds(function, enclose(system), ball(state, 1e-6), samples(state, 1e-6, 4, 0))
    assert width(enclose(system).linearize(exact(state))[1]) < 1e-14


def test_a_constant_step_has_slopes_of_zero() -> None:
    value, jacobian, kinked = enclose(mapped(lambda h: b.tanh() + 0 * b)).linearize(ball(drawn(0), 1.0))
    assert within(b.tanh(), value)
    assert jacobian == arb_mat(N, N)
    assert not kinked
