"""A small legal log: 12 users, 8 videos, 72 watches."""

import polars as pl

DAY = 86_400
START = 1_700_000_000


def watches(users: int = 12, videos: int = 8, each: int = 6) -> pl.DataFrame:
    """Returns a small legal table of watches."""
    rows = [
        (f"u{user}", f"v{(user + 3 * n) % videos}", START + (user + n * users) * DAY)
        for n in range(each)
        for user in range(users)
    ]
    return pl.DataFrame(rows, ["user_id", "video_id", "time"], orient="row")


def impressions() -> pl.DataFrame:
    """Returns a small legal table of impressions."""
    clicked = pl.int_range(pl.len()).mod(3).eq(0)
    seconds = clicked.cast(pl.Float64).mul(30.0)
    return watches().with_columns(clicked=clicked, watch_seconds=seconds)


def videos() -> pl.DataFrame:
    """Returns the table of the videos watched."""
    ids = range(8)
    return pl.DataFrame(
        {
            "video_id": [f"v{i}" for i in ids],
            "title": [f"Title {i}" for i in ids],
            "topic": ["cats", "dogs"] * 4,
            "duration_seconds": [60.0 + i for i in ids],
        }
    )


def people() -> pl.DataFrame:
    """Returns the table of the users who watch."""
    return pl.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(12)],
            "age": [20.0 + i for i in range(12)],
            "country": ["DE", "JP", "FR"] * 4,
        }
    )


WATCHES = watches().write_csv()
VIDEOS = videos().write_csv()
PEOPLE = people().write_csv()
IMPRESSIONS = impressions().write_csv()
