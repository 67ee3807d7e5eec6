"""A census is proved again from its file alone, and one that was tampered with is not."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from problems.maps import held
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import LowRankRNN


@cache
def census() -> rd.FixedPointCensus:
    """Nine fixed points."""
    return rd.all_fixed_points(held(lambda h: torch.tanh(2 * h), 2))


def test_it_is_proved_again_in_a_fresh_process(tmp_path: Path) -> None:
    path = rd.save(census(), tmp_path / "census.safetensors")
    code = f"""
import rnn_dynamics as rd
again = rd.load({str(path)!r}).check(precision=113)
print(again.complete, again.everywhere, len(again), len(again.missed), len(again.astray))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True 9 0 0"


def gated() -> rd.AutonomousMap:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        gru = nn.GRU(1, 2)
    with torch.no_grad():
        for weight in gru.parameters():
            weight.mul_(4.0)
    return rd.as_map(gru).hold([0.0])


def low_rank() -> rd.AutonomousMap:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = LowRankRNN(1, 40, rank=2)
        with torch.no_grad():
            module.weight_n_l0.copy_(2.0 * module.weight_m_l0 + torch.randn(40, 2))
    return rd.as_map(module).hold([0.0])


@pytest.mark.parametrize("system", [gated, low_rank])
def test_maps_that_are_searched_in_another_form(system: Callable[[], rd.AutonomousMap], tmp_path: Path) -> None:
    found = rd.all_fixed_points(system())
    assert found.complete
    again = rd.load(rd.save(found, tmp_path / "census.safetensors")).check()
    assert again.complete
    assert torch.allclose(again.states[again.rows.argsort()], found.states, atol=1e-12)


def test_a_part_of_a_box_and_what_was_left_undecided() -> None:
    part = rd.all_fixed_points(held(lambda h: torch.tanh(2 * h), 2), within=(0.1, 2.0)).check()
    assert (part.complete, part.everywhere, len(part)) == (True, False, 1)
    unready = rd.all_fixed_points(held(torch.tanh, 1)).check()
    assert unready.undecided.shape[1] > 0
    assert not unready.complete
    chosen = census()[2:4].check()
    assert sorted(chosen.rows.tolist()) == [0, 1]
    assert not chosen.complete


def tampered() -> dict[str, rd.FixedPointCensus]:
    true = census()
    rows = {name: getattr(true, name) for name in ("states", "lower", "upper")}
    moved = torch.zeros_like(true.states)
    moved[0, 0] = 1e-3
    nearby = torch.zeros_like(true.states)
    nearby[0, 0] = 1e-13
    wide = torch.full_like(true.lower[:1], 0.3)
    return {
        "a point moved": replace(true, **{name: value + moved for name, value in rows.items()}),
        "a point moved a little": replace(true, **{name: value + nearby for name, value in rows.items()}),
        "a state moved": replace(true, states=true.states + moved),
        "a box that holds more": replace(
            true,
            lower=torch.cat([true.lower[:1] - 3, true.lower[1:]]),
            upper=torch.cat([true.upper[:1] + 3, true.upper[1:]]),
        ),
        "a row removed": replace(true, **{name: value[1:] for name, value in rows.items()}),
        "a row twice": replace(true, **{name: torch.cat([value, value[:1]]) for name, value in rows.items()}),
        "a row invented": replace(
            true,
            states=torch.cat([true.states, wide]),
            lower=torch.cat([true.lower, wide - 0.01]),
            upper=torch.cat([true.upper, wide + 0.01]),
        ),
        "a smaller box, with all of it": replace(true, box=true.box / 2),
        "other weights": of_another_map('{"at": 0}, 2', '{"at": 0}, 2.0001'),
        "a map without bounds": of_another_map("tanh", "sinh"),
    }


def of_another_map(word: str, other: str) -> rd.FixedPointCensus:
    step = census().step
    assert step is not None
    assert word in step.operations
    return replace(census(), step=replace(step, operations=step.operations.replace(word, other)))


@pytest.mark.parametrize("how", list(tampered()))
def test_what_was_tampered_with_does_not_pass(how: str) -> None:
    assert census().check().complete
    again = tampered()[how].check()
    assert not again.complete
    assert again.reason


def test_regions_that_were_taken_out_come_back() -> None:
    unready = rd.all_fixed_points(held(torch.tanh, 1))
    claimed = replace(unready, undecided=unready.undecided[:, :0])
    assert claimed.complete
    assert not claimed.check().complete


def test_that_a_box_holds_everything_is_proved_or_not_said() -> None:
    part = rd.all_fixed_points(held(lambda h: h + torch.sin(h) / 2, 1), within=(-1.0, 1.0))
    assert (part.complete, part.everywhere) == (True, False)
    again = replace(part, everywhere=True).check()
    assert not again.complete
    assert not again.everywhere
    assert "R^n" in again.reason


def test_certificates_prove_their_census_again() -> None:
    system = held(lambda h: torch.tanh(2 * h), 2)
    proof = rd.certify(system, census().states, complete=True)
    assert proof.check().complete is True
    short = proof.census
    assert short is not None
    fewer = replace(short, states=short.states[1:], lower=short.lower[1:], upper=short.upper[1:], rows=short.rows[1:])
    assert replace(proof, census=fewer).check().complete is None
    missing = rd.certify(system, census().states[:-1], complete=True)
    hidden = replace(missing.census, rows=torch.arange(9).clamp(max=7))
    assert replace(missing, census=hidden).complete is True
    assert replace(missing, census=hidden).check().complete is False
    other = rd.all_fixed_points(held(lambda h: torch.tanh(3 * h), 2))
    assert replace(proof, census=replace(other, rows=torch.arange(9))).check().complete is not True


def test_what_holds_no_map_is_refused() -> None:
    with pytest.raises(ValueError, match="no map"):
        rd.all_fixed_points(held(lambda h: torch.lgamma(h**2 + 1), 1)).check()
