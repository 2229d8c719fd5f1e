import dataclasses
import datetime
import gzip
import re
import shlex

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import refusals
from ytdnn import configs
from ytdnn.base import errors, table_schemas
from ytdnn.evaluation import prepare_summary
from ytdnn.log import events, prepare, raw_log, sources
from ytdnn.log.sources import mappings, own_tables
from ytdnn.run.cli import command, given_settings, main

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
    return sources.read(configs.DataConfig(source="log", dir=str(directory), **config))


def _line(directory, **config):
    return refusals.line(_read, directory, **config)


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


def test_all_missing_columns_of_all_tables_are_named(tmp_path):
    WATCHES.write_csv(tmp_path / "watches.csv")
    pl.DataFrame({"item": [1], "name": ["a"]}).write_csv(tmp_path / "videos.csv")
    with pytest.raises(errors.SeveralError) as caught:
        _read(tmp_path, columns=())
    watches, videos = caught.value.messages
    assert str(caught.value) == watches
    assert watches == (
        f"expected columns video_id, time in {tmp_path}/watches.csv for watches, found "
        f"user_id, item_id, ts, rating: name yours with "
        f"--columns=watches.video_id=item_id,watches.time=ts"
    )
    assert "expected column video_id in" in videos


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ({"author": ["x", "y"], "category": [7, 8]}, {"channel_id", "topic"}),
        ({"channel": ["x", "y"], "channel_id": ["u", "v"]}, {"channel", "channel_id"}),
        ({"author": ["x", "y"], "studio": ["u", "v"]}, {"author", "studio"}),
        ({"genres": ["a|b|a", "a|b"]}, {"genres"}),  # several values
        ({"category": [0.5, 1.5]}, {"category"}),
    ],
)
def test_a_channel_or_topic_is_found_by_the_words_of_one_column(tmp_path, own, found):
    WATCHES.write_parquet(tmp_path / "watches.parquet")
    videos = pl.DataFrame({"video_id": [10, 20], **own})
    videos.write_parquet(tmp_path / "videos.parquet")
    origin = _read(tmp_path).origins["videos"]
    assert set(origin.rows.collect_schema()) == {raw_log.ROW, "video_id", *found}
    assert list(origin.notes) == [
        f"videos.{origin.names[name]} is read as {name}; --columns=videos.{name}= "
        f"leaves it as it is"
        for name in sorted(found - set(own))
    ]
    columns = (*COLUMNS, "videos.channel_id=", "videos.topic=")
    left = _read(tmp_path, columns=columns).tables["videos"]
    assert set(left.collect_schema()) == {"video_id", *own} - {"channel_id"}


def test_numbers_in_another_unit_are_divided_or_multiplied(tmp_path):
    watches = WATCHES.with_columns(pl.Series("ms", ["1500", "", "2249260"]))
    watches.write_csv(tmp_path / "watches.csv")
    columns = (*COLUMNS, "watches.watch_seconds=ms / 1000")
    table = _read(tmp_path, columns=columns).tables["watches"].collect()
    assert table["watch_seconds"].to_list() == [1.5, None, 2249.26]
    for unit in ("60 * rating", "rating*60"):
        columns = (*COLUMNS, f"watches.watch_seconds={unit}")
        table = _read(tmp_path, columns=columns).tables["watches"].collect()
        assert table["watch_seconds"].to_list() == [300.0, 120.0, 240.0]
    # A column of that very name comes first.
    named = watches.with_columns(pl.lit(7.0).alias("rating*60"))
    named.write_csv(tmp_path / "watches.csv")
    table = _read(tmp_path, columns=columns).tables["watches"].collect()
    assert table["watch_seconds"].to_list() == [7.0] * 3


@pytest.mark.parametrize(("shift", "seconds"), [("+ 3h", 10_800), ("-5h", -18_000)])
def test_local_times_are_shifted_by_hours(tmp_path, shift, seconds):
    WATCHES.write_csv(tmp_path / "watches.csv")
    columns = [f"watches.time=ts {shift}" if "time=" in c else c for c in COLUMNS]
    plain = _read(tmp_path).tables["watches"].collect()["time"]
    moved = _read(tmp_path, columns=tuple(columns)).tables["watches"].collect()["time"]
    assert moved.to_list() == (plain + seconds).to_list()


