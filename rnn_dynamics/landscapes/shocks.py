"""The smallest shocks that take states out of their basins."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..systems import AutonomousMap
from .bisection import Ways, first_exits
from .sides import Sides, references

_WIDTH = 1e-6
"""To what share of its length a shock is bisected."""

_PARTED = 1e-2
"""Two orbits from either side of the boundary are followed until they are this far apart, as a share of the shock."""

_LONGEST = 2000
"""Steps for which they are followed."""

_ALIGNED = 1e-5
"""Of 1 - cos(shock, normal), below which it is normal to the boundary: a turn of 0.3 degrees, 1e-5 of its length."""


_AIMS = 6
"""Aims for each direction that is refined: four states of other basins, and two at random."""

_TOGETHER = 1024
"""Ways that are bisected at a time."""


@dataclass(frozen=True, eq=False)
class Shock:
    """A shock that was tried, and led elsewhere."""

    row: int  # of the attractor
    state: Tensor  # [n], of the attractor
    change: Tensor  # [n]
    target: int
    alignment: float
    """Cosine between it and the boundary's normal: 1 where no neighbour is shorter; NaN where no normal is known."""

    @property
    def size(self) -> float:
        return float(self.change.norm())


def fatal_shocks(
    sides: Sides, elsewhere: Sequence[Tensor], restarts: int, rounds: int, seed: int
) -> Iterator[dict[int, Shock]]:
    """The shortest shocks found out of the basins of the first attractors, better with every batch that is yielded.

    From an attractor towards states in other basins, and in random directions, the first exit is bisected. There two
    orbits on either side run along the boundary, as in edge tracking, until they part along e after T steps; then
    (DF^T)^T e is the boundary's normal, as all else in it has been contracted. The shock turns towards the normal while
    that makes it shorter: a descent of the distance to the boundary along each direction. The state where the pair was
    slowest is near the boundary's own saddle, and is tried too.

    Args:
        sides: labels of states.
        elsewhere: for each attractor states [q, n], in whatever basins, to aim at.
        restarts: directions that are refined, of each attractor.
        rounds: of turning.
        seed: of random directions.

    Yields:
        The best so far, by row; a row is missing while none of its trials has led elsewhere.
    """
    together = max(1, _TOGETHER // (_AIMS * restarts))
    best: dict[int, Shock] = {}
    for first in range(0, len(elsewhere), together):
        rows = range(first, min(first + together, len(elsewhere)))
        search = _Search(sides, rows)
        ways = [search.aims(row, elsewhere[row], restarts, seed) for row in rows]
        for _ in range(2):  # from the aims, then from the saddles that the first descent passed
            shocks = search.exits(ways)
            yield _improved(best, shocks)
            chosen = [shock for row in rows for shock in _distinct([s for s in shocks if s.row == row], restarts)]
            passed: list[tuple[int, Tensor]] = []
            for refined, slowest in search.refined(chosen, rounds):
                passed = slowest or passed
                yield _improved(best, refined)
            ways = [
                (row, *search.nearest(row, torch.stack(ends)))
                for row in rows
                if (ends := [end for own, end in passed if own == row])
            ]
            if not ways:
                break


def _improved(best: dict[int, Shock], shocks: list[Shock]) -> dict[int, Shock]:
    for shock in shocks:
        if shock.row not in best or shock.size <= best[shock.row].size:
            best[shock.row] = shock
    return best


def _distinct(shocks: list[Shock], most: int) -> list[Shock]:
    """The shortest, without those that point where a shorter one does."""
    chosen: list[Shock] = []
    for shock in sorted(shocks, key=lambda shock: shock.size):
        unit = shock.change / shock.size
        alike = (float(unit @ (other.change / other.size)) > 0.999 for other in chosen)
        if len(chosen) < most and not any(alike):
            chosen.append(shock)
    return chosen


class _Search:
    """For a few attractors at once: every batch of settling has its price, however small it is."""

    def __init__(self, sides: Sides, rows: Sequence[int]) -> None:
        self._sides = sides
        self._system: AutonomousMap = sides.system
        self._states = {row: references(sides.attractors, row) for row in rows}

    def nearest(self, row: int, ends: Tensor) -> tuple[Tensor, Tensor]:
        """The attractor's state nearest to each of ends [q, n], and the ends."""
        states = self._states[row]
        return states[torch.cdist(ends, states).argmin(dim=1)], ends

    def aims(self, row: int, elsewhere: Tensor, restarts: int, seed: int) -> tuple[int, Tensor, Tensor]:
        """From which states of the attractor to which ends shocks are tried."""
        states = self._states[row]
        n = states.shape[-1]
        given = elsewhere[torch.cdist(elsewhere, states).amin(dim=1).argsort(stable=True)]
        extent = float(torch.cdist(elsewhere, states).max()) if len(elsewhere) else 1.0
        drawn = torch.randn(2 * restarts, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        drawn = drawn.to(states) * (extent / drawn.norm(dim=-1, keepdim=True).to(states))
        around = states[torch.arange(len(drawn), device=drawn.device) % len(states)] + drawn
        return row, *self.nearest(row, torch.cat([given[: (_AIMS - 2) * restarts], around]))

    def exits(self, ways: Sequence[tuple[int, Tensor, Tensor]]) -> list[Shock]:
        """The first exit from each state towards its end, where there is one; by row of the attractor."""
        own = torch.tensor([row for row, states, _ in ways for _ in states])
        states = torch.cat([states for _, states, _ in ways])
        changes = torch.cat([ends for _, _, ends in ways]) - states
        _, high, targets = first_exits(_straight(states, changes), own, self._sides, _WIDTH)
        return [
            Shock(int(own[k]), states[k], float(high[k]) * changes[k], int(targets[k]), torch.nan)
            for k in high.isfinite().nonzero().flatten().tolist()
            if float(high[k]) * float(changes[k].norm()) > 0
        ]

    def refined(self, shocks: list[Shock], rounds: int) -> Iterator[tuple[list[Shock], list[tuple[int, Tensor]]]]:
        """Round by round the shocks that are done, and at first the slowest states that orbits on the boundary passed.

        The last have come as far as rounds went.
        """
        turning = [(shock, 1.0) for shock in shocks]
        for number in range(rounds + 1):
            if not turning:
                break
            normals, slowest = self._normals([shock for shock, _ in turning])
            passed = [] if number else [(shock.row, end) for (shock, _), end in zip(turning, slowest, strict=True)]
            done: list[Shock] = []
            known: list[tuple[Shock, Tensor, float]] = []
            for (shock, turn), normal in zip(turning, normals, strict=True):
                cosine = float(normal @ shock.change) / shock.size
                side = -1.0 if cosine < 0 else 1.0
                aligned = Shock(shock.row, shock.state, shock.change, shock.target, abs(cosine))
                if number == rounds or not abs(cosine) < 1 - _ALIGNED or turn < 1e-3:
                    done.append(aligned)
                else:
                    known.append((aligned, side * normal, turn))
            turning = self._turned(known)
            yield done + [shock for shock, _ in turning], passed

    def _turned(self, known: list[tuple[Shock, Tensor, float]]) -> list[tuple[Shock, float]]:
        """Each turned towards its normal where that made it shorter, else with half the turn for the next round."""
        if not known:
            return []
        states = torch.stack([shock.state for shock, _, _ in known])
        ends = []
        for shock, normal, turn in known:
            unit = (1 - turn) * shock.change / shock.size + turn * normal
            ends.append(shock.state + shock.size * unit / unit.norm())
        turned: list[tuple[Shock, float]] = []
        changes = torch.stack(ends) - states

        own = torch.tensor([shock.row for shock, _, _ in known])
        _, high, targets = first_exits(_straight(states, changes), own, self._sides, _WIDTH)
        for index, (shock, _, turn) in enumerate(known):
            if bool(high[index].isfinite()) and float(high[index]) < 1 - _WIDTH:
                change = float(high[index]) * changes[index]
                turned.append(
                    (Shock(shock.row, shock.state, change, int(targets[index]), torch.nan), min(1.0, 2 * turn))
                )
            else:
                turned.append((shock, turn / 2))
        return turned

    def _normals(self, shocks: list[Shock]) -> tuple[Tensor, Tensor]:
        """Unit normals of the boundary at each shock's end, NaN where its orbits did not part; slowest states."""
        outer = torch.stack([shock.state + shock.change for shock in shocks])
        inner = torch.stack([shock.state + (1 - 2 * _WIDTH) * shock.change for shock in shocks])
        sizes = torch.stack([shock.change.norm() for shock in shocks])
        path, parted = [], torch.full((len(shocks),), -1)
        normals, slowest = torch.full_like(outer, torch.nan), outer.clone()
        speeds = torch.full_like(sizes, torch.inf)
        for step in range(_LONGEST):
            gap = outer - inner
            apart = (gap.norm(dim=-1) > _PARTED * sizes) | ~gap.isfinite().all(dim=-1)
            fresh = apart.cpu() & (parted < 0)
            if bool(fresh.any()):
                normals[fresh] = gap[fresh] / gap[fresh].norm(dim=-1, keepdim=True)
                parted[fresh] = step
            if bool((parted >= 0).all()):
                break
            middle = (inner + outer) / 2
            path.append(middle)
            inner, outer, after = self._system(inner), self._system(outer), self._system(middle)
            moved = (after - middle).norm(dim=-1)
            slower = (moved < speeds) & (parted < 0).to(moved.device)
            speeds, slowest = torch.where(slower, moved, speeds), torch.where(slower[:, None], middle, slowest)
        for step in range(len(path) - 1, -1, -1):
            rows = (parted > step).nonzero().flatten().to(outer.device)
            if len(rows):
                carried = self._system.jacobian(path[step][rows]).mT @ normals[rows, :, None]
                normals[rows] = carried[..., 0] / carried[..., 0].norm(dim=-1, keepdim=True)
        return normals, slowest


def _straight(states: Tensor, changes: Tensor) -> Ways:
    """The ways from states [q, n] along changes [q, n]."""

    def way(rows: Tensor, shares: Tensor) -> Tensor:
        rows = rows.to(states.device)
        return states[rows] + shares.to(states)[:, None] * changes[rows]

    return way
