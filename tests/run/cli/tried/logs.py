"""Logs: tables, columns, types, units, files."""

import datetime
import gzip
from typing import Any

import polars as pl

from tests.run.cli.tried import runner

Input = runner.Input
files, named = runner.files, runner.named
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
    return watches().with_columns(
        pl.int_range(pl.len()).mod(3).eq(0).alias("clicked"),
        pl.int_range(pl.len()).mod(3).eq(0).cast(pl.Float64).mul(30.0)
        .alias("watch_seconds"),
    )  # fmt: skip


def videos() -> pl.DataFrame:
    """Returns the table of the videos watched."""
    return pl.DataFrame(
        {
            "video_id": [f"v{i}" for i in range(8)],
            "title": [f"Title {i}" for i in range(8)],
            "topic": ["cats", "dogs"] * 4,
            "duration_seconds": [60.0 + i for i in range(8)],
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


def text(frame: pl.DataFrame, row: int = -1, **cells: str) -> str:
    """Returns a frame as CSV, some cells of a row changed."""
    words = frame.cast(pl.String)
    for column, value in cells.items():
        values = words[column].to_list()
        values[row] = value or None
        words = words.with_columns(pl.Series(column, values, pl.String))
    return words.write_csv(null_value="")


def cell(table: str, **cells: str) -> runner.Write:
    """Returns a log with one row (the third) of one table changed."""
    frames = {
        "watches": watches(),
        "impressions": impressions(),
        "videos": videos(),
        "users": people(),
    }
    wanted = {"watches": text(frames["watches"])}
    if table == "searches":
        rows = watches().rename({"video_id": "query"})
        return files(watches=wanted["watches"], searches=text(rows, 2, **cells))
    return files(**wanted | {table: text(frames[table], 2, **cells)})


def typed(column: str, values: Any, table: str = "watches") -> runner.Write:
    """Returns a log as Parquet with another column of a table."""
    frames = {
        "watches": watches(),
        "impressions": impressions(),
        "videos": videos(),
        "users": people(),
    }
    frame = frames[table]
    if callable(values):
        values = values(frame)
    if isinstance(values, pl.Expr):
        changed = frame.with_columns(values.alias(column))
    else:
        changed = frame.with_columns(pl.Series(column, values, strict=False))
    return files(**{"watches": watches(), table: changed})


def _moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _iso(zone: str) -> pl.DataFrame:
    times = watches()["time"]
    stamps = [_moment(t).strftime("%Y-%m-%dT%H:%M:%S") + zone for t in times]
    return watches().with_columns(pl.Series("time", stamps))


WATCHES = text(watches())

TIMES = (
    Input("seconds as integers", write=files(watches=watches())),
    Input("seconds as floats", write=typed("time", pl.col("time") + 0.5)),
    Input("milliseconds", write=typed("time", pl.col("time") * 1000)),
    Input("milliseconds as floats", write=typed("time", pl.col("time") * 1000.0)),
    Input(
        "milliseconds as text",
        write=files(watches=text(watches().with_columns(pl.col("time") * 1000))),
    ),
    Input("microseconds", write=typed("time", pl.col("time") * 1_000_000)),
    Input("nanoseconds", write=typed("time", pl.col("time") * 1_000_000_000)),
    Input(
        "milliseconds in one row of seconds",
        write=cell("watches", time="1700000000000"),
    ),
    Input(
        "Datetime without zone",
        write=typed("time", pl.from_epoch("time").cast(pl.Datetime("us"))),
    ),
    Input(
        "Datetime in New York",
        write=typed(
            "time",
            pl.from_epoch("time")
            .dt.replace_time_zone("UTC")
            .dt.convert_time_zone("America/New_York"),
        ),
    ),
    Input(
        "Datetime in nanoseconds",
        write=typed("time", pl.from_epoch("time").cast(pl.Datetime("ns"))),
    ),
    Input("Date", write=typed("time", pl.from_epoch("time").dt.date())),
    Input("ISO text with Z", write=files(watches=_iso("Z"))),
    Input("ISO text with +02:00", write=files(watches=_iso("+02:00"))),
    Input("ISO text without zone", write=files(watches=_iso(""))),
    Input(
        "ISO text with a blank between",
        write=files(
            watches=_iso("").with_columns(pl.col("time").str.replace("T", " "))
        ),
    ),
    Input("ISO text in CSV", write=files(watches=text(_iso("Z")))),
    Input("ISO text with fractions", write=files(watches=_iso(".250Z"))),
    Input(
        "ISO dates as text",
        write=files(watches=_iso("").with_columns(pl.col("time").str.slice(0, 10))),
    ),
    Input(
        "one wrong ISO text",
        write=files(watches=text(_iso("Z"), 2, time="2024-13-01T00:00:00Z")),
    ),
    Input(
        "dates as 31/12/2023",
        write=files(
            watches=watches().with_columns(
                pl.from_epoch("time").dt.strftime("%d/%m/%Y").alias("time")
            )
        ),
    ),
    Input("a word as time", write=cell("watches", time="yesterday")),
    Input("no time in a row", write=cell("watches", time="")),
    Input("NaN as time", write=cell("watches", time="NaN")),
    Input("inf as time", write=cell("watches", time="inf")),
    Input("1e30 as time", write=cell("watches", time="1e30")),
    Input("a negative time (1969)", write=cell("watches", time="-1")),
    Input("the year 1900", write=cell("watches", time="-2208988800")),
    Input("time 0", write=cell("watches", time="0")),
    Input("the year 2999", write=cell("watches", time="32472144000")),
    Input("all in the year 2999", write=typed("time", pl.col("time") + 30_772_144_000)),
    Input("all times equal", write=typed("time", [START] * 72)),
    Input("all times null", write=typed("time", [None] * 72)),
    Input("a duration as time", write=typed("time", pl.duration(seconds="time"))),
    Input("a boolean as time", write=typed("time", [True] * 72)),
    Input("a list as time", write=typed("time", pl.concat_list("time"))),
    Input(
        "times unsorted",
        write=files(watches=watches().sample(fraction=1.0, shuffle=True, seed=1)),
    ),
    Input(
        "upload_time in milliseconds",
        write=typed("upload_time", [START * 1000] * 8, "videos"),
    ),
    Input(
        "upload_time as ISO text",
        write=typed("upload_time", ["2023-11-14T00:00:00Z"] * 8, "videos"),
    ),
    Input("upload_time as words", write=typed("upload_time", ["old"] * 8, "videos")),
    Input(
        "searches in milliseconds, watches in seconds",
        write=files(
            watches=watches(),
            searches=watches()
            .rename({"video_id": "query"})
            .with_columns(pl.col("time") * 1000),
        ),
    ),
    Input(
        "impressions years after the watches",
        write=typed("time", pl.col("time") + 1000 * DAY, "impressions"),
    ),
)

TABLES = (
    Input("no such directory", "prepare --source=log --data_dir=nowhere --workdir=RUN"),
    Input("no --data_dir", "prepare --source=log --workdir=RUN"),
    Input("an empty directory"),
    Input(
        "a file as --data_dir",
        "prepare --source=log --data_dir=LOG/watches.csv --workdir=RUN",
        files(watches=WATCHES),
    ),
    Input("only users", write=files(users=people())),
    Input("a file of another name", write=named({"clicks.csv": WATCHES})),
    Input(
        "the same, named",
        "prepare --source=log --data_dir=LOG --files=watches=clicks.csv --workdir=RUN",
        named({"clicks.csv": WATCHES}),
    ),
    Input(
        "a table beside, of another name",
        write=named({"watches.csv": WATCHES, "user.csv": text(people())}),
    ),
    Input("watches.CSV in capitals", write=named({"watches.CSV": WATCHES})),
    Input("watches.tsv", write=named({"watches.tsv": WATCHES.replace(",", "\t")})),
    Input("watches.json", write=named({"watches.json": "[]"})),
    Input(
        "watches as CSV and as Parquet",
        write=named({"watches.csv": WATCHES, "watches.parquet": watches()}),
    ),
    Input("an empty CSV", write=files(watches="")),
    Input("a CSV of blanks", write=files(watches="\n\n\n")),
    Input(
        "a CSV with its header alone", write=files(watches="user_id,video_id,time\n")
    ),
    Input("a Parquet without rows", write=files(watches=watches().head(0))),
    Input("a CSV without header", write=files(watches=WATCHES.split("\n", 1)[1])),
    Input("semicolons", write=files(watches=WATCHES.replace(",", ";"))),
    Input("tabs", write=files(watches=WATCHES.replace(",", "\t"))),
    Input("pipes", write=files(watches=WATCHES.replace(",", "|"))),
    Input(
        "a byte-order mark",
        write=named({"watches.csv": b"\xef\xbb\xbf" + WATCHES.encode()}),
    ),
    Input("UTF-16", write=named({"watches.csv": WATCHES.encode("utf-16")})),
    Input(
        "Latin-1 in a title",
        write=named(
            {
                "watches.csv": WATCHES,
                "videos.csv": "video_id,title\nv0,caf\xe9\n".encode("latin-1"),
            }
        ),
    ),
    Input("Windows line ends", write=files(watches=WATCHES.replace("\n", "\r\n"))),
    Input(
        "a row with a field too few",
        write=files(watches=WATCHES.replace("u2,v2,", "u2,v2;", 1)),
    ),
    Input(
        "a row with a field too many",
        write=files(watches=WATCHES.replace("u2,v2,", "u2,v2,more,", 1)),
    ),
    Input("an open quote", write=files(watches=WATCHES.replace("u2,", '"u2,', 1))),
    Input("binary in a CSV", write=named({"watches.csv": bytes(range(256)) * 9})),
    Input("gzip", write=named({"watches.csv.gz": gzip.compress(WATCHES.encode())})),
    Input(
        "gzip that is cut",
        write=named({"watches.csv.gz": gzip.compress(WATCHES.encode())[:-20]}),
    ),
    Input("plain text called gz", write=named({"watches.csv.gz": WATCHES})),
    Input("text called Parquet", write=named({"watches.parquet": WATCHES})),
    Input(
        "a Parquet that is cut", write=named({"watches.parquet": b"PAR1" + b"x" * 90})
    ),
    Input("an empty Parquet file", write=named({"watches.parquet": b""})),
    Input(
        "a folder of parts",
        write=named(
            {
                "watches/a.parquet": watches().head(30),
                "watches/b.parquet": watches().tail(42),
            }
        ),
    ),
    Input("an empty folder of parts", write=lambda d: (d / "watches").mkdir()),
    Input("a folder of CSV parts", write=named({"watches/a.csv": WATCHES})),
    Input(
        "parts of different types",
        write=named(
            {
                "watches/a.parquet": watches().head(30),
                "watches/b.parquet": watches().tail(42).cast({"time": pl.String}),
            }
        ),
    ),
    Input(
        "parts of integers of different width",
        write=named(
            {
                "watches/a.parquet": watches().head(30).cast({"time": pl.Int32}),
                "watches/b.parquet": watches().tail(42),
            }
        ),
    ),
    Input(
        "parts with different columns",
        write=named(
            {
                "watches/a.parquet": watches().head(30),
                "watches/b.parquet": watches().tail(42).drop("time"),
            }
        ),
    ),
    Input(
        "a part with a further column",
        write=named(
            {
                "watches/a.parquet": watches().head(30),
                "watches/b.parquet": watches()
                .tail(42)
                .with_columns(device=pl.lit("tv")),
            }
        ),
    ),
    Input(
        "a part that is damaged",
        write=named(
            {"watches/a.parquet": watches(), "watches/b.parquet": b"PAR1nothing"}
        ),
    ),
    Input(
        "a bad row in the second part",
        write=named(
            {
                "watches/a.parquet": watches().head(30),
                "watches/b.parquet": watches()
                .tail(42)
                .with_columns(
                    pl.when(pl.int_range(pl.len()) == 4)
                    .then(None)
                    .otherwise("user_id")
                    .alias("user_id")
                ),
            }
        ),
    ),
    Input("a broken link", write=lambda d: (d / "watches.csv").symlink_to("nowhere")),
    Input(
        "a file name in Japanese",
        "prepare --source=log --data_dir=LOG --files=watches=視聴.csv --workdir=RUN",
        named({"視聴.csv": WATCHES}),
    ),
)


COLUMNS = (
    Input(
        "time is called timestamp",
        write=files(watches=watches().rename({"time": "timestamp"})),
    ),
    Input(
        "the same, mapped",
        runner.PREPARE + " --columns=watches.time=timestamp",
        files(watches=watches().rename({"time": "timestamp"})),
    ),
    Input("names in capitals", write=files(watches=watches().rename(str.upper))),
    Input(
        "blanks in the header",
        write=files(
            watches=WATCHES.replace("user_id,video_id,time", "user_id, video_id, time")
        ),
    ),
    Input(
        "a column twice in a CSV",
        write=files(
            watches=WATCHES.replace("user_id,video_id,time", "user_id,user_id,time")
        ),
    ),
    Input("a further column of watches", write=typed("mood", ["good"] * 72)),
    Input("watch_second, near watch_seconds", write=typed("watch_second", [3.0] * 72)),
    Input("duration of watches", write=typed("duration", [3.0] * 72)),
    Input(
        "rating and genre",
        write=files(
            watches=watches().with_columns(rating=pl.lit(4.0), genre=pl.lit("x"))
        ),
    ),
    Input(
        "tilte of videos",
        write=files(watches=watches(), videos=videos().rename({"title": "tilte"})),
    ),
    Input(
        "Country of users",
        write=files(watches=watches(), users=people().rename({"country": "Country"})),
    ),
    Input("a list as a column of videos", write=typed("tags", [["a"]] * 8, "videos")),
    Input(
        "a struct as a column of users", write=typed("place", [{"x": 1}] * 12, "users")
    ),
    Input(
        "a mapping to nothing",
        runner.PREPARE + " --columns=watches.time=when",
        files(watches=watches()),
    ),
    Input(
        "a mapping of an unknown column",
        runner.PREPARE + " --columns=watches.tme=time",
        files(watches=watches()),
    ),
    Input(
        "a mapping of an unknown table",
        runner.PREPARE + " --columns=watch.time=time",
        files(watches=watches()),
    ),
    Input(
        "a mapping of a table that is not there",
        runner.PREPARE + " --columns=users.age=years",
        files(watches=watches()),
    ),
    Input(
        "a mapping without =",
        runner.PREPARE + " --columns=watches.time",
        files(watches=watches()),
    ),
    Input(
        "a mapping twice",
        runner.PREPARE + " --columns=watches.time=time,watches.time=when",
        files(watches=watches()),
    ),
    Input(
        "two columns mapped from one",
        runner.PREPARE + " --columns=watches.time=time,watches.order=time",
        files(watches=watches()),
    ),
    Input("a column named like our own", write=typed("__row__", [1] * 72)),
    Input(
        "an own column of users named split", write=typed("split", ["a"] * 12, "users")
    ),
    Input("a column named with a newline", write=typed("a\nb", ["x"] * 12, "users")),
    Input("an empty column name", write=typed("", ["x"] * 12, "users")),
    Input(
        "a feature that is no column",
        "run --source=log --data_dir=LOG --workdir=RUN --features=users.nothing",
        files(watches=watches(), users=people()),
    ),
)

VALUES = (
    Input("a null user", write=cell("watches", user_id="")),
    Input("a null video", write=cell("watches", video_id="")),
    Input(
        "integer ids",
        write=files(
            watches=watches().with_columns(
                pl.col("user_id", "video_id").str.slice(1).cast(pl.Int64)
            )
        ),
    ),
    Input(
        "float ids",
        write=files(
            watches=watches().with_columns(
                pl.col("user_id", "video_id").str.slice(1).cast(pl.Float64)
            )
        ),
    ),
    Input(
        "a float id that is not whole",
        write=files(
            watches=watches().with_columns(
                pl.col("user_id").str.slice(1).cast(pl.Float64) + 0.5
            )
        ),
    ),
    Input(
        "ids of 20 digits",
        write=files(
            watches=watches().with_columns(
                pl.format(
                    "1234567890123456789{}", pl.col("video_id").str.slice(1)
                ).alias("video_id")
            )
        ),
    ),
    Input(
        "ids above 2^63 as UInt64",
        write=typed(
            "video_id",
            pl.lit(2**63, pl.UInt64) + pl.int_range(pl.len()).cast(pl.UInt64),
        ),
    ),
    Input("ids 007", write=files(watches=WATCHES.replace("\nu", "\n00"))),
    Input("boolean ids", write=typed("video_id", [True, False] * 36)),
    Input(
        "categorical ids",
        write=files(watches=watches().cast({"video_id": pl.Categorical})),
    ),
    Input("binary ids", write=files(watches=watches().cast({"video_id": pl.Binary}))),
    Input("an id of 10,000 characters", write=cell("watches", video_id="v" * 10_000)),
    Input("an id of emoji", write=cell("watches", video_id="🎸")),
    Input("an id with a quote", write=cell("watches", video_id='a"b')),
    Input("an id with a line break", write=cell("watches", video_id="a\nb")),
    Input("an id with a NUL", write=typed("video_id", ["a\0b", "c"] * 36)),
    Input("an id of blanks", write=cell("watches", video_id="  ")),
    Input("an empty text as id", write=typed("video_id", ["", "a"] * 36)),
    Input(
        "ids of integers here, text there",
        write=files(
            watches=watches().with_columns(
                pl.col("video_id").str.slice(1).cast(pl.Int64)
            ),
            videos=videos(),
        ),
    ),
    Input("negative watch_seconds", write=typed("watch_seconds", [-1.0] + [1.0] * 71)),
    Input(
        "NaN watch_seconds", write=typed("watch_seconds", [float("nan")] + [1.0] * 71)
    ),
    Input(
        "inf watch_seconds", write=typed("watch_seconds", [float("inf")] + [1.0] * 71)
    ),
    Input("1e30 watch_seconds", write=typed("watch_seconds", [1e30] + [1.0] * 71)),
    Input("watch_seconds as words", write=typed("watch_seconds", ["long"] * 72)),
    Input("watch_seconds all null", write=typed("watch_seconds", [None] * 72)),
    Input("watch_seconds in milliseconds", write=typed("watch_seconds", [6e4] * 72)),
    Input(
        "clicked as yes and no",
        write=typed("clicked", ["yes", "no"] * 36, "impressions"),
    ),
    Input("clicked as 1 and 0", write=typed("clicked", [1, 0] * 36, "impressions")),
    Input(
        "clicked as 1.0 and 0.0", write=typed("clicked", [1.0, 0.0] * 36, "impressions")
    ),
    Input("clicked as 2", write=typed("clicked", [2, 0] * 36, "impressions")),
    Input("clicked null", write=typed("clicked", [None] + [True] * 71, "impressions")),
    Input("no impression clicked", write=typed("clicked", [False] * 72, "impressions")),
    Input(
        "all impressions clicked", write=typed("clicked", [True] * 72, "impressions")
    ),
    Input(
        "impressions without rows",
        write=files(watches=watches(), impressions=impressions().head(0)),
    ),
    Input(
        "seconds where not clicked",
        write=typed("watch_seconds", [9.0] * 72, "impressions"),
    ),
    Input("a negative position", write=typed("position", [-1] * 72, "impressions")),
    Input("a position of 1.5", write=typed("position", [1.5] * 72, "impressions")),
    Input("a NaN score", write=typed("score", [float("nan")] * 72, "impressions")),
    Input("a 1e300 score", write=typed("score", [1e300] * 72, "impressions")),
    Input(
        "a seed video that nobody knows",
        write=typed("seed_video_id", ["x9"] * 72, "impressions"),
    ),
    Input(
        "seeds of another type", write=typed("seed_video_id", [7] * 72, "impressions")
    ),
    Input(
        "impressions of other users",
        write=typed("user_id", pl.lit("other"), "impressions"),
    ),
    Input(
        "impressions of other videos",
        write=typed("video_id", pl.lit("other"), "impressions"),
    ),
    Input("a null query", write=cell("searches", query="")),
    Input(
        "searches of other users",
        write=files(
            watches=watches(),
            searches=watches()
            .rename({"video_id": "query"})
            .with_columns(user_id=pl.lit("x")),
        ),
    ),
    Input(
        "searches without rows",
        write=files(
            watches=watches(), searches=watches().rename({"video_id": "query"}).head(0)
        ),
    ),
    Input(
        "queries of punctuation",
        write=files(
            watches=watches(),
            searches=watches()
            .rename({"video_id": "query"})
            .with_columns(query=pl.lit("?!")),
        ),
    ),
    Input(
        "users that match none",
        write=files(
            watches=watches(),
            users=people().with_columns(pl.format("x{}", "user_id").alias("user_id")),
        ),
    ),
    Input(
        "users as integers, watches as text",
        write=files(
            watches=watches(),
            users=people().with_columns(pl.col("user_id").str.slice(1).cast(pl.Int64)),
        ),
    ),
    Input(
        "half of the users match",
        write=files(
            watches=watches(),
            users=people().with_columns(
                pl.when(pl.int_range(pl.len()) < 6)
                .then("user_id")
                .otherwise(pl.format("x{}", "user_id"))
                .alias("user_id")
            ),
        ),
    ),
    Input("users without rows", write=files(watches=watches(), users=people().head(0))),
    Input(
        "a user twice in users",
        write=files(watches=watches(), users=pl.concat([people(), people().head(1)])),
    ),
    Input("a null user in users", write=cell("users", user_id="")),
    Input("a negative age", write=cell("users", age="-3")),
    Input("an age of 400", write=cell("users", age="400")),
    Input("an age as text", write=cell("users", age="old")),
    Input(
        "an own column of users half null",
        write=typed("segment", [None, "a"] * 6, "users"),
    ),
    Input(
        "an own column of users all null", write=typed("segment", [None] * 12, "users")
    ),
    Input(
        "an own column of users NaN",
        write=typed("points", [float("nan")] * 12, "users"),
    ),
    Input(
        "videos that match none",
        write=files(
            watches=watches(),
            videos=videos().with_columns(
                pl.format("x{}", "video_id").alias("video_id")
            ),
        ),
    ),
    Input("a watch of a video not listed", write=cell("watches", video_id="v99")),
    Input(
        "a video twice in videos",
        write=files(watches=watches(), videos=pl.concat([videos(), videos().head(1)])),
    ),
    Input(
        "videos without rows", write=files(watches=watches(), videos=videos().head(0))
    ),
    Input("a negative duration", write=cell("videos", duration_seconds="-1")),
    Input("a duration of 0", write=cell("videos", duration_seconds="0")),
    Input("a title of 1 MB", write=cell("videos", title="t" * 1_000_000)),
    Input("an empty title", write=cell("videos", title="")),
    Input(
        "an exact duplicate of a watch",
        write=files(watches=pl.concat([watches(), watches().head(5)])),
    ),
    Input("a split of another name", write=typed("split", ["dev"] * 72)),
    Input("a split without test", write=typed("split", ["train"] * 72)),
    Input(
        "a random split",
        write=typed("split", ["train", "train", "validation", "test"] * 18),
    ),
)

DROPPED = tuple(
    one.plus("--bad_rows=drop")
    for one in (*TIMES, *TABLES, *COLUMNS, *VALUES)
    if one.what
    in {
        "a word as time", "no time in a row", "NaN as time", "the year 2999",
        "1e30 as time", "milliseconds in one row of seconds", "one wrong ISO text",
        "a null user", "negative watch_seconds", "a user twice in users",
        "a watch of a video not listed", "a video twice in videos",
        "all times null", "clicked null", "a null query", "a negative age",
        "videos that match none", "users that match none",
        "a bad row in the second part",
        "a float id that is not whole", "the year 1900", "inf watch_seconds",
        "a duration of 0",
    }
)  # fmt: skip

SMALL = tuple(
    Input(
        what,
        "prepare --source=log --data_dir=LOG --workdir=RUN" + flags,
        files(watches=frame),
    )
    for what, frame, flags in (
        ("one watch", watches().head(1), ""),
        ("one watch, leave one out", watches().head(1), " --protocol=leave_one_out"),
        ("one user", watches().filter(pl.col("user_id") == "u1"), ""),
        ("one video", watches().with_columns(video_id=pl.lit("v")), ""),
        ("one watch for each user", watches(each=1), ""),
        (
            "two watches for each user, leave one out",
            watches(each=2),
            " --protocol=leave_one_out",
        ),
        ("3 users and 5 videos", watches(3, 5), ""),
        (
            "videos with fewer than 100 watches left out",
            watches(),
            " --min_item_count=100",
        ),
    )
)

SETTINGS = tuple(
    Input(
        f"{flags}",
        runner.PREPARE + " " + flags,
        files(watches=watches(), impressions=impressions()),
    )
    for flags in (
        "--where='time > 0'",
        "--where='time >'",
        "--where='rating > 3'",
        "--where='time + 1'",
        "--where='time < 0'",
        "--where=\"user_id = 'u1'\"",
        "--where='DROP TABLE watches'",
        "--bad_rows=keep",
        "--bad_rows=",
        "--protocol=random",
        "--protocol=split",
        "--min_item_count=0",
        "--min_item_count=-1",
        "--min_item_count=x",
        "--min_item_count=1.5",
        "--min_item_count=99999999999999999999",
        "--config.data.test_fraction=0",
        "--config.data.test_fraction=1",
        "--config.data.test_fraction=nan",
        "--config.data.test_fraction=0.9",
        "--config.data.test_fraction=-0.1",
        "--config.data.test_fraction=inf",
        "--config.data.ranking_fraction=0.95",
        "--config.data.order_by=order",
        "--config.data.clicks_are_watches=true",
        "--config.data.clicks_are_watches=maybe",
        "--config.data.page_gap_seconds=-1",
        "--config.data.min_watch_fraction=0.5",
        "--config.data.min_watch_seconds=10",
        "--config.data.nothing=1",
        "--config.data=1",
        "--config.seed=-1",
        "--config.seed=x",
        "--config.data.exposure=all",
        "--source=nothing",
        "--source=tables",
        "--source=movielens",
        "--source=kuairand --name=27k",
        "--files=watches",
        "--files=watch=a.csv",
        "--files=watches=nothing.csv",
        "--files=watches=../x.csv",
        "--config=nothing.py",
        "--config=LOG",
        "--nothing=1",
        "--source",
        "extra",
        "--workdir=/proc/x",
        "--workdir=LOG/watches.parquet",
        "--config.candidates.tower=wide",
        "--config.candidates.loss=best",
        "--config.ranking.head.order_by=nothing",
        "--config.evaluation.ks=",
        "--config.evaluation.ks=0",
        "--config.evaluation.ks=-1",
        "--config.index=flat",
        "--config.candidates.training.learning_rate=-1",
        "--config.index.leaves=3",
        "--config.data.world.num_users=0",
        "--config.data.columns=watches.time",
        "--strategy=mirrored",
        "--config.strategy=gpu",
        "--config.seed=1e3",
        "--config.data.min_search_token_count=0",
        "--config.data.max_search_tokens=-5",
    )
)

GROUPS = {
    "Times": TIMES,
    "Tables and files": TABLES,
    "Columns": COLUMNS,
    "Values": VALUES,
    "Bad rows dropped": DROPPED,
    "Small logs": SMALL,
    "Settings of prepare": SETTINGS,
}
