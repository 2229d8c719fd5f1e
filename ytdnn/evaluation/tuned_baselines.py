"""The artefact `baselines`: candidate models as an opponent would set them.

Each is fitted to the training window for every setting below, the best one by nDCG on
validation is kept, and evaluations read it. All of it takes at most a fifth of the
time that the network's training took; what does not fit is named in the report.
"""

import dataclasses
import pathlib
import pickle
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ytdnn.base import artifacts, configs, errors, progress, registries
from ytdnn.base.metrics import exact_top_k
from ytdnn.evaluation import baselines, lists, protocol
from ytdnn.log import events, prepared
from ytdnn.retrieval import candidate_models

KIND = "baselines"
AUTO = "auto"
# In order: the dearest are the last, for which no time may be left.
_GRIDS: dict[str, list[dict[str, Any]]] = {
    "recent_popularity": [{}],
    "markov": [{}],
    "co_watch": [{}],
    "rp3beta": [{"beta": beta} for beta in (0.3, 0.6, 0.9)],
    "item_neighbours": [{}],
    "user_neighbours": [{}],
    "als": [
        {"factors": factors, "regularization": weight}
        for factors in (16, 64, 128)
        for weight in (0.01, 1.0, 10.0)
    ],
    "ease": [{"regularization": weight} for weight in (100.0, 300.0, 1_000.0)],
}
_AUTO_NAMES = (*_GRIDS,)
_NUM_CASES = 2_000  # of validation
_K = 10
_SHARE = 0.2  # of the seconds of the training
_LEAST_SECONDS = 20.0


@dataclasses.dataclass
class _BestModel:
    """The best model of a name so far."""

    value: float
    model: candidate_models.BaseCandidateModel
    settings: dict[str, Any]


def make(
    config: configs.EvaluationConfig,
    workdir: pathlib.Path,
    inputs: Mapping[str, str],
    training_seconds: float,
) -> None:
    """Fits the baselines of a run, and writes the artefact `baselines`.

    Args:
      config: Names of the baselines, and rules of right answers.
      workdir: Directory of the run, with `data`.
      inputs: Fingerprints of the artefacts that it depends on.
      training_seconds: Time that the training took.
    """
    data = prepared.load(workdir / prepared.KIND)
    training = candidate_models.TrainingData(data)
    until = time.process_time() + max(_LEAST_SECONDS, _SHARE * training_seconds)
    best: dict[str, _BestModel] = {}
    reasons: dict[str, str] = {}
    cases = _cases(data, config)
    num_cases = 0 if cases is None else len(cases)
    names = chosen(config)
    bounded = [name for name in names if name not in config.baselines]
    with progress.Bar("baselines", len(names), "models") as bar:
        for number, name in enumerate(names):
            for settings in _GRIDS.get(name, [{}]):
                why = ""
                if name in bounded:
                    left = until - time.process_time()
                    why = baselines.obstacle(name, settings, training, num_cases, left)
                if why:
                    reasons.setdefault(name, why)
                    continue
                tried = _fitted(name, settings, training, cases)
                if name not in best or tried.value > best[name].value:
                    best[name] = tried
            bar.reach(number + 1)
    facts = {
        "settings": {name: one.settings for name, one in best.items()},
        "validation": {name: one.value for name, one in best.items()},
        "left_out": {n: why for n, why in reasons.items() if n not in best},
    }
    settings = step_config(config)
    with artifacts.publish(workdir / KIND, KIND, settings, inputs, facts) as partial:
        for name, one in best.items():
            (partial / f"{name}.pickle").write_bytes(pickle.dumps(vars(one.model)))


def chosen(config: configs.EvaluationConfig) -> list[str]:
    """Returns the names in the config, with `auto` replaced by all baselines."""
    parts = [_AUTO_NAMES if name == AUTO else (name,) for name in config.baselines]
    return list(dict.fromkeys(name for part in parts for name in part))


def step_config(config: configs.EvaluationConfig) -> dict[str, Any]:
    """Returns the settings that the artefact depends on."""
    return {
        "baselines": list(config.baselines),
        "remove_watched": config.remove_watched,
        "targets": config.targets,
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
    workdir: pathlib.Path, data: prepared.PreparedData
) -> dict[str, lists.Maker] | None:
    """Returns the makers of the baselines of a run; each is read for its first lists.

    None where the run has none.

    Args:
      workdir: Directory of the run, with the artefact.
      data: The prepared set.
    """
    if not (workdir / KIND / artifacts.MANIFEST).exists():
        return None
    facts = artifacts.read_manifest(workdir / KIND, KIND).facts
    return {
        name: _on_first_use(workdir / KIND / f"{name}.pickle", name, settings, data)
        for name, settings in facts["settings"].items()
    }


def _on_first_use(
    path: pathlib.Path,
    name: str,
    settings: Mapping[str, Any],
    data: prepared.PreparedData,
) -> lists.Maker:
    made: list[lists.Maker] = []

    def make_lists(cases: protocol.Cases, k: int) -> lists.Lists:
        if not made:
            model = _unfitted(name, settings)
            vars(model).update(pickle.loads(path.read_bytes()))
            made.append(lists.from_candidate_model(model, data))
        return made[0](cases, k)

    return make_lists


def _unfitted(
    name: str, settings: Mapping[str, Any]
) -> candidate_models.BaseCandidateModel:
    cls = registries.CANDIDATE_MODELS[name].config
    if cls is not None:
        return candidate_models.make(cls(**settings))
    model = candidate_models.unfitted(name)
    vars(model).update(settings)
    return model


def _fitted(
    name: str,
    settings: dict[str, Any],
    training: candidate_models.TrainingData,
    cases: protocol.Cases | None,
) -> _BestModel:
    """Fits a model, and measures it on validation."""
    model = _unfitted(name, settings)
    model.fit(training)
    if cases is None:
        return _BestModel(0.0, model, settings)
    listed = lists.from_candidate_model(model, training.prepared)(cases, _K)
    values = exact_top_k.metrics_at(listed, *cases.targets, (_K,))
    return _BestModel(float(np.nanmean(values[f"ndcg@{_K}"])), model, settings)


def _cases(
    data: prepared.PreparedData, config: configs.EvaluationConfig
) -> protocol.Cases | None:
    """Returns some cases of validation; None where it has no right answers."""
    rules = configs.EvaluationConfig(
        remove_watched=config.remove_watched, targets=config.targets
    )
    try:
        cases = protocol.cases(data, events.Split.VALIDATION, rules)
    except errors.UserError:
        return None
    if len(cases) <= _NUM_CASES:
        return cases
    rng = np.random.default_rng(config.seed)
    drawn = rng.choice(len(cases), _NUM_CASES, replace=False)
    return protocol.take(cases, np.sort(drawn))
