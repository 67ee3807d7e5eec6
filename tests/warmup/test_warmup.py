"""Each update of warmup is the published one, against the same written out by hand, one sequence at a time."""

import copy

import pytest
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel
from rnn_dynamics.warmup import Horizon, warm_up

pytestmark = pytest.mark.usefixtures("seeded")


DOUBLE = torch.float64
LENGTHS = [3, 9, 1, 5, 9, 2, 7, 8, 4, 6, 9, 3, 5]  # 13 sequences: two batches of 6, one left out
UPDATES = 5  # so that the sequences are shuffled again, and again


def _sequences(m: int = 3) -> list[torch.Tensor]:
    return [torch.randn(length, m, dtype=DOUBLE) for length in LENGTHS]


# --- The published update, one sequence at a time, by the modules themselves


def _vaa_star(states: list[torch.Tensor]) -> torch.Tensor:
    """(1/n) sum_i 1 / sum_j C_ij, C_ij = 1 - relu(d_ij - 1e-4) / (d_ij + 1e-6), d_ij between tanh(states)."""
    total = torch.zeros((), dtype=DOUBLE)
    for i, one in enumerate(states):
        row = torch.zeros((), dtype=DOUBLE)
        for j, other in enumerate(states):
            d = torch.linalg.vector_norm(one.tanh() - other.tanh()) if i != j else torch.zeros((), dtype=DOUBLE)
            row = row + 1 - torch.relu(d - 1e-4) / (d + 1e-6)
        total = total + 1 / row
    return total / len(states)


def _alone(module, layer: int):
    """One layer of a stack as a module of its own, on the same parameters."""
    own = {name.removesuffix(f"_l{layer}"): w for name, w in module.named_parameters() if name.endswith(f"_l{layer}")}
    width = getattr(module, "proj_size", 0)
    options = {"proj_size": width} if width else {}
    options |= {"nonlinearity": module.nonlinearity} if type(module) is nn.RNN else {}
    inputs = own["weight_ih"].shape[1]
    one = type(module)(inputs, module.hidden_size, bias=module.bias, dtype=DOUBLE, **options)
    for name, weight in own.items():
        setattr(one, f"{name}_l0", weight)
    return one


class _Stack:
    """Per layer: the cells that are warmed up, and how many inputs the layer has."""

    def __init__(self, module, cells=(0,)) -> None:
        self.module = module
        if isinstance(module, Parallel):
            self.rows = [[row[index] for index in cells] for row in module.parallel]
        else:
            self.rows = [[_alone(module, layer)] for layer in range(module.num_layers)]
        self.widths = [row[0].input_size for row in self.rows]
        self.weights = list({id(w): w for row in self.rows for cell in row for w in cell.parameters()}.values())
        self.cells = cells

    def state(self, sequence: torch.Tensor) -> list[list]:
        """The last states of each layer's warmed cells, of one sequence [c, m] from h = 0."""
        module = self.module
        if not isinstance(module, Parallel):
            batch = sequence.unsqueeze(0 if module.batch_first else 1)
            last = module(batch)[1]
            if isinstance(last, tuple):
                return [[(last[0][k : k + 1], last[1][k : k + 1])] for k in range(module.num_layers)]
            return [[last[k : k + 1]] for k in range(module.num_layers)]
        inputs, result = sequence.unsqueeze(1), []
        for row in module.parallel:
            outputs, lasts = zip(*[cell(inputs) for cell in row], strict=True)
            inputs = torch.cat(outputs, dim=-1)
            result.append([lasts[index] for index in self.cells])
        return result

    def held(self, layer: int, states: list, x: torch.Tensor, steps: int) -> torch.Tensor:
        """One state of a layer's warmed cells, after ``steps`` under x."""
        inputs = x.expand(steps, 1, -1)
        lasts = [cell(inputs, state)[1] for cell, state in zip(self.rows[layer], states, strict=True)]
        return torch.cat([part.flatten() for last in lasts for part in (last if isinstance(last, tuple) else (last,))])


class _Step:
    """The same of a step module."""

    def __init__(self, step, n: int, m: int) -> None:
        self.step, self.n, self.widths, self.weights = step, n, [m], list(step.parameters())

    def state(self, sequence):
        state = torch.zeros(self.n, dtype=DOUBLE)
        for x in sequence:
            state = self.step(state, x)
        return [state]

    def held(self, layer, state, x, steps):
        for _ in range(steps):
            state = self.step(state, x)
        return state


