"""The page of a sweep: importance of settings, curves, and quality against cost."""

import math

from ytdnn.lab.pages import page, plots
from ytdnn.lab.studies import sweep_results

_MOST_CURVES = 10


def draw(result: sweep_results.SweepResult) -> str:
    """Returns the page as HTML.

    Args:
      result: Outcome of the sweep.
    """
    sections = [
        page.Section(
            "Quality and cost",
            "Each trial by the time of an answer, of many answered together, and its "
            "validation metric.",
            [_against_cost(result)],
        ),
        page.Section(
            "Epochs",
            f"The validation metric by epochs of the {_MOST_CURVES} best trials; a "
            f"pruned one ends early.",
            [_curves(result)],
        ),
        page.Section(
            "Settings that count",
            "Share of the variance of the metric that each setting explains over the "
            "complete trials (PED-ANOVA: Watanabe and others, IJCAI 2023).",
            [_importances(result)],
        ),
        page.Section("Trials", "All trials, the best first.", [_table(result)]),
    ]
    summary = "Trained and compared on validation; only the best is tested, once."
    return page.render(f"Sweep of {result.stage}", summary, sections, headline(result))


def headline(result: sweep_results.SweepResult) -> str:
    """Returns the outcome in a sentence.

    Args:
      result: Outcome of the sweep.
    """
    states = [trial.state for trial in result.trials]
    counted = (
        f"{len(states)} trials ({states.count('complete')} complete, "
        f"{states.count('pruned')} pruned)"
    )
    if result.best is None:
        return (
            f"No trial of {counted} is better than the base config: {result.metric} "
            f"{result.default_value:.3f} on validation."
        )
    return (
        f"Trial {result.best.number} is the best of {counted}: {result.metric} "
        f"{result.best.value:.3f} on validation, the base config "
        f"{result.default_value:.3f}. The best of many is flattered: the test window "
        f"says by how much it is better."
    )


def ordered(result: sweep_results.SweepResult) -> list[sweep_results.SweepTrial]:
    """Returns the trials, the best first, then those that are not complete.

    Args:
      result: Outcome of the sweep.
    """
    sign = -1.0 if result.more_is_better else 1.0
    return sorted(
        result.trials, key=lambda one: (one.value is None, sign * (one.value or 0.0))
    )


def _against_cost(result: sweep_results.SweepResult) -> page.Block:
    points: dict[str, list[tuple[float | None, float | None]]] = {
        "trials": [(trial.milliseconds, trial.value) for trial in result.trials],
        "base config": [(result.default_milliseconds, result.default_value)],
    }
    if result.best is not None:
        points["best"] = [(result.best.milliseconds, result.best.value)]
    series = {
        name: plots.Series([ms for ms, _ in some], [y for _, y in some], style="points")
        for name, some in points.items()
    }
    title = f"{result.metric} and milliseconds of an answer"
    return plots.lines(title, series, "milliseconds", result.metric, log_x=True)


def _curves(result: sweep_results.SweepResult) -> page.Block:
    shown = [trial for trial in ordered(result) if trial.curve][:_MOST_CURVES]
    series = {
        f"trial {trial.number}": plots.Series(
            [epoch for epoch, _ in trial.curve], [value for _, value in trial.curve]
        )
        for trial in shown
    }
    if not series:
        return "No trial has finished an epoch."
    epochs = sorted({epoch for trial in shown for epoch, _ in trial.curve})
    title, ticks = f"{result.metric} by epoch", plots.epoch_ticks(epochs)
    return plots.lines(title, series, "epoch", result.metric, x_ticks=ticks)


def _importances(result: sweep_results.SweepResult) -> page.Block:
    if not result.importances:
        return "Too few complete trials to say."
    values = {"share": list(result.importances.values())}
    return plots.bars("Share of the variance", [*result.importances], values, "share")


def _table(result: sweep_results.SweepResult) -> page.Table:
    keys = list(dict.fromkeys(k for trial in result.trials for k in trial.settings))
    rows = [
        [
            str(trial.number),
            trial.state if not trial.refused else f"left out: {trial.refused}",
            trial.value,
            trial.milliseconds,
            None if trial.seconds is None else math.ceil(trial.seconds),
            *(trial.settings.get(key) for key in keys),
        ]
        for trial in ordered(result)
    ]
    headings = [key.partition(".")[2] for key in keys]
    columns = ["trial", "state", result.metric, "ms", "training, s", *headings]
    return page.Table(columns, rows, words=(0, 1), marked=(0,) if result.best else ())
