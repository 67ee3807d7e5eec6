"""Modules and functions that are no map of the state they are given: refused, or taken for what they are."""

import random
import threading
from collections import deque, namedtuple

import numpy as np
import pytest
import torch
from torch import nn

import rnn_dynamics as rd

N, M = 5, 3
STATES = torch.randn(4, N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
HELD = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class _Base(nn.Module):
    def __init__(self, n=N, m=M):
        super().__init__()
        self.hidden_size, self.input_size = n, m
        self.w, self.u = nn.Parameter(0.8 * torch.randn(n, n)), nn.Parameter(torch.randn(n, m))

    def go(self, x, h):
        return torch.tanh(h @ self.w.T + x @ self.u.T)


class _InputFirst(_Base):
    def forward(self, x, h):
        return self.go(x, h)


class _Counts(_Base):
    """A warm-up that ends long after any probing."""

    calls = 0

    def forward(self, x, h):
        self.calls += 1
        return self.go(x, h) * (1.0 if self.calls > 1000 else 0.5)


class _CountsInBuffer(_Base):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x, h):
        self.calls += 1
        return self.go(x, h) * (1.0 if self.calls > 1000 else 0.5)


class _Queue(_Base):
    """States of four calls ago, none at first."""

    def __init__(self):
        super().__init__()
        self.past = deque([torch.zeros(N)] * 4, maxlen=4)

    def forward(self, state, input):
        self.past.append(state.detach())
        return self.go(input, state) + 0.3 * self.past[0]


class _Hebbian(_Base):
    """Weights that each call changes."""

    def forward(self, x, h):
        new = self.go(x, h)
        with torch.no_grad():
            self.w.add_(1e-14 * new.sum())
        return new


class _WritesDown(_Base):
    """What is written and never read, and a mask that is made once."""

    def __init__(self):
        super().__init__()
        self.last, self.calls, self.mask = None, 0, None

    def forward(self, x, h):
        self.calls += 1
        if self.mask is None:
            self.mask = torch.arange(N).remainder(2).to(h.dtype)
        self.last = self.go(x, h) * self.mask
        return self.last


class _Delay(_Base):
    """A delay of three steps within the sequence."""

    def forward(self, x, h):
        states = []
        for time in range(x.shape[1]):
            h = self.go(x[:, time], h) + (0.5 * states[time - 3] if time >= 3 else 0)
            states.append(h)
        return torch.stack(states, 1), h


class _Clock(_Base):
    """Every eighth step is another."""

    def forward(self, x, h):
        for time in range(x.shape[1]):
            h = self.go(x[:, time], h) * (0.5 if time % 8 == 7 else 1.0)
        return h


class _Field(_Base):
    def forward(self, t, y):
        return -y + torch.tanh(y @ self.w.T) + torch.sin(t)


class _NumpyNoise(_Base):
    def forward(self, x, h):
        return self.go(x, h) + 0.1 * torch.from_numpy(np.random.randn(*h.shape)).to(h.dtype)  # noqa: NPY002


class _Lock(_InputFirst):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class _TwoOfOneSize(_Base):
    def __init__(self):
        super().__init__()
        self.readout = nn.Linear(N, N)

    def forward(self, x, h):
        h = self.go(x, h)
        return self.readout(h), h


def _lazy():
    cell = _InputFirst()
    cell.more = nn.LazyLinear(N)
    return cell


