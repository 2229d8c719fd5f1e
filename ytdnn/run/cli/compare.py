"""`ytdnn compare FIRST SECOND`: paired differences, and a status for gates."""

import pathlib
import tempfile
from collections.abc import Sequence

from ytdnn.base import configs, errors, user_paths
from ytdnn.evaluation import report_files
from ytdnn.run.cli import command, output
from ytdnn.run.pipeline import external_evaluations

Flag = command.Flag

_OPERANDS = ("FIRST", "SECOND")
_FLAGS = (
    Flag(
        "fail_if",
        "Conditions on SECOND, separated by commas, where FIRST is the baseline: "
        "'recall@10 < 0.95 * baseline', 'system/ndcg@10 < baseline - 0.002', "
        "'requests/hit_rate@10 < baseline'. A metric without a model is that of the "
        "last model that ranks.",
        example="CONDITION,…",
    ),
    Flag("models", "A model of FIRST and one of SECOND.", example="MODEL,MODEL"),
    Flag(
        "users",
        "Users to compare: a file of ids, or a condition over columns of users; "
        "default: all common ones.",
        example="FILE|CONDITION",
    ),
    Flag(
        "videos",
        "Videos that count as right answers, in the same form: evaluates both again.",
        example="FILE|CONDITION",
    ),
)
_CONDITION_HOLDS = 1


def _run(given: command.Arguments) -> int:
    """Compare two evaluations: paired differences, and conditions that fail.

    Takes two runs or directories of evaluations with the same protocol; the first is
    the baseline. Prints each metric of both, their difference over the common users and
    its interval. Exit status 1 if a condition of --fail_if holds.

    Examples:
      ytdnn compare --fail_if='recall@10 < 0.95 * baseline' runs/main runs/mine
      ytdnn compare --models=candidates,als runs/mine als_evaluation
    """
    models = given.values.get("models")
    pair = None
    if models is not None:
        first, _, second = models.partition(",")
        if not first or not second:
            raise errors.UserError(
                f"expected --models=MODEL,MODEL, received {models!r}"
            )
        pair = first.strip(), second.strip()
    paths = [user_paths.expanded(given.values[name]) for name in _OPERANDS]
    named = given.values.get("users", "")
    if named and "fail_if" in given.values and "videos" not in given.values:
        raise errors.UserError(
            "expected --users or --fail_if, which tests all users, received both: "
            "evaluate both with --users"
        )
    fail_if = given.values.get("fail_if", "")
    if "videos" in given.values:
        videos = given.values["videos"]
        with tempfile.TemporaryDirectory() as directory:
            outs = [pathlib.Path(directory) / name for name in _OPERANDS]
            for path, out in zip(paths, outs, strict=True):
                output.say(f"evaluating {path} for --videos={videos}")
                external_evaluations.evaluate_part(
                    path, out, users=named, videos=videos
                )
            failures = show(outs, fail_if, pair)
    else:
        failures = show(paths, fail_if, pair, named)
    for line in failures:
        output.say(f"failed: {line}")
    return _CONDITION_HOLDS if failures else 0


def show(
    paths: Sequence[pathlib.Path],
    fail_if: str = "",
    models: tuple[str, str] | None = None,
    users: str = "",
) -> list[str]:
    """Prints the differences of two reports; returns the conditions that hold.

    Args:
      paths: Directories of the first and the second evaluation.
      fail_if: Conditions, separated by commas.
      models: A model of each to compare; None: models of the same name.
      users: Users to compare; empty: all.
    """
    from ytdnn.evaluation import compare, gates, terminal

    parsed = gates.parse(fail_if)
    first, second = (report_files.read(path) for path in paths)
    if users:
        first, second = compare.cut_to_users(first, second, users)
    config = configs.EvaluationConfig()
    comparison = compare.compare(first, second, parsed, config, models, users)
    output.result(lambda: comparison)
    terminal.show_comparison(comparison)
    return comparison.failures


COMMAND = command.from_function("compare", _run, _FLAGS, operands=_OPERANDS)
