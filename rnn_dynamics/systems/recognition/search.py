"""Which form a module is called in: forms that its names, weights and returned values suggest, each tried."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ...checks import NotRecurrent
from ..derived_weights import device_of
from ..interpretation import Interpretation, in_double
from ..probing import watched
from .form import PROTOCOLS, Form, item_of
from .guesses import arguments_of, first_states, input_counts, names_state, time_refused, unit_counts
from .layout import Layout, Part, layout_of, usual_layouts
from .trial import Misfit, NearMisfit, close, drawn, try_form

_BATCHES = (3, 5)
"""Two sizes, so that the axis of the batch shows."""

_INITIAL = re.compile(r"(get_)?(init|initial|zero|begin|make|reset)_?(hidden|states?|rnn_state)?")
_CALLS = 4000
"""Forms that are tried at most."""


@dataclass(frozen=True)
class Recognised:
    """A form that a module steps in, and how many inputs it takes."""

    form: Form
    input_size: int


@torch.no_grad()
def recognise(
    module: nn.Module, state_size: int | None = None, input_size: int | None = None, protocol: str | None = None
) -> Recognised:
    """Find the form in which a module is called for one step; the module itself is not called, a copy is.

    Args:
        module: to call.
        state_size, input_size, protocol: what is known of it.

    Raises:
        NotRecurrent: if it steps in no form, or in several that lead elsewhere.
    """
    name = type(module).__name__
    if any("forward" in vars(part) for part in module.modules()):
        raise NotRecurrent(f"{name} has a forward set on the instance, which a copy would share")
    if (time := arguments_of(module).time) is not None:
        raise NotRecurrent(time_refused(name, time))
    twin = in_double(module).requires_grad_(False)
    for part in twin.modules():
        part._forward_hooks.clear()  # most write down what a caller wants to see of his own calls
    search = _Search(twin, state_size, protocol)
    if len(search.arguments.names) == 1 and search.arguments.state is not None:
        raise NotRecurrent(f"{name} takes a state alone: give state_size= and input_size=0")
    if not search.possible:
        raise NotRecurrent(
            f"{name} takes no state: its forward has {', '.join(search.arguments.names) or 'no arguments'}"
        )
    named, others = ([input_size], []) if input_size is not None else input_counts(twin)
    with watched(), Interpretation(torch.float64, frozen=True):
        for counts in (named, others):
            found = [Recognised(form, m) for m in counts for form in search.forms(m)]
            if found:
                only = _only(found, name, surely=counts is named)
                if protocol is None and state_size is None and search.arguments.nameless:
                    raise NotRecurrent(
                        f"{name} could be called as {only.form.signature(name, only.input_size)}, but the names of its "
                        "arguments tell no state: say so by protocol="
                    )
                return only
    if search.near is not None:
        raise NotRecurrent(f"{name} is no map of its state: {search.near}")
    tried = f" ({search.why})" if search.why else ""
    raise NotRecurrent(f"{name} steps in none of the forms that as_map knows{tried}")


def _only(found: list[Recognised], name: str, surely: bool) -> Recognised:
    sizes = list(dict.fromkeys((one.form.layout.state_size, one.input_size) for one in found))
    if len(sizes) > 1 and not surely:
        listed = " or ".join(f"state_size={n}, input_size={m}" for n, m in sizes)
        raise NotRecurrent(f"{name} does not tell its sizes: give {listed}")
    first = found[0]
    alike = [one for one in found if one.input_size == first.input_size]
    if len(alike) > 1:
        calls = [
            one.form.signature(name, one.input_size) + ("" if one.form.item is None else f"[{one.form.item!r}]")
            for one in alike
        ]
        choice = "choose by protocol=, or " if len({one.form.protocol for one in alike}) > 1 else ""
        raise NotRecurrent(
            f"{name} steps in several forms, which lead elsewhere: {'; '.join(calls)}; {choice}pass "
            "step(state, input) with state_size and input_size"
        )
    return first


class _Search:
    """The forms of one module, tried as they come up."""

    def __init__(self, module: nn.Module, state_size: int | None, protocol: str | None) -> None:
        self.module, self._state_size, self._device = module, state_size, device_of(module)
        self.arguments = arguments_of(module)
        self._attributes = [] if self.arguments.takes_state else first_states(module)
        self._complex = any(tensor.is_complex() for tensor in [*module.parameters(), *module.buffers()])
        self._protocols = list(PROTOCOLS) if protocol is None else [protocol]
        if getattr(module, "batch_first", None) is True:
            self._protocols.sort(key=lambda one: one == "time, batch")
        self.near: NearMisfit | None = None
        self.why: Misfit | None = None
        self._left = _CALLS
        self._takes_batches = False

    @property
    def possible(self) -> bool:
        return self.arguments.takes_state or bool(self._attributes)

    def forms(self, input_size: int) -> list[Form]:
        """All forms that the module steps in and that lead elsewhere than those before, with the named units if any."""
        found = self._found(input_size, single=False)
        # What takes batches, but mixes their rows, would take a single state for something else.
        return found if found or self._takes_batches else self._found(input_size, single=True)

    def _found(self, input_size: int, single: bool) -> list[Form]:
        for layouts in self._layouts(input_size):
            passed: dict[Form, Tensor] = {}
            for form in self._candidates(layouts, input_size, single):
                try:
                    ahead = try_form(self.module, form, input_size, self._device)
                except NearMisfit as error:
                    self.near = self.near or error
                except Misfit as error:
                    self.why = self.why or error
                else:
                    if not any(close(ahead, other) for other in passed.values() if other.shape == ahead.shape):
                        passed[form] = ahead
            if passed:
                return list(passed)
        return []

    def _layouts(self, input_size: int) -> Iterator[list[Layout]]:
        """Layouts of states, in groups, the likeliest first."""
        yield self._kept([*self._given(input_size), *self._returned(input_size)])
        if self.arguments.takes_state:
            named, others = unit_counts(self.module) if self._state_size is None else ([self._state_size], [])
            for count in (*named, *others):
                yield self._kept(usual_layouts(count))
                if self._complex:  # which a real network would take too
                    yield self._kept(usual_layouts(count, complex=True))

    def _kept(self, layouts: Iterable[Layout]) -> list[Layout]:
        unique = list(dict.fromkeys(layouts))
        return [one for one in unique if self._state_size in (None, one.state_size)]

    def _given(self, input_size: int) -> Iterator[Layout]:
        """Layouts of what the module's own methods make for a first state."""
        for name in dir(type(self.module)):
            if not _INITIAL.fullmatch(name):
                continue
            method: Any = getattr(self.module, name, None)
            for arguments in (lambda k: (k,), lambda k: (torch.zeros(k, k, input_size, dtype=torch.float64),)):
                try:
                    one, two = (method(*arguments(k)) for k in _BATCHES)
                    layout = layout_of(one, two, *_BATCHES)
                except Exception:  # of any kind, in a caller's method
                    continue
                if layout is not None:
                    yield layout

    def _returned(self, input_size: int) -> Iterator[Layout]:
        """Layouts of what the module returns when it is given no state."""
        if self.arguments.required > 1:
            return
        for protocol in self._protocols:
            # Of two lengths, so that what grows with time is no state.
            axes = {"time, batch": lambda k: (k - 1, k), "batch, time": lambda k: (k, k - 1)}.get(
                protocol, lambda k: (k,)
            )
            for flags in self._flags():
                try:
                    both = [self.module(self._input(*axes(k), input_size), **flags) for k in _BATCHES]
                except Exception:  # of any kind, in a caller's module
                    continue
                for item in _items(both[0]):
                    one, two = (item_of(returned, item) for returned in both)
                    layout = layout_of(one, two, *_BATCHES)
                    if layout is not None:
                        yield layout
                    elif protocol in PROTOCOLS[2:] and isinstance(one, Tensor) and one.ndim == 3:
                        yield Layout((Part((one.shape[-1],), 0, one.is_complex()),))

    def _candidates(self, layouts: list[Layout], input_size: int, single: bool) -> Iterator[Form]:
        for layout in layouts:
            if single and (layout.nest is not None or len(layout.parts[0].shape) > 1):
                continue
            for protocol in self._protocols:
                if single and protocol in PROTOCOLS[2:]:
                    continue
                for way in self._ways(protocol):
                    yield from self._located(Form(protocol, layout, single=single, **way), input_size)

    def _ways(self, protocol: str) -> Iterator[dict[str, Any]]:
        """How the state is handed over."""
        arguments = self.arguments
        for attribute in self._attributes if protocol in PROTOCOLS[2:] else ():  # one step of it shows no state
            yield {"attribute": attribute}
        if not arguments.takes_state:
            return
        if arguments.state is not None:
            place = arguments.names.index(arguments.state)
            if arguments.input is not None and place < 2:  # the names tell the order
                first = arguments.names[0] == arguments.state
                if protocol in PROTOCOLS[:2] and first != (protocol == PROTOCOLS[0]):
                    return
            yield {} if place < 2 else {"state": arguments.state}
        else:
            yield {}

    def _flags(self) -> list[dict[str, bool]]:
        flags = self.arguments.flags
        return [dict.fromkeys(flags, True), {}] if flags else [{}]

    def _located(self, form: Form, input_size: int) -> Iterator[Form]:
        """The form with every item of what it returns in which a state of its layout lies."""
        self._left -= 1
        if self._left < 0:
            return
        rows = drawn(1 if form.one_row else _BATCHES[0], form.layout.state_size, 0).to(self._device)
        inputs = drawn(len(rows), input_size, 1).to(self._device)
        for flags in self._flags():
            flagged = replace(form, flags=tuple(flags))
            try:
                returned = flagged.run(self.module, rows, inputs)
            except Exception as error:  # of any kind, in a caller's module
                self.why = self.why or Misfit.of(error)
                continue
            for item in _items(returned):
                for over_time in (False, True) if form.sequence else (False,):
                    one = replace(flagged, item=item, over_time=over_time)
                    state = one.state_of(returned)
                    if state is not None and len(state) == len(rows):
                        self._takes_batches |= not form.single
                        yield one

    def _input(self, *shape: int) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(self._device)


def _items(returned: object) -> list[int | str | None]:
    """Where in what a module returned its state may lie: all of it, or an item, the last first."""
    if isinstance(returned, dict):
        keys: list[int | str | None] = [key for key in returned if isinstance(key, str)]
        return [key for key in keys if names_state(str(key))] or keys
    if isinstance(returned, tuple | list):
        return [*reversed(range(len(returned))), None]
    return [None]
