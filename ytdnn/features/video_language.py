"""The video's language (PAPER §4.1)."""

from ytdnn.features import base_feature, columns

FEATURES = (
    columns.TextColumn("video_language", "videos.language", base_feature.OF_VIDEOS),
)
