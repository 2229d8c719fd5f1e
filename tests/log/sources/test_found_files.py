"""Files of a table: folders of parts, Hive partitions, forms that are not read."""

import pathlib

import polars as pl
import pyarrow
import pytest

from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.log import raw_log
from ytdnn.log.sources import found_files, own_tables

_ROWS = pl.DataFrame({"user_id": ["a", "b"], "video_id": ["v", "w"], "time": [1, 2]})


def _write(directory: pathlib.Path, name: str, frame: pl.DataFrame = _ROWS) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write = frame.write_csv if path.suffix == ".csv" else frame.write_parquet
    write(path)


def _read(directory: pathlib.Path) -> pl.DataFrame:
    found = own_tables.read(configs.DataConfig(source="log", dir=str(directory)))
    return found.tables[schema.WATCHES].collect()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_hive_key_is_a_column_of_its_parts(
    tmp_path: pathlib.Path, ending: str
) -> None:
    for device in ("tv", "a%20b", "__HIVE_DEFAULT_PARTITION__"):
        _write(tmp_path, f"watches/device={device}/part.{ending}")
    # Parts in the order of their names: __HIVE…, a%20b, tv; two rows each.
    assert _read(tmp_path)["device"].to_list() == [None, None, "a b", "a b", "tv", "tv"]


def test_a_column_of_the_files_comes_before_the_key(tmp_path: pathlib.Path) -> None:
    _write(tmp_path, "watches/time=9/part.parquet")
    found = own_tables.read(configs.DataConfig(source="log", dir=str(tmp_path)))
    assert found.tables[schema.WATCHES].collect()["time"].to_list() == [1, 2]
    assert found.origin("watches").notes == (
        "watches: partition key time, not read: the files have it",
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_hives_text_of_a_missing_value_is_missing_in_the_files_too(
    tmp_path: pathlib.Path, ending: str
) -> None:
    for device in ("tv", "__HIVE_DEFAULT_PARTITION__"):
        frame = _ROWS.with_columns(pl.lit(device).alias("device"))
        _write(tmp_path, f"watches/device={device}/part.{ending}", frame)
    assert _read(tmp_path)["device"].to_list() == [None, None, "tv", "tv"]


def test_rows_of_all_subfolders_are_read_and_numbered(tmp_path: pathlib.Path) -> None:
    for name in ("b/2.csv", "a/c/1.csv", "0.csv"):
        _write(tmp_path, f"watches/{name}")
    origin = own_tables.read(
        configs.DataConfig(source="log", dir=str(tmp_path))
    ).origin("watches")
    assert origin.rows.collect()[raw_log.ROW].to_list() == list(range(6))
    assert origin.place(5) == f"row 2 of {tmp_path}/watches/b/2.csv"


def test_a_table_may_lie_in_another_folder(tmp_path: pathlib.Path) -> None:
    _write(tmp_path / "far", "b.parquet")
    _write(tmp_path, "logs/a/b.csv")
    for name in ("a/b", "a/b.csv", "../far/b", f"{tmp_path}/far/b.parquet"):
        found_files.find(f"{tmp_path}/logs", {"watches": name})


def test_blank_lines_keep_the_numbers_of_the_other_rows(tmp_path: pathlib.Path) -> None:
    (tmp_path / "watches.csv").write_text(
        "# one, two\n\nuser_id,video_id,time\na,v,1\n\nb,w,2\n,,\n"
    )
    origin = own_tables.read(
        configs.DataConfig(source="log", dir=str(tmp_path))
    ).origin("watches")
    assert origin.rows.collect()[raw_log.ROW].to_list() == [0, 2]
    assert origin.notes == (
        "watches: lines above the header, left out: 2",
        "watches: blank rows, left out: 2",
    )


@pytest.mark.parametrize("ending", ["feather", "tsv", "csv.zst", "tsv.gz", "csv"])
def test_other_forms_are_read_alike(tmp_path: pathlib.Path, ending: str) -> None:
    frame = _ROWS.with_columns(title=pl.Series(["a, b", 'c "d"']))
    for part in "12":
        path = tmp_path / "watches" / f"{part}.{ending}"
        path.parent.mkdir(exist_ok=True)
        if ending == "feather":
            frame.write_ipc(path)
            continue
        text = frame.write_csv(separator="\t" if "tsv" in ending else ";").encode()
        packed = {"zst": "zstd", "gz": "gzip"}.get(ending.rpartition(".")[2])
        with pyarrow.OSFile(str(path), "wb") as file:
            stream = pyarrow.CompressedOutputStream(file, packed) if packed else file
            stream.write(text)
            stream.close()
    source = own_tables.read(configs.DataConfig(source="log", dir=str(tmp_path)))
    rows = source.origin("watches").rows.collect()
    assert rows["video_id"].to_list() == ["v", "w"] * 2
    assert rows["time"].to_list() == [1, 2] * 2
    assert source.origin("watches").place(2).endswith(f"/watches/2.{ending}")


def test_a_comma_between_semicolons_is_decimal(tmp_path: pathlib.Path) -> None:
    text = "user_id;video_id;time;watch_seconds;device\na;v;1;2,5;x,y\nb;w;2;3;x\n"
    (tmp_path / "watches.csv").write_text(text)
    origin = own_tables.read(
        configs.DataConfig(source="log", dir=str(tmp_path))
    ).origin("watches")
    rows = origin.rows.collect()
    assert rows["watch_seconds"].to_list() == [2.5, 3.0]
    assert rows["device"].to_list() == ["x,y", "x"]
    assert "watches: semicolons between the columns, read as such" in origin.notes


@pytest.mark.parametrize("name", ["videos.csv.xz", "users.jsonl", "searches.csv.zip"])
def test_no_table_in_another_form_is_passed_over(
    tmp_path: pathlib.Path, name: str
) -> None:
    _write(tmp_path, "watches.csv")
    (tmp_path / name).write_text("x")
    with pytest.raises(errors.UserError, match=name):
        found_files.find(str(tmp_path), {})
