"""Trains the candidate model and publishes it."""

import dataclasses
import functools
import math
import pathlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import artifacts, configs, registries
from ytdnn.candidates import losses, model, user_tower
from ytdnn.layers import randomness
from ytdnn.log import batch_streams, prepared, slice_batches
from ytdnn.training import checkpoints, device_strategy, loop, optimizers

Path = pathlib.Path
Config = configs.Config
PreparedData = prepared.PreparedData
Manifest = artifacts.Manifest

if TYPE_CHECKING:
    from ytdnn.log import drawn_labels

Validation = tuple[Callable[[], dict[str, float]], str]
"""What measures the model, and the metric that chooses the checkpoint; empty: none."""

_NO_VALIDATION: Validation = (dict, "")


def step_config(config: Config) -> dict[str, object]:
    """Returns the part of the config that the candidate model depends on."""
    settings = configs.as_trained(config.candidates)
    del settings["model"]  # the network: 0.2 knew no other, and its runs are read
    return {"candidates": settings, "seed": config.seed}


def train(
    config: Config, data: PreparedData, directory: Path, chosen: Manifest | None = None
) -> None:
    """Trains, or resumes a training, and publishes the artefact `candidates`.

    Args:
      config: The run; only its `candidates`, `seed`, `strategy` and `cluster` matter
        here.
      data: The prepared set.
      directory: Directory of the artefact; with several processes, only the chief
        writes it.
      chosen: Manifest of the model to refit: each network is trained for as many epochs
        as its best one took there, and nothing is validated.
    """
    settings = config.candidates
    on = device_strategy.make(config.strategy, config.cluster)
    on.require_fits(settings.training, model.KIND, settings.loss)
    inputs = made_from(config, data)
    if chosen is not None:
        inputs[model.KIND] = chosen.fingerprint
    work = checkpoints.workspace(directory, step_config(config), inputs, on.writes)
    if settings.train_on_validation:
        data = data.with_validation_in_training()
    number = settings.ensemble_size
    places = [work / f"member-{i}" if number > 1 else work for i in range(number)]
    refitted: Sequence[Mapping[str, Any] | None] = [None] * number
    if chosen is not None:
        refitted = chosen.facts.get("members", [chosen.facts])
    members: list[model.CandidateModel] = []
    facts_of_members = []
    for place, of_member in zip(places, refitted, strict=True):
        member, member_facts = fit_network(config, data, place, members, of_member)
        members.append(member)
        facts_of_members.append(member_facts)
    if not on.writes:
        return

    whole = model.joined(members[-settings.num_kept :])
    facts = joined_facts(facts_of_members) | whole.facts()
    if number > 1 and chosen is None:
        facts["validation"] = _validation(settings, data, whole)[0]()
    with artifacts.publish(
        directory, model.KIND, step_config(config), inputs, facts
    ) as partial:
        model.save(whole, partial)
        share(places, settings.num_kept, partial)
    shutil.rmtree(work)


def adopt(place: Path, config: Config, data: PreparedData, directory: Path) -> None:
    """Makes the paused training of a network the one that `train` resumes.

    Args:
      place: Directory that was given to `fit_network`.
      config: Config of the run, with which it was trained.
      data: The prepared set.
      directory: Directory of the artefact that `train` will make.
    """
    if config.candidates.ensemble_size == 1:
        inputs = made_from(config, data)
        checkpoints.adopt(place, directory, step_config(config), inputs)


def made_from(config: Config, data: PreparedData) -> dict[str, str]:
    """Returns the fingerprints of what the artefact is made from."""
    return {
        prepared.KIND: data.manifest.fingerprint,
        **registries.versions(config.candidates),
    }


def share(places: list[Path], num_kept: int, partial: Path) -> None:
    """Copies the optimisers of the kept networks, and all curves, into an artefact."""
    for number, place in enumerate(places[-num_kept:]):
        name = optimizers.file_of(number)
        optimizers.share_state(place, partial, name)
    # The curves of the first are the stage's; the others' lie beside them.
    for number, place in enumerate(places):
        target = partial / artifacts.LOGS / (place.name if number else "")
        shutil.copytree(place / artifacts.LOGS, target)


