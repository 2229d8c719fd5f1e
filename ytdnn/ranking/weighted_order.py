"""The order of a slate by a weighted sum of predictions (docs/feedback.md).

    value = Σ weight of y · E[y]    over watch seconds, the click and the outcomes

The weights are those of the request, else those of its policy, else the bundle's.
Weights of watch seconds alone are the ranker's own order, which is served bit by bit as
without weights. A prediction without a weight counts 0.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from ytdnn.base import errors, schema
from ytdnn.ranking import heads

_MOST = 1e37  # of a term, so that no sum of them overflows

Weights = Mapping[str, float]


class Weighing:
    """Reads the weights of requests, and orders by them.

    Attributes:
      names: Names of the predictions that can be weighed, in order.
      default: Weights of requests that name none.
      policies: Weights of policies that have some, by name.
    """

    def __init__(
        self,
        names: Sequence[str],
        default: Weights | None = None,
        policies: Mapping[str, Weights] | None = None,
    ) -> None:
        """Checks and stores the saved weights.

        Args:
          names: Predictions that can be weighed, from `names_of`.
          default: Weights of requests that name none; none: the ranker's order.
          policies: Weights of policies, by name.

        Raises:
          errors.UserError: A weight names something that is not predicted.
        """
        self.names = tuple(names)
        self.default = dict(default or {})
        self.policies = {k: dict(v) for k, v in (policies or {}).items()}
        own = "config.composition.weights"
        errors.require_known(self.default, self.names, "weights", own)
        for name, weights in self.policies.items():
            errors.require_known(weights, self.names, "weights", f"policy {name}")
        rows = [self.default, *self.policies.values()]
        self._saved = np.array(
            [[row.get(name, 0.0) for name in self.names] for row in rows], np.float32
        )

    def weights(self, raw: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the weights of each request, `[batch, names] float32`.

        Args:
          raw: Requests, with `weight_names` and `weight_values`.
        """
        weight_names, values = raw[schema.WEIGHT_NAMES], raw[schema.WEIGHT_VALUES]
        # Clients may bring more names than values, or the other way round.
        width = tf.minimum(tf.shape(weight_names)[1], tf.shape(values)[1])
        names, values = weight_names[:, :width], values[:, :width]
        is_name = names[:, :, tf.newaxis] == tf.constant(self.names)
        zero = tf.zeros_like(values)[:, :, tf.newaxis]
        own = tf.reduce_sum(tf.where(is_name, values[:, :, tf.newaxis], zero), axis=1)
        is_given = tf.reduce_any(weight_names != "", axis=1, keepdims=True)
        return tf.where(is_given, own, self._policy_weights(raw, tf.shape(own)[0]))

    def __call__(
        self,
        raw: Mapping[str, tf.Tensor],
        predicted: heads.HeadPredictions,
        order: tf.Tensor,
        scores: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns order and scores, `[batch, k] float32` each.

        Args:
          raw: Requests.
          predicted: Predictions for their candidates, `[batch, k]` each.
          order: The ranker's order, `-inf` where there is no video.
          scores: The ranker's scores.
        """
        weights = self.weights(raw)
        by_term = terms(predicted)
        bounded = [
            tf.clip_by_value(weights[:, i : i + 1] * by_term[name], -_MOST, _MOST)
            for i, name in enumerate(self.names)
        ]
        values = tf.add_n(bounded)
        weighed = self._weighs(weights)[:, tf.newaxis]
        by_value = tf.where(tf.math.is_finite(order), values, order)
        return tf.where(weighed, by_value, order), tf.where(weighed, values, scores)

    def _weighs(self, weights: tf.Tensor) -> tf.Tensor:
        """Returns whether each row is ordered by the sum, `[batch] bool`."""
        is_seconds = np.array([name == schema.WATCH_SECONDS for name in self.names])
        others = tf.reduce_any((weights != 0.0) & ~is_seconds, axis=1)
        return others | tf.reduce_any((weights < 0.0) & is_seconds, axis=1)

    def _policy_weights(
        self, raw: Mapping[str, tf.Tensor], batch: tf.Tensor
    ) -> tf.Tensor:
        """Returns the saved weights of each request, `[batch, names] float32`."""
        rows = tf.zeros([batch], tf.int32)
        if schema.POLICY in raw:
            for row, name in enumerate(self.policies, 1):
                rows = tf.where(raw[schema.POLICY] == name, row, rows)
        return tf.gather(tf.constant(self._saved), rows)


def page_order(predicted: heads.HeadPredictions, weights: Weights) -> tf.Tensor:
    """Returns the order of a slate by some weights, `[...] float32`.

    Weights of watch seconds alone do not change the ranker's order.

    Args:
      predicted: Predictions for its candidates.
      weights: Weights by name, as of a bundle.
    """
    if not any(
        weight < 0.0 or (weight and name != schema.WATCH_SECONDS)
        for name, weight in weights.items()
    ):
        return predicted.order
    values = terms(predicted)
    return tf.add_n([float(w) * values[name] for name, w in weights.items()])


def names_of(head: heads.Head) -> tuple[str, ...]:
    """Returns the names of the predictions of a head that can be weighed, in order."""
    has_seconds, has_clicks = head.predicts
    return (
        *([schema.WATCH_SECONDS] if has_seconds else []),
        *([schema.CLICKED] if has_clicks else []),
        *(outcome.name for outcome in head.outcomes),
    )


def terms(predicted: heads.HeadPredictions) -> dict[str, tf.Tensor]:
    """Returns the predictions that can be weighed, by name, `[batch, k]` each."""
    values = {
        schema.WATCH_SECONDS: predicted.seconds,
        schema.CLICKED: predicted.click_probability,
        **(predicted.outcomes or {}),
    }
    return {name: value for name, value in values.items() if value is not None}
