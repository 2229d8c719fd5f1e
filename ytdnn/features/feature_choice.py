"""The list of all features, and the choice of those that a network reads.

`built_in` lists the features of ytdnn; files and packages register others
(`registries.FEATURES`). They are ordered by scope, then as listed, which fixes the
order of a network's inputs. Registered features come last in their scope, and columns
of the log's own last of all, in the order of the config.

Features are single values; a sequence is read by an encoder (PAPER §3.2), which
`make_encoder` chooses. Positions of a slice share their rows
(`ytdnn/log/slice_batches.py`), which come with the time of each, so an encoder may
weigh by order, by time, or attend.
"""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

import tensorflow as tf

from ytdnn.base import configs, errors, registries, schema
from ytdnn.base import registry as parts
from ytdnn.features import base_feature
from ytdnn.log import io_fields, prepared

PreparedData = prepared.PreparedData
FeaturesConfig = configs.FeaturesConfig

if TYPE_CHECKING:
    from ytdnn.features.sequences import sequence_encoder, watched
    from ytdnn.log import raw_request

Features = tuple[base_feature.Feature, ...]
Tensors = dict[str, tf.Tensor]
Watches = Union["watched.Watched", "sequence_encoder.SideBySide"]
# Whose own columns each network can read.
_OWN_TABLES = {
    base_feature.CANDIDATES: {schema.USERS},
    base_feature.CONTENT: {schema.VIDEOS},
    base_feature.RANKING: {schema.USERS, schema.VIDEOS},
}


def declared() -> Features:
    """Returns every declared feature, for all networks."""
    return _declared(tuple(registries.FEATURES.parts()))


@functools.cache
def _declared(registered: tuple[parts.RegisteredPart, ...]) -> Features:
    own = [registries.FEATURES.made(p.name, base_feature.Feature) for p in registered]
    for part, feature in zip(registered, own, strict=True):
        fits = feature.name == part.name and isinstance(feature.columns, tuple)
        received, words = f"{feature.name}, {feature.columns!r}", "its name, a tuple"
        registries.FEATURES.require(fits, words, received, part.name)
    every = (*built_in(), *own)
    return tuple(sorted(every, key=lambda feature: feature.scope))


def built_in() -> Features:
    """Returns the features of ytdnn; the order in a scope is that of a model's inputs.

    A model of the same seed has other initial weights if the order changes.
    """
    from ytdnn.features import (
        co_watch_products,
        column_features,
        counter_features,
        first_stage_features,
        past_features,
        request_context,
        video_attributes,
    )

    return (
        *column_features.FEATURES,
        *request_context.FEATURES,
        *past_features.OF_USER,
        video_attributes.CHANNEL,
        *counter_features.CLICK_RATES,
        video_attributes.DURATION,
        *counter_features.COUNTS,
        video_attributes.TITLE,
        video_attributes.TOPIC,
        video_attributes.LANGUAGE,
        *counter_features.WATCH_TIMES,
        *counter_features.RECENT,
        *past_features.OF_GROUPS,
        *first_stage_features.FEATURES,
        *co_watch_products.FEATURES,
        *past_features.OF_VIDEO,
        video_attributes.LANGUAGE_MATCH,
        video_attributes.AGE,
    )


def network_features(network: str) -> Features:
    """Returns the features that a network can read."""
    return tuple(f for f in declared() if network in f.networks)


def choose(
    network: str, data: PreparedData, config: FeaturesConfig, own: Sequence[str] = ()
) -> Features:
    """Returns the features of a network: its defaults that exist, and the config's.

    Args:
      network: `candidates`, `ranking` or `candidates.content`.
      data: The prepared set.
      config: Names of features to add and to remove.
      own: Other columns of the log that are default features of this network too.

    Raises:
      errors.UserError: A name is unknown, has no effect, or lacks its columns.
    """
    known = {feature.name: feature for feature in network_features(network)}
    defaults = [name for name, f in known.items() if network in f.default_in]
    defaults += own
    for name in config.remove:
        _require_effect(network, name, [*defaults, *config.add], known)
    wanted = [name for name in (*defaults, *config.add) if name not in config.remove]
    chosen = [_named(network, name, data, known) for name in dict.fromkeys(wanted)]
    for feature in chosen:
        if feature.name in config.add and not feature.exists(data):
            expected, available, advice = feature.missing_data(data)
            raise errors.UserError(
                f"expected {expected} for "
                f"--config.{network}.features.add={feature.name}, found {available} in "
                f"{data.directory}: {advice}, or leave the feature out"
            )
    places = {name: place for place, name in enumerate(known)}
    existing = [feature for feature in chosen if feature.exists(data)]
    return tuple(
        sorted(existing, key=lambda f: (f.scope, places.get(f.name, len(places))))
    )