@pytest.mark.parametrize(
    "entry",
    [
        *(f"watch_seconds=rating{end}" for end in ("/1e3", "/1_000", "/1,000", "/0")),
        *(f"watch_seconds=rating{end}" for end in ("/-1", "/10/10", "+1", "*nan", "/")),
        "watch_seconds=rating*1" + 400 * "0",
        "time=ts/1000",
        "video_id=item_id*2",
        "logged_in=rating>3",
    ],
)
def test_a_unit_that_is_not_read_is_no_name_of_a_column(tmp_path, entry):
    WATCHES.write_parquet(tmp_path / "watches.parquet")
    column = entry.partition("=")[0]
    others = [each for each in COLUMNS if not each.startswith(f"watches.{column}=")]
    line = _line(tmp_path, columns=(*others, f"watches.{entry}"))
    assert line.startswith("expected a unit as /N or *N, N a plain number")
    assert entry in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pl.col("ts").cast(str), "1.parquet (ts Int64), found ts String: write"),
        (pl.lit(1).alias("new"), "found new Int32"),
    ],
)
def test_parts_of_other_types_are_named(tmp_path, change, words):
    (tmp_path / "watches").mkdir()
    WATCHES.write_parquet(tmp_path / "watches" / "1.parquet")
    WATCHES.with_columns(change).write_parquet(tmp_path / "watches" / "2.parquet")
    assert words in _line(tmp_path, columns=COLUMNS)


@pytest.mark.parametrize("unit", ["{}/1000", "9 - {}"])
def test_the_advice_on_a_column_keeps_its_unit(tmp_path, unit):
    WATCHES.write_parquet(tmp_path / "watches.parquet")
    entry = f"watches.watch_seconds={unit}"
    line = _line(tmp_path, columns=(*COLUMNS, entry.format("ratings")))
    assert entry.format("rating") in line


def test_of_lists_of_tags_the_first_is_the_topic(tmp_path):
    WATCHES.write_parquet(tmp_path / "watches.parquet")
    ids = WATCHES["item_id"].unique(maintain_order=True)
    tags = [["b", "a"], [], *([None] * (len(ids) - 2))]
    videos = pl.DataFrame({"item_id": ids, "tags": tags})
    videos.write_parquet(tmp_path / "videos.parquet")
    columns = (*COLUMNS, "videos.video_id=item_id", "videos.topic=tags")
    log = _read(tmp_path, columns=columns)
    assert log.tables["videos"].collect()["topic"].to_list()[:2] == ["b", None]
    note = "videos.topic: lists, the first value of each is read, all as videos.tags"
    assert note in log.origin("videos").notes


def test_years_of_birth_are_ages_in_a_year(tmp_path):
    WATCHES.write_parquet(tmp_path / "watches.parquet")
    users = pl.DataFrame({"user_id": WATCHES["user_id"][:2], "born": [1990, None]})
    users.write_parquet(tmp_path / "users.parquet")
    log = _read(tmp_path, columns=(*COLUMNS, "users.age=2024 - born"))
    assert log.tables["users"].collect()["age"].to_list() == [34.0, None]


@pytest.mark.parametrize(("bits", "dtype"), [(53, pl.Float64), (24, pl.Float32)])
def test_ids_that_a_float_cannot_tell_apart_are_noted(tmp_path, bits, dtype):
    ids = pl.Series("user_id", [2**bits - 1.0, float("nan"), 2.0**bits], dtype)
    frame = WATCHES.with_columns(ids)
    frame.write_parquet(tmp_path / "watches.parquet")
    (note,) = _read(tmp_path).origin("watches").notes
    assert note.startswith(f"watches.user_id: 1 ids are floats of 2^{bits} and more")
    frame[:2].write_parquet(tmp_path / "watches.parquet")
    assert _read(tmp_path).origin("watches").notes == ()


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
    assert _line(tmp_path, where=where).startswith(
        f"expected in --where a Polars SQL condition over the columns of {tmp_path}/"
        f"watches.parquet (user_id, item_id, ts, rating), received {where!r}: {reason}"
    )


@pytest.mark.parametrize(
    "where", ["sum(rating) > 3", "rating > avg(rating)", "count(*) > 2"]
)
def test_an_aggregate_is_no_condition_on_a_row(tmp_path, where):
    WATCHES.write_parquet(tmp_path / "watches.parquet")
    assert f"received '{where}' with an aggregate" in _line(tmp_path, where=where)
    of_users = "count(*) OVER (PARTITION BY user_id) > 1 AND user_id <> 'avg(x)'"
    assert _read(tmp_path, where=of_users).tables["watches"].collect().height == 2


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


