"""Execute every notebook, as many at a time as there are cores. A cell that fails or warns ends the run;
``--write`` keeps the outputs in the files.
"""

import os
import sys
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


def execute(path: Path) -> int:
    """Run one; how many cells it has."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=HANGS, kernel_name="python3", resources={"metadata": {"path": FOLDER}}).execute()
    if "--write" in sys.argv:
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # time stamps, which would change with every run
        nbformat.write(notebook, path)
    return sum(cell.cell_type == "code" for cell in notebook.cells)


def main() -> None:
    """Run them all, those that take longest first."""
    os.environ |= KERNELS
    paths = sorted(FOLDER.glob("*.ipynb"), reverse=True)
    with ProcessPoolExecutor() as pool:
        for path, cells in zip(paths, pool.map(execute, paths), strict=True):
            print(f"{path.name}: {cells} cells ran", flush=True)


if __name__ == "__main__":
    main()
