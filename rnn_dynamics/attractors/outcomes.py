"""How each start ended, in words that say what to do."""

from enum import IntEnum


class Fate(IntEnum):
    """What became of one start."""

    SETTLED = 0
    DRIFTING = 1
    BALANCED = 2
    RUNAWAY = 3
    ESCAPED = 4
    UNDECIDED = 5
    NEUTRAL = 6
    INTERRUPTED = 7

    @property
    def outcome(self) -> str:
        """One of "settled", "slow", "diverged" and "unfinished"."""
        return _OUTCOMES[self]

    @property
    def advice(self) -> str:
        return _ADVICE[self]


_OUTCOMES = {
    Fate.SETTLED: "settled",
    Fate.DRIFTING: "slow",
    Fate.BALANCED: "slow",
    Fate.RUNAWAY: "diverged",
    Fate.ESCAPED: "diverged",
    Fate.UNDECIDED: "unfinished",
    Fate.NEUTRAL: "unfinished",
    Fate.INTERRUPTED: "unfinished",
}

_ADVICE = {
    Fate.SETTLED: "on an attractor",
    Fate.DRIFTING: "still drifting when the horizon was reached: a slow passage, not an attractor; raise horizon",
    Fate.BALANCED: "rests on an unstable fixed point, which any noise leaves: add noise to the starts",
    Fate.RUNAWAY: "coordinates grow at a steady rate: an integrator without an attractor within the horizon",
    Fate.ESCAPED: "the state grew beyond every bound",
    Fate.UNDECIDED: "still moving when max_steps were done, neither periodic nor of a clear kind: raise max_steps",
    Fate.NEUTRAL: "moves on a circle or torus that neither attracts nor repels its neighbours",
    Fate.INTERRUPTED: "interrupted before it settled: run it again",
}
