"""What every feature must do; each feature's test inherits it.

A subclass says which feature of which network it holds to the contract.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests import changed_log, full_log
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.bundle import requests, user_requests
from ytdnn.evaluation import leaks
from ytdnn.features import base_feature, counters, feature_choice, open_features
from ytdnn.log import events, io_fields, log_tensors, lookups, prepared, raw_request
from ytdnn.log.sources import own_tables

PreparedData = prepared.PreparedData

# Columns that a log cannot lack, or whose table goes with them.
REQUIRED = {"watches.time": None, "impressions.time": "impressions"}
VIDEOS_A_REQUEST = 7
SETTINGS = base_feature.EncoderSettings(stddev=0.1)

LogWithout = Callable[[str], PreparedData | None]


@dataclasses.dataclass(frozen=True)
class SplitRequests:
    """Positions of a log whose requests can be made."""

    users: np.ndarray
    ends: np.ndarray
    times: np.ndarray
    videos: np.ndarray

    @classmethod
    def from_data(cls, data: PreparedData) -> "SplitRequests":
        users, ends = data.windows.first_watches(events.Split.TEST)
        rng = np.random.default_rng(3)
        videos = rng.integers(1, data.num_videos + 1, (len(users), VIDEOS_A_REQUEST))
        # The window, and so the request, begins before the first watch in it.
        times = np.full(len(users), data.manifest.facts["windows"]["test"])
        return cls(users, ends, times, videos.astype(np.int32))

    def positions(self) -> log_tensors.Positions:
        return log_tensors.Positions(
            users=tf.constant(self.users),
            times=tf.constant(self.times, tf.int64),
            ends=tf.constant(self.ends, tf.int64),
            event="watches",
            rows=tf.constant(self.ends, tf.int64),
            is_event=tf.ones([len(self.users)], tf.bool),
            videos=tf.constant(self.videos),
        )


class FeatureContract:
    """Subclass, and name the feature."""

    network: ClassVar[str] = base_feature.RANKING
    name: ClassVar[str]
    # Whether a request without anything, of an unknown video, has a known value.
    always_known: ClassVar[bool] = False
    _made: ClassVar[dict[tuple[str, int], Any]]

    def __init_subclass__(cls) -> None:
        cls._made = {}

    def _once(self, name: str, data: PreparedData, make: Callable[[], Any]) -> Any:
        """Returns `make()`, made once for all tests of the feature."""
        # With the data, whose id is then no other's.
        key = (name, id(data))
        if key not in self._made:
            self._made[key] = (make(), data)
        return self._made[key][0]

    def feature(self, data: PreparedData) -> base_feature.Feature:
        return feature_choice.named(self.network, [self.name], data)[0]

    def log(self, data: PreparedData) -> log_tensors.LogTensors:
        """Returns what it is opened on."""
        return _log(data)

    def fields(self, data: PreparedData) -> io_fields.Fields:
        """Returns what its requests bring."""
        own = self.feature(data).fields(data.catalogue)
        return io_fields.union((io_fields.watched(data.catalogue),), own)

    def request(
        self,
        data: PreparedData,
        raw: dict[str, tf.Tensor],
        videos: lookups.VideoIds,
        ids: tf.Tensor,
    ) -> raw_request.Request:
        """Returns a request inside a graph."""
        del data
        return raw_request.Request(raw, videos, ids)

    def parts(self) -> list[tf.Module]:
        """Returns what else a saved graph holds."""
        return []

    def encoder(self, data: PreparedData) -> tf.keras.layers.Layer:
        """Returns its encoder, every weight large, as after a training."""
        return self._once("encoder", data, lambda: self._encoder(data))

    def _encoder(self, data: PreparedData) -> tf.keras.layers.Layer:
        feature = self.feature(data)
        values = {self.name: self._own_values(data)}
        measured = open_features.measure([feature], data, [values], 10)[self.name]
        layer = feature.encoder(measured, SETTINGS)
        layer(values[self.name])
        for variable in layer.variables:
            variable.assign(tf.random.stateless_normal(variable.shape, [1, 2]))
        return layer

    def test_it_exists_exactly_when_its_columns_do(
        self, data: PreparedData, log_without: LogWithout
    ) -> None:
        wanted = configs.FeaturesConfig(add=(self.name,))
        chosen = feature_choice.choose(self.network, data, wanted)
        assert self.name in [feature.name for feature in chosen]
        assert self.feature(data).columns
        for column in self.feature(data).columns:
            without = log_without(column)
            if without is None:
                continue
            others = feature_choice.choose(
                self.network, without, configs.FeaturesConfig()
            )
            assert self.name not in [feature.name for feature in others]
            with pytest.raises(errors.UserError, match=self.name):
                feature_choice.choose(self.network, without, wanted)

    def test_it_can_be_switched_off(self, data: PreparedData) -> None:
        off = configs.FeaturesConfig(add=(self.name,), remove=(self.name,))
        chosen = feature_choice.choose(self.network, data, off)
        assert self.name not in [feature.name for feature in chosen]

    def test_log_and_request_give_the_same(self, data: PreparedData) -> None:
        feature, split_requests = self.feature(data), SplitRequests.from_data(data)
        expected = self._own_values(data)
        read = self._request_function(feature, data)
        for row in range(len(split_requests.users)):
            found = read(*self._request(data, split_requests, row))[0]
            np.testing.assert_allclose(found, expected[row], rtol=1e-6, atol=1e-6)
        if not self.always_known and not isinstance(feature, base_feature.TrainingOnly):
            assert feature.known(expected).numpy().any()

    def test_nothing_after_the_position_changes_it(self, data: PreparedData) -> None:
        feature, split_requests = self.feature(data), SplitRequests.from_data(data)
        other = data.once(_other_requests, lambda: _other_requests(data))
        np.testing.assert_array_equal(
            self._values(feature, other, split_requests), self._own_values(data)
        )

    def test_nothing_after_a_logged_impression_changes_it(
        self, data: PreparedData
    ) -> None:
        if self.network != base_feature.RANKING:
            return  # read at watches, not at impressions
        feature = self.feature(data)
        if isinstance(feature, counters.Counter):
            _check_counter(feature, data)
            return
        rows, other = data.once(_other_impressions, lambda: _other_impressions(data))
        pair = [_at_impressions(feature, d, rows, self.log(d)) for d in (data, other)]
        np.testing.assert_array_equal(*pair)

    def test_missing_and_unknown_have_their_encoding(self, data: PreparedData) -> None:
        feature = self.feature(data)
        read = self._request_function(feature, data)
        value = read(self._missing(data), _ids(data, ["unknown"]))
        if self.always_known:
            assert feature.known(value).numpy().all()
            return
        assert not feature.known(value).numpy().any()
        encoded = self.encoder(data)(value).numpy()
        known = self.encoder(data)(self._own_values(data))
        if value.dtype == tf.int32:
            assert not encoded.any()  # exactly zero, trained or not
        else:
            assert not encoded[..., 0].any()
            assert (encoded != 0.0).sum() <= 1  # that it is missing, at most
        assert known.numpy().any()

    def test_saved_and_loaded_it_gives_the_same(
        self, data: PreparedData, tmp_path: pathlib.Path
    ) -> None:
        feature, split_requests = self.feature(data), SplitRequests.from_data(data)
        layer, opened = self.encoder(data), self._opened(feature, data)
        raw, ids = self._request(data, split_requests, 0)

        def call(ids: tf.Tensor, **raw: tf.Tensor) -> tf.Tensor:
            return layer(opened.read(raw, ids))

        module = tf.Module()
        module.parts = [list(layer.variables), *opened.parts]
        function = tf.function(call).get_concrete_function(ids=ids, **raw)
        tf.saved_model.save(module, str(tmp_path / "saved"), {"serving": function})
        loaded = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving"]
        (found,) = loaded(ids=ids, **raw).values()
        np.testing.assert_allclose(found, call(ids, **raw), rtol=1e-6)

    def test_what_is_kept_with_a_model_makes_the_same_encoder(
        self, data: PreparedData, tmp_path: pathlib.Path
    ) -> None:
        feature = self.feature(data)
        values = {self.name: self._own_values(data)}
        measured = open_features.measure([feature], data, [values], 10)
        open_features.write(tmp_path / "features.json", measured)
        again = open_features.read_file(tmp_path / "features.json")
        assert again == measured
        layer = feature.encoder(again[self.name], SETTINGS)
        layer(values[self.name])
        layer.set_weights(self.encoder(data).get_weights())
        np.testing.assert_array_equal(
            layer(values[self.name]), self.encoder(data)(values[self.name])
        )

    def _own_values(self, data: PreparedData) -> tf.Tensor:
        """Returns its values at the positions of the requests."""
        return self._once(
            "values",
            data,
            lambda: self._values(
                self.feature(data), data, SplitRequests.from_data(data)
            ),
        )

    def _values(
        self,
        feature: base_feature.Feature,
        data: PreparedData,
        split_requests: SplitRequests,
    ) -> tf.Tensor:
        readers = open_features.open_log([feature], self.log(data), serving=True)
        return open_features.read(readers, split_requests.positions())[feature.name]

    def _request_function(
        self, feature: base_feature.Feature, data: PreparedData
    ) -> Any:
        """Returns the reader as it is exported, of requests of any length."""
        return self._opened(feature, data).read

    def _opened(self, feature: base_feature.Feature, data: PreparedData) -> "_Opened":
        return self._once("read", data, lambda: self._traced(feature, data))

    def _traced(self, feature: base_feature.Feature, data: PreparedData) -> "_Opened":
        reader, videos = feature.open_request(data), lookups.VideoIds(data.catalogue)
        raw = {field.name: field.spec() for field in self.fields(data)}
        ids = tf.TensorSpec([None, None], videos.missing.dtype)

        @tf.function(input_signature=[raw, ids])
        def read(raw: dict[str, tf.Tensor], ids: tf.Tensor) -> tf.Tensor:
            return reader(self.request(data, raw, videos, ids))

        return _Opened(read, [reader, videos, *self.parts()])

    def _request(
        self, data: PreparedData, split_requests: SplitRequests, row: int
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Returns the raw request of a position, and the ids of its videos."""
        request = user_requests.at_position(
            data,
            int(split_requests.users[row]),
            int(split_requests.ends[row]),
            int(split_requests.times[row]),
        )
        wanted = {field.name: field for field in self.fields(data)}
        known = {name: value for name, value in request.items() if name in wanted}
        raw = {
            name: tf.constant(value, tf.as_dtype(wanted[name].dtype))
            for name, value in requests.parse(known, wanted).items()
        }
        column: pl.Series = data.videos[schema.VIDEO_ID]
        return raw, _ids(data, [column[int(i) - 1] for i in split_requests.videos[row]])

    def _missing(self, data: PreparedData) -> dict[str, tf.Tensor]:
        wanted = {field.name: field for field in self.fields(data)}
        return {
            name: tf.constant(value, tf.as_dtype(wanted[name].dtype))
            for name, value in requests.parse({}, wanted).items()
        }


