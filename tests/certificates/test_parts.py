"""What proofs are made of, each against an independent answer."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb, arb_mat
from problems.maps import held, normal
from torch import Tensor, nn
from torch.func import jacrev, vmap

import rnn_dynamics as rd
from rnn_dynamics.certificates.bounds import upper, uppers
from rnn_dynamics.certificates.capture import captured
from rnn_dynamics.certificates.distinctness import distinct
from rnn_dynamics.certificates.existence import Located, located
from rnn_dynamics.certificates.frames import Frame
from rnn_dynamics.certificates.growing import LARGEST, largest_radius
from rnn_dynamics.certificates.proofs import determinant_sign
from rnn_dynamics.certificates.spectra import proved_spectrum
from rnn_dynamics.enclosures import enclose, exact, precision

DOUBLE = torch.float64


def rational_sign(matrix: Tensor) -> int:
    """Of the determinant, by elimination in fractions."""
    rows = [[Fraction(x) for x in row] for row in matrix.tolist()]
    sign = 1
    for column in range(len(rows)):
        pivot = next((row for row in range(column, len(rows)) if rows[row][column]), None)
        if pivot is None:
            return 0
        if pivot != column:
            rows[column], rows[pivot] = rows[pivot], rows[column]
            sign = -sign
        sign = sign if rows[column][column] > 0 else -sign
        for row in range(column + 1, len(rows)):
            factor = rows[row][column] / rows[column][column]
            rows[row] = [x - factor * y for x, y in zip(rows[row], rows[column], strict=True)]
    return sign


@pytest.mark.parametrize("seed", range(40))
def test_signs_of_determinants_against_fractions(seed: int) -> None:
    n = 1 + seed % 7
    matrix = normal(n, n, seed=seed)
    assert determinant_sign(exact(matrix)) == rational_sign(matrix)


def test_a_singular_matrix_has_no_sign() -> None:
    matrix = normal(4, 4)
    matrix[3] = matrix[0]
    assert determinant_sign(exact(matrix)) == 0
    wide = exact(torch.eye(2)) + arb_mat(2, 2, [arb(0, 1.1)] * 4)
    assert determinant_sign(wide) == 0


def test_bounds_are_never_below() -> None:
    third = arb(1) / 3
    assert Fraction(upper(third)) > Fraction(1, 3)
    assert upper(-third) == upper(third)
    assert upper(arb.nan()) == math.inf
    assert upper(arb(0, math.inf)) == math.inf
    assert uppers(exact(torch.tensor([[1.0, -2.0]]))).tolist() == [math.nextafter(1.0, 2), math.nextafter(2.0, 3)]


@pytest.mark.parametrize(("norm", "largest"), [(lambda r: r / 3, 3.0), (lambda r: r * r, 1.0)])
def test_radii_come_near_to_the_largest(norm: Callable[[float], float], largest: float) -> None:
    for start in (1e-9, 1e-2, 1e3):
        found = largest_radius(norm, start)
        assert found is not None
        assert norm(found) < 1
        assert found <= largest
        assert found >= 0.7 * largest


def test_a_norm_that_does_not_rise_holds_to_the_end() -> None:
    assert largest_radius(lambda _: 0.5, 1.0) == LARGEST


def test_no_radius_where_none_holds() -> None:
    assert largest_radius(lambda _: 2.0, 1.0) is None
    assert largest_radius(lambda _: math.inf, 1.0) is None
    assert largest_radius(lambda r: 0.99 + r, 1.0, at_zero=0.99) == pytest.approx(0.01, rel=0.3)


# --- Eigenvalues


def blocks_of(values: list[complex]) -> Tensor:
    """With exactly these eigenvalues, complex ones with their conjugates."""
    blocks = []
    for value in map(complex, values):
        a, b = value.real, value.imag
        blocks.append(torch.tensor([[a, b], [-b, a]] if b else [[a]], dtype=DOUBLE))
    return torch.block_diag(*blocks)


def matrix_of(values: list[complex], seed: int) -> Tensor:
    """Real, with these real eigenvalues and complex ones with their conjugates."""
    diagonal = blocks_of(values)
    basis = normal(len(diagonal), len(diagonal), seed=seed)
    return basis @ diagonal @ torch.linalg.inv(basis)


@pytest.mark.parametrize(
    ("values", "stability", "outside"),
    [
        ([0.5, -0.3, 0.2 + 0.7j], "stable", 0),
        ([1.5, -0.3, 0.2 + 0.7j], "unstable", 1),
        ([1.5, -2.0, 0.2 + 1.7j], "unstable", 4),
        ([0.999999, 0.1], "stable", 0),
        ([1.000001, 0.1], "unstable", 1),
        ([0.5, 0.5, 0.5], "stable", 0),
        ([0.0, 0.0, 0.0, 2.0], "unstable", 1),
    ],
)
def test_spectra(values: list[complex], stability: str, outside: int) -> None:
    for seed in range(5):
        with precision(106):
            spectrum, _ = proved_spectrum(exact(matrix_of(values, seed)), 106)
        assert (spectrum.stability, spectrum.n_unstable) == (stability, outside)
        assert max(map(abs, values)) <= spectrum.radius + 1e-12
        assert spectrum.radius < max(map(abs, values)) + 1e-4
        assert spectrum.margin > 0


@pytest.mark.parametrize("value", [1.0, -1.0, 1j])
def test_an_eigenvalue_on_the_circle_is_undecided(value: complex) -> None:
    matrix = blocks_of([value, 0.5])
    matrix[:-1, -1] = 0.25
    with precision(106):
        spectrum, _ = proved_spectrum(exact(matrix), 106)
    assert spectrum.stability == "undecided"
    assert -1e-9 < spectrum.margin <= 0
    assert spectrum.n_unstable == -1


def test_wide_balls_are_undecided_and_say_by_how_much() -> None:
    with precision(106):
        matrix = exact(torch.diag(torch.tensor([0.9, 0.1]))) + arb_mat(2, 2, [arb(0, 0.15), 0, 0, 0])
        spectrum, _ = proved_spectrum(matrix, 106)
    assert spectrum.stability == "undecided"
    assert spectrum.margin == pytest.approx(-0.05, abs=1e-3)


def test_one_eigenvalue_outside_is_enough_while_others_are_open() -> None:
    with precision(106):
        matrix = exact(torch.diag(torch.tensor([3.0, 1.0, 0.1]))) + arb_mat(3, 3, [0, 0, 0, 0, arb(0, 0.1), 0, 0, 0, 0])
        spectrum, _ = proved_spectrum(matrix, 106)
    assert (spectrum.stability, spectrum.n_unstable) == ("unstable", -1)


@pytest.mark.parametrize("seed", range(6))
def test_norms_of_frames_hold_for_samples(seed: int) -> None:
    matrix = matrix_of([0.9, -0.4, 0.3 + 0.6j, 0.1 - 0.8j], seed)
    frame = Frame.of(exact(matrix))
    assert frame is not None
    sizes = torch.rand(len(frame.blocks), generator=torch.Generator().manual_seed(seed), dtype=DOUBLE) + 0.1
    scaled = frame.scaled(sizes)
    assert scaled is not None
    for each in (frame, scaled):
        bound = each.norm(exact(matrix) * each.back)[0]
        assert bound >= 0.9
        assert each is scaled or bound < 0.9 + 1e-9
        for x in normal(50, 6, seed=seed):
            assert each.length(exact(matrix @ x)) <= bound * each.length(exact(x)) * (1 + 1e-9)
            assert each.length(exact(x / x.abs().max())) <= each.inscribed(torch.ones(6, dtype=DOUBLE))


# --- Places


def test_distinct_boxes() -> None:
    orbits = [torch.tensor([[x]], dtype=DOUBLE) for x in (0.0, 1.0, 1.05, 2.0)]
    errors = [torch.full((1, 1), e, dtype=DOUBLE) for e in (0.01, 0.03, 0.03, math.inf)]
    assert distinct(orbits, errors).tolist() == [True, True, False, False]
    cycle = torch.tensor([[0.0], [1.0]], dtype=DOUBLE)
    little = torch.full((2, 1), 1e-6, dtype=DOUBLE)
    assert distinct([cycle, cycle.flip(0), orbits[0]], [little, little, errors[0]]).tolist() == [True, False, True]


@pytest.mark.parametrize("seed", range(5))
def test_states_of_a_ball_contract(seed: int) -> None:
    """Under F^k, in the norm of the ball, at random states of it: what ``captured`` proves of all."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        system = rd.as_map(nn.GRU(1, 6)).hold()
    map = enclose(system)
    units = torch.ones(6, dtype=DOUBLE)
    state = system.iterate(torch.zeros(1, 6, dtype=DOUBLE), 3000)
    place = located(map, state, units, 53)
    assert isinstance(place, Located)
    capture = captured(map, place, 1, 0.99, units, 53)
    assert capture is not None
    for ball in capture.balls:
        back = torch.tensor([[float(x.mid()) for x in row] for row in ball.frame.back.tolist()], dtype=DOUBLE)
        radii = torch.tensor([upper(x) for x in ball.frame.spread(ball.radius).entries()], dtype=DOUBLE)
        for y in normal(40, 6, seed=seed).clamp(-1, 1) * radii:
            away = back @ y
            if ball.holds(exact(away)):
                after = system((state[0] + away).unsqueeze(0))[0] - system(state)[0]
                assert ball.frame.length(exact(after)) <= ball.frame.length(exact(away)) * (1 + 1e-9)


