"""The first stage of a run, frozen, for the ranker's training and for serving."""

import functools
import pathlib
import weakref
from collections.abc import Callable

import tensorflow as tf

from ytdnn.base import artifacts, configs, registries
from ytdnn.candidates import model as candidate_model
from ytdnn.features import counter_sums
from ytdnn.log import io_fields, prepared
from ytdnn.retrieval import (
    filtered_search,
    first_stage_replay,
    interface,
    pool,
    seconds_order,
)
from ytdnn.retrieval.index import brute_force

KIND = candidate_model.KIND  # of the artefact


class FirstStage:
    """A trained candidate model, with the other candidate sources.

    Attributes:
      candidates: The model.
      composition: Number of places of each source.
      manifest: Manifest of the model's artefact; None for a model without artefact.
    """

    def __init__(
        self,
        candidates: candidate_model.Joined,
        data: prepared.PreparedData,
        composition: configs.CompositionConfig | None = None,
        manifest: artifacts.Manifest | None = None,
    ) -> None:
        """Wraps a trained model.

        Args:
          candidates: The model.
          data: The prepared set it was trained on, which other sources are made from.
          composition: Number of places of each source; None: the defaults.
          manifest: Manifest of the model's artefact.
        """
        self.candidates = candidates
        self.composition = composition or configs.CompositionConfig()
        self.manifest = manifest
        self._data = data
        # Whoever reads it holds it: a finished window takes no memory.
        self._opened: Callable[[], first_stage_replay.Replay | None] = lambda: None

    @property
    def sees_request_time(self) -> bool:
        """Whether the model reads the time of the request."""
        return bool(self.candidates.sees_request_time)

    def fields(
        self, catalogue: prepared.Catalogue, with_sources: bool = False
    ) -> io_fields.Fields:
        """Returns the request fields that the stage reads.

        Args:
          catalogue: The catalogue of the prepared set.
          with_sources: Whether all sources are used, not only the candidate model.
        """
        own = self.candidates.fields(catalogue)
        if not with_sources:
            return own
        read = io_fields.union(own, (io_fields.watched(catalogue),))
        kinds = self._num_places
        if any(registries.SOURCES[kind].reads_time for kind in kinds):
            return io_fields.union(read, (io_fields.time(),))
        return read

    @property
    def num_videos(self) -> int:
        """Number of videos that lists can hold."""
        return int(self.candidates.num_listed)

    @functools.cached_property
    def other_sources(self) -> tuple[interface.Source, ...]:
        """The sources apart from the tower that have places, created on first use.

        If the log lacks the columns of a source, the tower gets its places.
        """
        return tuple(
            registries.SOURCES.made(name, interface.Source, number, self._data)
            for name, number in self._num_places.items()
        )

    @functools.cached_property
    def _num_places(self) -> dict[str, int]:
        """Number of places of each of these sources."""

        def exists(name: str) -> bool:
            has_columns = registries.SOURCES[name].exists
            return has_columns is None or has_columns(self._data)

        places = self.composition.num_places
        return {name: number for name, number in places.items() if exists(name)}

    @functools.cached_property
    def exact(self) -> tf.Module:
        """Exact search at the serving moment; all parts share its vectors.

        It is created on first use, and the only copy of the vectors.
        """
        return brute_force.BruteForceModule(self.candidates.video_vectors())

    def tower(self, search: filtered_search.Nearest | None = None) -> interface.Source:
        """Returns the candidate model as a source of the ranker's candidates.

        Args:
          search: Search of an index; None: exact search.
        """
        search = search or filtered_search.Nearest(self.exact, self.num_videos)
        number = self.composition.num_candidates
        if not self.composition.weighs_seconds:
            return pool.TowerSource(number, search)
        tower = pool.TowerSource(seconds_order.DEPTH * number, search)
        return seconds_order.SecondsSource(tower, self._seconds_order)

    @functools.cached_property
    def _seconds_order(self) -> seconds_order.SecondsOrder:
        """The order by watch time at the serving moment."""
        moment = counter_sums.serving_moment(self._data)
        return seconds_order.SecondsOrder(self._data, self.composition, moment)

    def scores(self, searcher: tf.Module | None = None) -> pool.Scores:
        """Returns the function that computes the model's scores of any videos.

        Args:
          searcher: Search of the index; its vectors are shared; None: exact search.
        """
        searcher = self.exact if searcher is None else searcher
        return pool.Scores(searcher.vectors, self.num_videos)

    def pool(self) -> pool.Pool:
        """Returns all sources."""
        return pool.Pool(self.tower(), self.other_sources, self.composition)

    def open_log(self, data: prepared.PreparedData) -> first_stage_replay.Replay:
        """Returns the replay at positions of a log, shared by all who hold the last."""
        opened = self._opened()
        if opened is None or opened.data is not data:
            opened = first_stage_replay.Replay(
                self.candidates,
                data,
                self.scores(),
                self.pool,
                self.composition.remove_watched,
            )
            self._opened = weakref.ref(opened)
        return opened


def load(
    directory: pathlib.Path,
    data: prepared.PreparedData,
    composition: configs.CompositionConfig | None = None,
) -> FirstStage:
    """Loads the first stage of a run.

    Args:
      directory: The artefact `candidates`.
      data: The prepared set.
      composition: Number of places of each source; None: the defaults.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    model = candidate_model.load(directory, data)
    manifest = artifacts.read_manifest(directory, KIND)
    return FirstStage(model, data, composition, manifest)
