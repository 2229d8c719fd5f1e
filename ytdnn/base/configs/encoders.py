"""Settings of the encoders of the watch history (docs/encoders.md)."""

from typing import Literal

from ytdnn.base.configs import components


@components.validated
class BagsConfig:
    """Averages of the history (PAPER §3.2).

    `bags`, `decay_rates` and `learned_bags` of the candidates choose them.
    """

    kind: Literal["bags"] = "bags"


@components.validated
class SelfAttentionConfig:
    """Causal self-attention (SASRec: Kang and McAuley, 2018).

    Attributes:
      num_blocks: Number of stacked blocks.
      num_heads: Number of heads of a block, which share the embedding's width.
      dropout: Share of the embeddings' coordinates, and of each block's output, dropped
        in training.
      beside_bags: Whether bags are used as well; the vectors are concatenated.
    """

    num_blocks: components.Positive = 2
    num_heads: components.Positive = 2
    dropout: components.Fraction = 0.2
    beside_bags: bool = False
    kind: Literal["self_attention"] = "self_attention"


@components.validated
class HSTUConfig:
    """Pointwise gated attention with biases by position and time (Zhai et al., 2024).

    With the feature `request_time` the time of the request is read too.

    Attributes:
      num_blocks: Number of stacked blocks.
      num_heads: Number of heads of a block, which share the embedding's width.
      dropout: Share of the embeddings' coordinates, and of each block's output, dropped
        in training.
      time_bias: Whether the time between two watches counts, and so `watch_times`
        are read.
      beside_bags: Whether bags are used as well; the vectors are concatenated.
    """

    num_blocks: components.Positive = 2
    num_heads: components.Positive = 2
    dropout: components.Fraction = 0.2
    time_bias: bool = True
    beside_bags: bool = False
    kind: Literal["hstu"] = "hstu"


@components.validated
class OwnEncoderConfig:
    """An encoder of the user's own, a class in a Python file (docs/encoders.md).

    Attributes:
      file: The file; the trained model keeps a copy of it.
      beside_bags: Whether bags are used as well; the vectors are concatenated.
    """

    file: str = ""
    beside_bags: bool = False
    kind: Literal["own"] = "own"


@components.validated
class EncoderExtension(components.Extension):
    """Base class of the settings of an encoder that a file or a package registers.

    Attributes:
      beside_bags: Whether bags are used as well; the vectors are concatenated.
    """

    beside_bags: bool = False


Encoder = (
    BagsConfig | SelfAttentionConfig | HSTUConfig | OwnEncoderConfig | EncoderExtension
)
