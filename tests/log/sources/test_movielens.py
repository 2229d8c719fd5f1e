"""Every upstream layout in miniature, and the real tables where they are at hand."""

import os
import pathlib
import zipfile

import polars as pl
import pytest

from tests import refusals
from ytdnn import configs
from ytdnn.log import log_checks, sources
from ytdnn.log.sources import download

# (user, film, stars, time), and what every layout of them must give.
RATINGS = [(2, 30, 5, 300), (1, 10, 3, 100), (1, 30, 4, 100)]
WATCHES = [(2, 30, 300), (1, 10, 100), (1, 30, 100)]
CLICKED = [True, False, True]

GENRES = "|0" * 19
LAYOUTS: dict[str, dict[str, bytes]] = {
    "100K": {
        "u.data": b"2\t30\t5\t300\n1\t10\t3\t100\n1\t30\t4\t100\n",
        "u.item": (
            f"10|Les Misérables (1995)|20-Oct-1995||http://x{GENRES}\n"
            f'30|"Quoted", he said (1990)|||{GENRES}\n40|Never seen (1991)|||{GENRES}\n'
        ).encode("latin-1"),
        "u.user": b"1|24|M|technician|85711\n2|53|F|other|94043\n3|20|M|none|T8H1N\n",
    },
    "1M": {
        "ratings.dat": b"2::30::5::300\n1::10::3::100\n1::30::4::100\n",
        "movies.dat": (
            "10::Les Misérables (1995)::Drama|Musical\n"
            '30::"Quoted", he said (1990)::Comedy\n40::Never seen (1991)::Comedy\n'
        ).encode("latin-1"),
        "users.dat": b"1::M::24::10::48067\n2::F::53::16::70072\n3::M::20::15::55117\n",
    },
    "10M": {
        "ratings.dat": b"2::30::5::300\n1::10::3.5::100\n1::30::4::100\n",
        "movies.dat": (
            "10::Les Misérables (1995)::Drama|Musical\n"
            '30::"Quoted", he said (1990)::Comedy\n40::Never seen (1991)::Comedy\n'
        ).encode(),
    },
    "25M": {
        "ratings.csv": (
            b"userId,movieId,rating,timestamp\n2,30,5.0,300\n1,10,3.5,100\n1,30,4.0,100\n"
        ),
        "movies.csv": (
            "movieId,title,genres\n10,Les Misérables (1995),Drama|Musical\n"
            '30,"""Quoted"", he said (1990)",Comedy\n40,Never seen (1991),Comedy\n'
        ).encode(),
    },
}


def _read(path: pathlib.Path, **config: object):
    return sources.read(configs.DataConfig(source="movielens", dir=str(path), **config))


def _line(path: pathlib.Path, **config: object) -> str:
    return refusals.line(lambda: log_checks.validate(_read(path, **config), "stop"))


def _write(directory: pathlib.Path, files: dict[str, bytes]) -> pathlib.Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


def _zip(path: pathlib.Path, folder: str, files: dict[str, bytes]) -> pathlib.Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{folder}README.txt", "read me")
        for name, content in files.items():
            archive.writestr(f"{folder}{name}", content)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    path = tmp_path / "cache"
    monkeypatch.setenv("YTDNN_CACHE", str(path))
    return path


def _check(log, layout):
    tables = {name: frame.collect() for name, frame in log.tables.items()}
    assert tables["watches"].rows() == WATCHES
    assert tables["watches"].columns == ["user_id", "video_id", "time"]
    assert tables["impressions"].drop("clicked").rows() == WATCHES
    assert tables["impressions"]["clicked"].to_list() == CLICKED
    assert tables["videos"].select("video_id", "title").rows() == [
        (10, "Les Misérables (1995)"),
        (30, '"Quoted", he said (1990)'),
        (40, "Never seen (1991)"),
    ]
    own = {"genres": ["Drama|Musical", "Comedy", "Comedy"]} if layout == "25M" else {}
    assert tables["videos"].drop("video_id", "title").to_dict(as_series=False) == own
    if layout in ("100K", "1M"):
        assert tables["users"].rows() == [
            (1, 24.0, "M"),
            (2, 53.0, "F"),
            (3, 20.0, "M"),
        ]
    else:
        assert "users" not in tables
    assert log_checks.validate(log, "stop")[1] == {}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("place", ["directory", "folder", "zip", "nested zip"])
def test_upstream_layouts(tmp_path, layout, place):
    files = LAYOUTS[layout]
    path = tmp_path / "ml"
    if place == "directory":
        _write(path, files)
    elif place == "folder":
        _write(path / "ml-x", files)
    else:
        _zip(path, "" if place == "zip" else "ml-x/", files)
    _check(_read(path), layout)


def test_zip_is_unpacked_once_and_again_when_it_changes(tmp_path, cache):
    path = _zip(tmp_path / "ml.zip", "ml-25m/", LAYOUTS["25M"])
    _read(path)
    _read(path)
    assert len(list((cache / "unpacked").iterdir())) == 1
    _zip(path, "ml-10m/", LAYOUTS["10M"])
    os.utime(path, ns=(1, 1))
    assert _read(path).facts["layout"] == "dat"
    assert len(list((cache / "unpacked").iterdir())) == 2


