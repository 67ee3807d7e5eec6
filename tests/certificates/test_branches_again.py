"""The proof of a branch is made again from its file alone, and of one that was tampered with it is not."""

import math
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


def ordinary() -> int:
    """A segment far from the folds."""
    return 2


def fold() -> int:
    return int((~proof().segments).nonzero()[0])


def with_entry(column: Tensor, row: int, value: object) -> Tensor:
    changed = column.clone()
    changed[row] = value
    return changed


def tampered() -> dict[str, tuple[rd.BranchCertificates, int]]:
    """What was changed, and a row that must not be confirmed."""
    true, segment, special = proof(), ordinary(), fold()
    branch = true.branch
    states = with_entry(branch.states, segment, branch.states[segment] + 1e-3)
    narrow = with_entry(true.parameters, segment, true.parameters[segment].mean() + torch.tensor([-1e-9, 1e-9]))
    aside = with_entry(true.parameters, special, true.parameters[special] + 1e-12)
    step = true.family.whole
    assert "1.5" in step.operations
    other = {
        name: replace(one, operations=one.operations.replace("1.5", "1.501"))
        for name, one in {"whole": true.family.whole, "ungated": true.family.ungated}.items()
    }
    return {
        "a row of the branch moved": (replace(true, branch=replace(branch, states=states)), segment),
        "a smaller radius": (replace(true, radii=with_entry(true.radii, segment, 1e-14)), segment),
        "narrower parameters": (replace(true, parameters=narrow), segment),
        "a fold a little aside": (replace(true, parameters=aside), special),
        "a fold that turns to the other side": (replace(true, sides=true.sides.flip(1)), special),
        "another family": (replace(true, family=replace(true.family, **other)), segment),
    }


@pytest.mark.parametrize("how", list(tampered()))
def test_what_was_tampered_with_is_not_confirmed(how: str) -> None:
    assert again().complete
    file, row = tampered()[how]
    checked = file.check()
    assert not checked.proved[row]
    assert not checked.complete


def test_a_row_that_was_taken_out_or_put_in_is_told() -> None:
    keep = [row for row in range(len(proof())) if row != fold()]
    short = replace(proof()[keep], chosen_from=None)
    assert short.complete
    checked = short.check()
    assert not checked.complete
    assert "lacks 1" in checked.summary()
    more = proof()[[*range(len(proof())), ordinary()]]
    assert not replace(more, chosen_from=None).check().complete


def test_a_false_fold_is_not_made_true_by_its_reason() -> None:
    branch = proof().branch
    false = SpecialPoint("fold", float(branch.parameters[2]), branch.states[2], 1.0 + 0j, 0.0, 2)
    family = rd.as_map(lambda h, x: torch.tanh(1.5 * h) + x, 1, 1).input_family(0)
    said = rd.certify(family, replace(branch, special_points=(*branch.special_points, false)))
    assert said.reasons[-1] == BranchObstacle.POINT
    claimed = replace(said, reasons=torch.zeros_like(said.reasons), radii=said.radii.clamp(max=1e-12))
    assert claimed.complete
    assert claimed.check().reasons[-1] == BranchObstacle.POINT


def test_radii_are_from_the_chords_of_rows() -> None:
    """Of rows far apart, whose segments are cut into pieces."""
    family = rd.as_map(lambda h, x: torch.tanh(0.9 * h) + x, 1, 1).input_family(0)
    branch = rd.continue_fixed_point(family, torch.zeros(1), (0.0, 0.5), at=0.0)
    coarse = replace(branch[[0, len(branch) - 1]], chosen_from=None)
    said = rd.certify(family, coarse)
    assert said.pieces[0] > 1
    first, last = (torch.cat([coarse.states[end], coarse.parameters[end : end + 1]]) for end in (0, 1))
    chord = (last - first) / (last - first).norm()
    points = torch.cat([branch.states, branch.parameters.unsqueeze(-1)], dim=-1) - first
    beside = points - (points @ chord).unsqueeze(-1) * chord
    farthest = float(beside.abs().max())
    assert farthest <= float(said.radii[0]) < 3 * farthest
    assert math.isfinite(farthest)
    assert said.check().proved.all()


def test_what_holds_no_maps_is_refused() -> None:
    own = lambda p: rd.as_map(lambda h, _: torch.tanh(1.5 * h + float(p)), 1, 0).hold()  # noqa: E731
    said = rd.certify(own, rd.continue_fixed_point(own, torch.ones(1), (0.0, 0.5), at=0.3))
    with pytest.raises(ValueError, match="no maps"):
        said.check()
