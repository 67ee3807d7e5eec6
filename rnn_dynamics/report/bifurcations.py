"""What changes as a parameter moves, or along a training, as one screen, tables, a figure and the saved result."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from ..attractors import AttractorKind
from ..bifurcations import ENDS, OPEN_ENDS, BifurcationDiagram, Observable, Section, SpecialPoint
from ..certificates import BranchCertificates
from ..files import replacing
from ..store import save
from ..timeline import Bifurcation, TrainingBifurcations
from .certificates import proof_words
from .figures import written

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 20
"""Rows of a table on the screen; the rest is in the files."""

_EARLY = {**ENDS, "steps": "--max-steps ended it", "interrupted": "Ctrl-C ended it"}

_BECAME = {
    "birth": "born",
    "death": "died",
    "stable": "became stable",
    "unstable": "became unstable",
    "crossing": "stayed a saddle",
}


Proofs: TypeAlias = Sequence[BranchCertificates]
"""Of each branch of a diagram."""


def print_bifurcations(diagram: BifurcationDiagram, console: Console, proofs: Proofs | None = None) -> None:
    """Special points, how many fixed points there are between them, other attractors, and whether any are missing."""
    if diagram.interrupted and not len(diagram):
        return
    console.print(diagram.summary(), style="bold", soft_wrap=True, markup=False)
    points = diagram.distinct_points
    if points:
        console.print(_special_table(points, None if proofs is None else _words_of_points(diagram, proofs)))
        console.print("; ".join(_explained(points)), style="dim", soft_wrap=True, markup=False)
    console.print(_interval_table(diagram))
    for line in _other_attractors(diagram):
        console.print(line, soft_wrap=True, markup=False)
    wrong = (diagram.missing or diagram.missed) and not diagram.interrupted
    style = "bold red" if wrong else None
    console.print(diagram.verdict, style=style, soft_wrap=True, markup=False)
    for line in _advice(diagram):
        console.print(f"  {line}", soft_wrap=True, markup=False)


def _words_of_points(diagram: BifurcationDiagram, proofs: Proofs) -> dict[int, str]:
    """What is proved of each special point, by its identity."""
    words: dict[int, str] = {}
    for branch, proof in zip(diagram.branches, proofs, strict=True):
        own = proof_words(proof)[len(proof) - len(branch.special_points) :]
        words |= {id(point): word for point, word in zip(branch.special_points, own, strict=True)}
    return words


def _special_table(
    points: Sequence[tuple[tuple[int, ...], SpecialPoint]], proved: dict[int, str] | None = None
) -> Table:
    angles = any(point.kind == "Neimark-Sacker" for _, point in points)
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("kind", no_wrap=True)
    table.add_column("at", justify="right", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("coefficient", justify="right", no_wrap=True)
    if angles:
        table.add_column("angle", justify="right", no_wrap=True)
    table.add_column("branches")
    if proved is not None:
        table.add_column("proved", no_wrap=True)
    for numbers, point in points[:_MOST_ROWS]:
        several = f"{point.multiplicity} at once" if point.multiplicity > 1 else ""
        # The column would be twice as wide with what the heading of the table can say for all rows.
        words = [point.detail.replace(" as the parameter rises", ""), point.criticality, several]
        table.add_row(
            point.kind,
            f"{point.parameter:.6g}",
            ", ".join(word for word in words if word) or "-",
            f"{point.coefficient:.4g}" if math.isfinite(point.coefficient) else "-",
            *([f"{point.angle:.4f}" if point.kind == "Neimark-Sacker" else "-"] if angles else []),
            ", ".join(str(number) for number in sorted(set(numbers))),
            *([] if proved is None else [proved[id(point)]]),
        )
    _cap(table, len(points), "special_points.csv")
    return table


def _explained(points: Sequence[tuple[tuple[int, ...], SpecialPoint]]) -> list[str]:
    """What the columns mean, as far as they are used."""
    lines = ["coefficient: of the normal form"]
    if any(point.kind == "fold" for _, point in points):
        lines.append("born, meet: as p rises")
    if any(point.criticality for _, point in points):
        lines.append("supercritical: what is born is stable within the center manifold")
    if any(point.kind == "Neimark-Sacker" for _, point in points):
        lines.append("angle: of the eigenvalue, in radians per step")
    return [*lines, "branches: by number, as in branches.csv"]


def _interval_table(diagram: BifurcationDiagram) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("from", "to", "fixed points", "stable", "index sum"):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = diagram.counts_table()
    missing = set() if diagram.interrupted else set(diagram.missing)
    for cells in rows.head(_MOST_ROWS).to_dict(orient="records"):
        bounds = cells["from"], cells["to"]
        numbers = (str(cells[name]) for name in ("fixed_points", "stable", "index_sum"))
        style = "bold red" if bounds in missing else None
        table.add_row(*(f"{bound:.6g}" for bound in bounds), *numbers, style=style)
    _cap(table, len(rows), "intervals.csv")
    return table


def _other_attractors(diagram: BifurcationDiagram) -> list[str]:
    """The kinds of sections, and at how many parameters each was seen."""
    looked = len(diagram.sectioned)
    if not looked:
        return []
    places = f"{looked} parameter{'s' * (looked != 1)}"
    if not diagram.sections:
        return [f"No attractor that is on no branch was reached at {places}."]
    groups: dict[str, list[Section]] = {}
    for section in diagram.sections:
        name = AttractorKind(section.kind).noun + (f" of period {section.period}" if section.period else "")
        groups.setdefault(name, []).append(section)
    lines = [f"Attractors that are on no branch, looked for at {places}:"]
    for name, found in list(groups.items())[:_MOST_ROWS]:
        at = sorted({section.parameter for section in found})
        where = f"at {at[0]:.6g}" if len(at) == 1 else f"at {len(at)} of them, {at[0]:.6g} to {at[-1]:.6g}"
        exponents = [section.exponent for section in found]
        low, high = min(exponents), max(exponents)
        size = f"{low:.2g}" if math.isclose(low, high) else f"{low:.2g} to {high:.2g}"
        reached = max(section.share for section in found)
        lines.append(f"  {name}: {where}; largest exponent {size}, reached by up to {reached:.0%} of the starts")
    return lines + ([f"  ... and {len(groups) - _MOST_ROWS} more, in sections.csv"] if len(groups) > _MOST_ROWS else [])


def _advice(diagram: BifurcationDiagram) -> list[str]:
    lines = [
        f"branch {number}: {_EARLY[end]}"
        for number, branch in enumerate(diagram.branches)
        for end in dict.fromkeys(branch.ends)
        if end in OPEN_ENDS
    ]
    if len(lines) > _MOST_ROWS:
        lines[_MOST_ROWS:] = [f"... and {len(lines) - _MOST_ROWS} more"]
    if diagram.missing and not diagram.interrupted:
        lines.append("More --searches or --starts, other --inputs or more --noise may find it.")
    if not len(diagram.sectioned) and not diagram.interrupted and bool((diagram.stable_counts == 0).any()):
        lines.append("Where no fixed point is stable there are other attractors: --sections 9 looks for them.")
    return lines


def _cap(table: Table, rows: int, file: str) -> None:
    if rows > _MOST_ROWS:
        table.caption = f"... and {rows - _MOST_ROWS} more, in {file}"
        table.caption_justify = "left"


def write_bifurcations(
    diagram: BifurcationDiagram,
    folder: Path,
    *,
    observable: int | Literal["norm"] | None = None,
    eigenvalues: bool = False,
    parameter: str = "parameter",
    proofs: Proofs | None = None,
) -> list[Path]:
    """Write the saved diagram, its tables (CSV) and figure (PDF and PNG) into ``folder``; returns the files.

    Args:
        diagram: of ``bifurcation_diagram``.
        folder: exists already.
        observable, eigenvalues, parameter: as in ``plot_diagram``; of a unit, its state is a column too.
        proofs: of each branch; tables then say what is proved, and the figure marks it.
    """
    import pandas as pd

    from ..plotting import plot_diagram

    files = [save(diagram, folder / "bifurcations.safetensors")]
    shown: dict[str, Observable] = {"norm": _norm}
    if isinstance(observable, int):
        shown[f"unit_{observable}"] = observable
    tables = {"special_points": diagram.to_pandas(), "intervals": diagram.counts_table()}
    if proofs is not None:
        words = _words_of_points(diagram, proofs)
        tables["special_points"]["proved"] = [words[id(point)] for _, point in diagram.special_points]
    if len(diagram):
        parts = [branch.to_pandas(shown) for branch in diagram.branches]
        for number, (branch, part) in enumerate(zip(diagram.branches, parts, strict=True)):
            part.insert(0, "branch", number)
            part.insert(1, "period", branch.period)
            if proofs is not None:
                part["proved"] = _words_of_rows(proofs[number])
        tables["branches"] = pd.concat(parts)
    if diagram.sections:
        names = ("parameter", "kind", "period", "exponent", "share")
        tables["sections"] = pd.DataFrame(
            [[getattr(s, name) for name in names] for s in diagram.sections], columns=names
        )
    else:  # those of an earlier run would be taken for this one's
        (folder / "sections.csv").unlink(missing_ok=True)
    files += _written(tables, folder)
    if len(diagram) or diagram.sections:
        axes = plot_diagram(
            diagram, observable=observable, eigenvalues=eigenvalues, parameter=parameter, certificates=proofs
        )
        files += written(axes[0], folder / "bifurcations")
    return files


def _words_of_rows(proof: BranchCertificates) -> list[str]:
    """Of each row of a branch whether all segments that end at it are proved, or why one of them is not."""
    words = ["yes"] * len(proof.branch)
    for segment, ends, word in zip(proof.segments.tolist(), proof.rows.tolist(), proof_words(proof), strict=True):
        for row in ends if segment and word != "yes" else ():
            words[row] = word
    return words if len(words) > 1 else ["no: one row alone"] * len(words)


def _norm(states: Tensor) -> Tensor:
    return states.norm(dim=-1)


def print_timeline(timeline: TrainingBifurcations, console: Console) -> None:
    """Fixed points at checkpoints, the last bifurcations in words, and whether any fixed points are missing."""
    console.print(timeline.summary(), style="bold", soft_wrap=True, markup=False)
    if len(timeline):
        rows = timeline.checkpoints_table()
        stride = -(-len(rows) // _MOST_ROWS)
        console.print(_checkpoint_table(rows.iloc[sorted({*range(0, len(rows), stride), len(rows) - 1})]))
    found = timeline.bifurcations
    for bifurcation in found[-_MOST_ROWS:]:
        console.print(_sentence(timeline, bifurcation), soft_wrap=True, markup=False)
    if len(found) > _MOST_ROWS:
        console.print(f"({len(found) - _MOST_ROWS} earlier bifurcations are in events.csv)", style="dim")
    if found:
        text = "in brackets: numbers of fixed points, as in lives.csv; between checkpoints the weights go along a line"
        console.print(text, style="dim", soft_wrap=True)
    if bool(timeline.losses.isfinite().any()):
        console.print(f"Loss: {timeline.coincidence().summary()}", soft_wrap=True, markup=False)
    console.print(timeline.verdict, soft_wrap=True, markup=False)


def _checkpoint_table(rows: "pd.DataFrame") -> Table:
    import pandas as pd

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    loss = bool(rows["loss"].notna().any())
    for heading in ("step", *["loss"] * loss, "fixed points", "stable", "index sum"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cells in rows.astype({"index_sum": object}).to_dict(orient="records"):
        index_sum = "-" if cells["index_sum"] is pd.NA else str(cells["index_sum"])
        counts = (str(cells[name]) for name in ("fixed_points", "stable"))
        shown = [("-" if math.isnan(cells["loss"]) else f"{cells['loss']:.3g}")] if loss else []
        style = "bold red" if index_sum not in ("-", "1") else None
        table.add_row(str(cells["step"]), *shown, *counts, index_sum, style=style)
    return table


def _sentence(timeline: TrainingBifurcations, bifurcation: Bifurcation) -> str:
    """When, which bifurcation, and what became of whom."""
    became: dict[str, list[int]] = {}
    for event in timeline.events:
        own = event.identity in bifurcation.identities and event.how == bifurcation.how
        if own and event.before == bifurcation.before and event.kind in _BECAME:
            became.setdefault(event.kind, []).append(event.identity)
    parts = [f"{', '.join(map(str, sorted(set(who))))} {_BECAME[kind]}" for kind, who in became.items()]
    return f"step {bifurcation.at:.6g}: {bifurcation.how} ({'; '.join(parts)})"


def write_timeline(
    timeline: TrainingBifurcations, folder: Path, *, observable: int | Literal["norm"] | None = None
) -> list[Path]:
    """Write the saved timeline, its tables (CSV) and figure (PDF and PNG) into ``folder``; returns the files."""
    from ..plotting import plot_timeline

    files = [save(timeline, folder / "timeline.safetensors")]
    tables = {"checkpoints": timeline.checkpoints_table(), "events": timeline.to_pandas()}
    files += _written({**tables, "lives": timeline.lives_table()}, folder)
    axes = plot_timeline(timeline, observable=observable)
    return files + written(axes[0], folder / "timeline")


def _written(tables: "dict[str, pd.DataFrame]", folder: Path) -> list[Path]:
    files = []
    for name, table in tables.items():
        files.append(folder / f"{name}.csv")
        with replacing(files[-1]) as temporary:
            table.to_csv(temporary, index=False)
    return files
