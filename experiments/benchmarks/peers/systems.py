"""Which systems are compared, and the environment each runs in.

The peers' packages are those of the extra `peers` in setup.cfg. They do not go together
with ours (RecTools wants NumPy 1), so each gets a virtual environment.
"""

import configparser
import dataclasses
import pathlib
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from ytdnn.base import errors
from ytdnn.log.sources import archives

ROOT = pathlib.Path(__file__).parents[3]
_EXTRA = "peers"
_STAMP = "requirements.txt"  # in a finished environment: what it was made of


@dataclasses.dataclass(frozen=True)
class System:
    """One way to train.

    Attributes:
      name: In tables, and for `--only`.
      module: Its script, in this package.
      packages: Of the extra; none: it runs where the benchmark does.
      settings: Of its task, where they are not those of all.
      most_examples: That are made before training, where all would not fit into memory;
        0: all.
    """

    name: str
    module: str
    packages: tuple[str, ...] = ()
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    most_examples: int = 0

    @property
    def label(self) -> str:
        """Name of its files."""
        return re.sub(r"\W+", "_", self.name)


OURS = System("ytdnn", "ours")
OTHERS = (
    System("ytdnn, float32", "ours", settings={"precision": "float32"}),
    System("ytdnn, one step a call", "ours", settings={"steps": 1}),
    System("ytdnn, in-batch too", "ours", settings={"in_batch": True}),
    System(
        "ytdnn, in-batch alone", "ours", settings={"in_batch": True, "negatives": 0}
    ),
    System("TFRS tutorial", "tfrs_tutorial"),
    System(
        "torch-rechub YoutubeDNN, 1,024 negatives",
        "torch_rechub_youtube_dnn",
        ("torch", "torch-rechub"),
        most_examples=200 * 1024,
    ),
    System(
        "torch-rechub YoutubeDNN, 3 negatives",
        "torch_rechub_youtube_dnn",
        ("torch", "torch-rechub"),
        settings={"negatives": 3},
    ),
    System(
        "RecTools SASRec",
        "rectools_transformers",
        ("torch", "rectools"),
        settings={"model": "SASRec"},
    ),
    System(
        "RecTools HSTU, the request's time seen",
        "rectools_transformers",
        ("torch", "rectools"),
        settings={"model": "HSTU"},
    ),
)


def chosen(words: list[str] | None) -> list[System]:
    """Returns the others that have one of the words in their names; all for none."""
    return [one for one in OTHERS if any(word in one.name for word in words or [""])]


def requirements(packages: tuple[str, ...]) -> list[str]:
    """Returns the lines of the extra that name some packages.

    Raises:
      ValueError: The extra lacks one.
    """
    read = configparser.ConfigParser()
    read.read(ROOT / "setup.cfg")
    lines = read["options.extras_require"][_EXTRA].split("\n")
    found = {re.split(r"[\s\[<>=~!]", line)[0]: line for line in lines if line}
    missing = [name for name in packages if name not in found]
    if missing:
        raise ValueError(f"expected {missing} in the extra {_EXTRA} of setup.cfg")
    return [found[name] for name in packages]


def default_directory() -> pathlib.Path:
    """Returns where environments lie unless told otherwise."""
    return archives.cache_directory() / "peers"


def python(system: System, directory: pathlib.Path) -> str:
    """Returns the interpreter of a system, its environment made where there is none.

    Args:
      system: Whose.
      directory: Of all environments.

    Raises:
      errors.UserError: Its packages could not be installed.
    """
    if not system.packages:
        return sys.executable
    wanted = requirements(system.packages)
    place = directory / system.module
    interpreter, stamp = place / "bin" / "python", place / _STAMP
    if stamp.exists() and stamp.read_text().splitlines() == wanted:
        return str(interpreter)
    print(f"installing {', '.join(wanted)} into {place}", flush=True)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(place)],
        [str(interpreter), "-m", "pip", "install", "--quiet", *wanted],
    ):
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason"])[-1]
            raise errors.UserError(
                f"expected {' '.join(wanted)} to be installed into {place}, found: "
                f"{last}; leave the system out with --only"
            )
    stamp.write_text("\n".join(wanted))
    return str(interpreter)
