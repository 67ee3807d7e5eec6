"""Recurrent networks written as the field writes them, each with its step in NumPy, written anew from its weights."""

import math
import warnings
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.special
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

N, M = 6, 2
Array = np.ndarray


@dataclass(frozen=True)
class Written:
    """A network of the field: the module, and its step in NumPy."""

    module: nn.Module
    step: Callable[[Array, Array], Array]
    state_size: int = N
    options: dict[str, Any] = field(default_factory=dict)
    """Of ``as_map``."""


def _np(tensor: torch.Tensor) -> Array:
    return tensor.detach().double().numpy()


def _sigmoid(x: Array) -> Array:
    return scipy.special.expit(x)


class LeakyCell(nn.Module):
    """A rate network's step, input before state, as torch's cells."""

    def __init__(self, f=torch.tanh, alpha=0.2, noise=0.0):
        super().__init__()
        self.w_in, self.w_rec = nn.Linear(M, N), nn.Linear(N, N, bias=False)
        self.f, self.alpha, self.sigma = f, alpha, noise
        with torch.no_grad():
            self.w_rec.weight.mul_(3.0)

    def forward(self, x, h):
        drive = self.w_rec(self.f(h)) + self.w_in(x) + self.sigma * torch.randn_like(h)
        return h + self.alpha * (-h + drive)


def _leaky(cell, f, inside=True):
    w, u, b = _np(cell.w_rec.weight), _np(cell.w_in.weight), _np(cell.w_in.bias)
    a = cell.alpha
    if inside:
        return lambda h, x: h + a * (-h + f(h) @ w.T + x @ u.T + b)
    return lambda h, x: (1 - a) * h + a * f(h @ w.T + x @ u.T + b)


def leaky_cell() -> Written:
    """Input before state."""
    cell = LeakyCell()
    return Written(cell, _leaky(cell, np.tanh))


class StateFirst(LeakyCell):
    """State before input, the non-linearity outside."""

    def forward(self, state, input):
        return (1 - self.alpha) * state + self.alpha * self.f(self.w_rec(state) + self.w_in(input))


def state_first() -> Written:
    """State before input."""
    cell = StateFirst(torch.relu)
    return Written(cell, _leaky(cell, lambda x: np.maximum(x, 0), inside=False))


def noisy_cell() -> Written:
    """Noise on the drive."""
    cell = LeakyCell(noise=0.1)
    return Written(cell, _leaky(cell, np.tanh))


class NoiseWithin(StateFirst):
    """Noise within the non-linearity, of a size that has a name."""

    def forward(self, state, input):
        drive = self.w_rec(state) + self.w_in(input) + self.sigma * torch.randn_like(state)
        return (1 - self.alpha) * state + self.alpha * self.f(drive)


def noise_within() -> Written:
    """Noise within the non-linearity."""
    cell = NoiseWithin(noise=0.1)
    return Written(cell, _leaky(cell, np.tanh, inside=False))


class CTRNN(nn.Module):
    """A continuous-time network over a sequence [time, batch], as tutorials have it."""

    def __init__(self, batch_first=False):
        super().__init__()
        self.input_size, self.hidden_size, self.batch_first = M, N, batch_first
        self.tau, self.dt = 100, 20
        self.alpha = self.dt / self.tau
        self.input2h, self.h2h = nn.Linear(M, N), nn.Linear(N, N)
        with torch.no_grad():
            self.h2h.weight.mul_(4.0)

    def recurrence(self, input, hidden):
        pre = self.input2h(input) + self.h2h(hidden)
        return hidden * (1 - self.alpha) + self.alpha * torch.tanh(pre)

    def forward(self, input, hidden=None):
        if self.batch_first:
            input = input.transpose(0, 1)
        if hidden is None:
            hidden = torch.zeros(input.shape[1], self.hidden_size, device=input.device)
        output = []
        for i in range(input.size(0)):
            hidden = self.recurrence(input[i], hidden)
            output.append(hidden)
        output = torch.stack(output)
        return output.transpose(0, 1) if self.batch_first else output, hidden


def _ctrnn(net):
    w, b = _np(net.h2h.weight), _np(net.h2h.bias) + _np(net.input2h.bias)
    u, a = _np(net.input2h.weight), net.alpha
    return lambda h, x: (1 - a) * h + a * np.tanh(h @ w.T + x @ u.T + b)


def time_first() -> Written:
    """Over time, time first."""
    net = CTRNN()
    return Written(net, _ctrnn(net))


