"""Execute notebooks, every one or those whose names begin as is said (``04 05``), as many at a time as there are cores.
A cell that fails or warns ends the run; ``--write`` keeps the outputs in the files.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
KERNELS = {
    "PYTHONWARNINGS": "error::UserWarning,error::RuntimeWarning",
    "TQDM_DISABLE": "1",  # what takes ten seconds on a slow machine must not enter the outputs
    "OMP_NUM_THREADS": "1",  # a core each
}
HANGS = 3600
"""Seconds, far more than any cell takes on a busy machine."""


def execute(path: Path, write: bool = False) -> int:
    """Run one; how many cells it has."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=HANGS,
        kernel_name="python3",
        resources={"metadata": {"path": FOLDER}},
        coalesce_streams=True,  # else what is printed comes in pieces, cut by chance
    )
    client.execute()
    if write:
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # time stamps, which would change with every run
        nbformat.write(notebook, path)
    return sum(cell.cell_type == "code" for cell in notebook.cells)


def main() -> None:
    """Run them, those that take longest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", default=[""], help="how the names of notebooks begin; by default all are run"
    )
    parser.add_argument("--write", action="store_true", help="keep the outputs in the files")
    options = parser.parse_args()
    if strange := [name for name in options.names if not list(FOLDER.glob(f"{name}*.ipynb"))]:
        parser.error(f"no notebook's name begins with {' or '.join(strange)}")
    paths = sorted({path for name in options.names for path in FOLDER.glob(f"{name}*.ipynb")}, reverse=True)
    os.environ |= KERNELS
    with ProcessPoolExecutor() as pool:
        for path, cells in zip(paths, pool.map(execute, paths, [options.write] * len(paths)), strict=True):
            print(f"{path.name}: {cells} cells ran", flush=True)


if __name__ == "__main__":
    main()
