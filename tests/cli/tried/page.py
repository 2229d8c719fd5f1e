"""`python -m tests.cli.tried.page` runs every input and writes docs/inputs_tried.md."""

import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence

from tests import full_log
from tests.cli.tried import logs, runner, runs
from ytdnn.cli import main

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "inputs_tried.md"
GROUPS = {**logs.GROUPS, **runs.GROUPS}
_MOST = 330
_TINY = (
    "--config.candidates.embedding_dim=8",
    "--config.candidates.tower=8",
    "--config.candidates.training.epochs=2",
    "--config.ranking.tower=8",
    "--config.ranking.training.epochs=2",
    "--config.composition.num_candidates=15",
    "--config.data.ranking_fraction=0.4",
    "--k=5,10",
)
_HEAD = """\
# Inputs tried

{number} inputs of a new or a hostile user: {refused} are refused with exit status 2 and
one line, {read} are read; {traces} end in a stack trace. Made by
`python -m tests.cli.tried.page`, which runs them all, and held to a run by
`tests/cli/test_inputs_tried.py`. LOG stands for a directory of made tables, RUN for a
new workdir, MADE for a finished run and COPY for a copy of it. Of an input that is
read, what is said besides the results is shown.
"""


def made_run(directory: pathlib.Path) -> pathlib.Path:
    """Makes the finished run that some inputs need."""
    log = full_log.write(directory / "log", full_log.tables())
    workdir = directory / "run"
    flags = ("--source=log", f"--data_dir={log}", f"--workdir={workdir}")
    assert main.main(["run", *flags, *_TINY]) == 0
    return workdir


def outcomes(
    group: Sequence[runner.Input], directory: pathlib.Path, made: pathlib.Path
) -> Iterator[tuple[runner.Input, runner.Outcome]]:
    """Yields each input of a group with what it ended in."""
    for number, one in enumerate(group):
        yield one, runner.attempt(one, directory / str(number), made)


def row(one: runner.Input, outcome: runner.Outcome) -> str:
    """Returns the line of the page for an input."""
    status = "stack trace" if outcome.status is None else outcome.status
    line = outcome.line.removeprefix("ytdnn: error: ")
    cells = (one.what, f"`{one.command}`", str(status), line)
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    text = text if len(text) <= _MOST else text[: _MOST - 1] + "…"
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def render(found: Mapping[str, Sequence[tuple[runner.Input, runner.Outcome]]]) -> str:
    """Returns the page of all outcomes by group."""
    every = [outcome for group in found.values() for _, outcome in group]
    parts = [
        _HEAD.format(
            number=len(every),
            refused=sum(outcome.status == 2 for outcome in every),
            read=sum(outcome.status in (0, 1) for outcome in every),
            traces=sum(outcome.status is None for outcome in every),
        )
    ]
    for name, group in found.items():
        parts.append(
            f"\n## {name}\n\n| input | command | exit | line |\n|---|---|---|---|"
        )
        parts += [row(one, outcome) for one, outcome in group]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        finished = made_run(place)
        PAGE.write_text(
            render(
                {
                    group: list(outcomes(inputs, place / group, finished))
                    for group, inputs in GROUPS.items()
                }
            )
        )
