"""The event log in words, made from `schema`: `ytdnn prepare --explain`.

`docs/event_log.md` is this text, held to it by a test.
"""

import textwrap
from collections.abc import Iterator

from ytdnn.base import schema, table_schemas

_WIDTH = 88
_KINDS = {
    "id": "id: integer or text",
    "time": "time",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "text": "text",
}

EXAMPLE = {
    schema.WATCHES: """\
user_id,video_id,time,watch_seconds,device
ann,cats,2024-05-01T12:00:00Z,30,phone
ann,dogs,2024-05-02T12:00:00Z,55,phone
bob,cats,2024-05-03T08:30:00+02:00,12,tv
bob,jazz,2024-05-04T09:00:00Z,240,tv
cho,jazz,2024-05-05T10:00:00Z,200,phone
cho,dogs,2024-05-06T11:00:00Z,40,
""",
    schema.IMPRESSIONS: """\
user_id,video_id,time,clicked,watch_seconds
ann,cats,2024-05-01T11:59:50Z,true,30
ann,jazz,2024-05-01T11:59:50Z,false,0
bob,jazz,2024-05-04T08:59:30Z,true,240
""",
    schema.VIDEOS: """\
video_id,title,duration_seconds,topic
cats,Ten cats,60,animals
dogs,A dog's day,58,animals
jazz,Blue in green,330,music
""",
    schema.USERS: """\
user_id,age,country
ann,31,DE
bob,,JP
cho,25,KR
""",
}

_HEAD = """\
A directory of tables, each a file of Parquet (`.parquet`, `.pq`) or of CSV with \
commas and a header (`.csv`, `.csv.gz`), or a folder of parts, all Parquet or all \
CSV, of the same columns and types; folders in it are read too, and the keys of Hive \
partitions (`dt=2024-05-01/`) are columns. Blank lines, and lines above the header \
of a CSV that begin with `#`, are left out and counted. Only `watches` is needed, \
and in it the first three columns. A feature exists exactly when its columns do; \
nothing is made up for a missing one, and columns that nothing reads are named when \
`prepare` ends. Other names of files and columns are mapped with `--files` and \
`--columns` ([sources](sources.md#your-own-files))."""

_TYPES = f"""\
- **id**: integers or text, one of the two in all tables, and given back as they \
were.
- **time**: seconds since 1970; milliseconds, microseconds or nanoseconds where most \
of a column is (said when read); a Parquet date or datetime; or ISO 8601 text as \
`2024-05-01T12:00:00Z`. Without a zone it is read as UTC. Events lie between 1970 \
and 2100.
- **number**: finite, of a size below {table_schemas.MOST_NUMBER:g}; of seconds at \
most {table_schemas.MOST_SECONDS:,.0f}. NaN is read as missing.
- **true or false**: also 1 and 0.

A bad row (a missing or empty id, an invalid time, a value out of range, a key twice, \
an event of a video that `videos` does not list) stops `prepare`, which names table, \
column, row and value; with `--bad_rows=drop` it is left out and counted by reason. \
Rows that are exactly alike are counted and kept. A table none of whose ids has a \
watch is refused, and ids without one are counted. Any other column of `users` or \
`videos` that holds numbers or text is kept, and is a feature once named: \
`--features=users.segment`. A column of \
lists of floats is one of vectors: [vectors.md](vectors.md)."""

_OUTCOMES = """\
Further outcomes of your own are columns that `data.outcomes` names, such as \
`--config.data.outcomes="('added_to_cart','price')"`. A column of true and false, or \
of 1 and 0, is binary; any other holds amounts of at least 0. A value that is missing \
is unknown, and no model learns from it; what did not happen is false or 0 \
([feedback](feedback.md))."""


def explain() -> str:
    """Returns the page, Markdown."""
    parts = ["# The event log", _wrapped(_HEAD)]
    for table in table_schemas.TABLES.values():
        parts += [f"## {table.name}", _wrapped(f"A row is {table.rows}. {table.use}")]
        parts.append("\n".join(_rows(table)))
        if table.name == schema.IMPRESSIONS:
            parts.append(_wrapped(_OUTCOMES))
    parts += ["## Types and units", _wrapped(_TYPES)]
    parts += ["## An example", *_example()]
    return "\n\n".join(parts) + "\n"


def _rows(table: table_schemas.TableSchema) -> Iterator[str]:
    yield "| column | holds | use |"
    yield "|---|---|---|"
    for column in table.columns:
        needed = "Needed." if column.required else column.use
        kind = f"{_KINDS[column.kind]}{_range(column)}"
        yield f"| `{column.name}` | {column.meaning} ({kind}) | {needed} |"


def _range(column: table_schemas.Column) -> str:
    if column.choices or column.least is None or column.kind == "time":
        return ""
    if column.most < table_schemas.MOST_NUMBER:
        return f", {column.least:g} to {column.most:,.0f}"
    return f", {column.least:g} or more"


def _example() -> Iterator[str]:
    yield "Four files in a directory `logs`:"
    for table, rows in EXAMPLE.items():
        yield f"`{table}.csv`"
        yield f"```csv\n{rows}```"
    yield (
        "```sh\nytdnn prepare --source=log --data_dir=logs --protocol=leave_one_out "
        "--workdir=runs/example\n```"
    )


def _wrapped(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        indent = "  " if line.startswith("- ") else ""
        lines += textwrap.wrap(
            line,
            _WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(lines)
