"""Inputs of a newcomer and a clumsy user that the first pass did not have."""

import os
import pathlib
from collections.abc import Callable

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.run.cli.tried import logs, runner

Input = runner.Input
files, named = runner.files, runner.named
_WATCHES = logs.WATCHES

PLACES = (
    Input(
        "a home directory as workdir",
        "prepare --source=log --data_dir=LOG --workdir=~/RUN",
        files(watches=_WATCHES),
    ),
    Input(
        "a home directory as log",
        "prepare --source=log --data_dir=~/LOG --workdir=RUN",
        files(watches=_WATCHES),
    ),
    Input(
        "a home directory of nobody",
        "prepare --source=log --data_dir=~nobody-here/logs --workdir=RUN",
    ),
)


def _offset_zone(directory: pathlib.Path) -> None:
    """Writes watches as pandas writes times of a fixed offset."""
    times = pa.array(logs.watches()["time"].to_list(), pa.int64())
    table = logs.watches().drop("time").to_arrow()
    offset = pa.timestamp("us", tz="+05:30")
    micros = pc.multiply(times, 1_000_000).cast(pa.timestamp("us")).cast(offset)
    pq.write_table(table.append_column("time", micros), directory / "watches.parquet")


def _pieces() -> list[pl.DataFrame]:
    frame = logs.watches()
    return [frame[:24], frame[24:48], frame[48:]]


def _made(make: Callable[[pathlib.Path], None], **also: str) -> runner.Write:
    """Returns a function that writes tables, and makes something else."""

    def write(directory: pathlib.Path) -> None:
        files(**also)(directory)
        make(directory)

    return write


