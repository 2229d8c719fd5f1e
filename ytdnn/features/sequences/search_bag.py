"""Searches as one average of the embeddings of their tokens (PAPER §3.3, §3.4).

The bag is unordered on purpose: if the network saw which search was the last, it would
only reproduce that search's results.
"""

from typing import Any

import tensorflow as tf

from ytdnn.base import configs, schema
from ytdnn.features import feature_choice
from ytdnn.layers import bags, embeddings, randomness
from ytdnn.log import io_fields, lookups, prepared, raw_request, tokens


class SearchBag(feature_choice.Encoder):
    """The average embedding of the tokens of recent searches."""

    num_bags = 1

    def __init__(
        self, config: configs.CandidatesConfig, num_tokens: int, **kwargs: Any
    ) -> None:
        """Creates the encoder.

        Args:
          config: Sizes.
          num_tokens: Number of search tokens in the vocabulary.
          **kwargs: Arguments of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.config = config
        self._length = config.search_length
        self.tokens = embeddings.EmbeddingTable(
            num_tokens, config.embedding_dim, name="search_tokens"
        )
        self.bag = bags.TokenBag(config.history_dropout, name="token_bag")

    @property
    def tables(self) -> list[tf.Variable]:  # type: ignore[override]
        """The table of search tokens."""
        return [self.tokens.table]

    def call(
        self, features: feature_choice.Tensors, seed: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Returns the average."""
        rows = features[schema.SEARCH_TOKENS]
        average = self.bag(
            self.tokens(rows),
            self.tokens.known(rows),
            features[schema.FIRST_TOKENS],
            features[schema.END_TOKENS],
            randomness.substream(seed, randomness.RandomStream.TOKEN_BAG),
        )
        return [average]

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the field of search texts."""
        return (io_fields.queries(),)

    def open_request(
        self, catalogue: prepared.Catalogue
    ) -> feature_choice.SequenceReader:
        """Returns the reader of the last searches' tokens."""
        return _LastSearches(self._length, catalogue)


class _LastSearches(feature_choice.SequenceReader):
    def __init__(self, length: int, catalogue: prepared.Catalogue) -> None:
        super().__init__()
        self._length = length
        tokens = catalogue.tokens[prepared.TOKEN].to_list()
        self._tokens = lookups.TextVocabulary(tokens)

    def __call__(self, request: raw_request.Request) -> feature_choice.Tensors:
        """Returns the tokens of the last searches that have a word."""
        queries = self._last_columns(request.raw[schema.QUERIES])
        words = tokens.tokenise(tf.reshape(queries, [-1]))
        sizes = tf.reshape(words.row_lengths(), tf.shape(queries))
        from_here_on = tf.cumsum(tf.cast(sizes > 0, tf.int32), axis=1, reverse=True)
        is_recent = tf.reshape(from_here_on <= self._length, [-1])
        is_recent = tf.repeat(is_recent, words.row_lengths())
        indices = self._tokens.indices(words.values)
        indices = tf.where(is_recent, indices, tf.zeros_like(indices))
        rows = tf.RaggedTensor.from_row_lengths(
            indices, tf.reduce_sum(sizes, axis=1), validate=False
        ).to_tensor(0)
        first = tf.zeros([tf.shape(rows)[0], 1], tf.int32)
        return {
            schema.SEARCH_TOKENS: rows,
            schema.FIRST_TOKENS: first,
            schema.END_TOKENS: first + tf.shape(rows)[1],
        }

    def _last_columns(self, queries: tf.Tensor) -> tf.Tensor:
        """Drops the first columns `[batch, n]` without any of the last searches.

        Only the remaining queries are tokenised, which saves time for a long history.
        """
        have_words = tf.cast(tokens.surely_have_words(queries), tf.int32)
        words_after = tf.cumsum(have_words, axis=1, exclusive=True, reverse=True)
        may_be_last = (queries != "") & (words_after < self._length)
        size = tf.shape(queries)[1]
        is_read = tf.reduce_any(may_be_last, axis=0)
        return queries[:, tf.reduce_min(tf.where(is_read, tf.range(size), size)) :]
