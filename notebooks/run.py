"""Execute every notebook; a cell that fails or warns stops it. ``--write`` keeps the outputs in the files."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def main() -> None:
    """Run them all."""
    os.environ["PYTHONWARNINGS"] = "error::UserWarning,error::RuntimeWarning"
    os.environ["TQDM_DISABLE"] = "1"  # what takes ten seconds on a slow machine must not enter the outputs
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": FOLDER}}).execute()
        if "--write" in sys.argv:
            for cell in notebook.cells:
                cell.metadata.pop("execution", None)  # time stamps, which would change with every run
            nbformat.write(notebook, path)
        print(f"{path.name}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells ran")


main()
