"""Fixed points and attractors under several held inputs, with the names of conditions."""

from typing import Any

import pytest
import torch

import rnn_dynamics as rd
from rnn_dynamics.attractors import AttractorsOverInputs
from rnn_dynamics.fixed_points import FixedPointsOverInputs

DOUBLE = torch.float64

STARTS = torch.linspace(-1, 1, 16, dtype=DOUBLE)[:, None]

CONTEXTS = {"rest": [0.0], "go": [1.0]}


def network() -> rd.DrivenMap:
    """h' = tanh(2 h + x): two attractors and a saddle between them at x = 0, one attractor at x = 1."""
    return rd.as_map(lambda h, x: torch.tanh(2 * h + x), 1, 1, box=(-1.0, 1.0))


def points(inputs: Any) -> FixedPointsOverInputs:
    return rd.find_fixed_points_over_inputs(network(), inputs, STARTS, extra_starts=0)


def attractors(inputs: Any) -> AttractorsOverInputs:
    return rd.find_attractors_over_inputs(network(), inputs, STARTS)


@pytest.mark.parametrize(("search", "counts"), [(points, [3, 1]), (attractors, [2, 1])])
def test_conditions_keep_their_names(search: Any, counts: list[int], tmp_path: Any) -> None:
    over = search(CONTEXTS)
    assert over.conditions == ("rest", "go")
    assert over.inputs.tolist() == [[0.0], [1.0]]
    assert [len(over.of(name)) for name in CONTEXTS] == counts
    assert over.of("go") is over.results[1]
    assert len(over) == sum(counts)
    table = over.to_pandas()
    assert table["condition"].tolist() == ["rest"] * counts[0] + ["go"] * counts[1]
    assert table["input"].tolist() == over.labels.tolist() == [0] * counts[0] + [1] * counts[1]
    assert repr(over).splitlines()[-2].startswith(f"rest: {counts[0]} ")
    assert repr(over).splitlines()[-1].startswith(f"go: {counts[1]} ")
    back = rd.load(rd.save(over, tmp_path / "over.safetensors"))
    assert back.conditions == over.conditions
    assert repr(back) == repr(over)


@pytest.mark.parametrize("search", [points, attractors])
def test_inputs_without_names_are_called_by_their_values(search: Any) -> None:
    over = search([[0.0], [-0.25]])
    assert over.conditions == ("input 0", "input -0.25")
    assert repr(over).splitlines()[-1].startswith("input -0.25: ")
    assert search([[0.0], [0.0]]).conditions == ("input 0", "input 1")


def test_what_is_found_is_what_one_search_finds() -> None:
    over, alone = attractors(CONTEXTS), rd.find_attractors(network().hold([1.0]), STARTS)
    assert torch.equal(over.of("go").states, alone.states)
    assert torch.equal(over.of("go").labels, alone.labels)
    assert over.of("go").held_input.tolist() == [1.0]  # pyright: ignore[reportOptionalMemberAccess]
    assert over.summary() == "3 attractors under 2 held inputs"


def test_advice_and_notes_are_told_with_the_condition() -> None:
    one = torch.ones(1, 1)  # in float32
    pushed = rd.as_map(lambda h, x: h @ one + x, 1, 1)  # x = 1: all states run away; x = 0: all are at rest
    over = rd.find_attractors_over_inputs(
        pushed, {"rest": [0.0], "push": [1.0]}, STARTS, settle=rd.Settle(max_steps=50)
    )
    assert over.advice
    assert all(line.startswith("push: ") for line in over.advice)
    assert over.notes == pushed.hold([0.0]).notes == ("its coarser constants are taken into torch.float64",)


@pytest.mark.parametrize("search", [points, attractors])
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "inputs is empty: at least one condition is needed"),
        ({"rest": [0.0, 1.0]}, r"inputs\['rest'\] must have shape \[1\], got \[2\]"),
        ({"rest": [torch.nan]}, r"inputs\['rest'\] must be finite"),
        ({0.5: [0.5]}, "inputs must have the names of conditions as keys, got 0.5"),
        ([[0.0, 1.0]], r"inputs must have shape \[k, 1\], got \[1, 2\]"),
    ],
)
def test_mistakes_are_named(search: Any, inputs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search(inputs)


def test_a_condition_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="condition must be one of 'rest', 'go', got 'stop'"):
        points(CONTEXTS).of("stop")
    with pytest.raises(ValueError, match=r"conditions must name each of 1 inputs, got \('a', 'b'\)"):
        FixedPointsOverInputs(torch.zeros(1, 1), (), ("a", "b"))
