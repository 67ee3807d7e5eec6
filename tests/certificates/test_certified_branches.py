"""Branches proved: one curve from end to end, folds at their closed form; what was tampered with never is."""

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from problems.maps import held
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import SpecialPoint
from rnn_dynamics.certificates import BranchObstacle
from rnn_dynamics.systems import InputFamily

STEEPNESS = 1.5


def fold_at() -> float:
    """The b > 0 at which h = tanh(w h + b) has a double solution: h = -sqrt(1 - 1 / w), b = atanh(h) - w h."""
    h = -math.sqrt(1 - 1 / STEEPNESS)
    return math.atanh(h) - STEEPNESS * h


def one_unit(bias: float = 0.0, weight: float = STEEPNESS) -> nn.RNN:
    with torch.random.fork_rng():
        made = nn.RNN(1, 1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.weight_hh_l0.fill_(weight)
        made.weight_ih_l0.fill_(1.0)
        made.bias_hh_l0.fill_(bias)
    return made


@cache
def family() -> InputFamily:
    return rd.as_map(one_unit()).input_family(0)


@cache
def branch() -> rd.Branch:
    return rd.continue_fixed_point(family(), torch.ones(1), (-1.0, 1.0), at=0.5)


@cache
def proof() -> rd.BranchCertificates:
    return rd.certify(family(), branch())


def test_the_whole_branch_is_one_curve() -> None:
    assert proof().connected
    assert proof().complete
    assert proof().segments.sum() == len(branch()) - 1
    assert (proof().radii < 0.1).all()
    assert proof().summary().count("one curve") == 1


def test_folds_are_where_the_closed_form_has_them() -> None:
    for row, sign, sides in zip(
        (~proof().segments).nonzero().flatten().tolist(), (1, -1), ([2, 0], [0, 2]), strict=True
    ):
        low, high = proof().parameters[row].tolist()
        assert low - 1e-16 <= sign * fold_at() <= high + 1e-16
        assert high - low < 1e-12
        assert proof().sides[row].tolist() == sides


def test_states_of_the_curve_lie_in_its_tubes() -> None:
    """Newton's method at parameters between rows, against the chords and radii that are proved."""
    points = torch.cat([branch().states, branch().parameters.unsqueeze(-1)], dim=-1)
    for row in range(0, len(branch()) - 1, 5):
        low, high = branch().parameters[row : row + 2].tolist()
        if bool(branch().special_rows[row : row + 2].any()):
            continue
        p = (low + high) / 2
        state = branch().states[row : row + 2].mean(dim=0)
        for _ in range(20):
            slope = family()(p).jacobian(state)
            state = state - (state - family()(p)(state)) / (1 - slope[0])
        chord = points[row] + (p - low) / (high - low) * (points[row + 1] - points[row])
        # In the plane across the curve they are within the radius; at equal p within it and its slope's share.
        assert (state - chord[:-1]).abs().max() <= 2 * proof().radii[row] * (1 + 1 / abs(1 - float(slope)))


@pytest.mark.parametrize("which", ["input", "scaled", "shifted", "between"])
def test_families(which: str) -> None:
    module = one_unit(bias=0.1)
    families = {
        "input": rd.as_map(module).input_family(0),
        "scaled": rd.scaled(module, "weight_hh_l0"),
        "shifted": rd.shifted(module, "bias_hh_l0"),
        "between": rd.between(module, one_unit(bias=-0.1)),
    }
    span = (0.0, 1.0)
    followed = rd.continue_fixed_point(families[which], torch.ones(1), span, at=0.5)
    assert rd.certify(families[which], followed).complete


def test_a_family_that_cannot_be_traced_says_so() -> None:
    own = lambda p: held(lambda h: torch.tanh(STEEPNESS * h + p), 1)  # noqa: E731
    said = rd.certify(own, rd.continue_fixed_point(own, torch.ones(1), (0.0, 1.0), at=0.5))
    assert not said.proved.any()
    assert "input_family" in said.obstacle


def test_a_pitchfork_is_undecided() -> None:
    scaled = rd.scaled(one_unit(weight=1.0), "weight_hh_l0")
    followed = rd.continue_fixed_point(scaled, torch.zeros(1), (0.5, 1.5), at=0.7)
    assert [point.kind for point in followed.special_points] == ["branch point"]
    said = rd.certify(scaled, followed)
    assert not said.complete
    assert not said.connected
    assert said.reasons[-1] == BranchObstacle.KIND
    row = followed.special_points[0].row
    beside = [i for i in range(len(said)) if row in said.rows[i].tolist()]
    assert not said.proved[beside].any()
    others = [i for i in range(len(said)) if i not in beside]
    assert said.proved[others].all()


def rotating() -> nn.RNN:
    with torch.random.fork_rng():
        made = nn.RNN(1, 2)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.weight_hh_l0.copy_(torch.tensor([[1.0, 0.5], [-0.5, 1.0]]))
    return made


@pytest.mark.parametrize(
    ("module", "kind", "at"),
    [(rotating(), "Neimark-Sacker", 1 / math.sqrt(1.25)), (one_unit(weight=-1.0), "flip", 1.0)],
)
def test_flips_and_neimark_sacker_points(module: nn.RNN, kind: str, at: float) -> None:
    scaled = rd.scaled(module, "weight_hh_l0")
    followed = rd.continue_fixed_point(scaled, torch.zeros(module.hidden_size), (0.5, 1.5), at=0.7)
    said = rd.certify(scaled, followed)
    assert said.complete
    (row,) = (~said.segments).nonzero().flatten().tolist()
    assert said.kinds[row] == kind
    assert said.parameters[row, 0] - 1e-15 <= at <= said.parameters[row, 1] + 1e-15


def test_cycles_are_fixed_points_of_the_iterate() -> None:
    scaled = rd.scaled(one_unit(weight=-1.0), "weight_hh_l0")
    start = rd.find_cycles(scaled(1.5), 2, torch.linspace(-1, 1, 8).unsqueeze(-1)).orbits[0, 0]
    followed = rd.continue_fixed_point(scaled, start, (1.2, 1.8), at=1.5, period=2)
    assert followed.period == 2
    assert rd.certify(scaled, followed).connected


@pytest.mark.parametrize("n", [4, 8])
def test_gated_networks(n: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        gru = nn.GRU(1, n)
    with torch.no_grad():
        for weight in gru.parameters():
            weight.mul_(2.0)
    family = rd.as_map(gru).input_family(0)
    start = rd.find_fixed_points(family(0.0), torch.zeros(1, n), extra_starts=0).states[0]
    followed = rd.continue_fixed_point(family, start, (-1.0, 1.0), at=0.0)
    said = rd.certify(family, followed)
    assert said.connected
    assert (said.reasons[said.segments] == BranchObstacle.NONE).all()


@cache
def ordinary_rows() -> list[int]:
    """Every third row, but for ends, special points and their neighbours."""
    special = branch().special_rows
    return [row for row in range(2, len(branch()) - 2, 3) if not special[row - 1 : row + 2].any()]


@pytest.mark.parametrize(
    ("by", "in_parameter"), [(1e-3, False), (-1e-3, False), (1e-5, False), (1e-3, True), (-1e-3, True)]
)
def test_a_row_that_was_moved_is_never_proved(by: float, in_parameter: bool) -> None:
    states, parameters = branch().states.clone(), branch().parameters.clone()
    (parameters if in_parameter else states)[ordinary_rows()] += by
    said = rd.certify(family(), replace(branch(), states=states, parameters=parameters))
    assert len(ordinary_rows()) >= 12
    for row in ordinary_rows():
        assert not said.proved[row - 1 : row + 1].any()
        assert (said.reasons[row - 1 : row + 1] == BranchObstacle.NODE).all()
    assert not said.connected


def without(first: int, last: int) -> rd.Branch:
    """The branch with some rows left out, as if it had been walked so."""
    keep = [row for row in range(len(branch())) if not first <= row <= last]
    return replace(branch()[keep], chosen_from=None, ends=branch().ends)


def test_a_piece_with_a_fold_cannot_be_left_out() -> None:
    row = branch().special_points[0].row
    for reach in (0, 1, 3, 8):
        said = rd.certify(family(), without(row - reach, row + reach))
        assert not said.complete


def test_the_turn_between_two_folds_cannot_be_left_out() -> None:
    """The rows that are left lie on one curve, and that is proved, but not that it passes no fold."""
    first, last = (point.row for point in branch().special_points)
    said = rd.certify(family(), without(first - 3, last + 3))
    assert not said.complete
    assert not said.regular[first - 4]


def test_false_folds_are_never_proved() -> None:
    false = [
        SpecialPoint("fold", float(branch().parameters[row]), branch().states[row], 1.0 + 0j, 0.0, row)
        for row in ordinary_rows()
    ]
    said = rd.certify(family(), replace(branch(), special_points=(*branch().special_points, *false)))
    assert said.proved[~said.segments].tolist() == [True, True] + [False] * len(false)
    assert not said.complete


@pytest.mark.parametrize("kind", ["flip", "Neimark-Sacker", "branch point", "border collision"])
def test_a_fold_under_another_name_is_never_proved(kind: str) -> None:
    point = replace(branch().special_points[0], kind=kind)
    said = rd.certify(family(), replace(branch(), special_points=(point, branch().special_points[1])))
    assert not said.proved[said.segments.sum()]


@pytest.mark.parametrize("by", [1e-3, -1e-3, 1e-4])
def test_a_fold_that_was_moved_is_never_proved(by: float) -> None:
    true = branch().special_points[0]
    for moved in (replace(true, parameter=true.parameter + by), replace(true, state=true.state + by)):
        said = rd.certify(family(), replace(branch(), special_points=(moved, branch().special_points[1])))
        assert not said.proved[said.segments.sum()]
        assert not said.complete


def test_a_branch_of_another_family_is_never_proved() -> None:
    other = rd.as_map(one_unit(bias=1e-3)).input_family(0)
    assert not rd.certify(other, branch()).proved.any()


def test_two_branches_are_not_one() -> None:
    """Rows of a branch, then of the one that a bias parts from it: nothing joins them."""
    scaled = rd.scaled(one_unit(bias=0.05), "weight_hh_l0")
    upper, lower = (
        rd.continue_fixed_point(scaled, torch.full((1,), start), (1.5, 2.0), at=1.8) for start in (0.9, -0.9)
    )
    names = ("parameters", "states", "orbits", "residuals", "tangents", "eigenvalues", "n_unstable", "indices")
    both = {name: torch.cat([getattr(upper, name), getattr(lower, name)]) for name in names}
    said = rd.certify(scaled, replace(upper, **both))
    assert not said.connected
    assert (~said.proved).nonzero().flatten().tolist() == [len(upper) - 1]


def test_a_kink_has_a_reason() -> None:
    relu = rd.as_map(lambda h, x: torch.relu(0.5 * h + x), 1, 1).input_family(0)
    followed = rd.continue_fixed_point(relu, torch.ones(1), (-1.0, 1.0), at=0.5)
    assert [point.kind for point in followed.special_points] == ["border collision"]
    said = rd.certify(relu, followed)
    assert said.reasons[-1] == BranchObstacle.KIND
    assert not said.complete


def test_an_isola_closes() -> None:
    """Fixed points of h' = h + (1 - h^2 - p^2) / 4, a circle."""
    circle = rd.as_map(lambda h, x: h + (1 - h**2 - x**2) / 4, 1, 1).input_family(0)
    followed = rd.continue_fixed_point(circle, torch.ones(1), (-2.0, 2.0), at=0.0)
    assert followed.closed
    said = rd.certify(circle, followed)
    assert said.rows[said.segments][-1].tolist() == [len(followed) - 1, 0]
    assert said.complete
    assert said.parameters[~said.segments].abs().allclose(torch.ones(2, 2, dtype=torch.float64))


def test_proofs_are_kept(tmp_path: Path) -> None:
    loaded = rd.load(rd.save(proof(), tmp_path / "proof.safetensors"))
    assert loaded.summary() == proof().summary()
    assert len(loaded[loaded.proved]) == len(loaded)
    assert not loaded[:5].connected


@pytest.mark.parametrize(
    ("system", "options", "said"),
    [
        (lambda: family()(0.0), {}, "family"),
        (family, {"starts": [[0.0]]}, "starts"),
        (family, {"complete": True}, "complete"),
    ],
)
def test_what_is_refused(system, options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rd.certify(system(), branch(), **options)
