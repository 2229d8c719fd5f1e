"""The training batches of the candidate model, from one shard window or from many."""

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

from ytdnn.base import configs
from ytdnn.candidates import tower_inputs
from ytdnn.log import inputs, prepared, streaming

if TYPE_CHECKING:
    from ytdnn.log import drawn_labels


@dataclasses.dataclass(frozen=True)
class _Counts:
    """Counts of a shard, without its events.

    Attributes:
      watches: Number of watches in the training window.
      labels: Number of watches that may be labels.
      examples: Number of labels that an epoch draws.
    """

    watches: int
    labels: int
    examples: int


class CandidateWindows:
    """Opens windows; see `ytdnn.log.streaming.WindowSource`."""

    def __init__(
        self,
        config: configs.CandidatesConfig,
        read: tower_inputs.TowerInputs,
        data: prepared.PreparedData,
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
        self._data = inputs.training_set(data)

    def steps(self, window: streaming.Window, num_readers: int) -> int:
        """Returns the batches of an epoch, without reading the window."""
        counts = [self._counts[number] for number in window.shards]
        size = self._batch_size(num_readers)
        if not self._is_sliced:
            return -(-sum(one.examples for one in counts) // size)
        length = self._config.slice_length
        slices = inputs.num_slices(sum(one.watches for one in counts), length)
        return -(-slices // max(1, size // length))

    def open(
        self, window: streaming.Window, num_readers: int
    ) -> "inputs.SliceBatches | drawn_labels.DrawnBatches":
        """Reads a window."""
        shards = [self._data.log.shards[number] for number in window.shards]
        log = tower_inputs.open_log(
            self._read, self._data.with_log(self._data.log.window(shards))
        )
        config = self._config
        if self._is_sliced:
            batches = inputs.FewSlices if self._are_few else inputs.SliceBatches
            return batches(
                log=log,
                batch_size=self._batch_size(num_readers),
                slice_length=config.slice_length,
                history_length=config.context_length,
                search_length=config.search_length,
                seed=self._seed,
                stream=window.stream,
            )
        from ytdnn.log import drawn_labels

        return drawn_labels.DrawnBatches(
            log=log,
            batch_size=self._batch_size(num_readers),
            history_length=config.history_length,
            search_length=config.search_length,
            per_user=config.label.examples_per_user,
            held_out=isinstance(config.label, configs.HeldOutWatchConfig),
            seed=self._seed,
            stream=window.stream,
            runs=self._runs(window) if window.stream else (),
        )

    @property
    def _is_sliced(self) -> bool:
        label = self._config.label
        return (
            isinstance(label, configs.NextWatchConfig) and not label.examples_per_user
        )

    def _batch_size(self, num_readers: int) -> int:
        return max(1, self._config.training.batch_size // num_readers)

    def _runs(self, window: streaming.Window) -> "tuple[drawn_labels.LabelRange, ...]":
        """Returns the ranges of the window's labels among all labels."""
        from ytdnn.log import drawn_labels

        sizes = [one.labels for one in self._counts]
        firsts = np.cumsum([0, *sizes]).tolist()
        return tuple(
            drawn_labels.LabelRange(firsts[n], sizes[n]) for n in window.shards
        )

    @functools.cached_property
    def _counts(self) -> list[_Counts]:
        """Passes over the shards once."""
        per_user = self._config.label.examples_per_user
        found = []
        for shard in self._data.log.shards:
            watches = shard.read().watches
            is_label = inputs.are_labels(watches, self._data.vocabulary_size)
            labels = np.bincount(watches.users[is_label], minlength=1)
            drawn = np.minimum(labels, per_user) if per_user else labels
            sums = int(labels.sum()), int(drawn.sum())
            found.append(_Counts(len(watches), *sums))
        return found
