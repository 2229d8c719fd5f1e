"""The user's names of files and columns: the entries of `--files` and `--columns`."""

import pathlib
import re
import tomllib
from collections.abc import Collection, Iterable

from ytdnn.base import errors, schema, table_schemas, user_paths
from ytdnn.log.sources import multi_valued

_MADE = ("train_count", schema.USER_ID)  # that a column of videos cannot be called
# Without a name of the user's the column is left out.
_ENTRY = re.compile(r"(?P<table>\w+)\.(?P<column>\w+)=(?P<own>.*)")


def parse_columns(entries: Iterable[str]) -> dict[str, dict[str, str]]:
    """Returns `{table: {schema column: own column}}` of "table.column=own" entries.

    Example:
      >>> parse_columns(["watches.video_id=item_id"])
      {'watches': {'video_id': 'item_id'}}

    Raises:
      errors.UserError: An entry is malformed, repeated, or names no schema column.
    """
    names: dict[str, dict[str, str]] = {}
    for entry in entries:
        match = _ENTRY.fullmatch(entry.lstrip())
        if match is None:
            raise errors.UserError(
                f"expected --columns as table.column=your_column, received {entry!r}: "
                f"write for example --columns=watches.video_id=item_id"
            )
        table, column, user_column = match.group("table", "column", "own")
        require_one_of(table, table_schemas.TABLES, "a table", entry)
        columns = table_schemas.TABLES[table].names
        is_new = multi_valued.is_split(table, user_column) and column not in _MADE
        if not is_new and user_column.strip():
            require_one_of(column, columns, f"a column of {table}", entry)
        _require_new(column, names.setdefault(table, {}), entry)
        names[table][column] = user_column
    return names


def from_toml(path: pathlib.Path) -> dict[str, str]:
    """Returns the text of each setting of `data` in a file of `ytdnn check --suggest`.

    A section of a table has the user's names of its columns, `[files]` those of files;
    keys above are other settings.

    Args:
      path: The file.

    Raises:
      errors.UserError: The file cannot be read, or has something else than texts.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
        columns: list[str] = []
        files: list[str] = []
        for section in [key for key, own in content.items() if isinstance(own, dict)]:
            for name, own in content.pop(section).items():
                if not isinstance(own, str):
                    raise ValueError(f"{section}.{name} is {own!r}, no text")
                if name == "where":
                    raise ValueError(
                        f"write where above the first section, [{section}]"
                    )
                is_file = section == "files"
                place = name if is_file else f"{section}.{name}"
                (files if is_file else columns).append(f"{place}={own}")
    except (OSError, ValueError) as error:
        raise errors.UserError(
            f"expected in {path} names of columns in TOML, as ytdnn check --suggest "
            f"writes it, could not read it: {errors.one_line(str(error))}"
        ) from None
    texts = {}
    for key, own in content.items():
        parts = own if isinstance(own, list) else [own]
        plain = (each if isinstance(each, str) else str(each).lower() for each in parts)
        texts[key] = ",".join(plain)
    return {"columns": ",".join(columns), "files": ",".join(files), **texts}


def parse_files(entries: Iterable[str]) -> dict[str, str]:
    """Returns the own file of each table in "table=file" entries.

    Example:
      >>> parse_files(["watches=clicks.parquet"])
      {'watches': 'clicks.parquet'}

    Raises:
      errors.UserError: An entry is malformed, repeated, or names no table.
    """
    names: dict[str, str] = {}
    for entry in entries:
        table, _, file = (part.strip() for part in entry.partition("="))
        if not file:
            raise errors.UserError(
                f"expected --files as table=your_file, received {entry!r}: write for "
                f"example --files=watches=clicks.parquet"
            )
        require_one_of(table, table_schemas.TABLES, "a table", entry, "--files")
        _require_new(table, names, entry, "--files")
        names[table] = user_paths.text(file)
    return names


def _require_new(
    name: str, names: Collection[str], entry: str, flag: str = "--columns"
) -> None:
    if name in names:
        raise errors.UserError(
            f"expected {name} once in {flag}, received it again in {entry!r}: leave "
            f"one out"
        )


def require_mapped(names: Iterable[str], tables: Collection[str], place: str) -> None:
    """Checks that all tables with mapped columns exist.

    Args:
      names: Tables of `parse_columns`.
      tables: Names of the existing tables.
      place: Path, for the error.

    Raises:
      errors.UserError: A table is missing.
    """
    for table in names:
        if table not in tables:
            raise errors.UserError(
                f"expected a table {table} in {place} for --columns={table}.…, "
                f"found {', '.join(tables)}: add the table or leave the mapping out"
            )


def require_one_of(
    name: str, known: Collection[str], what: str, entry: str, flag: str = "--columns"
) -> None:
    """Checks that an entry has a name that there is.

    Args:
      name: The name.
      known: Names that there are.
      what: Kind of the name, for the error.
      entry: The entry.
      flag: Its flag.

    Raises:
      errors.UserError: The name is none of them.
    """
    if name not in known:
        raise errors.UserError(
            f"expected {what} (one of {', '.join(known)}) in {flag}, received "
            f"{name!r} in {entry!r}{errors.hint(name, known)}"
        )
