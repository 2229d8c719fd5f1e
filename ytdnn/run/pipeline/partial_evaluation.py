"""Evaluates a run for a part of its users or videos; its own report stays as it is."""

import dataclasses
import pathlib
from typing import TYPE_CHECKING

from ytdnn.base import errors
from ytdnn.run.pipeline import graph, runner
from ytdnn.run.pipeline import workdir as workdir_room

if TYPE_CHECKING:
    from ytdnn.evaluation import report_files


def evaluate(
    workdir: pathlib.Path, out: pathlib.Path, *, users: str = "", videos: str = ""
) -> "report_files.Evaluated":
    """Measures a run on the test split and writes the report elsewhere.

    Args:
      workdir: Directory of the run, trained.
      out: Directory of the report, made if missing.
      users: Users that are asked: a file of ids or a condition; empty: all.
      videos: Videos that are right answers, likewise.

    Raises:
      errors.UserError: It is no directory of a run, an artefact is missing or stale, or
        a part names nobody.
    """
    from ytdnn.evaluation import evaluate_run, report_files

    config = workdir_room.read_config(workdir)
    if config is None:
        raise errors.UserError(
            f"expected the directory of a run, which --videos measures anew, found no "
            f"config.json in {workdir}: give a run, or evaluate both with --videos"
        )
    named = {"users": users, "videos": videos}
    part = {name: value for name, value in named.items() if value}
    evaluation = dataclasses.replace(config.evaluation, **part)  # type: ignore[arg-type]
    with workdir_room.lock(workdir):
        runner.require([graph.evaluation("test")], config, workdir)
        config = dataclasses.replace(config, evaluation=evaluation)
        result = evaluate_run.evaluate(workdir, config, "test")
    with report_files.publish(out, result):
        return report_files.Evaluated(out, result.report, result.users)
