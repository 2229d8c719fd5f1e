"""Numbers of watches and impressions that statistics sum."""

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import schema
from ytdnn.features import corpus
from ytdnn.log import prepared

Marks = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]


def _clicks(data: prepared.PreparedData) -> Marks:
    return np.asarray(data.impressions.clicked)


def _unclicked(data: prepared.PreparedData) -> Marks:
    return ~_clicks(data)


def _seconds(data: prepared.PreparedData) -> Floats:
    seconds = data.impressions.seconds
    if seconds is None:
        raise ValueError("expected watch seconds of impressions, found none")
    return np.where(_clicks(data), seconds, 0.0)


def _durations(data: prepared.PreparedData) -> Floats:
    """Returns the duration of each impression's video, 0 where it is unknown."""
    column = data.videos[schema.DURATION_SECONDS].cast(pl.Float64)
    known = column.fill_nan(None).fill_null(0.0).to_numpy()
    found: Floats = np.append(0.0, known)[data.impressions.videos]
    return found


def _clicks_of_known_duration(data: prepared.PreparedData) -> Marks:
    return _clicks(data) & (_durations(data) > 0.0)


def _fractions(data: prepared.PreparedData) -> Floats:
    durations = _durations(data)
    fractions = _seconds(data) / np.where(durations > 0.0, durations, np.inf)
    return np.minimum(fractions, 1.0)


IMPRESSIONS = corpus.Quantity("impressions")
WATCHES = corpus.Quantity("watches")
CLICKS = corpus.Quantity("impressions", _clicks)
UNCLICKED = corpus.Quantity("impressions", _unclicked)
# Watched after a click, in seconds and in shares of the video (at most 1).
SECONDS = corpus.Quantity("impressions", _seconds)
FRACTIONS = corpus.Quantity("impressions", _fractions)
CLICKS_OF_KNOWN_DURATION = corpus.Quantity("impressions", _clicks_of_known_duration)
