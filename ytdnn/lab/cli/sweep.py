"""`ytdnn sweep`: searches settings by validation, and compares the best once."""

import pathlib

from ytdnn.base import artifacts, configs, errors, formats
from ytdnn.evaluation import tables
from ytdnn.lab.studies import sweep_results, sweeping
from ytdnn.run.cli import (
    command,
    compare,
    flags,
    given_settings,
    output,
    resolved_config,
    settings_catalogue,
)
from ytdnn.run.pipeline import runner, steps, workdir

Flag = command.Flag

PAGE, RESULT = "sweep.html", "sweep.json"
_STAGES = tuple(sweeping.METRICS)
_MOST_SHOWN = 10
FLAGS = (
    Flag(
        "workdir",
        "Directory of the sweep, made if missing. The same command again resumes it.",
        example="DIR",
        required=True,
    ),
    Flag(
        "config",
        "Python file with a get_config(), the base config, and a get_space(), the "
        "values to try for each setting. Default space: that of ytdnn for the size of "
        "the log.",
        example="FILE.py",
    ),
    Flag("stage", "Stage to tune; default: candidates.", example="|".join(_STAGES)),
    Flag(
        "trials",
        "Number of trials, including those of earlier calls; default: 30 without "
        "--minutes.",
        example="N",
    ),
    Flag("minutes", "Start no further trial after this many minutes.", example="M"),
    Flag(
        "metric",
        "Validation metric to optimize; default: ndcg@10 for candidates, auc for the "
        "ranker, which also has weighted_per_user_loss and mean_loss.",
        example="METRIC",
    ),
    flags.TRACKER,
)
_TRIALS = 30


@command.register(
    "sweep",
    (*FLAGS, *flags.DATA_FLAGS),
    ("data", "candidates", "ranking", "composition", "evaluation", "seed"),
)
def run(given: command.Arguments) -> None:
    """Search settings on validation with Optuna, and test the best once.

    Trains one stage with settings drawn from a space, by Optuna's TPE sampler, and
    stops a trial that is below the median of those before it. Only validation decides.
    All trials are kept in DIR/journal.log: a sweep that was killed resumes, and several
    processes of the same command share it. Ends with DIR/best.py, a config file to run,
    DIR/sweep.html, and the paired difference of the best and the base config on the
    test window. Needs the extra `sweep`.

    Examples:
      ytdnn sweep --source=movielens --name=ml-100k --trials=30 --workdir=runs/sweep
      ytdnn sweep --config=mine.py --minutes=120 --workdir=runs/sweep
      ytdnn sweep --stage=ranking --trials=20 --workdir=runs/ranker_sweep

    Raises:
      errors.UserError: A flag has a wrong value, Optuna is not installed, or the base
        config cannot be trained.
    """
    directory = pathlib.Path(given.values["workdir"])
    if (directory / workdir.CONFIG_FILE).exists():
        raise errors.UserError(
            f"expected the directory of a sweep for --workdir, found a run in "
            f"{directory}: give another directory"
        )
    stage = command.choice(given, "stage", _STAGES, _STAGES[0])
    metrics = list(sweeping.METRICS[stage])
    metric = command.choice(given, "metric", metrics, metrics[0])
    base = resolved_config.config(given, configs.Config())
    runner.make_role(base).require_alone("sweep")
    steps.require_vectors(base)
    sweep = sweeping.Sweep(
        directory,
        base,
        stage,
        metric,
        _space(given, stage),
        given_settings.apply,
        resolved_config.tracker_name(given),
    )
    num_trials, minutes = _limits(given)
    result = sweeping.run(sweep, num_trials, minutes, output.say)
    _show(sweep, result)
    output.result(lambda: result)
    output.say("the base config and the best, on the test window:")
    reports = sweeping.evaluated(sweep, result, output.say)
    if result.best is not None:
        compare.show(reports)
    output.say(f"page: {directory / PAGE}, numbers: {directory / RESULT}")
    output.say(
        f"next: ytdnn run --config={directory / sweeping.BEST} --workdir=runs/best"
    )


def _limits(given: command.Arguments) -> tuple[int | None, float | None]:
    """Returns the number of trials and the minutes; None: no limit."""
    trials, minutes = given.values.get("trials"), given.values.get("minutes")
    number = None if minutes is not None else _TRIALS
    if trials is not None:
        number = command.whole("trials", trials)
    if minutes is None:
        return number, None
    try:
        limit = float(minutes)
    except ValueError:
        limit = 0.0
    if not 0.0 < limit < float("inf"):
        raise errors.UserError(
            f"expected --minutes to be a positive number, received {minutes!r}"
        )
    return number, limit


def _space(given: command.Arguments, stage: str) -> configs.Space | None:
    """Returns the space of the config file; None: it has none.

    Raises:
      errors.UserError: The space is empty, or has a setting of another stage.
    """
    file = given.values.get("config")
    space = None if file is None else resolved_config.load_space(file)
    if space is None:
        return None
    known = settings_catalogue.catalogue()
    for key in space:
        if key not in known:
            hint = given_settings.closest(key, list(known))
            raise errors.UserError(
                f"expected settings in get_space() of {file}, received {key!r}{hint}"
            )
        if not key.startswith(f"{stage}."):
            raise errors.UserError(
                f"expected settings of the {stage} in get_space() of {file}, received "
                f"{key}: give --stage, or a setting that begins with {stage}."
            )
        if key in given.overrides:
            raise errors.UserError(
                f"--config.{key} is a setting of the space in {file}: leave one out"
            )
    return space


def _show(sweep: sweeping.Sweep, result: sweep_results.SweepResult) -> None:
    """Prints the best trials, and writes page, numbers and the best config."""
    from ytdnn.lab.pages import sweep_page

    path = sweeping.write_best(sweep, result)
    artifacts.write_text(sweep.directory / PAGE, sweep_page.draw(result))
    artifacts.write_json(sweep.directory / RESULT, formats.plain(result))
    screen = output.screen()
    table = _table(result, sweep_page.ordered(result))
    screen.print(tables.draw(table, screen.width))
    output.say(sweep_page.headline(result))
    output.say(f"config of the best: {path}")


def _table(
    result: sweep_results.SweepResult, trials: list[sweep_results.SweepTrial]
) -> tables.Table:
    """Returns the base config and the best trials."""
    cost = result.default_milliseconds
    base = sweep_results.SweepTrial(0, "base", {}, result.default_value, (), None, cost)
    known = [trial for trial in trials[:_MOST_SHOWN] if trial.value is not None]
    rows: list[list[tables.Cell]] = [
        [
            "base" if trial is base else str(trial.number),
            tables.NumberCell(trial.value, show="{:.4f}".format),
            tables.NumberCell(trial.milliseconds, show="{:.3f}".format),
            "" if trial is base else f"{trial.seconds or 0.0:.0f}",
            " ".join(f"{k.partition('.')[2]}={v}" for k, v in trial.settings.items()),
        ]
        for trial in (base, *known)
    ]
    columns = ["trial", result.metric, "ms an answer", "training, s", "settings"]
    return tables.Table(columns, rows, f"Trials of {result.stage}", words=(0, 4))
