"""The catalogue of a prepared set: its videos, and the vocabularies of their log.

The *catalogue* is every video of the log; the *vocabulary* is the videos with a trained
id embedding, which come first: catalogue indices 1 … vocabulary_size. So the index
tells whether a video has an embedding, and a video without one has an index, a row of
`videos` and all other features.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import schema

if TYPE_CHECKING:
    from ytdnn.log import outcomes
    from ytdnn.log import vectors as log_vectors

VIDEOS_FILE = "videos.parquet"
TOKENS_FILE = "tokens.parquet"
VOCABULARIES_FILE = "vocabularies.json"
TRAIN_COUNT = "train_count"
TOKEN = "token"


def new_indices(order: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """Returns the new index of each catalogue index, 0 of 0, after a change of order.

    >>> new_indices(np.array([1, 0]))
    array([0, 2, 1], dtype=int32)

    Args:
      order: `[num_videos]` rows of the old catalogue in the new order.
    """
    indices = np.zeros(len(order) + 1, np.int32)
    indices[order + 1] = np.arange(1, len(order) + 1)
    return indices


def first_texts(values: pl.Series) -> pl.Series:
    """Returns values as text; of several values of a video the first."""
    values = values.list.first() if values.dtype == pl.List else values
    return values.cast(pl.String)


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """The videos of a log, its search tokens and values of text columns.

    Attributes:
      directory: Directory of the prepared set.
      facts: Facts of its manifest.
      videos: `video_id`, the log's other columns, own ones too, and `train_count`; row
        i has index i + 1.
      tokens: Search tokens `token` and `train_count`; row i has index i + 1. Without
        rows if the log has no searches.
      vocabularies: Values of text columns of events; value i has index i + 1.
      num_added: Number of videos at the end that were added after `prepare`.
    """

    directory: pathlib.Path
    facts: Mapping[str, Any]
    videos: pl.DataFrame
    tokens: pl.DataFrame
    vocabularies: dict[str, list[str]]
    num_added: int = 0
    _added_vectors: "Mapping[str, log_vectors.Rows] | None" = None

    @property
    def num_videos(self) -> int:
        """Number of videos."""
        return self.videos.height

    @property
    def num_prepared(self) -> int:
        """Number of prepared videos, without added ones."""
        return self.num_videos - self.num_added

    @property
    def vocabulary_size(self) -> int:
        """Number of videos with an id embedding: the first ones."""
        return int(self.facts["vocabulary"])

    @property
    def columns(self) -> frozenset[str]:
        """The columns the log has, as "table.column", own ones included."""
        return frozenset(self.facts["log_columns"])

    @property
    def has_searches(self) -> bool:
        """Whether the log has searches with words of training contexts."""
        return self.tokens.height > 0

    @functools.cached_property
    def outcomes(self) -> "tuple[outcomes.Outcome, ...]":
        """Outcomes of impressions, in the order of their array."""
        from ytdnn.log import outcomes

        known = self.facts.get(outcomes.FACT, ())
        return tuple(outcomes.Outcome(**outcome) for outcome in known)

    @functools.cached_property
    def listed_from(self) -> np.ndarray:
        """Time from which on each video may be in a list, `[num_videos] int64` seconds.

        A video of the vocabulary, or of unknown upload time, may always be listed; a
        new one from its upload on.
        """
        always = np.iinfo(np.int64).min
        listed = np.full(self.num_videos, always)
        if schema.UPLOAD_TIME in self.videos.columns:
            known = self.videos[schema.UPLOAD_TIME].cast(pl.Int64).fill_null(always)
            listed[self.vocabulary_size :] = known.to_numpy()[self.vocabulary_size :]
        return listed

    @functools.cached_property
    def vectors(self) -> "log_vectors.Vectors":
        """The log's vectors of users and videos, stored apart from the tables."""
        from ytdnn.log import vectors as log_vectors

        return log_vectors.Vectors(self.directory, self.facts, self._added_vectors)

    def with_videos(self, added: pl.DataFrame) -> "Catalogue":
        """Returns the catalogue with later videos (see `videos`) at its end."""
        videos = pl.concat([self.videos, added.select(self.videos.columns)])
        number, more = self.num_added + added.height, self.vectors.extended(added)
        return dataclasses.replace(
            self, videos=videos, num_added=number, _added_vectors=more
        )


def read(directory: pathlib.Path, facts: Mapping[str, Any]) -> Catalogue:
    """Reads the catalogue of a prepared set.

    Args:
      directory: The artefact.
      facts: Facts of its manifest.
    """
    return Catalogue(
        directory=directory,
        facts=facts,
        videos=pl.read_parquet(directory / VIDEOS_FILE),
        tokens=_read_tokens(directory / TOKENS_FILE),
        vocabularies=json.loads((directory / VOCABULARIES_FILE).read_text()),
    )


def _read_tokens(path: pathlib.Path) -> pl.DataFrame:
    if path.exists():
        return pl.read_parquet(path)
    return pl.DataFrame(schema={TOKEN: pl.String, TRAIN_COUNT: pl.Int64})
