"""Candidate models that the network is compared with, as an opponent would set them.

`evaluation.baselines` names them: any registered candidate model
(`ytdnn/retrieval/model_interface.py`). Each is fitted to the training window for every
setting below, the best one by nDCG on validation is kept as the artefact `baselines`,
and evaluations read it. All of it takes at most a fifth of the time that the network's
training took; what does not fit is named in the report.

Bundles, files of predictions and single stages have no such artefact. For them `auto`,
the default, fits a few with their own settings, where that takes seconds.
"""

import functools
import importlib.util
import pathlib
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ytdnn.base import artifacts, configs, errors, progress, registries, whole_files
from ytdnn.base.metrics import exact_top_k
from ytdnn.evaluation import boosted_trees, lists, user_cases
from ytdnn.log import derived_sets, events, prepared
from ytdnn.retrieval import live_counts, model_interface

TrainingData = model_interface.TrainingData

Model = model_interface.BaseCandidateModel

EvaluationConfig = configs.EvaluationConfig
PreparedData = prepared.PreparedData
Cases = user_cases.Cases

KIND = "baselines"
AUTO = "auto"
MOST_WATCHES = 20_000_000
_QUICK = (
    "recent_popularity",
    "markov",
    lists.OWN_WATCHES,
    "co_watch",
    "user_neighbours",
)
_MOST_SECONDS = 60.0  # of a quick one, above which `auto` leaves it out
# Nanoseconds on a slow core, by which a fit is foretold: of a dense product, of an
# entry of a sparse one, and of a score among the others of its row.
_DENSE, _SPARSE, _SCORE = 0.1, 15.0, 10.0
# In order: the dearest are the last, for which no time may be left.
_GRIDS: dict[str, list[dict[str, Any]]] = {
    "recent_popularity": [
        {"seconds": each} for each in live_counts.WINDOWS.values() if each
    ],
    "markov": [{}],
    lists.OWN_WATCHES: [{"per_watch": each} for each in (0.8, 0.95, 1.0)],
    "co_watch": [{}],
    "rp3beta": [{"beta": beta} for beta in (0.0, 0.3, 0.6, 0.9)],
    "item_neighbours": [{}],
    "user_neighbours": [{}],
    "als": [
        {"factors": factors, "regularization": weight, "alpha": alpha}
        for factors in (16, 64, 128)
        for alpha, weight in ((1.0, 1.0), (1.0, 10.0), (5.0, 1.0), (20.0, 10.0))
    ],
    "ease": [{"regularization": weight} for weight in (100.0, 300.0, 1_000.0)],
}
_NUM_CASES = 2_000  # of validation
_K = 10
_SHARE = 0.2  # of the seconds of the training
_LEAST_SECONDS = 20.0


class _BestModel(NamedTuple):
    """The best model of a name so far."""

    value: float
    model: Model
    settings: dict[str, Any]


def make(
    config: configs.Config,
    workdir: pathlib.Path,
    inputs: Mapping[str, str],
    training_seconds: float,
) -> None:
    """Fits the baselines of a run, and writes the artefact `baselines`.

    The best ones are fitted again to all watches before the test, from which candidates
    that go on learning have learned.

    Args:
      config: Config of the run: names of the baselines, and rules of right answers.
      workdir: Directory of the run, with `data`.
      inputs: Fingerprints of the artefacts that it depends on.
      training_seconds: Time that the training took.
    """
    data = prepared.load(workdir / prepared.KIND)
    training = TrainingData(data)
    until = time.process_time() + max(_LEAST_SECONDS, _SHARE * training_seconds)
    best: dict[str, _BestModel] = {}
    reasons: dict[str, str] = {}
    rules = config.evaluation
    cases = _cases(data, rules)
    num_cases = 0 if cases is None else len(cases)
    names = chosen(rules)
    bounded = [name for name in names if name not in rules.baselines]
    with progress.Bar("baselines", len(names), "models") as bar:
        for number, name in enumerate(names):
            for settings in _GRIDS.get(name, [{}]):
                why = ""
                if name in bounded:
                    left = until - time.process_time()
                    why = obstacle(name, settings, training, num_cases, left)
                if why:
                    reasons.setdefault(name, why)
                    continue
                model = _fitted(name, settings, training)
                value = _quality(model, training, cases)
                if name not in best or value > best[name].value:
                    best[name] = _BestModel(value, model, settings)
            bar.reach(number + 1)
    facts = {
        "settings": {name: one.settings for name, one in best.items()},
        "validation": {name: one.value for name, one in best.items()},
        "left_out": {n: why for n, why in reasons.items() if n not in best},
    }
    settings = step_config(config)
    with artifacts.publish(workdir / KIND, KIND, settings, inputs, facts) as partial:
        for name, one in best.items():
            _write(partial / _file(name), one.model)
        is_refit = prepared.REFIT in data.manifest.facts
        has_test = data.config.protocol == "temporal" and not is_refit
        if config.advance == "none" or not has_test:
            return
        with whole_files.scratch(workdir / KIND, "later") as place:
            later = derived_sets.up_to_test(data, place / prepared.KIND)
            training = TrainingData(later.with_validation_in_training())
            for name, one in best.items():
                model = _fitted(name, one.settings, training)
                _write(partial / _file(name, is_later=True), model)


