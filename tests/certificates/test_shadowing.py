"""Long orbits enclosed: beside closed forms and beside exact arithmetic."""

import pytest
import torch
from flint import arb, arb_mat
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.certificates.frames import Frame
from rnn_dynamics.certificates.ground import Ground
from rnn_dynamics.certificates.intervals import Intervals, product
from rnn_dynamics.certificates.obstacles import Passage
from rnn_dynamics.certificates.shadowing import shadowed
from rnn_dynamics.enclosures import exact, midpoints, precision, radii

pytestmark = pytest.mark.usefixtures("seeded")

GROWTH = 1 + 2.0**-9
"""Of Beverton and Holt's h' = R h / (1 + (R - 1) h): h_t = h_0 / (h_0 + (1 - h_0) R^-t), and 1 attracts by 1 / R."""


def slow() -> rd.AutonomousMap:
    return rd.as_map(lambda h, _: GROWTH * h / (1 + (GROWTH - 1) * h), 1, 0, box=([0.0], [2.0])).hold()


def after(start: float, steps: int) -> arb:
    with precision(400):
        return arb(start) / (start + (1 - arb(start)) / arb(GROWTH) ** steps)


def frame_at(system: rd.AutonomousMap, state: Tensor) -> Frame:
    frame = Frame.of(exact(system.jacobian(state.unsqueeze(0))[0]))
    assert frame is not None
    return frame


def end_of(system: rd.AutonomousMap, state: Tensor, start: Tensor, steps: int, most_bits: int = 4000) -> arb_mat | None:
    ground = Ground.of(system, ())
    assert ground.map is not None
    assert ground.evaluation is not None
    return shadowed(ground.map, ground.run, ground.evaluation, frame_at(system, state), start, steps, most_bits)


@pytest.mark.parametrize("start", [0.01, 0.5, 1.5])
@pytest.mark.parametrize("steps", [1, 300, 2000])
def test_beside_a_closed_form(start: float, steps: int) -> None:
    end = end_of(slow(), torch.ones(1).double(), torch.tensor([start], dtype=torch.float64), steps)
    assert end is not None
    assert end[0, 0].overlaps(after(start, steps))
    assert end[0, 0].contains(after(start, steps).mid())
    assert float(radii(end)) < 1e-12


def turning(n: int = 4) -> tuple[rd.AutonomousMap, Tensor]:
    """A GRU that turns on its slow way to its fixed point; and that."""
    module = nn.GRU(1, n).double()
    with torch.no_grad():
        module.weight_hh_l0 *= 2.0
        module.bias_ih_l0[n : 2 * n] = 2.0
    system = rd.as_map(module).hold()
    found = rd.find_attractors(system, torch.randn(8, n, dtype=torch.float64), progress=False)
    return system, found.states[0].double()


def test_beside_an_orbit_of_many_digits() -> None:
    system, state = turning()
    map = Ground.of(system, ()).map
    assert map is not None
    start = torch.randn(4, dtype=torch.float64)
    box = exact(start)
    for _ in range(250):
        box = map.value(box, 2000)
    end = end_of(system, state, start, 250)
    assert end is not None
    with precision(2000):
        assert all(own.contains(other.mid()) for own, other in zip(end.entries(), box.entries(), strict=True))
    assert float(radii(end).max()) < 1e-12


def test_what_takes_too_many_bits_is_not_said() -> None:
    """An orbit of a chaotic parabola: an error doubles or so in every step."""
    chaos = rd.as_map(lambda h, _: 1 - 1.9 * h * h, 1, 0).hold()
    start = torch.tensor([0.3]).double()
    assert end_of(chaos, torch.tensor([0.5]).double(), start, 300, most_bits=200) is None


def test_norms_are_those_of_one_matrix() -> None:
    matrix = torch.randn(5, 5, dtype=torch.float64)
    frame = Frame.of(exact(matrix))
    assert frame is not None
    assert 2 in map(len, frame.blocks)
    others = torch.randn(7, 5, 5, dtype=torch.float64)
    back = midpoints(frame.back)
    moved = product("kij,jl->kil", Intervals.exactly(others), Intervals.exactly(back), 5)
    many = frame.norms(moved)
    for other, bound in zip(others, many, strict=True):
        one, _ = frame.norm(exact(other) * frame.back)
        assert float(bound) == pytest.approx(one, rel=1e-9)
    # Of the very matrix whose frame it is, the spectral radius.
    own = frame.norms(product("kij,jl->kil", Intervals.exactly(matrix[None]), Intervals.exactly(back), 5))
    assert float(own) == pytest.approx(float(torch.linalg.eigvals(matrix).abs().max()), rel=1e-9)


def test_reach_bounds_the_coordinates_of_a_ball() -> None:
    frame = Frame.of(exact(torch.randn(5, 5, dtype=torch.float64)))
    assert frame is not None
    for _ in range(200):
        x = torch.randn(5, 1, dtype=torch.float64)
        x /= frame.length(exact(x))
        assert (x.abs().squeeze(1) <= torch.tensor(frame.reach)).all()


def test_slow_starts_are_proved_to_arrive() -> None:
    system = slow()
    found = rd.find_attractors(system, torch.tensor([[0.5]]), progress=False)
    starts = torch.tensor([[0.01], [0.5], [1.9]])
    proof = rd.certify(system, found, starts, progress=False)
    assert isinstance(proof, rd.Certificates)
    assert proof.reached.tolist() == [0, 0, 0]
    assert proof.steps.min() > 400
    assert proof.steps.max() > 2500
    assert proof.check().reached.tolist() == [0, 0, 0]


def test_too_few_steps_are_a_reason() -> None:
    system = slow()
    found = rd.find_attractors(system, torch.tensor([[0.5]]), progress=False)
    proof = rd.certify(system, found, torch.tensor([[0.01]]), steps=100, progress=False)
    assert proof.passages.tolist() == [Passage.NOT_CAPTURED]
