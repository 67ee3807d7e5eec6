"""Any method of ``scipy.optimize.root``, one start after another, with our Jacobian."""

from dataclasses import dataclass

import numpy as np
import scipy
import torch

from ..checks import ArgumentError, checked
from ..progress import each
from ..stopping import stoppable
from .problem import RootProblem
from .results import Reason, RootResult
from .solver import Attempt, RootSolver

_WITH_JACOBIAN = ("hybr", "lm")
_WITHOUT_JACOBIAN = (
    "krylov",
    "anderson",
    "broyden1",
    "broyden2",
    "df-sane",
    "linearmixing",
    "diagbroyden",
    "excitingmixing",
)


class _Own:
    """What the map itself raised, which is not for SciPy's failures to hide."""

    error: BaseException | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.error = error


@checked
@dataclass(frozen=True)
class ScipyRoot(RootSolver):
    """SciPy's root finders: an independent method to check ``Newton`` against, one start at a time on the CPU.

    Args:
        method: "hybr" (MINPACK's Powell hybrid), "lm", "krylov", or any other method of ``scipy.optimize.root``.
        tolerance: of the scaled residual, as ``RootSolver`` says, whatever SciPy itself reports.
    """

    method: str = "hybr"
    tolerance: float = 1e-11

    def __post_init__(self) -> None:
        known = (*_WITH_JACOBIAN, *_WITHOUT_JACOBIAN)
        if self.method not in known:
            raise ArgumentError("method", f"must be one of {', '.join(known)}; got {self.method!r}")

    def attempt(self, problem: RootProblem) -> Attempt:
        system, starts = problem.system, problem.starts
        unit, own = problem.units.cpu().double().numpy(), _Own()

        def residual(y: np.ndarray) -> np.ndarray:
            state = torch.from_numpy(unit * y).to(starts)
            with own:
                return (system(state) - state).cpu().double().numpy() / unit

        def jacobian(y: np.ndarray) -> np.ndarray:
            with own:
                matrix = system.jacobian(torch.from_numpy(unit * y).to(starts), problem.memory_budget)
            return matrix.cpu().double().numpy() * (unit / unit[:, None]) - np.eye(len(y))

        # hybr and lm count evaluations (lm under the name maxiter), the others iterations.
        evaluations = self.method in _WITH_JACOBIAN
        budget = {"maxfev" if self.method == "hybr" else "maxiter": problem.max_steps * (10 if evaluations else 1)}
        ends = starts.clone()
        reasons = torch.full((len(starts),), int(Reason.INTERRUPTED), device=starts.device)
        steps = torch.zeros(len(starts), dtype=torch.long, device=starts.device)
        with stoppable() as stop:
            for row in each(range(len(starts)), f"scipy {self.method}", problem.progress, unit="start"):
                try:
                    with np.errstate(all="ignore"):
                        answer = scipy.optimize.root(
                            residual,
                            starts[row].cpu().double().numpy() / unit,
                            method=self.method,
                            jac=jacobian if evaluations else None,
                            tol=0.01 * self.tolerance,
                            options=budget,
                        )
                except (ValueError, ZeroDivisionError, np.linalg.LinAlgError) as error:
                    if error is own.error:
                        raise
                    reasons[row] = Reason.NOT_FINITE
                    continue
                ends[row] = torch.from_numpy(unit * answer.x).to(starts)
                steps[row] = int(answer.get("nit", answer.get("nfev", 0)))
                reasons[row] = Reason.BUDGET if steps[row] >= problem.max_steps else Reason.STALLED
        errors = starts.new_full((len(starts),), torch.nan)
        return Attempt(RootResult(ends, errors, errors, reasons, steps, interrupted=bool(stop)))
