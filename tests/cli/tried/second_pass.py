"""Inputs of a newcomer and a clumsy user that the first pass did not have."""

import os
import pathlib
from collections.abc import Callable

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.cli.tried import logs, runner

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

LOGS = {
    "Places, second pass": PLACES,
    "Parts and forms of files": PARTS,
    "Shapes of CSV": SHAPES,
}
RUNS: dict[str, tuple[Input, ...]] = {}