def batch_first() -> Written:
    """Over time, batch first."""
    net = CTRNN(batch_first=True)
    return Written(net, _ctrnn(net))


class RateNet(nn.Module):
    """A whole model: a rate network over time with a readout."""

    def __init__(self):
        super().__init__()
        self.rnn, self.fc = CTRNN(), nn.Linear(N, 3)

    def forward(self, x):
        activity, _ = self.rnn(x)
        return self.fc(activity), activity


def wrapped() -> Written:
    """A rate network within a model that takes no state."""
    model = RateNet()
    return Written(model, _ctrnn(model.rnn))


class EIRNN(nn.Module):
    """Excitatory and inhibitory units: a mask that is no buffer, a state of two tensors, noise added in place."""

    def __init__(self):
        super().__init__()
        self.input_size, self.hidden_size = M, N
        self.e_size = int(0.8 * N)
        self.alpha, self._sigma_rec = 0.2, 0.05
        self.input2h, self.weight = nn.Linear(M, N), nn.Parameter(0.5 * torch.rand(N, N))
        mask = np.tile([1] * self.e_size + [-1] * (N - self.e_size), (N, 1))
        np.fill_diagonal(mask, 0)
        self.mask = torch.tensor(mask, dtype=torch.float32)

    def init_hidden(self, input):
        return (torch.zeros(input.shape[1], N), torch.zeros(input.shape[1], N))

    def forward(self, input, hidden=None):
        state, rate = self.init_hidden(input) if hidden is None else hidden
        rates = []
        for x in input:
            total = self.input2h(x) + nn.functional.linear(rate, torch.abs(self.weight) * self.mask)
            state = state * (1 - self.alpha) + total * self.alpha
            state += self._sigma_rec * torch.randn_like(state)
            rate = torch.relu(state)
            rates.append(rate)
        return torch.stack(rates), (state, rate)


def excitatory_inhibitory() -> Written:
    """Signs by a mask, and two tensors of which one is the other's rate."""
    net = EIRNN()
    w, u, b = _np(net.weight.abs() * net.mask), _np(net.input2h.weight), _np(net.input2h.bias)

    def step(h: Array, x: Array) -> Array:
        state, rate = h[..., :N], h[..., N:]
        state = 0.8 * state + 0.2 * (rate @ w.T + x @ u.T + b)
        return np.concatenate([state, np.maximum(state, 0)], axis=-1)

    return Written(net, step, 2 * N)


class LowRank(nn.Module):
    """Low rank, scaled proxies that are no leaves, noise, outputs first, states on request, float32 within."""

    def __init__(self, rank=2):
        super().__init__()
        self.input_size, self.hidden_size, self.output_size, self.rank = M, N, 1, rank
        self.noise_std, self.alpha = 0.05, 0.2
        self.m, self.n = nn.Parameter(torch.randn(N, rank)), nn.Parameter(torch.randn(N, rank))
        self.wi, self.si = nn.Parameter(torch.randn(M, N)), nn.Parameter(torch.ones(M))
        self.wo, self.h0 = nn.Parameter(torch.randn(N, 1)), nn.Parameter(torch.zeros(N))
        self.wi_full = None
        with torch.no_grad():
            self.n.mul_(2).add_(self.m)
        self._define()

    def _define(self):
        self.wi_full = (self.wi.t() * self.si).t()

    def forward(self, input, return_dynamics=False, initial_states=None):
        batch, steps = input.shape[0], input.shape[1]
        h = (self.h0 if initial_states is None else initial_states).clone()
        r = torch.tanh(h)
        self._define()
        noise = torch.randn(batch, steps, self.hidden_size)
        output = torch.zeros(batch, steps, self.output_size)
        if return_dynamics:
            trajectories = torch.zeros(batch, steps + 1, self.hidden_size)
            trajectories[:, 0, :] = h
        for i in range(steps):
            drive = r.matmul(self.n).matmul(self.m.t()) / self.hidden_size + input[:, i].matmul(self.wi_full)
            h = h + self.noise_std * noise[:, i] + self.alpha * (-h + drive)
            r = torch.tanh(h)
            output[:, i] = r @ self.wo
            if return_dynamics:
                trajectories[:, i + 1] = h
        return (output, trajectories) if return_dynamics else output


def _low_rank(net):
    m, n, wi = _np(net.m), _np(net.n), _np(net.wi)
    return lambda h, x: h + 0.2 * (-h + np.tanh(h) @ n @ m.T / N + x @ wi)


