"""A study: the runs of several variants over seeds, compared in one result.

A variant's number is the mean over its seeds. Its difference to the baseline, the first
variant, is paired by user: of each user's own mean over the seeds, as `compare` does it
for two reports. So the interval is over the sample of users; the effect of the
training's seed is shown by the spread over the seeds.
"""

import dataclasses
import datetime
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ytdnn.base import artifacts, configs, formats, machine_facts, schema
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    compare,
    lists,
    report_files,
    report_protocol,
    report_types,
    shown_scorers,
)
from ytdnn.lab.studies import run_table

FORMAT_VERSION = 1
REFERENCES = lists.REFERENCES
_STATED = (*report_protocol.RULES, "users", "videos")
_SETTINGS_APART = ("seed",)
_VECTOR_MS = "user_vector_batched_ms"

Runs = Mapping[str, Mapping[int, pathlib.Path]]


def measure(runs: Runs, split: str, wanted: Sequence[str] = ()) -> dict[str, Any]:
    """Returns the results of a study, as JSON has them.

    Args:
      runs: The evaluated run of each variant and seed; the first is the baseline.
      split: Split of the reports, `test` or `validation`.
      wanted: Metrics to show, each as `MODEL/METRIC@K`; default: the usual ones of each
        model. The difference of the first one is shown.

    Raises:
      errors.UserError: A report is missing, two were measured by different rules, or no
        variant has a wanted metric.
    """
    part = report_files.DIRECTORIES[split]
    evaluated = {
        name: {seed: report_files.read(path / part) for seed, path in of_seeds.items()}
        for name, of_seeds in runs.items()
    }
    means = {
        name: mean(list(of_seeds.values())) for name, of_seeds in evaluated.items()
    }
    variants = _variants(runs, evaluated, means)
    baseline = next(iter(means))
    first = means[baseline]
    protocol = first.report.protocol
    values = {
        "format_version": FORMAT_VERSION,
        "made": _made(),
        "split": split,
        "protocol": {name: getattr(protocol, name) for name in _STATED}
        | {"impressions": protocol.ranker.impressions if protocol.ranker else None},
        "baseline": baseline,
        "shown": _shown(first, variants, wanted),
        "variants": variants,
        "references": {name: _model_values(first, name) for name in REFERENCES},
    }
    return formats.plain(values)


def _variants(
    runs: Runs,
    evaluated: Mapping[str, Mapping[int, report_files.Evaluation]],
    means: Mapping[str, report_files.Evaluation],
) -> dict[str, Any]:
    differences, settings = _differences(means), _settings(means)
    return {
        name: {
            "seeds": list(of_seeds),
            "settings": settings[name],
            "metrics": _metrics(list(of_seeds.values())),
            "training_seconds": _over_seeds(
                [_seconds(runs[name][seed], one) for seed, one in of_seeds.items()]
            ),
            **_served([one.report for one in of_seeds.values()]),
            "differences": differences[name],
            "marks": report_protocol.marks(means[name].report.protocol),
        }
        for name, of_seeds in evaluated.items()
    }


def mean(reports: Sequence[report_files.Evaluation]) -> report_files.Evaluation:
    """Returns the reports of one variant as one: every value the mean over the seeds.

    The runs differ only in the seed, so they were measured by the same rules. A metric
    that is a ratio of sums over users has one denominator in all, so its mean is the
    ratio of the means.

    Args:
      reports: Report of each seed.
    """
    frame = pl.concat([one.users for one in reports], how="diagonal")
    users = frame.group_by(schema.USER_ID).mean().sort(schema.USER_ID)
    of_lists, impressions = (
        {
            model: report_types.Entry(
                values=_mean_values(reports, model, list(entry.values)), intervals={}
            )
            for model, entry in entries.items()
        }
        for entries in reports[0].report.kinds
    )
    report = dataclasses.replace(
        reports[0].report, lists=of_lists, impressions=impressions
    )
    directory = reports[0].path.parent.parent
    return report_files.Evaluation(directory, report, users)


def _mean_values(
    reports: Sequence[report_files.Evaluation], model: str, metrics: Sequence[str]
) -> dict[str, float | None]:
    means = {
        name: float(np.mean([report.number(model, name) for report in reports]))
        for name in metrics
    }
    return {k: value if np.isfinite(value) else None for k, value in means.items()}


