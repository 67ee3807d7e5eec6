"""What a certificate holds: starts that are proved to arrive, indices, proofs made again from a file, reasons."""

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from problems.maps import held, normal
from torch import Tensor
from trained import trained

import rnn_dynamics as rd
from rnn_dynamics.certificates import Obstacle, Passage, ProvedReach

DOUBLE = torch.float64


def pull(h: Tensor) -> Tensor:
    return torch.tanh(2 * h)


@cache
def plane() -> tuple[rd.AutonomousMap, rd.FixedPoints]:
    system = held(pull, 2, box=1.0)
    return system, rd.find_fixed_points(system, normal(64, 2), extra_starts=256)


@cache
def flip_flop() -> tuple[rd.AutonomousMap, rd.Attractors, Tensor, rd.Certificates]:
    """Of eight stable points, with starts on them all."""
    kept = trained("GRU-16", 0)
    network = rd.as_map(kept.module)
    system = network.hold()
    starts = rd.sample_states(network, kept.test_inputs, 24, noise=0.5, seed=0)
    found = rd.find_attractors(system, starts)
    return system, found, starts, rd.certify(system, found, starts)


# --- Where starts go


def test_starts_are_proved_to_go_where_they_go() -> None:
    _, found, starts, proof = flip_flop()
    assert proof.attracting.all()
    assert torch.equal(proof.reached, found.labels)
    assert proof.reached_count == len(found)
    assert (proof.passages == Passage.REACHED).all()
    assert len(proof.starts) == len(starts)
    assert f"at least {len(found)} reached" in proof.summary()


def test_every_state_within_the_capture_radius_arrives() -> None:
    system, _, _, proof = flip_flop()
    for row in range(len(proof)):
        radius = proof.capture_radii[row] * proof.units
        corners = (
            proof.states[row]
            + radius * (2 * torch.rand(64, 16, generator=torch.Generator().manual_seed(row)) - 1).sign()
        )
        states = system.iterate(corners.double(), 800)
        assert (states - proof.states[row]).abs().max() < 1e-9


def test_the_uniqueness_radius_holds_no_other() -> None:
    for system, points in (plane(), (flip_flop()[0], rd.find_fixed_points(flip_flop()[0], flip_flop()[2]))):
        proof = rd.certify(system, points)
        assert proof.proved.all()
        apart = (proof.states.unsqueeze(0) - proof.states.unsqueeze(1)).abs() / proof.units
        nearest = (apart.amax(dim=-1) + 1e9 * torch.eye(len(proof))).amin(dim=1)
        assert (proof.radii < nearest).all()
        assert (proof.radii > proof.enclosure_radii).all()


def test_too_few_steps_are_said() -> None:
    system, found, starts, _ = flip_flop()
    proof = rd.certify(system, found, starts[:3], steps=2)
    assert (proof.reached == -1).all()
    assert (proof.passages == Passage.NOT_CAPTURED).all()
    assert any("raise steps" in line for line in proof.advice)


def test_no_start_goes_to_what_does_not_attract() -> None:
    proof = rd.certify(held(pull, 1), [[0.0]], [[0.0], [0.5]])
    assert proof.passages.tolist() == [Passage.NO_BALL] * 2
    assert proof.reached_count == 0


def test_starts_go_to_a_cycle_at_any_phase() -> None:
    system = held(lambda h: torch.tanh(-2 * h), 1)
    cycles = rd.find_cycles(system, 2, torch.linspace(-1, 1, 32).unsqueeze(1))
    proof = rd.certify(system, cycles, [[0.9], [-0.9], [1e-3], [5.0]])
    assert proof.stability == ("stable",)
    assert proof.reached.tolist() == [0, 0, 0, 0]


# --- Reachability


def test_reachability_has_a_proved_lower_bound() -> None:
    kept = trained("GRU-16", 0)
    network = rd.as_map(kept.module)
    sequences = kept.test_inputs
    reach = rd.reachability(network, sequences, [[0.0, 0.0, 0.0], [0.5, 0.0, 0.0]], n=12, horizons=(0, 100))
    proof = rd.certify(network, reach)
    assert isinstance(proof, ProvedReach)
    assert proof.count == reach.count
    assert proof.summary().startswith(f"at least {reach.count:g} attractors are reached: proved")
    assert f"VAA stands for {reach.claimed:.3g}" in proof.summary()
    assert [len(part) for part in proof.certificates] == [len(found) for found in reach.attractors]
    held_there = rd.certify(
        network.hold([0.5, 0.0, 0.0]), replace(reach, inputs=reach.inputs[1:], attractors=reach.attractors[1:])
    )
    assert isinstance(held_there, ProvedReach)
    assert held_there.count == proof.certificates[1].reached_count
    with pytest.raises(ValueError, match="must be the network"):
        rd.certify(network.hold(), reach)
    with pytest.raises(ValueError, match="starts"):
        rd.certify(network, reach, sequences[0])


