"""Figure 3. Digits by rows, by pixels and permuted, with blank steps before the answer: the same three variants."""

from matplotlib.figure import Figure

from ..runs import Plan, Row, run
from .ensembles import VARIANTS, Case, extent, measure_ensemble
from .variants import comparisons, curves, table

CELLS = ("GRU", "LSTM")


def draw(rows: list[Row]) -> Figure:
    """Accuracy during training."""
    cells = [cell for cell in CELLS if any(row["cell"] == cell for row in rows)]
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    return curves(tasks, cells, rows, "cell", "accuracy", False, "most frequent class")


def caption(rows: list[Row]) -> str:
    """The numbers, and how they stand to the claim."""
    blanks = ", ".join(f"{task} with {blank}" for task, blank in dict.fromkeys((r["task"], r["blank"]) for r in rows))
    return f"""
**Figure 3. Digits, read step by step.** Validation accuracy during training on scikit-learn's digits (8 x 8 pixels)
with blank steps between image and answer: {blanks}. Thin and pale: seeds; bold: their
median; dotted: the share of the most frequent class of the validation set, {rows[0]["validation_baseline"]:.3g} (of the
test set, that of the table's scores: {rows[0]["baseline"]:.3g}).
"Better" and "worse" mean that every seed of one is better than every seed of the other.
{". ".join(comparisons(rows, "cell", 1))}.

*The paper's claim*, on MNIST, is that warming up improves sequence classification where the answer has to wait. Where a
line above says "no different" or "worse", this measurement does not bear it out. Digits are smaller and far fewer than
MNIST.

{table(rows, "cell")}
"""


def _cases(
    blanks: dict[str, int],
    cells: tuple[str, ...],
    hidden: int,
    seeds: int,
    epochs: int,
    images: int,
    horizon: int,
    warmup_steps: int = 100,
) -> tuple[Case, ...]:
    return tuple(
        Case(task, 0, blank, cell, hidden, variant, seeds, epochs, images, horizon, 0, warmup_steps)
        for task, blank in blanks.items()
        for cell in cells
        for variant in VARIANTS
    )


PLAN = Plan(
    folder="training",
    name="images",
    scales={
        "smoke": _cases({"rows": 2, "permuted": 1}, ("GRU",), 6, 2, 2, 80, 50, 3),
        "small": _cases({"rows": 60, "pixels": 20, "permuted": 20}, CELLS, 32, 3, 20, 10_000, 10_000),
        "paper": _cases({"rows": 300, "pixels": 300, "permuted": 300}, CELLS, 256, 5, 50, 10_000, 10_000),
    },
    measure=measure_ensemble,
    draw=draw,
    caption=caption,
    extent=extent,
)

if __name__ == "__main__":
    run(PLAN)
