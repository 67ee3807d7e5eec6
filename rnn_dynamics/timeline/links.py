"""How the fixed points of one checkpoint became those of the next, with all that their multipliers crossed."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..continuation import Followed, Special, follow
from ..families import DifferentiableFamily
from ..stability import attracts
from ..stopping import go_on
from ..systems import HeldMap, apart
from ..tracking import Ahead, Event, InvariantSet, Passage, followed_forward, passage_between, table
from .results import NEAR

LOOKS = 8
"""How often on its way to the next checkpoint a fixed point's eigenvalues are looked at; see ``follow``."""

_SAME_TIME = 1e-9
"""A crossing that the passage names and the one that was followed are the same number."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A crossing on the way from one checkpoint to the next."""

    before: int
    """InvariantSet before, or -1 for what was born after it."""

    after: int
    """InvariantSet after, or -1 for what died before it."""

    kind: str
    """"stable", "unstable" (from now on) or "crossing" (neither before nor after it was stable)."""

    how: str
    t: float
    state: Tensor


@dataclass(frozen=True, eq=False)
class Link:
    """From one checkpoint to the next."""

    passage: Passage
    crossings: tuple[Placed, ...]
    missed: Tensor
    """Fixed points before that only following back from those after found, [k, n]."""


def ahead_of(before: HeldMap, after: HeldMap, rows: list[InvariantSet]) -> Ahead:
    """The rows before, followed to the weights after."""
    ahead = followed_forward(before.network, after.network, after.input, table(rows), LOOKS)
    go_on()
    assert ahead is not None  # the networks were compared at the door
    return ahead


def linked(ahead: Ahead, after: HeldMap, rows: list[InvariantSet]) -> tuple[list[InvariantSet], Link]:
    """The rows after, those added that only following found, and the link to them."""
    rows, passage = passage_between(ahead, after, rows)
    go_on()
    states = [row.orbit[0] for row in rows]
    retraced = _retraced(ahead, passage, states)
    crossings = [*_onward(ahead, passage, rows), *_from_behind(ahead, passage, rows, retraced)]
    missed = [state for row, (state, _) in retraced.items() if passage.origins[row] == "missed"]
    known = torch.stack(missed) if missed else after.input.new_empty(0, after.state_size)
    return rows, Link(passage, tuple(sorted(crossings, key=lambda placed: placed.t)), known)


def _onward(ahead: Ahead, passage: Passage, rows: list[InvariantSet]) -> list[Placed]:
    """What was crossed by those that were followed forward: to their end after, or to the fold in which they died."""
    befores, followed = ahead.groups.get(1, ([], None))
    result: list[Placed] = []
    for index, before in enumerate(befores):
        assert followed is not None
        after = int(passage.successors[before])
        own = list(followed.crossings[index])
        if after < 0 or followed.outcomes[index] != "arrived":
            if followed.outcomes[index] != "fold":
                continue
            own, after = _until_end(own, followed, index), -1
        names = [_name(passage, after, crossing) for crossing in own]
        was = bool(ahead.sets.stable[before])
        if after >= 0 and any(crossing.kind == "fold" for crossing in own):
            # Between its folds the branch has several points at each t: stability is told where it comes out of them.
            kinds = ["crossing"] * len(own)
            kinds[-1] = kinds[-1] if rows[after].stable == was else "stable" if rows[after].stable else "unstable"
        else:
            end = float(followed.parameters[index])
            kinds = _kinds(ahead.family, ahead.sets.orbits[before][0], 0.0, own, was, end)
        result += [
            Placed(before, after, kind, name, crossing.t, crossing.state.cpu())
            for kind, name, crossing in zip(kinds, names, own, strict=True)
        ]
    return result


