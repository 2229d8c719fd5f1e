"""A log unlike the world is checked and prepared whole."""

import json
import pathlib

from tests import alien_log
from tests.cli import conftest
from ytdnn.data import prepared


def test_everything_of_it_is_read(cli: conftest.Cli, tmp_path: pathlib.Path) -> None:
    truth = alien_log.write(tmp_path / "log")
    flags = ("--source=log", f"--data_dir={tmp_path / 'log'}", alien_log.FLAGS)
    found = cli("check", *flags, "--json")
    assert found.status == 0
    assert json.loads(found.out)["mistakes"] == []
    assert cli("prepare", *flags, f"--workdir={tmp_path / 'run'}").status == 0
    data = prepared.load(tmp_path / "run" / "data")
    assert (data.num_users, data.num_videos) == (60, 40)
    assert data.videos["video_id"].min() == 2**54 + 1
    assert sum(len(shard.read().watches) for shard in data.shards) == 1_800
    titles = dict(data.videos.select("video_id", "title").rows())
    assert titles[2**54 + 2] == "музыка, 1"
    # Of what users watch the truth explains nine tenths and its share of the rest.
    shard = data.shards[0].read()
    ids = data.videos["video_id"].to_list()
    first = ids[int(shard.watches.videos[0]) - 1]
    assert isinstance(truth.is_liked(data.users["user_id"][0], first), bool)