_A, _B, _C = _pieces()
_CSV = [logs.text(piece) for piece in (_A, _B, _C)]
PARTS = (
    Input("times of a fixed offset, as pandas writes them", write=_offset_zone),
    Input(
        "parts in subfolders",
        write=named({"watches/a/1.parquet": _A, "watches/b/1.parquet": _B}),
    ),
    Input(
        "Hive partitions",
        write=named(
            {
                f"watches/device={device}/part.parquet": piece
                for device, piece in zip(["tv", "phone"], (_A, _B), strict=True)
            }
        ),
    ),
    Input(
        "Hive partitions of another depth",
        write=named({"watches/dt=1/a.parquet": _A, "watches/b.parquet": _B}),
    ),
    Input(
        "Hive partitions as the times",
        write=named(
            {
                f"watches/time=2024-05-0{day}/part.parquet": piece.drop("time")
                for day, piece in enumerate(_pieces(), 1)
            }
        ),
    ),
    Input(
        "CSV parts",
        write=named({"watches/1.csv": _CSV[0], "watches/2.csv": _CSV[1]}),
    ),
    Input(
        "a bad row in the second CSV part",
        write=named(
            {"watches/1.csv": _CSV[0], "watches/2.csv": logs.text(_B, 2, time="x")}
        ),
    ),
    Input(
        "CSV parts beside Parquet parts",
        write=named({"watches/1.parquet": _A, "watches/2.csv": _CSV[1]}),
    ),
    Input(
        "CSV parts of other columns",
        write=named({"watches/1.csv": _CSV[0], "watches/2.csv": "a,b,c\n1,2,3\n"}),
    ),
    Input(
        "a JSON file among the parts",
        write=named({"watches/1.parquet": _A, "watches/2.json": "{}"}),
    ),
    Input(
        "what Spark leaves among the parts",
        write=named(
            {
                "watches/part-0.parquet": _A,
                "watches/_SUCCESS": "",
                "watches/.part-0.parquet.crc": "x",
                "watches/_temporary/1.parquet": _B,
            }
        ),
    ),
    Input(
        "a link to a folder among the parts",
        write=_made(
            lambda d: (
                named({"more/2.parquet": _B, "watches/1.parquet": _A})(d),
                (d / "watches" / "linked").symlink_to(d / "more"),
            )[-1]
        ),
    ),
    Input(
        "a link in a circle among the parts",
        write=_made(
            lambda d: (
                named({"watches/1.parquet": _A})(d),
                (d / "watches" / "self").symlink_to(d / "watches"),
            )[-1]
        ),
    ),
    Input("an empty folder of parts", write=_made(lambda d: (d / "watches").mkdir())),
    Input("watches.csv.zip", write=named({"watches.csv.zip": b"PK\3\4"})),
    Input("watches.csv.zst", write=named({"watches.csv.zst": b"(\xb5/\xfd"})),
    Input("watches.jsonl", write=named({"watches.jsonl": '{"user_id": "a"}\n'})),
    Input("watches.json", write=named({"watches.json": "[]"})),
    Input("watches.xlsx", write=named({"watches.xlsx": b"PK\3\4"})),
    Input("watches.tsv", write=named({"watches.tsv": "user_id\tvideo_id\ttime\n"})),
    Input(
        "videos.jsonl beside watches.csv",
        write=_made(named({"videos.jsonl": "{}"}), watches=_WATCHES),
    ),
    Input(
        "watches_2.csv beside watches.csv",
        write=_made(named({"watches_2.csv": _WATCHES}), watches=_WATCHES),
    ),
    Input("a FIFO as watches.csv", write=_made(lambda d: os.mkfifo(d / "watches.csv"))),
    Input("a FIFO as watches", write=_made(lambda d: os.mkfifo(d / "watches"))),
    Input(
        "a FIFO among the parts",
        write=_made(
            lambda d: (
                named({"watches/1.csv": _CSV[0]})(d),
                os.mkfifo(d / "watches" / "2.csv"),
            )[-1]
        ),
    ),
    Input(
        "/dev/null as watches",
        f"{runner.PREPARE} --files=watches=/dev/null",
        files(watches=_WATCHES),
    ),
    Input(
        "a directory called watches.csv",
        write=_made(lambda d: (d / "watches.csv").mkdir()),
    ),
    Input(
        "a link to nothing as watches.csv",
        write=_made(lambda d: (d / "watches.csv").symlink_to(d / "gone.csv")),
    ),
    Input(
        "a FIFO as users of recommend",
        "recommend --workdir=nowhere --users=LOG/u.csv --out=RUN/r.csv",
        _made(lambda d: os.mkfifo(d / "u.csv")),
    ),
)


_ROWS = _WATCHES.splitlines()
_NAMED = _WATCHES.replace("video_id", '"video, id"', 1)
SHAPES = (
    Input(
        "a blank line in the middle",
        write=files(watches="\n".join([*_ROWS[:5], "", *_ROWS[5:]]) + "\n"),
    ),
    Input("blank lines at the end", write=files(watches=_WATCHES + "\n\n\n")),
    Input("rows of commas alone", write=files(watches=_WATCHES + ",,\n,,\n")),
    Input("a blank line above the header", write=files(watches="\n" + _WATCHES)),
    Input(
        "a blank line and quotes",
        write=files(watches=f'{_ROWS[0]}\n\n"u1","v1",1700000000\n' + _WATCHES[22:]),
    ),
    Input("CR line ends", write=files(watches=_WATCHES.replace("\n", "\r"))),
    Input("CRLF line ends", write=files(watches=_WATCHES.replace("\n", "\r\n"))),
    Input(
        "a comment line at the top",
        write=files(watches="# exported by hand, 2024\n" + _WATCHES),
    ),
    Input(
        "two comment lines and a bad row",
        write=files(watches="# a\n# b,c\n" + logs.text(logs.watches(), 2, time="soon")),
    ),
    Input(
        "a header that begins with #",
        write=files(watches="#" + _WATCHES),
    ),
    Input(
        "ids that begin with #",
        write=files(watches=_WATCHES.replace("u1,", "#u1,")),
    ),
    Input(
        "a column name with a comma",
        f"{runner.PREPARE} '--columns=watches.video_id=video, id'",
        files(watches=_NAMED),
    ),
    Input(
        "a column name with a comma, and another",
        f"{runner.PREPARE} '--columns=watches.video_id=video, id,watches.time=when'",
        files(watches=_NAMED.replace("time", "when", 1)),
    ),
    Input(
        "a column name with a comma, not mapped",
        write=files(watches=_NAMED),
    ),
)