def _retraced(ahead: Ahead, passage: Passage, states: list[Tensor]) -> dict[int, tuple[Tensor, Followed]]:
    """Rows after that no forward run led to, followed back: end and the run of each."""
    arrived: set[int] = set()
    if 1 in ahead.groups:
        befores, followed = ahead.groups[1]
        arrived = {int(passage.successors[b]) for i, b in enumerate(befores) if followed.outcomes[i] == "arrived"}
    result: dict[int, tuple[Tensor, Followed]] = {}
    for row, state in enumerate(states):
        if row not in arrived and passage.origins[row] != "unresolved":
            run = follow(ahead.family, state[None], 1.0, 0.0, looks=LOOKS)
            result[row] = run.ends[0], run
    return result


def _from_behind(
    ahead: Ahead, passage: Passage, rows: list[InvariantSet], retraced: dict[int, tuple[Tensor, Followed]]
) -> list[Placed]:
    """What was crossed by newcomers since the fold that bore them, and by those that only following back led to."""
    before = {int(after): row for row, after in enumerate(passage.successors) if int(after) >= 0}
    result: list[Placed] = []
    for row, (_, run) in retraced.items():
        born, own = run.outcomes[0] == "fold", list(run.crossings[0])
        own = _until_end(own, run, 0) if born else own
        turned = _kinds(ahead.family, rows[row].orbit[0], 1.0, own, rows[row].stable, float(run.parameters[0]))
        # Back in time what becomes stable has become unstable.
        kinds = [{"stable": "unstable", "unstable": "stable"}.get(kind, kind) for kind in turned]
        result += [
            Placed(before.get(row, -1), row, kind, crossing.kind, crossing.t, crossing.state.cpu())
            for kind, crossing in zip(kinds, own, strict=True)
        ]
    return result


def _until_end(crossings: Sequence[Special], followed: Followed, row: int) -> list[Special]:
    """Those on a point's own side of the fold in which it ended; the rest belong to its partner.

    The arms of a pitchfork pass a branch point at the very place where they meet: it is their end, and no other event.
    """
    folds = [index for index, crossing in enumerate(crossings) if crossing.kind == "fold"]
    own = crossings[: folds[0]] if folds else crossings
    t, state = float(followed.parameters[row]), followed.fold_states[row]
    return [
        crossing
        for crossing in own
        if crossing.kind != "branch point"
        or abs(crossing.t - t) > NEAR
        or float(apart(state, crossing.state, followed.units)) > NEAR**0.5
    ]


def _name(passage: Passage, after: int, crossing: Special) -> str:
    """As the passage names it, which knows pitchforks and transcritical points."""
    named = (c.kind for c in passage.crossings if c.row == after and abs(c.t - crossing.t) <= _SAME_TIME)
    return next(named, crossing.kind)


def _kinds(
    family: DifferentiableFamily,
    state: Tensor,
    start: float,
    crossings: Sequence[Special],
    stable: bool,
    end: float,
) -> list[str]:
    """For each crossing whether stability was lost or gained there, seen half of the way to the next."""
    kinds: list[str] = []
    for index, crossing in enumerate(crossings):
        further = crossings[index + 1].t if index + 1 < len(crossings) else end
        now = _stable_at(family, state, start, 0.5 * (crossing.t + further))
        if now is None:
            return kinds + ["crossing"] * (len(crossings) - index)
        kinds.append("crossing" if now == stable else "stable" if now else "unstable")
        stable = now
    return kinds


def _stable_at(family: DifferentiableFamily, state: Tensor, start: float, t: float) -> bool | None:
    """Whether the fixed point that ``state`` [n] is at ``start`` is stable at t; None where it cannot be followed."""
    system = family(t)
    run = follow(family, state[None].to(system.device), start, t)
    if run.outcomes[0] != "arrived":
        return None
    return bool(attracts(system.linearize(run.ends)[1].eigenvalues()[0]))


def crossing_events(link: Link, labels: tuple[Tensor, Tensor], steps: tuple[int, int]) -> list[Event]:
    """The crossings as events of identities."""
    (before, after), (first, last) = labels, steps
    return [
        Event(
            kind=placed.kind,
            how=placed.how,
            identity=int(before[placed.before] if placed.before >= 0 else after[placed.after]),
            partner=-1,
            before=first,
            step=last,
            at=first + placed.t * (last - first),
            state=placed.state,
        )
        for placed in link.crossings
    ]
