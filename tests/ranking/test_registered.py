"""Heads by name: those of ytdnn, and one of a package that is trained and served."""

import pathlib

import numpy as np
import tensorflow as tf

from tests import extras
from tests.ranking import test_heads
from ytdnn import configs
from ytdnn.base import registries
from ytdnn.ranking import heads


def test_every_head_of_the_union_is_registered_with_its_config() -> None:
    kinds = configs.choices()["ranking.head"]
    assert set(registries.HEADS.own()) == set(kinds)
    for kind, cls in kinds.items():
        assert registries.HEADS[kind].config is cls


def test_a_log_without_watch_time_has_the_head_of_the_click() -> None:
    clicks = heads.Clicks(probability=0.2, seconds=0.0)
    assert type(heads.make(configs.ClickTimesWatchTimeConfig(), clicks)) is heads.Click


def test_a_head_of_a_package_learns_what_it_says(tmp_path: pathlib.Path) -> None:
    with extras.installed(tmp_path):
        values = configs.to_dict(configs.Config())
        values["ranking"]["head"] = {"kind": "long_view", "least_seconds": 60.0}
        config = configs.from_dict(values).ranking
        assert configs.to_dict(config)["head"]["kind"] == "long_view"
        labels = test_heads.alike_impressions()
        head = test_heads.make(config.head, labels)
        outputs = test_heads.fitted(head, labels)
        found = head.score(head.predict(outputs, labels.durations).order)
        share = float(np.mean(labels.seconds.numpy() >= 60.0))
        assert 0.05 < share < 0.5
        np.testing.assert_allclose(found, share, atol=1e-3)
        assert head.predicts == (False, False)
        assert tf.reduce_all(head.losses(outputs, labels) > 0.0)
