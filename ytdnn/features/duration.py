"""The duration of the video, the scale of its watch time (PAPER §4.1, §4.2)."""

from ytdnn.base import schema
from ytdnn.features import base_feature, columns
from ytdnn.log import positions

FEATURES = (
    columns.NumberColumn(
        schema.DURATION_SECONDS,
        "videos.duration_seconds",
        base_feature.OF_VIDEOS,
        missing=positions.MISSING,
    ),
)
