"""The proof of a branch is made again from its file alone, and of one that was tampered with it is not."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.bifurcations import SpecialPoint
from rnn_dynamics.certificates import BranchObstacle


@cache
def proof() -> rd.BranchCertificates:
    """Of h' = tanh(1.5 h) + p, with two folds."""
    family = rd.as_map(lambda h, x: torch.tanh(1.5 * h) + x, 1, 1).input_family(0)
    return rd.certify(family, rd.continue_fixed_point(family, torch.full((1,), 1.3), (-0.6, 0.6), at=0.3))


@cache
def again() -> rd.BranchCertificates:
    return proof().check()


def test_it_is_proved_again_in_a_fresh_process(tmp_path: Path) -> None:
    assert proof().complete
    path = rd.save(proof(), tmp_path / "branch.safetensors")
    code = f"""
import rnn_dynamics as rd
again = rd.load({str(path)!r}).check(precision=113)
print(again.complete, again.connected, len(again))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"True True {len(proof())}"


def turning() -> rd.BranchCertificates:
    """A pair of eigenvalues crosses the circle at p = 0.8."""
    weight = torch.tensor([[0.8, 0.6], [-0.6, 0.8]])
    family = rd.as_map(lambda h, x: torch.tanh((h @ weight.to(h)) * (1 + x)), 2, 1).input_family(0)
    return rd.certify(family, rd.continue_fixed_point(family, torch.zeros(2), (-0.3, 0.3), at=-0.2))


def flipping() -> rd.BranchCertificates:
    """An eigenvalue passes -1 at p = 0; then its 2-cycles."""
    family = rd.as_map(lambda h, x: torch.tanh(-(1 + x) * h), 1, 1).input_family(0)
    return rd.certify(family, rd.continue_fixed_point(family, torch.zeros(1), (-0.5, 0.5), at=-0.2))


def two_cycles() -> rd.BranchCertificates:
    family = rd.as_map(lambda h, x: torch.tanh(-(1 + x) * h), 1, 1).input_family(0)
    start = rd.find_cycles(family(0.5), 2, torch.linspace(-1, 1, 8).unsqueeze(-1)).orbits[0, 0]
    return rd.certify(family, rd.continue_fixed_point(family, start, (0.2, 0.8), at=0.5, period=2))


@pytest.mark.parametrize("made", [turning, flipping, two_cycles])
def test_other_kinds(made: Callable[[], rd.BranchCertificates]) -> None:
    first = made()
    assert first.complete
    assert first.check().complete


def test_a_choice_of_rows_is_that_choice() -> None:
    few = proof()[3:6].check()
    assert (len(few), few.proved.tolist()) == (3, [True] * 3)
    assert not few.complete


MOVED, SMALLER, NARROWER = 2, 4, 6
"""Segments far from the folds."""


def fold() -> int:
    """The row of the first."""
    return int((~proof().segments).nonzero()[0])


def with_entry(column: Tensor, row: int, value: object) -> Tensor:
    changed = column.clone()
    changed[row] = value
    return changed


def of_segments() -> rd.BranchCertificates:
    """A row of the branch moved, a radius that is too small, and parameters that do not hold the segment."""
    true = proof()
    states = with_entry(true.branch.states, MOVED, true.branch.states[MOVED] + 1e-3)
    narrow = true.parameters[NARROWER].mean() + torch.tensor([-1e-9, 1e-9])
    return replace(
        true,
        branch=replace(true.branch, states=states),
        radii=with_entry(true.radii, SMALLER, 1e-14),
        parameters=with_entry(true.parameters, NARROWER, narrow),
    )


def of_folds() -> rd.BranchCertificates:
    """One a little aside, and one that turns to the other side."""
    true, row = proof(), fold()
    aside = with_entry(true.parameters, row, true.parameters[row] + 1e-12)
    return replace(true, parameters=aside, sides=with_entry(true.sides, row + 1, true.sides[row]))


def of_another_family() -> rd.BranchCertificates:
    maps = proof().family
    assert "1.5" in maps.whole.operations
    steps = [replace(one, operations=one.operations.replace("1.5", "1.501")) for one in (maps.whole, maps.ungated)]
    return replace(proof(), family=replace(maps, whole=steps[0], ungated=steps[1]))


@pytest.mark.parametrize(
    ("made", "rows"),
    [
        (of_segments, lambda: [MOVED - 1, MOVED, SMALLER, NARROWER]),
        (of_folds, lambda: [fold(), fold() + 1]),
        (of_another_family, lambda: [MOVED, fold()]),
    ],
)
def test_what_was_tampered_with_is_not_confirmed(
    made: Callable[[], rd.BranchCertificates], rows: Callable[[], list[int]]
) -> None:
    assert again().complete
    checked = made().check()
    assert not checked.proved[rows()].any()
    assert not checked.complete


def test_a_row_that_was_taken_out_or_put_in_is_told() -> None:
    keep = [row for row in range(len(proof())) if row != fold()]
    changed = replace(proof()[[*keep, MOVED]], chosen_from=None)
    assert changed.complete
    checked = changed.check()
    assert not checked.complete
    assert "lacks 1 rows" in checked.summary()
    assert "has 1 that" in checked.summary()


def test_a_false_fold_is_not_made_true_by_its_reason() -> None:
    branch = proof().branch
    false = SpecialPoint("fold", float(branch.parameters[2]), branch.states[2], 1.0 + 0j, 0.0, 2)
    family = rd.as_map(lambda h, x: torch.tanh(1.5 * h) + x, 1, 1).input_family(0)
    said = rd.certify(family, replace(branch, special_points=(*branch.special_points, false)))
    assert said.reasons[-1] == BranchObstacle.POINT
    radii = with_entry(said.radii, -1, 1e-12)
    claimed = replace(said, reasons=torch.zeros_like(said.reasons), radii=radii)
    assert claimed.complete
    assert claimed.check().reasons[-1] == BranchObstacle.POINT


def test_radii_are_from_the_chords_of_rows() -> None:
    """Of rows far apart, whose segment is cut into pieces."""
    family = rd.as_map(lambda h, x: torch.tanh(1.5 * h) + x, 1, 1).input_family(0)
    branch = proof().branch
    last_row = branch.special_points[0].row - 2
    coarse = replace(branch[[0, last_row]], chosen_from=None)
    said = rd.certify(family, coarse)
    assert said.pieces[0] > 1
    first, last = (torch.cat([coarse.states[end], coarse.parameters[end : end + 1]]) for end in (0, 1))
    chord = (last - first) / (last - first).norm()
    points = torch.cat([branch.states, branch.parameters.unsqueeze(-1)], dim=-1)[: last_row + 1] - first
    beside = points - (points @ chord).unsqueeze(-1) * chord
    farthest = float(beside.abs().max())
    assert farthest <= float(said.radii[0]) < 3 * farthest
    assert said.check().proved.all()


def test_what_holds_no_maps_is_refused() -> None:
    own = lambda p: rd.as_map(lambda h, _: torch.tanh(1.5 * h + float(p)), 1, 0).hold()  # noqa: E731
    said = rd.certify(own, rd.continue_fixed_point(own, torch.ones(1), (0.0, 0.5), at=0.3))
    with pytest.raises(ValueError, match="no maps"):
        said.check()
