"""Roots that rows have ended at: what is led to one of these by its own Jacobian need not go there by Newton's method.

A step of Newton's method takes a factorisation for every row; the chord step h - A^-1 (G(h) - h) with A = DG - I at a
known root p, a product with a matrix that all rows near p share.
"""

import torch
from torch import Tensor

from ..linear_algebra import inverted
from ..systems import AutonomousMap, scaled_norm, warped

_CONTRACTION, _STEPS = 0.1, 2
"""A row is led to p if two chord steps in turn leave it ten times nearer to p than it was. Where another root is at a
distance d, the part of G that is not linear keeps all but rows within some d / 10 from that."""

_THERE = 1e-10
"""Relative: rows this near to p are there, where rounding may keep a step from coming nearer."""

_SAME = 1e-9
"""Rows within 1e-9 of one another ended at one root."""

_COMMON = 0.5
"""A root that two rows ended at will be met again, and its inverse, which costs two Newton steps, is worth having; and
one that a single row ended at, as long as no more than half of the roots are such."""

_MOST, _CANDIDATES = 128, 512


class KnownRoots:
    """The regular roots of G(h) = h that rows ended at, and are likely to end at again."""

    def __init__(self, equation: AutonomousMap, units: Tensor, memory_budget: int) -> None:
        self._equation, self._units = equation, units
        acting = equation.acting
        self._acting = slice(None) if acting is None else acting.nonzero().squeeze(-1)
        n = len(units[self._acting])
        self._room = min(_MOST, memory_budget // (4 * n**2 * units.element_size()))
        self._ended = units.new_empty(0, n)  # the distinct states that rows ended at
        self._rows = torch.empty(0, dtype=torch.long)  # of each the row that was the first
        self._hits = torch.empty(0, dtype=torch.long)
        self._roots = torch.empty(0, dtype=torch.long)  # places among these
        self._inverses = units.new_empty(0, n, n)

    def __len__(self) -> int:
        return len(self._roots)

    def enter(self, rows: Tensor, states: Tensor, likely: bool = False) -> None:
        """Take note of where the ``rows`` [k] of a batch ended: at ``states`` [k, n], ``likely`` to be met again."""
        if not len(rows) or self._room <= 0 or len(self._ended) >= _CANDIDATES:
            return
        acting = states[:, self._acting]
        everyone = warped(torch.cat([self._ended, acting]), self._units[self._acting])
        # Not by products, which leave a distance of 1e-8 to equal rows.
        apart = torch.cdist(everyone[len(self._ended) :], everyone, compute_mode="donot_use_mm_for_euclid_dist")
        near = apart <= _SAME * everyone.norm(dim=-1).clamp(min=1.0)
        first = near.int().argmax(dim=-1)  # of all that are the same, a root noted before or the first row
        places, group = first.unique(return_inverse=True)
        fresh = places[places >= len(self._ended)] - len(self._ended)
        known = places[places < len(self._ended)]
        counts = torch.bincount(group, minlength=len(places))
        self._hits[known] += counts[: len(known)]
        self._ended = torch.cat([self._ended, acting[fresh]])
        self._rows = torch.cat([self._rows, rows[fresh]])
        self._hits = torch.cat([self._hits, counts[len(known) :]])
        rare = not likely and (self._hits == 1).sum() > _COMMON * len(self._hits)
        again = (self._hits > 1).nonzero().squeeze(-1) if rare else torch.arange(len(self._hits))
        again = again[~torch.isin(again, self._roots)][: self._room - len(self._roots)]
        if len(again):
            self._add(again, states)

    def _add(self, places: Tensor, like: Tensor) -> None:
        states = like.new_zeros(len(places), like.shape[1])
        states[:, self._acting] = self._ended[places]
        matrices = self._equation.linearize(states)[1].dense()[:, self._acting][:, :, self._acting]
        matrices.diagonal(dim1=-2, dim2=-1).sub_(1.0)
        inverses = inverted(matrices)
        regular = inverses.isfinite().all(dim=-1).all(dim=-1)
        self._roots = torch.cat([self._roots, places[regular]])
        self._inverses = torch.cat([self._inverses, inverses[regular]])

    def reached(self, states: Tensor, residuals: Tensor) -> Tensor:
        """For each of ``states`` [k, n], with G(h) - h, the row that ended at the root to which it is led; or -1."""
        owner = torch.full((len(states),), -1)
        if not len(self._roots) or not len(states):
            return owner
        roots, units = self._ended[self._roots], self._units[self._acting]
        here, away = states[:, self._acting], residuals[:, self._acting]
        nearest = torch.cdist(warped(here, units), warped(roots, units)).argmin(dim=-1)
        left = torch.arange(len(states))
        gap = scaled_norm(here - roots[nearest], roots[nearest], units)
        for step in range(_STEPS):
            here = here + self._chord(away, nearest[left])
            target = roots[nearest[left]]
            nearer = scaled_norm(here - target, target, units)
            led = nearer <= (_CONTRACTION * gap).clamp(min=_THERE)
            left, here, gap = left[led], here[led], nearer[led]
            if step + 1 < _STEPS and len(left):
                trial = states[left]
                trial[:, self._acting] = here
                away = (self._equation(trial) - trial)[:, self._acting]
            elif not len(left):
                break
        owner[left] = self._rows[self._roots[nearest[left]]]
        return owner

    def _chord(self, residuals: Tensor, nearest: Tensor) -> Tensor:
        """-A^-1 r for residuals r [k, n], A of the nearest root of each."""
        order = nearest.argsort()
        counts = torch.bincount(nearest, minlength=len(self._roots)).tolist()
        parts = zip(residuals[order].split(counts), self._inverses, strict=True)
        steps = torch.cat([part @ inverse.T for part, inverse in parts if len(part)])
        return -torch.empty_like(steps).index_copy_(0, order, steps)
