"""Normal forms: against formulas in one dimension, differences, changes of coordinates and brute force."""

import math

import pytest
import torch
from problems.bifurcations import delayed_logistic, family_of, generalised_henon, henon, polar
from problems.maps import normal
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import SpecialPoint, continue_fixed_point
from rnn_dynamics.bifurcations.multilinear import Multilinear
from rnn_dynamics.bifurcations.normal_forms import branch_point, eigenpair, flip, fold, neimark_sacker
from rnn_dynamics.systems import AutonomousMap


def network(n: int, seed: int, radius: float = 1.3) -> AutonomousMap:
    """A normal tanh network with a bias."""
    weight, bias = radius * normal(n, n, seed=seed) / math.sqrt(n), 0.3 * normal(n, seed=seed + 100)
    return rd.as_map(lambda h, _: torch.tanh(h @ weight.T + bias), state_size=n, input_size=0).hold()


def jacobian(system: AutonomousMap, state: Tensor) -> Tensor:
    return torch.autograd.functional.jacobian(lambda h: system(h.unsqueeze(0))[0], state)


def polynomial(square: float, cube: float, slope: float) -> AutonomousMap:
    return rd.as_map(lambda h, _: slope * h + square * h**2 + cube * h**3, state_size=1, input_size=0).hold()


ZERO = torch.zeros(1, dtype=torch.float64)


@pytest.mark.parametrize(("square", "cube"), [(0.7, -1.0), (-0.3, 0.4), (2.0, 0.0), (0.0, -5.0)])
def test_one_dimension(square: float, cube: float) -> None:
    """A fold has a = f'' / 2, a flip c = f''' / 6 + (f'' / 2)^2, a pitchfork (f'' = 0) c = f''' / 6."""
    for slope in (1.0, -1.0):
        system = polynomial(square, cube, slope)
        matrix = torch.tensor([[slope]], dtype=torch.float64)
        pair = eigenpair(matrix, complex(slope))
        if slope < 0:
            form = flip(system, ZERO, matrix, pair)
            c = cube + square**2
            assert form.coefficient == pytest.approx(c, rel=1e-12)
            assert form.criticality == ("supercritical" if c > 0 else "subcritical")
        else:
            assert abs(fold(system, ZERO, pair)) == pytest.approx(abs(square), rel=1e-12, abs=1e-15)
            form = branch_point(system, ZERO, matrix, pair)
            assert form.detail == ("transcritical" if square else "pitchfork")
            assert abs(form.coefficient) == pytest.approx(abs(square) if square else abs(cube), rel=1e-12)
            if not square:
                assert form.criticality == ("supercritical" if cube < 0 else "subcritical")


def test_a_coefficient_of_nought_has_no_criticality() -> None:
    """Where c = f''' / 6 + (f'' / 2)^2 = 0 the flip is degenerate."""
    for square, cube in ((1.0, -1.0), (0.0, 0.0), (3.0, -9.0)):
        pair = eigenpair(torch.tensor([[-1.0]], dtype=torch.float64), -1.0 + 0j)
        form = flip(polynomial(square, cube, -1.0), ZERO, torch.tensor([[-1.0]], dtype=torch.float64), pair)
        assert form.coefficient == pytest.approx(0.0, abs=1e-12)
        assert form.criticality == ""


@pytest.mark.parametrize(("cubic", "angle"), [(-1.0, 1.2), (2.5, 0.4), (-0.1, 2.5)])
def test_polar_maps(cubic: float, angle: float) -> None:
    """Z' = exp(i angle) z (1 + cubic |z|^2): r' = r + cubic r^3, and r = sqrt 2 |w| where z = w q + c.c., |q| = 1."""
    system = family_of(polar(angle, cubic), 2)(0.0)
    state = torch.zeros(2, dtype=torch.float64)
    matrix = jacobian(system, state)
    value = complex(math.cos(angle), math.sin(angle))
    form = neimark_sacker(system, state, matrix, eigenpair(matrix, value))
    assert form.coefficient == pytest.approx(2 * cubic, rel=1e-10)
    assert form.criticality == ("supercritical" if cubic < 0 else "subcritical")


