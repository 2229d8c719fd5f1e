"""Continues the training of trained models on a grown log (docs/freshness.md).

A model is carried over to the grown set, state of its optimiser included. Candidates
then learn from the new watches and some old ones (a counted start that no epoch
improved is counted again instead), the ranker from the impressions since
the candidates whose scores it reads were trained (docs/design.md §7).
"""

import dataclasses
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ytdnn.base import artifacts, configs, errors
from ytdnn.candidates import model as candidate_model
from ytdnn.layers import randomness
from ytdnn.log import events, prepared, shard_arrays
from ytdnn.ranking import building
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import trained_stage
from ytdnn.training import (
    adapted_ranking,
    candidates,
    carried_weights,
    checkpoints,
    counted_start,
    device_strategy,
    loop,
    optimizers,
    ranking,
)

Path = pathlib.Path

TrainedRanker = adapted_ranking.TrainedRanker

Config = configs.Config
PreparedData = prepared.PreparedData

Begins: TypeAlias = int | str | None

HELD_OUT = "held_out"
_REPLAYED_TOGETHER = 16  # watches


def carry_candidates(
    config: Config, home: Path, data: PreparedData, directory: Path, begins: Begins
) -> None:
    """Publishes candidates on a grown set, as they were or trained further.

    Args:
      config: Config of the run.
      home: Directory with the trained `candidates`, and the `data` they know.
      data: The grown set.
      directory: Directory of the artefact.
      begins: First second of the new events, to learn from; `HELD_OUT`: those that
        leave_one_out holds out; None: it learns nothing.

    Raises:
      errors.UserError: Rows of its video table are no videos, and do not grow.
    """
    loss = config.candidates.loss
    if not configs.rows_are_videos(loss):
        raise errors.UserError(
            f"expected candidates that can grow, found {loss.kind}, whose rows are no "
            f"videos: train another loss, or refit"
        )
    inputs = candidates.made_from(config, data)
    key = candidates.step_config(config) | {
        "refresh": configs.to_dict(config.refresh),
        "begins": begins,
    }
    source, known = home / candidate_model.KIND, prepared.load(home / "data")
    manifest = artifacts.read_manifest(source, candidate_model.KIND)
    made_from = inputs | {"source": manifest.fingerprint}
    work = checkpoints.workspace(directory, key, made_from)
    trained = candidate_model.load_members(source, known)
    members: list[candidate_model.CandidateModel] = []
    facts = []
    is_start = begins is not None and _is_start(manifest.facts)
    learns_from = None if is_start else begins
    places = [work / f"member-{number}" for number in range(len(trained))]
    for number, (old, place) in enumerate(zip(trained, places, strict=True)):
        place.mkdir(exist_ok=True)
        state = optimizers.read_state(source / optimizers.file_of(number))
        member, member_facts = _member(
            config, old, known, data, learns_from, members, state, place
        )
        members.append(member)
        facts.append(member_facts)
    if is_start:
        facts[0] |= counted_start.count_again(members[0], data, manifest.facts)
    whole = candidate_model.joined(members)
    with artifacts.publish(
        directory,
        candidate_model.KIND,
        candidates.step_config(config),
        inputs,
        candidates.joined_facts(facts)
        | whole.facts()
        | {"learned_from": begins, "learned_to": data.windows.training_window[1]},
    ) as partial:
        candidate_model.save(whole, partial)
        if learns_from is not None:
            candidates.share(places, len(places), partial)
    shutil.rmtree(work)


def _is_start(facts: Mapping[str, Any]) -> bool:
    """Returns whether a network is its counted start, as no epoch was better."""
    return facts.get("best_epoch") == 0 and counted_start.FACT in facts


def _brief(config: Config, stage: str, num_examples: int) -> Config:
    """Returns the config with the epochs of a refresh and batches for its examples."""
    section = getattr(config, stage)
    training = dataclasses.replace(section.training, epochs=config.refresh.epochs)
    section = dataclasses.replace(section, training=training)
    config = dataclasses.replace(config, **{stage: section})
    return loop.capped_batches(config, stage, num_examples)


def _member(
    config: Config,
    old: candidate_model.CandidateModel,
    known: PreparedData,
    data: PreparedData,
    begins: Begins,
    before: Sequence[candidate_model.CandidateModel],
    state: optimizers.State | None,
    place: Path,
) -> tuple[candidate_model.CandidateModel, dict[str, Any]]:
    """Returns one network on the grown set, and the facts of its training."""
    seed = config.seed * config.candidates.ensemble_size + len(before)
    randomness.set_seed(seed)
    on = device_strategy.make(config.strategy)
    with on.scope():
        read = candidate_model.grown_inputs(old.tower_inputs, config.candidates, data)
        member = candidate_model.build(config.candidates, data, read)
    of_videos = () if read.of_videos is None else read.of_videos.features
    features = (*read.features, *of_videos)
    size = old.tower_inputs.vocabulary_size
    rows = carried_weights.tables(features, known, data, size)
    carried_weights.weights(old, member, rows)
    if begins is None:
        return member, {"epochs": 0, "best_epoch": 0, "seconds": 0.0, "validation": {}}
    learned = _labels(data, begins, config.refresh.replay, seed)
    logs = learned.log.each_shard()
    of_shards = (int(own.watches.are_completed.sum()) for own in logs)
    config = dataclasses.replace(config, seed=seed)
    config = _brief(config, candidate_model.KIND, sum(of_shards))
    training = config.candidates.training
    stage = candidates.make_stage(config, learned, member, are_few=True, before=before)
    state = carried_weights.state(state, member, rows, training.table_accumulator)
    stage = dataclasses.replace(stage, state=state, validates_start=False)
    return member, loop.fit(stage, training, seed, on, place)


