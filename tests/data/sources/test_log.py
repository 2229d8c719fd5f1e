import contextlib
import datetime
import gzip

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytdnn import configs, errors, schema
from ytdnn.data import sources
from ytdnn.data.sources import log as log_source

WATCHES = pl.DataFrame(
    {
        "user_id": ["b", "a", "b"],
        "item_id": [30, 10, 20],
        "ts": [3, 1, 2],
        "rating": [5, 2, 4],
    }
)
COLUMNS = ("watches.video_id=item_id", "watches.time=ts")


def _read(directory, **config):
    config.setdefault("columns", COLUMNS)
    return sources.read(configs.Data(source="log", dir=str(directory), **config))


def _line(directory, **config):
    with pytest.raises(errors.UserError) as caught:
        _read(directory, **config)
    line = str(caught.value)
    assert "\n" not in line
    return line


def _write_as(end, directory):
    if end == "parts":
        (directory / "watches").mkdir()
        WATCHES[:2].write_parquet(directory / "watches/part-0.parquet")
        WATCHES[2:].write_parquet(directory / "watches/part-1.parquet")
    elif end == "csv":
        WATCHES.write_csv(directory / "watches.csv")
    elif end == "csv.gz":
        content = gzip.compress(WATCHES.write_csv().encode())
        (directory / "watches.csv.gz").write_bytes(content)
    else:
        WATCHES.write_parquet(directory / f"watches.{end}")


@pytest.mark.parametrize("end", ["parquet", "pq", "csv", "csv.gz", "parts"])
def test_every_form_of_a_table_gives_the_same_rows_in_file_order(tmp_path, end):
    _write_as(end, tmp_path)
    table = _read(tmp_path).tables["watches"].collect()
    assert table.schema == {
        "user_id": pl.String,
        "video_id": pl.Int64,
        "time": pl.Int64,
    }
    assert table.rows() == [("b", 30, 3), ("a", 10, 1), ("b", 20, 2)]


def test_where_sees_columns_that_are_not_mapped(tmp_path):
    _write_as("csv", tmp_path)
    table = _read(tmp_path, where="rating >= 4").tables["watches"].collect()
    assert table["video_id"].to_list() == [30, 20]


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("rating >=", "unable to parse 'rating >=' as Expr"),
        ("stars >= 4", 'unable to find column "stars"'),
        ("rating", "filter predicate must be of type `Boolean`, got `Int64`"),
        ("rating > 'x'", "cannot compare string with numeric type"),
    ],
)
def test_bad_filter_is_one_line(tmp_path, where, reason):
    _write_as("parquet", tmp_path)
    line = _line(tmp_path, where=where)
    assert line.startswith(
        f"expected in --where a Polars SQL condition over the columns of {tmp_path}/"
        f"watches.parquet (user_id, item_id, ts, rating), received {where!r}: {reason}"
    )


def test_ids_come_back_as_they_were_given(tmp_path):
    rows = "user_id,video_id,time\n007,1,1\n8,-20,2\n"
    (tmp_path / "watches.csv").write_text(rows)
    table = _read(tmp_path, columns=()).tables["watches"].collect()
    assert table["user_id"].to_list() == ["007", "8"]
    assert table["video_id"].to_list() == [1, -20]


def test_optional_tables_and_casts(tmp_path):
    WATCHES.write_parquet(tmp_path / "watches.parquet")
    when = datetime.datetime(1970, 1, 2, 0, 0, 1, 500_000)
    pl.DataFrame(
        {
            "user_id": ["a", "b"],
            "video_id": [10, 20],
            "time": [when, when],
            "clicked": ["TRUE", "0"],
            "source": pl.Series(["home", "search"], dtype=pl.Categorical),
            "unknown": [1, 2],
        }
    ).write_parquet(tmp_path / "impressions.parquet")
    pl.DataFrame(
        {"video_id": [10, 20, 30], "upload_time": [datetime.date(1970, 1, 3)] * 3}
    ).write_parquet(tmp_path / "videos.parquet")
    tables = _read(tmp_path).tables
    assert list(tables) == ["watches", "impressions", "videos"]
    assert tables["impressions"].collect().rows() == [
        ("a", 10, 86_401, True, "home"),
        ("b", 20, 86_401, False, "search"),
    ]
    assert tables["videos"].collect()["upload_time"].to_list() == [172_800] * 3


def test_float_seconds_are_rounded_down(tmp_path):
    frame = WATCHES.with_columns(ts=pl.Series([3.9, -0.5, 2.0]))
    frame.write_parquet(tmp_path / "watches.parquet")
    table = _read(tmp_path).tables["watches"].collect()
    assert table["time"].to_list() == [3, -1, 2]


