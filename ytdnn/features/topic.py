"""The topic of the video (PAPER §4.1)."""

from ytdnn import schema
from ytdnn.features import columns, interface

FEATURES = (columns.TextColumn(schema.TOPIC, "videos.topic", interface.OF_VIDEOS),)
