import pathlib

import polars as pl
import polars.testing
import pytest

from ytdnn import configs
from ytdnn.base import artifacts, errors, schema, table_schemas
from ytdnn.lab.sources import world
from ytdnn.lab.world import generate
from ytdnn.log import log_checks, sources

TINY = configs.WorldConfig(
    num_users=30, num_videos=40, num_topics=4, watches_per_user=10
)


def test_world_is_a_valid_log_with_every_table_and_column():
    log = sources.read(configs.DataConfig(world=TINY))
    _, report = log_checks.validate(log, "stop")
    assert report == {}
    assert set(log.tables) == set(table_schemas.TABLES)
    absent = {
        f"{table.name}.{column.name}"
        for table in table_schemas.TABLES.values()
        for column in table.columns
        if column.name not in log.tables[table.name].collect_schema()
    }
    outcomes = {f"impressions.{name}" for name in schema.OUTCOMES}
    others = {"watches.order", "watches.split", "impressions.propensity"}
    assert absent == others | outcomes


def test_where_filters_watches():
    log = sources.read(configs.DataConfig(world=TINY, where="device = 'phone'"))
    watches = log.tables["watches"].collect()
    assert watches.height > 0
    assert watches["device"].unique().to_list() == ["phone"]
    devices = log.tables["impressions"].select(pl.col("device").n_unique()).collect()
    assert devices.item() > 1


@pytest.mark.parametrize(
    ("setting", "flag"),
    [
        ({"columns": ("watches.time=t",)}, "--columns"),
        ({"name": "ml-1m"}, "--config.data.name"),
    ],
)
def test_settings_of_other_sources_are_refused(setting, flag):
    with pytest.raises(errors.UserError, match=f"expected no {flag} with"):
        sources.read(configs.DataConfig(world=TINY, **setting))


def test_a_written_world_reads_back_as_the_one_in_memory(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "CROWD", 12)  # three parts
    rows = world.write(generate.World(TINY), tmp_path / "log")
    assert len(list((tmp_path / "log" / "watches").iterdir())) == 3
    made = sources.read(configs.DataConfig(world=TINY))
    written = sources.read(configs.DataConfig(dir=str(tmp_path / "log")))
    for name, frame in made.tables.items():
        found = written.tables[name].collect()
        polars.testing.assert_frame_equal(
            found, frame.collect(), check_column_order=False
        )
        assert rows[name] == found.height
    assert world.config_of(written.facts) == TINY == world.config_of(made.facts)


def test_a_half_written_world_is_not_read(tmp_path: pathlib.Path) -> None:
    world.write(generate.World(TINY), tmp_path / "log")
    (tmp_path / "log" / artifacts.MANIFEST).unlink()
    with pytest.raises(errors.UserError, match="manifest"):
        sources.read(configs.DataConfig(dir=str(tmp_path / "log")))


@pytest.mark.parametrize("directory", ["{}", "s3://somewhere/log"])
def test_a_log_that_is_no_world_is_read_otherwise(
    tmp_path: pathlib.Path, directory: str
) -> None:
    pl.DataFrame({"user_id": ["a"]}).write_parquet(tmp_path / "watches.parquet")
    place = directory.format(tmp_path)
    expected = f"written by `ytdnn world` in {place}, found no manifest.json: a log of "
    with pytest.raises(errors.UserError, match=f"{expected}.* --source=log"):
        sources.read(configs.DataConfig(dir=place))


def test_the_world_of_another_source_is_none() -> None:
    assert world.config_of({"source": "log"}) is None