def test_one_own_column_may_serve_twice(tmp_path):
    _write_as("parquet", tmp_path)
    columns = (*COLUMNS, "watches.order=ts")
    table = _read(tmp_path, columns=columns).tables["watches"].collect()
    assert table["order"].to_list() == table["time"].to_list() == [3, 1, 2]


def test_missing_column_lists_what_there_is_and_hints(tmp_path):
    WATCHES.rename({"ts": "tme"}).write_parquet(tmp_path / "watches.parquet")
    assert _line(tmp_path, columns=COLUMNS[:1]) == (
        f"expected column time in {tmp_path}/watches.parquet for watches.time, found "
        f"user_id, item_id, tme, rating: did you mean tme?: name yours with "
        f"--columns=watches.time=YOUR_COLUMN"
    )


def test_mapped_optional_column_must_be_there(tmp_path):
    _write_as("csv", tmp_path)
    line = _line(tmp_path, columns=(*COLUMNS, "watches.device=phone"))
    assert f"expected column phone in {tmp_path}/watches.csv for watches.device" in line


def test_mapping_of_a_table_that_is_not_there(tmp_path):
    _write_as("csv", tmp_path)
    assert _line(tmp_path, columns=(*COLUMNS, "videos.title=name")) == (
        f"expected a table videos in {tmp_path} for --columns=videos.…, found watches: "
        f"add the table or leave the mapping out"
    )


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("nonsense", "expected --columns as table.column=your_column, received"),
        ("watches.time=", "expected --columns as table.column=your_column, received"),
        ("watch.time=t", "did you mean watches?"),
        ("watches.tiem=t", "did you mean time?"),
        ("videos.query=q", "expected a column of videos (one of video_id, "),
    ],
)
def test_bad_mapping_is_one_line(entry, expected):
    with pytest.raises(errors.UserError) as caught:
        log_source.parse_columns([entry])
    assert expected in str(caught.value)
    assert repr(entry) in str(caught.value)


def test_mapping_given_twice_is_refused():
    with pytest.raises(errors.UserError, match=r"expected watches\.time once"):
        log_source.parse_columns(["watches.time=a", "watches.time=b"])


PLACES = st.sampled_from(
    [(t.name, c.name) for t in schema.TABLES.values() for c in t.columns]
)
OWN = st.text(min_size=1).map(str.strip).filter(lambda s: s and s.isprintable())


@given(st.dictionaries(PLACES, OWN, max_size=6))
def test_mapping_reads_back_what_was_written(mapping):
    entries = [f"{table}.{column}={own}" for (table, column), own in mapping.items()]
    names = log_source.parse_columns(entries)
    read = {(t, c): own for t, columns in names.items() for c, own in columns.items()}
    assert read == mapping


@given(st.text(max_size=30))
def test_mapping_parser_gives_schema_columns_or_a_user_error(entry):
    with contextlib.suppress(errors.UserError):
        ((table, columns),) = log_source.parse_columns([entry]).items()
        assert set(columns) <= {column.name for column in schema.TABLES[table].columns}


def test_directory_without_watches(tmp_path):
    (tmp_path / "clicks.csv").write_text("a\n1\n")
    assert _line(tmp_path) == (
        f"expected watches.parquet, .pq, .csv or .csv.gz, or a folder watches of "
        f"Parquet files in {tmp_path}, found clicks.csv: name yours with "
        f"--files=watches=FILE"
    )


def test_empty_or_absent_directory(tmp_path):
    assert _line(tmp_path).endswith(f"in {tmp_path}, found nothing")
    assert _line(tmp_path / "no").endswith(f"received '{tmp_path}/no' (nothing there)")
    assert "expected a directory of event-log tables in --data_dir" in _line("")


def test_two_forms_of_one_table_are_refused(tmp_path):
    _write_as("csv", tmp_path)
    _write_as("parquet", tmp_path)
    assert "found several (watches.parquet, watches.csv): keep one" in _line(tmp_path)


def test_empty_file(tmp_path):
    (tmp_path / "watches.csv").write_text("")
    assert _line(tmp_path) == (
        f"expected a table in {tmp_path}/watches.csv, found an empty file: export it "
        f"again"
    )


def test_error_row_is_counted_within_its_part(tmp_path):
    _write_as("parts", tmp_path)
    origin = _read(tmp_path).origin("watches")
    assert origin.place(1) == f"row 2 of {tmp_path}/watches/part-0.parquet"
    assert origin.place(2) == f"row 1 of {tmp_path}/watches/part-1.parquet"
