"""The channel that uploaded the video (PAPER §4.1)."""

from ytdnn import schema
from ytdnn.features import columns, interface

FEATURES = (
    columns.TextColumn(schema.CHANNEL_ID, "videos.channel_id", interface.OF_VIDEOS),
)
