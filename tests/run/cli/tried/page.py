"""`python -m tests.run.cli.tried.page [GROUP …]` writes what each input ends in.

Without a group all are run.
"""

import pathlib
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence

from tests import full_log
from tests.run.cli.tried import logs, runner, runs, second_pass
from ytdnn.run.cli import main as cli

PAGE = pathlib.Path(__file__).parent / "outcomes.md"
GROUPS = {**logs.GROUPS, **second_pass.LOGS, **runs.GROUPS, **second_pass.RUNS}
_MOST = 330
_CELL = re.compile(r" ?(?<!\\)\| ?")
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
`python -m tests.run.cli.tried.page`, which runs them all, and held to a run by
`tests/run/cli/test_inputs_tried.py`. LOG stands for a directory of made tables, RUN for
a new workdir, MADE for a finished run and COPY for a copy of it. Of an input that is
read, what is said besides the results is shown.
"""


def made_run(directory: pathlib.Path) -> pathlib.Path:
    """Makes the finished run that some inputs need."""
    log = full_log.write(directory / "log", full_log.tables())
    workdir = directory / "run"
    flags = ("--source=log", f"--data_dir={log}", f"--workdir={workdir}")
    assert cli.main(["run", *flags, *_TINY]) == 0
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


def render(sections: Mapping[str, Sequence[str]]) -> str:
    """Returns the page of the lines of each group."""
    ends = [_CELL.split(line)[3] for lines in sections.values() for line in lines]
    parts = [
        _HEAD.format(
            number=len(ends),
            refused=ends.count("2"),
            read=ends.count("0") + ends.count("1"),
            traces=ends.count("stack trace"),
        )
    ]
    for name, lines in sections.items():
        head = f"\n## {name}\n\n| input | command | exit | line |\n|---|---|---|---|"
        parts += [head, *lines]
    return "\n".join(parts) + "\n"


def sections() -> dict[str, list[str]]:
    """Returns the lines of each group as the page has them."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            found[line[3:]] = []
        elif line.startswith("| ") and not line.startswith("| input |"):
            found[[*found][-1]].append(line)
    return found


def main(groups: Sequence[str]) -> None:
    """Runs groups, all where none is named, and writes what their inputs end in."""
    found = sections()
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        wanted = list(groups or GROUPS)
        needs_run = any(
            group in {**runs.GROUPS, **second_pass.RUNS} for group in wanted
        )
        finished = made_run(place) if needs_run else place
        for group in wanted:
            ended = outcomes(GROUPS[group], place / group, finished)
            found[group] = [row(one, outcome) for one, outcome in ended]
    PAGE.write_text(render({group: found.get(group, []) for group in GROUPS}))


if __name__ == "__main__":
    main(sys.argv[1:])
