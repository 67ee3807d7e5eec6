"""Every problem with a known answer is proved, and the answer, in 60 digits, lies in the enclosure."""

from collections.abc import Callable, Sequence

import pytest
import torch
from mpmath import mp, mpf
from problems.attractors import piecewise
from problems.maps import held
from problems.roots import ALL, Problem, henon, match, uncoupled
from torch import Tensor

import rnn_dynamics as rd

Numbers = Sequence[mpf]


def proof_of(problem: Problem) -> rd.Certificates:
    points = rd.find_fixed_points(problem.system, problem.starts(), extra_starts=1024)
    assert len(points) == len(problem.points)
    return rd.certify(problem.system, points)


def contains(proof: rd.Certificates, row: int, value: Numbers, phase: int = 0) -> bool:
    """Whether a point in 60 digits lies in the box of a row."""
    center, error = proof.orbits[row][phase].tolist(), proof.errors[row][phase].tolist()
    with mp.workdps(60):
        return all(abs(x - mpf(c)) <= mpf(e) for x, c, e in zip(value, center, error, strict=True))


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.name)
def test_every_fixed_point_is_proved(problem: Problem) -> None:
    proof = proof_of(problem)
    assert proof.proved.all()
    assert proof.distinct.all()
    assert proof.count == len(problem.points)
    row_of, _ = match(proof.states, problem.points)
    assert ((proof.states[row_of] - problem.points).abs() <= problem.accuracy).all()
    assert proof.enclosure_radii.max() < 1e-14
    assert (proof.radii > 1e-4).all()
    assert proof.index_sum is not None
    if problem.radii is not None:
        assert torch.allclose(proof.spectral_radii[row_of], problem.radii, atol=1e-5, rtol=1e-6)
        assert (proof.spectral_radii[row_of] >= problem.radii - 1e-5).all()
    stable = [word == "stable" for word in proof.stability]
    assert stable == (proof.spectral_radii < 1).tolist()
    assert (proof.capture_radii > 0).tolist() == stable
    if problem.box is not None:
        assert proof.index_sum == 1
        assert not proof.missing
        assert proof.continuous


def newton(step: Callable[[Numbers], Numbers], point: Tensor) -> Numbers:
    """A fixed point in 60 digits, by an independent method from a start in floats."""
    with mp.workdps(60):
        root = mp.findroot(
            lambda *h: [after - before for after, before in zip(step(h), h, strict=True)],
            [mpf(x) for x in point.tolist()],
            tol=mpf(10) ** -100,
        )
        return list(root)


def tanh_of(weight: Tensor) -> Callable[[Numbers], Numbers]:
    rows = weight.tolist()
    return lambda h: [mp.tanh(sum(mpf(w) * x for w, x in zip(row, h, strict=True))) for row in rows]


CLOSED = {problem.name: problem for problem in ALL}


@pytest.mark.parametrize("r", [0.5, 2.5, 3.5, 4.0])
def test_the_logistic_map_in_closed_form(r: float) -> None:
    proof = proof_of(CLOSED[f"logistic r = {r}"])
    with mp.workdps(60):
        values = [[mpf(0)], [1 - 1 / mpf(r)]]
    assert all(any(contains(proof, row, value) for row in range(2)) for value in values)


def test_the_henon_map_in_closed_form() -> None:
    proof = proof_of(CLOSED["Henon"])
    with mp.workdps(60):
        a, b = mpf(1.4), mpf(0.3)
        roots = [((b - 1) + sign * mp.sqrt((1 - b) ** 2 + 4 * a)) / (2 * a) for sign in (1, -1)]
        values = [[x, b * x] for x in roots]
    assert all(any(contains(proof, row, value) for row in range(2)) for value in values)


@pytest.mark.parametrize("name", ["linear 1, rho 0.5", "linear 4, rho 0.9", "linear 30, rho 0.99", "linear 5, rho 1.7"])
def test_linear_maps_in_closed_form(name: str) -> None:
    problem = CLOSED[name]
    proof, n = proof_of(problem), problem.points.shape[1]
    zero = torch.zeros(n, dtype=torch.float64)
    offset = problem.step(zero)
    # The products with unit vectors are exact, and so is the difference's weight up to its rounding, which is undone.
    weight = torch.stack([problem.step(unit) for unit in torch.eye(n, dtype=torch.float64)], dim=1) - offset[:, None]
    with mp.workdps(60):
        matrix = mp.eye(n) - mp.matrix(weight.tolist())
        value = list(mp.lu_solve(matrix, mp.matrix(offset.tolist())))
    # A rebuilt from rounded sums is known to 1e-16: the enclosure must be met up to what that moves the point.
    center, error = proof.states[0], proof.errors[0][0]
    moved = 1e-14 / (1 - min(0.99, float(problem.radii[0]))) if problem.radii is not None else 0.0
    assert all(abs(float(x) - c) <= e + moved for x, c, e in zip(value, center.tolist(), error.tolist(), strict=True))


