import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.features.sequences import contract, documented
from tests.features.sequences.documented import registered as registered
from ytdnn import configs
from ytdnn.base import errors, registries, schema
from ytdnn.candidates import logged_user_vectors
from ytdnn.features import feature_choice
from ytdnn.log import events, log_tensors, prepared

PreparedData = prepared.PreparedData
Tensors = feature_choice.Tensors

POSITIONS = 5
ENCODERS = {
    "gru": documented.gru(),
    "beside_bags": documented.gru(beside_bags=True),
}


def config_of(encoder: configs.Encoder) -> configs.CandidatesConfig:
    """As long a history as all rows of the contract's slices."""
    return dataclasses.replace(
        contract.CONFIG,
        encoder=encoder,
        history_length=contract.LENGTH + POSITIONS - 1,
        label=configs.NextWatchConfig(slice_length=POSITIONS),
    )


def made(
    name: str, data: PreparedData, with_request_time: bool = False
) -> feature_choice.Watches:
    """An encoder of random biases, so that every part decides."""
    encoder = feature_choice.make_encoder(
        config_of(ENCODERS[name]),
        data.vocabulary_size,
        None,
        with_request_time,
    )
    encoder(rows(data, with_request_time))
    for variable in encoder.trainable_variables:
        if variable is not encoder.videos.table:
            noise = tf.random.stateless_normal(variable.shape, [1, 2], stddev=0.3)
            variable.assign_add(noise)
    return encoder


def rows(data: PreparedData, with_request_time: bool = False) -> Tensors:
    """The contract's slices, with the times of their requests if they are read."""
    features = contract.batch(data, POSITIONS)
    if with_request_time:
        features[schema.REQUEST_TIMES] = features[schema.LABEL_TIMES]
    return features


class SequenceContract(contract.EncoderContract):
    """Subclass and name the encoder."""

    name: str
    rows = schema.WATCH_ROWS
    length = contract.LENGTH + POSITIONS - 1

    def make(self, data: PreparedData) -> feature_choice.Watches:
        return made(self.name, data)

    def size(self, data: PreparedData) -> int:
        return data.vocabulary_size


class TestGRU(SequenceContract):
    """The one that docs/encoders.md shows."""

    name = "gru"


@pytest.mark.thorough
class TestBesideBags(SequenceContract):
    name = "beside_bags"


def vectors(encoder: feature_choice.Watches, features: Tensors) -> np.ndarray:
    return tf.concat(encoder(features), axis=-1).numpy()


def served(
    encoder: feature_choice.Watches, features: Tensors, row: int, position: int
) -> np.ndarray:
    """The vector of one position from a slice of its own, as a request is."""
    length = contract.LENGTH + position
    own = {
        name: features[name][row : row + 1, :length]
        for name in (schema.WATCH_ROWS, schema.WATCH_ROW_TIMES)
    }
    padding = [[0, 0], [POSITIONS - 1 - position, 0]]
    own = {name: tf.pad(values, padding) for name, values in own.items()}
    for name in (schema.FIRST_ROWS, schema.REQUEST_TIMES):
        if name in features:
            own[name] = features[name][row : row + 1, position : position + 1]
    own[schema.FIRST_ROWS] = own[schema.FIRST_ROWS] + padding[1][0]
    return vectors(encoder, own)[0, 0]


@pytest.mark.thorough
@pytest.mark.parametrize("with_request_time", [False, True])
@pytest.mark.parametrize("name", ENCODERS)
def test_a_request_has_the_vector_of_the_slice(
    data: PreparedData, name: str, with_request_time: bool
) -> None:
    """One pass gives all positions; padding, other users, later watches: nothing."""
    encoder = made(name, data, with_request_time)
    features = rows(data, with_request_time)
    found = vectors(encoder, features)
    assert len(np.unique(features[schema.USER_INDICES])) > 3
    for row, position in np.ndindex(3, POSITIONS):
        alone = served(encoder, features, row, position)
        np.testing.assert_allclose(alone, found[row, position], atol=1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_later_watch_changes_no_earlier_position(
    data: PreparedData, name: str
) -> None:
    encoder, features = made(name, data), rows(data)
    plain = vectors(encoder, features)
    for row in range(contract.LENGTH, features[schema.WATCH_ROWS].shape[1]):
        is_row = np.arange(features[schema.WATCH_ROWS].shape[1]) == row
        changed = dict(features)
        for key in (schema.WATCH_ROWS, schema.WATCH_ROW_TIMES):
            values = features[key].numpy()
            other = values % (data.vocabulary_size - 1) + 1
            changed[key] = tf.constant(np.where(is_row, other, values))
        found = vectors(encoder, changed)
        first = row - contract.LENGTH + 1  # position whose history ends with the row
        np.testing.assert_array_equal(found[:, :first], plain[:, :first])
        assert np.any(found[:, first:] != plain[:, first:])


def test_the_order_of_watches_counts(data: PreparedData) -> None:
    """Of those behind the last one too, which bags of them would not tell apart."""
    encoder, features = made("gru", data), rows(data)
    order = [*range(7), 8, 7, 9]
    swapped = features | {
        schema.WATCH_ROWS: tf.gather(features[schema.WATCH_ROWS], order, axis=1)
    }
    assert np.any(vectors(encoder, swapped)[:, -1] != vectors(encoder, features)[:, -1])


def test_request_times_of_the_log_are_those_of_the_request(data: PreparedData) -> None:
    log = log_tensors.load_watches(data, _request_times)
    users, ends = data.windows.first_watches(events.Split.TEST)
    found = logged_user_vectors.contexts(log, users, ends, 3)[schema.REQUEST_TIMES]
    np.testing.assert_array_equal(found[:, 0], np.asarray(data.watches.times)[ends])


def _request_times(log: log_tensors.LogTensors) -> dict[str, log_tensors.Reader]:
    del log
    return {schema.REQUEST_TIMES: lambda at: at.times}


@pytest.mark.parametrize(
    ("cut", "received"),
    [
        (lambda all_: all_[..., :4], r"received \[\d+, \d+, 4\]"),
        (lambda all_: all_[:, 1:], r"received \[\d+, \d+, 8\]"),
        (lambda all_: all_[:, 0], r"received \[\d+, 8\]"),
        (lambda all_: None, "received no tensor"),
    ],
)
def test_states_of_another_shape_are_refused(
    data: PreparedData,
    cut: Callable[[tf.Tensor], Any],
    received: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cls = registries.ENCODERS["gru"].make
    states = cls.states
    monkeypatch.setattr(cls, "states", lambda *given: cut(states(*given)))
    encoder = feature_choice.make_encoder(
        config_of(ENCODERS["gru"]), data.vocabulary_size
    )
    wanted = r"expected GRU.states\(\).*= \[\d+, \d+, 8\], "
    with pytest.raises(errors.UserError, match=wanted + received):
        encoder(rows(data))
