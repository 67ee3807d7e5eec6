"""Bifurcation diagrams of families whose fixed points are lines and rings, and of maps with a declared box."""

import matplotlib.pyplot as plt
import pytest
import torch
from problems.bifurcations import plainly
from problems.maps import normal
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import BifurcationDiagram, bifurcation_diagram
from rnn_dynamics.plotting import plot_diagram

DOUBLE = torch.float64


def rings(h: Tensor, a: float) -> Tensor:
    """Polar: r' = r (1 + (a - r^2) / 2): a ring of radius sqrt(a) for a > 0, with 1 - a across it."""
    return h * (1 + 0.5 * (a - h.square().sum(dim=-1, keepdim=True)))


def epidemic(h: Tensor, b: float) -> Tensor:
    """Susceptibles and infected who recover for good: fixed where there are no infected, 1 + b S - 0.2 across."""
    s, i = h[..., :1], h[..., 1:]
    return torch.cat([s - b * s * i, i + b * s * i - 0.2 * i], dim=-1)


def returning(h: Tensor, b: float) -> Tensor:
    """Susceptibles and infected who become susceptible again: lines at I = 0 and at S = 0.2 / b."""
    s, i = h[..., :1], h[..., 1:]
    return torch.cat([s - b * s * i + 0.2 * i, i + b * s * i - 0.2 * i], dim=-1)


@pytest.fixture(scope="module")
def ring_diagram() -> BifurcationDiagram:
    return bifurcation_diagram(plainly(rings, 2), normal(16, 2), (-1.0, 3.0), searches=9, sections=0)


def test_a_ring_is_born_and_loses_its_stability(ring_diagram: BifurcationDiagram) -> None:
    (ring,) = ring_diagram.continua
    assert ring.shapes == ("ring",)
    assert ring.range == pytest.approx((0, 3), abs=4e-6)
    assert ring.ends == ("point", "span")
    (change,) = ring.changes
    assert change.parameter == pytest.approx(2, abs=4e-6)
    assert (change.before, change.after) == ("attracting", "not attracting")
    for a, continuum in zip(ring.parameters.tolist(), ring.continua, strict=True):
        assert (continuum.states.norm(dim=-1) - a**0.5).abs().max() < 1e-9
        assert (continuum.transverse - abs(1 - a)).abs().max() < 1e-9
    table = ring.to_pandas()
    assert table["extent"].to_numpy()[-1] == pytest.approx(2 * 3**0.5, rel=0.03)
    # The origin is the one branch; it does not multiply where the ring leaves it.
    assert len(ring_diagram) == 1
    assert ring_diagram.counts.tolist() == [1, 1]
    assert not ring_diagram.missing


def test_a_diagram_says_and_draws_its_continua(ring_diagram: BifurcationDiagram, tmp_path) -> None:
    assert "a ring of fixed points" in ring_diagram.summary()
    assert "it shrinks to a point" in repr(ring_diagram)
    assert "not where fixed points form a continuum" in ring_diagram.verdict
    again = rd.load(rd.save(ring_diagram, tmp_path / "rings.safetensors"))
    assert repr(again) == repr(ring_diagram)
    (ax,) = plot_diagram(ring_diagram, observable=0)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"continuum of fixed points", "continuum of fixed points, attracting"} <= set(labels)
    reach = max(float(band.get_paths()[0].vertices[:, 1].max()) for band in ax.collections if band.get_paths())
    assert reach == pytest.approx(3**0.5, rel=0.02)
    plt.close(ax.figure)


@pytest.mark.parametrize("k", [16, 128])
def test_states_without_infected_are_one_line_at_every_rate(k: int) -> None:
    found = bifurcation_diagram(plainly(epidemic, 2), normal(k, 2).abs(), (0.1, 0.9), searches=5, sections=0)
    assert len(found) == 0
    (line,) = found.continua
    assert line.range == (0.1, 0.9)
    assert line.ends == ("span", "span")
    assert line.shapes == ("line",)
    for b, continuum in zip(line.parameters.tolist(), line.continua, strict=True):
        assert continuum.states[:, 1].abs().max() < 1e-9
        assert (continuum.transverse - (0.8 + b * continuum.states[:, 0]).abs()).abs().max() < 1e-9
    assert "The index sum does not apply" in found.verdict
    ax = plot_diagram(found)[0]
    assert len(ax.collections) == 1
    plt.close(ax.figure)


def test_two_lines_that_cross_stay_two_over_the_span() -> None:
    found = bifurcation_diagram(plainly(returning, 2), normal(16, 2).abs(), (0.2, 0.8), searches=4, sections=0)
    assert len(found) == 0
    assert len(found.continua) == 2
    for branch in found.continua:
        assert branch.range == (0.2, 0.8)
    moving = max(found.continua, key=lambda branch: float(branch.continua[0].states[:, 1].std()))
    for b, continuum in zip(moving.parameters.tolist(), moving.continua, strict=True):
        assert (continuum.states[:, 0] - 0.2 / b).abs().max() < 1e-9


def test_the_work_is_bounded_and_says_so() -> None:
    # tanh(p h) in 3 dimensions has 27 fixed points at p = 2.
    family = plainly(lambda h, p: torch.tanh(p * h), 3, box=(-1, 1))
    found = bifurcation_diagram(family, normal(64, 3), (1.5, 2.5), searches=1, sections=0, max_branches=5)
    assert len(found) == 5
    assert found.limited
    assert "max_branches" in found.verdict


def test_a_declared_box_is_used() -> None:
    family = plainly(lambda h, p: torch.tanh(p * h), 1, box=(-1, 1))
    found = bifurcation_diagram(family, normal(16, 1), (0.5, 2.0), searches=5, sections=0)
    assert found.expected_index == 1
    assert "declared" in found.index_reason
    assert found.verdict.startswith("The indices in the declared box sum to 1")
    # Without one of its arms (both are one branch) a sum of 1 is not met.
    none = bifurcation_diagram(
        plainly(lambda h, p: torch.tanh(p * h), 1), normal(16, 1), (0.5, 2.0), searches=5, sections=0
    )
    assert none.expected_index is None
    assert "no box was declared" in none.verdict


def test_fixed_points_outside_a_declared_box_do_not_count() -> None:
    """X' = p x + x^3: 0 alone is in the box, +-sqrt(1 - p) are outside."""
    family = plainly(lambda h, p: p * h + h**3, 1, box=(-0.5, 0.5))
    found = bifurcation_diagram(family, 2 * normal(32, 1), (0.1, 0.6), searches=5, sections=0)
    assert len(found) == 3
    assert found.index_sums.tolist() == [1]
    assert not found.missing


def test_a_fixed_point_on_the_wall_of_the_box_switches_the_sum_off() -> None:
    family = plainly(lambda x, r: r * x * (1 - x), 1, box=(0, 1))
    starts = torch.rand(32, 1, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    found = bifurcation_diagram(family, starts, (2.2, 2.8), searches=3, sections=0)
    assert not found.missing
    assert "wall of the declared box" in found.verdict