def test_slopes_along_directions_hold_those_of_samples() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = rd.as_map(nn.LSTM(1, 3)).hold()
    map, n = enclose(system), system.state_size
    directions, center = normal(n, n, seed=2), normal(n, seed=1)
    spread = 0.3
    box = arb_mat(n, 1, [arb(0, spread)] * n)
    slopes, _ = map.slopes_along(exact(center), exact(directions), box)
    wide = map.linearize(exact(center) + exact(directions) * box)[1] * exact(directions)
    offsets = spread * (2 * torch.rand(100, n, generator=torch.Generator().manual_seed(3), dtype=DOUBLE) - 1)
    states = center + offsets @ directions.T
    samples = vmap(jacrev(lambda h: system(h.unsqueeze(0))[0]))(states) @ directions
    for sample in samples:
        assert all(
            entry.overlaps(arb(x, 1e-12)) for entry, x in zip(slopes.entries(), sample.flatten().tolist(), strict=True)
        )
    assert float(uppers(slopes - slopes.mid()).sum()) < 0.8 * float(uppers(wide - wide.mid()).sum())


def test_a_scalar_map_is_located_at_every_precision() -> None:
    map = enclose(held(lambda h: torch.cos(h), 1))
    for bits in (53, 106, 212):
        place = located(map, torch.tensor([[0.7]], dtype=DOUBLE), torch.ones(1, dtype=DOUBLE), bits)
        assert isinstance(place, Located)
        assert abs(float(place.states) - 0.7390851332151607) <= 2e-16
        assert float(place.radii) <= np.spacing(0.74)
        assert place.radius > 1
