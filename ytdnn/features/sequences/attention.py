"""The watch history under causal attention: SASRec's and HSTU's (docs/encoders.md)."""

from typing import Any

import tensorflow as tf

from ytdnn.base import configs, registries
from ytdnn.features.sequences import sequence
from ytdnn.layers import attention, randomness


class _Attention(sequence.SequenceEncoder):
    """Embeddings, stacked attention blocks, and a layer norm."""

    block: type[tf.keras.layers.Layer]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Creates the blocks; see `sequence.SequenceEncoder`."""
        super().__init__(*args, **kwargs)
        own = self.own_config
        self.blocks = [
            self.block(
                own.num_heads,
                self.config.history_length,
                own.dropout,
                self.config.precision,
                name=f"block_{depth}",
            )
            for depth in range(own.num_blocks)
        ]
        self.norm = tf.keras.layers.LayerNormalization(epsilon=1e-6, name="norm")

    def states(self, history: sequence.History, seed: tf.Tensor | None) -> tf.Tensor:
        """Returns the rows under the blocks."""
        seeds = [None] * (len(self.blocks) + 1)
        if seed is not None:
            seeds = [randomness.fold(seed, i) for i in range(len(seeds))]
        rows = history.rows * self.dim**0.5
        rows = randomness.dropout(rows, self.own_config.dropout, seeds[-1])
        shared = self._shared(history)
        for block, own in zip(self.blocks, seeds, strict=False):
            rows = block(rows, *shared, own)
        return self.norm(rows)

    def _shared(self, history: sequence.History) -> tuple[tf.Tensor | None, ...]:
        """Returns the arguments that every block of the encoder shares."""
        return (history.mask,)


@registries.ENCODERS.register("self_attention", configs.SelfAttentionConfig)
class SelfAttention(_Attention):
    """Causal self-attention."""

    block = attention.SelfAttentionBlock


@registries.ENCODERS.register("hstu", configs.HSTUConfig)
class HSTU(_Attention):
    """Pointwise gated attention with biases by distance and time.

    The time between two watches counts from the later one. Where the time of the
    request is read, it counts from the event after the later watch: the next watch, or
    the request.
    """

    block = attention.GatedAttention

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Creates the blocks; see `sequence.SequenceEncoder`."""
        super().__init__(*args, **kwargs)
        self.reads_times = self.own_config.time_bias

    def _shared(self, history: sequence.History) -> tuple[tf.Tensor | None, ...]:
        if not self.reads_times:
            return history.mask, None
        asked = history.times if history.next_times is None else history.next_times
        return history.mask, attention.time_buckets(asked, history.times)
