"""Searches settings by validation: trials of Optuna, each a run of its own.

A trial trains one stage with settings drawn from a space, and is pruned if after an
epoch it is below the median of the earlier trials. Several processes may share the
journal of trials. A killed sweep continues where it stopped, and a single process draws
the same settings: each draw depends only on the seed and the earlier trials.
"""

import contextlib
import dataclasses
import fcntl
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ytdnn.base import artifacts, configs, errors, progress
from ytdnn.lab.studies import default_spaces, output_links, sweep_results, sweep_trials
from ytdnn.run.pipeline import graph, log_size, runner, tracker, workdir

SweepResult = sweep_results.SweepResult
Path = pathlib.Path
Config = configs.Config

if TYPE_CHECKING:
    import optuna

DEFAULTS = "defaults"
BEST = "best.py"
_TRIALS = "trials"
_BEST = '''"""{}
validation (the base config has {}).
"""

from typing import Any

# What differs from the base config.
SETTINGS = {{
{}}}


def get_config() -> dict[str, Any]:
    """Returns the whole config."""
    return {!r}
'''

_STAGES = {
    "candidates": (graph.CONTEST, graph.CANDIDATES),
    "ranking": (graph.CONTEST, graph.CANDIDATES, graph.RANKING),
}
# The validation metric of each stage, and whether more is better.
METRICS = {
    "candidates": {"ndcg@10": True},
    "ranking": {"auc": True, "weighted_per_user_loss": False, "mean_loss": False},
}

Apply = Callable[[Config, dict[str, str]], Config]
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """The settings of a search.

    Attributes:
      directory: Directory of the sweep.
      base: Config that the trials change; its own run is `defaults`.
      stage: `candidates` or `ranking`.
      metric: Validation metric that decides; see `METRICS`.
      space: Values of each setting; None: the product's own space for the log's size.
      apply: Function that returns a config with settings given as texts.
      tracker: Name of the experiment tracker that is told of the base run and each
        trial; empty: none.
    """

    directory: Path
    base: Config
    stage: str
    metric: str
    space: configs.Space | None
    apply: Apply
    tracker: str = ""

    @property
    def defaults(self) -> Path:
        """Directory of the run with the base config."""
        return self.directory / DEFAULTS

    def config(self, settings: dict[str, str]) -> Config:
        """Returns the base run's config, also what its contest chose, but for some."""
        size, base = log_size.log_size(self.defaults), self.base
        if settings and size is not None and size.member:
            chosen = log_size.resolved(base, self.defaults).candidates
            own = dataclasses.replace(chosen, auto=())
            base = dataclasses.replace(base, candidates=own)
        return self.apply(base, settings)

    def trial(self, number: int) -> Path:
        """Returns the directory of a trial."""
        return self.directory / _TRIALS / f"{number:04d}"

    @property
    def more_is_better(self) -> bool:
        """Whether a larger value of the metric is better."""
        return METRICS[self.stage][self.metric]


class _PrunedError(Exception):
    """Ends the training of a trial that is not worth its time."""