def require(config: EvaluationConfig) -> None:
    """Checks that the baselines named in the config can be made.

    Args:
      config: Names of the baselines; those of `auto` are left out where they cannot.

    Raises:
      errors.UserError: The package of one is not installed.
    """
    if boosted_trees.LIGHTGBM in config.baselines:
        boosted_trees.require()
    for name in chosen(config, auto=()):
        _unfitted(name, {})


def _file(name: str, is_later: bool = False) -> str:
    """Returns the file of a baseline, or of one fitted to what was learned later."""
    return f"{name}{'.later' if is_later else ''}.pickle"


def _write(path: pathlib.Path, model: Model) -> None:
    path.write_bytes(pickle.dumps(vars(model)))


def chosen(config: EvaluationConfig, auto: Sequence[str] = tuple(_GRIDS)) -> list[str]:
    """Returns the names of candidate models in the config.

    Args:
      config: Names of the baselines.
      auto: Those that `auto` stands for.
    """
    auto = _telling(auto, config)
    parts = [auto if name == AUTO else (name,) for name in config.baselines]
    names = dict.fromkeys(name for part in parts for name in part)
    return [name for name in names if name != boosted_trees.LIGHTGBM]


def _telling(names: Sequence[str], config: EvaluationConfig) -> list[str]:
    """Returns the names without a model of what is removed from every list."""
    return [n for n in names if n != lists.OWN_WATCHES or not config.remove_watched]


def obstacle(
    name: str,
    settings: Mapping[str, Any],
    training: TrainingData,
    num_cases: int,
    seconds: float,
) -> str:
    """Returns why a baseline is not fitted in some seconds; empty if it is.

    Args:
      name: Its name.
      settings: Its settings.
      training: What it is fitted to.
      num_cases: Number of lists to make.
      seconds: Time for the fit and the lists.
    """
    if name == _QUICK[0]:
        return ""
    if name == "als" and importlib.util.find_spec("implicit") is None:
        return "needs the extra: pip install -c constraints.txt '.[baselines]'"
    if int(training.prepared.catalogue.facts["watches"]) > MOST_WATCHES:
        return f"more than {MOST_WATCHES:,} watches"
    sizes = np.diff(training.matrix.indptr).astype(np.float64)
    size, watches, pairs = training.videos.height, sizes.sum(), float((sizes**2).sum())
    scores = float(num_cases) * size
    own = {
        "rp3beta": _SCORE * size**2 + _SPARSE * pairs,
        "item_neighbours": _SCORE * size**2 + _SPARSE * pairs,
        "user_neighbours": 2.0 * num_cases * watches,
        "als": 12.0 * _SPARSE * watches * settings.get("factors", 64),
        "ease": _DENSE * (size**3 + 10.0 * scores * sizes.mean()) + _SPARSE * pairs,
    }.get(name, 20.0 * _SPARSE * watches)
    needed = 1e-9 * (own + _SCORE * scores)
    return f"some {needed:,.0f} s a fit" if needed > seconds else ""


def step_config(config: configs.Config) -> dict[str, Any]:
    """Returns the settings that the artefact depends on."""
    rules = config.evaluation
    return {
        "baselines": [n for n in rules.baselines if n != boosted_trees.LIGHTGBM],
        "remove_watched": rules.remove_watched,
        "targets": rules.targets,
        "advance": config.advance != "none",
    }


def describe(workdir: pathlib.Path) -> list[str]:
    """Returns a line on the chosen settings and one on what was left out."""
    settings = artifacts.read_manifest(workdir / KIND, KIND).facts["settings"]
    chosen_settings = [
        f"{name} ({', '.join(f'{k} {v:g}' for k, v in own.items())})"
        for name, own in settings.items()
        if own
    ]
    line = f"baselines, chosen on validation: {', '.join(chosen_settings)}"
    return [line] * bool(chosen_settings) + left_out(workdir)