def _published(network, sequences, updates, seed, *, batch=6, detach=False, horizon=None, clip=None) -> list[float]:
    """Warm up as published, by hand; the norms of the gradients."""
    generator = torch.Generator().manual_seed(seed)
    optimiser, order, norms = torch.optim.Adam(network.weights, lr=1e-2), [], []
    for s in range(updates):
        if len(order) < batch:
            order = torch.randperm(len(sequences), generator=generator).tolist()
        rows, order = order[:batch], order[batch:]
        uniform = torch.rand(batch, generator=generator, dtype=DOUBLE).tolist()
        counts = [1 + int(u * len(sequences[i])) for u, i in zip(uniform, rows, strict=True)]
        longest = min(1 + 10 * s, 200)
        ahead = horizon or int(torch.randint(1, longest + 1, (), generator=generator))
        with torch.set_grad_enabled(not detach):
            states = [network.state(sequences[i][:count]) for i, count in zip(rows, counts, strict=True)]
        losses = []
        for layer, width in enumerate(network.widths):
            x = torch.randn(width, generator=generator).double()
            losses.append((_vaa_star([network.held(layer, own[layer], x, ahead) for own in states]) - 0.95) ** 2)
        optimiser.zero_grad()
        (sum(losses) / len(losses)).backward()
        norm = sum(float(w.grad.square().sum()) for w in network.weights if w.grad is not None) ** 0.5
        norms.append(norm)
        for weight in network.weights:
            if weight.grad is not None and clip is not None and norm > clip:
                weight.grad *= clip / norm
        optimiser.step()
    return norms


