"""`ytdnn sweep`: mistakes are one line, and flags reach the search."""

import pathlib

import pytest

from ytdnn.base import errors
from ytdnn.run.cli import command, main

FILE = """
from ytdnn import configs

def get_config():
    return configs.Config()

def get_space():
    return {space}
"""


def run(*argv: str) -> None:
    sweep = next(one for one in main.COMMANDS if one.name == "sweep")
    sweep.run(command.parse(sweep.name, sweep.flags, argv))


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--stage=index"], "expected --stage to be one of candidates, ranking"),
        (["--trials=0"], "expected --trials to be a whole number of at least 1"),
        (["--minutes=-1"], "expected --minutes to be a positive number"),
        (["--minutes=nan"], "expected --minutes to be a positive number"),
        (["--metric=auc"], "expected --metric to be one of ndcg@10, received auc"),
        (["--stage=ranking", "--metric=ndcg@10"], "to be one of auc, weighted_per_u"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: pathlib.Path, flags: list[str], line: str
) -> None:
    with pytest.raises(errors.UserError, match=line):
        run(f"--workdir={tmp_path / 'sweep'}", *flags)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("space", "flags", "line"),
    [
        ("{'candidates.embeding_dim': [1]}", [], "did you mean candidates.embedding"),
        ("{'ranking.dropout': [0.1]}", [], "expected settings of the candidates"),
        ("{}", [], "to return a dict of values .* received an empty dict"),
        ("{'candidates.dropout': 0.1}", [], "expected a list of values"),
        (
            "{'candidates.dropout': [0.1]}",
            ["--config.candidates.dropout=0.2"],
            "is a setting of the space",
        ),
    ],
)
def test_a_space_that_is_wrong_is_one_line(
    tmp_path: pathlib.Path, space: str, flags: list[str], line: str
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FILE.format(space=space))
    given = [f"--workdir={tmp_path / 'sweep'}", f"--config={file}", *flags]
    with pytest.raises(errors.UserError, match=line):
        run(*given)


def test_a_run_is_no_sweep(tmp_path: pathlib.Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(errors.UserError, match="found a run in"):
        run(f"--workdir={tmp_path}")
