r"""Lists the experiments, and runs any of them, or all, again.

    python -m experiments
    python -m experiments --run=ranking_depth,ranking_heads
    python -m experiments --run=all --data=DIRECTORY

The first prints each experiment's commands, which are the first indented block of its
docstring. The others run them in the order of README.md and print how each ended and
how long it took; what it printed is in `runs/logs/NAME.log`. An experiment that ended
well is not run again while its commands are the same, and one that was stopped goes on,
as its commands do. All of them take days on two cores.

`--data` is where the upstream data sets lie, zipped or unpacked, as `ml-100k.zip`;
without it, or where one is not there, it is downloaded.
"""

import argparse
import ast
import dataclasses
import hashlib
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Sequence

HERE = pathlib.Path(__file__).parent
_INDEXED = re.compile(r"^\| \[(\w+)\.py\]\(\1\.py\) ", re.MULTILINE)
_ZIP = re.compile(r" --config\.data\.dir=([\w-]+)\.zip\b")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A file that asks one question.

    Attributes:
      name: Of the file, without its suffix.
      commands: A script for the shell.
    """

    name: str
    commands: str


def indexed() -> list[Experiment]:
    """Returns the experiments in the order of README.md."""
    return [
        Experiment(name, _commands(HERE / f"{name}.py"))
        for name in _INDEXED.findall((HERE / "README.md").read_text())
    ]


def _commands(path: pathlib.Path) -> str:
    """Returns the first indented block of a docstring."""
    lines = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("    ")]
    if not starts:
        raise ValueError(f"expected a command in the docstring of {path.name}")
    end = next(
        (i for i in range(starts[0], len(lines)) if lines[i][:1].strip()), len(lines)
    )
    block = "\n".join(line.removeprefix("    ") for line in lines[starts[0] : end])
    return block.strip() + "\n"


def with_data(commands: str, data: pathlib.Path | None) -> str:
    """Returns commands that read the data sets that are there, and download others.

    Args:
      commands: As an experiment has them.
      data: Where upstream's zips or their unpacked directories lie.
    """

    def place(found: re.Match[str]) -> str:
        choices = (f"{found[1]}.zip", found[1])
        if data is not None:
            for path in (data / name for name in choices):
                if path.exists():
                    return f" --config.data.dir={path}"
        return ""

    return _ZIP.sub(place, commands)


def rerun(
    experiment: Experiment,
    directory: pathlib.Path,
    data: pathlib.Path | None,
) -> tuple[str, float]:
    """Runs the commands of an experiment.

    Args:
      experiment: The experiment.
      directory: Gets its log, and the mark that it ended well.
      data: See `with_data`.

    Returns:
      How it ended, and the seconds it took.
    """
    logs = directory / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    mark = logs / f"{experiment.name}.done"
    digest = hashlib.sha256(experiment.commands.encode()).hexdigest()
    if mark.exists() and mark.read_text() == digest:
        return "done before", 0.0
    script = with_data(experiment.commands, data).replace("=runs/", f"={directory}/")
    script = script.replace(" runs/", f" {directory}/")
    start = time.monotonic()
    with (logs / f"{experiment.name}.log").open("wb") as log:
        command = ["bash", "-euo", "pipefail", "-c", _FUNCTIONS + script]
        status = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, cwd=HERE.parent, check=False
        ).returncode
    if status == 0:
        mark.write_text(digest)
    ended = "done" if status == 0 else f"exit status {status}"
    return ended, time.monotonic() - start


# The program and the interpreter of whoever runs this, on the path or not.
_FUNCTIONS = (
    f'pip() {{ "{sys.executable}" -m pip "$@"; }}\n'
    f'python() {{ "{sys.executable}" "$@"; }}\n'
    f'ytdnn() {{ "{sys.executable}" -m ytdnn "$@"; }}\n'
)


def chosen(names: str, experiments: Sequence[Experiment]) -> list[Experiment]:
    """Returns the experiments of a list of names, or all.

    Raises:
      SystemExit: A name is none's.
    """
    if names == "all":
        return list(experiments)
    known = {experiment.name: experiment for experiment in experiments}
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise SystemExit(
                f"error: --run: expected all or names of {', '.join(known)}, "
                f"found {name!r}"
            )
    return [known[name] for name in wanted]


def main(arguments: Sequence[str] | None = None) -> int:
    """Lists or runs; returns 1 where an experiment failed."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--run", help="all, or names with commas between")
    parser.add_argument("--data", type=pathlib.Path, help="of upstream's data sets")
    parser.add_argument("--workdir", type=pathlib.Path, default=pathlib.Path("runs"))
    options = parser.parse_args(arguments)
    if options.run is None:
        for experiment in indexed():
            print(f"{experiment.name}\n{experiment.commands}")
        return 0
    directory = options.workdir.absolute()
    data = options.data.absolute() if options.data else None
    failed = False
    for experiment in chosen(options.run, indexed()):
        print(f"{experiment.name}: ", end="", flush=True)
        ended, seconds = rerun(experiment, directory, data)
        print(f"{ended}, {seconds / 60.0:,.1f} min")
        if ended.startswith("exit"):
            failed = True
            print(f"  see {directory / 'logs' / experiment.name}.log")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
