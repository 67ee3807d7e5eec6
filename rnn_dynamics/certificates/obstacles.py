"""Why a row or a start is not proved, in sentences."""

from enum import IntEnum


class Obstacle(IntEnum):
    """What stood in the way of a proof; ``advice`` is a sentence to act on."""

    NONE = 0
    SINGULAR = 1
    NOT_ENCLOSED = 2
    MOVED = 3
    PERIOD = 4
    CONTRADICTED = 5
    TWICE = 6
    KIND = 7
    NOT_TRACED = 8
    SIZE = 9
    INTERRUPTED = 10
    DISAGREES = 11
    JUMP = 12

    @property
    def advice(self) -> str:
        return _ADVICE[self]


_ADVICE = {
    Obstacle.NONE: "proved",
    Obstacle.SINGULAR: "I - DF is singular here, as far as 212 bits can tell: a bifurcation, or one of a continuum",
    Obstacle.NOT_ENCLOSED: "no box round the state could be shown to hold a solution: not one, or a slow point",
    Obstacle.MOVED: "there is a solution near by, proved, but farther from the state than the tolerance",
    Obstacle.PERIOD: "the states of the cycle could not be told apart: its period may be a divisor of the one given",
    Obstacle.CONTRADICTED: "it is there, proved, but not of the kind that was claimed: the stability proved is another",
    Obstacle.TWICE: "the same as an earlier row: both lie in one box that holds exactly one",
    Obstacle.KIND: "not a fixed point or cycle: circles, tori, continua and chaos have no proof here",
    Obstacle.NOT_TRACED: "the map has an operation that balls do not cover, so nothing about it is proved",
    Obstacle.SIZE: "too large: the states of the cycle have more coordinates together than are taken at a time",
    Obstacle.JUMP: "F may jump here, or is not defined near by (torch.where, a logarithm of 0): it has no slopes",
    Obstacle.DISAGREES: "proved again, but not all that the certificate says of it",
    Obstacle.INTERRUPTED: "interrupted before its turn came: run it again",
}


class Passage(IntEnum):
    """What is proved of where a start goes; ``advice`` is a sentence to act on."""

    REACHED = 0
    NOT_CAPTURED = 1
    TOO_WIDE = 2
    NO_BALL = 3

    @property
    def advice(self) -> str:
        return _WAYS[self]


_WAYS = {
    Passage.REACHED: "proved to go to its attractor",
    Passage.NOT_CAPTURED: "within the budget of steps no orbit of floats came into a capture ball: raise steps",
    Passage.TOO_WIDE: "the enclosed orbit got too wide, even with the most bits that are tried",
    Passage.NO_BALL: "no capture ball is proved, so no start can be shown to go anywhere",
}
