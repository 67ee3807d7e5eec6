"""Machines learned from things whose machine is known."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import torch

import rnn_dynamics as rd
from rnn_dynamics.automata import MooreMachine, learn_moore_machine

MAZE = ("up", "down", "corridor", "junction")


def maze(history: tuple[str, ...]) -> Sequence[str]:
    if not history:
        return ("up", "down")
    return () if history[-1] == "junction" else ("corridor", "junction")


class Walker:
    """Goes right and turns where it was told to, unless it forgets after so many steps and turns up."""

    def __init__(self, forgets: float = float("inf")) -> None:
        self.forgets = forgets

    def begin(self) -> tuple[Any, str]:
        return ("", 0), "start"

    def follow(self, memory: Any, letter: str) -> tuple[Any, str]:
        goal, steps = memory
        if letter == "junction":
            return memory, goal if steps < self.forgets else "up"
        return ((letter, 0) if letter in ("up", "down") else (goal, steps + 1)), "right"


class Remainder:
    """Puts out a number's remainder, digit by digit: its machine has as many states as there are remainders."""

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor

    def begin(self) -> tuple[int, str]:
        return 0, "0"

    def follow(self, memory: int, letter: str) -> tuple[int, str]:
        memory = (2 * memory + int(letter)) % self.divisor
        return memory, str(memory)


def learned(respondent: Any, depth: int = 30, most: int = 64) -> MooreMachine:
    return learn_moore_machine(respondent, MAZE, maze, depth=depth, most=most)


def test_the_machine_of_one_who_remembers_has_five_states() -> None:
    machine = learned(Walker())
    assert machine.outputs == ("start", "right", "right", "up", "down")
    assert machine.transitions.tolist() == [[1, 2, -1, -1], [-1, -1, 1, 3], [-1, -1, 2, 4], [-1] * 4, [-1] * 4]
    assert machine.agrees
    assert (machine.depth, machine.words) == (30, 60)  # both goals, the junction after 1 to 29 steps or not yet
    assert "exact for all 60 histories of up to 30 letters" in machine.summary()


@pytest.mark.parametrize("forgets", [1, 2, 7])
def test_one_who_forgets_counts_and_the_shortest_difference_is_when_it_forgets(forgets: int) -> None:
    machine, whole = learned(Walker(forgets)), learned(Walker())
    assert len(machine) == 4 + forgets  # start, one who goes up, those who will go down, two ends
    assert machine.difference(whole) == ("down", *["corridor"] * forgets, "junction")
    assert whole.difference(machine) == machine.difference(whole)
    assert machine.difference(machine) is None


def test_what_is_forgotten_after_the_depth_is_not_seen() -> None:
    assert learned(Walker(30)).difference(learned(Walker())) is None
    assert learned(Walker(28)).difference(learned(Walker())) is not None


def test_more_states_than_allowed_are_said() -> None:
    machine = learned(Walker(20), most=10)
    assert not machine.agrees
    assert "not the whole" in machine.summary()
    assert machine.advice


@pytest.mark.parametrize("divisor", [2, 3, 4, 7])
def test_the_least_number_of_states_and_the_same_answers(divisor: int) -> None:
    machine = learn_moore_machine(Remainder(divisor), ("0", "1"), lambda _: ("0", "1"), depth=8, most=20)
    assert len(machine) == divisor
    assert machine.words == 2**8
    for word in itertools.product("01", repeat=10):
        state = 0
        for letter in word:
            state = int(machine.transitions[state, int(letter)])
        assert machine.outputs[state] == str(int("".join(word), 2) % divisor)


def test_machines_of_other_letters_are_not_compared() -> None:
    other = learn_moore_machine(Remainder(2), ("0", "1"), lambda _: ("0", "1"), depth=3, most=20)
    with pytest.raises(ValueError, match=r"other must read the letters"):
        learned(Walker()).difference(other)


def test_as_a_table_and_as_a_graph() -> None:
    machine = learned(Walker())
    table = machine.to_pandas()
    assert table.loc[1].tolist() == ["right", "", "", "1", "3"]
    graph = machine.to_networkx()
    assert graph.nodes[3]["output"] == "up"
    assert set(graph.edges(keys=True)) == {
        (0, 1, "up"),
        (0, 2, "down"),
        (1, 1, "corridor"),
        (1, 3, "junction"),
        (2, 2, "corridor"),
        (2, 4, "junction"),
    }


def test_saved_and_loaded(tmp_path: Any) -> None:
    machine = learned(Walker())
    rd.save(machine, tmp_path / "machine.safetensors")
    again = rd.load(tmp_path / "machine.safetensors")
    assert isinstance(again, MooreMachine)
    assert torch.equal(again.transitions, machine.transitions)
    assert again.difference(machine) is None


def test_drawn_with_a_word_a_state_and_an_arrow_a_transition() -> None:
    machine = learned(Walker(3))
    ax = rd.plot_automaton(machine)
    assert [text.get_text() for text in ax.texts] == list(machine.outputs)
    assert len(ax.artists) + len(ax.patches) == int((machine.transitions >= 0).sum())
    legend = ax.get_legend() or ax.get_figure().legends[0]
    assert [text.get_text() for text in legend.get_texts()] == list(MAZE)
