"""Searches settings by validation: trials of Optuna, each a run of its own.

A trial trains one stage with settings drawn from a space, and is pruned if after an
epoch it is below the median of the earlier trials. All trials are in one journal file,
which several processes may share. A killed sweep continues where it stopped: a running
trial resumes from its checkpoint. A single process draws the same settings even if it
is killed, as each draw depends only on the seed and the earlier trials.
"""

import contextlib
import dataclasses
import fcntl
import json
import pathlib
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ytdnn import errors
from ytdnn.lab.studies import swept
from ytdnn.run import artifacts, configs
from ytdnn.run.configs import spaces
from ytdnn.run.pipeline import graph, runner, sharing, sizes, workdir

if TYPE_CHECKING:
    import optuna

JOURNAL = "journal.log"
DEFAULTS = "defaults"
BEST = "best.py"
_TRIALS = "trials"
_SWEPT = "swept"  # attribute of the study
_SECONDS, _COST, _REFUSED = "seconds", "milliseconds", "refused"  # of a trial
_STARTUP_TRIALS = 5  # before any is pruned
_WARM_UP_EPOCHS = 2  # before a trial may be pruned

_STAGES = {
    "candidates": (graph.CANDIDATES,),
    "ranking": (graph.CANDIDATES, graph.RANKING),
}
# The validation metric of each stage, and whether more is better.
METRICS = {
    "candidates": {"ndcg@10": True},
    "ranking": {"auc": True, "weighted_per_user_loss": False, "mean_loss": False},
}

Apply = Callable[[configs.Config, dict[str, str]], configs.Config]
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
      tracker: Name of the experiment tracker that is told of each trial; empty: none.
    """

    directory: pathlib.Path
    base: configs.Config
    stage: str
    metric: str
    space: spaces.Space | None
    apply: Apply
    tracker: str = ""

    @property
    def defaults(self) -> pathlib.Path:
        """Directory of the run with the base config."""
        return self.directory / DEFAULTS

    def trial(self, number: int) -> pathlib.Path:
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
    sweep: Sweep,
    num_trials: int | None,
    minutes: float | None,
    say: Say,
) -> swept.SweepResult:
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
    optuna = _optuna()
    ends = None if minutes is None else time.monotonic() + 60.0 * minutes
    with _one_at_a_time(sweep.directory):
        _make(sweep, sweep.base, sweep.defaults, say)
    space = _space(sweep)
    study = _study(optuna, sweep, space)
    study.sampler = _sampler(optuna, study, sweep.base.seed)
    for trial in _left_running(optuna, study):
        _try(optuna, sweep, study, trial, space, say)
    while not _is_over(study, num_trials, ends):
        study.sampler = _sampler(optuna, study, sweep.base.seed)
        _try(optuna, sweep, study, study.ask(), space, say)
    return _result(optuna, sweep, study)


def best_directory(sweep: Sweep, result: swept.SweepResult) -> pathlib.Path:
    """Returns the directory of the best run; that of the base config if none is better.

    Args:
      sweep: The sweep.
      result: Its outcome.
    """
    best = result.best
    return sweep.defaults if best is None else sweep.trial(best.number)


def write_best(sweep: Sweep, result: swept.SweepResult) -> pathlib.Path:
    """Writes the config file of the best run, for `ytdnn run --config=`.

    Args:
      sweep: The sweep.
      result: Its outcome.

    Returns:
      The path of the file.
    """
    settings = {} if result.best is None else result.best.settings
    config = sweep.apply(sweep.base, settings)
    words = "the base config" if result.best is None else f"trial {result.best.number}"
    value = result.default_value if result.best is None else result.best.value
    lines = [f"    {key!r}: {text!r}," for key, text in settings.items()]
    text = "\n".join(
        [
            f'"""The best config of a sweep: {words}, {result.metric} {value:.6g} on',
            f"validation (the base config has {result.default_value:.6g}).",
            '"""',
            "",
            "from typing import Any",
            "",
            "# What differs from the base config.",
            "SETTINGS = {",
            *lines,
            "}",
            "",
            "",
            "def get_config() -> dict[str, Any]:",
            '    """Returns the whole config."""',
            f"    return {configs.to_dict(config)!r}",
            "",
        ]
    )
    path = sweep.directory / BEST
    artifacts.write_text(path, text)
    return path


