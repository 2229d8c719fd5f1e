"""Inputs of a newcomer and a clumsy user that the first pass did not have."""

from tests.cli.tried import logs, runner

Input = runner.Input
files, named = runner.files, runner.named
_WATCHES = logs.WATCHES

PLACES = (
    Input(
        "a home directory as workdir",
        "prepare --source=log --data_dir=LOG --workdir=~/RUN",
        files(watches=_WATCHES),
    ),
    Input(
        "a home directory as log",
        "prepare --source=log --data_dir=~/LOG --workdir=RUN",
        files(watches=_WATCHES),
    ),
    Input(
        "a home directory of nobody",
        "prepare --source=log --data_dir=~nobody-here/logs --workdir=RUN",
    ),
)

LOGS = {"Places, second pass": PLACES}
RUNS: dict[str, tuple[Input, ...]] = {}
