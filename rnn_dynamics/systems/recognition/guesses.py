"""What a module's names and weights suggest: which argument is its state, and how large state and input are."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

_INPUT = re.compile(r"inputs?(_?t)?|us?|u_?t|inp|stim(ulus|uli)?|obs(ervations?)?|seqs?|sequences?|data|batch|tokens?")
_STATE = re.compile(
    r"(prev_?|init(ial)?_?|last_?|old_?)?(h|hx|hc|hs?_?0|h_?t|hidden|hiddens|states?|hidden_?states?|rates?|r|r_?0|carry|mem(ory)?"
    r"|activity|activations?|s_?0?)(_?(prev|init|initial|last|old|in|t|0))?"
)
_EITHER = re.compile(r"xs?|x_?t|x_?0")
"""The input's name in most code, and the state's beside an input of another name."""

_TIME = re.compile(r"t|ts|time")

_FLAG = re.compile(r"(return|get|output|with|record|keep)_\w*(state|hidden|dynamic|traj|rate|activit|all)\w*")
_UNITS = re.compile(
    r"(n|num|dim|size|d)?_?(hidden|hid|rec|recurrent|units?|neurons?|state|latent|cells?)_?(size|dims?|units?|neurons?|features?|channels)?|n|d_?model"
)
_INPUTS = re.compile(
    r"(n|num|dim|size|d)?_?(inputs?|inp?|in_?features|stim(uli|ulus)?)_?(size|dims?|units?|features?|channels|n)?|nin"
)


@dataclass(frozen=True)
class Arguments:
    """Which arguments of a forward are what, as far as their names tell."""

    names: tuple[str, ...]
    """All that may be given by place."""

    required: int
    """How many must be given."""

    state: str | None
    input: str | None
    flags: tuple[str, ...]
    time: str | None
    """One of the first two, which is the time of a vector field."""

    @property
    def nameless(self) -> bool:
        """Whether it takes two arguments of which none is named as a state."""
        return self.required > 1 and self.state is None

    @property
    def input_first(self) -> bool:
        """Whether the names tell that the input comes before the state."""
        if self.state is None or self.names[:2] != (self.input, self.state):
            return False
        # f(x, r) is of a state x and a parameter r as often.
        return not (_EITHER.fullmatch(self.names[0].lower()) and len(self.state) == 1 and self.state.lower() != "h")

    @property
    def takes_state(self) -> bool:
        """Whether one of them may be a state."""
        return self.state is not None or self.required > 1


def arguments_of(step: nn.Module | Callable[..., Any]) -> Arguments:
    """The arguments of a function, or of a module's forward; none of what is written in C."""
    try:
        parameters = list(inspect.signature(step.forward if isinstance(step, nn.Module) else step).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names = [p.name for p in placed]
    lowered = {name: name.lower() for name in names}
    input = next((name for name in names if _INPUT.fullmatch(lowered[name])), None)
    states = [name for name in names if name != input and _STATE.fullmatch(lowered[name])]
    if input is not None:  # beside which an x is the state
        states += [name for name in names if _EITHER.fullmatch(lowered[name])]
    else:
        input = next((name for name in names if _EITHER.fullmatch(lowered[name]) and name not in states[:1]), None)
    flags = tuple(p.name for p in parameters if p.default is False and _FLAG.fullmatch(p.name.lower()))
    required = sum(p.default is p.empty for p in placed)
    time = next((name for name in names[:2] if _TIME.fullmatch(lowered[name])), None)
    return Arguments(tuple(names), required, states[0] if states else None, input, flags, time)


def names_state(name: str) -> bool:
    """Whether a name is one of states."""
    return _STATE.fullmatch(name.lower()) is not None


def time_refused(name: str, time: str) -> str:
    """Why a function of the time is no map, with remedies."""
    return (
        f"{name} takes the time {time!r}, as a vector field does, which is no map: give lambda state, input: ... of it "
        "at one time, with scheme= and dt= if what it returns is the rate of change"
    )


def unit_counts(module: nn.Module) -> tuple[list[int], list[int]]:
    """Numbers of units that a module may have: by name, and by its weights alone."""
    return _counts(module, _UNITS)


def input_counts(module: nn.Module) -> tuple[list[int], list[int]]:
    """Numbers of inputs that a module may have: by name, and by its weights alone."""
    return _counts(module, _INPUTS)


def first_states(module: nn.Module) -> list[str]:
    """Attributes in which a module may keep its first state."""
    named = {**module._parameters, **module._buffers, **vars(module)}
    wanted = re.compile(r"([hxrs]|state|hidden|init(ial)?_?(state|hidden|h))_?0?(_?init(ial)?)?")
    return [name for name, value in named.items() if isinstance(value, Tensor) and wanted.fullmatch(name.lower())]


def _counts(module: nn.Module, wanted: re.Pattern[str]) -> tuple[list[int], list[int]]:
    named = [count for name, count in _numbers(module) if wanted.fullmatch(name.lower()) and count > 0]
    lengths = [length for tensor in [*module.parameters(), *module.buffers()] for length in tensor.shape]
    # Numbers that are in many weights first, as units are; gates lie one below the other.
    often = sorted({*lengths}, key=lambda length: (-lengths.count(length), length))
    parts = [length // gates for gates in (2, 3, 4) for length in often if length % gates == 0]
    others = [count for count in dict.fromkeys([*often, *parts]) if count not in named]
    return list(dict.fromkeys(named)), others


def _numbers(module: nn.Module) -> Iterator[tuple[str, int]]:
    """Whole numbers among a module's attributes, in its settings, and in its parts."""
    for part in module.modules():
        for name, value in vars(part).items():
            if isinstance(value, int) and not isinstance(value, bool):
                yield name, value
            elif not name.startswith("_"):
                yield from _settings(value)


def _settings(value: object) -> Iterable[tuple[str, int]]:
    if not isinstance(value, Mapping):
        value = vars(value) if type(value).__name__ in ("Namespace", "SimpleNamespace", "AttributeDict") else {}
    return [
        (name, number)
        for name, number in value.items()
        if isinstance(name, str) and isinstance(number, int) and not isinstance(number, bool)
    ]
