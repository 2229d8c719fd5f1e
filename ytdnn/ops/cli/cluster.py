"""`ytdnn cluster`: runs a command with several processes of this machine."""

import pathlib
import re
import sys

from ytdnn.base import errors, user_paths
from ytdnn.ops.cluster import local_cluster, tasks
from ytdnn.run.cli import command, output

Flag = command.Flag

_PROGRAM = (sys.executable, "-m", "ytdnn")
_RESTARTS = 10
_COMMANDS = ("train", "run", "refit")
FLAGS = (
    Flag("workers", "Number of workers; default: 2.", example="N"),
    Flag(
        "ps",
        "Number of parameter servers, which hold the embedding tables; default: none, "
        "for synchronous workers.",
        example="N",
    ),
    Flag("restarts", f"Restarts of lost processes; default: {_RESTARTS}.", example="N"),
    Flag(
        "network",
        "own (default): the processes share a private network namespace, without "
        "access from or to outside; open: the network of the machine, for data on "
        "other hosts. TensorFlow then listens on every address, and runs any request "
        "that reaches it.",
        example="own|open",
    ),
)


@command.register("cluster", FLAGS, takes_command=True)
def run(given: command.Arguments) -> int:
    """Try distributed training with several processes on this machine.

    Starts the processes of a cluster, each with the command after -- and its own
    TF_CONFIG: synchronous workers, or with --ps a chief, workers and parameter servers.
    Restarts processes that are killed; the training resumes from its last checkpoint.
    Prints the output of the chief; that of the others goes to WORKDIR/cluster. For
    several machines see docs/scale.md.

    Examples:
      ytdnn cluster --workers=2 -- train --workdir=runs/mine
      ytdnn cluster --workers=2 --ps=2 -- train --workdir=runs/mine --stage=candidates

    Raises:
      errors.UserError: The command does not run in a cluster, or a flag is wrong.
    """
    values = given.values
    if not given.rest or given.rest[0] not in _COMMANDS:
        raise errors.UserError(
            f"expected a command of {', '.join(_COMMANDS)} after --, as `ytdnn "
            f"cluster --workers=2 -- train --workdir=DIR`, received "
            f"{' '.join(given.rest[:1]) or 'none'}"
        )
    if given.overrides:
        raise errors.UserError("expected settings after --, with their command")
    numbers = {"workers": 2, "ps": 0, "restarts": _RESTARTS}
    for name in numbers.keys() & values.keys():
        numbers[name] = command.whole(name, values[name])
    strategy = tasks.PARAMETER_SERVER if numbers["ps"] else tasks.MULTI_WORKER
    plan = local_cluster.Plan(
        command=(*_PROGRAM, *given.rest, *_strategy(given.rest, strategy)),
        workers=numbers["workers"],
        servers=numbers["ps"],
        logs=_workdir(given.rest) / "cluster",
        restarts=numbers["restarts"],
        say=output.say,
        is_open=command.choice(given, "network", ("own", "open"), "own") == "open",
    )
    return local_cluster.run(plan)


def _strategy(command: tuple[str, ...], needed: str) -> list[str]:
    """Returns the flag that a command lacks.

    Raises:
      errors.UserError: It has another.
    """
    flag = f"--strategy={needed}"
    named = [word for word in command if word.lstrip("-").startswith("strategy")]
    if named and named != [flag]:
        raise errors.UserError(
            f"expected {flag}, or none, for these processes, received {named[0]}"
        )
    return [] if named else [flag]


def _workdir(command: tuple[str, ...]) -> pathlib.Path:
    """Returns the workdir that a command names."""
    match = re.search(r"(?:^|\n)--?workdir[=\n](.+)", "\n".join(command))
    if match is None:
        raise errors.UserError("expected --workdir=DIR after --, received none")
    return user_paths.expanded(match[1])
