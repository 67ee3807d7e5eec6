"""Stable and unstable manifolds against closed forms and Henon's map."""

import doors
import pytest
import torch
from problems.maps import held

import rnn_dynamics as rd

DOUBLE = torch.float64
GROWTH = torch.tensor([[2.0, 0.0], [0.0, 0.5]], dtype=DOUBLE)


def linear(h: torch.Tensor) -> torch.Tensor:
    return h @ GROWTH.to(h)


def bent(h: torch.Tensor) -> torch.Tensor:
    """The unstable manifold of 0 is y = x^2 / 3.5: 4 c x^2 = 0.5 c x^2 + x^2."""
    return torch.stack([2 * h[..., 0], 0.5 * h[..., 1] + h[..., 0] ** 2], dim=-1)


def uncoupled(h: torch.Tensor) -> torch.Tensor:
    return torch.tanh(2 * h)


@pytest.mark.parametrize(("stable", "axis"), [(False, 0), (True, 1)])
def test_of_a_linear_saddle_they_are_its_lines(stable: bool, axis: int) -> None:
    found = rd.invariant_manifold(held(linear, 2), [0.0, 0.0], stable=stable, length=3.0, spacing=0.1)
    for branch, side in zip(found.states, found.sides.tolist(), strict=True):
        assert float(branch[:, 1 - axis].abs().max()) < 1e-12
        assert side * float(branch[-1, axis]) == pytest.approx(3.0, abs=0.1)
        assert float((branch[1:] - branch[:-1]).norm(dim=-1).max()) <= 0.1 + 1e-12
    assert found.ends == ("length", "length")


def test_a_parabola_is_met_to_the_tolerance() -> None:
    found = rd.invariant_manifold(held(bent, 2), [0.0, 0.0], length=5.0)
    for branch in found.states:
        assert float((branch[:, 1] - branch[:, 0] ** 2 / 3.5).abs().max()) < 1e-9
    x = torch.linspace(-1.5, 1.5, 301, dtype=DOUBLE)
    curve = torch.stack([x, x**2 / 3.5], dim=-1)
    assert float(found.distances(curve).max()) <= float(found.errors.max()) * 1.5


def test_of_uncoupled_units_they_are_coordinate_lines_that_come_to_rest() -> None:
    system = held(uncoupled, 2, box=1.0)
    edge = 0.9575040240772688  # tanh(2 h) = h
    unstable = rd.invariant_manifold(system, [edge, 0.0])
    assert unstable.ends == ("rest", "rest")
    for branch, side in zip(unstable.states, unstable.sides.tolist(), strict=True):
        assert float((branch[:, 0] - edge).abs().max()) < 1e-9
        assert float(branch[-1, 1]) == pytest.approx(side * edge, abs=1e-4)
    stable = rd.invariant_manifold(system, [edge, 0.0], stable=True, length=3.0)
    assert all(float(branch[:, 1].abs().max()) < 1e-9 for branch in stable.states)
    assert "no preimage" in stable.ends  # at h = 1, which is no tanh


def test_both_sides_of_a_flip_go_on() -> None:
    found = rd.invariant_manifold(held(lambda h: torch.stack([-2 * h[..., 0], 0.5 * h[..., 1]], -1), 2), [0.0, 0.0])
    assert found.eigenvalue.real == pytest.approx(-2.0)
    assert [float(branch[-1, 0].sign()) for branch in found.states] == found.sides.tolist()


def test_a_cycle_has_branches_at_each_phase() -> None:
    """X' = -x^3 has the unstable cycle 1, -1 with the multiplier 9; y shrinks."""
    cube = held(lambda h: torch.stack([-(h[..., 0] ** 3), 0.5 * h[..., 1]], -1), 2)
    found = rd.invariant_manifold(cube, [1.0, 0.0], period=2, length=2.0)
    assert found.phases.tolist() == [0, 0, 1, 1]
    assert found.eigenvalue.real == pytest.approx(9.0)
    ends = sorted(round(float(branch[-1, 0]), 3) for branch in found.states)
    assert ends[1:3] == [0.0, 0.0]  # inwards to the sink
    assert ends[0] < -2.9
    assert ends[3] > 2.9


class TestHenon:
    system = doors.henon(1.4)

    def test_the_image_of_the_unstable_manifold_lies_on_it(self) -> None:
        found = rd.invariant_manifold(self.system, doors.HENON_SADDLE, length=20.0)
        inner = torch.cat([branch[along < 8] for branch, along in zip(found.states, found.arclengths, strict=True)])
        assert float(found.distances(self.system(inner)).max()) <= 2 * float(found.errors.max())
        assert float(found.errors.max()) < 1e-3

    def test_the_attractor_lies_along_it(self) -> None:
        found = rd.invariant_manifold(self.system, doors.HENON_SADDLE, length=30.0)
        orbit = [self.system.iterate(torch.zeros(1, 2, dtype=DOUBLE), 1000)]
        for _ in range(500):
            orbit.append(self.system(orbit[-1]))
        assert float(found.distances(torch.cat(orbit)).max()) < 2e-3

    def test_the_image_of_the_stable_manifold_lies_on_it(self) -> None:
        found = rd.invariant_manifold(self.system, doors.HENON_SADDLE, stable=True, length=8.0)
        assert float(found.distances(self.system(torch.cat(found.states))).max()) <= 2 * float(found.errors.max())


def test_what_is_no_saddle_of_one_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="saddle must be near a fixed point of F\\^1, got a state that F\\^1 moves by"):
        rd.invariant_manifold(held(linear, 2), [1.0, 1.0])
    with pytest.raises(ValueError, match="saddle must have one unstable direction, got 2: use invariant_surface"):
        rd.invariant_manifold(held(uncoupled, 2), [0.0, 0.0])
    with pytest.raises(ValueError, match="saddle must be hyperbolic"):
        rd.invariant_manifold(held(lambda h: torch.stack([h[..., 0], 2 * h[..., 1]], -1), 2), [0.0, 0.0])


def test_a_surface_over_a_plane_is_met_and_one_that_rests_fills_its_square() -> None:
    def turned(h: torch.Tensor) -> torch.Tensor:
        x, y, z = h.unbind(-1)
        return torch.stack([1.3 * x - 0.8 * y, 0.8 * x + 1.3 * y, 0.5 * z + x**2 + y**2], dim=-1)

    found = rd.invariant_surface(held(turned, 3), [0.0, 0.0, 0.0], spacing=0.3)
    height = found.states[:, :2].square().sum(dim=-1) / (1.3**2 + 0.8**2 - 0.5)
    assert found.end == "reach"
    assert float((found.states[:, 2] - height).abs().max()) < 1e-6
    square = rd.invariant_surface(held(uncoupled, 2), [0.0, 0.0])
    assert square.end == "rest"
    assert square.area == pytest.approx((2 * 0.9575040240772688) ** 2, rel=2e-3)
