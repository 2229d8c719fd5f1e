"""Optuna's studies as a sweep uses them: journal, draws, pruned trials, importances."""

import json
import pathlib
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ytdnn.base import configs, errors
from ytdnn.lab.studies import sweep_results

Value = configs.Value

if TYPE_CHECKING:
    import optuna

_JOURNAL = "journal.log"
SECONDS, COST, REFUSED = "seconds", "milliseconds", "refused"  # of a trial
SWEPT = "swept"  # attribute of the study
_STARTUP_TRIALS = 5  # before any is pruned
_NEAR_TRIALS = 10  # drawn near the base config: as many as TPE draws at random
_NEAR_SHARE = 0.3  # of the settings that such a trial changes
_WARM_UP_EPOCHS = 2  # before a trial may be pruned


def load() -> Any:
    """Returns the module `optuna`.

    Raises:
      errors.UserError: It is not installed.
    """
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


def opened(
    optuna: Any, directory: pathlib.Path, stage: str, more_is_better: bool
) -> "optuna.Study":
    """Opens the study of a sweep from its journal, which is made if missing.

    Args:
      optuna: The module.
      directory: Directory of the sweep.
      stage: Name of the study.
      more_is_better: Whether a larger value of the metric is better.
    """
    backend = optuna.storages.journal.JournalFileBackend(str(directory / _JOURNAL))
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name=stage,
        direction="maximize" if more_is_better else "minimize",
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=_WARM_UP_EPOCHS
        ),
        load_if_exists=True,
    )


def require_same(
    study: "optuna.Study", directory: pathlib.Path, question: dict[str, Any]
) -> None:
    """Checks that a sweep is the one of its directory.

    Args:
      study: The study.
      directory: Directory of the sweep.
      question: Description of the sweep, or parts of it.

    Raises:
      errors.UserError: The directory holds a sweep of something else.
    """
    question = json.loads(json.dumps(question))  # as the journal gives it back
    saved = study.user_attrs.get(SWEPT, question)
    parts = ", ".join(part for part in question if saved.get(part) != question[part])
    if parts:
        raise errors.UserError(
            f"expected the {parts} of the sweep in {directory}, received "
            f"another: give another --workdir, or what it was begun with"
        )


def sampler(optuna: Any, study: "optuna.Study", seed: int) -> Any:
    """Returns a sampler with draws that depend on the seed and the finished trials."""
    states = optuna.trial.TrialState
    finished = study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))
    return optuna.samplers.TPESampler(
        seed=(seed * 1_000_003 + len(finished)) % 2**31,
        multivariate=True,
        group=True,
        constant_liar=True,
    )


def left_running(optuna: Any, study: "optuna.Study") -> "Iterator[optuna.trial.Trial]":
    """Yields the trials that a killed process left; others' are held by their locks."""
    states = (optuna.trial.TrialState.RUNNING,)
    for frozen in study.get_trials(deepcopy=False, states=states):
        yield optuna.trial.Trial(study, frozen._trial_id)


def is_over(study: "optuna.Study", num_trials: int | None, ends: float | None) -> bool:
    """Whether a sweep has its trials, or its time is over.

    Args:
      study: The study.
      num_trials: Number of trials of the whole sweep; None: no limit.
      ends: Time of `time.monotonic` after which none begins; None: no limit.
    """
    if ends is not None and time.monotonic() >= ends:
        return True
    begun = [t for t in study.get_trials(False) if t.state.name != "WAITING"]
    return num_trials is not None and len(begun) >= num_trials


def drawn(trial: "optuna.trial.Trial", space: configs.Space) -> dict[str, str]:
    """Returns the settings of a trial as texts, new ones or those of its first draw."""
    settings: dict[str, str] = {}
    for key, values in space.items():
        if not _applies(values, settings):
            continue
        if isinstance(values, configs.Options):
            texts = [text_of(value) for value in values.values]
            settings[key] = str(trial.suggest_categorical(key, texts))
        elif values.whole:
            low, high = int(values.low), int(values.high)
            settings[key] = str(trial.suggest_int(key, low, high, log=values.log))
        else:
            value = trial.suggest_float(key, values.low, values.high, log=values.log)
            settings[key] = f"{value:.4g}"
    return settings


