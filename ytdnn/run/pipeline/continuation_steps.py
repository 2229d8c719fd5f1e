"""The steps `to_test` and `to_end`: trained models go on learning (`ytdnn train`).

The candidates learn from the watches since their training, as in a refresh, or from
those that leave_one_out holds out; the ranker keeps its weights and reads the scores of
the later candidates on their new scale. A folder with other inputs is made again, one
that was killed goes on.
"""

import dataclasses
import json
import pathlib
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any

from ytdnn.base import artifacts, configs, formats
from ytdnn.evaluation import continued_models
from ytdnn.run.pipeline import steps

Path = pathlib.Path

_RECORD = "made_from.json"
_SHARE = 1 / 3  # of the steps of the candidates' training
_MOST_PASSES = 2  # over the later watches: a third gains little (docs/results.md)
# Those of one process: what is left to learn is short.
_STRATEGIES = ("none", "mirrored", "tpu")


def to_test(config: configs.Config, workdir: Path) -> None:
    """Makes `workdir/to_test`."""
    _advance(config, workdir, workdir, continued_models.TO_TEST)


def to_end(config: configs.Config, workdir: Path) -> None:
    """Makes `workdir/to_end`, from the models that are measured."""
    home = continued_models.home(config, workdir)
    _advance(config, workdir, home, continued_models.TO_END)


def step_config(config: configs.Config) -> Mapping[str, Any]:
    """Returns the settings that the steps depend on."""
    return {"index": configs.to_dict(config.index)}


def describe(place: str, config: configs.Config, workdir: Path) -> list[str]:
    """Returns the line to print after a step."""
    del config
    facts = artifacts.peek(workdir / place / continued_models.KIND / artifacts.MANIFEST)
    return [facts["words"]]


def _advance(config: configs.Config, workdir: Path, home: Path, name: str) -> None:
    """Makes the models of a place.

    Args:
      config: Config of the run.
      workdir: Directory of the run.
      home: Folder of the candidates that go on learning.
      name: `to_test` or `to_end`.
    """
    place, started = workdir / name, time.perf_counter()
    has_ranker = not steps.ranker_left_out(config, workdir)
    kinds = ["data", "candidates", *["ranking"] * has_ranker]
    inputs = steps.fingerprints(workdir, kinds)
    if home != workdir:
        inputs |= steps.fingerprints(
            workdir, [f"{continued_models.TO_TEST}/{continued_models.KIND}"]
        )
    settings = step_config(config)
    _begin(place, {"inputs": inputs, "settings": settings})
    if config.strategy not in _STRATEGIES:
        config = dataclasses.replace(config, strategy="none")
    makers: dict[str, Callable[[], None]] = {
        "data": lambda: _derive(workdir, home, place),
        "candidates": lambda: _carry(config, workdir, home, place),
        "index": lambda: steps.build_index(config, place),
        "ranking": lambda: _adapt_ranking(config, workdir, place),
    }
    for kind in (*kinds, "index"):
        if not (place / kind / artifacts.MANIFEST).exists():
            makers[kind]()
    facts = artifacts.peek(place / "candidates" / artifacts.MANIFEST)
    learned_to, moment = int(facts["learned_to"]), "the end of the log"
    if config.data.protocol == "temporal":
        moment = f"{formats.minute(learned_to)} UTC"
    facts = {
        "learned_to": learned_to,
        "words": f"the candidates went on learning up to {moment}, in "
        f"{facts['seconds']:.0f} s of training",
        "seconds": time.perf_counter() - started,
    }
    with artifacts.publish(
        place / continued_models.KIND, continued_models.KIND, settings, inputs, facts
    ):
        pass


def _begin(place: Path, made_from: Mapping[str, Any]) -> None:
    """Empties a place that was begun with other inputs."""
    path, record = place / _RECORD, json.loads(json.dumps(made_from))
    if path.exists() and json.loads(path.read_text()) == record:
        return
    path.unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    artifacts.write_json(path, record)


def _derive(workdir: Path, home: Path, place: Path) -> None:
    """Makes the prepared set of a place."""
    from ytdnn.log import derived_sets, prepared

    own, data = prepared.load(workdir / "data"), prepared.load(home / "data")
    if place.name == continued_models.TO_TEST:
        derived_sets.up_to_test(own, place / "data")
        return
    begins = own.manifest.facts.get("windows", {}).get("ranking")
    derived_sets.derive(data, derived_sets.Part.WHOLE, place / "data", False, begins)


def _carry(config: configs.Config, workdir: Path, home: Path, place: Path) -> None:
    """Makes the candidates of a place, which learn what those of `home` did not."""
    from ytdnn.log import prepared
    from ytdnn.training import continued_training

    known, data = prepared.load(home / "data"), prepared.load(place / "data")
    is_plain = prepared.REFIT not in data.manifest.facts
    is_by_time = config.data.protocol == "temporal"
    if is_by_time and (config.candidates.train_on_validation or not is_plain):
        known = known.with_validation_in_training()
    if is_plain:
        data = data.with_validation_in_training()
    candidates = dataclasses.replace(
        config.candidates, train_on_validation=True, auto=()
    )
    epochs = _epochs(workdir, data.num_training_watches - known.num_training_watches)
    # Nothing is learned again: the old watches have just been.
    brief = dataclasses.replace(config.refresh, epochs=epochs, replay=0.0)
    config = dataclasses.replace(config, candidates=candidates, refresh=brief)
    begins: continued_training.Begins = continued_training.HELD_OUT
    if is_by_time:
        begins = known.windows.training_window[1]
    continued_training.carry_candidates(
        config, home, data, place / "candidates", begins
    )


def _epochs(workdir: Path, num_new: int) -> int:
    """Returns the passes over new watches that a share of the training allows."""
    from ytdnn.log import prepared

    trained = artifacts.peek(workdir / "candidates" / artifacts.MANIFEST)["epochs"]
    number = trained * prepared.load(workdir / "data").num_training_watches
    return max(1, min(_MOST_PASSES, int(_SHARE * number / max(num_new, 1))))


def _adapt_ranking(config: configs.Config, workdir: Path, place: Path) -> None:
    """Makes the ranker of a place: the trained one, behind the later candidates."""
    from ytdnn.training import adapted_ranking

    inputs = steps.fingerprints(place, ["data", "candidates"])
    inputs |= steps.ranker_parts(config)
    earlier, later = (adapted_ranking.load(config, at) for at in (workdir, place))
    adapted_ranking.publish(config, earlier, later, inputs)