class _Opened(NamedTuple):
    """A feature's reader of requests, compiled, and what it holds."""

    read: Callable[[dict[str, tf.Tensor], tf.Tensor], tf.Tensor]
    parts: list[tf.Module]


def _other_requests(data: PreparedData) -> PreparedData:
    """Returns the set with another future of its requests."""
    split_requests = SplitRequests.from_data(data)
    return leaks.with_other_future(
        data,
        split_requests.users,
        split_requests.ends,
        split_requests.times,
        keep_request_time=True,
    )


def _other_impressions(data: PreparedData) -> tuple[np.ndarray, PreparedData]:
    """Returns a late impression of each user, and the set with another future then."""
    shown = data.impressions
    users, last = np.unique(np.asarray(shown.users)[::-1], return_index=True)
    rows = len(shown) - 1 - last - 2  # each user's last but two
    assert (shown.users[rows] == users).all()
    ends = data.watches.offsets[users] + shown.num_watches[rows]
    other = leaks.with_other_future(data, users, ends, shown.times[rows])
    # The impression of a request is the same, its click and all after it are not.
    videos = np.array(other.impressions.videos)
    videos[rows] = shown.videos[rows]
    changed = other.impressions.replace(videos=videos)
    return rows, changed_log.with_tables(other, impressions=changed)


