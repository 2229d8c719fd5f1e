"""The inputs of the ranker: histories and features of impressions (PAPER §4.1).

All of it is rolled back to strictly before the impression. Tensors of the query are
`[batch, …]`, made once a request; those of its impressions `[batch, k]`. Training is
k = 1.
"""

import copy
import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import configs, ragged, schema
from ytdnn.features import base_feature as features_interface
from ytdnn.features import (
    feature_choice,
    first_stage_features,
    open_features,
    past_sums,
    request_reading,
)
from ytdnn.log import io_fields, log_tensors, prepared, raw_request
from ytdnn.ranking import heads
from ytdnn.retrieval import trained_stage

Features = feature_choice.Features

Tensors = dict[str, tf.Tensor]


class ImpressionLog:
    """The events of a prepared set, from which tensors are cut by position.

    Attributes:
      data: The prepared set.
      history_length: Most recent watches of a history.
    """

    def __init__(
        self,
        data: prepared.PreparedData,
        chosen: Features,
        history_length: int,
        replay: log_tensors.FirstStageReplay | None = None,
    ) -> None:
        """Opens the features on the log, as they are in training.

        Args:
          data: Prepared set with impressions.
          chosen: Features of the ranker.
          history_length: Most recent watches of a history.
          replay: Replay of the first stage, for features that need it.
        """
        self.data = data
        self.history_length = history_length
        self._chosen = chosen
        self._log = log_tensors.LogTensors(data, replay)
        self._readers = open_features.open_log(chosen, self._log)
        with tf.device("CPU"):
            self._durations = tf.constant(
                past_sums.durations(data.catalogue), tf.float32
            )

    def as_served(self) -> "ImpressionLog":
        """Returns the same with training-only features at their serving value."""
        served = copy.copy(self)
        served._readers = self._readers | open_features.at_serving(self._chosen)
        return served

    def impressions(
        self, rows: tf.Tensor, history_rows: tf.Tensor | None = None
    ) -> Tensors:
        """Returns the tensors `[n, …]`, `[n, 1]` of logged impressions.

        Args:
          rows: `[n] int64` rows of the impression arrays.
          history_rows: `[n] int64`, for each row an impression of the same user: all
            features but counters are read at that impression's time; None: its own.
        """
        videos = self._of(rows, "videos")[:, tf.newaxis]
        requests = dataclasses.replace(
            self._requests(rows, videos), is_shown=True, is_logged=history_rows is None
        )
        if history_rows is not None:
            then = self._requests(history_rows, videos)
            requests = dataclasses.replace(requests, times=then.times, ends=then.ends)
        return self._at(requests)

    def logged(
        self,
        rows: npt.NDArray[np.int64],
        history_rows: npt.NDArray[np.int64] | None,
        part: slice,
    ) -> Tensors:
        """Returns the tensors of a part of some logged impressions; see `impressions`.

        Args:
          rows: `[n]` rows of the impression arrays.
          history_rows: `[n]`; None: the rows themselves.
          part: The part.
        """
        then = None
        if history_rows is not None:
            then = tf.constant(history_rows[part], tf.int64)
        return self.impressions(tf.constant(rows[part], tf.int64), then)

    def arrays(
        self,
        rows: npt.NDArray[np.int64],
        history_rows: npt.NDArray[np.int64] | None,
        step: int,
    ) -> dict[str, npt.NDArray]:
        """Returns the tensors of logged impressions by name, without histories.

        Args:
          rows: `[n]` rows of the impression arrays.
          history_rows: `[n]`; None: the rows themselves.
          step: Number of rows to read at a time.
        """
        read: dict[str, list[npt.NDArray]] = {}
        for part in ragged.slices(max(len(rows), 1), step):
            for name, values in self.logged(rows, history_rows, part).items():
                if name != schema.HISTORY_VIDEOS:
                    read.setdefault(name, []).append(values.numpy())
        return {name: np.concatenate(values) for name, values in read.items()}

    def candidates_at(self, rows: tf.Tensor, videos: tf.Tensor) -> Tensors:
        """Returns the tensors of candidates at the requests of logged impressions.

        Args:
          rows: `[n] int64` rows of the impression arrays, one of each request.
          videos: `[n, k] int32` catalogue indices, shown or not.
        """
        return self._at(self._requests(rows, videos))

    def _requests(self, rows: tf.Tensor, videos: tf.Tensor) -> log_tensors.Positions:
        """Returns the positions of logged requests, asked about some videos."""
        users = self._of(rows, "users")
        offsets = tf.gather(self._log.column("watches", "offsets"), users)
        return log_tensors.Positions(
            users=users,
            times=self._of(rows, "request_times"),
            ends=offsets + self._of(rows, "num_watches"),
            event="impressions",
            rows=rows,
            is_event=tf.ones_like(rows, tf.bool),
            videos=videos,
        )

    def candidates(
        self,
        user_indices: npt.NDArray[np.integer],
        end_watches: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64],
        video_indices: npt.NDArray[np.integer],
    ) -> Tensors:
        """Returns the tensors of candidates, whether the log showed them or not.

        Args:
          user_indices: `[n]`.
          end_watches: `[n]` flat position of the first watch not in the history.
          times: `[n]` of the requests, 0 = unknown.
          video_indices: `[n, k]` catalogue indices.
        """
        users = tf.constant(user_indices, tf.int32)
        ends = tf.constant(end_watches, tf.int64)
        stops = tf.gather(self._log.column("watches", "offsets"), users + 1)
        return self._at(
            log_tensors.Positions(
                users=users,
                times=tf.constant(times, tf.int64),
                ends=ends,
                event="watches",
                rows=ends,
                is_event=ends < stops,
                videos=tf.constant(video_indices, tf.int32),
            )
        )

    def labels(self, rows: tf.Tensor) -> heads.Labels:
        """Returns the labels of logged impressions, each `[n, 1]`.

        Args:
          rows: `[n] int64` rows of the impression arrays.
        """
        clicked, videos = self._of(rows, "clicked"), self._of(rows, "videos")
        seconds = tf.zeros_like(rows, tf.float32)
        if self._log.has(schema.IMPRESSIONS, "seconds"):
            seconds = self._of(rows, "seconds")
        outcomes = None
        if self._log.has(schema.IMPRESSIONS, "outcomes"):
            outcomes = self._of(rows, "outcomes")[:, tf.newaxis]
        return heads.Labels(
            clicked=clicked[:, tf.newaxis],
            seconds=seconds[:, tf.newaxis],
            durations=tf.gather(self._durations, videos)[:, tf.newaxis],
            outcomes=outcomes,
        )

    def _at(self, at: log_tensors.Positions) -> Tensors:
        return {
            schema.HISTORY_VIDEOS: self._history(at),
            schema.IMPRESSION_VIDEOS: at.videos,
            schema.DURATIONS: tf.gather(self._durations, at.videos),
            **open_features.read(self._readers, at),
        }

    def _history(self, at: log_tensors.Positions) -> tf.Tensor:
        """Returns the last watches, `[n, length] int32`, 0 in front."""
        starts = tf.gather(self._log.column("watches", "offsets"), at.users)
        back = tf.range(-self.history_length, 0, dtype=tf.int64)
        rows = at.ends[:, tf.newaxis] + back
        videos = tf.gather(self._log.column("watches", "videos"), tf.maximum(rows, 0))
        return tf.where(rows >= starts[:, tf.newaxis], videos, tf.zeros_like(videos))

    def _of(self, rows: tf.Tensor, field: str) -> tf.Tensor:
        return tf.gather(self._log.column(schema.IMPRESSIONS, field), rows)