def low_rank() -> Written:
    """Low rank, its first states a keyword."""
    net = LowRank()
    return Written(net, _low_rank(net))


class LowRankOwnStart(LowRank):
    """The same, but it takes no first states: it begins where its own attribute says."""

    def forward(self, input, return_dynamics=False):
        return super().forward(input, return_dynamics, None)


def low_rank_own_start() -> Written:
    """Low rank, its first state an attribute of its own."""
    net = LowRankOwnStart()
    return Written(net, _low_rank(net))


class SettingsCell(nn.Module):
    """A cell whose settings are a dict, which takes a third argument, noise, and returns its output too."""

    def __init__(self, params):
        super().__init__()
        self.params = params
        self.w_inp = nn.Parameter(torch.randn(params["n_inp"], params["n_rec"]))
        self.w_rec = nn.Parameter(torch.randn(params["n_rec"], params["n_rec"]))
        self.w_out = nn.Parameter(torch.randn(params["n_rec"], 1))
        self.taus_gaus = nn.Parameter(torch.full((1,), 5.0), requires_grad=False)
        self.project_taus = lambda taus, tau: taus

    def forward(self, input, x, noise=0):
        alpha = 1.0 / self.project_taus(self.taus_gaus, 5.0)
        drive = torch.matmul(torch.relu(x), self.w_rec.t()) + input.matmul(self.w_inp)
        x = (1 - alpha) * x + alpha * drive.clamp(-3, 3) + torch.sqrt(2 * alpha) * noise
        return x, torch.relu(x).matmul(self.w_out)


class SettingsNet(nn.Module):
    """The network over it: noise drawn ahead in float32, rates and outputs written into float32 tensors."""

    def __init__(self, params):
        super().__init__()
        self.params, self.rnn = params, SettingsCell(params)
        self.x0 = nn.Parameter(torch.zeros(1, params["n_rec"]), requires_grad=False)

    def forward(self, input, x0=None):
        batch, steps = input.size(0), input.size(1)
        noise = torch.randn(batch, steps, self.params["n_rec"], dtype=torch.float32) * self.params["noise_std"]
        outputs = torch.zeros(batch, steps, 1, dtype=torch.float32)
        rates = torch.zeros(batch, steps, self.params["n_rec"], dtype=torch.float32)
        h_t = torch.tile(self.x0, dims=(batch, 1)) if x0 is None else x0
        for i, input_t in enumerate(input.split(1, dim=1)):
            h_t, output = self.rnn(input_t.squeeze(dim=1), h_t, noise[:, i])
            rates[:, i] = h_t
            outputs[:, i] = output
        return rates, outputs


PARAMS = {"n_inp": M, "n_rec": N, "n_out": 1, "noise_std": 0.05}


def _settings(cell):
    w, u = _np(cell.w_rec), _np(cell.w_inp)
    return lambda h, x: 0.8 * h + 0.2 * np.clip(np.maximum(h, 0) @ w.T + x @ u, -3, 3)


def settings_cell() -> Written:
    """The cell: input first, an x that is the state, noise an argument."""
    cell = SettingsCell(PARAMS)
    return Written(cell, _settings(cell))


def settings_net() -> Written:
    """The network: rates over time first, outputs second."""
    net = SettingsNet(PARAMS)
    return Written(net, _settings(net.rnn))


class OwnGRU(nn.Module):
    """A GRU of its own, a keyword for the state, settings in a Namespace, output and state returned in a dict."""

    def __init__(self, args):
        super().__init__()
        self.args = args
        self.gates, self.candidate = nn.Linear(M + N, 2 * N), nn.Linear(M + N, N)
        with torch.no_grad():
            self.candidate.weight.mul_(4.0)

    def forward(self, x, h=None):
        h = x.new_zeros(len(x), self.args.hidden_dim) if h is None else h
        z, r = torch.sigmoid(self.gates(torch.cat([x, h], -1))).chunk(2, -1)
        new = torch.tanh(self.candidate(torch.cat([x, r * h], -1)))
        h = (1 - z) * h + z * new
        return {"output": h.sum(-1), "hidden": h}