def _check_counter(feature: base_feature.Feature, data: PreparedData) -> None:
    """Checks that no user's events from an impression on change its value."""
    shown, watches = data.impressions, data.watches
    assert shown.seconds is not None
    for row in np.argsort(shown.times, kind="stable")[100::300]:
        later = shown.times >= shown.times[row]
        other = shown.replace(
            clicked=np.where(later, ~shown.clicked, shown.clicked),
            seconds=np.where(later, shown.seconds + 9.0, shown.seconds),
        )
        later = watches.times >= shown.times[row]
        moved = watches.replace(videos=np.where(later, 1, watches.videos))
        pair = [
            _at_impressions(feature, d, np.array([row]))
            for d in (
                data,
                changed_log.with_tables(data, impressions=other, watches=moved),
            )
        ]
        np.testing.assert_array_equal(*pair)


def _at_impressions(
    feature: base_feature.Feature,
    data: PreparedData,
    rows: np.ndarray,
    log: log_tensors.LogTensors | None = None,
) -> tf.Tensor:
    shown = data.impressions
    users = shown.users[rows]
    at = log_tensors.Positions(
        users=tf.constant(users),
        times=tf.constant(shown.times[rows]),
        ends=tf.constant(data.watches.offsets[users] + shown.num_watches[rows]),
        event="impressions",
        rows=tf.constant(rows, tf.int64),
        is_event=tf.ones([len(rows)], tf.bool),
        videos=tf.constant(shown.videos[rows])[:, tf.newaxis],
        is_shown=True,
        is_logged=True,
    )
    return feature.open_log(log or _log(data))(at)


def _log(data: PreparedData) -> log_tensors.LogTensors:
    """Returns the log of a set, shared by all features."""
    return data.once(log_tensors.LogTensors, lambda: log_tensors.LogTensors(data))


def _ids(data: PreparedData, ids: list[str]) -> tf.Tensor:
    return tf.constant([ids])


def without(column: str, directory: pathlib.Path) -> PreparedData | None:
    """Returns the log prepared without a column, None where it cannot lack it."""
    log = full_log.tables()
    table, name = column.split(".")
    if column in REQUIRED:
        if REQUIRED[column] is None:
            return None
        del log[table]
    else:
        log[table] = log[table].drop(name)
    # Or `genre` would be the topic.
    columns = (f"{column}=",) if name in own_tables.FOUND_BY_WORDS else ()
    return full_log.prepared_data(directory, log, columns=columns)
