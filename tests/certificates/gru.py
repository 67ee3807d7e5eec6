"""A GRU's step and its fixed points in 60 digits, written out once more."""

from collections.abc import Sequence

import torch
from mpmath import matrix, mp, mpf
from torch import Tensor, nn

import rnn_dynamics as rd

Numbers = Sequence[mpf]
DIGITS = 60


def drawn(seed: int, n: int = 8) -> nn.GRU:
    """Weights large enough for several fixed points."""
    generator = torch.Generator().manual_seed(seed)
    module = nn.GRU(1, n, device="meta").to_empty(device="cpu")
    gain = float(2 + 3 * torch.rand((), generator=generator))
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(gain * torch.randn(weight.shape, generator=generator) / n**0.5)
    return module


class ExactGRU:
    """H' = (1 - z) tanh(W_n h + b_n) + z h with exact weights, input 0."""

    def __init__(self, module: nn.GRU) -> None:
        n = self.n = module.hidden_size
        parts = {name: weight.detach().double() for name, weight in module.named_parameters()}
        self.weights = [self._rows(part) for part in parts["weight_hh_l0"].split(n)]
        self.own = [self._numbers(part) for part in parts["bias_hh_l0"].split(n)]
        self.driven = [self._numbers(part) for part in parts["bias_ih_l0"].split(n)]

    @staticmethod
    def _numbers(part: Tensor) -> list[mpf]:
        return [mpf(x) for x in part.tolist()]

    @staticmethod
    def _rows(part: Tensor) -> list[list[mpf]]:
        return [[mpf(x) for x in row] for row in part.tolist()]

    def _drive(self, gate: int, h: Numbers) -> list[mpf]:
        return [b + mp.fdot(row, h) for row, b in zip(self.weights[gate], self.own[gate], strict=True)]

    def parts(self, h: Numbers) -> tuple[list[mpf], list[mpf], list[mpf], list[mpf]]:
        """R, z, the candidate, and what the reset gate multiplies."""

        def sigmoid(x: mpf) -> mpf:
            return 1 / (1 + mp.exp(-x))

        r = [sigmoid(a + b) for a, b in zip(self._drive(0, h), self.driven[0], strict=True)]
        z = [sigmoid(a + b) for a, b in zip(self._drive(1, h), self.driven[1], strict=True)]
        inner = self._drive(2, h)
        new = [mp.tanh(b + gate * own) for b, gate, own in zip(self.driven[2], r, inner, strict=True)]
        return r, z, new, inner

    def step(self, h: Numbers) -> list[mpf]:
        _, z, new, _ = self.parts(h)
        return [(1 - u) * c + u * x for u, c, x in zip(z, new, h, strict=True)]

    def jacobian(self, h: Numbers) -> matrix:
        r, z, new, inner = self.parts(h)
        result = matrix(self.n, self.n)
        for i in range(self.n):
            bend = (1 - z[i]) * (1 - new[i] ** 2)
            for j in range(self.n):
                by_reset = inner[i] * r[i] * (1 - r[i]) * self.weights[0][i][j]
                by_update = (h[i] - new[i]) * z[i] * (1 - z[i]) * self.weights[1][i][j]
                result[i, j] = bend * (by_reset + r[i] * self.weights[2][i][j]) + by_update + (z[i] if i == j else 0)
        return result

    def fixed_point(self, start: Tensor) -> list[mpf] | None:
        """By Newton's method from floats; None if it does not converge."""
        h = [mpf(x) for x in start.tolist()]
        for _ in range(12):
            gap = [after - x for after, x in zip(self.step(h), h, strict=True)]
            move = mp.lu_solve(mp.eye(self.n) - self.jacobian(h), matrix(gap))
            h = [x + d for x, d in zip(h, move, strict=True)]
            if max(abs(d) for d in move) < mpf(10) ** -50:
                return h
        return None


def contradictions(seed: int) -> tuple[int, list[str]]:
    """How many certificates a network gave, and what 60 digits say against them."""
    module = drawn(seed)
    system = rd.as_map(module).hold()
    points = rd.find_fixed_points(
        system, 2 * torch.rand(64, 8, generator=torch.Generator().manual_seed(seed)) - 1, extra_starts=64
    )
    proof = rd.certify(system, points)
    wrong = []
    with mp.workdps(DIGITS):
        exact = ExactGRU(module)
        for row in torch.nonzero(proof.proved).flatten().tolist():
            root = exact.fixed_point(proof.states[row])
            if root is None:
                wrong.append(f"{seed}, {row}: no fixed point in 60 digits")
                continue
            centers, errors = proof.states[row].tolist(), proof.errors[row][0].tolist()
            if any(abs(x - mpf(c)) > mpf(e) for x, c, e in zip(root, centers, errors, strict=True)):
                wrong.append(f"{seed}, {row}: outside the enclosure")
            values = mp.eig(exact.jacobian(root), left=False, right=False)
            moduli = [abs(value) for value in values]
            outside = sum(modulus > 1 for modulus in moduli)
            if max(moduli) > mpf(float(proof.spectral_radii[row])):
                wrong.append(f"{seed}, {row}: spectral radius")
            if {"stable": outside > 0, "unstable": outside == 0, "undecided": False}[proof.stability[row]]:
                wrong.append(f"{seed}, {row}: {proof.stability[row]}")
            if int(proof.n_unstable[row]) not in (-1, outside):
                wrong.append(f"{seed}, {row}: {outside} unstable directions")
            sign = mp.sign(mp.det(mp.eye(8) - exact.jacobian(root)))
            if int(proof.indices[row]) not in (0, int(sign)):
                wrong.append(f"{seed}, {row}: index")
    return int(proof.proved.sum()), wrong
