"""Searches to arrays of token indices (PAPER §3.3), in bounded memory.

When a shard is counted, the tokens of its searches are written as text into a file.
After all shards, the most frequent tokens of training contexts become the vocabulary,
and each file is turned into arrays of indices. A search without a word ("!!!") is left
out and counted; tokens out of the vocabulary are left out too.
"""

import pathlib
from collections.abc import Iterable

import numpy as np
import polars as pl

from ytdnn.base import configs, schema
from ytdnn.log import prepared, shard_arrays

_TOKENS = "tokens"  # of one search, several times if they are in it several times
_JOINED = "joined"
_IN_TRAINING = "in_training"
_COUNT = prepared.TRAIN_COUNT
_QUERIES_A_STEP = 1 << 16
_TOKENS_A_COUNT = 5_000_000  # counted at a time, to bound memory
_NEWLINE = "\n"  # in no token


def with_tokens(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns the searches with a word, sorted by (user, time, row).

    Args:
      frame: `shard_arrays.USER`, time, `shard_arrays.ROW` and query.

    Returns:
      `shard_arrays.USER`, time, query and the search's tokens, a list of text.
    """
    queries = frame[schema.QUERY].unique(maintain_order=True)
    joined = [
        text.decode()
        for part in queries.to_frame().iter_slices(_QUERIES_A_STEP)
        for text in _join(part[schema.QUERY].to_list())
    ]
    tokens_of_query = pl.DataFrame(
        {schema.QUERY: queries, _JOINED: pl.Series(joined, dtype=pl.String)}
    )
    tokens_of_query = tokens_of_query.filter(pl.col(_JOINED) != "")
    rows = frame.join(tokens_of_query, on=schema.QUERY).sort(
        [shard_arrays.USER, schema.TIME, shard_arrays.ROW]
    )
    split = pl.col(_JOINED).str.split(_NEWLINE).alias(_TOKENS)
    return rows.select(shard_arrays.USER, schema.TIME, schema.QUERY, split)


def _join(queries: list[str]) -> Iterable[bytes]:
    """Returns the tokens of each query as one text."""
    # A log without searches is prepared, by many processes even, without TensorFlow.
    import tensorflow as tf

    from ytdnn.log import tokens

    tokens_of_query = tokens.tokenise(tf.constant(queries, tf.string))
    joined = tf.strings.reduce_join(tokens_of_query, axis=1, separator=_NEWLINE)
    return iter(joined.numpy())


def write_tokens(
    rows: pl.DataFrame, in_training: np.ndarray, path: pathlib.Path
) -> None:
    """Writes a shard's searches with their tokens as text, until all are counted.

    Args:
      rows: Searches from `with_tokens`.
      in_training: `[searches] bool`, whether a training context has the search.
      path: Path of a Parquet file.
    """
    rows.with_columns(pl.Series(_IN_TRAINING, in_training)).write_parquet(path)


def vocabulary(paths: list[pathlib.Path], config: configs.DataConfig) -> pl.DataFrame:
    """Returns the vocabulary of tokens, most frequent first; row i has index i + 1.

    Tokens are counted in parts by their hash, in the memory of one part.

    Args:
      paths: Files of `write_tokens`.
      config: Bounds of the vocabulary.
    """
    if not paths:
        return pl.DataFrame(schema={prepared.TOKEN: pl.String, _COUNT: pl.Int64})
    rows = pl.scan_parquet(paths).filter(pl.col(_IN_TRAINING))
    size = rows.select(pl.col(_TOKENS).list.len().sum()).collect(engine="streaming")
    num_parts = max(1, -(-int(size.item() or 0) // _TOKENS_A_COUNT))
    token = pl.col(_TOKENS).list.explode().alias(prepared.TOKEN)
    order = [-pl.col(_COUNT), pl.col(prepared.TOKEN)]
    best = []
    for part in range(num_parts):
        counts = (
            rows.select(token)
            .filter(pl.col(prepared.TOKEN).hash() % num_parts == part)
            .group_by(prepared.TOKEN)
            .agg(pl.len().cast(pl.Int64).alias(_COUNT))
            .filter(pl.col(_COUNT) >= config.min_search_token_count)
            .sort(order)
            .head(config.max_search_tokens)
        )
        best.append(counts.collect(engine="streaming"))
    return pl.concat(best).sort(order).head(config.max_search_tokens)


def token_arrays(rows: pl.DataFrame, known: pl.DataFrame) -> shard_arrays.Arrays:
    """Returns `search_tokens` and `search_token_offsets` of a shard's searches.

    Args:
      rows: Searches with `_TOKENS` that `write_tokens` wrote.
      known: Vocabulary from `vocabulary`.
    """
    indices = known.select(
        prepared.TOKEN, pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("index")
    )
    flat = (
        rows.select(pl.col(_TOKENS).alias(prepared.TOKEN))
        .with_row_index("search")
        .explode(prepared.TOKEN)
        .join(indices, on=prepared.TOKEN, maintain_order="left")
    )
    sizes = np.bincount(flat["search"].to_numpy(), minlength=rows.height)
    offsets = np.append(0, np.cumsum(sizes)).astype(np.int64)
    return {
        "search_tokens": flat["index"].to_numpy(),
        "search_token_offsets": offsets,
    }
