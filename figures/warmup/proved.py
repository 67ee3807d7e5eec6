"""Figure 5. What is proved: lower bounds of what the networks of figure 3 reach, beside VAA and the counts found."""

import json
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.warmup import warm_up

from ..runs import Plan, Row, run
from .drawing import cell_panels, claim_axis, claims_and_bounds, count, kinds_in_words, kinds_legend, share_label
from .networks import WITH_PARALLEL, Case, cases, extent, make, reached, row_of, training_sequences

STEPS = 20_000
"""Budget of a start. Some hundred are taken where attractors are many, thousands where networks drift; a step of 64
units takes some ten milliseconds."""


def measure_proof(case: Case) -> list[Row]:
    """What VAA claims, what is found, and what is proved of a network of figure 3 after its warmup."""
    module = make(case)
    warm_up(module, training_sequences(case), steps=case.steps, seed=case.seed)
    reach = reached(module, case)
    found = reach.attractors[0]
    system = rd.as_map(module).hold(reach.inputs[0])
    starts = reach.starts[first_to_settle(found)] if len(found) else None
    proof = rd.certify(system, found, starts, steps=STEPS)
    assert isinstance(proof, rd.Certificates)
    return [
        {
            **row_of(reach),
            "stable_proved": int((proof.attracting & proof.distinct).sum()),
            "reached_proved": proof.reached_count,
            "budget": STEPS,
            "advice": list(proof.advice),
        }
    ]


def first_to_settle(found: rd.Attractors) -> Tensor:
    """For each attractor the start that settles there first, [p]: one is enough to prove that it is reached."""
    times = found.times.double()
    rows = [torch.where(found.labels == row, times, torch.inf).argmin() for row in range(len(found))]
    return torch.stack(rows)


def with_proofs(rows: list[Row], folder: Path = Path(__file__).parent) -> list[Row]:
    """Rows of figure 3, each with the bound that is proved of the very same network, where that was measured.

    On another machine warmup makes another network of the same case: its claim and counts tell.
    """
    bounds = {}
    for path in folder.glob("proved_*.jsonl"):
        for line in path.read_text().splitlines():
            for row in json.loads(line)["rows"]:
                bounds[_identity(row)] = row["reached_proved"]
    return [
        {**row, "reached_proved": bounds[_identity(row)]} if _identity(row) in bounds else dict(row) for row in rows
    ]


def _identity(row: Row) -> str:
    case = {name: row[name] for name in Case.__dataclass_fields__}
    return json.dumps([case, row["vaas"], row["counts"], row["hits"]], sort_keys=True)


def draw(rows: list[Row]) -> Figure:
    """A column a cell: claims, counts and proved bounds against the number of units."""
    hidden = sorted({row["hidden"] for row in rows})
    cells = [cell for cell in WITH_PARALLEL if any(row["cell"] == cell for row in rows)]
    figure, axes = cell_panels(cells, rows=1, height=2.2)
    for ax, cell in zip(axes[0], cells, strict=True):
        claims_and_bounds(ax, [row for row in rows if row["cell"] == cell], hidden)
    claim_axis(axes[0][0])
    kinds_legend(axes[0][0], rows, ring=True, bound=True)
    share_label(figure, "hidden units")
    return figure


def caption(rows: list[Row]) -> str:
    """What is drawn, the totals, and a table with the reasons where nothing is proved."""
    found = sum(map(count, rows))
    stable, bound = (sum(row[name] for row in rows) for name in ("stable_proved", "reached_proved"))
    whole = sum(row["reached_proved"] == count(row) > 0 for row in rows)
    some = sum(count(row) > 0 for row in rows)
    claims = [row["n"] * row["vaas"][-1] for row in rows]
    kept = sum(row["reached_proved"] >= round(claim, 2) for row, claim in zip(rows, claims, strict=True))
    return f"""
**Figure 5. What is proved.** {len(rows)} of the networks of figure 3 after their warmup, made again and certified
(`rd.certify`): the number of attractors that VAA stands for (rings; 2 layers
right of 1), the attractors found (markers, whose shape says what most states do), and of these those that are proved
to be there, stable, and reached from a state that inputs lead to
(bars; at 0 where there are none). Of each attractor the start that settles there first is enclosed, for
{_budgets(rows)} at most; with more steps bounds can only rise. In all, VAA stands for {sum(claims):.0f}
attractors; {found} are found, {stable} of them proved to be there and stable, and {bound} proved to be reached. In
{whole} of the {some} networks that reach any, all that are found are proved to be reached. A bound below the count says
that a proof is missing, not that an attractor is: the last column says why.

*The paper's claim* is that VAA counts attractors that inputs reach. In {kept} of {len(rows)} networks so many are
proved. Where the ring lies above the marker fewer are found, which is evidence, not a proof.

{_table(rows)}
"""


def _budgets(rows: list[Row]) -> str:
    most, *others = sorted({row["budget"] for row in rows}, reverse=True)
    later = sum(row["budget"] == most for row in rows)
    return f"{most:,} steps" + "".join(f" ({later} of the networks; {other:,} for the others)" for other in others)


def _table(rows: list[Row]) -> str:
    head = ["cell", "layers", "units", "n VAA", "found", "stable: proved", "reached: proved", "what is missing"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in sorted(rows, key=lambda r: (r["cell"], r["layers"], r["hidden"], r["seed"])):
        cells = [row["cell"], row["layers"], row["hidden"], f"{row['n'] * row['vaas'][-1]:.3g}", kinds_in_words(row)]
        cells += [row["stable_proved"], row["reached_proved"], "; ".join(map(_in_short, row["advice"]))]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _in_short(advice: str) -> str:
    """How many rows or starts, and what stood in the way, without what to do about it."""
    return ": ".join(advice.split(": ")[:2])


def _cheap_first(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    """BRCs of up to 256 units settle within some hundred steps."""
    return tuple(sorted(cases, key=lambda case: case.cell != "BRC" or case.hidden * case.layers > 256))


PLAN = Plan(
    folder="warmup",
    name="proved",
    scales={
        "smoke": cases(("BRC", "GRU"), hidden=(8,), layers=(1,), seeds=1, n=8, horizon=200, steps=3, length=10),
        "small": _cheap_first(cases(WITH_PARALLEL, hidden=(32, 64, 128, 256), layers=(1, 2), seeds=1)),
    },
    measure=measure_proof,
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
