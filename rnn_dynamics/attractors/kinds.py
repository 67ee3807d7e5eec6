"""Kinds of attractors, and the words for them."""

from ..kinds import Kind


class AttractorKind(Kind):
    """What an attractor is, in the order in which results list them; each equals its word: ``kind == "cycle"``."""

    FIXED_POINT = "fixed point", "fixed points"
    CONTINUUM = "continuum", "continua"
    """A line, ring or sheet of fixed points, which is one object."""

    CYCLE = "cycle", "cycles"
    CIRCLE = "circle", "circles"
    """Quasi-periodic: a limit cycle of no whole number of steps."""

    TORUS = "torus", "tori"
    """Two frequencies or more."""

    CHAOTIC = "chaotic", "chaotic", "chaotic set", "chaotic sets"

    plural: str
    """After a number, in one line with other kinds: "2 chaotic"."""

    noun: str
    nouns: str

    def __init__(self, word: str, plural: str, noun: str = "", nouns: str = "") -> None:
        self.plural, self.noun, self.nouns = plural, noun or word, nouns or plural

    @property
    def periodic(self) -> bool:
        """Whether it is a finite number of states."""
        return self in (AttractorKind.FIXED_POINT, AttractorKind.CYCLE)

    @property
    def smooth(self) -> bool:
        """Whether it is a curve or surface without a fractal dimension."""
        return self in (AttractorKind.CONTINUUM, AttractorKind.CIRCLE, AttractorKind.TORUS)

    def named(self, number: float = 1) -> str:
        """The noun that stands after a number of them."""
        return self.noun if number == 1 else self.nouns
