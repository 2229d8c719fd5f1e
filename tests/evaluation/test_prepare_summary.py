"""What `prepare` ends with."""

import pathlib

import polars as pl
import pytest

from tests import full_log
from tests import small_log as logs
from tests.run.cli import conftest
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.evaluation import prepare_summary
from ytdnn.features import own_columns
from ytdnn.log import prepare, prepared


def prepared_of(
    directory: pathlib.Path, tables: dict[str, pl.DataFrame], **settings: object
) -> prepared.PreparedData:
    for name, table in tables.items():
        table.write_parquet(directory / f"{name}.parquet")
    config = configs.DataConfig(source="log", dir=str(directory), **settings)
    return prepare.prepare(config, directory / "data")


def test_columns_used_and_not_used_are_listed(tmp_path: pathlib.Path) -> None:
    watches = logs.watches().with_columns(
        watch_second=pl.lit(3.0),
        device=pl.when(pl.int_range(pl.len()) > 4).then(pl.lit("tv")),
        mood=pl.lit("good"),
    )
    users = logs.people().with_columns(segment=pl.lit("a"))
    found = prepare_summary.lines(
        prepared_of(tmp_path, {"watches": watches, "users": users})
    )
    rows = {line.split()[0]: line for line in found[2:4]}
    assert "72  user_id, video_id, time, device (5 missing)" in rows["watches"]
    assert "watch_second (did you mean watch_seconds?), mood" in rows["watches"]
    assert rows["users"].endswith("segment")
    (note,) = [line for line in found if "columns of your own" in line]
    assert "ytdnn train " in note
    assert note.endswith(" --features=users.segment")


def test_a_run_says_what_may_have_to_be_corrected(tmp_path: pathlib.Path) -> None:
    watches = logs.watches().with_columns(watch_second=pl.lit(3.0), mood=pl.lit("a"))
    bad = watches[:1].with_columns(video_id=pl.lit(None, pl.String))
    users = logs.people().with_columns(segment=pl.lit("a"))
    tables = {"watches": pl.concat([watches, bad]), "users": users}
    data = prepared_of(tmp_path, tables, bad_rows="drop")
    full, short = (prepare_summary.lines(data, is_full=full) for full in (True, False))
    assert max(map(len, "\n".join(short).splitlines())) <= 80
    told = " ".join(" ".join(short).split())
    assert "note: columns of unknown names: watches.watch_second (did you mean" in told
    assert "mood (did" not in told
    assert "watches: 72 from " in told
    assert "windows" not in told
    for word in ("dropped: ", "columns of your own"):
        (line,) = [line for line in full if word in line]
        assert line in told


def test_own_columns_that_the_ranker_reads_are_told(tmp_path: pathlib.Path) -> None:
    log = full_log.tables()
    address = pl.format("https://x/{}", "video_id").alias("url")
    videos = log["videos"].with_columns(address, langue=pl.col("genre"))
    log["videos"] = videos.drop("language")
    data = full_log.prepared_data(tmp_path, log)
    full, short = (
        " ".join(" ".join(prepare_summary.lines(data, is_full=is_full)).split())
        for is_full in (True, False)
    )
    assert "url (no feature)" in full
    assert "videos.langue (ranker) (did you mean language?)" in short
    read = own_columns.find(data, 64).read
    assert "videos.langue" in read
    assert "videos.url" not in read


def test_columns_that_are_split_are_used(tmp_path: pathlib.Path) -> None:
    words = logs.videos().with_columns(words=pl.lit("a|b"), mood=pl.lit("c"))
    words = words.with_columns(pl.lit("d;e").alias("kinds"))
    columns = ("videos.tags=words split |", "videos.topic=kinds split ;")
    tables = {"watches": logs.watches(), "videos": words}
    found = prepare_summary.lines(prepared_of(tmp_path, tables, columns=columns))
    row = next(line for line in found if line.startswith(" videos"))
    assert row.endswith("topic, title, kinds, tags  mood")
    assert not any("columns of your own" in line for line in found)  # none of users


def test_vectors_that_are_text_are_no_words(tmp_path: pathlib.Path) -> None:
    users = logs.people().with_columns(segment=pl.lit("[a]"), taste=pl.lit("[0.1, 2]"))
    tables = {"watches": logs.watches(), "users": users}
    found = prepare_summary.lines(prepared_of(tmp_path, tables))
    (note,) = [line for line in found if "columns of your own" in line]
    assert note.endswith(" --features=users.segment")
    (note,) = [line for line in found if "written as text" in line]
    assert note.startswith("note: users.taste: lists of numbers")