def test_missing_column_lists_what_there_is_and_hints(tmp_path):
    WATCHES.rename({"ts": "tme"}).write_parquet(tmp_path / "watches.parquet")
    assert _line(tmp_path, columns=COLUMNS[:1]) == (
        f"expected column time in {tmp_path}/watches.parquet for watches.time, found "
        f"user_id, item_id, tme, rating: name yours with --columns=watches.time=tme"
    )


def test_rows_without_times_are_in_order(tmp_path):
    pairs = {"user_id": [1, 2, 1, 2, 1, 1], "video_id": [5, 5, 4, 6, 9, 5]}
    pl.DataFrame(pairs).write_csv(tmp_path / "watches.csv")
    own = {"dir": str(tmp_path), "columns": ("watches.time=",)}
    config = configs.DataConfig(source="log", protocol="leave_one_out", **own)
    assert "; watches.time= (empty) takes the order" in _line(tmp_path)
    data = prepare.prepare(config, tmp_path / "data")
    assert np.asarray(data.watches.times).tolist() == [0, 2, 4, 5, 1, 3]
    assert not data.manifest.facts["warnings"]
    assert "watches: 6 without times" in next(prepare_summary._models(data))
    with pytest.raises(errors.UserError, match="found their order alone"):
        prepare.prepare(dataclasses.replace(config, protocol="temporal"), tmp_path)


def _rows_without_times(directory, videos, **columns):
    rows = pl.DataFrame({"user_id": [1] * 150 + [2] * 150, "video_id": videos})
    rows.with_columns(**columns).write_parquet(directory / "watches.parquet")
    return own_tables.read_file("watches", directory / "watches.parquet", {"time": ""})


@pytest.mark.parametrize("kind", [pl.Int64, pl.String])
def test_rows_in_the_order_of_ids_are_read_in_a_random_one(tmp_path, kind):
    ids = pl.Series([*range(150)] * 2).cast(kind)
    origin, again = (_rows_without_times(tmp_path, ids) for _ in range(2))
    times = origin.rows.collect()["time"]
    assert times.equals(again.rows.collect()["time"])
    assert abs(np.corrcoef(times[:150].rank(), range(150))[0, 1]) < 0.3
    assert "in order of video_id" in origin.notes[-1]


def test_rows_in_any_other_order_keep_it(tmp_path):
    order = pl.Series([*range(150)] * 2)
    for videos, columns in (([1, 0, *order[2:]], {}), (order, {"order": order})):
        origin = _rows_without_times(tmp_path, videos, **columns)
        assert origin.rows.collect()["time"].to_list() == list(range(300))
        assert not origin.notes
    # A file with its splits one after another is in the order of ids within each.
    split = pl.Series((["train"] * 100 + ["test"] * 50) * 2)
    videos = [*range(0, 200, 2), *range(1, 101, 2)]
    assert _rows_without_times(tmp_path, videos * 2, split=split).notes


def test_a_column_can_be_left_out(tmp_path):
    _write_as("csv", tmp_path)
    pl.DataFrame({"user_id": ["a", "b"], "age": ["18-24", "65+"]}).write_csv(
        tmp_path / "users.csv"
    )
    tables = _read(tmp_path, columns=(*COLUMNS, "users.age=")).tables
    assert tables["users"].collect().columns == ["user_id"]
    tables = _read(tmp_path, columns=(*COLUMNS, "watches.rating=")).tables
    assert "rating" not in tables["watches"].collect_schema()
    line = _line(tmp_path, columns=(*COLUMNS, "users.agee="))
    assert line.endswith("received 'agee' in 'users.agee=': did you mean age?")
    line = _line(tmp_path, columns=(*COLUMNS, "users.user_id="))
    assert "expected column user_id in" in line


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
        ("watches.time", "expected --columns as table.column=your_column, received"),
        ("watch.time=t", "did you mean watches?"),
        ("watches.tiem=t", "did you mean time?"),
        ("videos.query=q", "expected a column of videos (one of video_id, "),
    ],
)
def test_bad_mapping_is_one_line(entry, expected):
    line = refusals.line(mappings.parse_columns, [entry])
    assert expected in line
    assert repr(entry) in line