def fit_network(
    config: Config,
    data: PreparedData,
    work: Path,
    before: Sequence[model.CandidateModel] = (),
    refitted: Mapping[str, Any] | None = None,
    pause_at: float = math.inf,
    watch: Callable[[npt.NDArray[np.float64]], None] | None = None,
) -> tuple[model.CandidateModel, dict[str, Any]]:
    """Trains one network, or resumes its training; a finished one is read back.

    Network i of an ensemble of n at seed s is the single network at seed n · s + i,
    except that with `distillation` the last one learns from the trained ones `before`
    it.

    Args:
      config: Config of the run.
      data: The prepared set.
      work: Directory of the training.
      before: Networks of its ensemble that are trained.
      refitted: Facts of the network to refit; None: validation decides.
      pause_at: See `loop.fit`.
      watch: See `validation.validator`.
    """
    number = len(before)
    members = config.candidates.ensemble_size
    config = dataclasses.replace(config, seed=config.seed * members + number)
    randomness.set_seed(config.seed)
    on = device_strategy.make(config.strategy, config.cluster)
    with on.scope():
        candidate_model = model.build(config.candidates, data)
    begins = _begun(config.candidates, data, candidate_model, on, refitted, work)
    config = loop.capped_batches(config, model.KIND, data.num_training_watches)
    stage = make_stage(
        config,
        data,
        candidate_model,
        None if refitted is None else int(refitted["best_epoch"]),
        before=before,
        watch=watch,
    )
    if members > 1:
        stage = dataclasses.replace(stage, name=f"{stage.name} {number + 1}/{members}")
    facts = loop.fit(stage, config.candidates.training, config.seed, on, work, pause_at)
    return candidate_model, facts | begins


def _begun(
    config: configs.CandidatesConfig,
    data: PreparedData,
    candidate_model: model.CandidateModel,
    on: device_strategy.OneDevice,
    refitted: Mapping[str, Any] | None,
    work: Path,
) -> dict[str, Any]:
    """Sets the configured initial weights; returns facts for a manifest."""
    if config.initial_vectors == "random":
        return {}
    from ytdnn.training import counted_start

    if on.agreed([float(checkpoints.exists(work))])[0]:  # its weights are read there
        return counted_start.facts(counted_start.begun(work))
    with on.scope():
        counted = counted_start.set_weights(candidate_model, data)
    start = counted_start.begin(
        config, data, candidate_model, counted, on, refitted, work
    )
    return counted_start.facts(start)