def test_columns_that_are_features_or_of_another_table_are_not_advised(
    tmp_path: pathlib.Path,
) -> None:
    users = logs.people().with_columns(plan=pl.lit("a"), segment=pl.lit("b"))
    watches = logs.watches().with_columns(slot=pl.lit(1))
    shown = watches.with_columns(clicked=pl.lit(True))
    data = prepared_of(
        tmp_path,
        {"watches": watches, "users": users, "impressions": shown},
        columns=("impressions.position=slot",),
    )
    found = prepare_summary.lines(data, ["users.plan"], "runs/mine")
    rows = {line.split()[0]: line for line in found[2:6]}
    assert rows["watches"].endswith("slot")
    assert rows["users"].split()[-2:] == ["plan", "segment"]
    assert not any("watches.split" in line for line in found)
    (note,) = [line for line in found if "columns of your own" in line]
    assert note.endswith("--workdir=runs/mine --features=users.plan,users.segment")


def test_every_row_that_is_not_read_is_counted(tmp_path: pathlib.Path) -> None:
    rare = pl.DataFrame(
        {"user_id": ["rare"], "video_id": ["v0"], "time": [logs.START + 5]}
    )
    searches = pl.DataFrame(
        {"user_id": ["u1"] * 3, "time": [logs.START] * 3, "query": ["cat", "?!", None]}
    )
    watches = pl.concat([logs.watches(), logs.watches().head(2), rare])
    watches = watches.with_columns(
        watch_seconds=pl.when(pl.int_range(pl.len()) == 9).then(-1.0).otherwise(5.0)
    )
    found = prepare_summary.lines(
        prepared_of(
            tmp_path,
            {"watches": watches, "searches": searches},
            bad_rows="drop",
            where="video_id != 'v7'",
            min_user_count=2,
        )
    )
    assert "note: watches: 9 of 75 rows left out by --where" in found
    assert "dropped: watches.watch_seconds is below 0: 1 rows" in found
    assert "dropped: searches.query is null: 1 rows" in found
    assert "dropped: searches: 1 rows whose query has no word" in found
    assert "kept: watches: exact duplicates: 2 rows" in found
    assert (
        "dropped: watches: 1 rows of users or videos with too few watches "
        "(data.min_user_count, data.min_item_count)" in found
    )


def test_users_and_videos_of_the_watches_are_told_from_those_of_all_tables(
    tmp_path: pathlib.Path,
) -> None:
    tables = {"watches": logs.watches(), "impressions": logs.impressions()}
    last = tables["impressions"].tail(1)
    others = last.with_columns(user_id=pl.lit("other"), video_id=pl.lit("unwatched"))
    tables["impressions"] = pl.concat([tables["impressions"], others])
    lines = prepare_summary.lines(prepared_of(tmp_path, tables))
    (watches,) = [line for line in lines if line.startswith("watches: 72")]
    assert watches.endswith(", 12 users, 8 videos")
    assert "of the other tables, without a watch: 1 user, 1 video" in lines


def test_span_and_what_each_model_has(tmp_path: pathlib.Path) -> None:
    tables = {"watches": logs.watches(), "impressions": logs.impressions()}
    *_, watches, windows, candidates, ranking = prepare_summary.lines(
        prepared_of(tmp_path, tables)
    )
    assert windows == (
        "windows (UTC; training → validation → end): candidates 2023-11-14 22:13 → "
        "2023-12-29 22:13 → 2024-01-03 22:13; ranker 2024-01-03 22:13 → 2024-01-15 "
        "22:13 → 2024-01-17 22:13; test 2024-01-17 22:13 → 2024-01-24 22:13"
    )
    assert watches == (
        "watches: 72 from 2023-11-14 22:13 to 2024-01-24 22:13 (71.0 days), 12 users, "
        "8 videos"
    )
    assert candidates == (
        "candidates: 45 to train on, 5 to validate, 8 to test; 8 videos with an "
        "embedding"
    )
    assert ranking == (
        "ranking: 12 to train on, 2 to validate, 8 to test; 4 clicks to train on"
    )


@pytest.mark.parametrize("table", ["users", "searches", "impressions"])
def test_a_table_whose_ids_match_none_is_refused(
    tmp_path: pathlib.Path, table: str
) -> None:
    frames = {
        "users": logs.people(),
        "searches": logs.watches().rename({"video_id": "query"}),
        "impressions": logs.impressions(),
    }
    other = frames[table].with_columns(pl.format("x{}", "user_id").alias("user_id"))
    with pytest.raises(errors.UserError) as caught:
        prepared_of(tmp_path, {"watches": logs.watches(), table: other})
    assert str(caught.value) == (
        f"expected {table}.user_id in {tmp_path}/{table}.parquet to hold ids that "
        f"watches has, found none among its 12 (as 'xu0'; watches has 'u0'): write the "
        f"ids alike, or leave the table out"
    )


cli = conftest.cli


def test_nothing_is_shown_in_a_notebook(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a notebook rich displays what is to be written into a text."""
    data = prepared_of(tmp_path, {"watches": logs.watches()})
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert any("watches" in line for line in prepare_summary.lines(data))
    assert capsys.readouterr().out == ""
