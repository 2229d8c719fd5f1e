import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import random_input, refusals
from ytdnn.base import errors
from ytdnn.log import raw_log
from ytdnn.log.sources import csv_files, parquet_files


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["1", "-2", ""], pl.Int64),
        (["1", "2.5"], pl.Float64),
        (["99999999999999999999"], pl.Float64),
        (["true", "false", ""], pl.Boolean),
        (["1", "x"], pl.String),
        (["2.5", "true"], pl.String),
    ],
)
def test_column_has_the_narrowest_type_that_all_values_fit(tmp_path, values, dtype):
    path = tmp_path / "t.csv"
    path.write_text("row,value\n" + "".join(f"{i},{v}\n" for i, v in enumerate(values)))
    frame = csv_files.scan_csv([path]).collect()
    assert frame.schema["value"] == dtype
    assert frame["value"].is_null().to_list() == [value == "" for value in values]
    assert frame[raw_log.ROW].to_list() == list(range(len(values)))


def test_value_at_the_very_end_still_counts(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("value\n" + "1\n" * 50_000 + "x\n")
    assert csv_files.scan_csv([path]).collect_schema()["value"] == pl.String


IDS = st.text(alphabet="0123456789ab-+. ", min_size=1, max_size=20).filter(str.strip)


@random_input.examples(60)
@given(st.lists(st.one_of(IDS, st.integers().map(str)), min_size=1, max_size=8))
def test_ids_read_back_as_they_were_written(tmp_path, ids):
    path = tmp_path / "t.csv"
    pl.DataFrame({"other": [0] * len(ids), "id": ids}).write_csv(path)
    read = csv_files.scan_csv([path], ["id"]).collect()["id"]
    assert [str(value) for value in read] == ids


def test_several_csvs_are_one_table_of_one_type(tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("id,value\n1,2\n2,\n")
    second.write_text("id,value\n007,x\n")
    paths = [first, second]
    frame = csv_files.scan_csv(paths, ["id"]).collect()
    assert frame["id"].to_list() == ["1", "2", "007"]
    assert frame["value"].to_list() == ["2", None, "x"]
    assert frame[raw_log.ROW].to_list() == [0, 1, 2]
    assert parquet_files.part_starts(paths) == ((0, str(first)), (2, str(second)))


def test_csvs_of_other_columns_are_refused(tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("id,value\n1,2\n")
    second.write_text("value,id\n1,2\n")
    assert refusals.line(csv_files.scan_csv, [first, second]) == (
        f"expected in {second} the columns of a.csv (id, value), found value, id: "
        f"write all parts with the same columns"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sep=,\na,b\n1,2\n", "names of columns in the first line .* found .* sep=,:"),
        ("a,b,a\n1,2,3\n", "each column once in the header of .*, found a 2 times"),
        ('a,"b"\n1,2\n"3",4\0\n', "found a NUL byte in row 2: mend the row"),
        ("a,b\n1,2,\n", "found 3: mend the row; .*, and none ends a row"),
    ],
)
def test_a_file_that_is_no_table_of_commas_is_named_in_a_line(tmp_path, text, message):
    (tmp_path / "part.csv").write_text(text)
    with pytest.raises(errors.UserError, match=message):
        csv_files.require_rows([tmp_path / "part.csv"])


@pytest.mark.parametrize(
    "text", [",a,b\n0,1,2\n1,3,4\n", "a,b,,\r\n1,2,,\r\n3,4,,\r\n"]
)
def test_columns_without_a_name_are_left_out_with_a_note(tmp_path, text):
    path = tmp_path / "part.csv"
    path.write_bytes(text.encode())
    layout = csv_files.require_rows([path])
    frame = csv_files.scan_csv([path], layout=layout).drop(raw_log.ROW).collect()
    assert frame.to_dict(as_series=False) == {"a": [1, 3], "b": [2, 4]}
    number = text.partition("\n")[0].count(",") - 1
    assert list(layout.notes()) == [f"columns without a name, left out: {number}"]