def test_what_does_not_settle_is_not_counted() -> None:
    """A circle is no fixed point or cycle, and no start is proved to go to it."""
    matrix = 1.3 * torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=DOUBLE)
    system = held(lambda h: torch.tanh(h @ matrix.T), 2)
    found = rd.find_attractors(system, normal(16, 2))
    assert "circle" in found.kinds
    proof = rd.certify(system, found, normal(16, 2))
    assert {Obstacle(code) for code in proof.reasons.tolist()} == {Obstacle.KIND}
    assert proof.reached_count == 0
    assert proof.count == 0


# --- Indices


def test_a_missing_point_is_a_theorem() -> None:
    system, points = plane()
    whole = rd.certify(system, points)
    assert (whole.index_sum, whole.missing, whole.continuous, whole.invariant) == (1, False, True, True)
    part = rd.certify(system, points[[row for row in range(9) if row != 3]])
    assert part.index_sum != 1
    assert part.missing
    assert "there is a fixed point that is none of these" in part.verdict
    assert rd.certify(held(pull, 2), points[:3]).missing is False  # no box, no theorem


def test_a_point_without_proof_leaves_no_sum() -> None:
    system, points = plane()
    states = points.states.clone()
    states[0] += 1e-3
    assert rd.certify(system, states).index_sum is None


def test_no_theorem_where_the_map_may_jump() -> None:
    """X' = x/2 + sign(x)/4 takes [-1, 1] into itself, with stable points at -1/2 and 1/2 and nothing between them."""
    quarter = torch.tensor(0.25, dtype=DOUBLE)
    system = held(lambda h: 0.5 * h + torch.where(h > 0, quarter, -quarter), 1, box=1.0)
    proof = rd.certify(system, [[0.5], [-0.5]])
    assert proof.proved.all()
    assert proof.index_sum == 2
    assert not proof.continuous
    assert not proof.missing
    assert "may jump" in proof.verdict


# --- Reasons


def test_a_kink_leaves_stability_open() -> None:
    system = held(lambda h: 0.5 * torch.relu(h) - 0.25 * torch.relu(-h), 2)
    proof = rd.certify(system, torch.zeros(1, 2))
    assert proof.proved.all()
    assert proof.kinked.all()
    assert proof.stability == ("undecided",)
    assert any("kink" in line for line in proof.advice)


def test_what_is_not_covered_names_its_operation() -> None:
    proof = rd.certify(held(lambda h: 0.1 * torch.special.i0(h), 1), [[0.1]], [[0.0]])
    assert proof.reasons.tolist() == [Obstacle.NOT_TRACED]
    assert any("i0" in line for line in proof.advice)
    with pytest.raises(ValueError, match="i0"):
        proof.check()


def test_a_network_is_to_be_held() -> None:
    with pytest.raises(ValueError, match="held input"):
        rd.certify(rd.as_map(lambda h, x: torch.tanh(h + x), 2, 2), torch.zeros(2))


def test_a_single_state_is_a_row() -> None:
    proof = rd.certify(held(pull, 2), torch.zeros(2))
    assert proof.proved.tolist() == [True]
    assert (proof.indices.tolist(), proof.n_unstable.tolist()) == ([1], [2])


def test_more_bits_where_rounding_decides() -> None:
    """Points 2e-7 apart, where I - DF is 2e-7 and 53 bits leave 1e-9 of the state."""
    system = held(lambda h: h + (h - 1) ** 2 - 1e-14, 1)
    proof = rd.certify(system, [[1 + 1e-7], [1 - 1e-7]], tolerance=1e-8)
    assert proof.proved.all()
    assert proof.count == 2
    assert (proof.radii < 2e-7).all()
    assert proof.stability == ("unstable", "stable")
    system = held(lambda h: h + (h - 1) ** 2 - 2.0**-70, 1)
    nearer = rd.certify(system, [[1 + 2.0**-35], [1 - 2.0**-35]], tolerance=1e-12)
    assert nearer.proved.all()
    assert (nearer.precisions > 53).all()


