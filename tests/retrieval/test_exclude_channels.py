"""Channels that requests leave out, against a search by hand."""

import pathlib

import pytest
import tensorflow as tf

from tests import full_log
from ytdnn import configs
from ytdnn.base import errors, registries
from ytdnn.log import fields, prepared
from ytdnn.retrieval import request_fields


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return full_log.prepared_data(tmp_path_factory.mktemp("full"), full_log.tables())


def test_all_videos_of_the_channels_are_left_out(data: prepared.PreparedData) -> None:
    made = registries.REQUEST_FIELDS["exclude_channel_ids"].make(data)
    channels = data.videos["channel_id"].cast(str).to_list()
    asked = [["", "2"], ["3", "1"], ["", "elsewhere"], ["", ""]]
    found = tf.function(made.excluded)(tf.constant(asked)).numpy()
    for row, names in zip(found.tolist(), asked, strict=True):
        by_hand = [v for v, c in enumerate(channels, 1) if c is not None and c in names]
        assert sorted(v for v in row if v) == by_hand
    assert (found[0] > 0).any()


def test_a_composition_names_it_where_the_log_has_channels(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    config = configs.CompositionConfig(request_fields=("exclude_channel_ids",))
    (made,) = request_fields.from_config(config, data)
    assert made.field.name == "exclude_channel_ids"
    tables = full_log.tables()
    tables["videos"] = tables["videos"].drop("channel_id")
    without = full_log.prepared_data(tmp_path, tables)
    with pytest.raises(errors.UserError, match="request_fields=exclude_channel_ids"):
        request_fields.from_config(config, without)


def test_a_part_of_one_version_ago_is_read_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match=r"Older\.barred: name it excluded"):

        class Older(request_fields.RequestField):
            def barred(self, values: tf.Tensor) -> tf.Tensor:
                return values + 1

    older = Older()
    older.field = fields.Field("hide", "int32", "batch", 0, "videos to hide")
    (found,) = request_fields.excluded([older], {"hide": tf.constant([2])})
    assert found.numpy().tolist() == [3]
