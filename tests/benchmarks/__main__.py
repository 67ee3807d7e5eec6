"""Run the benchmarks named, or all, and print their tables as Markdown."""

import json
import sys
from pathlib import Path

import pandas as pd

from . import globalisation, jacobians, recipes, scaling, speed

RESULTS = Path(__file__).parent / "results"
BENCHMARKS = {
    "speed": speed.run,
    "globalisation": globalisation.run,
    "recipes": recipes.run,
    "jacobians": jacobians.run,
    "scaling": scaling.run,
}


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown, without needing tabulate."""
    rows = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Run what the arguments name."""
    for name in sys.argv[1:] or list(BENCHMARKS):
        table = BENCHMARKS[name]()
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(table.to_dict(orient="records"), indent=1) + "\n")
        print(f"\n## {name}\n\n{markdown(table)}\n", flush=True)


main()