def request_fields(chosen: Features, catalogue: prepared.Catalogue) -> io_fields.Fields:
    """Returns the request fields that the ranker reads, without the videos to score."""
    return io_fields.union(
        (io_fields.watched(catalogue),),
        open_features.request_fields(chosen, catalogue),
    )


def placeholders(chosen: Features, history_length: int) -> Tensors:
    """Returns the zero tensors of one impression, to build a network's variables."""
    return {
        schema.HISTORY_VIDEOS: tf.zeros([1, history_length], tf.int32),
        schema.IMPRESSION_VIDEOS: tf.zeros([1, 1], tf.int32),
        schema.DURATIONS: tf.zeros([1, 1], tf.float32),
        **open_features.placeholders(chosen),
    }


class RequestInputs(tf.Module):
    """The ranker's tensors of raw requests, lookups inside."""

    def __init__(
        self, data: prepared.PreparedData, chosen: Features, history_length: int
    ) -> None:
        """Opens the features for serving."""
        super().__init__()
        self._features = request_reading.RequestReaders(chosen, data)
        self._history_length = history_length
        self._durations = tf.Variable(
            past_sums.durations(data.catalogue), trainable=False, dtype=tf.float32
        )

    def __call__(self, request: raw_request.Request) -> Tensors:
        """Returns the tensors of the query and of the videos to score."""
        return {
            schema.HISTORY_VIDEOS: request.last_watches(self._history_length),
            schema.IMPRESSION_VIDEOS: request.video_indices,
            schema.DURATIONS: tf.gather(self._durations, request.video_indices),
            **self._features.query_tensors(request),
            **self._features.video_tensors(request),
        }


def opened(
    config: configs.RankingConfig,
    data: prepared.PreparedData,
    chosen: Features,
    first_stage: trained_stage.FirstStage | None,
) -> ImpressionLog:
    """Returns the tensors that a ranker reads from a prepared set.

    Args:
      config: Settings, with the length of histories.
      data: Prepared set with impressions.
      chosen: Features of the ranker.
      first_stage: First stage that features are replayed from; None: no feature needs
        it.
    """
    replay = first_stage.open_log(data) if first_stage and replays(chosen) else None
    return ImpressionLog(data, chosen, config.history_length, replay)


def replays(chosen: Iterable[features_interface.Feature]) -> bool:
    """Whether any feature reads the candidates or scores of the first stage."""
    return any(isinstance(f, first_stage_features.ReplayedFeature) for f in chosen)
