"""The refresh beside a model trained anew and one never refreshed."""

import dataclasses
import pathlib

import pytest

from experiments import refresh
from tests import planted
from ytdnn import configs
from ytdnn.base import artifacts

WORLD = configs.WORLDS["tiny"]


@pytest.mark.slow
def test_all_bundles_are_asked_the_same(tmp_path: pathlib.Path) -> None:
    config = dataclasses.replace(
        planted.tiny_config(), data=configs.DataConfig(world=WORLD)
    )
    found = refresh.compare(config, tmp_path, days=3.0)
    names = (refresh.NEVER, refresh.REFRESHED, refresh.SCRATCH)
    assert list(found) == [(name, days) for name in names for days in (1.0, 0.0)]
    for days in (1.0, 0.0):
        protocols = [found[name, days].report.protocol for name in names]
        assert len({p.users for p in protocols}) == 1
        assert protocols[0].users > 0
    trained = refresh.seconds(tmp_path)
    assert min(trained.values()) > 0.0
    assert refresh.show(found, trained).row_count == 6
    prints = {
        artifacts.peek(tmp_path / name / "candidates/manifest.json", "inputs")["data"]
        for name in ("refreshed", "scratch")
    }
    assert len(prints) == 1
