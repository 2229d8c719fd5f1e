"""Names and values of columns in several languages, and the doubts that are left."""

import pathlib

import numpy as np
import polars as pl
import pytest

from ytdnn.log.sources import mapping_suggestions, naming

_RNG, _ROWS = np.random.default_rng(1), 600
_TIMES = np.sort(_RNG.integers(0, 5_000_000, _ROWS)) + 1_717_200_000
_USERS, _ITEMS = _RNG.integers(0, 50, _ROWS), _RNG.integers(100, 140, _ROWS)
_EVENTS = {"user_id": _USERS, "item_id": _ITEMS}
_EARLIEST, _STORED = "the earliest of several", "its name says when a row was stored"
_WATCHES = {**_EVENTS, "time": _TIMES, "watch_seconds": _ITEMS * 2}


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("languge", "language"),
        ("meGusta", "liked"),
        ("not_interested", "disliked"),
        ("is_signed_in", "logged_in"),
        ("ctgr_cd", "topic"),
        ("Gerät", "device"),
        ("Verweildauer_Sek", "watch_seconds"),
        ("Erscheinungsdatum", "upload_time"),
        ("Geburtsjahr", "age"),
        ("is_not_liked", ""),
        ("THMB_UP_IND", "liked"),
        ("thumbs_down", "disliked"),
        ("sudah_dibagikan", "shared"),
        ("Voorkeurstaal", "language"),
        ("Kanalsprache", "language"),
        ("CMPLTN_PCT", ""),
    ],
)
def test_a_name_means_a_column(name: str, column: str) -> None:
    columns = [c for c in naming.SPECS if c not in ("user_id", "video_id")]
    assert naming.meant([name], columns)[1] == column


def _suggest(
    directory: pathlib.Path, *named: str, **tables: dict[str, object]
) -> tuple[mapping_suggestions.Suggestion, dict[str, tuple[str, str]]]:
    for name, table in ({"watches": _WATCHES} | tables).items():
        pl.DataFrame(table).write_parquet(directory / f"{name}.parquet")
    found = mapping_suggestions.suggest(directory, named)
    return found, {f"{p.table}.{p.column}": (p.own, p.doubt) for p in found.columns}


def test_searches_are_found_by_words_by_texts_and_where_named(
    tmp_path: pathlib.Path,
) -> None:
    texts = [f"red {i % 90} hats" for i in range(_ROWS)]
    file = {"user_id": _USERS, "quand": _TIMES, "xyz": texts}
    assert _suggest(tmp_path, recherches=file)[1]["searches.query"][0] == "xyz"
    (tmp_path / "recherches.parquet").unlink()
    found, columns = _suggest(tmp_path, stuff=file)
    assert columns["searches.query"] == ("xyz", "by its values alone")
    assert "searches" in found.guessed
    sessions = file | {"xyz": [f"{i:08x}" for i in range(_ROWS)]}
    found, columns = _suggest(tmp_path, stuff=sessions)
    assert "searches" not in found.files
    assert "with users and times: --files=TABLE=stuff.parquet" in found.text()
    named = _suggest(tmp_path, "searches=stuff.parquet", stuff=sessions)[1]
    assert named["searches.query"] == ("xyz", "by its values alone")


@pytest.mark.parametrize(
    ("later", "earlier", "doubt"),
    [
        ("received_at", "original_timestamp", ""),
        ("_sdc_ts", "start_ts", ""),
        ("xa", "xb", f"{_EARLIEST}; or xa"),
        ("LD_TS", "aangemaakt_op", f"{_EARLIEST}; {_STORED}; or LD_TS"),
    ],
)
def test_of_several_times_the_event_is_taken(
    tmp_path: pathlib.Path, later: str, earlier: str, doubt: str
) -> None:
    watches = {**_EVENTS, later: _TIMES + 60, earlier: _TIMES}
    if not doubt:
        watches["event_date"] = _TIMES // 86_400 * 86_400
    assert _suggest(tmp_path, watches=watches)[1]["watches.time"] == (earlier, doubt)


