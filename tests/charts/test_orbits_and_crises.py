"""Orbit diagrams and crises of the logistic map."""

import math

import pytest
import torch

import rnn_dynamics as rd
from rnn_dynamics.charts import Conduct, Watch


def logistic() -> rd.DrivenMap:
    return rd.as_map(lambda h, r: r * h * (1 - h), 1, 1)


def test_the_cascade_its_window_and_the_exponent_at_4() -> None:
    watch = Watch(steps=4000, max_steps=12_000)
    values = (2.9, 3.2, 3.5, 3.55, 3.835, 4.0)
    rows = [
        rd.orbit_diagram(
            logistic().input_family(0), [[0.3]], (value, value + 1e-12), resolution=2, samples=8, watch=watch
        )
        for value in values
    ]
    assert [int(row.periods[0, 0]) for row in rows] == [1, 2, 4, 8, 3, 0]
    assert rows[0].exponents[0, 0].item() == pytest.approx(math.log(abs(2 - 2.9)), abs=1e-9)
    assert rows[-1].exponents[0, 0].item() == pytest.approx(math.log(2), abs=4 * rows[-1].errors[0, 0].item())
    assert rows[-1].conducts[0, 0] == Conduct.CHAOTIC
    two = rows[1].samples[0, 0].unique()
    known = [(4.2 + sign * math.sqrt(4.2 * 0.2)) / 6.4 for sign in (-1, 1)]
    assert torch.allclose(torch.stack([two.min(), two.max()]), torch.tensor(known).double(), atol=1e-5)


def test_the_window_of_period_3_begins_at_1_plus_root_8() -> None:
    begin = 1 + math.sqrt(8)
    found = rd.orbit_diagram(logistic().input_family(0), [[0.3]], (begin - 2e-4, begin + 2e-4), resolution=2)
    assert found.periods.flatten().tolist() == [0, 3]
    changes = found.changes()
    assert list(changes["period_after"]) == [3]
    panels = rd.plot_orbit_diagram(found)
    assert len(panels) == 2
    assert len(panels[0].lines[0].get_xdata()) == 2 * 200


def test_starts_are_told_apart_by_more_than_colour() -> None:
    found = rd.orbit_diagram(logistic().input_family(0), [[0.3], [0.6]], (2.9, 3.1), resolution=4)
    orbits, exponents = rd.plot_orbit_diagram(found)
    legend = orbits.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["start 0", "start 1"]
    assert [line.get_linestyle() for line in exponents.lines[1:]] == ["-", "--"]


def test_the_boundary_crisis_at_4() -> None:
    crisis = rd.find_crisis(logistic().input_family(0), [0.3], (3.95, 4.05), steps=1000, max_rounds=25, max_period=1)
    assert crisis.kind == "boundary crisis"
    assert crisis.before <= crisis.beyond
    assert crisis.beyond == pytest.approx(4, abs=1e-7)
    assert crisis.beyond >= 4
    assert crisis.saddle is not None
    assert float(crisis.saddle) == pytest.approx(0, abs=1e-9)
    assert crisis.distance < 1e-3 < crisis.distance_first


def test_the_interior_crisis_of_the_window_of_period_3() -> None:
    """The images of the critical point fall on the unstable 3-cycle: f^6(1/2) = f^9(1/2)."""

    def gap(r: float) -> float:
        h, states = 0.5, []
        for _ in range(9):
            h = r * h * (1 - h)
            states.append(h)
        return states[8] - states[5]

    low, high = 3.8565, 3.857
    assert gap(low) * gap(high) < 0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if gap(middle) * gap(low) > 0 else (low, middle)
    crisis = rd.find_crisis(logistic().input_family(0), [0.5], (3.8555, 3.858), steps=1000, max_rounds=20, max_period=3)
    assert crisis.kind == "interior crisis"
    assert crisis.beyond == pytest.approx(low, abs=1e-6)
    assert crisis.saddle is not None
    assert len(crisis.saddle) == 3


def test_a_flip_is_no_crisis_and_neither_is_a_quiet_span() -> None:
    family = logistic().input_family(0)
    few = {"steps": 300, "max_rounds": 10, "max_period": 1, "orbits": 64}
    assert rd.find_crisis(family, [0.3], (2.9, 3.3), **few).kind == "none"
    quiet = rd.find_crisis(family, [0.3], (3.95, 3.950001), steps=2000, max_period=1, orbits=64)
    assert "no orbit was seen to leave" in quiet.summary()
    with pytest.raises(ValueError, match=r"start runs away at 4\.5"):
        rd.find_crisis(family, [0.3], (4.5, 4.0), **few)


def test_henons_attractor_vanishes_where_it_meets_its_other_fixed_point() -> None:
    """At a = 1.4269 (Grebogi, Ott and Yorke 1983): on the way there the attractor grows, which is no crisis."""

    def henon(h: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        return torch.stack([1 - a[..., 0] * h[..., 0] ** 2 + h[..., 1], 0.3 * h[..., 0]], dim=-1)

    family = rd.as_map(henon, 2, 1).input_family(0)
    crisis = rd.find_crisis(family, [0.1, 0.1], (1.424, 1.44), orbits=256, steps=512, max_period=1)
    assert crisis.kind == "boundary crisis"
    assert crisis.parameter == pytest.approx(1.4269, abs=2e-4)
    assert crisis.saddle is not None
    b, a = 0.3, crisis.before
    x = (-(1 - b) - math.sqrt((1 - b) ** 2 + 4 * a)) / (2 * a)
    assert crisis.saddle.flatten().tolist() == pytest.approx([x, b * x], abs=1e-6)
    assert crisis.exponent > 0.3


def test_the_exponent_is_that_of_the_attractor_at_its_crisis() -> None:
    """Some of the orbits leave while it is measured, as nothing was seen to leave in fewer steps."""
    crisis = rd.find_crisis(logistic().input_family(0), [0.3], (3.95, 4.05), orbits=256, steps=512, max_period=1)
    assert crisis.exponent == pytest.approx(math.log(2), abs=0.03)  # at 3.95 it is 0.574
