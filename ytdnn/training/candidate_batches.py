"""The training batches of the candidate model, from one shard window or from many."""

import functools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs
from ytdnn.candidates import tower_inputs
from ytdnn.log import inputs, prepared, streaming

if TYPE_CHECKING:
    from ytdnn.log import drawn_labels


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

    def steps(self, window: streaming.Window) -> int:
        """Returns the batches of an epoch, without reading the window."""
        watches, _, examples = self._counts[list(window.shards)].sum(axis=0).tolist()
        size, length = self._config.training.batch_size, self._config.slice_length
        if not self._is_sliced:
            return -(-examples // size)
        return -(-inputs.num_slices(watches, length) // max(1, size // length))

    def open(
        self, window: streaming.Window
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
        return drawn_labels.DrawnBatches(
            log=log,
            batch_size=config.training.batch_size,
            history_length=config.history_length,
            search_length=config.search_length,
            per_user=config.label.examples_per_user,
            held_out=isinstance(config.label, configs.HeldOutWatchConfig),
            seed=self._seed,
            stream=window.stream,
            runs=tuple(ranges) if window.stream else (),
        )

    @property
    def _is_sliced(self) -> bool:
        label = self._config.label
        return (
            isinstance(label, configs.NextWatchConfig) and not label.examples_per_user
        )

    @functools.cached_property
    def _counts(self) -> npt.NDArray[np.int64]:
        """Watches, possible labels and drawn labels of each shard, `[shards, 3]`."""
        per_user = self._config.label.examples_per_user
        counts = []
        for shard in self._data.log.shards:
            watches = shard.read().watches
            is_label = inputs.are_labels(watches, self._data.vocabulary_size)
            labels = np.bincount(watches.users[is_label], minlength=1)
            drawn = np.minimum(labels, per_user) if per_user else labels
            counts.append((len(watches), int(labels.sum()), int(drawn.sum())))
        return np.array(counts, np.int64)
