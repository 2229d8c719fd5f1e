"""The video's language (PAPER §4.1)."""

from ytdnn.features import columns, interface

FEATURES = (
    columns.TextColumn("video_language", "videos.language", interface.OF_VIDEOS),
)
