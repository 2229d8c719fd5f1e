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


Encoder = BagsConfig | OwnEncoderConfig | EncoderExtension