def named(network: str, names: Sequence[str], data: PreparedData) -> Features:
    """Returns the features of a trained network by their saved names.

    Raises:
      errors.UserError: This version, or the prepared set, has no such feature.
    """
    known = {feature.name: feature for feature in network_features(network)}
    return tuple(_named(network, name, data, known) for name in names)


def _named(
    network: str, name: str, data: PreparedData, known: dict[str, base_feature.Feature]
) -> base_feature.Feature:
    if name in known:
        return known[name]
    if network == base_feature.RANKING:
        from ytdnn.features import vector_columns

        if vector_columns.is_product(name, data.catalogue):
            return vector_columns.product(name)
    from ytdnn.features import own_columns

    own_names = own_columns.in_tables(data, sorted(_OWN_TABLES[network]))
    if name not in own_names and network == base_feature.RANKING:
        from ytdnn.features import counter_features

        counters = {each.name: each for each in counter_features.every(data)}
        if name in counters:
            return counters[name]
        known = known | counters
    if name not in own_names:
        raise errors.UserError(_unknown(network, name, [*known, *own_names]))
    if not own_columns.can_be_asked(name):
        raise errors.UserError(
            f"expected a column that can be a key of requests (letters, digits and _, "
            f"none of {', '.join(sorted(schema.REQUEST_KEYS))}), received {name}: "
            f"rename it"
        )
    return own_columns.feature(name, data)


def _require_effect(
    network: str, name: str, read: Sequence[str], known: dict[str, base_feature.Feature]
) -> None:
    if name in read:
        return
    if name not in known:
        raise errors.UserError(_unknown(network, name, list(read)))
    raise errors.UserError(
        f"expected --config.{network}.features.remove to name features that are read "
        f"({', '.join(read)}), received {name}, which is not: leave it out"
    )


def _unknown(network: str, name: str, known: Sequence[str]) -> str:
    hint = errors.hint(name, known)
    return (
        f"expected a feature of {network} (docs/features.md), received "
        f"{errors.shown(name)}{hint}"
    )


class Encoder(tf.keras.layers.Layer):
    """Encodes one sequence.

    Attributes:
      tables: Large variables looked up by row, for the table optimiser.
      num_bags: Number of output vectors of the embedding's width.
    """

    tables: list[tf.Variable]
    num_bags: int

    def call(self, features: Tensors, seed: tf.Tensor | None = None) -> list[tf.Tensor]:
        """Returns vectors `[slices, positions, n · dim] float32`.

        Args:
          features: See `ytdnn.log.slice_batches.cut`.
          seed: `[2] int32` of this training step, or None outside training.
        """
        raise NotImplementedError

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the request fields that the encoder reads."""
        raise NotImplementedError

    def open_request(self, catalogue: prepared.Catalogue) -> "SequenceReader":
        """Returns the reader of its rows from raw requests."""
        raise NotImplementedError


class SequenceReader(tf.Module):
    """A sequence opened for serving, lookups included."""

    def __call__(self, request: "raw_request.Request") -> Tensors:
        """Returns the rows of slices of one position (`slice_batches.cut`)."""
        raise NotImplementedError


def make_encoder(
    config: configs.CandidatesConfig,
    vocabulary_size: int,
    content: "watched.ContentSource | None" = None,
    knows_request_times: bool = False,
) -> Watches:
    """Returns the encoder, named `watches`.

    Args:
      config: Settings of candidate generation, with the kind of encoder.
      vocabulary_size: Videos with an id embedding.
      content: Content features of videos; None: there are none.
      knows_request_times: Whether the time of the request may be read.
    """
    sizes = config, vocabulary_size, content
    if isinstance(config.encoder, configs.BagsConfig):
        return _bags(*sizes, name="watches")
    shared: dict[str, Any] = {"knows_request_times": knows_request_times}
    make_sequence = registries.ENCODERS[config.encoder.kind].make
    if not config.encoder.beside_bags:
        return make_sequence(*sizes, name="watches", **shared)
    from ytdnn.features.sequences import sequence_encoder

    bags = _bags(*sizes, name="bags")
    shared |= {"videos": bags.videos, "name": "sequence"}
    ordered = make_sequence(*sizes, **shared)
    return sequence_encoder.SideBySide(bags, ordered, name="watches")


def _bags(*args: Any, name: str) -> "watched.WatchBags":
    from ytdnn.features.sequences import watched

    return watched.WatchBags(*args, name=name)