def evaluated(sweep: Sweep, result: swept.SweepResult, say: Say) -> list[pathlib.Path]:
    """Evaluates the base config and the best on the test window, once.

    Args:
      sweep: The sweep.
      result: Its outcome.
      say: Function that takes lines for people.

    Returns:
      The directories of the two evaluations.
    """
    step = graph.evaluation("test", sweep.stage)
    found = []
    settings = {} if result.best is None else result.best.settings
    for directory, given in (
        (sweep.defaults, {}),
        (best_directory(sweep, result), settings),
    ):
        config = sweep.apply(sweep.base, given)
        with _one_at_a_time(sweep.directory), workdir.lock(directory):
            steps = [graph.DATA, *_STAGES[sweep.stage], step]
            runner.run(steps, config, directory, say)
        found.append(directory / step.name)
    return found


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise errors.UserError(
            "ytdnn sweep needs optuna: pip install -c constraints.txt '.[sweep]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # A resumed trial reports its last epoch again, with the same value.
    warnings.filterwarnings("ignore", message=".*already reported")
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    return optuna


@contextlib.contextmanager
def _one_at_a_time(directory: pathlib.Path) -> Iterator[None]:
    """Waits for other processes of the sweep in the block."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".sweep.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _space(sweep: Sweep) -> spaces.Space:
    if sweep.space is not None:
        return sweep.space
    size = sizes.log_size(sweep.defaults)
    assert size is not None  # the data were just prepared
    found: spaces.Space = spaces.DEFAULT[sweep.stage](size)
    return found


def _study(optuna: Any, sweep: Sweep, space: spaces.Space) -> "optuna.Study":
    """Opens the journal, which is made if missing.

    Raises:
      errors.UserError: It is of a sweep of something else.
    """
    backend = optuna.storages.journal.JournalFileBackend(str(sweep.directory / JOURNAL))
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name=sweep.stage,
        direction="maximize" if sweep.more_is_better else "minimize",
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=_WARM_UP_EPOCHS
        ),
        load_if_exists=True,
    )
    asked = json.loads(
        json.dumps(
            {
                "metric": sweep.metric,
                "config": configs.to_dict(sweep.base),
                "space": {k: dataclasses.asdict(v) for k, v in space.items()},
            }
        )
    )
    made = study.user_attrs.get(_SWEPT)
    if made is None:
        study.set_user_attr(_SWEPT, asked)
    elif made != asked:
        parts = ", ".join(part for part in asked if made.get(part) != asked[part])
        raise errors.UserError(
            f"expected the {parts} of the sweep in {sweep.directory}, received "
            f"another: give another --workdir, or what it was begun with"
        )
    return study


def _sampler(optuna: Any, study: "optuna.Study", seed: int) -> Any:
    """Returns a sampler with draws that depend on the seed and the finished trials."""
    states = optuna.trial.TrialState
    finished = study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))
    return optuna.samplers.TPESampler(
        seed=(seed * 1_000_003 + len(finished)) % 2**31,
        multivariate=True,
        group=True,
        constant_liar=True,
    )


def _left_running(optuna: Any, study: "optuna.Study") -> "Iterator[optuna.trial.Trial]":
    """Yields the trials that a killed process left; others' are held by their locks."""
    states = (optuna.trial.TrialState.RUNNING,)
    for frozen in study.get_trials(deepcopy=False, states=states):
        yield optuna.trial.Trial(study, frozen._trial_id)


def _is_over(study: "optuna.Study", num_trials: int | None, ends: float | None) -> bool:
    if ends is not None and time.monotonic() >= ends:
        return True
    return num_trials is not None and len(study.get_trials(False)) >= num_trials


def _try(
    optuna: Any,
    sweep: Sweep,
    study: "optuna.Study",
    trial: "optuna.trial.Trial",
    space: spaces.Space,
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
        settings = _drawn(trial, space)
        words = " ".join(f"--config.{k}={v}" for k, v in settings.items())
        say(f"trial {trial.number}: {words}")
        pruned = optuna.trial.TrialState.PRUNED
        try:
            value = _trained(sweep, trial, settings, say)
        except _PrunedError:
            study.tell(trial, state=pruned)
            say(f"trial {trial.number}: pruned")
        except (errors.UserError, ValueError) as error:  # or vectors not finite
            trial.set_user_attr(_REFUSED, str(error))
            study.tell(trial, state=pruned)
            say(f"trial {trial.number}: left out: {error}")
        else:
            study.tell(trial, value)
            say(f"trial {trial.number}: {sweep.metric} {value:.6g}")
    _remove_all_but_best(optuna, sweep, study, trial.number)


def _drawn(trial: "optuna.trial.Trial", space: spaces.Space) -> dict[str, str]:
    """Returns the settings of a trial as texts, new ones or those of its first draw."""
    found: dict[str, str] = {}
    for key, values in space.items():
        if any(found.get(name) != _text(value) for name, value in values.when):
            continue
        if isinstance(values, spaces.Options):
            texts = [_text(value) for value in values.values]
            found[key] = str(trial.suggest_categorical(key, texts))
        elif values.whole:
            low, high = int(values.low), int(values.high)
            found[key] = str(trial.suggest_int(key, low, high, log=values.log))
        else:
            drawn = trial.suggest_float(key, values.low, values.high, log=values.log)
            found[key] = f"{drawn:.4g}"
    return found


def _text(value: spaces.Value) -> str:
    """Returns a value as it is typed on a command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def _trained(
    sweep: Sweep, trial: "optuna.trial.Trial", settings: dict[str, str], say: Say
) -> float:
    """Trains with some settings and returns the metric of the best epoch."""
    from ytdnn import progress
    from ytdnn.evaluation import answer_cost
    from ytdnn.run.pipeline import tracker

    config = sweep.apply(sweep.base, settings)
    directory = sweep.trial(trial.number)
    started = time.monotonic()
    reporter = _Reporter(trial, sweep.stage, sweep.metric)
    name = f"{sweep.directory.resolve().name}/{trial.number:04d}"
    told = tracker.tracked(
        sweep.tracker, directory, lambda: sizes.resolved(config, directory), name
    )
    with told, progress.observed_by(reporter):
        _make(sweep, config, directory, say)
    trial.set_user_attr(_SECONDS, time.monotonic() - started)
    cost = answer_cost.milliseconds(directory, config, sweep.stage)
    trial.set_user_attr(_COST, cost)
    return _value(sweep, directory)


def _make(
    sweep: Sweep, config: configs.Config, directory: pathlib.Path, say: Say
) -> None:
    """Makes the outputs of a run up to the stage, linking those of the base config."""
    several = (graph.DATA, *_STAGES[sweep.stage])
    with workdir.lock(directory), workdir.keep_config(directory, config):
        if directory != sweep.defaults:
            for step in several:
                sharing.share(step, config, directory, [sweep.defaults], _silent)
        runner.run(several, config, directory, say)


def _silent(line: str) -> None:
    del line


def _value(sweep: Sweep, directory: pathlib.Path) -> float:
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
    complete = (optuna.trial.TrialState.COMPLETE,)
    found = [t for t in study.get_trials(False, complete) if t.value is not None]
    sign = 1.0 if sweep.more_is_better else -1.0
    best = max(found, key=lambda one: sign * (one.value or 0.0), default=None)
    for frozen in study.get_trials(False):
        is_over = frozen.state.is_finished() and frozen is not best
        if is_over and frozen.number <= number:
            shutil.rmtree(sweep.trial(frozen.number), ignore_errors=True)


def _result(optuna: Any, sweep: Sweep, study: "optuna.Study") -> swept.SweepResult:
    from ytdnn.evaluation import answer_cost

    trials = tuple(_of_frozen(one) for one in study.get_trials(False))
    default = _value(sweep, sweep.defaults)
    sign = 1.0 if sweep.more_is_better else -1.0
    complete = [one for one in trials if one.value is not None]
    # The first of equal ones, and none that is no better than the base config.
    best = max(complete, key=lambda one: sign * (one.value or 0.0), default=None)
    if best is not None and sign * (best.value or 0.0) <= sign * default:
        best = None
    return swept.SweepResult(
        stage=sweep.stage,
        metric=sweep.metric,
        more_is_better=sweep.more_is_better,
        default_value=default,
        default_milliseconds=answer_cost.milliseconds(
            sweep.defaults, sweep.base, sweep.stage
        ),
        best=best,
        trials=trials,
        importances=_importances(optuna, study, len(complete)),
    )


def _of_frozen(frozen: "optuna.trial.FrozenTrial") -> swept.SweepTrial:
    states = {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "running"}
    settings = {
        key: f"{value:.4g}" if isinstance(value, float) else str(value)
        for key, value in frozen.params.items()
    }
    is_complete = frozen.state.name == "COMPLETE"
    return swept.SweepTrial(
        number=frozen.number,
        state=states.get(frozen.state.name, "failed"),
        settings=settings,
        value=frozen.value if is_complete else None,
        curve=tuple(sorted(frozen.intermediate_values.items())),
        seconds=frozen.user_attrs.get(_SECONDS),
        milliseconds=frozen.user_attrs.get(_COST),
        refused=frozen.user_attrs.get(_REFUSED, ""),
    )


def _importances(
    optuna: Any, study: "optuna.Study", num_complete: int
) -> dict[str, float]:
    if num_complete < _STARTUP_TRIALS:
        return {}
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    try:
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except (ValueError, RuntimeError):  # all trials have one value
        return {}
    return {key: float(value) for key, value in found.items()}
