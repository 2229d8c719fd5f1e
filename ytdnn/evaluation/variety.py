"""Metrics of the variety of a model's lists, at the shortest length of a report."""

import numpy as np
import numpy.typing as npt

from ytdnn.base import errors, schema
from ytdnn.base.metrics import catalogue, diversity, metric_names
from ytdnn.evaluation import lists, report_model, summary
from ytdnn.log import prepared
from ytdnn.retrieval import attributes


class Variety:
    """Measures lists of a prepared set's videos.

    Attributes:
      by: Column that videos are compared by; empty: the log has no such column.
    """

    def __init__(self, data: prepared.PreparedData, by: str = "") -> None:
        """Chooses the column to compare videos by.

        Args:
          data: The prepared set.
          by: Column of videos; empty: the first one of vectors, else the topic, else
            the channel.

        Raises:
          errors.UserError: There is no such column.
        """
        self._data = data
        self._made: dict[str, npt.NDArray[np.int32]] = {}
        of_vectors = data.catalogue.vectors.in_table(schema.VIDEOS)
        of_values = [c for c in data.videos.columns if c not in prepared.MADE_COLUMNS]
        self.by = by or next(
            (
                name
                for name in (*of_vectors, schema.TOPIC, schema.CHANNEL_ID)
                if name in (*of_vectors, *of_values)
            ),
            "",
        )
        if self.by and self.by not in (*of_vectors, *of_values):
            raise errors.UserError(
                f"expected evaluation.similarity_by to be a column of videos "
                f"({', '.join([*of_values, *of_vectors])}), received {by}"
            )

    def per_user(
        self, found: lists.Lists, watches: npt.NDArray[np.float64], k: int
    ) -> summary.PerUser:
        """Returns the metrics of each list.

        Args:
          found: `[cases, length] int32`.
          watches: `[num_videos + 1]` training watches by catalogue index.
          k: Length at which lists are cut.
        """
        novelty = diversity.novelty(found, watches, k)
        values = {metric_names.at(metric_names.NOVELTY, k): novelty}
        if k < 2:
            return values  # of one video there is no pair
        if self.by in self._data.catalogue.vectors.widths:
            vectors = self._data.catalogue.vectors.rows(self.by)
            similar = diversity.similarity_of_vectors(found, vectors, k)
        elif self.by:
            similar = diversity.similarity_of_values(found, self._codes(self.by), k)
        else:
            return values
        return values | {metric_names.at(metric_names.SIMILARITY, k): similar}

    def of_all(
        self, listed: lists.Lists, num_listed: int, num_videos: int, k: int
    ) -> report_model.Entry:
        """Returns the metrics of all lists together.

        Args:
          listed: `[cases, length] int32` of videos that lists can hold.
          num_listed: Number of videos that lists can hold, the first ones of the
            catalogue.
          num_videos: Number of videos of the candidate set.
          k: Length at which lists are cut.
        """
        index, low, high = diversity.gini(listed, num_videos, k)
        values = {metric_names.at(metric_names.GINI, k): index}
        intervals = {metric_names.at(metric_names.GINI, k): (low, high)}
        for metric, column in metric_names.COVERAGES.items():
            if column not in self._data.videos.columns:
                continue
            codes = self._codes(column)
            number = len(np.setdiff1d(codes[1 : num_listed + 1], [0]))
            cut = diversity.of_values(listed[:, :k], codes)
            share, *interval = catalogue.coverage(cut, number, k)
            values[metric_names.at(metric, k)] = share
            intervals[metric_names.at(metric, k)] = (interval[0], interval[1])
        return report_model.Entry(values=dict(values), intervals=dict(intervals))

    def _codes(self, column: str) -> npt.NDArray[np.int32]:
        """Returns the value of each video as a code, `[num_videos + 1]`."""
        if column not in self._made:
            codes = attributes.codes(self._data.videos[column])
            self._made[column] = np.append(np.int32(0), codes)
        return self._made[column]
