"""Settings of the retrieval losses (PAPER §3.1), each with its own."""

from typing import Literal

import pydantic

from ytdnn.configs import components


@components.validated
class SampledSoftmax:
    """Softmax over the label and negatives drawn for it: any corpus.

    Attributes:
      in_batch: Whether labels of other users in the batch are negatives.
      num_negatives: Sampled negatives a step, beside the in-batch ones.
      proposal_exponent: Negatives are drawn by label count to this power, but for
        the two shares below.
      uniform_share: Share of negatives drawn uniformly.
      log_uniform_share: Share of negatives drawn log-uniformly in the rank of label
        counts.
      correct_positive: Whether the positive's score too is corrected by its expected
        count among the negatives. Measured: its gradient is then never nearer to
        the full softmax's, and for rare videos far from it.
    """

    in_batch: bool = True
    num_negatives: components.NonNegative = 1024
    proposal_exponent: components.Share = 0.75
    uniform_share: components.Share = 0.0
    log_uniform_share: components.Share = 0.0
    correct_positive: bool = False
    kind: Literal["sampled_softmax"] = "sampled_softmax"

    @pydantic.model_validator(mode="after")
    def _there_are_negatives(self) -> "SampledSoftmax":
        if self.uniform_share + self.log_uniform_share > 1.0:
            raise ValueError(
                "expected uniform_share + log_uniform_share of at most 1, received "
                f"{self.uniform_share} + {self.log_uniform_share}"
            )
        if self.num_negatives == 0 and not self.in_batch:
            raise ValueError("expected num_negatives above 0 where in_batch is false")
        return self


@components.validated
class FullSoftmax:
    """Softmax over all videos: the reference, for small corpora.

    Attributes:
      label_smoothing: Share of the label's probability spread over all videos.
    """

    label_smoothing: components.Fraction = 0.0
    kind: Literal["full_softmax"] = "full_softmax"


@components.validated
class HierarchicalSoftmax:
    """Softmax along a binary tree of the videos; served to first order.

    Attributes:
      tree_order: Order of the leaves, by `frequency` or by `cluster` of videos
        watched by the same users.
    """

    tree_order: Literal["frequency", "cluster"] = "cluster"
    kind: Literal["hierarchical_softmax"] = "hierarchical_softmax"
