"""Special points of branches and their markers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..bifurcations import Branch, SpecialPoint
from ..continuation import BifurcationKind
from . import style
from .branch_curves import Height
from .names import MOST, Name

MARKERS: dict[str, tuple[str, float]] = {
    BifurcationKind.FOLD: ("^", 4.4),
    BifurcationKind.BRANCH_POINT: ("s", 3.6),
    BifurcationKind.FLIP: ("D", 3.6),
    BifurcationKind.NEIMARK_SACKER: ("o", 4.0),
    BifurcationKind.BORDER_COLLISION: ("X", 4.4),
}
"""Shape and size in points, as shapes of equal size do not look equally large; the shapes of a training's timeline."""

_CROWDED = 0.75
"""The size of markers where they are too many for names, as a share of their usual size."""

_SAME = 1e-4
"""Of the picture's width and height: markers of one kind nearer than this are one."""


@dataclass(frozen=True, eq=False)
class Mark:
    """A special point where it is drawn."""

    point: SpecialPoint
    x: float
    y: float

    @property
    def name(self) -> Name:
        """LP, BP, PD, NS or BC, beside it."""
        return Name(self.point.label, self.x, self.y)

    @property
    def filled(self) -> bool:
        """Folds and border collisions, neither super- nor subcritical, are filled as everywhere in the field."""
        return self.point.kind in ("fold", "border collision") or self.point.criticality == "supercritical"


def marks_of(branches: Iterable[Branch], height: Height, size: tuple[float, float]) -> list[Mark]:
    """All special points, each once: where branches meet they share one, of which the judged one is kept."""
    every: list[Mark] = []
    for branch in branches:
        if not branch.special_points:
            continue
        rows = [point.row for point in branch.special_points]
        heights = height(branch.states[rows])
        for point, x, y in zip(branch.special_points, branch.parameters[rows].tolist(), heights, strict=True):
            every.append(Mark(point, x, float(y)))
    every.sort(key=lambda mark: not mark.point.criticality)
    kept: list[Mark] = []
    for mark in every:
        if not any(_same(mark, other, size) for other in kept):
            kept.append(mark)
    return sorted(kept, key=lambda mark: mark.x)


def _same(one: Mark, other: Mark, size: tuple[float, float]) -> bool:
    near = abs(one.x - other.x) <= _SAME * size[0] and abs(one.y - other.y) <= _SAME * size[1]
    return near and one.point.kind == other.point.kind


def draw_marks(ax: Axes, marks: Sequence[Mark]) -> list[Line2D]:
    """Draw the markers of each kind and criticality; returns the legend's entries, in the order of the kinds."""
    scale = _CROWDED if len(marks) > MOST else 1.0
    handles: list[Line2D] = []
    for kind in BifurcationKind:
        own = [mark for mark in marks if mark.point.kind == kind]
        for criticality in sorted({mark.point.criticality for mark in own}, reverse=True):
            group = [mark for mark in own if mark.point.criticality == criticality]
            handle = _handle(group[0], f"{criticality} {kind} ({group[0].point.label})".strip(), scale)
            line = Line2D([mark.x for mark in group], [mark.y for mark in group], zorder=5)
            line.update_from(handle)
            line.set(zorder=5, clip_on=False, label=handle.get_label())
            ax.add_line(line)
            handles.append(handle)
    return handles


def _handle(mark: Mark, label: str, scale: float) -> Line2D:
    marker, size = MARKERS[mark.point.kind]
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=scale * size,
        markeredgewidth=0.7,
        label=label,
        markeredgecolor=style.BLACK,
        markerfacecolor=style.BLACK if mark.filled else "white",
    )
