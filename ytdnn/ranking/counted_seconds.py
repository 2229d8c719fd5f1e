"""Counted mean seconds of a video in the ranker's order.

A network learns little of a video from few impressions, while a smoothed mean of them
is near the truth. So the order may have a power of it as a factor (`Calibration`).
"""

import tensorflow as tf

from ytdnn.features import feature_choice
from ytdnn.ranking import heads, inputs, network

# Counters whose product is the mean seconds of an impression of a video.
_COUNTERS = "video_click_rate", "video_seconds_per_click"
_LEAST_SECONDS = 1e-3  # so that logs are finite


def exists(features: feature_choice.Features, head: heads.Head) -> bool:
    """Whether a ranker reads the counters, and orders by seconds at odds."""
    names = {feature.name for feature in features}
    return head.meaning == heads.SECONDS_AT_ODDS and names >= {*_COUNTERS}


def added(
    predicted: heads.HeadPredictions,
    tensors: inputs.Tensors,
    measured: network.Statistics,
) -> heads.HeadPredictions:
    """Returns predictions whose order follows counted seconds by the weight found.

    They are over the mean of all impressions, so that scores keep their unit.

    Args:
      predicted: The head's predictions.
      tensors: Tensors of impressions `[batch, k]`.
      measured: Statistics, with the weight and the means of all impressions.
    """
    weight, clicks = measured.calibration.counted, measured.clicks
    if not weight:
        return predicted
    rates, seconds = (tensors[name] for name in _COUNTERS)
    mean = max(clicks.probability * clicks.seconds, _LEAST_SECONDS)
    log_ratios = tf.math.log(tf.maximum(rates * seconds, _LEAST_SECONDS) / mean)
    return predicted._replace(order=predicted.order + weight * log_ratios)
