"""Directions of task variables, against states that were made from known ones."""

from typing import Any

import numpy as np
import pytest
import torch
from problems.maps import normal
from torch import Tensor

import rnn_dynamics as rd

DOUBLE = torch.float64
TRIALS = 40


def made() -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """States [40, 5, 6] that move along a with "choice", most at time 3, and along b with "context", most at 1."""
    a, b = normal(2, 6, seed=1).double()
    choice, context = normal(2, TRIALS, seed=2).double()
    rise, fall = torch.tensor([0.0, 1, 2, 4, 3]).double(), torch.tensor([1.0, 3, 2, 1, 0]).double()
    along = torch.einsum("k,t,n->ktn", choice, rise, a) + torch.einsum("k,t,n->ktn", context, fall, b)
    return along + normal(5, 6, seed=3).double(), {"choice": choice, "context": context}, torch.stack([a, b])


def test_they_are_the_known_directions_made_orthonormal_in_order() -> None:
    states, variables, (a, b) = made()
    found = rd.targeted_directions(states, variables)
    assert list(found) == ["choice", "context"]
    torch.testing.assert_close(found["choice"], a / a.norm())
    left = b - (b @ a) / (a @ a) * a
    torch.testing.assert_close(found["context"], left / left.norm())
    turned = rd.targeted_directions(states, dict(reversed(variables.items())))
    torch.testing.assert_close(turned["context"], b / b.norm())


def test_a_direction_points_where_its_variable_grows() -> None:
    states, variables, _ = made()
    found = rd.targeted_directions(states[:, 3], variables)
    for name, values in variables.items():
        slope = np.polyfit(values.numpy(), (states[:, 3] @ found[name]).numpy(), 1)[0]
        assert slope > 0, name
    flipped = rd.targeted_directions(states[:, 3], {"choice": -variables["choice"], "context": variables["context"]})
    torch.testing.assert_close(flipped["choice"], -found["choice"])


def test_units_of_variables_do_not_matter() -> None:
    states, variables, _ = made()
    found = rd.targeted_directions(states, variables)
    scaled = rd.targeted_directions(states, {name: 1e9 * values + 5 for name, values in variables.items()})
    for name in variables:
        torch.testing.assert_close(scaled[name], found[name], atol=1e-6, rtol=1e-6)


def test_components_take_noise_away() -> None:
    states, variables, (a, _) = made()
    noise = 0.5 * normal(*states.shape[:2], 60, seed=4).double()
    noisy = torch.cat([states, torch.zeros(*states.shape[:2], 54).double()], dim=-1) + noise
    whole = torch.cat([a / a.norm(), torch.zeros(54).double()])
    plain = float(rd.targeted_directions(noisy, variables)["choice"] @ whole)
    clean = float(rd.targeted_directions(noisy, variables, components=4)["choice"] @ whole)
    assert 0.9 < plain < clean <= 1


def test_what_comes_out_goes_into_plots() -> None:
    network = rd.as_map(lambda h, _: torch.tanh(2 * h), 6, 0)
    points = rd.find_fixed_points(network.hold(), normal(20, 6), extra_starts=0)
    states, variables, _ = made()
    found = rd.targeted_directions(states, variables)
    ax = rd.plot_fixed_points(points, onto=found)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("choice", "context")
    assert ax.get_aspect() == 1.0  # they are orthonormal
    both = rd.plot_fixed_points(points, onto={"readout": torch.ones(6), "choice": found["choice"]})
    assert (both.get_xlabel(), both.get_ylabel()) == ("readout", "choice")


ONES = torch.ones(TRIALS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, v: (s[0, 0], v), r"states must have shape \[trials, n\] or \[trials, time, n\], got \[6\]"),
        (lambda s, v: (s, {}), "variables must be 1 to 6, as many as states have coordinates, got 0"),
        (
            lambda s, v: (s, {"choice": v["choice"][:3]}),
            r"variables\['choice'\] must have shape \[40\], one a trial",
        ),
        (
            lambda s, v: (s, {"choice": ONES}),
            "variables must vary over the trials and not follow from one another: 1",
        ),
        (lambda s, v: (s, {"a": v["choice"], "b": 2 * v["choice"]}), "2 and a constant have rank 2 over 40 trials"),
        (lambda s, v: (s[:2], {n: x[:2] for n, x in v.items()}), "2 and a constant have rank 2 over 2 trials"),
        (lambda s, v: (0 * s + 1, v), "variables must be ones on which the states depend: they do not on 'choice'"),
        (
            lambda s, v: (s[:, :, :1] * torch.arange(1.0, 7), v),
            "must move the states along directions of their own: 'context' does so along those before",
        ),
    ],
)
def test_mistakes_are_named(change: Any, message: str) -> None:
    states, variables, _ = made()
    with pytest.raises(ValueError, match=message):
        rd.targeted_directions(*change(states, variables))