def test_defective_matrices_are_decided_by_their_powers() -> None:
    """Units that feed one another in a chain: DF is nilpotent, and its eigenvectors are all one."""
    chain = 1.5 * torch.diag(torch.ones(7, dtype=DOUBLE), -1)
    system = held(lambda h: torch.tanh(h @ chain.T + 0.3), 8)
    state = system.iterate(torch.zeros(1, 8, dtype=DOUBLE), 16)
    proof = rd.certify(system, state, normal(2, 8))
    assert proof.stability == ("stable",)
    assert proof.reached.tolist() == [0, 0]
    grown = chain.clone()
    grown[0, 0] = 2.0
    proof = rd.certify(held(lambda h: torch.tanh(h @ grown.T), 8), torch.zeros(8))
    assert (proof.stability, proof.n_unstable.tolist(), proof.indices.tolist()) == (("unstable",), [1], [-1])


# --- Again, from a file


def test_a_certificate_is_proved_again_in_a_fresh_process(tmp_path: Path) -> None:
    system, _, _, proof = flip_flop()
    path = rd.save(proof, tmp_path / "proof.safetensors")
    code = f"""
import rnn_dynamics as rd
again = rd.load({str(path)!r}).check(precision=113)
print(again.proved.tolist(), again.reached.tolist(), again.precisions.unique().tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{[True] * len(proof)} {proof.reached.tolist()} [113]"
    assert system is not None


def tampered(proof: rd.Certificates) -> dict[str, rd.Certificates]:
    ones = torch.ones(len(proof), dtype=DOUBLE)
    step = proof.step
    assert step is not None
    other = replace(step, constants=tuple(one + 1e-6 if one.ndim == 2 else one for one in step.constants))
    return {
        "moved": replace(proof, orbits=tuple(orbit + 1e-3 for orbit in proof.orbits)),
        "moved a little": replace(proof, orbits=tuple(orbit + 1e-12 for orbit in proof.orbits)),
        "errors": replace(proof, errors=tuple(error / 1e3 for error in proof.errors)),
        "radii": replace(proof, radii=100 * proof.radii),
        "stability": replace(proof, stability=("unstable",) * len(proof)),
        "radius below": replace(proof, spectral_radii=0.5 * proof.spectral_radii),
        "unstable": replace(proof, n_unstable=torch.ones(len(proof), dtype=torch.int64)),
        "index": replace(proof, indices=-proof.indices),
        "capture": replace(proof, capture_radii=0.5 * ones),
        "weights": replace(proof, step=other),
    }


HOW = ("moved", "moved a little", "errors", "radii", "stability")
HOW += ("radius below", "unstable", "index", "capture", "weights")


@pytest.mark.parametrize("how", HOW)
def test_a_changed_certificate_is_not_confirmed(how: str) -> None:
    weight = torch.tensor([[2.0, 0.1], [-0.1, 2.0]], dtype=DOUBLE)
    system = held(lambda h: torch.tanh(h @ weight), 2)
    points = rd.find_fixed_points(system, normal(64, 2))
    small = rd.certify(system, points[points.stable], normal(4, 2))
    assert small.check().proved.all()
    assert not tampered(small)[how].check().proved.any()


def test_a_changed_row_of_a_start_is_followed_anew() -> None:
    proof = rd.certify(plane()[0], plane()[1], normal(8, 2))
    again = replace(proof, reached=torch.zeros(8, dtype=torch.int64)).check()
    assert torch.equal(again.reached, proof.reached)


def test_a_file_of_other_operations_is_refused() -> None:
    proof = rd.certify(held(pull, 1), [[0.0]])
    step = proof.step
    assert step is not None
    unknown, injected = step.operations.replace("tanh", "no_such_thing"), step.operations.replace("{}", '{"a=1,b": 1}')
    file = '[["from_file.default", ["x"], {}], ["output", [{"at": 1}], {}]]'
    for operations in ("[]", "{", unknown, injected, file):
        with pytest.raises(ValueError, match=r"operations|rule"):
            replace(proof, step=replace(step, operations=operations)).check()


def test_a_table_says_what_is_proved() -> None:
    system, points = plane()
    table = rd.certify(system, points).to_pandas()
    assert table["proved"].all()
    assert len(table) == 9
    assert set(table["reason"]) == {"none"}
