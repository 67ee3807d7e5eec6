"""The published measure against the reference, and what is really reached beside it."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.warmed import warmed
from problems.networks import tanh_network
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.multistability import curve, published
from rnn_dynamics.multistability.curve import vaa_curve
from rnn_dynamics.systems import HeldMap

REFERENCE = Path(__file__).parents[1] / "data" / "vaa_reference.npz"
DOUBLE = torch.float64


def reference(case: int) -> tuple[torch.Tensor, float, float, torch.Tensor]:
    with np.load(REFERENCE) as data:
        names = ("states", "vaa", "soft_vaa", "soft_vaa_grad")
        states, hard, soft, gradient = (data[f"{name}_{case}"] for name in names)
    return torch.from_numpy(states), float(hard), float(soft), torch.from_numpy(gradient)


@pytest.mark.parametrize("case", range(6))
@pytest.mark.parametrize("block", [2**22, 64], ids=["at once", "in blocks"])
def test_agrees_with_the_reference(case: int, block: int, monkeypatch) -> None:
    monkeypatch.setattr(published, "_BLOCK", block)
    states, hard, soft, gradient = reference(case)
    assert rd.vaa(states) == pytest.approx(hard, abs=1e-6)
    leaf = states.clone().requires_grad_()
    value = rd.soft_vaa(leaf)
    value.backward()
    assert value.item() == pytest.approx(soft, abs=1e-6)
    assert torch.allclose(leaf.grad, gradient, rtol=1e-6, atol=1e-6 * float(gradient.abs().max()))


def test_clusters_and_bounds() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(5, 3, generator=generator, dtype=DOUBLE)
    states = centres.repeat_interleave(8, dim=0) + 1e-6 * torch.randn(40, 3, generator=generator, dtype=DOUBLE)
    assert rd.vaa(states) == pytest.approx(5 / 40)
    assert rd.vaa(torch.zeros(7, 2)) == pytest.approx(1 / 7)
    assert rd.vaa(torch.eye(7)) == 1
    assert rd.vaa(1e-4 * torch.eye(7, dtype=DOUBLE), epsilon=1e-3) == pytest.approx(1 / 7)
    # K equiprobable basins: K (1 - (1 - 1/K)^n) / n on the average.
    draws = [rd.vaa(10.0 * torch.randint(6, (32, 1), generator=generator)) for _ in range(400)]
    assert np.mean(draws) == pytest.approx(6 * (1 - (1 - 1 / 6) ** 32) / 32, rel=0.01)


def test_resolves_1e_4_in_float32_far_from_the_origin() -> None:
    """As a matrix product, distances in float32 would be off by far more than epsilon."""
    states = torch.full((2, 4), 8.0)
    states[1, 0] += 5e-5
    assert rd.vaa(states) == pytest.approx(0.5)
    states[1, 0] += 5e-4
    assert rd.vaa(states) == 1


def test_thousands_of_states_in_bounded_memory(monkeypatch) -> None:
    monkeypatch.setattr(published, "_BLOCK", 2**16)
    largest = 0
    real = torch.cdist

    def watched(*arguments, **options):
        nonlocal largest
        result = real(*arguments, **options)
        largest = max(largest, result.numel())
        return result

    monkeypatch.setattr(torch, "cdist", watched)
    states = torch.randn(3000, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert rd.vaa(states) == 1
    rd.soft_vaa(states).backward()
    assert largest <= 2**16
    assert states.grad.isfinite().all()


def test_soft_vaa_follows_gradcheck() -> None:
    states = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=DOUBLE, requires_grad=True)
    assert torch.autograd.gradcheck(rd.soft_vaa, (states,))


# Diversity.


@pytest.mark.parametrize("n", [64, 256, 4096])
def test_diversity_hardly_depends_on_n(n: int) -> None:
    """20 basins of unequal shares: the estimates stay put while the plug-in entropy and VAA move."""
    shares = torch.arange(1, 21, dtype=DOUBLE)
    shares /= shares.sum()
    entropy = float(-(shares * shares.log()).sum())
    generator = torch.Generator().manual_seed(n)
    estimates = []
    for _ in range(100):
        hits = torch.bincount(torch.multinomial(shares, n, replacement=True, generator=generator), minlength=20)
        estimates.append(rd.diversity(hits))
    assert np.mean([e.entropy for e in estimates]) == pytest.approx(entropy, abs=0.05)
    assert np.mean([e.effective_number for e in estimates]) == pytest.approx(math.exp(entropy), rel=0.06)
    assert np.mean([e.richness for e in estimates]) == pytest.approx(20, abs=1.5)
    missing = np.mean([1 - e.coverage for e in estimates])
    unseen = float((shares * (1 - shares) ** n).sum())
    assert missing == pytest.approx(unseen, abs=0.01)


def test_diversity_of_one_none_and_singletons() -> None:
    one = rd.diversity([10])
    assert (one.effective_number, one.unseen, one.coverage) == (1, 0, 1)
    assert rd.diversity([]).effective_number == 0
    singles = rd.diversity(torch.ones(5))
    assert singles.coverage == 0
    assert singles.unseen == 10
    assert math.isfinite(singles.entropy)
    assert singles.effective_number <= singles.richness + 1e-9
    assert "5 attractors seen" in repr(singles)


# Reachability.


def sequences(count: int = 300, length: int = 50, width: int = 1) -> torch.Tensor:
    return torch.randn(count, length, width, generator=torch.Generator().manual_seed(7))


def test_the_published_number_is_what_the_module_itself_gives() -> None:
    """Sampled, held and iterated by hand with torch's own module, in its own precision."""
    module = warmed("GRU-32x1")
    reach = rd.reachability(rd.as_map(module), sequences(), n=64, horizons=(0, 50, 300), seed=3)
    state = reach.starts[None]
    held = reach.inputs[0].expand(1, 64, 1)
    curve = [rd.vaa(state[0])]
    with torch.no_grad():
        for step in range(300):
            _, state = module(held, state)
            if step + 1 in (50, 300):
                curve.append(rd.vaa(state[0]))
    assert reach.vaas[0].tolist() == pytest.approx(curve, abs=0.02)
    assert reach.horizons.tolist() == [0, 50, 300]