def left_out(workdir: pathlib.Path) -> list[str]:
    """Returns a line on the baselines that a run has no time for, if there are any."""
    if not (workdir / KIND / artifacts.MANIFEST).exists():
        return []
    facts = artifacts.read_manifest(workdir / KIND, KIND).facts
    named = [f"{name} ({why})" for name, why in facts["left_out"].items()]
    line = (
        f"Baselines left out: {', '.join(named)}. All have a fifth of the training's "
        f"time; --config.evaluation.baselines=NAME,… fits them in any case"
    )
    return [line] * bool(named)


def makers(
    workdir: pathlib.Path, data: PreparedData, is_later: bool = False
) -> dict[str, lists.Maker] | None:
    """Returns the makers of the baselines of a run; each is read for its first lists.

    None where the run has none.

    Args:
      workdir: Directory of the run, with the artefact.
      data: The prepared set.
      is_later: Whether it is that of models that went on learning.
    """
    if not (workdir / KIND / artifacts.MANIFEST).exists():
        return None
    facts = artifacts.read_manifest(workdir / KIND, KIND).facts
    return {
        name: _on_first_use(
            functools.partial(
                _read, workdir / KIND / _file(name, is_later), name, settings
            ),
            data,
        )
        for name, settings in facts["settings"].items()
    }


def quick_makers(
    data: PreparedData, config: EvaluationConfig, cases: Cases
) -> dict[str, lists.Maker]:
    """Returns the makers of baselines with their own settings, where a run has none.

    Each is fitted for its first lists.

    Args:
      data: The prepared set.
      config: Names of the baselines.
      cases: Cases that lists are made for. Their number decides the baselines that
        `auto` can afford.

    Raises:
      errors.UserError: The package of a baseline is not installed.
    """
    training = TrainingData(data)
    auto: list[str] = []
    if AUTO in config.baselines:
        given = training, len(cases), _MOST_SECONDS
        quick = _telling(_QUICK, config)
        auto = [name for name in quick if not obstacle(name, {}, *given)]
        missing = [name for name in quick if name not in auto]
        if missing:
            progress.say(
                f"baselines: {', '.join(missing)} would take minutes on a log of this "
                f"size and are left out; --config.evaluation.baselines="
                f"{','.join(quick)} measures them"
            )
    return {
        name: _on_first_use(functools.partial(_fitted, name, {}, training), data)
        for name in chosen(config, auto)
    }


def _on_first_use(make: Callable[[], Model], data: PreparedData) -> lists.Maker:
    """Returns the maker of a model that is fitted or read for the first lists."""
    made = functools.cache(lambda: lists.from_candidate_model(make(), data))
    return lambda cases, k: made()(cases, k)


def _read(path: pathlib.Path, name: str, settings: Mapping[str, Any]) -> Model:
    model = _unfitted(name, settings)
    vars(model).update(pickle.loads(path.read_bytes()))
    return model


def _unfitted(name: str, settings: Mapping[str, Any]) -> Model:
    cls = registries.CANDIDATE_MODELS[name].config
    if cls is not None:
        return model_interface.make(cls(**settings))
    model = model_interface.unfitted(name)
    vars(model).update(settings)
    return model


def _fitted(name: str, settings: Mapping[str, Any], training: TrainingData) -> Model:
    model = _unfitted(name, settings)
    model.fit(training)
    return model


def _quality(model: Model, training: TrainingData, cases: Cases | None) -> float:
    """Returns the nDCG of a model on validation, 0 without cases."""
    if cases is None:
        return 0.0
    listed = lists.from_candidate_model(model, training.prepared)(cases, _K)
    values = exact_top_k.metrics_at(listed, *cases.targets, (_K,))
    return float(np.nanmean(values[f"ndcg@{_K}"]))


def _cases(data: PreparedData, config: EvaluationConfig) -> Cases | None:
    """Returns some cases of validation; None where it has no right answers."""
    rules = EvaluationConfig(
        remove_watched=config.remove_watched, targets=config.targets
    )
    try:
        cases = user_cases.cases(data, events.Split.VALIDATION, rules)
    except errors.UserError:
        return None
    if len(cases) <= _NUM_CASES:
        return cases
    rng = np.random.default_rng(config.seed)
    drawn = rng.choice(len(cases), _NUM_CASES, replace=False)
    return user_cases.take(cases, np.sort(drawn))