def test_what_is_mapped_twice_is_refused():
    with pytest.raises(errors.UserError, match="expected time once in --columns"):
        mappings.parse_columns(["watches.time=a", "watches.time=b"])
    with pytest.raises(errors.UserError, match="expected watches once in --files"):
        mappings.parse_files(["watches=a", "watches=b"])


PLACES = st.sampled_from(
    [(t.name, c.name) for t in table_schemas.TABLES.values() for c in t.columns]
)
OWN = st.text(min_size=1).map(str.strip).filter(lambda s: s and s.isprintable())


@given(st.dictionaries(PLACES, OWN, max_size=6))
def test_mapping_reads_back_what_was_written(mapping):
    entries = [f"{table}.{column}={own}" for (table, column), own in mapping.items()]
    names = mappings.parse_columns(entries)
    read = {(t, c): own for t, columns in names.items() for c, own in columns.items()}
    assert read == mapping


def test_directory_without_watches(tmp_path):
    (tmp_path / "clicks.csv").write_text("a\n1\n")
    assert _line(tmp_path) == (
        f"expected watches.parquet, .feather, .csv or .tsv (or .gz, .zst), or a folder "
        f"watches of such files in {tmp_path}, found clicks.csv: name yours with "
        f"--files=watches=FILE"
    )


def test_two_forms_of_one_table_are_refused(tmp_path):
    _write_as("csv", tmp_path)
    _write_as("parquet", tmp_path)
    assert "found several (watches.csv, watches.parquet): keep one of them" in _line(
        tmp_path
    )


def test_empty_file(tmp_path):
    (tmp_path / "watches.csv").write_text("")
    assert "(empty CSV)" in _line(tmp_path)


def test_error_row_is_counted_within_its_part(tmp_path):
    _write_as("parts", tmp_path)
    origin = _read(tmp_path).origin("watches")
    assert origin.place(1) == f"row 2 of {tmp_path}/watches/part-0.parquet"
    assert origin.place(2) == f"row 1 of {tmp_path}/watches/part-1.parquet"


def test_files_of_other_names_are_mapped(tmp_path):
    WATCHES.write_csv(tmp_path / "clicks.csv")
    for name in ("clicks", "clicks.csv"):
        table = _read(tmp_path, files=(f"watches={name}",)).tables["watches"]
        assert table.collect()["video_id"].to_list() == [30, 10, 20]
    # Its own name no longer counts.
    _write_as("parquet", tmp_path)
    read = _read(tmp_path, files=("watches=clicks",))
    assert read.facts["files"] == {"watches": f"{tmp_path}/clicks.csv"}


def test_one_file_can_be_two_tables(tmp_path):
    rows = WATCHES.with_columns(clicked=pl.col("rating") >= 4)
    rows.write_parquet(tmp_path / "shown.parquet")
    columns = (*COLUMNS, "impressions.video_id=item_id", "impressions.time=ts")
    given = ("watches=shown", "impressions=shown")
    log = _read(tmp_path, files=given, columns=columns, where="clicked")
    assert log.tables["watches"].collect()["video_id"].to_list() == [30, 20]
    assert log.tables["impressions"].collect()["clicked"].to_list() == [
        True,
        False,
        True,
    ]


# --- EB-NeRD: the command of docs/real_logs.md --------------------------------
MARKER = "<!-- The command of this block is run by tests/log/sources/test_log.py. -->"


def _ebnerd_config(repository, directory):
    """The settings of the documented command, for a log in `directory`."""
    text = (repository / "docs/real_logs.md").read_text().split(MARKER)[1]
    block = re.search(r"```sh\n(.*?)```", text, re.S)[1].replace("\\\n", "")
    _, name, *rest = shlex.split(block.splitlines()[0])
    flags = {command.name: command.flags for command in main.COMMANDS}[name]
    given = command.parse(name, flags, rest)
    config = given_settings.apply(configs.Config(), given.overrides)
    return dataclasses.replace(config.data, dir=str(directory))