def test_channels_topics_flags_shares_and_missing_users(tmp_path: pathlib.Path) -> None:
    watches = {
        **_WATCHES,
        "user_id": [None, *_USERS[1:]],
        "signed_in": ["t", "f"] * 300,
    }
    watches["percent_complete"] = _RNG.uniform(1, 100, _ROWS)
    del watches["watch_seconds"]
    codes = _RNG.integers(0, 14, 40)
    videos = {
        "item_id": np.arange(100, 140),
        "xa_cd": [f"a{code % 6}" for code in codes],
        "xb_id": codes,
        "addr": [f"https://x/{code}" for code in codes],
    }
    flags = {"clic": _RNG.choice(["O", "N"], _ROWS), "fav_flg": ["N", "O"] * 300}
    flags["rang"] = _RNG.integers(1, 9, _ROWS)
    shown = {**_EVENTS, "time": _TIMES, **flags}
    found, columns = _suggest(tmp_path, watches=watches, videos=videos, vus=shown)
    assert found.settings["where"] == '"user_id" IS NOT NULL'
    assert columns["watches.logged_in"] == ("signed_in", "")
    assert columns["watches.watch_seconds"][1].startswith("percent_complete is a share")
    assert columns["videos.topic"] == ("xa_cd", "by its values alone")
    assert columns["videos.channel_id"] == ("xb_id", "by its values alone")
    assert columns["impressions.clicked"] == ("clic", "")
    assert columns["impressions.liked"] == ("fav_flg", "")


def test_a_date_that_cannot_be_read_is_a_doubt(tmp_path: pathlib.Path) -> None:
    dates = [f"{1 + i % 28} May 2024" for i in range(_ROWS)]
    watches = {**_EVENTS, "quand": dates, "version": ["4.12.10"] * _ROWS}
    found, columns = _suggest(tmp_path, watches=watches)
    unread = "quand looks like a date that cannot be read"
    assert f"needs it; {unread}; without" in columns["watches.time"][1]
    assert found.missing() == ["watches.time"]
    found, columns = _suggest(tmp_path, watches=watches | {"ts": _TIMES})
    assert columns["watches.time"] == ("ts", unread)
    assert found.missing() == []


def test_values_across_tables_tell_columns(tmp_path: pathlib.Path) -> None:
    texts = [f"v{i}" for i in range(40)]
    videos = {"item_id": texts, "lang": ["Urdu", "Punjabi"] * 20}
    videos |= {"foto": [f"https://x/{i}" for i in range(40)], "level": [1, 2] * 20}
    clicked = _RNG.integers(0, 2, _ROWS)
    shown = {**_EVENTS, "item_id": _RNG.choice(texts, _ROWS), "time": _TIMES}
    shown |= {"clicked": clicked, "xa": _RNG.choice(texts, _ROWS), "zq": 1 - clicked}
    shown["zz"] = clicked * _RNG.integers(0, 2, _ROWS)
    pairs = {"prov_cd": ["ON", "QC"], "aa": ["Urdu", "Punjabi"], "bb": ["CA", "GB"]}
    pairs["state_cd"] = ["DE", "CA"]
    people = {name: _RNG.choice(kinds, 50) for name, kinds in pairs.items()}
    people |= {"user_id": np.arange(50)}
    watches = _WATCHES | {"item_id": shown["item_id"]}
    tables = {"watches": watches, "videos": videos, "shown": shown, "users": people}
    found, columns = _suggest(tmp_path, **tables)
    alone = "by its values alone"
    assert columns["impressions.seed_video_id"] == ("xa", alone)
    assert columns["users.language"] == ("aa", alone)
    assert columns["users.country"] == ("bb", alone)
    assert found.features["videos.parquet"] == ["level"]
    assert found.left["videos.parquet"] == ["foto"]
    assert found.features["users.parquet"] == ["prov_cd", "state_cd"]
    assert found.left["shown.parquet"] == ["zq", "zz (outcome? name it)"]
