"""The topic of the video (PAPER §4.1)."""

from ytdnn.base import schema
from ytdnn.features import base_feature, columns

FEATURES = (columns.TextColumn(schema.TOPIC, "videos.topic", base_feature.OF_VIDEOS),)
