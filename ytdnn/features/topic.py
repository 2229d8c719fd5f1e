"""The topic of the video (PAPER §4.1)."""

from ytdnn.features import base_feature, columns
from ytdnn.log import schema

FEATURES = (columns.TextColumn(schema.TOPIC, "videos.topic", base_feature.OF_VIDEOS),)