def test_parquet_layout_with_an_order(tmp_path):
    rows = [(*row, i) for i, row in enumerate(RATINGS)]
    names = ["user_id", "item_id", "rating", "timestamp", "seq"]
    ratings = pl.DataFrame(rows, schema=names, orient="row")
    ratings.write_parquet(tmp_path / "interactions.parquet")
    films = pl.DataFrame({"item_id": [30, 10], "title": ["b", "a"]})
    films.write_parquet(tmp_path / "items.parquet")
    log = _read(tmp_path)
    watches = log.tables["watches"].collect()
    assert watches["order"].to_list() == [0, 1, 2]
    assert watches.drop("order").rows() == WATCHES
    assert log.tables["impressions"].collect()["clicked"].to_list() == CLICKED
    assert log.tables["videos"].collect().rows() == [(30, "b"), (10, "a")]


@pytest.mark.parametrize(
    ("layout", "where"),
    [("100K", "item_id = 30"), ("1M", "rating >= 4"), ("25M", "movieId = 30")],
)
def test_where_applies_to_the_ratings_own_columns(tmp_path, layout, where):
    log = _read(_write(tmp_path, LAYOUTS[layout]), where=where)
    for table in ("watches", "impressions"):
        kept = log.tables[table].select("user_id", "video_id").collect()
        assert kept.rows() == [(2, 30), (1, 30)]
    assert log.tables["videos"].collect().height == 3


def test_bad_rating_is_named_in_the_file(tmp_path):
    files = dict(LAYOUTS["100K"])
    files["u.data"] += b"1\t40\tgood\t100\n"
    assert _line(_write(tmp_path, files)) == (
        f"expected impressions.clicked (your rating) to be true or false (1, 0, yes, "
        f"no, Y, N, t, f, or ja, oui, si, sim, tak …), found 'good' in row 4 of "
        f"{tmp_path}/u.data (values: '3', '4', '5', 'good'): mend it, or leave such "
        f"rows out with --bad_rows=drop"
    )


def test_bad_film_is_named_in_the_file(tmp_path):
    files = dict(LAYOUTS["1M"], **{"movies.dat": b"10::a::x\nten::b::x\n"})
    assert _line(_write(tmp_path, files)) == (
        f"expected item_id::title::… with an integer id in row 2 of "
        f"{tmp_path}/movies.dat, found 'ten::b::x'"
    )


def test_own_column_names_are_refused(tmp_path):
    assert _line(tmp_path, columns=("watches.time=t",)).startswith(
        "expected no --columns with --source=movielens"
    )


def test_absent_path_damaged_zip_and_missing_films(tmp_path):
    assert "found nothing: check --data_dir" in _line(tmp_path / "no.zip")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 but no zip")
    assert "found a damaged zip" in _line(tmp_path / "bad.zip")
    films_missing = {"u.data": LAYOUTS["100K"]["u.data"]}
    line = _line(_write(tmp_path / "ml", films_missing))
    assert line.startswith("expected u.item beside the ratings in")


def test_other_tables_under_the_known_name_are_refused(tmp_path):
    files = {"ratings.csv": b"a,b\n1,2\n", "movies.csv": b"movieId,title\n1,x\n"}
    assert "expected column userId in" in _line(_write(tmp_path, files))


def test_without_dir_the_edition_is_downloaded(tmp_path, monkeypatch):
    path = _zip(tmp_path / "ml-1m.zip", "ml-1m/", LAYOUTS["1M"])
    asked = []
    monkeypatch.setattr(download, "fetch", lambda name: asked.append(name) or path)
    _check(sources.read(configs.DataConfig(source="movielens", name="ml-1m")), "1M")
    assert asked == ["ml-1m"]


def _real(name: str) -> pathlib.Path:
    root = os.environ.get("YTDNN_DATA")
    if not root:
        pytest.skip("YTDNN_DATA is unset: point it at a directory that holds ml-1m …")
    path = pathlib.Path(root) / name
    if not path.is_dir():
        pytest.skip(f"YTDNN_DATA has no {name}")
    return path


def test_real_movielens_1m():
    path = _real("ml-1m")
    log, report = log_checks.validate(_read(path), "stop")
    assert report == {}
    assert log.facts["rows"] == {
        "videos": 3_883,
        "users": 6_040,
        "watches": 1_000_209,
        "impressions": 1_000_209,
    }
    if "in_sasrec_5core" not in pl.read_parquet_schema(path / "interactions.parquet"):
        pytest.skip("the 5-core flag is not in this copy")
    core = _read(path, where="in_sasrec_5core").tables["watches"].collect()
    assert core.height == 999_611
    assert core["video_id"].n_unique() == 3_416
    assert "order" in core.columns


def test_real_movielens_100k():
    log, report = log_checks.validate(_read(_real("ml-100k")), "stop")
    assert report == {}
    assert log.facts["rows"]["watches"] == 100_000
    assert log.facts["rows"]["videos"] == 1_682
    clicked = log.tables["impressions"].select(pl.col("clicked").sum()).collect()
    assert clicked.item() == 55_375  # 34,174 ratings of 4 and 21,201 of 5
