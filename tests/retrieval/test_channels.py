import pathlib

import pytest

from tests import full_log
from ytdnn import configs, errors
from ytdnn.retrieval import channels


@pytest.mark.parametrize(
    ("column", "setting"),
    [
        ("channel_id", "num_fresh_uploads"),
        ("upload_time", "num_fresh_uploads"),
        ("channel_id", "max_per_channel"),
    ],
)
def test_a_column_that_the_composition_needs_is_asked_for(
    tmp_path: pathlib.Path, column: str, setting: str
) -> None:
    log = full_log.tables()
    log["videos"] = log["videos"].drop(column)
    data = full_log.prepared_data(tmp_path, log)
    channels.require(configs.Composition(), data)
    with pytest.raises(errors.UserError) as caught:
        channels.require(configs.Composition(**{setting: 3}), data)
    assert str(caught.value).startswith(
        f"expected videos.{column} in the log for config.composition.{setting}, found "
    )
    assert "\n" not in str(caught.value)


def test_equal_channels_have_one_number(tmp_path: pathlib.Path) -> None:
    data = full_log.prepared_data(tmp_path, full_log.tables())
    ids = data.videos["channel_id"].to_list()
    found = channels.of(data).tolist()
    assert found[0] == 0
    assert [number == 0 for number in found[1:]] == [one is None for one in ids]
    pairs = {(one, number) for one, number in zip(ids, found[1:], strict=True) if one}
    assert len(pairs) == len({one for one, _ in pairs}) == len(set(found) - {0})
