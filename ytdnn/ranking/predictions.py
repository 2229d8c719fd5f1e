"""The predictions of a scorer of impressions, and graphs that compute them.

A prediction is an order, and optional quantities. Heads of the ranker, popularity and
a world's oracle predict different quantities. Each metric is measured for the scorers
that give its input, and left out for the others.
"""

import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.ranking import heads

Values = npt.NDArray[np.floating]

_LEAST = 1e-9
_ROWS = 16  # a multiple of 8, of which matrix products take rows


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Predictions for `n` impressions; every field is `[n]` or None where not given.

    Attributes:
      order: Ranks the impressions, higher = shown first. Any unit.
      seconds: Expected watch seconds of an impression, clicked or not, E[T] ≥ 0.
      click_probability: P in [0, 1].
      logits: Log of the odds that weighted logistic regression learns,
        `log(ΣT_i / (N − k))` (PAPER §4.2); without watch time log odds of a click.
      listed: Ranks all impressions of each user as one list, by features read when the
        list began; None: as `order`.
      outcomes: Probability, or expected amount, of each outcome by name.
      listed_terms: As `terms`, by features read when the user's list began; none: as
        `terms`.
    """

    order: Values
    seconds: Values | None = None
    click_probability: Values | None = None
    logits: Values | None = None
    listed: Values | None = None
    outcomes: Mapping[str, Values] = dataclasses.field(default_factory=dict)
    listed_terms: Mapping[str, Values] = dataclasses.field(default_factory=dict)

    @property
    def given(self) -> dict[str, Values]:
        """Every field that is given, outcomes too, by name."""
        others = ("outcomes", "listed_terms")
        values = {k: v for k, v in vars(self).items() if k not in others}
        return {k: v for k, v in values.items() if v is not None} | dict(self.outcomes)

    @property
    def terms(self) -> dict[str, Values]:
        """The predictions that can be weighed in an order, by name."""
        by_term = {
            schema.WATCH_SECONDS: self.seconds,
            schema.CLICKED: self.click_probability,
            **self.outcomes,
        }
        return {name: values for name, values in by_term.items() if values is not None}

    @property
    def list_terms(self) -> Mapping[str, Values]:
        """The terms by features read when the user's list began, by name."""
        return self.listed_terms or self.terms

    @property
    def list_order(self) -> Values:
        """Ranks all impressions of each user as one list, `[n]`."""
        return self.order if self.listed is None else self.listed

    @property
    def click_orders(self) -> tuple[Values, Values] | None:
        """Ranks by clicks: all impressions, and those of each user as one list.

        By the click probability; without any prediction by the order, whose unit is not
        known. None of predictions of watch seconds alone, which AUC says nothing of.
        """
        if self.click_probability is not None:
            other = self.list_order if self.seconds is None else self.click_probability
            return self.click_probability, self.listed_terms.get(schema.CLICKED, other)
        if self.seconds is None and self.logits is None:
            return self.order, self.list_order
        return None

    @property
    def weighted_logits(self) -> Values | None:
        """Log odds of weighted logistic regression, `[n]`: the weighted log loss's.

        `logits` where given. Else of seconds and click probability, since the odds are
        exactly `E[T] / (1 − P)`. None where neither is given.

        >>> both = Predictions(
        ...     np.zeros(1), seconds=np.array([3.0]), click_probability=np.array([0.25])
        ... )
        >>> np.exp(both.weighted_logits).round(6)
        array([4.])
        """
        if self.logits is not None:
            return self.logits
        if self.seconds is None or self.click_probability is None:
            return None
        return weighted_logits(self.seconds, self.click_probability)


def joined(
    parts: Sequence[heads.HeadPredictions], columns: Any = np.s_[:]
) -> Predictions:
    """Returns the predictions of all parts, `[n, k]`, or some columns of them.

    Args:
      parts: A head's predictions, `[n, k]` each.
      columns: Columns that are kept.
    """
    parts = parts or [heads.HeadPredictions(tf.zeros([0, 1]))]
    of_outcomes = {
        name: np.concatenate([(part.outcomes or {})[name] for part in parts])[columns]
        for name in parts[0].outcomes or {}
    }
    first = parts[0]._replace(outcomes=None)._asdict()
    names = [name for name, values in first.items() if values is not None]
    return Predictions(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])[columns]
            for name in names
        },
        outcomes=of_outcomes,
    )


def weighted_logits(seconds: Values, click_probability: Values) -> Values:
    """Returns `log(E[T] / (1 − P))`, the log odds of weighted logistic regression.

    Both seconds and 1 − P are at least 10⁻⁹, so that the result is finite.

    Args:
      seconds: `[n]`, E[T].
      click_probability: `[n]`, P.

    >>> np.exp(weighted_logits(np.array([9.0]), np.array([0.4]))).round(6)
    array([15.])
    """
    watched = np.asarray(seconds, np.float64)
    no_click = 1.0 - np.asarray(click_probability, np.float64)
    return np.log(np.maximum(watched, _LEAST) / np.maximum(no_click, _LEAST))


class RowGraphs:
    """A function of rows, as graphs of any number of them.

    A result does not depend on the rows computed with it. A graph of a fixed number of
    rows is optimised in another way than one of any number and rounds differently, and
    so do matrix products in the last rows of a batch that is no multiple of 8. Measured
    on a fresh ranker: .3 of the predictions changed in their last digit with the size
    of the first batch, one in a batch of 100 with the fill of the last.
    """

    def __init__(self, function: Callable[[dict[str, tf.Tensor]], Any]) -> None:
        """Traces nothing yet.

        Args:
          function: Takes tensors `[n, …]` by name, and returns tensors `[n, …]`.
        """
        self._function = function
        self._traced: dict[Hashable, Callable[..., Any]] = {}

    def __call__(self, tensors: Mapping[str, tf.Tensor]) -> Any:
        """Returns the results; batches are filled up with their last row."""
        number = int(next(iter(tensors.values())).shape[0])
        size = -(-number // _ROWS) * _ROWS
        if size == number:
            return self._graph(tensors)(dict(tensors))
        rows = np.minimum(np.arange(size), number - 1)
        whole = {name: tf.gather(values, rows) for name, values in tensors.items()}
        outputs = self._graph(whole)(whole)
        return tf.nest.map_structure(
            lambda values: None if values is None else values[:number], outputs
        )

    def _graph(self, tensors: Mapping[str, tf.Tensor]) -> Callable[..., Any]:
        shapes = {name: tuple(value.shape[1:]) for name, value in tensors.items()}
        key = tuple(shapes.items())
        if key not in self._traced:
            specs = {
                name: tf.TensorSpec([None, *shapes[name]], value.dtype)
                for name, value in tensors.items()
            }
            graph = tf.function(self._function, autograph=False)
            self._traced[key] = graph.get_concrete_function(specs)
        return self._traced[key]


def filled(number: int) -> int:
    """Returns the largest number of rows that is not filled up, up to one.

    >>> filled(81), filled(3)
    (80, 16)
    """
    return max(_ROWS, number // _ROWS * _ROWS)
