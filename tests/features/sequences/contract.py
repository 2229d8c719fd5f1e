"""What every encoder of a sequence must do; each encoder's test inherits it."""

import numpy as np
import tensorflow as tf

from ytdnn import configs
from ytdnn.bundle import requests, user_requests
from ytdnn.candidates import logged_user_vectors
from ytdnn.features import feature_choice
from ytdnn.log import (
    events,
    io_fields,
    log_tensors,
    lookups,
    prepared,
    raw_request,
    slice_batches,
)

Raw = raw_request.Raw
PreparedData = prepared.PreparedData
Field = io_fields.Field

LENGTH, SEARCHES, DIM = 6, 4, 8
CONFIG = configs.CandidatesConfig(
    content=configs.ContentConfig(enabled=False),
    embedding_dim=DIM,
    history_length=LENGTH,
    search_length=SEARCHES,
    decay_rates=(0.5, 0.8),
    learned_bags=2,
    history_dropout=0.5,
)


def batch(data: PreparedData, length: int = 5) -> feature_choice.Tensors:
    """Slices of the log, two at the end of a user and one across two users."""
    firsts = [int(data.watches.offsets[user + 1]) - 6 for user in (2, 7)]
    firsts.append(int(data.watches.offsets[4]) - 2)
    log = log_tensors.load_watches(data)
    return slice_batches.cut(
        log, tf.constant(firsts, tf.int64), length, LENGTH, SEARCHES
    )


class EncoderContract:
    """Subclass and return a fresh encoder, and what it reads of a batch."""

    rows: str  # the tensor of the sequence itself
    length = LENGTH  # of the history a request is read with

    def make(self, data: PreparedData) -> feature_choice.Encoder:
        raise NotImplementedError

    def size(self, data: PreparedData) -> int:
        """Returns how many values have an embedding."""
        raise NotImplementedError

    def test_it_gives_its_number_of_vectors(self, data: PreparedData) -> None:
        encoder, features = self.make(data), batch(data)
        found = tf.concat(encoder(features), axis=-1)
        assert found.shape == (3, 5, encoder.num_bags * DIM)
        np.testing.assert_array_equal(found, tf.concat(encoder(features), axis=-1))

    def test_its_table_holds_the_values_and_is_all_that_is_large(
        self, data: PreparedData
    ) -> None:
        encoder = self.make(data)
        encoder(batch(data))
        assert [table.shape for table in encoder.tables] == [(self.size(data) + 1, DIM)]
        assert encoder.tables[0].ref() in {v.ref() for v in encoder.variables}

    def test_values_without_an_embedding_count_as_if_they_were_not_there(
        self, data: PreparedData
    ) -> None:
        encoder, features = self.make(data), batch(data)
        rows = features[self.rows]
        beyond = tf.where(rows == 0, self.size(data) + 1, rows)
        plain = tf.concat(encoder(features), axis=-1)
        unknown = tf.concat(encoder(features | {self.rows: beyond}), axis=-1)
        np.testing.assert_array_equal(unknown, plain)
        nothing = encoder(features | {self.rows: tf.zeros_like(rows)})
        assert not tf.concat(nothing, axis=-1).numpy().any()

    def test_dropout_is_a_function_of_the_seed_and_off_without_one(
        self, data: PreparedData
    ) -> None:
        encoder, features = self.make(data), batch(data)
        plain, first, again, other = (
            tf.concat(encoder(features, seed), axis=-1).numpy()
            for seed in (None, *(tf.constant([1, i]) for i in (2, 2, 3)))
        )
        np.testing.assert_array_equal(first, again)
        assert np.any(first != plain)
        assert np.any(first != other)

    def test_raw_requests_give_the_rows_of_the_log(self, data: PreparedData) -> None:
        encoder = self.make(data)
        wanted = {field.name: field for field in encoder.fields(data.catalogue)}
        read = encoder.open_request(data.catalogue)
        videos = lookups.VideoIds(data.catalogue)
        log = log_tensors.load_watches(data)
        users, ends = data.windows.first_watches(events.Split.TEST)
        expected = logged_user_vectors.contexts(log, users, ends, self.length, SEARCHES)
        whole = tf.concat(encoder(expected), axis=-1)
        encode = tf.function(encoder, reduce_retracing=True)
        for row, (user, end) in enumerate(zip(users, ends, strict=True)):
            raw = _raw(data, wanted, int(user), int(end))
            found = read(raw_request.Request(raw, videos))
            vector = tf.concat(encode(found), axis=-1)[0]
            np.testing.assert_allclose(vector, whole[row], rtol=1e-4, atol=1e-5)

    def test_a_request_without_any_is_the_zero_vector(self, data: PreparedData) -> None:
        encoder = self.make(data)
        wanted = {field.name: field for field in encoder.fields(data.catalogue)}
        wanted |= {field.name: field for field in (io_fields.watched(data.catalogue),)}
        raw = _tensors(requests.parse({}, wanted), wanted)
        request = raw_request.Request(raw, lookups.VideoIds(data.catalogue))
        found = encoder(encoder.open_request(data.catalogue)(request))
        assert not tf.concat(found, axis=-1).numpy().any()


def _raw(data: PreparedData, wanted: dict[str, Field], user: int, end: int) -> Raw:
    request = user_requests.at_position(data, user, end, 0)
    known = {name: value for name, value in request.items() if name in wanted}
    return _tensors(requests.parse(known, wanted), wanted)


def _tensors(values: dict[str, object], wanted: dict[str, Field]) -> Raw:
    return {
        name: tf.constant(value, tf.as_dtype(wanted[name].dtype))
        for name, value in values.items()
    }
