"""Sources of logs by name, and one of a package."""

import json
import pathlib
from typing import Any

import polars as pl
import pytest

from tests import extras
from ytdnn import configs
from ytdnn.base import errors, registries
from ytdnn.evaluation import prepare_summary
from ytdnn.log import prepare, prepared, raw_log, sources


def test_those_of_ytdnn_are_known_without_an_import() -> None:
    names = ("kuairand", "log", "movielens", "world")
    assert registries.LOGS.own() == names
    for name in (*names, "tables"):
        assert configs.DataConfig(source=name).source == name
    with pytest.raises(errors.SettingError, match="'world' or 'tables', received 'l'"):
        configs.DataConfig(source="l")


def test_a_setting_of_another_source_is_refused() -> None:
    config = configs.DataConfig(source="movielens", exposure="all")
    with pytest.raises(errors.UserError, match="only --source=kuairand has that"):
        sources.read(config)


def test_a_source_of_a_package_is_prepared(tmp_path: pathlib.Path) -> None:
    rows = [
        {"user": f"u{number % 4}", "video": f"v{number % 5}", "at": 1_600_000_000 + t}
        for t, number in enumerate(range(60))
    ]
    log = tmp_path / "log"
    log.mkdir()
    (log / "watches.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "package").mkdir()
    with extras.installed(tmp_path / "package"):
        config = configs.DataConfig(source="json_lines", dir=str(log))
        data = prepare.prepare(config, tmp_path / "data")
        assert len(data.watches) == 60
        assert data.manifest.facts["source"] == "json_lines"
        assert set(data.users["user_id"]) == {"u0", "u1", "u2", "u3"}
        (log / "watches.jsonl").write_text("{")
        with pytest.raises(errors.UserError, match=r"a readable table in .*jsonl"):
            prepare.prepare(config, tmp_path / "other")
    assert prepared.load(tmp_path / "data").num_videos == 5


FRAME = pl.DataFrame({"user_id": [1], "video_id": [2], "time": [3]})


@pytest.mark.parametrize(
    ("log", "found"),
    [
        *((None, "EventLog, found None"), (FRAME, "EventLog, found a DataFrame")),
        (raw_log.EventLog({"watches": FRAME}), "found watches: a DataFrame"),
        (raw_log.EventLog({"likes": FRAME.lazy()}), "found likes: a LazyFrame"),
        (raw_log.EventLog({}, None), "facts in a dict of JSON values"),
        (raw_log.EventLog({}, {"x": object()}), "facts .* not JSON serializable"),
    ],
)
def test_a_source_that_returns_no_such_log_is_refused(log: Any, found: str) -> None:
    with extras.registered():
        registries.LOGS.register("own")(lambda config: log)
        with pytest.raises(errors.UserError, match=f"source of logs own .*{found}"):
            sources.read(configs.DataConfig(source="own"))


def test_columns_of_a_source_are_those_of_the_schema(tmp_path: pathlib.Path) -> None:
    """Its values are cast to these types; what nothing reads is told."""
    days = [FRAME.with_columns(time=day * 86_400_000) for day in range(9)]
    watches = pl.concat(days).cast({"time": pl.Datetime("ms")})
    tables = {
        "watches": watches.with_columns(place=pl.lit("x")),
        "impressions": watches.with_columns(clicked=1, place=pl.lit("x")),
        "videos": FRAME.select("video_id", title=3),
    }
    log = raw_log.EventLog({name: frame.lazy() for name, frame in tables.items()})
    with extras.registered():
        registries.LOGS.register("own")(lambda config: log)
        config = configs.DataConfig(source="own", protocol="leave_one_out")
        data = prepare.prepare(config, tmp_path)
    assert data.videos["title"].to_list() == ["3"]
    assert data.windows.end_of_log == 8 * 86_400
    unused = data.manifest.facts["unused"]
    assert unused["watches"] == unused["impressions"] == ["place"]
    assert any("place" in line for line in prepare_summary.lines(data))
