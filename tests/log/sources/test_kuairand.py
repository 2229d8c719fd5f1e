"""KuaiRand's upstream layout in miniature: files made here, none of the real ones."""

import dataclasses
import os
import pathlib
import tarfile

import polars as pl
import pytest

from tests import kuairand_files, refusals
from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.log import log_checks, prepare, sources

DAY = 1_649_347_200_000  # 2022-04-08, 00:00 in China, as milliseconds
EARLY, LATE, RANDOM = kuairand_files.LOGS


def _row(user: int, video: int, time: int, **values: object) -> str:
    fields = dict.fromkeys(kuairand_files.LOG_COLUMNS.split(","), 0)
    fields |= {"user_id": user, "video_id": video, "time_ms": time, **values}
    return ",".join(str(value) for value in fields.values())


# Out of order in time; the video 30 plays by itself and is played twice over.
ROWS = {
    EARLY: [
        _row(2, 30, DAY + 5999, is_click=1, play_time_ms=175_125, tab=1),
        _row(1, 10, DAY + 1000, is_click=0, play_time_ms=1385, tab=1),
        _row(1, 30, DAY + 2001, is_click=1, play_time_ms=12_500, tab=0),
    ],
    LATE: [_row(1, 40, DAY + 3000, is_click=0, play_time_ms=0, tab=14)],
    RANDOM: [_row(2, 10, DAY + 7000, is_click=1, play_time_ms=9000, tab=1, is_rand=1)],
}
VIDEOS = [
    '10,7,NORMAL,2022-04-08,LongImport,1.0,87500.0,720.0,1280.0,9155697141,9.0,"12,65"',
    "30,8,AD,2020-07-08,ShortImport,,0.0,720.0,1280.0,,4.0,39",
    "40,7,NORMAL,,Kmovie,0.0,,,,5,,",
]
USERS = [
    f'{user},full_active,0,-124,1,5,"(0,10]",312,"[100,1k)",0,0,3624,730+,{codes}'
    for user, codes in ((1, "1.0," + "2," * 16 + "0"), (2, "," + "3," * 16 + "1"))
]
WATCHES = [
    (2, 30, DAY // 1000 + 5, 175.125, "tab 1"),
    (1, 30, DAY // 1000 + 2, 12.5, "tab 0"),
]
SHOWN = [
    (2, 30, DAY // 1000 + 5, True, 175.125, "standard", "tab 1"),
    (1, 10, DAY // 1000 + 1, False, 0.0, "standard", "tab 1"),
    (1, 30, DAY // 1000 + 2, True, 12.5, "standard", "tab 0"),
    (1, 40, DAY // 1000 + 3, False, 0.0, "standard", "tab 14"),
]
BY_CHANCE = (2, 10, DAY // 1000 + 7, True, 9.0, "random", "tab 1")


def _write(
    folder: pathlib.Path, edition: str = "pure", **changed: list[str]
) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        **{name: [kuairand_files.LOG_COLUMNS, *rows] for name, rows in ROWS.items()},
        "video_features_basic": [kuairand_files.VIDEO_COLUMNS, *VIDEOS],
        "user_features": [kuairand_files.USER_COLUMNS, *USERS],
        **changed,
    }
    for name, lines in tables.items():
        (folder / f"{name}_{edition}.csv").write_text("\n".join(lines) + "\n")
    return folder


def _read(path: pathlib.Path, **config: object):
    return sources.read(configs.DataConfig(source="kuairand", dir=str(path), **config))


def _line(path: pathlib.Path, **config: object) -> str:
    return refusals.line(lambda: log_checks.validate(_read(path, **config), "stop"))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    path = tmp_path / "cache"
    monkeypatch.setenv("YTDNN_CACHE", str(path))
    return path


def _archive(path: pathlib.Path, edition: str) -> pathlib.Path:
    folder = path.parent / "packed" / f"KuaiRand-{edition}" / "data"
    _write(folder, edition)
    (folder / f"video_features_statistic_{edition}.csv").write_text("video_id\n1\n")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder.parent, folder.parent.name)
    return path


@pytest.mark.parametrize("edition", ["pure", "1k"])
@pytest.mark.parametrize("place", ["", "data", "KuaiRand-1K/data", "archive"])
def test_every_edition_is_found_wherever_it_lies(tmp_path, edition, place):
    if place == "archive":
        path = _archive(tmp_path / "k.tar.gz", edition)
    else:
        path = tmp_path / "k"
        _write(path / place, edition)
    log = _read(path)
    assert log.facts == {
        "source": "kuairand",
        "edition": edition,
        "exposure": "standard",
        "where": "",
    }
    tables = {name: frame.collect() for name, frame in log.tables.items()}
    assert tables["watches"].drop("order").rows() == WATCHES
    assert tables["watches"]["order"].to_list() == [DAY + 5999, DAY + 2001]
    assert _shown(log) == SHOWN
    assert log_checks.validate(log, "stop")[1] == {}


def test_videos_and_users_keep_their_own_columns(tmp_path):
    log = _read(_write(tmp_path))
    videos = log.tables["videos"].collect()
    assert videos["video_id"].to_list() == [10, 30, 40]
    # Midnight in China of 2022-04-08 and 2020-07-08: 16:00 UTC of the day before.
    assert videos["upload_time"].to_list() == [DAY // 1000, 1_594_137_600, None]
    assert videos["duration_seconds"].to_list() == [87.5, None, None]
    assert videos["channel_id"].to_list() == [7, 8, 7]
    assert videos["topic"].to_list() == ["12", "39", None]
    assert videos["tag"].to_list() == ["12,65", "39", None]
    assert videos["music_id"].to_list() == ["9155697141", None, "5"]
    assert videos["visible_status"].to_list() == ["1", None, "0"]
    assert videos["server_width"].to_list() == [720.0, 720.0, None]
    assert not {"upload_dt", "video_duration", "author_id"} & set(videos.columns)
    users = log.tables["users"].collect()
    assert users["user_id"].to_list() == [1, 2]
    assert users["onehot_feat0"].to_list() == ["1", None]
    assert users["onehot_feat17"].to_list() == ["0", "1"]
    assert users["is_live_streamer"].to_list() == ["-124", "-124"]
    assert users["follow_user_num"].to_list() == [5.0, 5.0]
    assert users["fans_user_num_range"].to_list() == ["[100,1k)", "[100,1k)"]


def _shown(log):
    """Returns the impressions without their outcomes."""
    shown = log.tables["impressions"].drop(schema.OUTCOMES, strict=False)
    return shown.collect().rows()


def test_outcomes_are_upstreams(tmp_path):
    rows = [
        _row(1, 10, DAY, is_like=1, is_comment=1, is_profile_enter=1),
        _row(1, 30, DAY + 1000, is_follow=1, is_forward=1),
        _row(2, 30, DAY + 2000, is_click=1, is_hate=1, long_view=1),
    ]
    _write(tmp_path, **{EARLY: [kuairand_files.LOG_COLUMNS, *rows]})
    names = ["liked", "shared", "commented", "followed", "completed", "disliked"]
    log = _read(tmp_path, outcomes=("is_profile_enter",))
    found = log.tables["impressions"].select(*names, "is_profile_enter").collect()[:3]
    assert [list(map(int, row)) for row in found.rows()] == [
        [1, 0, 1, 0, 0, 0, 1],
        [0, 1, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1, 1, 0],
    ]
    # A click is no outcome of itself.
    log = _read(tmp_path, click="long_view")
    assert "completed" not in log.tables["impressions"].collect_schema()


def test_random_exposure_is_an_option(tmp_path):
    _write(tmp_path)
    for exposure, shown in (("random", [BY_CHANCE]), ("all", [*SHOWN, BY_CHANCE])):
        log = _read(tmp_path, exposure=exposure)
        assert _shown(log) == shown
        # Histories hold what was watched, however it was exposed.
        watched = log.tables["watches"].drop("order").collect().rows()
        assert watched == [*WATCHES, (2, 10, DAY // 1000 + 7, 9.0, "tab 1")]


@pytest.mark.parametrize("file", [EARLY, LATE, "video_features_basic", "user_features"])
def test_a_missing_file_is_named(tmp_path, file):
    _write(tmp_path)
    (tmp_path / f"{file}_pure.csv").unlink()
    assert _line(tmp_path).startswith(f"expected {file}_pure.csv in {tmp_path}, found")


@pytest.mark.parametrize(
    ("file", "row", "column", "found"),
    [
        (LATE, _row(1, 40, DAY, is_click="x"), "clicked (your is_click)", "'x'"),
        (LATE, _row(1, 40, "noon", is_click=1), "time (your time_ms)", "'noon'"),
        (
            LATE,
            _row(1, 40, DAY, is_click=1, play_time_ms=-5),
            "watch_seconds (your play_time_ms)",
            "-5.0, read as -0.005",
        ),
        (LATE, _row(1, 99, DAY, is_click=1), "video_id", "99"),
        (
            "video_features_basic",
            "50,1,AD,yesterday,Web,1.0,5.0,1.0,1.0,1,1.0,1",
            "upload_time (your upload_dt)",
            "'yesterday'",
        ),
        (
            "video_features_basic",
            "50,1,AD,2022-04-01,Web,1.0,long,1.0,1.0,1,1.0,1",
            "duration_seconds (your video_duration)",
            "'long'",
        ),
    ],
)
def test_a_bad_row_is_named_in_its_file(tmp_path, file, row, column, found):
    header = (
        kuairand_files.LOG_COLUMNS if file == LATE else kuairand_files.VIDEO_COLUMNS
    )
    good = ROWS[LATE] if file == LATE else VIDEOS
    _write(tmp_path, **{file: [header, *good, row]})
    line = _line(tmp_path)
    assert column in line
    assert f"found {found} in row {len(good) + 1} of" in line
    assert f"in row {len(good) + 1} of {tmp_path / f'{file}_pure.csv'}" in line


def test_nothing_known_and_too_much(tmp_path):
    assert _line(tmp_path / "no.tar.gz").endswith("found nothing: check --data_dir")
    (tmp_path / "k").mkdir()
    assert _line(tmp_path / "k") == (
        f"expected KuaiRand in {tmp_path}/k (a folder with {EARLY}_1k.csv or "
        f"…_pure.csv), found nothing: point --data_dir at the unpacked edition or its "
        f"tar.gz, of https://zenodo.org/records/10439422"
    )
    _write(tmp_path / "k/a", "1k")
    _write(tmp_path / "k/b", "pure")
    assert "found several" in _line(tmp_path / "k")
    assert _read(tmp_path / "k", name="1k").facts["edition"] == "1k"
    assert "(one of 1k, pure), received '27k'" in _line(tmp_path / "k", name="27k")


def test_own_column_names_and_foreign_settings_are_refused(tmp_path):
    line = _line(tmp_path, columns=("watches.time=t",))
    assert line.startswith("expected no --columns with --source=kuairand")
    line = _line(tmp_path, files=("watches=a",))
    assert line.startswith("expected no --config.data.files with --source=kuairand")
    with pytest.raises(errors.UserError, match="only --source=kuairand has that"):
        sources.read(
            configs.DataConfig(source="movielens", name="ml-1m", exposure="all")
        )


def test_prepared_set_pairs_clicks_and_impressions(tmp_path):
    folder = kuairand_files.write(tmp_path / "made", num_rows=3000)
    given = configs.DataConfig(source="kuairand", dir=str(folder))
    data = prepare.prepare(given, tmp_path / "data")
    shown, watches = data.impressions, data.watches
    rows = pl.concat(pl.read_csv(folder / f"{name}_pure.csv") for name in (EARLY, LATE))
    assert len(shown) == rows.height
    assert len(watches) == shown.clicked.sum() == rows["is_click"].sum() > 500
    # Watch time of impressions is that of the watches.
    assert shown.seconds.sum() == pytest.approx(watches.seconds.sum(), rel=1e-5)
    assert (shown.seconds[~shown.clicked] == 0).all()
    assert data.manifest.facts["pages"] == "user and second"
    assert data.catalogue.vocabularies == {
        "device": ["tab 0", "tab 1", "tab 4"],
        "source": ["standard"],
    }


@pytest.mark.parametrize("edition", ["1k", "pure"])
def test_real_kuairand(edition):
    folder = {"1k": "KuaiRand-1K", "pure": "KuaiRand-Pure"}[edition]
    root = os.environ.get("YTDNN_DATA", "")
    if not root or not (pathlib.Path(root) / folder).is_dir():
        pytest.skip(f"needs real data: set YTDNN_DATA to a folder with {folder}")
    log, _ = log_checks.validate(_read(pathlib.Path(root) / folder), "drop")
    rows = {"1k": 11_713_045, "pure": 1_436_609}[edition]  # as upstream states them
    assert log.facts["rows"]["impressions"] == rows


def test_a_click_may_be_a_long_view(tmp_path: pathlib.Path) -> None:
    folder = kuairand_files.write(tmp_path)
    rows = pl.concat(
        pl.read_csv(folder / f"{name}_pure.csv")
        for name in ("log_standard_4_08_to_4_21", "log_standard_4_22_to_5_08")
    )
    assert rows["long_view"].sum() not in (0, rows["is_click"].sum())
    config = configs.DataConfig(source="kuairand", dir=str(folder), click="long_view")
    log = sources.read(config)
    shown = log.tables["impressions"].collect()
    assert shown["clicked"].to_list() == rows["long_view"].cast(bool).to_list()
    assert log.tables["watches"].collect().height == rows["long_view"].sum()


def test_histories_stand_before_the_log_in_their_order(tmp_path: pathlib.Path) -> None:
    folder = kuairand_files.write(tmp_path)
    config = configs.DataConfig(source="kuairand", dir=str(folder))
    before = sources.read(config).tables["watches"].collect()
    start, (first, second) = before["time"].min(), before["user_id"].unique()[:2]
    videos = before["video_id"][:3].to_list()
    table = {"user_id": [first, second], "long_watch_seq": [[*videos, videos[0]], []]}
    pl.DataFrame(table).write_parquet(folder / "earlier.parquet")
    config = dataclasses.replace(config, histories="earlier.parquet")
    log = sources.read(config)
    found = log.tables["watches"].collect()
    assert found.columns == before.columns
    assert found.head(before.height).equals(before)
    added = found.tail(found.height - before.height)
    assert added["user_id"].to_list() == [first] * 4
    assert added["video_id"].to_list() == [*videos, videos[0]]
    day = DAY // 1000  # 04-08 in China, in which the log begins
    assert day < start < day + 86_400
    assert added["time"].to_list() == [day - 4, day - 3, day - 2, day - 1]
    assert added["watch_seconds"].null_count() == 4
    place = log.origin("watches").place(before.height + 1)
    assert place == f"row 2 of {folder / 'earlier.parquet'}"
    with pytest.raises(errors.UserError, match=r"the file of data\.histories"):
        sources.read(dataclasses.replace(config, histories="none.parquet"))
    pl.DataFrame({"user_id": [1]}).write_parquet(folder / "earlier.parquet")
    with pytest.raises(errors.UserError, match="expected column long_watch_seq in"):
        sources.read(config)
