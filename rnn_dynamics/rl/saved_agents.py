"""What ``state.pt`` must hold for the training of agents to go on from it."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from torch import Tensor

from ..training import are_counts, are_moments, are_numbers, are_weights, is_count, is_whole, shape_of
from .agent_log import COUNTS, NUMBERS, AgentLog


def fault_of(state: dict[str, Any]) -> str | None:
    """What is wrong with a state that was read, by name; None for one that a training can go on from."""
    identity, members, replays = state["identity"], state["members"], state.get("replays")
    if not isinstance(identity, dict) or not isinstance(identity.get("weights"), dict) or "environment" not in identity:
        return "identity is not that of the training of an agent"
    if not is_count(state["step"]):
        return f"step is {state['step']!r}"
    if not isinstance(members, list) or not members:
        return "members is not a list of agents"
    observed = state.get("observed")
    if not isinstance(observed, list) or len(observed) != len(members) or not all(map(is_whole, observed)):
        return "observed is not an episode for each agent"
    if not isinstance(replays, list) or len(replays) != len(members):
        return "replays are not one for each agent"
    faults = (
        _fault_of_agent(member, identity["weights"]) or _fault_of_replay(replay)
        for member, replay in zip(members, replays, strict=True)
    )
    return next((f"agent {row}: {fault}" for row, fault in enumerate(faults) if fault), None)


def _fault_of_agent(member: Any, shapes: dict[str, str]) -> str | None:
    if not isinstance(member, dict) or set(member) != {field.name for field in fields(AgentLog)}:
        return "it is not the log of an agent"
    wrong = [name for name, right in _FIELDS.items() if not right(member[name])]
    if wrong:
        return f"{wrong[0]} is of a wrong type"
    if not -1 <= member["best"] < len(member["episodes"]):
        return f"best is {member['best']} of {len(member['episodes'])}"
    for name in ("best_weights", "last"):
        if {key: shape_of(weight) for key, weight in member[name].items()} != shapes:
            return f"the weights of {name} are not the model's"
    if not {*member["target"], *member["moments"]} <= set(shapes):
        return "target and moments are not of the model's weights"
    if any(shape_of(weight) != shapes[key] for key, weight in member["target"].items()):
        return "target is not of the model's shapes"
    for key, moments in member["moments"].items():
        if any(moment.shape != member["last"][key].shape for name, moment in moments.items() if name != "step"):
            return f"moments of {key} are not of its shape"
    return None


def _fault_of_replay(replay: Any) -> str | None:
    """Histories end to end, with an end each."""
    if not isinstance(replay, dict) or set(replay) != {"inputs", "lengths", "terminated"}:
        return "its replay is none"
    inputs, lengths, terminated = replay["inputs"], replay["lengths"], replay["terminated"]
    if not all(isinstance(part, Tensor) for part in replay.values()) or inputs.ndim != 2 or lengths.ndim != 1:
        return "its replay is not one of tensors"
    if len(terminated) != len(lengths) or int(lengths.sum()) != len(inputs) or not len(lengths):
        return "its replay does not hold whole histories"
    return None


_FIELDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(NUMBERS, are_numbers),
    **dict.fromkeys(COUNTS, are_counts),
    **dict.fromkeys(("best_weights", "last", "target"), are_weights),
    "seed": is_count,
    "moments": are_moments,
    "status": lambda value: isinstance(value, str),
    "advice": lambda value: isinstance(value, str),
    "best": is_whole,
}
