"""One form of calling a module for one step, and the step that it makes."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..derived_weights import present_twin
from .layout import Layout

PROTOCOLS = ("state, input", "input, state", "time, batch", "batch, time")
"""Ways to be called: a step in either order, or over a sequence with either axis first."""


@dataclass(frozen=True)
class Form:
    """How a module is called, and where in what it returns the next state lies."""

    protocol: str
    """One of ``PROTOCOLS``."""

    layout: Layout
    state: str | None = None
    """The keyword by which it takes the state; None where it is given by place."""

    attribute: str | None = None
    """Where the module keeps its first state, if it takes none."""

    flags: tuple[str, ...] = ()
    """Options that make it return its states."""

    item: int | str | None = None
    """Which item of what it returns holds the state; None for all of it."""

    over_time: bool = False
    """Whether that item has the states of all times, rather than the last."""

    single: bool = False
    """Whether it takes one state, without the axis of a batch."""

    @property
    def sequence(self) -> bool:
        """Whether its inputs have a time axis."""
        return self.protocol in PROTOCOLS[2:]

    @property
    def one_row(self) -> bool:
        """Whether it takes one state at a time: alone, or as the module's own first one."""
        return self.single or self.attribute is not None

    def signature(self, name: str, input_size: int) -> str:
        """The call in words."""
        axes = f"[{self.protocol}, {input_size}]" if self.sequence else f"[batch, {input_size}]"
        input, state = f"input {axes}", f"{self.state or self.attribute or 'state'} {self.layout}"
        if self.single:
            input, state = (words.replace("batch, ", "") for words in (input, state))
        flags = "".join(f", {flag}=True" for flag in self.flags)
        if self.attribute is not None:
            return f"{name}({input}{flags}) from its own {state}"
        first, second = (state, input) if self.protocol == PROTOCOLS[0] else (input, state)
        return f"{name}({first}, {second}{flags})"

    def run(self, module: nn.Module, rows: Tensor, inputs: Tensor) -> object:
        """What the module returns from states [k, n], of inputs [k, m], or [k, time, m] for a sequence."""
        if self.sequence:
            inputs = inputs if inputs.ndim == 3 else inputs.unsqueeze(1)
            inputs = inputs.transpose(0, 1) if self.protocol == PROTOCOLS[2] else inputs
        state: Any = self.layout.nested(rows)
        if self.single:
            state, inputs = state[0], inputs[0]
        flags = dict.fromkeys(self.flags, True)
        if self.attribute is not None:
            return present_twin(module, {self.attribute: state})(inputs, **flags)
        if self.state is not None:
            return module(inputs, **{self.state: state}, **flags)
        if self.protocol == PROTOCOLS[0]:
            return module(state, inputs, **flags)
        return module(inputs, state, **flags)

    def state_of(self, returned: object) -> Tensor | None:
        """The state [k, n] in what the module returned; None where there is none of this layout."""
        found = item_of(returned, self.item)
        if self.single:
            return self.layout.rows(found.unsqueeze(0)) if isinstance(found, Tensor) else None
        if self.over_time:
            found = _last(found, self.protocol)
        return self.layout.rows(found)


class ModuleStep(nn.Module):
    """A module called in one form, as step(state [..., n], input [..., m]) -> state [..., n]."""

    def __init__(self, module: nn.Module, form: Form) -> None:
        super().__init__()
        self.module, self.form = module, form

    def forward(self, state: Tensor, input: Tensor) -> Tensor:
        single = state.ndim == 1
        if not single and self.form.one_row:
            raise ValueError("it takes one row at a time")
        rows, inputs = (state.unsqueeze(0), input.unsqueeze(0)) if single else (state, input)
        after = self.form.state_of(self.form.run(self.module, rows, inputs))
        if after is None:
            raise ValueError(f"{type(self.module).__name__} returned no state {self.form.layout}")
        return after[0] if single else after


def item_of(returned: object, item: int | str | None) -> object:
    """One item of what a module returned; None where it has none of that name or place."""
    if item is None:
        return returned
    if isinstance(item, str):
        return returned.get(item) if isinstance(returned, dict) else None
    return returned[item] if isinstance(returned, tuple | list) and item < len(returned) else None


def _last(states: object, protocol: str) -> object:
    """The states at the last time, of states over time."""
    if not isinstance(states, Tensor) or states.ndim != 3:
        return None
    return states[-1] if protocol == PROTOCOLS[2] else states[:, -1]
