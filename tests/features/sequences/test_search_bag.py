import numpy as np
import tensorflow as tf

from tests.features.sequences import contract
from ytdnn.base import schema
from ytdnn.features.sequences import search_bag
from ytdnn.log import prepared


class TestSearchBag(contract.EncoderContract):
    rows = schema.SEARCH_TOKENS

    def make(self, data: prepared.PreparedData) -> search_bag.SearchBag:
        return search_bag.SearchBag(contract.CONFIG, data.catalogue.tokens.height)

    def size(self, data: prepared.PreparedData) -> int:
        return data.catalogue.tokens.height


def test_it_is_the_average_of_each_positions_own_tokens(
    data: prepared.PreparedData,
) -> None:
    encoder = search_bag.SearchBag(contract.CONFIG, data.catalogue.tokens.height)
    features = contract.batch(data)
    (found,) = encoder(features)
    table = encoder.tokens.table.numpy()
    tokens = features[schema.SEARCH_TOKENS].numpy()
    for row, position in np.ndindex(3, 5):
        first, end = (
            int(features[name][row, position])
            for name in (schema.FIRST_TOKENS, schema.END_TOKENS)
        )
        known = tokens[row, first:end]
        known = known[known > 0]
        expected = table[known].mean(axis=0) if len(known) else np.zeros(contract.DIM)
        np.testing.assert_allclose(found[row, position], expected, atol=1e-6)


def test_the_order_of_searches_is_lost(data: prepared.PreparedData) -> None:
    """On purpose (PAPER §3.4)."""
    encoder = search_bag.SearchBag(contract.CONFIG, 9)
    tokens = tf.constant([[3, 5, 5, 9]])
    ends = {schema.FIRST_TOKENS: [[0]], schema.END_TOKENS: [[4]]}
    features = {name: tf.constant(value) for name, value in ends.items()}
    forwards, backwards = (
        encoder(features | {schema.SEARCH_TOKENS: rows})[0]
        for rows in (tokens, tokens[:, ::-1])
    )
    np.testing.assert_allclose(forwards, backwards, atol=1e-7)