@pytest.mark.parametrize("n", [1, 2, 5, 20])
@pytest.mark.parametrize("seed", range(3))
def test_second_and_third_derivatives_against_differences(n: int, seed: int) -> None:
    system, state = network(n, seed), 0.4 * normal(n, seed=seed + 7)
    u, v, w = normal(3, n, seed=seed + 8)
    forms, e = Multilinear(system, state), 1e-3

    def image(*moves: Tensor) -> Tensor:
        return system((state + sum(moves)).unsqueeze(0))[0]

    second = sum(a * b * image(a * e * u, b * e * v) for a in (1, -1) for b in (1, -1)) / (4 * e**2)
    third = sum(
        a * b * c * image(a * e * u, b * e * v, c * e * w) for a in (1, -1) for b in (1, -1) for c in (1, -1)
    ) / (8 * e**3)
    scale = float(u.norm() * v.norm() * w.norm())
    torch.testing.assert_close(forms.second(u, v), second, rtol=1e-4, atol=1e-5 * scale)
    torch.testing.assert_close(forms.third(u, v, w), third, rtol=1e-4, atol=1e-4 * scale)
    # Symmetric and linear in every argument.
    torch.testing.assert_close(forms.second(u, v), forms.second(v, u))
    torch.testing.assert_close(forms.third(u, v, w), forms.third(w, u, v))
    torch.testing.assert_close(forms.second(2 * u + w, v), 2 * forms.second(u, v) + forms.second(w, v))


def test_derivatives_of_iterates_and_of_network_layers() -> None:
    """F^2 by the chain rule, and a GRU in closed form against differences."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        gru = torch.nn.GRU(2, 6)
    system = rd.as_map(gru).hold([0.2, -0.4])
    state, (u, v) = 0.3 * normal(6), normal(2, 6, seed=1)
    e = 1e-3
    moved = [system((state + a * e * u + b * e * v).unsqueeze(0).float())[0] for a in (1, -1) for b in (1, -1)]
    assert all(bool(each.isfinite().all()) for each in moved)
    exact = system.frozen() if hasattr(system, "frozen") else system
    forms = Multilinear(exact, state.to(exact.dtype))
    assert bool(forms.second(u.to(exact.dtype), v.to(exact.dtype)).isfinite().all())

    single = network(3, seed=2)
    twice = rd.systems.IteratedMap(single, 2)
    start = 0.2 * normal(3, seed=5)
    u, v = normal(2, 3, seed=6)
    there = single(start.unsqueeze(0))[0]
    first = jacobian(single, start)
    own, beyond = Multilinear(single, start), Multilinear(single, there)
    chain = beyond.second(first @ u, first @ v) + jacobian(single, there) @ own.second(u, v)
    torch.testing.assert_close(Multilinear(twice, start).second(u, v), chain)


def test_complex_directions_by_linearity() -> None:
    system, state = network(4, seed=1), 0.3 * normal(4)
    a, b, c, d = normal(4, 4, seed=2)
    forms = Multilinear(system, state)
    expected = forms.second(a, c) - forms.second(b, d) + 1j * (forms.second(a, d) + forms.second(b, c))
    torch.testing.assert_close(forms.second(a + 1j * b, c + 1j * d), expected)
    torch.testing.assert_close(forms.third(a + 1j * b, c, c), forms.third(a, c, c) + 1j * forms.third(b, c, c))
    torch.testing.assert_close(forms.third(1j * a, 1j * a, 1j * a), -1j * forms.third(a, a, a))


@pytest.mark.parametrize("n", [2, 5, 30])
def test_eigenpairs(n: int) -> None:
    matrix = normal(n, n, seed=n)
    for value in torch.linalg.eigvals(matrix).tolist()[:6]:
        pair = eigenpair(matrix, value if value.imag else complex(value.real, 0.0))
        own = matrix.to(pair.right.dtype)
        shown = value if value.imag else value.real
        torch.testing.assert_close(own @ pair.right, shown * pair.right, atol=1e-9, rtol=1e-9)
        torch.testing.assert_close(
            own.mH @ pair.left,
            complex(shown).conjugate() * pair.left.to(torch.complex128) if value.imag else shown * pair.left,
            atol=1e-8,
            rtol=1e-8,
        )
        assert float(pair.right.norm()) == pytest.approx(1.0)
        assert complex(torch.vdot(pair.left, pair.right)) == pytest.approx(1.0 + 0j)


def only(step: object, start: list[float], span: tuple[float, float], kind: str) -> SpecialPoint:
    branch = continue_fixed_point(family_of(step, len(start)), start, span)
    (point,) = [point for point in branch.special_points if point.kind == kind]
    return point


@pytest.mark.parametrize("seed", range(1))
def test_orthogonal_changes_of_coordinates_change_no_coefficient(seed: int) -> None:
    """|q| = 1 stays |q| = 1; so coefficients are the same numbers, in however many dimensions."""
    systems = [
        ("flip", henon(0.3), [0.39, 0.3 * 0.39], (0.3, 0.45)),
        ("fold", henon(0.3), [0.39, 0.3 * 0.39], (0.3, -0.2)),
        ("Neimark-Sacker", delayed_logistic, [0.47, 0.47], (1.9, 2.1)),
        ("Neimark-Sacker", generalised_henon(-0.1, 1.03), [-0.29, -0.29], (-0.49, -0.53)),
    ]
    for kind, step, start, span in systems:
        plain = only(step, start, span, kind)
        turn = torch.linalg.qr(normal(7, 7, seed=seed))[0]
        rates = 0.5 * normal(5, seed=seed + 1).tanh()

        def turned(h: Tensor, p: Tensor, step=step, turn=turn, rates=rates) -> Tensor:
            x = h @ turn
            return torch.cat([step(x[..., :2], p), rates * x[..., 2:]], dim=-1) @ turn.T

        lifted = turn @ torch.tensor([*start, *[0.0] * 5], dtype=torch.float64)
        other = only(turned, lifted.tolist(), span, kind)
        assert other.parameter == pytest.approx(plain.parameter, abs=1e-9)
        assert other.coefficient == pytest.approx(plain.coefficient, rel=1e-5)
        assert other.criticality == plain.criticality


def test_a_function_that_is_not_differentiable_forwards_has_no_coefficient() -> None:
    class Cubed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * grad

    class Map(AutonomousMap):
        """X' = p x - x^3 with derivatives of its own."""

        dtype, device, state_size, box = torch.float64, torch.device("cpu"), 1, None
        bytes_per_linearization = 64

        def __init__(self, p: float) -> None:
            self.p = p

        def __call__(self, states: Tensor) -> Tensor:
            return self.p * states - Cubed.apply(states)

        def linearize(self, states: Tensor):
            plain = rd.as_map(lambda h, _: self.p * h - h**3, state_size=1, input_size=0).hold()
            return plain.linearize(states)

    branch = continue_fixed_point(Map, [0.0], (0.5, 1.5))
    (point,) = branch.special_points
    assert point.kind == "branch point"
    assert math.isnan(point.coefficient)
    assert point.criticality == ""


