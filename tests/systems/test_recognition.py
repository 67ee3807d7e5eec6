"""What as_map says of modules that it calls: their form, notes on noise and precision, and why it refuses."""

import copy

import pytest
import torch
from problems import field
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.systems import EncodedMap, LayeredMap

DOUBLE = torch.float64


pytestmark = pytest.mark.usefixtures("seeded")


def _network(make) -> rd.DrivenMap:
    written = make()
    return rd.as_map(written.module, **written.options)


@pytest.mark.parametrize(
    ("make", "form"),
    [
        (field.leaky_cell, "called as LeakyCell(input [batch, 2], state [batch, 6])"),
        (field.state_first, "called as StateFirst(state [batch, 6], input [batch, 2])"),
        (field.time_first, "called as CTRNN(input [time, batch, 2], state [batch, 6])"),
        (field.batch_first, "called as CTRNN(input [batch, time, 2], state [batch, 6])"),
        (field.excitatory_inhibitory, "called as EIRNN(input [time, batch, 2], state ([batch, 6], [batch, 6]))"),
        (
            field.low_rank,
            "called as LowRank(input [batch, time, 2], initial_states [batch, 6], return_dynamics=True)",
        ),
        (
            field.low_rank_own_start,
            "called as LowRankOwnStart(input [batch, time, 2], return_dynamics=True) from its own h0",
        ),
        (field.own_lstm, "called as OwnLSTM(input [batch, 2], state ([batch, 6], [batch, 6]))"),
        (field.own_forward, "called as OwnForward(input [time, batch, 2], state [1, batch, 6])"),
        (field.stacked, "called as Stacked(input [batch, time, 2], state [2, batch, 3])"),
        (field.wrapped, "part '.rnn' of RateNet, whose other parts are left out"),
        (field.classifier, "part '.rnn' of Encoded, whose other parts are left out"),
        (field.noisy_cell, "its noise is added, and is frozen at zero"),
        (field.noise_within, "its noise is frozen at zero, as by sigma=0"),
        (field.settings_net, "its noise is added, and is frozen at zero"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_repr_says_what_was_recognised(make, form) -> None:
    network = _network(make)
    assert form in repr(network)
    assert form in repr(network.hold()) or "called as" in form
    assert all(note in repr(network) for note in network.notes)


def test_rows_that_are_computed_one_by_one_are_said() -> None:
    assert "one by one" in _network(field.branching).hold().notes[-1]


def test_coarse_constants_are_said() -> None:
    held = _network(field.low_rank).hold()
    assert "its coarser constants are taken into torch.float64" in held.notes
    assert not rd.as_map(nn.GRU(2, 3)).hold().notes


def test_a_cell_within_keeps_its_closed_form() -> None:
    network = _network(field.policy)
    assert isinstance(network, LayeredMap)
    assert not isinstance(_network(field.gru_model), LayeredMap | EncodedMap)  # whose inputs are encoded first


def test_the_map_follows_the_module_and_held_maps_do_not() -> None:
    net = field.CTRNN()
    network, states, inputs = rd.as_map(net), torch.randn(3, 6), torch.randn(3, 2)
    held, before = network.hold(), network.step(states, inputs)
    still = held(states.double())
    with torch.no_grad():
        net.h2h.weight.mul_(2)
    assert not torch.allclose(network.step(states, inputs), before)
    assert torch.equal(held(states.double()), still)
    network.step(states, inputs).sum().backward()
    assert net.h2h.weight.grad.abs().sum() > 0


def test_the_module_is_left_as_it_was() -> None:
    written = field.low_rank()
    module = written.module.train()
    before, proxy = copy.deepcopy(module.state_dict()), module.wi_full
    state = torch.random.get_rng_state()
    rd.as_map(module).hold()
    assert module.training
    assert module.wi_full is proxy
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(weight.requires_grad for weight in module.parameters())


class _OtherFirstStep(field.LowRank):
    """Whose rates have a bias from the second step on only."""

    def forward(self, input, return_dynamics=False, initial_states=None):
        h = torch.zeros(len(input), field.N, dtype=input.dtype) if initial_states is None else initial_states
        r, states = torch.tanh(h), []
        for x in input.unbind(1):
            h = h + 0.2 * (-h + r @ self.n @ self.m.T + x @ self.wi)
            r = torch.tanh(h + 0.5)
            states.append(h)
        return torch.stack(states, 1), torch.stack(states, 1)


class _HiddenState(field.CTRNN):
    """Which keeps a state of its own beside the one that it is given."""

    def forward(self, input, hidden=None):
        trace = torch.zeros(input.shape[1], 6, dtype=input.dtype)
        for x in input:
            hidden, trace = self.recurrence(x, hidden + trace), 0.5 * trace + hidden
        return hidden, hidden


class _InPlace(field.LeakyCell):
    def forward(self, x, h):
        return h.mul_(0.5).add(self.w_in(x)).tanh()


class _Mixed(field.LeakyCell):
    def forward(self, x, h):
        return torch.tanh(self.w_rec(h - h.mean(0)) + self.w_in(x))


class _Unnamed(nn.Module):
    """Of as many units as inputs, its arguments named for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, p, q):
        return torch.tanh(self.one(p) + self.two(q))


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (_OtherFirstStep, "a sequence of two inputs leads elsewhere than two sequences of one, by up to"),
        (_HiddenState, "it does something else at its first step, or keeps a state beside"),
        (_InPlace, "it changes its arguments in place"),
        (_Mixed, "the states of one batch depend on each other"),
        (_Unnamed, r"steps in several forms, which lead elsewhere: .*; choose by protocol="),
        (lambda: nn.Linear(3, 3), "Linear is not one of RNN"),
        (lambda: nn.Transformer(8, 2, 1, 1, batch_first=True), "Transformer is not one of RNN"),
    ],
)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_what_is_no_map_of_its_state_is_refused(module, reason) -> None:
    with pytest.raises(ValueError, match=reason):
        rd.as_map(module())


def test_a_protocol_settles_what_names_do_not() -> None:
    net = _Unnamed()
    h, x = torch.randn(5, 4), torch.randn(5, 4)
    assert torch.allclose(rd.as_map(net, protocol="state, input").step(h, x), net(h, x), atol=1e-6)
    assert torch.allclose(rd.as_map(net, protocol="input, state").step(h, x), net(x, h), atol=1e-6)


def test_a_child_is_found_by_its_path_or_by_being_alone() -> None:
    model = nn.ModuleDict({"encoder": nn.Linear(2, 3), "core": nn.ModuleDict({"rnn": nn.GRU(3, 5)})})
    alone, named = rd.as_map(model), rd.as_map(model, child="core.rnn")
    assert (alone.state_size, alone.input_size) == (named.state_size, named.input_size) == (5, 3)
    assert alone.notes == ("part '.core.rnn' of ModuleDict, whose other parts are left out",)
    assert alone.hold().notes == alone.notes
    assert named.notes == ()


def test_sizes_that_a_module_does_not_tell_are_asked_for() -> None:
    class Elementwise(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.tensor(1.5))
            self.twelve, self.other = nn.Parameter(torch.ones(12)), nn.Parameter(torch.ones(3))

        def forward(self, state, input):
            return torch.tanh(self.gain * state + input.sum(-1, keepdim=True))

    with pytest.raises(ValueError, match=r"does not tell its sizes: give state_size=\d+, input_size=\d+ or"):
        rd.as_map(Elementwise())
    assert rd.as_map(Elementwise(), 7, 2).state_size == 7


def test_multiplicative_noise_is_not_frozen() -> None:
    class Multiplicative(field.LeakyCell):
        def forward(self, x, h):
            return torch.tanh(self.w_rec(h) * (1 + 0.1 * torch.randn_like(h)) + self.w_in(x))

    with pytest.raises(
        ValueError, match=r"must be deterministic; it draws random numbers .* an attribute like noise_std"
    ):
        rd.as_map(Multiplicative()).hold()


def test_a_difference_between_map_and_module_is_shown() -> None:
    class Coarse(field.LeakyCell):
        """Which does something else in its own precision than in another."""

        def forward(self, x, h):
            return (0.5 if h.dtype is torch.float32 else 0.9) * torch.tanh(self.w_rec(h) + self.w_in(x))

    with pytest.raises(ValueError, match=r"the map of Coarse is not what the module does: unit \d becomes"):
        rd.as_map(Coarse())