def test_states_are_sampled_as_published() -> None:
    """Each of n sequences gives one state, the one after c ~ U{1..T} steps from 0."""
    network = rd.as_map(warmed("GRU-32x1"))
    inputs = sequences(40, 10)
    states = rd.sample_states(network, inputs, 40, seed=0, distinct=True)
    with torch.no_grad():
        paths = network.run(inputs)
    distance = (paths[None] - states[:, None, None]).norm(dim=-1)
    sequence = distance.amin(dim=2).argmin(dim=1)
    assert distance.amin(dim=(1, 2)).max() < 1e-5
    assert sorted(sequence.tolist()) == list(range(40))


def test_at_initialisation_a_gru_has_one_attractor_and_vaa_says_so() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.GRU(1, 16, num_layers=2)
    reach = rd.reachability(rd.as_map(module), sequences(), n=50, horizons=(0, 10, 2000))
    assert reach.vaas[0, 0] == 1
    assert reach.vaa == pytest.approx(1 / 50)
    assert reach.layer_vaas.shape == (1, 2, 3)
    assert reach.layer_vaas[0, :, -1].tolist() == pytest.approx([1 / 50] * 2)
    assert reach.count == 1
    assert reach.counts == {"fixed point": 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kinds", "vaa"),
    [
        ("GRU-64x2", {"circle"}, 0.9),  # one circle, counted once per state
        ("GRU-64x1", {"fixed point"}, 0.9),  # slow drift to one point
        ("LSTM-32x2", {"fixed point"}, 0.9),  # cells that fill for thousands of steps, to one point
    ],
)
def test_warmed_networks_the_claim_and_the_truth(name: str, kinds: set[str], vaa: float) -> None:
    network = rd.as_map(warmed(name))
    reach = rd.reachability(network, sequences(), hold=[0.0], n=64, horizons=(0, 200, 2000))
    assert reach.vaa > vaa
    assert reach.claimed > 50
    assert reach.count == 1
    assert set(reach.counts) == kinds
    assert reach.outcomes["settled"] == 1
    # By plain steps: near the attractor, or nearer by the factor that its leading multiplier foretells.
    found, system = reach.attractors[0], network.hold([0.0])
    states = reach.starts.double()
    ends = system.iterate(states, 20_000)
    distance = torch.cdist(ends, found.orbits[0]).amin(dim=1)
    if kinds == {"circle"}:
        assert distance.max() < 0.05 * torch.pdist(found.orbits[0]).max()
    else:
        rate = float(found.evidence[0].exponents[0])
        earlier = torch.cdist(system.iterate(states, 5000), found.orbits[0]).amin(dim=1)
        assert ((distance / earlier).log() <= 0.8 * 15_000 * rate).all()