_DAYS = pl.col("time") // logs.DAY
# Of eight videos user u watches u + 3n, n < 6: the seventh is u + 18.
_UNWATCHED = pl.format(
    "v{}", (pl.col("user_id").str.slice(1).cast(pl.Int64) + 18).mod(8)
)
_MANY = logs.watches(users=20, videos=12, each=6)
_BUSY = pl.concat([_MANY, *([logs.watches(users=1, videos=12, each=12)] * 12)])


def _timed(expression: pl.Expr) -> runner.Write:
    return files(watches=logs.watches().with_columns(expression.alias("time")))


def _seconds(factor: float, table: str = "watches") -> runner.Write:
    """Returns rows of videos that were watched `factor` times their length."""
    rows = logs.watches().with_columns(pl.lit(60.0 * factor).alias("watch_seconds"))
    if table == "impressions":
        rows = rows.with_columns(pl.lit(True).alias("clicked"))
        return files(watches=_WATCHES, videos=logs.videos(), impressions=rows)
    return files(watches=rows, videos=logs.videos())


def _renamed(old: str, new: str) -> runner.Write:
    column = "user_id" if old.startswith("u") else "video_id"
    return files(watches=logs.watches().with_columns(pl.col(column).replace(old, new)))


def _users(points: list[float]) -> runner.Write:
    people = logs.people().with_columns(pl.Series("points", points))
    return files(watches=_WATCHES, users=people)