def _write_ebnerd(directory):
    """Made tables in the columns and types of the exploded sample."""
    rng = np.random.default_rng(0)
    start, end, size, pages = 1_675_321_231, 1_677_138_340, 900, 100
    reads = {
        "user_id": pl.Series(rng.integers(100, 120, size), dtype=pl.UInt32),
        "item_id": pl.Series(rng.integers(0, 200, size), dtype=pl.Int32),
        "timestamp": np.sort(rng.integers(start, end, size)),
        "read_time_s": pl.Series(rng.exponential(30, size), dtype=pl.Float32),
        "scroll_percentage": pl.Series(rng.uniform(0, 100, size), dtype=pl.Float32),
    }
    pl.DataFrame(reads).write_parquet(directory / "interactions.parquet")
    page = np.repeat(np.arange(pages), 9)
    position = np.tile(np.arange(9), pages)
    clicked = position == rng.integers(0, 9, pages)[page]
    seconds = np.where(clicked, rng.exponential(30, 900), 0.0).tolist()
    seconds[int(np.flatnonzero(clicked)[0])] = None  # some clicks lack it
    users = rng.integers(100, 120, pages)
    shown = {
        "impression_id": pl.Series(page, dtype=pl.UInt32),
        "session_id": pl.Series(page // 2, dtype=pl.UInt32),
        "user_id": pl.Series(users[page], dtype=pl.UInt32),
        "item_id": pl.Series(rng.integers(150, 300, 900), dtype=pl.Int32),
        "timestamp": np.sort(rng.integers(end, end + 7 * 86_400, pages))[page],
        "position": pl.Series(position, dtype=pl.Int16),
        "clicked": clicked,
        "read_time_s": pl.Series(seconds, dtype=pl.Float32),
        "page_item_id": pl.Series(
            [None if i % 3 else 160 + i for i in page], dtype=pl.Int32
        ),
        "device_type": pl.Series(page % 3, dtype=pl.Int8),
        "is_subscriber": page % 2 == 0,
    }
    pl.DataFrame(shown).write_parquet(directory / "impressions.parquet")
    users = {
        "user_id": pl.Series(range(100, 120), dtype=pl.UInt32),
        "gender": pl.Series([None, 1] * 10, dtype=pl.Int8),
        "age": pl.Series([None, 40] * 10, dtype=pl.Int8),
        "is_subscriber": [True, False] * 10,
    }
    pl.DataFrame(users).write_parquet(directory / "users.parquet")
    return directory


def _check_ebnerd(data, directory):
    shown = pl.read_parquet(directory / "impressions.parquet")
    reads = pl.read_parquet(directory / "interactions.parquet")
    impressions, clicks = data.impressions, shown.filter("clicked")
    assert len(impressions) == shown.height
    assert impressions.clicked.sum() == clicks.height
    assert impressions.seconds.sum() == pytest.approx(
        shown["read_time_s"].fill_null(0).sum(), rel=1e-4
    )
    assert len(data.watches) == reads.height + clicks.height
    assert data.watches.seconds.sum() == pytest.approx(
        reads["read_time_s"].fill_null(0).sum() + impressions.seconds.sum(), rel=1e-4
    )
    assert len(set(impressions.pages.tolist())) == shown["impression_id"].n_unique()
    assert sorted(set(impressions.positions.tolist())) == sorted(
        shown["position"].unique()
    )
    assert data.manifest.facts["pages"] == "page_id"
    assert data.catalogue.vocabularies["device"] == sorted(
        shown["device_type"].cast(pl.String).unique()
    )
    splits = np.asarray(impressions.splits)
    for split in (events.Split.TRAIN, events.Split.VALIDATION, events.Split.TEST):
        assert (splits == split).any()
    # The clicks are in the histories of later impressions, not of their own.
    before = np.asarray(impressions.num_watches)
    users, times = np.asarray(impressions.users), np.asarray(impressions.times)
    watched = np.asarray(data.watches.times)
    owners = data.watches.users
    for i in range(0, len(users), len(users) // 50):
        earlier = (owners == users[i]) & (watched < times[i])
        assert before[i] == earlier.sum()


def test_tables_like_ebnerd_give_impressions_and_watch_time(tmp_path, repository):
    directory = _write_ebnerd(tmp_path)
    config = _ebnerd_config(repository, directory)
    _check_ebnerd(prepare.prepare(config, tmp_path / "data"), directory)


def test_real_ebnerd_sample(tmp_path, repository, shared_data):
    directory = shared_data("ebnerd-sample")
    data = prepare.prepare(_ebnerd_config(repository, directory), tmp_path / "data")
    _check_ebnerd(data, directory)
    assert len(data.impressions) == 10_848
    assert len(data.watches) == 8_303 + 1_047