@pytest.mark.parametrize(
    ("make", "options", "reason"),
    [
        (_Counts, {}, r"depends on what calls before it wrote into the module \('module.calls'\)"),
        (_CountsInBuffer, {}, r"depends on what calls before it wrote into the module \('module.calls'\)"),
        (_Queue, {"state_size": N, "input_size": M}, r"wrote into the module \('past'\)"),
        (_Hebbian, {}, r"wrote into the module \('module.w'\)"),
        (_Delay, {}, "a sequence of 24 inputs leads elsewhere .* it looks further back than one step"),
        (_Clock, {}, "a sequence of 24 inputs leads elsewhere .* or at the time"),
        (_Field, {}, "takes the time 't', as a vector field does"),
        (_Field, {"state_size": N, "input_size": 1}, "takes the time 't', as a vector field does"),
        (_Field, {"state_size": N, "input_size": 1, "scheme": "euler", "dt": 0.1}, "takes the time 't'"),
        (_NumpyNoise, {}, "two calls of it differ: it draws random numbers of its own"),
        (_Lock, {}, r"cannot be copied, for its attribute 'lock' \(lock\)"),
        (_TwoOfOneSize, {}, r"in several forms, which lead elsewhere: .*\)\[1\]; .*\)\[0\]; pass step\(state, input\)"),
        (_lazy, {}, "more.weight of _InputFirst must have values, but has none yet"),
        (lambda: nn.GRU(2, 3, device="meta"), {}, "weight_ih of layer 0 must have values, but has none yet"),
        (lambda: torch.jit.trace(_InputFirst(), (torch.zeros(1, M), torch.zeros(1, N))), {}, "pass the module that it"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit.trace:FutureWarning")  # from Python 3.14 on
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_it_is_refused(make, options, reason) -> None:
    with pytest.raises(ValueError, match=reason):
        rd.as_map(make(), **options)


def test_what_is_only_written_down_is_no_memory() -> None:
    net = _WritesDown()
    after = rd.as_map(net).hold(HELD)(STATES)
    assert net.calls == 0
    assert torch.allclose(after, _WritesDown.forward(net.double(), HELD, STATES))


def test_a_closure_that_remembers_is_refused() -> None:
    net, past = _Base().double(), deque([torch.zeros(N, dtype=torch.float64)] * 4, maxlen=4)

    def step(h, x):
        past.append(h.detach().clone())
        return net.go(x, h) + 0.3 * past[0]

    with pytest.raises(ValueError, match=r"must depend on its arguments alone|two calls differed"):
        rd.as_map(step, N, M).hold(HELD)


def test_names_tell_the_order_where_sizes_do_not() -> None:
    net = _InputFirst(N, N)
    x = torch.randn(N, dtype=torch.float64)
    after = rd.as_map(net, N, N).hold(x)(STATES)
    assert torch.allclose(after, net.double().go(x, STATES))
    with pytest.raises(ValueError, match=r"must take \(state, input\), but takes \(x, h\)"):
        rd.as_map(net.forward, N, N)
    swapped = rd.as_map(net.forward, N, N, protocol="state, input").hold(x)(STATES)
    assert torch.allclose(swapped, net.go(STATES, x))


class _Loop(nn.Module):
    """A cell in a loop, with something between its steps."""

    def __init__(self, between):
        super().__init__()
        self.cell, self.between, self.out = nn.GRUCell(M, N), between, nn.Linear(N, 2)

    def forward(self, x):
        h = x.new_zeros(len(x), N)
        for time in range(x.shape[1]):
            h = self.between(self.cell(x[:, time], h), h)
        return self.out(h)


@pytest.mark.parametrize(
    "between", [lambda new, old: 0.5 * new + 0.5 * old, lambda new, old: new.clamp(-0.1, 0.1), lambda new, old: new / 2]
)
def test_a_part_whose_state_the_model_changes_is_not_its_recurrence(between) -> None:
    model = _Loop(between)
    with pytest.raises(ValueError, match=r"does something with the state of its part '.cell' between two steps"):
        rd.as_map(model)
    assert rd.as_map(model, child="cell").state_size == N


def test_a_part_that_is_the_recurrence_is_taken() -> None:
    model = _Loop(lambda new, old: new)
    assert rd.as_map(model).notes == ("part '.cell' of _Loop, whose other parts are left out",)


def test_a_part_that_was_not_seen_to_step_is_said() -> None:
    class ThreeTensors(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.LSTMCell(M, N)

        def forward(self, x, h, c):
            return self.cell(x, (h, c))

    assert rd.as_map(ThreeTensors()).notes[0].endswith("were not seen to stay out of its recurrence")


def test_a_state_in_a_named_tuple_keeps_its_names() -> None:
    State = namedtuple("State", "h c")

    class Named(_Base):
        def forward(self, x, state):
            h = self.go(x, state.h)
            return h, State(h, 0.5 * state.c + h)

        def init_state(self, batch):
            return State(torch.zeros(batch, N), torch.zeros(batch, N))

    net = Named()
    after = rd.as_map(net).hold(HELD)(torch.cat([STATES, 2 * STATES], dim=-1))
    h = net.double().go(HELD, STATES)
    assert torch.allclose(after, torch.cat([h, STATES + h], dim=-1))


def test_masks_made_numbers_add_as_numbers() -> None:
    class Masks(_Base):
        def forward(self, x, h):
            return self.go(x, h) * ((h > 0).float() + (h > -0.3).float())

    net = Masks()
    after = rd.as_map(net).hold(HELD)(STATES)
    assert torch.allclose(after, net.double()(HELD, STATES))


def test_properties_that_raise_and_sparse_weights_are_no_obstacle() -> None:
    class Attached(_InputFirst):
        @property
        def trainer(self):
            raise RuntimeError("not attached to a trainer")

        def go(self, x, h):
            return torch.tanh(torch.sparse.mm(self.mask, h.T).T + x @ self.u.T)

    net = Attached()
    net.register_buffer("mask", torch.eye(N).to_sparse())
    after = rd.as_map(net).hold(HELD)(STATES)
    assert torch.allclose(after, net.double()(HELD.expand(4, M), STATES))


def test_random_states_of_python_and_numpy_stay_as_they_were() -> None:
    class Feeds(_Base):
        """Draws, to no effect on a step."""

        def forward(self, x, h, ratio=0.5):
            random.random(), np.random.rand()  # noqa: NPY002
            return self.go(x, h)

    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    rd.as_map(Feeds())
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_chaos_is_no_memory() -> None:
    class Chaotic(_Base):
        def forward(self, x, h):
            for time in range(x.shape[1]):
                h = torch.sin(7 * (h @ self.w.T) + x[:, time] @ self.u.T)
            return h

    net = Chaotic()
    assert "[batch, time, 3]" in repr(rd.as_map(net))


class _OneState(_Base):
    """Written for one state alone, the input first."""

    def forward(self, x, h):
        return torch.tanh(torch.mv(self.w, h) + torch.mv(self.u, x))


@pytest.mark.parametrize("sizes", [{}, {"state_size": N, "input_size": M}])
def test_a_step_of_one_state_alone_is_recognised(sizes) -> None:
    net = _OneState()
    network = rd.as_map(net, **sizes)
    assert "called as _OneState(input [3], state [5])" in repr(network)
    assert torch.allclose(network.hold(HELD)(STATES), net.double().go(HELD, STATES))


class _Autonomous(_Base):
    def forward(self, h):
        return torch.tanh(h @ self.w.T)


def test_a_step_of_a_state_without_input() -> None:
    net = _Autonomous().double()
    with pytest.raises(ValueError, match="takes a state alone: give state_size= and input_size=0"):
        rd.as_map(net)
    for step in (net, net.forward, lambda state: net(state)):
        assert torch.allclose(rd.as_map(step, N, 0).hold()(STATES), net(STATES))
    half = rd.as_map(lambda h: net(h) - h, N, 0, scheme="euler", dt=0.5).hold()(STATES)
    assert torch.allclose(half, 0.5 * (STATES + net(STATES)))


class _TwoBranches(nn.Module):
    """No recurrent network, though it makes five numbers of five and three."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(N, N), nn.Linear(M, N)

    def forward(self, features, context):
        return torch.relu(self.one(features) * self.two(context))


def test_names_that_tell_no_state_are_asked_about() -> None:
    with pytest.raises(ValueError, match=r"could be called as _TwoBranches\(state .* say so by protocol="):
        rd.as_map(_TwoBranches())
    assert rd.as_map(_TwoBranches(), protocol="state, input").state_size == N


class _FirstState(_Base):
    """A network of its inputs alone, which begins where its own h0 says and returns a readout."""

    def __init__(self):
        super().__init__()
        self.h0, self.readout = nn.Parameter(torch.zeros(N)), nn.Linear(N, N)

    def forward(self, x):
        return self.readout(self.go(x, self.h0))


def test_a_readout_is_not_taken_for_the_state_of_a_first_state() -> None:
    with pytest.raises(ValueError, match="_FirstState"):
        rd.as_map(_FirstState())


def test_a_threshold_far_out_is_not_noise_that_does_nothing() -> None:
    class Rarely(_Base):
        def forward(self, x, h):
            return self.go(x, h) * (torch.randn_like(h) < 2.5)

    with pytest.raises(ValueError, match="must be deterministic"):
        rd.as_map(Rarely()).hold(HELD)


def test_a_size_of_noise_that_is_a_parameter_is_named() -> None:
    class Learned(_Base):
        def __init__(self):
            super().__init__()
            self.sigma = nn.Parameter(torch.tensor(0.1))

        def forward(self, x, h):
            return torch.tanh(h @ self.w.T + x @ self.u.T + self.sigma * torch.randn_like(h))

    assert "its noise is frozen at zero, as by sigma=0" in rd.as_map(Learned()).notes


def test_hooks_that_are_not_run_are_said_and_others_count() -> None:
    known = nn.GRU(M, N)
    known.register_forward_hook(lambda module, args, output: None)
    assert rd.as_map(known).notes == ("its forward hooks are not run",)
    called = _InputFirst()
    called.register_forward_hook(lambda module, args, output: 0.5 * output)
    assert rd.as_map(called).notes == ("its forward hooks are run at every step",)
    assert torch.allclose(rd.as_map(called).hold(HELD)(STATES), 0.5 * called.double().go(HELD, STATES))


def test_a_part_that_is_changed_later_is_seen_too() -> None:
    class Later(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.GRUCell(M, N)

        def forward(self, x):
            h = x.new_zeros(len(x), N)
            for time in range(x.shape[1]):
                h = self.cell(x[:, time], h) * (0.5 if time == 1 else 1.0)
            return h

    with pytest.raises(ValueError, match="does something with the state of its part"):
        rd.as_map(Later())


def test_a_part_that_begins_anew_each_time_is_no_recurrence() -> None:
    class Anew(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.GRUCell(M, N)

        def forward(self, x):
            return torch.stack([self.cell(x[:, time]) for time in range(x.shape[1])], 1)

    with pytest.raises(ValueError, match="several times without handing its state on"):
        rd.as_map(Anew())


def test_names_tell_the_state_among_what_is_returned() -> None:
    class Named(_Base):
        def forward(self, x, h):
            h = self.go(x, h)
            return {"gate": torch.sigmoid(h), "h": h}

    net = Named()
    assert torch.allclose(rd.as_map(net).hold(HELD)(STATES), net.double().go(HELD, STATES))


def test_a_thousand_units_are_probed_by_few_states_alone() -> None:
    calls = []

    def step(h, x):
        calls.append(h.ndim)
        return torch.tanh(0.5 * h + x)

    rd.as_map(step, 1000, 1).hold([0.1])
    assert calls.count(1) < 200
