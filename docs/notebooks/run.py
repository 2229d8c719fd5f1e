"""Runs the notebooks and keeps their outputs: `make notebooks`.

    python docs/notebooks/run.py [NAME.ipynb …] [--set KEY=VALUE …]

`--set` assigns names after the cell tagged `parameters`, as the directory of a data
set: `--set data_dir=ml-100k`; the cell that is kept is unchanged. Each notebook runs in
an empty temporary directory.
"""

import argparse
import copy
import os
import pathlib
import tempfile

import nbclient
import nbformat

HERE = pathlib.Path(__file__).parent


def main() -> None:
    """Runs the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--set", nargs="*", default=[], dest="settings")
    options = parser.parse_args()
    settings = dict(setting.split("=", 1) for setting in options.settings)
    paths = [HERE / name for name in options.names] or sorted(HERE.glob("*.ipynb"))
    for path in paths:
        run(path, settings)
        print(f"ran {path.name}")


def run(path: pathlib.Path, settings: dict[str, str]) -> None:
    """Runs one notebook and writes it back with its outputs.

    Args:
      path: The notebook.
      settings: Values of names of its parameters cell, all text.
    """
    notebook = nbformat.read(path, as_version=4)
    running = copy.deepcopy(notebook)
    for cell in running.cells:
        if "parameters" in cell.metadata.get("tags", []):
            own = [
                f"{k} = {v!r}" for k, v in settings.items() if f"{k} =" in cell.source
            ]
            cell.source = "\n".join([cell.source, *own])
    # Without ipywidgets, tqdm of a dependency warns about its bars.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")
    with tempfile.TemporaryDirectory() as directory:
        client = nbclient.NotebookClient(
            running, timeout=3600, resources={"metadata": {"path": directory}}
        )
        client.execute()
    for cell, ran in zip(notebook.cells, running.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs = ran.outputs
            cell.execution_count = ran.execution_count
            cell.metadata.pop("execution", None)
    nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