def test_memories_are_counted_alike_by_both(trained_flip_flop, tmp_path) -> None:
    trained = trained_flip_flop("GRU-16", 0)
    reach = rd.reachability(rd.as_map(trained.module), trained.test_inputs, hold=torch.zeros(3), n=200)
    assert reach.count == 8
    assert reach.claimed == pytest.approx(8)
    found = reach.attractors[0]
    assert float(found.fractions.sum()) == pytest.approx(1)
    assert reach.diversities[0].coverage > 0.99
    again = rd.load(rd.save(reach, tmp_path / "reach.safetensors"))
    assert repr(again) == repr(reach)
    assert "stands for 8 attractors; reached: 8 (8 fixed points)" in repr(reach)
    assert reach._repr_html_().startswith("<p><b>VAA")


def test_several_held_inputs_are_averaged() -> None:
    network = rd.as_map(warmed("GRU-32x1"))
    several = rd.reachability(network, sequences(), hold=[[0.0], [1.0]], n=40, horizons=(100,))
    each = [rd.reachability(network, sequences(), hold=[x], n=40, horizons=(100,)) for x in (0.0, 1.0)]
    assert several.vaa == pytest.approx((each[0].vaa + each[1].vaa) / 2)
    assert several.count == (each[0].count + each[1].count) / 2
    assert len(several.to_pandas()) == 2
    drawn = rd.reachability(network, sequences(), n=10, draws=3, horizons=(10,), seed=5)
    assert drawn.inputs.shape == (3, 1)
    assert torch.equal(
        drawn.inputs, rd.reachability(network, sequences(), n=10, draws=3, horizons=(10,), seed=5).inputs
    )


def test_horizons_past_rest_cost_nothing_and_are_exact() -> None:
    """Once every state rests to the last bit, the remaining steps are not run: the same numbers as if they were."""
    steps = 0

    def step(h, x):
        nonlocal steps
        steps += 1
        return torch.tanh(-2 * h)

    network = rd.as_map(step, state_size=2, input_size=1)
    starts = torch.rand(20, 5, 1, generator=torch.Generator().manual_seed(0))
    reach = rd.reachability(network, starts, n=20, horizons=(1000, 10_001), settle=rd.Settle(max_steps=64))
    assert steps < 2000
    system = network.hold(reach.inputs[0])
    assert reach.vaas[0].tolist() == [rd.vaa(system.iterate(reach.starts, horizon)) for horizon in (1000, 10_001)]


def test_rows_that_come_back_to_the_last_bit_after_steps_of_their_own() -> None:
    """Turned in its plane by a third, a fifth and not at all: after 1,000 and 10,001 steps they are somewhere else."""
    steps = 0
    order = torch.tensor([2, 0, 1, 7, 3, 4, 5, 6])

    def step(h, x):
        nonlocal steps
        steps += 1
        return h[..., order].sign()

    network = rd.as_map(step, state_size=8, input_size=1)
    starts = torch.randn(12, 8, generator=torch.Generator().manual_seed(0))
    starts[:3] = 1.0
    horizons = [1000, 10_001]
    _, _, speeds = vaa_curve(network, starts, torch.zeros(1), horizons, 1e-4)
    assert steps < 500
    system = network.hold(dtype=network.dtype)
    for horizon, found in zip(horizons, speeds, strict=True):
        end = system.iterate(starts.to(network.dtype), horizon)
        assert torch.equal(found, (system(end) - end).norm(dim=-1).double())


