"""Run the benchmarks named, or all; keep their results as JSON and write README.md from all results that there are.

python -m tests.benchmarks [speed] [globalisation] [recipes] [jacobians] [scaling] [brute_force] [settling]
    [stalls] [outcome] [cells] [warmup_cost] [ensemble] [tracking] [copy_warmup] [planted] [kills] [low_rank]
    [flip_flop_diagram] [continuation_cost] [bifurcation_audit] [fixed_point_finder] [certificates]
    [completeness] [landscapes] [charts] [agents] [maze] [sweeps]
python -m tests.benchmarks readme
"""

import json
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd

from . import (
    agents,
    bifurcation_audit,
    brute_force,
    cells,
    certificates,
    charts,
    completeness,
    continuation_cost,
    copy_warmup,
    ensemble,
    fixed_point_finder,
    flip_flop_diagram,
    globalisation,
    gpu,
    jacobians,
    kills,
    landscapes,
    low_rank,
    maze,
    outcome,
    planted,
    recipes,
    scaling,
    settling,
    speed,
    stalls,
    sweeps,
    tracking,
    warmup_cost,
)

FOLDER = Path(__file__).parent
BENCHMARKS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        speed,
        fixed_point_finder,
        globalisation,
        recipes,
        jacobians,
        scaling,
        brute_force,
        outcome,
        settling,
        stalls,
        cells,
        warmup_cost,
        ensemble,
        tracking,
        copy_warmup,
        planted,
        kills,
        sweeps,
        low_rank,
        flip_flop_diagram,
        continuation_cost,
        bifurcation_audit,
        certificates,
        completeness,
        landscapes,
        charts,
        agents,
        maze,
    )
}
HEAD = """# Benchmarks

`make benchmarks` runs them all, writes `results/*.json` and this page. Everything is a ratio within one run, on
the machine named below; figures of different tables may come from different runs.

Measured on 2 cores, of an AMD EPYC or (speed, fixed_point_finder, tracking, sweeps) an Intel Xeon, torch 2.13.0 (CPU),
float64 unless said otherwise.
"""
NO_GPU = """## gpu

No GPU was at hand: the GPU column is still missing. `make gpu` on a machine with CUDA runs its tests and fills it in.
"""


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown, without needing tabulate."""
    rows = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def write_readme() -> None:
    """The page, from the stored results and each module's docstring and reading of them."""
    parts = [HEAD]
    for name, module in BENCHMARKS.items():
        path = FOLDER / "results" / f"{name}.json"
        if path.exists():
            table = markdown(pd.DataFrame(json.loads(path.read_text())))
            parts.append(f"## {name}\n\n{module.__doc__.strip()}\n\n{table}\n\n{module.READING}\n")
    parts.append(gpu_column())
    (FOLDER / "README.md").write_text("\n".join(parts))


def gpu_column() -> str:
    """What `make gpu` found, under the name of the card."""
    if not gpu.RESULT.exists():
        return NO_GPU
    told = json.loads(gpu.RESULT.read_text())
    table = markdown(pd.DataFrame(told["rows"]))
    return f"## gpu\n\n{told['card']}, torch {told['torch']}.\n\n{table}\n\n{gpu.READING}\n"


def main() -> None:
    """Run what the arguments name."""
    for name in sys.argv[1:] or list(BENCHMARKS):
        if name == "readme":
            continue
        table = BENCHMARKS[name].run()
        (FOLDER / "results").mkdir(exist_ok=True)
        (FOLDER / "results" / f"{name}.json").write_text(json.dumps(table.to_dict(orient="records"), indent=1) + "\n")
        print(f"\n## {name}\n\n{markdown(table)}\n", flush=True)
    write_readme()


main()
