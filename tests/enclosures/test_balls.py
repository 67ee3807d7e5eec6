"""Matrices of balls, and what tensors tell of them."""

import math

import flint
import pytest
import torch
from flint import arb, arb_mat

from rnn_dynamics.enclosures import (
    ball,
    contains,
    exact,
    hull,
    intersection,
    is_finite,
    midpoints,
    overlaps,
    precision,
    radii,
)

DOUBLE = torch.float64


def test_floats_are_taken_as_the_dyadic_numbers_that_they_are() -> None:
    numbers = torch.tensor([[0.1, -3.0], [1e-300, 2.0**-60]], dtype=DOUBLE)
    with precision(10):  # far less than a float has
        matrix = exact(numbers)
    assert all(entry.is_exact() for entry in matrix.entries())
    for entry, number in zip(matrix.entries(), numbers.flatten().tolist(), strict=True):
        numerator, denominator = number.as_integer_ratio()
        assert entry * denominator == arb(numerator)
    assert torch.equal(midpoints(matrix), numbers)
    assert torch.equal(radii(matrix), torch.zeros_like(numbers))
    assert exact(torch.tensor([2**53 + 1]))[0, 0] == arb(2**53 + 1)  # which no float is
    assert exact(torch.tensor([0.1]))[0, 0] == arb(float(torch.tensor(0.1)))
    assert (exact(torch.ones(3)).nrows(), exact(torch.ones(3)).ncols()) == (3, 1)


def test_radii_reach_from_the_rounded_midpoint_to_all_of_the_ball() -> None:
    with precision(200):
        third = arb_mat(1, 1, [arb(1) / 3])
        wide = arb_mat(1, 1, [arb(1) / 3 + arb(0, 1e-3)])
    for matrix in (third, wide):
        middle, reach = float(midpoints(matrix)), float(radii(matrix))
        assert arb(middle, reach).contains(matrix[0, 0])
        assert reach > 0
    assert float(radii(third)) < 1e-16
    unknown = arb_mat(1, 2, [arb(0, math.inf), arb("nan")])
    assert midpoints(unknown).isnan().all()
    assert (radii(unknown) == math.inf).all()
    assert not is_finite(unknown)
    assert is_finite(third)


def test_balls_are_never_narrower_than_asked_for() -> None:
    middles, reach = torch.randn(3, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(0)), 1e-7
    box = ball(middles, torch.full_like(middles, reach))
    assert box.contains(exact(middles + reach * 0.999))
    assert torch.equal(midpoints(box), middles)
    assert (radii(box) >= reach).all()
    assert ball(middles[:, 0], 0.5).ncols() == 1
    with pytest.raises(ValueError, match=r"radii must have the shape \[3, 2\] of midpoints, got \[2\]"):
        ball(middles, torch.zeros(2))
    with pytest.raises(ValueError, match="radii must not be negative"):
        ball(middles, -1.0)
    with pytest.raises(ValueError, match=r"midpoints must have shape \[r, c\] or \[r\], got \[2, 2, 2\]"):
        ball(torch.zeros(2, 2, 2), 0.1)


def test_boxes_are_compared_and_joined() -> None:
    middles = torch.tensor([0.0, 1.0], dtype=DOUBLE)
    box, inner, beside = ball(middles, 0.5), ball(middles, 0.1), ball(middles + torch.tensor([0.0, 2.0]), 0.5)
    touching = ball(middles, 0.25)
    assert contains(box, inner)
    assert not contains(inner, box)
    assert contains(box, touching)
    assert not contains(touching, touching)  # strictly
    assert not contains(box, arb_mat(2, 1, [arb(0), arb("nan")]))
    assert overlaps(box, inner)
    assert not overlaps(box, beside)  # one coordinate is enough
    assert intersection(box, beside) is None
    both = intersection(box, ball(middles + 0.4, 0.2))
    assert both is not None
    assert contains(ball(middles + 0.35, 0.16), both)
    assert hull(box, beside).contains(box)
    assert hull(box, beside).contains(beside)
    with pytest.raises(ValueError, match=r"one shape, got \[2, 1\] and \[1, 1\]"):
        hull(box, exact(torch.zeros(1)))


def test_the_precision_is_put_back() -> None:
    before = flint.ctx.prec

    def fail() -> None:
        with precision(212):
            assert flint.ctx.prec == 212
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert flint.ctx.prec == before
