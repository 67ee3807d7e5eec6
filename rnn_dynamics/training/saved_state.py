"""What ``state.pt`` must hold for a training to go on from it."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from .member_log import PER_EPOCH, PER_UPDATE, MemberLog
from .members import shape_of
from .stored_values import are_counts, are_moments, are_numbers, are_weights, is_count, is_whole


def fault_of(state: Any) -> str | None:
    """What is wrong with a state that was read, by name; None for one that a training can go on from."""
    if not isinstance(state, dict):
        return f"it is a {type(state).__name__}"
    identity, members = state.get("identity"), state.get("members")
    if not isinstance(identity, dict) or not isinstance(identity.get("weights"), dict):
        return "identity is not that of a training"
    for name in ("epoch", "position", "step"):
        if not is_count(state.get(name)):
            return f"{name} is {state.get(name)!r}"
    if not isinstance(members, list) or not members:
        return "members is not a list of members"
    observed = state.get("observed", [0] * len(members))
    if not isinstance(observed, list) or len(observed) != len(members) or not all(map(is_whole, observed)):
        return "observed is not a step for each member"
    faults = (_fault_of_member(member, identity["weights"]) for member in members)
    return next((f"member {row}: {fault}" for row, fault in enumerate(faults) if fault), None)


def _fault_of_member(member: Any, shapes: dict[str, str]) -> str | None:
    if not isinstance(member, dict) or set(member) != {field.name for field in fields(MemberLog)}:
        return "it is not the log of a member"
    wrong = [name for name, right in _FIELDS.items() if not right(member[name])]
    if wrong:
        return f"{wrong[0]} is of a wrong type"
    if not -1 <= member["best_epoch"] < len(member["validation_losses"]):
        return f"best_epoch is {member['best_epoch']} of {len(member['validation_losses'])}"
    for name in ("best", "last"):
        if member[name] and {key: shape_of(weight) for key, weight in member[name].items()} != shapes:
            return f"the weights of {name} are not the model's"
    if not member["best"]:
        return "best holds no weights"
    if not set(member["moments"]) <= set(shapes):
        return "moments are not those of the model's weights"
    for key, moments in member["moments"].items():
        shaped = [moment for name, moment in moments.items() if name != "step"]
        if any(moment.shape != member["best"][key].shape for moment in shaped):
            return f"moments of {key} are not of its shape"
    return None


_FIELDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys((*PER_UPDATE, *PER_EPOCH), are_numbers),
    "seed": is_count,
    "best": are_weights,
    "last": are_weights,
    "moments": are_moments,
    "status": lambda value: isinstance(value, str),
    "advice": lambda value: isinstance(value, str),
    "best_epoch": is_whole,
    "epoch_steps": are_counts,
    "asked": is_count,
    "asked_loss": lambda value: isinstance(value, int | float),
}
