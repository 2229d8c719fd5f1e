"""The vectors of the world's videos: what they show, and what they leave as it was."""

import dataclasses

import numpy as np
import pytest

from tests.lab.world import conftest
from ytdnn import configs
from ytdnn.lab.world import generate, tables

CONFIG = dataclasses.replace(conftest.CONFIG, vector_dim=24)


def test_the_nearest_videos_are_of_the_same_channel_and_leaf(
    world: generate.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = world.shared
    found = tables.video_vectors(CONFIG, shared.topics, shared.videos)
    assert found.shape == (len(shared.videos), 24)
    assert found.dtype == np.float32
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    some = np.arange(0, len(unit), 30)
    cosines = unit[some] @ unit.T
    cosines[np.arange(len(some)), some] = -2.0
    nearest = cosines.argmax(axis=1)
    for values in (shared.videos.leaves, shared.videos.channels):
        by_chance = np.bincount(values).max() / len(values)
        assert (values[nearest] == values[some]).mean() > 4 * by_chance
    monkeypatch.setattr(tables, "_NOISE", 0.0)
    exact = tables.video_vectors(CONFIG, shared.topics, shared.videos)
    np.testing.assert_allclose(np.std(found - exact), 0.5, atol=0.01)


def test_they_change_nothing_else_and_are_left_out_by_default() -> None:
    tiny = configs.WORLDS["tiny"]
    plain = tables.videos_table(generate.World(tiny))
    wide = tables.videos_table(generate.World(dataclasses.replace(tiny, vector_dim=4)))
    assert tables.VECTOR not in plain
    assert wide[tables.VECTOR].shape == (tiny.num_videos, 4)
    for name, column in plain.items():
        if isinstance(column, tables.CategoryColumn):
            column, other = column.codes, wide[name].codes
        else:
            other = wide[name]
        np.testing.assert_array_equal(column, other)
