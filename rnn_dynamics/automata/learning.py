"""The minimal Moore machine of what answers letters, learned by asking it, and exact for all histories to a depth."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from ..progress import sign_of_life
from .moore import MooreMachine, in_walking_order

IMPOSSIBLE = "impossible"
"""What is put out after a letter that cannot come."""


class Respondent(Protocol):
    """What is asked: it has a memory, and answers each letter with a word."""

    def begin(self) -> tuple[Any, str]:
        """The memory before the first letter, and what is put out then."""
        ...

    def follow(self, memory: Any, letter: str) -> tuple[Any, str]:
        """The memory after a letter, and what is put out then; ``memory`` itself is left as it is."""
        ...


Language = Callable[[tuple[str, ...]], Sequence[str]]
"""The letters that can come after a history of letters."""


def histories(language: Language, depth: int) -> Iterator[tuple[str, ...]]:
    """The histories of up to ``depth`` letters that are the beginning of no other such one."""
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        history = waiting.pop()
        letters = language(history) if len(history) < depth else ()
        if letters:
            waiting.extend((*history, letter) for letter in letters)
        else:
            yield history


def learn_moore_machine(
    respondent: Respondent, letters: Sequence[str], language: Language, *, depth: int, most: int
) -> MooreMachine:
    """The Moore machine of the fewest states that answers as a respondent to histories of up to ``depth`` letters.

    Angluin's L* with Rivest and Schapire's treatment of counterexamples (Angluin 1987, doi
    10.1016/0890-5401(87)90052-6; Rivest and Schapire 1993, doi 10.1006/inco.1993.1021); that two answers are always
    the same is not sampled but tried on all histories.

    Args:
        respondent: what is asked.
        letters: all of them.
        language: which of them can come after a history.
        depth: the longest history that is tried. Respondents who differ after longer ones alone are not told apart.
        most: states at most; with more, ``agrees`` is False in what is returned.
    """
    from aalpy.automata import MooreMachine as Hypothesis
    from aalpy.base import SUL, Oracle
    from aalpy.learning_algs import run_Lstar

    class Asked(SUL):
        """The respondent, asked whole histories; what it remembers of their beginnings is kept."""

        def __init__(self) -> None:
            super().__init__()
            self.known: dict[tuple[str, ...], tuple[Any, str]] = {(): respondent.begin()}

        def query(self, word: tuple[str, ...]) -> list[str]:
            self.num_queries += 1
            history = tuple(word)
            if not history:
                return [self.known[()][1]]
            return [self.after(history[: length + 1]) for length in range(len(history))]

        def after(self, history: tuple[str, ...]) -> str:
            if history not in self.known:
                before, letter = self.known[history[:-1]], history[-1]
                if before[1] == IMPOSSIBLE or letter not in language(history[:-1]):
                    self.known[history] = (None, IMPOSSIBLE)
                else:
                    self.known[history] = respondent.follow(before[0], letter)
            return self.known[history][1]

        def pre(self) -> None: ...

        def post(self) -> None: ...

        def step(self, letter: Any) -> Any:
            raise NotImplementedError  # whole histories are asked

    class EveryHistory(Oracle):
        """Compares answers on all histories; the words of ``tried`` agree with the machine at hand."""

        agrees = False
        tried = 0

        def find_cex(self, hypothesis: Any) -> tuple[str, ...] | None:
            sign_of_life()
            if len(hypothesis.states) > most + 1:  # one for what is impossible
                return None
            self.tried = 0
            for history in histories(language, depth):
                self.tried += 1
                answers = self.sul.query(history)
                expected = hypothesis.execute_sequence(hypothesis.initial_state, history)
                for place, (answer, guess) in enumerate(zip(answers, expected, strict=True)):
                    if answer != guess:
                        return history[: place + 1]
            self.agrees = True
            return None

    asked = Asked()
    oracle = EveryHistory(list(letters), asked)
    hypothesis = run_Lstar(list(letters), asked, oracle, "moore", cache_and_non_det_check=False, print_level=0)
    assert isinstance(hypothesis, Hypothesis)
    rows = {state: row for row, state in enumerate(_initial_first(hypothesis))}
    outputs = [str(state.output) for state in rows]
    table = [
        [-1 if (to := state.transitions[letter]).output == IMPOSSIBLE else rows[to] for letter in letters]
        for state in rows
    ]
    names, transitions = in_walking_order(outputs, table)
    return MooreMachine(
        letters=tuple(letters),
        outputs=names,
        transitions=transitions,
        depth=depth,
        words=oracle.tried,
        agrees=oracle.agrees,
    )


def _initial_first(machine: Any) -> list[Any]:
    return [machine.initial_state, *(state for state in machine.states if state is not machine.initial_state)]
