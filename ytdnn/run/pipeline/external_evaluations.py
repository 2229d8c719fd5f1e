"""Evaluates bundles, files of predictions, and a run for a part of its videos."""

import dataclasses
import pathlib

from ytdnn.base import configs, errors
from ytdnn.evaluation import continued_models, report_files
from ytdnn.run.pipeline import candidate_model_answers, graph, runner
from ytdnn.run.pipeline import workdir as run_workdir


def evaluate(
    kind: str,
    path: pathlib.Path,
    data_directory: pathlib.Path,
    config: configs.EvaluationConfig,
    split: str,
    out: pathlib.Path,
) -> report_files.Evaluation:
    """Measures a bundle or predictions, writes the report, and returns it.

    Args:
      kind: `bundle` or `predictions`.
      path: The bundle's directory, or the file of predictions.
      data_directory: The prepared set it is measured on.
      config: Settings of lengths, slices and resamples.
      split: `test` or `validation`.
      out: Directory of the report, made if missing.

    Raises:
      errors.UserError: An input is missing or damaged, or does not fit the prepared
        set.
    """
    from ytdnn.evaluation import bundles, external_systems, prediction_files
    from ytdnn.log import prepared

    place = data_directory
    if kind == "predictions" and split == "test":
        place = continued_models.known_before_test(place)
    data = prepared.load(place)
    report_files.require_own(out)
    own = data_directory.resolve().parent / graph.EVALUATION.name
    errors.require(out.resolve() != own, "--out", "no evaluation of a run", str(out))
    if kind == "bundle":
        other = bundles.read(path, data, config)
    else:
        other = prediction_files.read(path, data)
    report_files.write(out, external_systems.evaluate(other, data, config, split))
    return report_files.read(out)


def write_requests(
    data_directory: pathlib.Path,
    config: configs.EvaluationConfig,
    split: str,
    path: pathlib.Path,
) -> int:
    """Writes the requests that a split is evaluated by, and returns their number.

    Args:
      data_directory: The prepared set.
      config: Delay and number of requests.
      split: `test` or `validation`.
      path: The file, Parquet or CSV.

    Raises:
      errors.UserError: The set has no requests, or the file another ending.
    """
    from ytdnn.evaluation import request_cases
    from ytdnn.log import events, prepared

    data = prepared.load(data_directory)
    asked = request_cases.cases(data, events.Split[split.upper()], config)
    if asked is None:
        raise errors.UserError(
            f"expected a temporal split with {split} watches in {data_directory}, "
            f"found {data.config.protocol} and evaluation.num_requests="
            f"{config.num_requests}: only such a split has requests in time"
        )
    candidate_model_answers.write(
        request_cases.frame(data, asked), path, "write_requests"
    )
    return len(asked)


def evaluate_part(
    workdir: pathlib.Path, out: pathlib.Path, *, users: str = "", videos: str = ""
) -> report_files.Evaluation:
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
    from ytdnn.evaluation import evaluate_run

    config = run_workdir.read_config(workdir)
    if config is None:
        raise errors.UserError(
            f"expected the directory of a run, which --videos measures anew, found no "
            f"config.json in {workdir}: give a run, or evaluate both with --videos"
        )
    named = {"users": users, "videos": videos}
    part = {name: value for name, value in named.items() if value}
    evaluation = dataclasses.replace(config.evaluation, **part)  # type: ignore[arg-type]
    with run_workdir.lock(workdir):
        runner.require([graph.evaluation("test")], config, workdir)
        config = dataclasses.replace(config, evaluation=evaluation)
        result = evaluate_run.evaluate(workdir, config, "test")
    with report_files.publish(out, result):
        return report_files.Evaluation(out, result.report, result.users)