def _distance(module: nn.Module, other: nn.Module) -> float:
    pairs = zip(module.parameters(), other.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


KINDS = {
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "gru": (nn.GRU, {}),
    "gru-batch-first": (nn.GRU, {"batch_first": True}),
    "gru-no-bias": (nn.GRU, {"bias": False}),
    "lstm": (nn.LSTM, {}),
    "lstm-proj": (nn.LSTM, {"proj_size": 3}),
    "mgu": (MGU, {}),
    "mgu-no-bias": (MGU, {"bias": False, "batch_first": True}),
    "brc": (BRC, {}),
    "nbrc": (NBRC, {}),
}


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_updates_are_the_published_ones(kind: str, layers: int) -> None:
    build, options = KINDS[kind]
    module = build(3, 5, layers, dtype=DOUBLE, **options)
    sequences, by_hand, thrifty = _sequences(), copy.deepcopy(module), copy.deepcopy(module)
    before = copy.deepcopy(module)
    norms = _published(_Stack(by_hand), sequences, UPDATES, seed=3)
    history = warm_up(module, sequences, UPDATES, batch_size=6, seed=3)
    assert _distance(module, by_hand) < 1e-10 < 1e-3 < _distance(module, before)
    assert torch.allclose(history.gradient_norms, torch.tensor(norms, dtype=DOUBLE), rtol=1e-9, atol=1e-12)
    # All that can be is computed again on the way back.
    warm_up(thrifty, sequences, UPDATES, batch_size=6, seed=3, memory_budget=1)
    assert _distance(thrifty, by_hand) < 1e-10


CELLS = {
    "gru": ((nn.GRU, nn.GRU), (0,)),
    "gru-second": ((nn.GRU, nn.GRU), (1,)),
    "lstm": ((nn.LSTM, nn.LSTM), (0,)),
    "lstm-gru": ((nn.LSTM, nn.GRU), (0,)),
    "both": ((nn.GRU, nn.GRU), (0, 1)),
    "swapped": ((nn.GRU, MGU), (1, 0)),
    "two-of-three": ((nn.GRU, nn.RNN, NBRC), (0, 2)),
}


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("name", CELLS)
def test_chosen_cells_move_as_published_and_no_other_moves_at_all(name: str, layers: int) -> None:
    kinds, cells = CELLS[name]
    module = Parallel(3, 9, kinds, layers, batch_first=name == "gru", dtype=DOUBLE)
    sequences, by_hand, before = _sequences(), copy.deepcopy(module), copy.deepcopy(module)
    _published(_Stack(by_hand, cells), sequences, UPDATES, seed=4)
    warm_up(module, sequences, UPDATES, batch_size=6, seed=4, cells=cells)
    assert _distance(module, by_hand) < 1e-10
    for row, first in zip(module.parallel, before.parallel, strict=True):
        for index, (cell, was) in enumerate(zip(row, first, strict=True)):
            for weight, old in zip(cell.parameters(), was.parameters(), strict=True):
                assert torch.equal(weight, old) == (index not in cells)


def test_one_cell_of_several_is_warmed_by_default() -> None:
    module = Parallel(3, 8, (nn.LSTM, nn.GRU), 2)
    before = copy.deepcopy(module)
    warm_up(module, torch.randn(8, 6, 3), 4)
    for row, first in zip(module.parallel, before.parallel, strict=True):
        assert [_distance(cell, was) > 0 for cell, was in zip(row, first, strict=True)] == [True, False]


class _Custom(nn.Module):
    """Written for one state at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.read = nn.Linear(4, 4, dtype=DOUBLE), nn.Linear(3, 4, dtype=DOUBLE)

    def forward(self, state, input):
        return torch.tanh(torch.dot(self.recurrent(state), state) * state + self.recurrent(state) + self.read(input))


@pytest.mark.parametrize("budget", [2**30, 1])
def test_a_step_of_ones_own_is_warmed_as_published(budget: int) -> None:
    step = _Custom()
    sequences, by_hand, before = _sequences(), copy.deepcopy(step), copy.deepcopy(step)
    _published(_Step(by_hand, 4, 3), sequences, UPDATES, seed=5)
    network = rd.as_map(step, state_size=4, input_size=3)
    warm_up(network, sequences, UPDATES, batch_size=6, seed=5, memory_budget=budget)
    assert _distance(step, by_hand) < 1e-10 < 1e-3 < _distance(step, before)


@pytest.mark.parametrize("kind", [nn.GRU, NBRC])
def test_dropout_is_off_and_the_mode_left_as_it_was(kind) -> None:
    module = kind(3, 5, 2, dropout=0.9, dtype=DOUBLE)
    sequences, by_hand = _sequences(), copy.deepcopy(module).eval()
    _published(_Stack(by_hand), sequences, UPDATES, seed=3)
    warm_up(module, sequences, UPDATES, batch_size=6, seed=3)
    assert _distance(module, by_hand) < 1e-10
    assert module.training
    warm_up(module.eval(), sequences, 1, batch_size=6)
    assert not module.training


# --- Its ablations


def _compared(published: dict, ours: dict) -> tuple[float, float, list[float]]:
    """How far our weights are from those by hand, how far from plain warmup, and the norms by hand."""
    module = nn.GRU(3, 5, 2, dtype=DOUBLE)
    sequences, by_hand, plain = _sequences(), copy.deepcopy(module), copy.deepcopy(module)
    norms = _published(_Stack(by_hand), sequences, UPDATES, seed=6, **published)
    warm_up(module, sequences, UPDATES, batch_size=6, seed=6, **ours)
    warm_up(plain, sequences, UPDATES, batch_size=6, seed=6)
    return _distance(module, by_hand), _distance(module, plain), norms


def test_the_gradient_may_stop_at_the_sampled_states() -> None:
    off, changed, _ = _compared({"detach": True}, {"through_trajectories": False})
    assert off < 1e-10 < 1e-4 < changed
    off, _, _ = _compared({"detach": True}, {"through_trajectories": False, "memory_budget": 1})
    assert off < 1e-10


def test_the_horizon_may_be_fixed() -> None:
    off, changed, _ = _compared({"horizon": 12}, {"horizon": Horizon(12, 0, 12, random=False)})
    assert off < 1e-10 < 1e-4 < changed


def test_the_gradient_may_be_clipped() -> None:
    _, _, norms = _compared({}, {})
    limit = sorted(norms)[2]
    off, changed, _ = _compared({"clip": limit}, {"clip_norm": limit})
    assert off < 1e-10 < 1e-5 < changed
    off, changed, _ = _compared({}, {"clip_norm": 2 * max(norms)})
    assert off < 1e-10
    assert changed == 0


def test_a_clipped_gradient_has_the_norm_asked_for(monkeypatch) -> None:
    module, seen = nn.GRU(3, 5), []
    step = torch.optim.Adam.step

    def recorded(optimiser):
        seen.append(sum(float(w.grad.double().square().sum()) for w in module.parameters()) ** 0.5)
        return step(optimiser)

    monkeypatch.setattr(torch.optim.Adam, "step", recorded)
    history = warm_up(module, torch.randn(8, 6, 3), 12, clip_norm=1e-3)
    expected = history.gradient_norms.clamp(max=1e-3)
    assert (history.gradient_norms > 1e-3).any()
    assert torch.allclose(torch.tensor(seen, dtype=DOUBLE), expected, rtol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("spec", ["GRU-16x2", "LSTM-16x2", "MGU-16x2", "nBRC-16", "GRU+LSTM-16x2"])
def test_cuda_follows_the_host(spec) -> None:
    sequences = torch.randn(16, 20, 1, generator=torch.Generator().manual_seed(0))
    host = rd.cells.module_from_spec(spec).double()
    device = copy.deepcopy(host).cuda()
    here = rd.warm_up(host, sequences, steps=3, batch_size=8)
    there = rd.warm_up(device, sequences.cuda(), steps=3, batch_size=8)
    assert (here.soft_vaas - there.soft_vaas).abs().max() < 1e-6
    for one, other in zip(host.parameters(), device.parameters(), strict=True):
        assert (one - other.cpu()).abs().max() < 1e-6