def _labels(
    data: PreparedData, begins: int | str, replay: float, seed: int
) -> PreparedData:
    """Returns the set with the new watches and some old ones as its labels.

    All watches stay in histories. Old labels are drawn in blocks of consecutive ones,
    which share a history, by the seed and when the new ones begin.
    """
    flat = data.log.shard_index.offsets("watches")
    counts = np.zeros(int(flat[-1]) // _REPLAYED_TOGETHER + 1, np.int64)
    number = 0
    for shard in data.log.shards:
        old, new = _are_labels(shard.read().watches, begins)
        blocks = (flat[shard.first_user] + np.flatnonzero(old)) // _REPLAYED_TOGETHER
        np.add.at(counts, blocks, 1)
        number += int(new.sum())
    filled = np.flatnonzero(counts)
    first = begins if isinstance(begins, int) else 0
    order = np.random.default_rng([seed, first]).permutation(len(filled))
    before = np.cumsum(counts[filled][order])
    is_chosen = np.zeros(len(counts), bool)
    is_chosen[filled[order[before <= replay * number]]] = True

    def change(shard: events.Shard, first: int) -> events.Shard:
        old, new = _are_labels(shard.watches, begins)
        blocks = (flat[first] + np.arange(len(old))) // _REPLAYED_TOGETHER
        watches = shard.watches.replace(completed=new | (old & is_chosen[blocks]))
        return dataclasses.replace(shard, watches=watches)

    return data.with_log(data.log.changed_by_user(change))


def _are_labels(
    watches: events.Watches, begins: int | str
) -> tuple[np.ndarray, np.ndarray]:
    """Returns which watches are old labels, and which are new ones."""
    is_train = np.asarray(watches.splits) == events.Split.TRAIN
    is_label = watches.are_completed & is_train
    if isinstance(begins, int):
        is_later = np.asarray(watches.times) >= begins
    else:
        offsets, completed = np.asarray(watches.offsets), watches.are_completed
        splits = shard_arrays.leave_one_out_watches(offsets, completed)
        is_later = splits != events.Split.TRAIN
    return is_label & ~is_later, is_label & is_later


def carry_ranking(
    config: Config, source: TrainedRanker, target: TrainedRanker, learns: bool = True
) -> None:
    """Publishes a ranker that continued training, next to its candidates.

    Args:
      config: Config of the run.
      source: The trained ranker.
      target: Directory and inputs of the ranker to publish: a grown set, of which it
        learns from the training impressions, and candidates trained before these.
      learns: Whether it learns from them; else it keeps its weights.
    """
    data, first_stage, directory = target.data, target.first_stage, target.directory
    inputs = {prepared.KIND: data.manifest.fingerprint, **ranking.versions(config)}
    if first_stage.manifest is not None:
        inputs[trained_stage.KIND] = first_stage.manifest.fingerprint
    key = ranking.step_config(config) | {"refresh": configs.to_dict(config.refresh)}
    manifest = artifacts.read_manifest(source.directory, ranking_model.KIND)
    made_from = inputs | {"source": manifest.fingerprint}
    work = checkpoints.workspace(directory, key, made_from)
    randomness.set_seed(config.seed)
    on = device_strategy.make(config.strategy)
    old = ranking_model.load(source.directory, source.data, source.first_stage)
    with on.scope():
        new = building.build_like(old, data, first_stage)
    size = old.measured.vocabulary_size
    rows = carried_weights.tables(new.features, source.data, data, size)
    carried_weights.weights(old.network, new.network, rows)
    number = sum(building.num_rows(data.log, events.Split.TRAIN))
    brief = _brief(config, ranking_model.KIND, number)
    training = brief.ranking.training
    stage = ranking.make_stage(brief, data, new, training.epochs * learns)
    state = optimizers.read_state(source.directory / optimizers.STATE_FILE)
    state = carried_weights.state(state, new.network, rows, training.table_accumulator)
    stage = dataclasses.replace(stage, state=state)
    del old  # before training takes its memory
    facts = loop.fit(stage, training, config.seed, on, work)
    ranking.publish(new, directory, ranking.step_config(config), inputs, facts, work)
