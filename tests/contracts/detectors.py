"""What a detector must do: name the right attractors, with evidence, whatever the starts and the tolerances."""

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cache
from typing import ClassVar

import pytest
import torch
from problems.attractors import MovingProblem
from torch import Tensor

import rnn_dynamics as rd
from contracts import signed
from rnn_dynamics.attractors import AttractorKind, Evidence
from rnn_dynamics.attractors.settling.detector import Detector


class DetectorContract(ABC):
    """Every check of a detector, by ``find_attractors`` on systems with a known answer.

    Name the ``detector`` and its ``problems``, those that show its kinds, and say in ``check_evidence`` what must hold
    of an attractor of its own.
    """

    detector: ClassVar[type[Detector]]
    problems: ClassVar[list[MovingProblem]]

    @abstractmethod
    def check_evidence(self, system: rd.AutonomousMap, kind: AttractorKind, orbit: Tensor, evidence: Evidence) -> None:
        """Assert on the map itself that ``orbit`` is what the result says."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "problem" in metafunc.fixturenames:
            metafunc.parametrize("problem", self.problems, ids=lambda problem: problem.name)

    def test_each_of_its_kinds_is_tried(self) -> None:
        assert set(self.detector.kinds) <= {kind for problem in self.problems for kind in problem.kinds}

    def test_kinds_periods_and_exponents(self, problem: MovingProblem) -> None:
        check_answer(problem, rd.find_attractors(problem.system, problem.starts()))

    def test_the_evidence_is_that_of_the_very_attractor(self, problem: MovingProblem) -> None:
        found = plainly(problem)
        for kind, orbit, state, evidence in zip(found.kinds, found.orbits, found.states, found.evidence, strict=True):
            assert torch.equal(orbit[0], state)
            owner = next(contract for contract in signed(DetectorContract) if kind in contract.detector.kinds)
            owner().check_evidence(problem.system, kind, orbit, evidence)

    @pytest.mark.slow
    @pytest.mark.parametrize("factor", [0.1, 10.0])
    def test_tolerances_do_not_decide_or_the_result_says_so(self, problem: MovingProblem, factor: float) -> None:
        check_tolerances(problem, factor)

    def test_plain_iteration_ends_where_the_labels_say(self, problem: MovingProblem) -> None:
        system, starts = problem.system, problem.starts(64, seed=3)
        found = rd.find_attractors(system, starts)
        ends = system.iterate(starts, 20_000)
        for row, orbit in enumerate(found.orbits):
            mine = ends[found.labels == row]
            distance = torch.cdist(mine, orbit).amin(dim=1)
            extent = 1.0 if len(orbit) < 2 else float(torch.pdist(orbit).max())
            # Some hundred samples of a torus are far apart, and those of a set in 40 dimensions still more.
            near = 1e-4 if found.kinds[row].periodic else 0.15 * extent if problem.n < 10 else extent
            assert distance.max() < near

    def test_what_was_known_keeps_its_rows_be_it_without_starts(self, problem: MovingProblem) -> None:
        known = plainly(problem)
        again = rd.find_attractors(problem.system, problem.starts(24, seed=9), known=known)
        assert again.kinds == known.kinds
        assert set(again.outcomes) == {"settled"}
        hardly = rd.find_attractors(
            problem.system, problem.starts(1, seed=9), settle=rd.Settle(max_steps=1), known=known
        )
        for later in (again, hardly):
            assert later.kinds[: len(known)] == known.kinds
            assert all(here is there for here, there in zip(later.evidence, known.evidence, strict=False))
            assert all(torch.equal(here, there) for here, there in zip(later.orbits, known.orbits, strict=False))


def fast(problem: MovingProblem) -> rd.Settle:
    """Where nothing settles, plain steps need not be many."""
    return rd.Settle() if problem.kinds else rd.Settle(max_steps=2000)


@cache
def plainly(problem: MovingProblem) -> rd.Attractors:
    """What a few starts find."""
    return rd.find_attractors(problem.system, few_starts(problem), settle=fast(problem))


def few_starts(problem: MovingProblem) -> Tensor:
    """So few that a test can search from them several times; fewest where every start is followed to no avail."""
    return problem.starts(48 if problem.kinds else 16)


def check_answer(problem: MovingProblem, found: rd.Attractors) -> None:
    """Assert what the problem knows of its attractors."""
    assert found.kinds == problem.kinds
    assert tuple(found.periods.tolist()) == problem.periods
    assert set(found.outcomes) == set(problem.outcomes)
    assert float(found.fractions.sum()) == pytest.approx(float(found.settled.double().mean()))
    if not problem.kinds:
        assert (found.labels == -1).all()
        return
    exponents = found.evidence[-1].exponents
    if problem.exponent is not None:
        tolerance = 1e-4 if problem.exponent == 0 else 0.01 * abs(problem.exponent)
        assert float(found.largest_exponents[-1]) == pytest.approx(problem.exponent, abs=tolerance)
    if problem.sum_of_exponents is not None and len(exponents) == problem.n:
        assert float(exponents.sum()) == pytest.approx(problem.sum_of_exponents, rel=0.01)


def check_tolerances(problem: MovingProblem, factor: float) -> None:
    """Assert that each tolerance moved by ``factor`` gives the same, unless the result has warned of it."""
    starts, plain = few_starts(problem), plainly(problem)
    for name, value in (("tolerance", 1e-11), ("merge_tolerance", 1e-6), ("exponent_tolerance", 1e-4)):
        moved = rd.find_attractors(problem.system, starts, settle=replace(fast(problem), **{name: factor * value}))
        if moved.kinds != plain.kinds or moved.outcomes != plain.outcomes:
            assert plain.verdict.startswith("depends on tolerances"), f"{name} x {factor}: {moved.summary()}"