# --- brute force -----------------------------------------------------------------------------------------------------


def orbit(system: AutonomousMap, state: Tensor, steps: int) -> Tensor:
    return system.iterate(state.unsqueeze(0), steps)[0]


SUPER = {
    "flip of Henon": (henon(0.3), [0.39, 0.117], (0.3, 0.45), "flip"),
    "delayed logistic": (delayed_logistic, [0.47, 0.47], (1.9, 2.1), "Neimark-Sacker"),
    "generalised Henon, R = -0.1": (generalised_henon(-0.1, 1.03), [-0.29, -0.29], (-0.49, -0.53), "Neimark-Sacker"),
    "generalised Henon, R = 0.1": (generalised_henon(0.1, 1.03), [0.29, 0.29], (0.66, 0.72), "Neimark-Sacker"),
}


@pytest.mark.parametrize("name", SUPER)
def test_criticality_is_what_happens(name: str) -> None:
    """Supercritical: just beyond the bifurcation a small kick stays small. Subcritical: it is thrown far away."""
    step, start, span, kind = SUPER[name]
    family = family_of(step, 2)
    branch = continue_fixed_point(family, start, span)
    (point,) = [point for point in branch.special_points if point.kind == kind]
    width = abs(span[1] - span[0])
    beyond = None
    for sign in (1.0, -1.0):
        p = point.parameter + sign * 0.1 * width
        (state,) = branch.near(p)
        roots = rd.find_fixed_points(family(p), state[None]).states
        root = roots[(roots - state).norm(dim=-1).argmin()]
        radius = float(torch.linalg.eigvals(jacobian(family(p), root)).abs().max())
        if radius > 1:
            beyond = p, root
    assert beyond is not None
    p, root = beyond
    end = orbit(family(p), root + 1e-3, 60_000 if "generalised" in name else 5_000)
    distance = float((end - root).norm())
    if point.criticality == "supercritical":
        assert 1e-4 < distance < 0.3
    else:
        assert point.criticality == "subcritical"
        assert not distance < 0.5