def own_gru() -> Written:
    """A gated unit that resets before its matrix."""
    net = OwnGRU(Namespace(hidden_dim=N, input_dim=M, lr=1e-3))
    wg, bg = _np(net.gates.weight), _np(net.gates.bias)
    wc, bc = _np(net.candidate.weight), _np(net.candidate.bias)

    def step(h: Array, x: Array) -> Array:
        x = np.broadcast_to(x, (*h.shape[:-1], M))
        z, r = np.split(_sigmoid(np.concatenate([x, h], -1) @ wg.T + bg), 2, axis=-1)
        return (1 - z) * h + z * np.tanh(np.concatenate([x, r * h], -1) @ wc.T + bc)

    return Written(net, step)


class OwnLSTM(nn.Module):
    """An LSTM cell with peepholes; its state is a pair."""

    def __init__(self):
        super().__init__()
        self.hidden_size, self.input_size = N, M
        self.linear, self.peep = nn.Linear(M + N, 4 * N), nn.Parameter(torch.randn(3, N))

    def forward(self, input, state):
        h, c = state
        i, f, o, g = self.linear(torch.cat([input, h], -1)).chunk(4, -1)
        i, f = torch.sigmoid(i + self.peep[0] * c), torch.sigmoid(f + self.peep[1] * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + self.peep[2] * c) * torch.tanh(c)
        return h, (h, c)


def own_lstm() -> Written:
    """Peepholes, a pair of tensors."""
    net = OwnLSTM()
    w, b, p = _np(net.linear.weight), _np(net.linear.bias), _np(net.peep)

    def step(s: Array, x: Array) -> Array:
        h, c = s[..., :N], s[..., N:]
        x = np.broadcast_to(x, (*h.shape[:-1], M))
        i, f, o, g = np.split(np.concatenate([x, h], -1) @ w.T + b, 4, axis=-1)
        c = _sigmoid(f + p[1] * c) * c + _sigmoid(i + p[0] * c) * np.tanh(g)
        return np.concatenate([_sigmoid(o + p[2] * c) * np.tanh(c), c], -1)

    return Written(net, step, 2 * N)


class OwnForward(nn.RNN):
    """A torch RNN with a forward of its own: leaky."""

    def forward(self, input, hx=None):
        h = input.new_zeros(1, input.shape[1], self.hidden_size) if hx is None else hx
        outputs = []
        for x in input:
            h = 0.5 * h + 0.5 * super().forward(x.unsqueeze(0), h)[1]
            outputs.append(h[-1])
        return torch.stack(outputs), h


def _elman(net):
    w, u, b = _np(net.weight_hh_l0), _np(net.weight_ih_l0), _np(net.bias_ih_l0) + _np(net.bias_hh_l0)
    return lambda h, x: np.tanh(h @ w.T + x @ u.T + b)


def own_forward() -> Written:
    """A subclass of nn.RNN that is none."""
    net = OwnForward(M, N)
    inner = _elman(net)
    return Written(net, lambda h, x: 0.5 * h + 0.5 * inner(h, x))


def compiled() -> Written:
    """A compiled rate network."""
    net = CTRNN()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own
        return Written(torch.compile(net), _ctrnn(net))


def data_parallel() -> Written:
    """A rate network in DataParallel."""
    net = CTRNN()
    return Written(nn.DataParallel(net), _ctrnn(net))


def weight_normed() -> Written:
    """Weights that weight_norm computes."""
    net = CTRNN()
    parametrizations.weight_norm(net.h2h)
    parts = net.h2h.parametrizations.weight
    size, direction = _np(parts.original0), _np(parts.original1)
    weight = size * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    b, u = _np(net.h2h.bias) + _np(net.input2h.bias), _np(net.input2h.weight)
    return Written(net, lambda h, x: 0.8 * h + 0.2 * np.tanh(h @ weight.T + x @ u.T + b))


class _Signed(nn.Module):
    def __init__(self, signs):
        super().__init__()
        self.register_buffer("signs", signs)

    def forward(self, weight):
        return weight.abs() * self.signs


def parametrized() -> Written:
    """Dale's law as a parametrization."""
    net = CTRNN()
    parametrize.register_parametrization(net.h2h, "weight", _Signed(torch.tensor([1.0, 1, 1, 1, -1, -1])))
    return Written(net, _ctrnn(net))


