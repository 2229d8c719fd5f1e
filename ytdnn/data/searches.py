"""Searches to arrays of token indices (PAPER §3.3), in bounded memory.

The tokens of a shard's searches are first kept as text in a file of their own. When
all shards are done, training contexts have been seen whole: their most frequent
tokens become the vocabulary, and the files become arrays of indices. A search without
a word ("!!!") is left out and counted; tokens out of the vocabulary are left out too.
"""

import pathlib
from collections.abc import Iterable

import numpy as np
import polars as pl
import tensorflow as tf

from ytdnn import configs, schema
from ytdnn.data import array_files, prepared, shards
from ytdnn.layers import tokens

_TOKENS = "tokens"  # of one search, several times if they are in it several times
_JOINED = "joined"
_IN_TRAINING = "in_training"
_QUERIES_A_STEP = 1 << 16
_TOKENS_A_COUNT = 5_000_000
_NEWLINE = "\n"  # in no token


def with_tokens(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns the searches that have a word, sorted by (user, time, row).

    Args:
      frame: `shards.USER`, time, `shards.ROW` and query.

    Returns:
      `shards.USER`, time, query and the search's tokens, a list of text.
    """
    queries = frame[schema.QUERY].unique(maintain_order=True)
    joined = [
        text.decode()
        for part in queries.to_frame().iter_slices(_QUERIES_A_STEP)
        for text in _join(part[schema.QUERY].to_list())
    ]
    found = pl.DataFrame(
        {schema.QUERY: queries, _JOINED: pl.Series(joined, dtype=pl.String)}
    )
    found = found.filter(pl.col(_JOINED) != "")
    rows = frame.join(found, on=schema.QUERY).sort(
        [shards.USER, schema.TIME, shards.ROW]
    )
    split = pl.col(_JOINED).str.split(_NEWLINE).alias(_TOKENS)
    return rows.select(shards.USER, schema.TIME, schema.QUERY, split)


def _join(queries: list[str]) -> Iterable[bytes]:
    """Returns the tokens of each query as one text."""
    found = tokens.tokenise(tf.constant(queries, tf.string))
    joined = tf.strings.reduce_join(found, axis=1, separator=_NEWLINE)
    return iter(joined.numpy())


class TokenFiles:
    """The tokens of all searches as text, a file for each shard.

    Attributes:
      num_left_out: Searches without a word.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        """Makes `directory`, which `write` removes again."""
        directory.mkdir()
        self._directory = directory
        self._files: list[pathlib.Path] = []
        self._num_tokens = 0
        self.num_left_out = 0

    def add(
        self, num_searches: int, rows: pl.DataFrame, in_training: np.ndarray
    ) -> None:
        """Keeps a shard's searches.

        Args:
          num_searches: Of the shard, those without a word too.
          rows: As of `with_tokens`.
          in_training: `[searches] bool`, whether a training context has it.
        """
        path = self._directory / f"{len(self._files):06d}.parquet"
        kept = rows.select(schema.QUERY, _TOKENS, pl.Series(_IN_TRAINING, in_training))
        kept.write_parquet(path)
        self._files.append(path)
        self.num_left_out += num_searches - rows.height
        self._num_tokens += int(kept[_TOKENS].list.len().sum())

    def write(self, config: configs.Data, directory: pathlib.Path) -> int:
        """Writes what a prepared set has of searches, and removes the files.

        These are the arrays `search_tokens` and `search_token_offsets`, the vocabulary
        (most frequent first; row i has index i + 1), and the queries as typed.

        Args:
          config: Bounds of the vocabulary.
          directory: Of the prepared set.

        Returns:
          The size of the vocabulary.
        """
        vocabulary = self._vocabulary(config)
        vocabulary.write_parquet(directory / prepared.TOKENS_FILE)
        queries = pl.scan_parquet(self._files).select(schema.QUERY)
        queries.sink_parquet(directory / prepared.QUERIES_FILE)
        self._write_arrays(vocabulary, directory / prepared.ARRAYS)
        for path in self._files:
            path.unlink()
        self._directory.rmdir()
        return vocabulary.height

    def _write_arrays(self, vocabulary: pl.DataFrame, directory: pathlib.Path) -> None:
        indices = vocabulary.select(
            prepared.TOKEN, pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("index")
        )
        writers = array_files.Appenders(directory)
        writers.append({"search_token_offsets": np.zeros(1, np.int64)})
        written = 0
        for path in self._files:
            found, sizes = _encode(pl.read_parquet(path), indices)
            offsets = written + np.cumsum(sizes, dtype=np.int64)
            writers.append({"search_tokens": found, "search_token_offsets": offsets})
            written += len(found)
        writers.close()

    def _vocabulary(self, config: configs.Data) -> pl.DataFrame:
        """Counts tokens a part of their hashes at a time: memory follows the part."""
        rows = pl.scan_parquet(self._files).filter(pl.col(_IN_TRAINING))
        token = pl.col(_TOKENS).list.explode().alias(prepared.TOKEN)
        num_parts = -(-self._num_tokens // _TOKENS_A_COUNT)
        order = [-pl.col(prepared.TRAIN_COUNT), pl.col(prepared.TOKEN)]
        best = []
        for part in range(max(1, num_parts)):
            counts = (
                rows.select(token)
                .filter(pl.col(prepared.TOKEN).hash() % max(1, num_parts) == part)
                .group_by(prepared.TOKEN)
                .agg(pl.len().cast(pl.Int64).alias(prepared.TRAIN_COUNT))
                .filter(pl.col(prepared.TRAIN_COUNT) >= config.min_search_token_count)
                .sort(order)
                .head(config.max_search_tokens)
            )
            best.append(counts.collect(engine="streaming"))
        return pl.concat(best).sort(order).head(config.max_search_tokens)


def _encode(rows: pl.DataFrame, indices: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Returns the known tokens of some searches, and how many each search has."""
    flat = (
        rows.select(pl.col(_TOKENS).alias(prepared.TOKEN))
        .with_row_index("search")
        .explode(prepared.TOKEN)
        .join(indices, on=prepared.TOKEN, maintain_order="left")
    )
    sizes = np.bincount(flat["search"].to_numpy(), minlength=rows.height)
    return flat["index"].to_numpy(), sizes