def test_a_diverging_network_has_no_vaa_but_a_verdict() -> None:
    network = rd.as_map(lambda h, x: 1.5 * h + x, state_size=2, input_size=2)
    reach = rd.reachability(network, torch.ones(5, 4, 2), hold=[0.0, 0.0], n=5, horizons=(10, 10_000))
    assert reach.vaas[0, 0] > 0
    assert math.isnan(reach.vaa)
    assert reach.outcomes["diverged"] == 1
    assert reach.count == 0
    assert "100% diverged" in repr(reach)


# Echo index.


def test_echo_index_of_a_driven_memory() -> None:
    """X' = tanh(2x + a u_t): two responses while |a| is below the fold at .5328, one when pulses cross it."""
    network = rd.as_map(lambda h, x: torch.tanh(2 * h + x), state_size=1, input_size=1, box=([-1.0], [1.0]))
    signs = torch.randint(0, 2, (400, 1), generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    echo = rd.echo_index(network, signs, [0.0, 0.3, 0.5, 1.2], n=40)
    assert echo.counts.tolist() == [2, 2, 2, 1]
    assert echo.robust.all()
    assert all((row < 0).all() for row in echo.exponents)
    assert echo.labels.shape == (4, 40)
    assert "echo index over 400 steps" in repr(echo)


def test_a_chaotic_response_is_not_stable() -> None:
    generator = torch.Generator().manual_seed(4)
    weight = 3 * torch.randn(40, 40, generator=generator, dtype=DOUBLE) / 40**0.5
    network = rd.as_map(lambda h, x: torch.tanh(h @ weight.T + x), state_size=40, input_size=40)
    starts = torch.randn(10, 40, generator=generator)
    inputs = torch.randn(300, 40, generator=generator)
    echo = rd.echo_index(network, inputs, [0.1, 10.0], starts=starts)
    assert echo.counts.tolist() == [0, 1]
    assert echo.responses.tolist() == [10, 1]


def test_echo_index_saves(tmp_path) -> None:
    with torch.random.fork_rng():
        network = rd.as_map(nn.RNN(1, 4))
    echo = rd.echo_index(network, torch.randn(50, 1, generator=torch.Generator().manual_seed(0)), [1.0])
    again = rd.load(rd.save(echo, tmp_path / "echo.safetensors"))
    assert repr(again) == repr(echo)
    assert echo.counts.tolist() == [1]


def test_states_at_rest_by_known_points_are_not_moved_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "_repeated", lambda path, steps: None)  # as where rounding never comes back to a state
    network = rd.as_map(tanh_network((2.0 * torch.eye(4)).tolist(), [0.0] * 4).float())
    starts = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    held = torch.zeros(1)
    found = rd.find_attractors(network.hold(held), starts.double())
    assert 4 < len(found) < 16
    real, moves = HeldMap.__call__, []

    def counted(self: HeldMap, states: torch.Tensor) -> torch.Tensor:
        moves.append(len(states))
        return real(self, states)

    monkeypatch.setattr(HeldMap, "__call__", counted)
    # Beside the right points: none, wrong ones, and one about epsilon from another, where rounding decides.
    near = torch.cat([found.states, found.states[:1] + 0.5e-4])
    values, lengths = [], []
    for known in (found.states, None, found.states + 1.0, near):
        moves.clear()
        values.append(vaa_curve(network, starts, held, [3000], 1e-4, rests=known)[0].item())
        lengths.append(len(moves))
    assert values == [len(found) / 16] * 4
    assert lengths[0] < 300
    assert min(lengths[1:]) > 3000