def _applies(values: configs.Options | configs.Range, settings: dict[str, str]) -> bool:
    wanted: dict[str, set[str]] = {}
    for name, value in values.when:
        wanted.setdefault(name, set()).add(text_of(value))
    return all(settings.get(name) in texts for name, texts in wanted.items())


def begin_near(
    study: "optuna.Study", space: configs.Space, base: Mapping[str, Value], seed: int
) -> None:
    """Lets the next of the first trials change a few settings of the base config.

    Trials drawn at random from a space of many settings are nearly all worse than a
    base that suits the log. So each of the first ones keeps most of the base's values;
    those it changes are drawn by the sampler.

    Args:
      study: The study, before its next trial.
      space: Values of each setting.
      base: Values of the base config by setting; those outside the space are drawn.
      seed: Seed of the choice of settings, with the number of the trial.
    """
    trials = study.get_trials(deepcopy=False)
    is_enqueued = any(trial.state.name == "WAITING" for trial in trials)
    if is_enqueued or len(trials) >= _NEAR_TRIALS:
        return
    rng = np.random.default_rng((seed, len(trials)))
    changed = rng.random(len(space)) < _NEAR_SHARE
    kept = {
        key: value
        for (key, values), is_changed in zip(space.items(), changed, strict=True)
        if not is_changed and key in base
        for value in _within(values, base[key])
    }
    study.enqueue_trial(kept)


def _within(
    values: configs.Options | configs.Range, value: Value
) -> "list[str | int | float]":
    """Returns the value as Optuna has it; nothing if it is none of the space's."""
    if isinstance(values, configs.Options):
        text = text_of(value)
        return [text] if text in map(text_of, values.values) else []
    if isinstance(value, bool) or not isinstance(value, int | float):
        return []
    return [value] if values.low <= value <= values.high else []


def text_of(value: Value) -> str:
    """Returns a value as it is typed on a command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def trial_of(frozen: "optuna.trial.FrozenTrial") -> sweep_results.SweepTrial:
    """Returns a trial of the journal as a result has it."""
    states = {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "running"}
    settings = {
        key: f"{value:.4g}" if isinstance(value, float) else str(value)
        for key, value in frozen.params.items()
    }
    is_complete = frozen.state.name == "COMPLETE"
    return sweep_results.SweepTrial(
        number=frozen.number,
        state=states.get(frozen.state.name, "failed"),
        settings=settings,
        value=frozen.value if is_complete else None,
        curve=tuple(sorted(frozen.intermediate_values.items())),
        seconds=frozen.user_attrs.get(SECONDS),
        milliseconds=frozen.user_attrs.get(COST),
        refused=frozen.user_attrs.get(REFUSED, ""),
    )


def complete(optuna: Any, study: "optuna.Study") -> "list[optuna.trial.FrozenTrial]":
    """Returns the trials that were trained to their end."""
    return study.get_trials(False, (optuna.trial.TrialState.COMPLETE,))


def best(optuna: Any, study: "optuna.Study") -> int | None:
    """Returns the number of the best complete trial, of equal ones the first."""
    return study.best_trial.number if complete(optuna, study) else None


def importances(optuna: Any, study: "optuna.Study") -> dict[str, float]:
    """Returns the share of the metric's variance that each setting explains.

    Args:
      optuna: The module.
      study: The study; with few complete trials there are no shares.
    """
    if len(complete(optuna, study)) < _STARTUP_TRIALS:
        return {}
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    try:
        weights = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except (ValueError, RuntimeError):  # all trials have one value
        return {}
    return {key: float(value) for key, value in weights.items()}
