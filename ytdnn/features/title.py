"""The words of the video's title (PAPER §4.1: embeddings of whatever is categorical).

Tokens are those of searches: unigrams and bigrams, in no order. The vocabulary has the
tokens in at least two titles of trained videos; later videos add no tokens.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.features import base_feature, encodings
from ytdnn.layers import embeddings
from ytdnn.log import catalogues, positions, prepared, tokens

MAX_TOKENS = 16  # of a title; what follows is not read
MAX_VALUES = 100_000  # the most frequent ones
_FEWEST_TITLES = 2  # the word of a single title tells nothing of another
_TITLES_A_STEP = 1 << 16
_VIDEO, _TOKEN = "video", "token"


class Title(encodings.Categorical, base_feature.ReadAtRequest):
    """The tokens of the video's title, as indices `[..., 16] int32`."""

    name = schema.TITLE
    scope = base_feature.Scope.VIDEO
    columns = ("videos.title",)
    networks = default_in = frozenset({base_feature.CONTENT})
    inner_shape = (MAX_TOKENS,)

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns the number of tokens in the vocabulary."""
        return len(vocabulary(data))

    def known_values(self, data: prepared.PreparedData) -> list[str]:
        """Returns the tokens of the vocabulary."""
        return vocabulary(data)

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each title has a token of the vocabulary."""
        return tf.reduce_any(values > 0, axis=-1)

    def open_log(self, log: positions.LogTensors) -> positions.Reader:
        """Gathers by video."""
        with tf.device("CPU"):
            rows = tf.constant(_rows(log.data))
        return lambda at: tf.gather(rows, at.videos)

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Gathers by video."""
        return base_feature.RowsOfVideos(_rows(data))

    def encoder(
        self,
        measured: base_feature.Measured,
        stddev: float,
        normalization: configs.Normalization = base_feature.QUANTILES,
    ) -> tf.keras.layers.Layer:
        """Returns the average of the tokens' embeddings."""
        del normalization
        dim = self.dim or measured.dim or encodings.embedding_dim(measured.num_values)
        return embeddings.BagTable(measured.num_values, dim, stddev, name=self.name)


def vocabulary(data: prepared.PreparedData) -> list[str]:
    """Returns the vocabulary of title tokens in order."""
    return _kept(data)[0]


def _rows(data: prepared.PreparedData) -> npt.NDArray[np.int32]:
    """Returns the vocabulary's tokens of each video, row 0 empty, padded with 0."""
    return _kept(data)[1]


def _kept(data: prepared.PreparedData) -> tuple[list[str], npt.NDArray[np.int32]]:
    return data.once(Title, lambda: _made(data.catalogue))


def _made(catalogue: catalogues.Catalogue) -> tuple[list[str], npt.NDArray[np.int32]]:
    titles = _tokenised(catalogue)
    known = _most_frequent(titles.filter(pl.col(_VIDEO) <= catalogue.vocabulary_size))
    return known, _indices(titles, known, catalogue.num_videos)


def _most_frequent(titles: pl.DataFrame) -> list[str]:
    counts = titles.unique().group_by(_TOKEN).len()
    counts = counts.filter(pl.col("len") >= _FEWEST_TITLES)
    frequent = counts.sort("len", _TOKEN, descending=[True, False]).head(MAX_VALUES)
    found: list[str] = frequent[_TOKEN].sort().to_list()
    return found


def _indices(
    titles: pl.DataFrame, known: list[str], num_videos: int
) -> npt.NDArray[np.int32]:
    vocabulary = pl.DataFrame({_TOKEN: known}, schema={_TOKEN: pl.String})
    vocabulary = vocabulary.with_row_index("index", offset=1)
    found = titles.join(vocabulary, on=_TOKEN, maintain_order="left")
    place = pl.int_range(pl.len()).over(_VIDEO)
    found = found.with_columns(place.alias("place"))
    found = found.filter(pl.col("place") < MAX_TOKENS)
    rows = np.zeros((num_videos + 1, MAX_TOKENS), np.int32)
    rows[found[_VIDEO].to_numpy(), found["place"].to_numpy()] = found["index"]
    return rows


def _tokenised(catalogue: catalogues.Catalogue) -> pl.DataFrame:
    """Returns the tokens of all titles in order, with the index of the video."""
    titles = catalogue.videos[schema.TITLE].cast(pl.String).fill_null("")
    parts = [pl.DataFrame(schema={_VIDEO: pl.Int64, _TOKEN: pl.String})]
    for start in range(0, len(titles), _TITLES_A_STEP):
        part = titles[start : start + _TITLES_A_STEP]
        found = tokens.tokenise(tf.constant(part.to_list(), tf.string))
        texts = [token.decode() for token in found.values.numpy().tolist()]
        videos = 1 + start + found.value_rowids().numpy()
        parts.append(
            pl.DataFrame({_VIDEO: videos, _TOKEN: texts}, schema=parts[0].schema)
        )
    return pl.concat(parts)


FEATURES = (Title(),)
