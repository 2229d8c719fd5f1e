"""Refuses sizes beyond the available memory before the work starts.

The kernel kills a process that allocates too much, without a message. For each setting
the size of its arrays is estimated, on the low side: a refused setting cannot work, but
an accepted one may still need too much in total.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from ytdnn.base import configs, environment, errors, progress

_Needed = Iterator[tuple[str, Any, float]]

available = environment.available_memory
_FLOAT = 4  # bytes
_GIGA = 1e9
_SHOWN = 50.0  # of an impression
_EVENT = 20.0  # of a watch; an impression has more
_TOLD = 1e9  # bytes: nothing is said of less
# Bytes of each watch in a baseline named by itself: pairs of watches, or a matrix by
# users and by videos. `auto` leaves them out of a large log.
_HELD = {"markov": 16.0, "user_neighbours": 16.0, "als": 16.0}
# Bytes of a world, counted low; `ytdnn/lab/world` has the arrays.
_CROWD = 10_000  # users played side by side
_VIDEO, _USER, _WATCH = 64.0, 64.0, 40.0
_TOPIC = 6 * 64.0  # of the leaves of one
_SPELL_DAYS = 4.0  # a user is after one leaf for as long


def require(config: configs.Config, size: configs.LogSize | None, stage: str) -> None:
    """Checks that each size of a stage, taken separately, fits into memory.

    Args:
      config: Config of the run.
      size: Size of the prepared log; None: unknown, and nothing is checked.
      stage: `candidates`, `index`, `ranking`, `evaluation` or `bundle`.

    Raises:
      errors.UserError: A size does not fit.
    """
    if size is not None:
        needs = list(_ESTIMATES[stage](config, size))
        _require(iter(needs))
        _tell(stage, sum(needed for _, _, needed in needs))


def _tell(step: str, needed: float) -> None:
    """Says how much memory a step needs, if it is a gigabyte or more."""
    if needed >= _TOLD:
        progress.say(
            f"memory: {step} needs at least {needed / _GIGA:.1f} GB, "
            f"{available() / _GIGA:.1f} GB are available"
        )


def require_append(size: configs.LogSize | None, events_per_shard: int) -> None:
    """Checks that a shard and all users fit into memory, for appending new events.

    Args:
      size: Size of the log so far; None: unknown, and nothing is checked.
      events_per_shard: Maximum number of events of a shard.

    Raises:
      errors.UserError: They do not fit.
    """
    if size is None:
        return
    events = max(1, size.watches + size.impressions)
    whole = _EVENT * size.watches + _SHOWN * size.impressions
    shard = whole * min(1.0, events_per_shard / events)
    # A shard as it is read, joined with the new events, and sorted.
    needed, there = 3.0 * shard + 2.0 * _USER * size.users, available()
    if needed > there:
        raise errors.UserError(
            f"expected a shard of {min(events, events_per_shard):,} events and "
            f"{size.users:,} users to fit into the {there / _GIGA:.3g} GB of memory "
            f"available, which need at least {needed / _GIGA:.3g} GB: refresh on a "
            f"larger machine, or run `ytdnn run` on the whole log with a lower "
            f"--config.data.events_per_shard"
        )
    _tell("refresh", needed)


def require_world(world: configs.WorldConfig, whole: bool) -> None:
    """Checks that each size of a synthetic world, taken separately, fits into memory.

    Args:
      world: Settings of the world.
      whole: Whether its whole log is in memory; else it is written crowd by crowd.

    Raises:
      errors.UserError: A size does not fit.
    """
    _require(_world(world, whole))


def _require(needs: _Needed) -> None:
    there = available()
    for key, value, needed in needs:
        if needed > there:
            is_one = isinstance(value, int)
            shown = f"{value:,}" if is_one else ",".join(map(str, value))
            are_names = not is_one and isinstance(value[0], str)
            raise errors.UserError(
                f"expected config.{key} to fit into the {there / _GIGA:.3g} GB of "
                f"memory available, received {shown}, which needs at least "
                f"{needed / _GIGA:.3g} GB: {'name fewer' if are_names else 'lower it'}"
            )


def _candidates(config: configs.Config, size: configs.LogSize) -> _Needed:
    one = config.candidates
    dim = float(one.embedding_dim)
    batch = min(one.training.batch_size, max(size.watches, 1_024))
    slice_length = getattr(one.label, "slice_length", 1)
    slices = max(1, batch // slice_length)
    table = _table(dim, size.videos)
    rows = float(slices) * one.history_length
    yield "candidates.embedding_dim", one.embedding_dim, table
    yield from _tower("candidates", one.tower, one.embedding_dim)
    yield "candidates.history_length", one.history_length, _FLOAT * rows * dim
    yield (
        "candidates.search_length",
        one.search_length,
        _FLOAT * slices * float(one.search_length),
    )
    yield (
        "candidates.learned_bags",
        one.learned_bags,
        _FLOAT * one.learned_bags * (batch * dim),
    )
    yield "candidates.ensemble_size", one.ensemble_size, one.ensemble_size * table
    yield from _batch("candidates", one.training, size.watches, sum(one.tower))
    steps = _steps(one.training, size.watches)
    key = "candidates.training.steps_per_execution"
    yield key, steps, _FLOAT * float(steps) * rows
    negatives = getattr(one.loss, "num_negatives", 0)
    key = "candidates.loss.num_negatives"
    yield key, negatives, _FLOAT * float(negatives) * (dim + batch)
    blocks = getattr(one.encoder, "num_blocks", 0)
    yield "candidates.encoder.num_blocks", blocks, _FLOAT * 4.0 * blocks * dim * dim
    yield "candidates.label.slice_length", slice_length, _FLOAT * dim * slice_length


def _ranking(config: configs.Config, size: configs.LogSize) -> _Needed:
    one = config.ranking
    dim = float(one.embedding_dim)
    batch = min(one.training.batch_size, max(size.impressions, 1_024))
    table = _table(dim, size.videos)
    yield "ranking.embedding_dim", one.embedding_dim, table
    yield from _tower("ranking", one.tower, one.embedding_dim)
    rows = float(batch) * one.history_length
    yield "ranking.history_length", one.history_length, _FLOAT * rows * dim
    units = one.attention_units
    yield "ranking.attention_units", units, _FLOAT * rows * units
    width = one.ensemble_size * sum(one.tower)
    yield "ranking.ensemble_size", one.ensemble_size, _FLOAT * float(batch) * width
    yield from _batch("ranking", one.training, size.impressions, width)
    steps = _steps(one.training, size.impressions)
    key = "ranking.training.steps_per_execution"
    yield key, steps, _FLOAT * float(steps) * rows


def _evaluation(config: configs.Config, size: configs.LogSize) -> _Needed:
    one = config.evaluation
    # A value of each metric and model for each resample.
    yield "evaluation.num_resamples", one.num_resamples, 8.0 * 16 * one.num_resamples
    window = float(min(one.window_events, size.watches + size.impressions))
    yield "evaluation.window_events", one.window_events, _EVENT * window
    held = max((_HELD.get(name, 0.0) for name in one.baselines), default=0.0)
    yield "evaluation.baselines", one.baselines, held * size.watches
    # Of popularity and the candidates, each user's list.
    yield "evaluation.ks", one.ks, 2.0 * _FLOAT * size.users * max(one.ks)


def _bundle(config: configs.Config, size: configs.LogSize) -> _Needed:
    """Yields the vectors of the catalogue, in both indexes and as written."""
    dim = config.candidates.embedding_dim
    vectors = 3.0 * _FLOAT * float(dim) * size.videos
    yield "candidates.embedding_dim", dim, vectors


def _world(world: configs.WorldConfig, whole: bool) -> _Needed:
    """Yields the parts of a world in memory at once: the corpus and a crowd."""
    crowd = float(min(world.num_users, _CROWD))
    logged = float(world.num_users) if whole else crowd
    yield "data.world.num_videos", world.num_videos, _VIDEO * float(world.num_videos)
    yield "data.world.num_users", world.num_users, _USER * float(world.num_users)
    yield "data.world.num_topics", world.num_topics, _TOPIC * float(world.num_topics)
    days = float(world.span_days)
    name = "num_days" if world.num_days >= world.live_days else "live_days"
    yield (
        f"data.world.{name}",
        getattr(world, name),
        _FLOAT * days * crowd / _SPELL_DAYS,
    )
    watches = world.watches_per_user
    yield "data.world.watches_per_user", watches, _WATCH * logged * watches
    shown = world.impressions_per_page
    yield "data.world.impressions_per_page", shown, 2.0 * _FLOAT * crowd * shown


def _table(dim: float, videos: int) -> float:
    """Returns the bytes of a table of videos, with the optimiser's state."""
    return 2 * _FLOAT * dim * videos


def _tower(stage: str, widths: tuple[int, ...], first: int) -> _Needed:
    """Yields the weights of the layers, with the optimiser's state."""
    sizes = (first, *widths)
    weights = sum(float(a) * b for a, b in itertools.pairwise(sizes))
    yield f"{stage}.tower", widths, 2 * _FLOAT * weights


def _steps(training: configs.TrainingConfig, rows: int) -> int:
    """Returns the number of steps of a call, at most those of an epoch."""
    return min(training.steps_per_execution, max(1, rows // training.batch_size))


def _batch(
    stage: str, training: configs.TrainingConfig, rows: int, width: int
) -> _Needed:
    """Yields the activations of a batch, hardly larger than the data."""
    batch = min(training.batch_size, 2 * max(rows, 1_024))
    yield (
        f"{stage}.training.batch_size",
        training.batch_size,
        (float(_FLOAT) * batch * max(width, 1)),
    )


_ESTIMATES = {
    "index": lambda config, size: iter(()),
    "candidates": _candidates,
    "ranking": _ranking,
    "evaluation": _evaluation,
    "bundle": _bundle,
}