@pytest.mark.parametrize("gain", [2.0, 1.2])
def test_uncoupled_tanh_in_60_digits(gain: float) -> None:
    problem = uncoupled(3, gain)
    proof = proof_of(problem)
    (root,) = newton(lambda h: [mp.tanh(mpf(gain) * x) for x in h], problem.points.max().reshape(1))
    for row, state in enumerate(proof.states):
        value = [root * (1 if x > 0.1 else -1 if x < -0.1 else 0) for x in state.tolist()]
        assert contains(proof, row, value)


@pytest.mark.parametrize(
    ("name", "w", "b"),
    [(f"tanh({w} x + {b})", w, b) for w, b in [(2.0, 0.0), (2.0, 0.5), (2.0, 0.54), (-1.5, 0.2), (5.0, -0.3)]],
)
def test_biased_tanh_in_60_digits(name: str, w: float, b: float) -> None:
    proof = proof_of(CLOSED[name])
    for row, state in enumerate(proof.states):
        assert contains(proof, row, newton(lambda h: [mp.tanh(mpf(w) * h[0] + mpf(b))], state))


@pytest.mark.parametrize("name", ["roll", "two-unit A", "two-unit B"])
def test_tanh_networks_in_60_digits(name: str) -> None:
    problem = CLOSED[name]
    weights = {
        "roll": [[1.0, -1.0], [-1.0, 1.0]],
        "two-unit A": [[1.24980837, -0.01702046], [0.16869383, 1.23345761]],
        "two-unit B": [[1.3216786, -0.06273015], [0.15134484, 1.19697091]],
    }
    weight = torch.tensor(weights[name], dtype=torch.float64)
    assert torch.equal(problem.step(torch.eye(2).double()), torch.tanh(weight.T))
    proof = proof_of(problem)
    for row, state in enumerate(proof.states):
        assert contains(proof, row, newton(tanh_of(weight), state))


def test_the_piecewise_linear_map_in_closed_form() -> None:
    problem = CLOSED["piecewise linear, a = -0.0222311"]
    proof = proof_of(problem)
    with mp.workdps(60):
        a, d, w2 = mpf(-0.0222311), mpf(0.96461297), mpf(0.52505308)
        x = mpf(0.37298253) / (1 - a)  # its second coordinate is below 0, where the rectifier gives nothing
        value = [x, (w2 * x + mpf(-0.97931491)) / (1 - d)]
    assert contains(proof, 0, value)


# --- Cycles


@pytest.mark.parametrize(("period", "cycles"), [(2, 1), (4, 1), (6, 2), (7, 4), (8, 7)])
def test_henon_cycles_up_to_8_are_proved(period: int, cycles: int) -> None:
    unit = torch.rand(2000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = rd.find_cycles(held(henon, 2), period, (2 * unit - 1) * torch.tensor([1.5, 0.45]))
    proof = rd.certify(held(henon, 2), found)
    assert proof.proved.all()
    assert proof.count == cycles
    assert proof.periods.tolist() == [period] * cycles
    assert set(proof.stability) == {"unstable"}
    assert proof.n_unstable.tolist() == found.n_unstable.tolist()
    moduli = found.multipliers[:, 0].abs()
    assert torch.allclose(proof.spectral_radii, moduli, rtol=1e-5)
    real = found.multipliers.imag.abs().amax(dim=1) == 0
    above = (found.multipliers.real > 1).sum(dim=1)
    assert proof.indices[real].tolist() == (1 - 2 * (above[real] % 2)).tolist()
    # Area is shrunk by exactly b a step: an independent statement about the proved states.
    for orbit in proof.orbits:
        assert torch.allclose(held(henon, 2)(orbit), orbit.roll(-1, dims=0), atol=1e-13)
    if period == 2:
        with mp.workdps(60):
            a, b = mpf(1.4), mpf(0.3)
            root = mp.sqrt(4 * a - 3 * (1 - b) ** 2)
            x, y = [((1 - b) + sign * root) / (2 * a) for sign in (1, -1)]
        phases = [[x, b * y], [y, b * x]]
        first = min((0, 1), key=lambda k: abs(float(phases[k][0]) - float(proof.orbits[0][0, 0])))
        assert contains(proof, 0, phases[first], 0)
        assert contains(proof, 0, phases[1 - first], 1)


def test_the_27_cycles_of_a_piecewise_linear_map_are_proved() -> None:
    starts = 6 * torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) - 3
    system = held(piecewise(0.9777689, -0.14375, 0.52505308), 2)
    proof = rd.certify(system, rd.find_cycles(system, 27, starts))
    assert proof.proved.tolist() == [True, True]
    assert proof.count == 2
    assert proof.stability == ("stable", "unstable")
    assert proof.spectral_radii.tolist() == pytest.approx([0.6932, 1.1320], abs=1e-3)
    assert proof.capture_radii[0] > 0
