"""Three hundred inputs that neither earlier pass had: types, text, flags.

They are made by rule rather than by hand, so they have no line each on the page of
outcomes; `tests/run/cli/test_third_pass.py` holds them to what every input must end in.
"""

import dataclasses
import datetime
import decimal
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.run.cli.tried import logs, runner

SIZE = 72  # rows of the watches
_START = 1_700_000_000
_DAY = 86_400
_PREPARE = runner.PREPARE


@dataclasses.dataclass(frozen=True)
class Case:
    """An input, and the rows that it brings.

    Attributes:
      one: The input.
      rows: Of the watches, which must be kept or told of; None: not counted.
    """

    one: runner.Input
    rows: int | None = None


def _numbers() -> list[int]:
    return [_START + i * _DAY // 3 for i in range(SIZE)]


def _table() -> dict[str, Any]:
    return {
        "user_id": pa.array([f"u{i % 6}" for i in range(SIZE)]),
        "video_id": pa.array([f"v{i % 8}" for i in range(SIZE)]),
        "time": pa.array(_numbers()),
        "watch_seconds": pa.array([float(i % 50) for i in range(SIZE)]),
    }


def _typed() -> dict[str, Callable[[], pa.Array]]:
    """Returns columns of every type that Arrow writes to Parquet, by name."""
    numbers = _numbers()
    small = [i % 8 for i in range(SIZE)]
    moments = [datetime.datetime.fromtimestamp(t, datetime.UTC) for t in numbers]
    texts = [str(i) for i in small]

    def of(values: list, kind: pa.DataType) -> Callable[[], pa.Array]:
        return lambda: pa.array(values, kind)

    return {
        "null": of([None] * SIZE, pa.null()),
        "bool": of([i % 2 == 0 for i in small], pa.bool_()),
        "int8": of(small, pa.int8()),
        "uint8": of(small, pa.uint8()),
        "uint64 at its end": of([2**64 - 1 - i for i in small], pa.uint64()),
        "int64 at its beginning": of([-(2**63) + i for i in small], pa.int64()),
        "half": of([float(i) for i in small], pa.float16()),
        "float32 of times": of([float(t) for t in numbers], pa.float32()),
        "float64 with nan": of(
            [float("nan") if i == 3 else float(t) for i, t in enumerate(numbers)],
            pa.float64(),
        ),
        "float64 with inf": of([*map(float, numbers[1:]), float("inf")], pa.float64()),
        "decimal": of([decimal.Decimal(t) for t in numbers], pa.decimal128(20, 2)),
        "decimal of 40 digits": of(
            [decimal.Decimal(10) ** 39 + i for i in small], pa.decimal256(45, 0)
        ),
        "large text": of(texts, pa.large_string()),
        "dictionary of text": lambda: pa.array(texts).dictionary_encode(),
        "dictionary of numbers": lambda: pa.array(numbers).dictionary_encode(),
        "binary": of([t.encode() for t in texts], pa.binary()),
        "binary, not UTF-8": of([b"\xff" + t.encode() for t in texts], pa.binary()),
        "fixed binary": of([t.encode() * 4 for t in texts], pa.binary(4)),
        "a list": of([[i] for i in small], pa.list_(pa.int64())),
        "a struct": of([{"a": i} for i in small], pa.struct([("a", pa.int64())])),
        "a map": of([[("a", i)] for i in small], pa.map_(pa.string(), pa.int64())),
        "duration": of([datetime.timedelta(i) for i in small], pa.duration("s")),
        "time of day": of([datetime.time(i) for i in small], pa.time32("s")),
        "date32": of([one.date() for one in moments], pa.date32()),
        "date64": of([one.date() for one in moments], pa.date64()),
        "seconds of a zone": of(moments, pa.timestamp("s", "America/New_York")),
        "milliseconds, no zone": of(
            [one.replace(tzinfo=None) for one in moments], pa.timestamp("ms")
        ),
        "nanoseconds of UTC": of(moments, pa.timestamp("ns", "UTC")),
        "a zone of 15 hours": of(moments, pa.timestamp("us", "+15:00")),
        "a zone that is none": of(moments, pa.timestamp("us", "Mars/Olympus")),
    }


def _with_column(column: str, make: Callable[[], pa.Array]) -> runner.Write:
    def write(directory: pathlib.Path) -> None:
        pq.write_table(
            pa.table(_table() | {column: make()}), directory / "watches.parquet"
        )

    return write


def types() -> Iterator[Case]:
    """Yields each column of watches in each type."""
    for column in _table():
        for name, make in _typed().items():
            what = f"{column} as {name}"
            write = _with_column(column, make)
            for command in (_PREPARE, f"{_PREPARE} --bad_rows=drop"):
                yield Case(runner.Input(what, command, write), SIZE)


_LINES = [
    f"u{i % 6},v{i % 8},{t},{i % 50}.5"
    for i, t in zip(range(SIZE), _numbers(), strict=True)
]
_HEADER = "user_id,video_id,time,watch_seconds"
_CSV = "\n".join([_HEADER, *_LINES]) + "\n"


def _text(what: str, content: str | bytes, rows: int | None = SIZE) -> Iterator[Case]:
    data = content.encode() if isinstance(content, str) else content
    write = runner.named({"watches.csv": data})
    for command in (_PREPARE, f"{_PREPARE} --bad_rows=drop"):
        yield Case(runner.Input(what, command, write), rows)


def _value(column: int, value: str) -> str:
    """Returns the CSV with one value changed, in its third row."""
    cells = _LINES[2].split(",")
    cells[column] = value
    return "\n".join([_HEADER, *_LINES[:2], ",".join(cells), *_LINES[3:]]) + "\n"


_IDS = (
    *("", " ", "\t", '""', '"a,b"', '"a""b"', "'", "None", "NA", "<NA>", "007", "1e5"),
    *("-1", "1.0", "0x1F", "é", "e\u0301", "👩‍👩‍👧", "\u202egnp", "a\u200bb", "\ufeff"),
    *("x" * 10_000, "a\x00b", "..", "/etc/passwd", "$(id)", "[red]x[/red]", "%s%n"),
)
_TIMES = (
    *("0", "-1", "1e9", "1.7e9", "1_700_000_000", "1,7e9", "+1700000000", "٣٤٥", "now"),
    *("2024-13-01", "2024-02-30", "2023-02-29T00:00:00Z", "2024-05-01T24:00:00Z"),
    *("2024-05-01T23:59:60Z", "2024-05-01T10:00:00+99:99", "2024-05-01 10:00 PM"),
    *("0000-01-01", "9999-12-31", "10000-01-01", "2024-W18-3", "2024-122", "20240501"),
    *("01/05/2024", "1.5.2024", "Wed, 01 May 2024 10:00:00 GMT", "2024-05-01t10:00z"),
    *("1700000000.999999999", "99999999999999999999", "-0", "nan", "Infinity", "0b1"),
)
_SECONDS = (
    *("", "-0.0", "-1", "1e308", "1e400", "nan", "inf", "-inf", "1:30", "90s", "0,5"),
    *("1_000", "true", "٣", "0x1p3", "1e-320", "9" * 400, "PT1M30S", " 5 ", '"5"'),
)


def values() -> Iterator[Case]:
    """Yields one odd value in an otherwise good file."""
    for column, name, odd in (
        (0, "user_id", _IDS),
        (1, "video_id", _IDS),
        (2, "time", _TIMES),
        (3, "watch_seconds", _SECONDS),
    ):
        for value in odd:
            yield from _text(f"{name} {value[:20]!r}", _value(column, value))


def texts() -> Iterator[Case]:
    """Yields files whose text as a whole is odd."""
    for code in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037"):
        yield from _text(f"in {code}", _CSV.encode(code))
    yield from _text("in Latin-1", _value(0, "é").encode("latin-1"), None)
    for what, end in (("CR", "\r"), ("CRLF", "\r\n"), ("LF CR", "\n\r")):
        yield from _text(f"ends of {what}", _CSV.replace("\n", end))
    yield from _text("both ends", _CSV.replace("\n", "\r\n", 30))
    yield from _text("ends of U+2028", _CSV.replace("\n", "\u2028"), None)
    for separator in (";", "|", "\t", " ", "||", "\x01"):
        what = f"separated by {separator!r}"
        yield from _text(what, _CSV.replace(",", separator), None)
    headers = {
        "a name twice": "user_id,user_id,time,watch_seconds",
        "a name empty": "user_id,,time,watch_seconds",
        "names in capitals": _HEADER.upper(),
        "names in quotes": '"user_id","video_id","time","watch_seconds"',
        "names with blanks": "user_id , video_id , time , watch_seconds",
        "names of the program's own": "user_id,video_id,time,__row__",
        "one name too few": "user_id,video_id,time",
        "one name too many": f"{_HEADER},device",
        "a name of 10,000 letters": f"user_id,video_id,time,{'x' * 10_000}",
        "a name with markup": "user_id,video_id,time,[bold]x[/bold]",
    }
    for what, header in headers.items():
        yield from _text(what, _CSV.replace(_HEADER, header), None)
    yield from _text("no header", _CSV.partition("\n")[2], None)
    yield from _text("the header alone", f"{_HEADER}\n", 0)
    yield from _text("the header again", _CSV + _HEADER + "\n", SIZE + 1)
    yield from _text("commas alone", f"{_HEADER}\n" + ",,,\n" * 9, None)
    yield from _text("a quote left open", _value(0, '"u1'), None)
    yield from _text("a line end in quotes", _value(0, '"a\nb"'))
    yield from _text("a row too short", _value(3, "").replace(",\n", "\n", 1), None)
    yield from _text("a row too long", _value(3, "5,6,7"), None)
    yield from _text("a line of a million letters", _value(0, "x" * 10**6))
    yield from _text("no end of the last line", _CSV[:-1])
    yield from _text("half of the last line", _CSV[:-8])
    yield from _text("NUL bytes behind", _CSV.encode() + b"\0" * 512, None)
    yield from _text("a Parquet file", b"PAR1" + b"\0" * 99 + b"PAR1", None)
    yield from _text("a ZIP file", b"PK\x03\x04" + b"\0" * 99, None)
    yield from _text("every row the same", _HEADER + "\n" + (_LINES[0] + "\n") * 9, 9)
    wide = ",".join(f"c{i}" for i in range(5_000))
    row = "," + ",".join(["1"] * 5_000)
    lines = [f"{_HEADER},{wide}", *(line + row for line in _LINES)]
    yield from _text("5,000 columns of one's own", "\n".join(lines) + "\n")


def _flags(what: str, command: str) -> Case:
    return Case(runner.Input(what, command, runner.files(watches=logs.WATCHES)))


_WHERES = (
    *(
        "",
        " ",
        "1",
        "1=1",
        "user_id",
        "time >",
        "time > 'x'",
        "nosuch > 1",
        "sum(time)",
    ),
    *("time > 0; drop table watches", "(select 1)", "user_id like '%'", "time in ()"),
    *('user_id = "u1"', "user_id = 'u1", "not", "true", "null", "time/0 > 1", "--"),
    *("read_csv('/etc/passwd')", "user_id ~ '('", "cast(time as date) > '2024-01-01'"),
)
_MAPPINGS = (
    *("=", "a", "a=b", "watches", "watches.", "watches.video_id", "watches.video_id="),
    *(".video_id=x", "watches.video_id=x=y", "watches..x=y", "nosuch.video_id=x", ","),
    *(
        "watches.nosuch=x",
        "watches.time=time,watches.time=time",
        "watches.time=user_id",
    ),
    *(" watches.time = time ", "watches.time=TIME", "WATCHES.time=time", "é.ü=ß"),
)
_SETTINGS = (
    *(
        "",
        "=",
        ".",
        "..",
        "data",
        "data.",
        ".data",
        "data.dir.x",
        "nosuch",
        "data.nosuch",
    ),
    *("candidates.tower=1,,2", "candidates.tower=()", "candidates.tower=[8]"),
    *("candidates.loss=nosuch", "candidates.loss.nosuch=1", "candidates.loss="),
    *("seed=-1", "seed=1.5", "seed=1e3", "seed=٣", "seed=1_0", "seed= 1", "seed=True"),
    *("data.test_days=nan", "data.test_days=-inf", "candidates.dropout=1"),
    *("candidates.embedding_dim=0", "candidates.embedding_dim=" + "9" * 4_000),
    *(
        "data.source=nosuch",
        "data.source=",
        "strategy=nosuch",
        "composition.temperature=-0.1",
    ),
    *("evaluation.ks=", "evaluation.ks=0", "evaluation.ks=1,1", "evaluation.ks=a"),
    *("data.name=\x00", "data.name=\ud800", "data.name=" + "x" * 10_000),
)


def flags() -> Iterator[Case]:
    """Yields odd flags of good files."""
    for where in _WHERES:
        quoted = runner.shlex.quote(f"--where={where}")
        yield _flags(f"--where={where}", f"{_PREPARE} {quoted}")
    for mapping in _MAPPINGS:
        quoted = runner.shlex.quote(f"--columns={mapping}")
        yield _flags(f"--columns={mapping}", f"{_PREPARE} {quoted}")
    for setting in _SETTINGS:
        quoted = runner.shlex.quote(f"--config.{setting}")
        yield _flags(f"--config.{setting[:30]}", f"{_PREPARE} {quoted}")
    for command in ("prepare", "check", "train", "evaluate", "export", "refit"):
        for more in (
            "",
            "=",
            " --",
            " -",
            " ---x",
            " --workdir",
            " x",
            " --workdir=/dev/null/x",
        ):
            yield _flags(f"{command}{more}", f"{command}{more}")


CASES = {"types": types, "values": values, "texts": texts, "flags": flags}
