"""Settings of the retrieval losses (PAPER §3.1), each with its own."""

from typing import ClassVar, Literal

import pydantic

from ytdnn.base.configs import components


@components.validated
class SampledSoftmaxConfig:
    """Softmax over the label and sampled negatives: for any size of corpus.

    Attributes:
      in_batch: Whether labels of other users in the batch are negatives.
      num_negatives: Sampled negatives per step, in addition to the in-batch ones.
      proposal_exponent: Negatives are drawn in proportion to label count to this
        power; 0 = uniformly, 1 = as often as they are labels.
      correct_positive: Whether the positive's score, too, is corrected by its expected
        count among the negatives. The gradient is then never nearer to that of full
        softmax, and for rare videos far from it.
    """

    in_batch: bool = True
    num_negatives: components.NonNegative = 1024
    proposal_exponent: components.Share = 0.75
    correct_positive: bool = False
    kind: Literal["sampled_softmax"] = "sampled_softmax"

    @pydantic.model_validator(mode="after")
    def _there_are_negatives(self) -> "SampledSoftmaxConfig":
        if self.num_negatives == 0 and not self.in_batch:
            raise ValueError(
                "expected num_negatives above 0 with in_batch false, received 0"
            )
        return self


@components.validated
class FullSoftmaxConfig:
    """Softmax over all videos: the reference, for small corpora.

    Attributes:
      label_smoothing: Share of the label's probability spread over all videos.
    """

    label_smoothing: components.Fraction = 0.0
    kind: Literal["full_softmax"] = "full_softmax"


@components.validated
class BPRConfig:
    """Bayesian personalised ranking (Rendle et al., 2009): the label above others.

    Attributes:
      num_negatives: Sampled negatives per step, shared by its examples.
    """

    num_negatives: components.Positive = 256
    proposal_exponent: ClassVar[float] = 0.0  # uniformly, as published
    kind: Literal["bpr"] = "bpr"


@components.validated
class WARPConfig:
    """Weighted approximate-rank pairwise loss (Weston et al., 2011).

    Attributes:
      num_negatives: Sampled negatives per step, shared by its examples; the label's
        rank is estimated among them.
    """

    num_negatives: components.Positive = 256
    proposal_exponent: ClassVar[float] = 0.0  # uniformly, as published
    kind: Literal["warp"] = "warp"


@components.validated
class GBCEConfig:
    """Generalised binary cross-entropy (Petrov and Macdonald, 2023).

    Attributes:
      num_negatives: Sampled negatives per step, drawn uniformly, shared by its
        examples.
      calibration: From 0, plain binary cross-entropy, which is overconfident with few
        negatives, to 1, probabilities calibrated over all videos.
    """

    num_negatives: components.Positive = 256
    calibration: components.Share = 0.75
    kind: Literal["gbce"] = "gbce"


@components.validated
class OwnLossConfig:
    """A loss of the user's own, a Keras loss in a Python file (docs/losses.md).

    Attributes:
      file: The file.
      num_negatives: Sampled negatives per step, shared by its examples.
      proposal_exponent: Negatives are drawn in proportion to label count to this
        power; 0 = uniformly.
    """

    file: str = ""
    num_negatives: components.Positive = 256
    proposal_exponent: components.Share = 0.0
    kind: Literal["own"] = "own"


def rows_are_videos(loss: object) -> bool:
    """Returns whether the rows of the video table are videos under a loss."""
    return bool(getattr(loss, "rows_are_videos", True))