class LRU(nn.Module):
    """A linear recurrent unit: complex diagonal, complex input matrix, over a sequence [batch, time]."""

    def __init__(self):
        super().__init__()
        self.state_dim = N
        self.nu, self.theta = nn.Parameter(torch.rand(N)), nn.Parameter(torch.rand(N))
        self.B = nn.Parameter(torch.randn(N, M, dtype=torch.complex64))

    def forward(self, inputs, state=None):
        lam = torch.exp(torch.complex(-torch.exp(self.nu), torch.exp(self.theta)))
        state = torch.zeros(len(inputs), N, dtype=torch.complex64) if state is None else state
        states = []
        for t in range(inputs.shape[1]):
            state = lam * state + inputs[:, t].to(self.B.dtype) @ self.B.T
            states.append(state)
        return torch.stack(states, 1).real, state


def complex_diagonal() -> Written:
    """A complex state."""
    net = LRU()
    lam = np.exp(-np.exp(_np(net.nu)) + 1j * np.exp(_np(net.theta)))
    b = net.B.detach().to(torch.complex128).numpy()

    def step(h: Array, x: Array) -> Array:
        z = lam * (h[..., :N] + 1j * h[..., N:]) + x @ b.T
        return np.concatenate([z.real, z.imag], -1)

    return Written(net, step, 2 * N)


def half() -> Written:
    """Weights in bfloat16."""
    net = CTRNN().to(torch.bfloat16)
    return Written(net, _ctrnn(net))


class Branching(nn.Module):
    """A step for one state alone, that branches on its values and writes in place."""

    def __init__(self):
        super().__init__()
        self.w, self.u = nn.Parameter(torch.randn(N, N) / 2), nn.Parameter(torch.randn(N, M))

    def forward(self, state, input):
        new = torch.zeros_like(state)
        for i in range(N):
            total = (self.w[i] * state).sum() + (self.u[i] * input).sum()
            new[i] = torch.tanh(total) if total > -0.5 else 0.5 * total - 0.2
        return new


def branching() -> Written:
    """Neither batches nor vmap."""
    net = Branching()
    w, u = _np(net.w), _np(net.u)

    def step(h: Array, x: Array) -> Array:
        total = h @ w.T + x @ u.T
        return np.where(total > -0.5, np.tanh(total), 0.5 * total - 0.2)

    return Written(net, step, options={"state_size": N, "input_size": M})


class Stacked(nn.Module):
    """Two layers of its own, states [layers, batch, units]."""

    def __init__(self):
        super().__init__()
        self.n_units, self.n_inputs = 3, M
        self.cells = nn.ModuleList([nn.Linear(M + 3, 3), nn.Linear(6, 3)])
        with torch.no_grad():
            for cell in self.cells:
                cell.weight.mul_(2.0)

    def forward(self, x, h):
        outputs = []
        for t in range(x.shape[1]):
            inner, states = x[:, t], []
            for cell, own in zip(self.cells, h, strict=True):
                inner = torch.tanh(cell(torch.cat([inner, own], -1)))
                states.append(inner)
            h = torch.stack(states)
            outputs.append(inner)
        return torch.stack(outputs, 1), h

    def init_state(self, batch):
        return torch.zeros(2, batch, 3)


def stacked() -> Written:
    """Two layers of its own."""
    net = Stacked()
    (w1, b1), (w2, b2) = ((_np(cell.weight), _np(cell.bias)) for cell in net.cells)

    def step(h: Array, x: Array) -> Array:
        x = np.broadcast_to(x, (*h.shape[:-1], M))
        one = np.tanh(np.concatenate([x, h[..., :3]], -1) @ w1.T + b1)
        two = np.tanh(np.concatenate([one, h[..., 3:]], -1) @ w2.T + b2)
        return np.concatenate([one, two], -1)

    return Written(net, step)


class GRUModel(nn.Module):
    """A torch GRU between an encoder and a readout, called with its own state."""

    def __init__(self):
        super().__init__()
        self.encoder, self.rnn, self.readout = nn.Linear(M, 4), nn.GRU(4, N, batch_first=True), nn.Linear(N, 1)

    def forward(self, x, hidden=None):
        out, hidden = self.rnn(torch.relu(self.encoder(x)), hidden)
        return self.readout(out), hidden


def _gru(gru, encode):
    w, u = _np(gru.weight_hh_l0), _np(gru.weight_ih_l0)
    bw, bu = _np(gru.bias_hh_l0), _np(gru.bias_ih_l0)

    def step(h: Array, x: Array) -> Array:
        hr, hz, hn = np.split(h @ w.T + bw, 3, -1)
        ir, iz, in_ = np.split(encode(x) @ u.T + bu, 3, -1)
        r, z = _sigmoid(hr + ir), _sigmoid(hz + iz)
        return (1 - z) * np.tanh(in_ + r * hn) + z * h

    return step