def joined_facts(of_members: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns facts about the training of one network or several, for a manifest."""
    if len(of_members) == 1:
        return of_members[0]
    rates = [facts.get("examples_per_second", 0.0) for facts in of_members]
    rates = [rate for rate in rates if rate > 0.0] or [0.0]  # 0: was finished before
    return {
        "epochs": sum(facts["epochs"] for facts in of_members),
        "seconds": sum(facts["seconds"] for facts in of_members),
        "examples_per_second": sum(rates) / len(rates),
        "validation": {},
        "members": of_members,
    }


def make_stage(
    config: Config,
    data: PreparedData,
    candidate_model: model.CandidateModel,
    stop_after: int | None = None,
    are_few: bool = False,
    before: Sequence[model.CandidateModel] = (),
    watch: Callable[[npt.NDArray[np.float64]], None] | None = None,
) -> loop.TrainingStage:
    """Returns the stage with which the loop trains the candidate model.

    Args:
      config: Config of the run.
      data: The prepared set.
      candidate_model: Model to train.
      stop_after: Number of epochs, chosen earlier on a held-out part of the data; None:
        not chosen.
      are_few: Whether few of the watches are labels.
      before: Trained networks of its ensemble; the last one learns from all others with
        `distillation`.
      watch: See `validation.validator`.
    """
    candidates = config.candidates
    taught_by = before if len(before) == candidates.ensemble_size - 1 else ()
    batches = make_batches(
        candidates, candidate_model.tower_inputs, data, config.seed, are_few
    )
    counts = slice_batches.expected_labels(data, candidates.label.examples_per_user)
    validate, monitor = _NO_VALIDATION
    if stop_after is None:
        validate, monitor = _validation(candidates, data, candidate_model, watch)
    return loop.TrainingStage(
        name="candidates",
        model=candidate_model,
        tables=candidate_model.tables,
        batches=batches,
        steps_per_epoch=batches.steps_per_epoch,
        loss=losses.make(candidates, candidate_model, counts, taught_by),
        validate=validate,
        monitor=monitor,
        stop_after=stop_after,
        validates_start=candidates.initial_vectors != "random",
    )


def _validation(
    config: configs.CandidatesConfig,
    data: PreparedData,
    candidate_model: model.Joined,
    watch: Callable[[npt.NDArray[np.float64]], None] | None = None,
) -> Validation:
    """Returns how a model in training is measured, if watches are held out for it."""
    if config.train_on_validation:
        return _NO_VALIDATION
    from ytdnn.training import validation

    if not validation.has_targets(config, data):
        return _NO_VALIDATION
    validate = validation.validator(config, data, candidate_model, watch=watch)
    return validate, validation.METRIC


def make_batches(
    candidates: configs.CandidatesConfig,
    read: user_tower.TowerInputs,
    data: PreparedData,
    seed: int,
    are_few: bool = False,
) -> batch_streams.BatchStream:
    """Returns the training batches: every next watch in slices, or drawn labels."""
    source = CandidateWindows(candidates, read, data, seed, are_few)
    sizes = [shard.num_events for shard in data.log.shards]
    return batch_streams.BatchStream(source, sizes, candidates.window_events, seed)


class CandidateWindows:
    """Opens windows; see `ytdnn.log.batch_streams.WindowSource`."""

    def __init__(
        self,
        config: configs.CandidatesConfig,
        read: user_tower.TowerInputs,
        data: PreparedData,
        seed: int,
        are_few: bool,
    ) -> None:
        """Prepares the windows; a window is read when it is opened.

        Args:
          config: Settings of the model.
          read: Inputs of its user tower.
          data: The prepared set.
          seed: Seed of order and draws.
          are_few: Whether few of the watches are labels.
        """
        self._config, self._read, self._seed = config, read, seed
        self._are_few = are_few
        self._data = slice_batches.training_set(data)

    def steps(self, window: batch_streams.Window) -> int:
        """Returns the batches of an epoch, without reading the window."""
        watches, _, examples = self._counts[list(window.shards)].sum(axis=0).tolist()
        size, length = self._config.training.batch_size, self._config.slice_length
        if not self._is_sliced:
            return -(-examples // size)
        return -(-slice_batches.num_slices(watches, length) // max(1, size // length))

    def open(
        self, window: batch_streams.Window
    ) -> "slice_batches.SliceBatches | drawn_labels.DrawnBatches":
        """Reads a window."""
        shards = [self._data.log.shards[number] for number in window.shards]
        log = user_tower.open_log(
            self._read, self._data.with_log(self._data.log.window(shards))
        )
        config = self._config
        if self._is_sliced:
            batches = slice_batches.SliceBatches
            if self._are_few:
                from ytdnn.log import drawn_labels

                batches = drawn_labels.FewSlices
            return batches(
                log=log,
                batch_size=config.training.batch_size,
                slice_length=config.slice_length,
                history_length=config.context_length,
                search_length=config.search_length,
                seed=self._seed,
                stream=window.stream,
            )
        from ytdnn.log import drawn_labels

        _, labels, _ = self._counts.T.tolist()
        firsts = np.cumsum([0, *labels]).tolist()  # of the shard, among all labels
        ranges = [drawn_labels.LabelRange(firsts[n], labels[n]) for n in window.shards]
        cut: Any = drawn_labels.DrawnBatches
        if not isinstance(config.label, configs.NextWatchConfig):
            cut = registries.LABELS[config.label.kind].make
        return cut(
            log=log,
            batch_size=config.training.batch_size,
            history_length=config.history_length,
            search_length=config.search_length,
            per_user=config.label.examples_per_user,
            seed=self._seed,
            stream=window.stream,
            runs=tuple(ranges) if window.stream else (),
        )

    @property
    def _is_sliced(self) -> bool:
        own = self._config.label
        return isinstance(own, configs.NextWatchConfig) and not own.examples_per_user

    @functools.cached_property
    def _counts(self) -> npt.NDArray[np.int64]:
        """Watches, possible labels and drawn labels of each shard, `[shards, 3]`."""
        per_user = self._config.label.examples_per_user
        counts = []
        for shard in self._data.log.shards:
            watches = shard.read().watches
            is_label = slice_batches.are_labels(watches, self._data.vocabulary_size)
            labels = np.bincount(watches.users[is_label], minlength=1)
            drawn = np.minimum(labels, per_user) if per_user else labels
            counts.append((len(watches), int(labels.sum()), int(drawn.sum())))
        return np.array(counts, np.int64)
