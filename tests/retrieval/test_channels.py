import pathlib

import pytest

from tests import full_log
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.retrieval import channels


def test_a_cap_needs_channels(tmp_path: pathlib.Path) -> None:
    log = full_log.tables()
    log["videos"] = log["videos"].drop("channel_id")
    data = full_log.prepared_data(tmp_path, log)
    channels.require(
        configs.CompositionConfig(sources=(("fresh_uploads", 0.1),)), data.catalogue
    )
    with pytest.raises(errors.UserError) as caught:
        channels.require(configs.CompositionConfig(max_per_channel=3), data.catalogue)
    assert str(caught.value).startswith(
        "expected videos.channel_id in the log for config.composition.max_per_channel"
    )
    assert "\n" not in str(caught.value)


def test_equal_channels_have_one_number(tmp_path: pathlib.Path) -> None:
    data = full_log.prepared_data(tmp_path, full_log.tables())
    ids = data.videos["channel_id"].to_list()
    found = channels.channel_indices(data.catalogue).tolist()
    assert found[0] == 0
    assert [number == 0 for number in found[1:]] == [one is None for one in ids]
    pairs = set(zip(ids, found[1:], strict=True)) - {(None, 0)}
    assert len(pairs) == len({one for one, _ in pairs}) == len(set(found) - {0})