def gru_model() -> Written:
    """A model with encoder, called with its state: the encoder is part of the map."""
    model = GRUModel()
    we, be = _np(model.encoder.weight), _np(model.encoder.bias)
    return Written(model, _gru(model.rnn, lambda x: np.maximum(x @ we.T + be, 0)))


class Policy(nn.Module):
    """A torch GRUCell that takes its inputs as they are, beside heads that read it."""

    def __init__(self):
        super().__init__()
        self.core, self.pi, self.v = nn.GRUCell(M, N), nn.Linear(N, 2), nn.Linear(N, 1)

    def forward(self, obs, carry):
        carry = self.core(obs, carry)
        return (self.pi(carry), self.v(carry)), carry


def policy() -> Written:
    """A policy: its map is that of the cell within."""
    net = Policy()
    cell = net.core
    twin = Namespace(
        weight_hh_l0=cell.weight_hh, weight_ih_l0=cell.weight_ih, bias_hh_l0=cell.bias_hh, bias_ih_l0=cell.bias_ih
    )
    return Written(net, _gru(twin, lambda x: x))


class Reservoir(nn.Module):
    """An echo-state network whose matrices are plain attributes."""

    def __init__(self):
        super().__init__()
        self.W, self.Win = torch.randn(N, N) / math.sqrt(N), torch.randn(N, M)
        self.leak = 0.3

    def forward(self, u, state):
        return (1 - self.leak) * state + self.leak * torch.tanh(state @ self.W.T + u @ self.Win.T)


def reservoir() -> Written:
    """No parameters at all; sizes given."""
    net = Reservoir()
    w, u = _np(net.W), _np(net.Win)
    step = lambda h, x: 0.7 * h + 0.3 * np.tanh(h @ w.T + x @ u.T)  # noqa: E731
    return Written(net, step, options={"state_size": N, "input_size": M})


class ShallowPL(nn.Module):
    """A piecewise linear network: a diagonal part and a low-rank one over clipped bases."""

    def __init__(self):
        super().__init__()
        self.latent_size, self.input_dim = N, M
        self.A, self.W1, self.W2 = (
            nn.Parameter(torch.rand(N)),
            nn.Parameter(torch.randn(N, 8) / 4),
            nn.Parameter(torch.randn(8, N)),
        )
        self.h1, self.h2, self.C = (
            nn.Parameter(torch.randn(N)),
            nn.Parameter(torch.randn(8)),
            nn.Parameter(torch.randn(N, M)),
        )

    def forward(self, z, s):
        return (
            self.A * z
            + (torch.relu(z @ self.W2.T + self.h2) - torch.relu(z @ self.W2.T)) @ self.W1.T
            + self.h1
            + s @ self.C.T
        )


def piecewise_linear() -> Written:
    """Names that tell nothing: the order is given."""
    net = ShallowPL()
    a, w1, w2, h1, h2, c = map(_np, (net.A, net.W1, net.W2, net.h1, net.h2, net.C))

    def step(z: Array, s: Array) -> Array:
        return a * z + (np.maximum(z @ w2.T + h2, 0) - np.maximum(z @ w2.T, 0)) @ w1.T + h1 + s @ c.T

    return Written(net, step, options={"protocol": "state, input"})


class Encoded(nn.Module):
    """Torch's LSTM in a model without a state."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(M, N, batch_first=True), nn.Linear(N, 4)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def classifier() -> Written:
    """A classifier: the one recurrent child."""
    model = Encoded()
    lstm = model.rnn
    w, u, b = _np(lstm.weight_hh_l0), _np(lstm.weight_ih_l0), _np(lstm.bias_hh_l0) + _np(lstm.bias_ih_l0)

    def step(s: Array, x: Array) -> Array:
        h, c = s[..., :N], s[..., N:]
        i, f, g, o = np.split(h @ w.T + x @ u.T + b, 4, -1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        return np.concatenate([_sigmoid(o) * np.tanh(c), c], -1)

    return Written(model, step, 2 * N)


FIELD = (
    leaky_cell, state_first, noisy_cell, noise_within, time_first, batch_first, wrapped, excitatory_inhibitory,
    low_rank, low_rank_own_start, settings_cell, settings_net, own_gru, own_lstm, own_forward, compiled, data_parallel,
    weight_normed, parametrized, complex_diagonal, half, branching, stacked, gru_model, policy, reservoir,
    piecewise_linear, classifier,
)  # fmt: skip