@dataclasses.dataclass(frozen=True)
class _Reporter:
    """Reports the epochs of a trial; an `progress.Observer`."""

    trial: "optuna.trial.Trial"
    stage: str
    metric: str

    def on_epoch(self, stage: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Reports the metric of an epoch, and prunes."""
        if stage != self.stage or self.metric not in metrics:
            return
        self.trial.report(metrics[self.metric], epoch)
        if self.trial.should_prune():
            raise _PrunedError


def run(
    sweep: Sweep, num_trials: int | None, minutes: float | None, say: Say
) -> SweepResult:
    """Makes trials until there are enough, or the time is over.

    Args:
      sweep: The search.
      num_trials: Number of trials of the whole sweep, earlier ones included; None: no
        limit.
      minutes: Minutes after which this process begins no further trial; None: no limit.
      say: Function that takes lines for people.

    Raises:
      errors.UserError: Optuna is not installed, the base config cannot be trained, or
        the directory holds a sweep of another space.
    """
    optuna = sweep_trials.load()
    ends = None if minutes is None else time.monotonic() + 60.0 * minutes
    question = {"metric": sweep.metric, "config": configs.to_dict(sweep.base)}
    with _one_at_a_time(sweep.directory):
        study = sweep_trials.opened(
            optuna, sweep.directory, sweep.stage, sweep.more_is_better
        )
        # Before the base run of another sweep would be replaced.
        sweep_trials.require_same(study, sweep.directory, question)
        with _tracked(sweep, sweep.base, sweep.defaults):
            _make(sweep, sweep.base, sweep.defaults, say)
    space = _space(sweep)
    question["space"] = {k: dataclasses.asdict(values) for k, values in space.items()}
    sweep_trials.require_same(study, sweep.directory, question)
    study.set_user_attr(sweep_trials.SWEPT, question)
    study.sampler = sweep_trials.sampler(optuna, study, sweep.base.seed)
    for trial in sweep_trials.left_running(optuna, study):
        _try(optuna, sweep, study, trial, space, say)
    base = _base_values(sweep, space)
    while not sweep_trials.is_over(study, num_trials, ends):
        sweep_trials.begin_near(study, space, base, sweep.base.seed)
        study.sampler = sweep_trials.sampler(optuna, study, sweep.base.seed)
        _try(optuna, sweep, study, study.ask(), space, say)
    return _result(optuna, sweep, study)


def best_directory(sweep: Sweep, result: SweepResult) -> Path:
    """Returns the directory of the best run; that of the base config if none is better.

    Args:
      sweep: The sweep.
      result: Its outcome.
    """
    best = result.best
    return sweep.defaults if best is None else sweep.trial(best.number)


def write_best(sweep: Sweep, result: SweepResult) -> Path:
    """Writes the config file of the best run, for `ytdnn run --config=`.

    Args:
      sweep: The sweep.
      result: Its outcome.

    Returns:
      The path of the file.
    """
    settings, words, value = {}, "the base config", result.default_value
    if result.best is not None:
        settings, value = result.best.settings, result.best.value or 0.0
        words = f"trial {result.best.number}"
    lines = "".join(f"    {key!r}: {text!r},\n" for key, text in settings.items())
    config = configs.to_dict(sweep.config(settings))
    heading = f"The best config of a sweep: {words}, {result.metric} {value:.6g} on"
    path = sweep.directory / BEST
    artifacts.write_text(
        path, _BEST.format(heading, f"{result.default_value:.6g}", lines, config)
    )
    return path


def evaluated(sweep: Sweep, result: SweepResult, say: Say) -> list[Path]:
    """Evaluates the base config and the best on the test window, once.

    Args:
      sweep: The sweep.
      result: Its outcome.
      say: Function that takes lines for people.

    Returns:
      The directories of the two evaluations.
    """
    step = graph.evaluation("test", sweep.stage)
    workdirs = []
    settings = {} if result.best is None else result.best.settings
    for directory in (sweep.defaults, best_directory(sweep, result)):
        config = sweep.config({} if directory == sweep.defaults else settings)
        with _one_at_a_time(sweep.directory), workdir.lock(directory):
            steps = [graph.DATA, *_STAGES[sweep.stage], step]
            runner.run(steps, config, directory, say)
        workdirs.append(directory / step.name)
    return workdirs


@contextlib.contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    """Waits for other processes of the sweep in the block."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".sweep.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _space(sweep: Sweep) -> configs.Space:
    if sweep.space is not None:
        return sweep.space
    size = log_size.log_size(sweep.defaults)
    assert size is not None  # the data were just prepared
    return default_spaces.DEFAULT[sweep.stage](size)


def _base_values(sweep: Sweep, space: configs.Space) -> dict[str, configs.Value]:
    """Returns the base config's values of the settings of a space, a kind by name."""
    config = configs.to_dict(log_size.resolved(sweep.base, sweep.defaults))
    values: dict[str, configs.Value] = {}
    for key in space:
        value: Any = config
        for name in key.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, dict):
            value = value.get("kind")
        if value is not None:
            values[key] = tuple(value) if isinstance(value, list) else value
    return values


