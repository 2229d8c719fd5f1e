import polars as pl
import pytest

from ytdnn import configs, errors, schema
from ytdnn.data import sources, validation

TINY = configs.World(num_users=30, num_videos=40, num_topics=4, watches_per_user=10)


def test_world_is_a_valid_log_with_every_table_and_column():
    log = sources.read(configs.Data(world=TINY))
    _, report = validation.validate(log, "stop")
    assert report == {}
    assert set(log.tables) == set(schema.TABLES)
    absent = {
        f"{table.name}.{column.name}"
        for table in schema.TABLES.values()
        for column in table.columns
        if column.name not in log.tables[table.name].collect_schema()
    }
    assert absent == {"watches.order", "watches.split", "impressions.seed_video_id"}


def test_where_filters_watches():
    log = sources.read(configs.Data(world=TINY, where="device = 'phone'"))
    watches = log.tables["watches"].collect()
    assert watches.height > 0
    assert watches["device"].unique().to_list() == ["phone"]
    devices = log.tables["impressions"].select(pl.col("device").n_unique()).collect()
    assert devices.item() > 1


@pytest.mark.parametrize(
    ("setting", "flag"),
    [
        ({"dir": "data"}, "--data_dir"),
        ({"columns": ("watches.time=t",)}, "--columns"),
        ({"name": "ml-1m"}, "--config.data.name"),
    ],
)
def test_settings_of_other_sources_are_refused(setting, flag):
    with pytest.raises(errors.UserError, match=f"expected no {flag} with"):
        sources.read(configs.Data(world=TINY, **setting))
