"""How continuous features of the ranker are normalised (PAPER §4.1)."""

from typing import Literal

from ytdnn.configs import components


@components.validated
class QuantilesConfig:
    """The quantile CDF of the training data, in [0, 1).

    Attributes:
      number: Number of quantiles of each feature.
      powers: Whether the square and the root enter too.
      num_pieces: Number of pieces of the value that enter too, each rising from 0 to 1
        in its part of [0, 1): beyond the paper; 0 = none.
    """

    number: components.Positive = 100
    powers: bool = True
    num_pieces: components.NonNegative = 8
    kind: Literal["quantiles"] = "quantiles"


@components.validated
class RawConfig:
    """The value without normalisation, which trains poorly according to the paper."""

    kind: Literal["raw"] = "raw"


Normalization = QuantilesConfig | RawConfig