PLAUSIBILITY = (
    Input("times in days", write=_timed(_DAYS)),
    Input("times in days of a spreadsheet", write=_timed(_DAYS + 25_569)),
    Input("times in days of a spreadsheet, fractions", write=_timed(_DAYS + 25_569.25)),
    Input("times in hours", write=_timed(pl.col("time") // 3_600)),
    Input("times in minutes", write=_timed(pl.col("time") // 60)),
    Input(
        "times as 20240501",
        write=_timed(pl.from_epoch("time").dt.strftime("%Y%m%d").cast(pl.Int64)),
    ),
    Input(
        "times counted from another day", write=_timed(pl.col("time") - 1_690_000_000)
    ),
    Input("times within an hour", write=_timed(logs.START + pl.int_range(72) * 40)),
    Input(
        "zones beyond 14 hours",
        write=_timed(
            pl.from_epoch("time").dt.strftime("%Y-%m-%dT%H:%M:%S") + pl.lit("+19:00")
        ),
    ),
    Input("watch seconds in milliseconds", write=_seconds(700.0)),
    Input("watch seconds above most durations", write=_seconds(3.0)),
    Input("durations in minutes", write=_seconds(55.0)),
    Input(
        "seconds of impressions in milliseconds", write=_seconds(700.0, "impressions")
    ),
    Input("watch seconds below the durations", write=_seconds(0.5)),
    Input(
        "all uploads after all watches",
        write=files(
            watches=_WATCHES,
            videos=logs.videos().with_columns(
                pl.lit(logs.START + 400 * logs.DAY).alias("upload_time")
            ),
        ),
    ),
    Input(
        "clicks that match no watch",
        write=files(
            watches=_WATCHES,
            impressions=logs.impressions().with_columns(_UNWATCHED.alias("video_id")),
        ),
    ),
    Input("one user with most of the events", write=files(watches=_BUSY)),
    Input(
        "one video with most of the events",
        write=files(
            watches=_BUSY.rename({"user_id": "video_id", "video_id": "user_id"})
        ),
    ),
    Input("NULL as a user", write=_renamed("u3", "NULL")),
    Input("nan as a video", write=_renamed("v3", "nan")),
    Input("backslash N as a video", write=_renamed("v3", "\\N")),
    Input("quotes as part of an id", write=_renamed("v3", '"v3"')),
    Input(
        "inf in an own column of users",
        write=_users([float("inf")] * 12),
    ),
    Input(
        "inf in a row of an own column of users, dropped",
        f"{runner.PREPARE} --bad_rows=drop",
        _users([float("inf")] + [1.0] * 11),
    ),
    Input("an apostrophe in an id", write=_renamed("v3", "d'accord")),
)

_TRAIN = "train --workdir=COPY --stage"
_WRONG = """\
from ytdnn.features.sequences import sequence


class Wrong(sequence.SequenceEncoder):
    def states(self, history, seed):
        return history.rows[CUT]
"""


def _encoder(what: str, cut: str) -> Input:
    flags = "--config.candidates.encoder=own --config.candidates.encoder.file=LOG/e.py"
    write = named({"e.py": _WRONG.replace("[CUT]", cut)})
    return Input(f"an own encoder {what}", f"{_TRAIN}=candidates {flags}", write)


def _size(setting: str, value: str) -> Input:
    stage = setting.partition(".")[0]
    flag = f"--config.{setting}={value}"
    command = f"{_TRAIN}={stage} {flag}"
    if stage == "evaluation":
        command = f"evaluate --workdir=COPY {flag}"
    return Input(f"{setting} of {value}", command)


SIZES = (
    _encoder("of narrow states", "[..., :4]"),
    _encoder("of too few states", "[:, 1:]"),
    _encoder("of one state", "[:, 0]"),
    _encoder("of a number", ".shape[0]"),
    _size("candidates.history_length", "1000000000"),
    _size("candidates.embedding_dim", "1000000000"),
    _size("candidates.tower", "10000000,10000000"),
    _size("candidates.search_length", "100000000000"),
    _size("candidates.learned_bags", "1000000000"),
    _size(
        "candidates.loss.num_negatives",
        "1000000000 --config.candidates.loss=sampled_softmax",
    ),
    _size("ranking.history_length", "1000000000"),
    _size("ranking.tower", "10000000,10000000"),
    _size("evaluation.num_resamples", "10000000000"),
)
_CROWD = files(watches=logs.watches(users=40, videos=30, each=25))


def _limit(what: str, command: str, kilobytes: int) -> Input:
    return Input(what, command, _CROWD, kilobytes * 1_024)


LIMITS = (
    _limit("a limit of 1 KB in prepare", runner.PREPARE, 1),
    _limit("a limit of 5 KB in prepare", runner.PREPARE, 5),
    _limit("a limit of 0 KB in prepare", runner.PREPARE, 0),
    Input("a seed of 2^32", f"{runner.PREPARE} --config.seed=4294967296", _CROWD),
    Input("a seed of -1", f"{runner.PREPARE} --config.seed=-1", _CROWD),
)
_AGAIN = "--config.candidates.embedding_dim=9"
RUN_LIMITS = tuple(
    _limit(f"a limit of {size} KB in {what}", f"{command} --workdir=COPY", size)
    for what, command in (
        ("train", f"train {_AGAIN} --stage=candidates"),
        ("train the ranker", "train --stage=ranking --config.ranking.tower=9"),
        ("evaluate", "evaluate"),
        ("export", "export --config.composition.num_candidates=14"),
        ("index tune", "index tune --k=5"),
    )
    for size in (1, 8, 60)
    if (what, size) != ("index tune", 60)  # which says how long it took
)
RUNS: dict[str, tuple[Input, ...]] = {
    "Limits of files": RUN_LIMITS,
    "Sizes and own encoders": SIZES,
}
LOGS = {
    "Places, second pass": PLACES,
    "Parts and forms of files": PARTS,
    "Shapes of CSV": SHAPES,
    "Legal, and a mistake": PLAUSIBILITY,
    "Seeds and limits": LIMITS,
}