def _metrics(reports: Sequence[report_files.Evaluation]) -> dict[str, dict[str, Any]]:
    """Returns every metric of the models that were trained, by `MODEL/METRIC`."""
    result = {}
    for path in reports[0].metrics:
        model, _, metric = path.rpartition("/")
        if model not in REFERENCES:
            result[path] = _over_seeds(
                [report.number(model, metric) for report in reports]
            )
    return result


def _over_seeds(values: Sequence[float]) -> dict[str, Any]:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    mean_value = float(np.mean(values))
    return {"mean": mean_value, "spread": spread, "by_seed": list(values)}


def _served(reports: Sequence[report_types.Report]) -> dict[str, Any]:
    """Returns how wide a served vector is and how long one takes; none without them."""
    times = [report.latency.get(_VECTOR_MS) for report in reports]
    known = [float(time) for time in times if time is not None]
    if not known:
        return {}
    return {
        "vector_width": max(report.vector_width for report in reports),
        "user_vector_ms": _over_seeds(known),
    }


def _seconds(directory: pathlib.Path, evaluated: report_files.Evaluation) -> float:
    """Returns how long the stages that were measured trained, as they themselves say.

    Of a training that was killed and went on, only the last part counts.
    """
    stages = {lists.CANDIDATES: "candidates", shown_scorers.RANKER: "ranking"}
    return sum(
        artifacts.read_manifest(directory / kind, kind).facts.get("seconds", 0.0)
        for model, kind in stages.items()
        if model in evaluated.models
    )


def _differences(
    means: Mapping[str, report_files.Evaluation],
) -> dict[str, dict[str, dict[str, float]]]:
    """Returns of each variant but the first every metric's difference to the first."""
    first, *others = means
    settings = means[first].report.config["evaluation"]
    config = configs.component(configs.EvaluationConfig, settings)
    differences: dict[str, dict[str, dict[str, float]]] = {first: {}}
    for name in others:
        pair = compare.compare(means[first], means[name], (), config)
        differences[name] = {
            f"{row.model}/{row.metric}": {
                "difference": row.difference,
                "low": row.low,
                "high": row.high,
            }
            for row in pair.differences
            if row.model not in REFERENCES
        }
    return differences


def _settings(
    means: Mapping[str, report_files.Evaluation],
) -> dict[str, dict[str, Any]]:
    """Returns the settings in which the variants differ."""
    all_runs = [
        run_table.Run(name, configs.flat(one.report.config), {}, "")
        for name, one in means.items()
    ]
    keys = [key for key in run_table.differing(all_runs) if key not in _SETTINGS_APART]
    return {run.name: {key: run.settings.get(key) for key in keys} for run in all_runs}


def _shown(
    first: report_files.Evaluation, variants: Mapping[str, Any], wanted: Sequence[str]
) -> list[str]:
    """Returns the metrics to show: the wanted ones, or the usual ones of each model.

    Raises:
      errors.UserError: No variant has a wanted one.
    """
    known = [
        run_table.Run(name, {}, {k: v["mean"] for k, v in one["metrics"].items()}, "")
        for name, one in variants.items()
    ]
    if wanted:
        return run_table.chosen(known, wanted)
    ks = first.report.config["evaluation"]["ks"]
    measured = {metric for run in known for metric in run.metrics}
    usual = (
        f"{lists.CANDIDATES}/{metric_names.at('hit_rate', ks[0])}",
        f"{lists.CANDIDATES}/{metric_names.at('ndcg', ks[0])}",
        f"{lists.CANDIDATES}/{metric_names.at('recall', ks[min(1, len(ks) - 1)])}",
        f"{lists.CANDIDATES}/{metric_names.at('map', ks[-1])}",
        *metric_names.judging_pages(measured, ks[0]),
        f"{shown_scorers.RANKER}/auc",
        f"{shown_scorers.RANKER}/weighted_per_user_loss",
    )
    return [name for name in usual if name in measured]


def _model_values(report: report_files.Evaluation, model: str) -> dict[str, float]:
    """Returns the values of popularity, or of a bound, by metric."""
    return {
        metric: value
        for entries in report.report.kinds
        if model in entries
        for metric, value in entries[model].values.items()
        if value is not None
    }


def _made() -> dict[str, Any]:
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": machine_facts.versions(),
        "git_commit": machine_facts.git_commit(),
        "machine": machine_facts.machine(),
    }
