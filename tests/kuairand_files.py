"""Random files in the upstream layout of KuaiRand; none of it is from the real ones.

Users like some tags, and play longer what they like; so there is something to learn.
"""

import pathlib

import numpy as np
import polars as pl

LOG_COLUMNS = (
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,"
    "is_forward,is_hate,long_view,play_time_ms,duration_ms,profile_stay_time,"
    "comment_stay_time,is_profile_enter,is_rand,tab"
)
VIDEO_COLUMNS = (
    "video_id,author_id,video_type,upload_dt,upload_type,visible_status,"
    "video_duration,server_width,server_height,music_id,music_type,tag"
)
USER_COLUMNS = (
    "user_id,user_active_degree,is_lowactive_period,is_live_streamer,is_video_author,"
    "follow_user_num,follow_user_num_range,fans_user_num,fans_user_num_range,"
    "friend_user_num,friend_user_num_range,register_days,register_days_range,"
) + ",".join(f"onehot_feat{number}" for number in range(18))
LOGS = {  # file: first and last day of it, and whether its videos were drawn at random
    "log_standard_4_08_to_4_21": (0, 14, 0),
    "log_standard_4_22_to_5_08": (14, 31, 0),
    "log_random_4_22_to_5_08": (14, 31, 1),
}
_START = 1_649_347_200_000  # 2022-04-08 in China, milliseconds
_DAY = 86_400_000


def write(
    directory: pathlib.Path,
    edition: str = "pure",
    num_users: int = 60,
    num_videos: int = 120,
    num_rows: int = 6000,
    seed: int = 0,
) -> pathlib.Path:
    """Writes the files of an edition that are read, and returns their folder.

    Args:
      directory: Gets the folder `KuaiRand-…/data`.
      edition: "1k" or "pure".
      num_users: Users.
      num_videos: Videos.
      num_rows: Rows of both standard logs together; the random one has a tenth.
      seed: Of all draws.
    """
    rng = np.random.default_rng(seed)
    upstream = {"1k": "KuaiRand-1K", "pure": "KuaiRand-Pure"}[edition]
    folder = directory / upstream / "data"
    folder.mkdir(parents=True)
    videos = _videos(rng, num_videos)
    videos.write_csv(folder / f"video_features_basic_{edition}.csv")
    _users(rng, num_users).write_csv(folder / f"user_features_{edition}.csv")
    for name, (first, last, is_random) in LOGS.items():
        size = num_rows // 10 if is_random else num_rows * (last - first) // 31
        log = _log(rng, videos, num_users, size, (first, last), is_random)
        log.write_csv(folder / f"{name}_{edition}.csv")
    return folder


def _videos(rng: np.random.Generator, size: int) -> pl.DataFrame:
    days = rng.integers(1, 31, size)
    tags = [f"{a},{b}" if b else f"{a}" for a, b in rng.integers(0, 5, (size, 2))]
    columns = {
        "video_id": np.arange(size),
        "author_id": rng.integers(0, size // 4, size),
        "video_type": ["AD" if i % 20 == 0 else "NORMAL" for i in range(size)],
        "upload_dt": [f"2022-03-{day:02d}" for day in days],
        "upload_type": ["ShortImport"] * size,
        "visible_status": [1.0] * size,
        "video_duration": rng.integers(5, 120, size) * 1000.0,
        "server_width": [720.0] * size,
        "server_height": [1280.0] * size,
        "music_id": rng.integers(10**9, 10**10, size),
        "music_type": [4.0] * size,
        "tag": tags,
    }
    return pl.DataFrame(columns).select(VIDEO_COLUMNS.split(","))


def _users(rng: np.random.Generator, size: int) -> pl.DataFrame:
    columns: dict[str, object] = {name: [0] * size for name in USER_COLUMNS.split(",")}
    columns["user_id"] = np.arange(size)
    columns["user_active_degree"] = ["full_active"] * size
    columns["register_days"] = rng.integers(10, 3000, size)
    for name in (
        "follow_user_num",
        "fans_user_num",
        "friend_user_num",
        "register_days",
    ):
        columns[f"{name}_range"] = ["(0,10]"] * size
    columns["onehot_feat4"] = [
        None if i % 9 == 0 else float(i % 5) for i in range(size)
    ]
    return pl.DataFrame(columns)


def _log(
    rng: np.random.Generator,
    videos: pl.DataFrame,
    num_users: int,
    size: int,
    days: tuple[int, int],
    is_random: int,
) -> pl.DataFrame:
    users = rng.integers(0, num_users, size)
    shown = rng.integers(0, videos.height, size)
    tags = videos["tag"].str.head(1).cast(pl.Int64).to_numpy()[shown]
    is_liked = users % 5 == tags
    tab = rng.choice([0, 1, 4], size)
    length = videos["video_duration"].to_numpy()[shown]
    played = length * rng.exponential(np.where(is_liked, 1.0, 0.2))
    played *= (tab == 1) | (rng.random(size) < 0.4)  # the tabs of two columns wait
    time = np.sort(rng.integers(_START + days[0] * _DAY, _START + days[1] * _DAY, size))
    clicked = np.where(tab == 1, played > np.minimum(length, 7000), played > 0)
    columns: dict[str, object] = {name: [0] * size for name in LOG_COLUMNS.split(",")}
    columns |= {
        "user_id": users,
        "video_id": shown,
        "date": [20220408] * size,
        "time_ms": time,
        "is_click": clicked.astype(int),
        "long_view": (played >= np.minimum(length, 18_000)).astype(int),
        "play_time_ms": played.astype(int),
        "duration_ms": length.astype(int),
        "is_rand": [is_random] * size,
        "tab": tab,
    }
    return pl.DataFrame(columns)