def _try(
    optuna: Any,
    sweep: Sweep,
    study: "optuna.Study",
    trial: "optuna.trial.Trial",
    space: configs.Space,
    say: Say,
) -> None:
    """Trains a trial and reports it; skips one that another process has locked."""
    directory = sweep.trial(trial.number)
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".trial.lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        settings = sweep_trials.drawn(trial, space)
        words = " ".join(f"--config.{k}={v}" for k, v in settings.items())
        say(f"trial {trial.number}: {words}")
        pruned = optuna.trial.TrialState.PRUNED
        try:
            value = _trained(sweep, trial, settings, say)
        except _PrunedError:
            study.tell(trial, state=pruned)
            say(f"trial {trial.number}: pruned")
        except (errors.UserError, ValueError) as error:  # or vectors not finite
            trial.set_user_attr(sweep_trials.REFUSED, str(error))
            study.tell(trial, state=pruned)
            say(f"trial {trial.number}: left out: {error}")
        else:
            study.tell(trial, value)
            say(f"trial {trial.number}: {sweep.metric} {value:.6g}")
    _remove_all_but_best(optuna, sweep, study, trial.number)


def _trained(
    sweep: Sweep, trial: "optuna.trial.Trial", settings: dict[str, str], say: Say
) -> float:
    """Trains with some settings and returns the metric of the best epoch."""
    from ytdnn.lab.studies import answer_times

    config = sweep.config(settings)
    directory = sweep.trial(trial.number)
    started = time.monotonic()
    reporter = _Reporter(trial, sweep.stage, sweep.metric)
    with _tracked(sweep, config, directory), progress.observed_by(reporter):
        _make(sweep, config, directory, say)
    trial.set_user_attr(sweep_trials.SECONDS, time.monotonic() - started)
    cost = answer_times.median_ms(directory, config, sweep.stage)
    trial.set_user_attr(sweep_trials.COST, cost)
    return _value(sweep, directory)


def _tracked(
    sweep: Sweep, config: Config, directory: Path
) -> contextlib.AbstractContextManager[tracker.Tracker | None]:
    """Returns the context that reports a run of the sweep to its tracker, if any."""
    name = f"{sweep.directory.resolve().name}/{directory.name}"

    def resolve() -> Config:
        return log_size.resolved(config, directory)

    return tracker.tracked(sweep.tracker, directory, resolve, name)


def _make(sweep: Sweep, config: Config, directory: Path, say: Say) -> None:
    """Makes the outputs of a run up to the stage, linking those of the base config."""
    steps = (graph.DATA, *_STAGES[sweep.stage])
    with workdir.lock(directory), workdir.keep_config(directory, config):
        if directory != sweep.defaults:
            for step in steps:
                others = [sweep.defaults]
                output_links.share(step, config, directory, others, lambda line: None)
        runner.run(steps, config, directory, say)


def _value(sweep: Sweep, directory: Path) -> float:
    """Returns the metric of a trained run.

    Raises:
      errors.UserError: It was not measured.
    """
    facts = artifacts.read_manifest(directory / sweep.stage, sweep.stage).facts
    metrics = facts.get("validation", {})
    if sweep.metric not in metrics:
        raise errors.UserError(
            f"expected {sweep.metric} on the validation window of {directory}, found "
            f"{', '.join(metrics) or 'nothing validated'}: a sweep needs a validation "
            f"window (--config.data.validation_fraction)"
        )
    return float(metrics[sweep.metric])


def _remove_all_but_best(
    optuna: Any, sweep: Sweep, study: "optuna.Study", number: int
) -> None:
    """Removes the models of the trials that can no longer be the best."""
    best = sweep_trials.best(optuna, study)
    for frozen in study.get_trials(False):
        is_over = frozen.state.is_finished() and frozen.number != best
        if is_over and frozen.number <= number:
            shutil.rmtree(sweep.trial(frozen.number), ignore_errors=True)


def _result(optuna: Any, sweep: Sweep, study: "optuna.Study") -> SweepResult:
    from ytdnn.lab.studies import answer_times

    trials = tuple(sweep_trials.trial_of(trial) for trial in study.get_trials(False))
    default = _value(sweep, sweep.defaults)
    sign = 1.0 if sweep.more_is_better else -1.0
    number = sweep_trials.best(optuna, study)
    best = None if number is None else trials[number]
    if best is not None and sign * (best.value or 0.0) <= sign * default:
        best = None  # none that is no better than the base config
    return SweepResult(
        stage=sweep.stage,
        metric=sweep.metric,
        more_is_better=sweep.more_is_better,
        default_value=default,
        default_milliseconds=answer_times.median_ms(
            sweep.defaults, sweep.base, sweep.stage
        ),
        best=best,
        trials=trials,
        importances=sweep_trials.importances(optuna, study),
    )
