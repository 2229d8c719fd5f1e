"""The channel that uploaded the video (PAPER §4.1)."""

from ytdnn.base import schema
from ytdnn.features import base_feature, columns

FEATURES = (
    columns.TextColumn(schema.CHANNEL_ID, "videos.channel_id", base_feature.OF_VIDEOS),
)
