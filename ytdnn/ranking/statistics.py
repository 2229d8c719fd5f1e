"""What the ranker needs to know of its training impressions, found in one pass."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from ytdnn import schema
from ytdnn.data import prepared, quantiles
from ytdnn.ranking import features, losses

CONTINUOUS = (
    schema.SECONDS_SINCE_LAST_WATCH,
    schema.SECONDS_SINCE_IMPRESSION,
    schema.NUM_EARLIER_IMPRESSIONS,
)
_ROWS_A_STEP = 1 << 16


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Sizes and statistics that fix the network's shape and normalisation.

    Attributes:
      num_videos: Rows of the video table.
      has_age: Whether the log has ages.
      vocabulary_sizes: Number of values of each categorical feature of the user.
      quantiles: Ascending quantiles of each continuous feature.
      prior_logit: Log-odds without any feature, `log(ΣT_i / (N - k))`: where the
        logit starts.
      has_watch_seconds: Whether scores are seconds (else odds of a click).
    """

    num_videos: int
    has_age: bool
    vocabulary_sizes: dict[str, int]
    quantiles: dict[str, tuple[float, ...]]
    prior_logit: float
    has_watch_seconds: bool


def measure(
    data: prepared.PreparedData, rows: np.ndarray, num_quantiles: int
) -> Statistics:
    """Passes once over the training impressions.

    Args:
      data: With impressions.
      rows: `[n] int64`, the rows to train on.
      num_quantiles: Quantiles of each continuous feature.
    """
    log = features.ImpressionLog(data, history_length=1)
    sketches = {name: quantiles.QuantileSketch() for name in CONTINUOUS}
    clicked_weight, unclicked_weight = 0.0, 0.0
    for start in range(0, len(rows), _ROWS_A_STEP):
        some = tf.constant(rows[start : start + _ROWS_A_STEP], tf.int64)
        cut = log.features(some)
        for name, sketch in sketches.items():
            values = cut[name].numpy().ravel()
            sketch.add(values[values >= 0.0])
        clicked, seconds = log.labels(some)
        weights = losses.click_weights(clicked, seconds)
        is_clicked = clicked.numpy()
        clicked_weight += float(weights.numpy()[is_clicked].sum(dtype=np.float64))
        unclicked_weight += float(np.sum(~is_clicked))
    return Statistics(
        num_videos=data.num_videos,
        quantiles={
            name: tuple(sketch.quantiles(num_quantiles).tolist())
            for name, sketch in sketches.items()
        },
        prior_logit=math.log((clicked_weight + 1.0) / (unclicked_weight + 1.0)),
        has_watch_seconds=data.has_watch_seconds,
        **_demographics(data),
    )


def _demographics(data: prepared.PreparedData) -> dict:
    columns = {
        schema.GENDER_INDEX: schema.GENDER,
        schema.COUNTRY_INDEX: schema.COUNTRY,
    }
    names = data.user_features()
    return {
        "has_age": schema.AGE_FRACTION in names,
        "vocabulary_sizes": {
            index: len(data.vocabularies[column])
            for index, column in columns.items()
            if index in names
        },
    }
