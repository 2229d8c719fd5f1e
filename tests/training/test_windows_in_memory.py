"""What is in memory of a log in windows: no window that is finished."""

import gc
import weakref

import pytest

from tests import full_log
from tests.features import first_stage
from ytdnn import configs
from ytdnn.features import counter_sums, past_sums_of_log, point_in_time_sums
from ytdnn.log import batch_streams, merged_shards, prepared
from ytdnn.ranking import building
from ytdnn.retrieval import first_stage_replay
from ytdnn.training import ranking

_OF_OPENING = (
    past_sums_of_log.LogPast,
    past_sums_of_log.Join,
    counter_sums.QuantitySums,
    point_in_time_sums.SortedEvents,
)


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    data = full_log.prepared_data(
        tmp_path_factory.mktemp("sharded"), full_log.tables(), events_per_shard=800
    )
    assert len(data.log.shards) > 3
    return data


@pytest.fixture
def stage(sharded):
    return first_stage.make(sharded)


class _Opened:
    """Counts the windows with events in memory when a further one is read."""

    def __init__(self):
        self.held, self.most = [], 0
        self._join = merged_shards.joined

    def __call__(self, shards, num_users):
        shard = self._join(shards, num_users)
        self.held.append(weakref.ref(shard))
        self.most = max(self.most, self.num)
        return shard

    @property
    def num(self):
        return sum(one() is not None for one in self.held)


@pytest.fixture
def opened(monkeypatch):
    found = _Opened()
    monkeypatch.setattr(merged_shards, "joined", found)
    monkeypatch.setattr(batch_streams, "_COLLECT_EVENTS", 0)  # as of a large window
    gc.collect()
    return found


def _config():
    own = configs.RankingConfig(
        embedding_dim=4,
        history_length=8,
        tower=(8,),
        least_impressions=0,
        training=configs.TrainingConfig(batch_size=32, epochs=2),
    )
    return configs.Config(ranking=own)


def _num(*kinds):
    gc.collect()
    return sum(isinstance(each, kinds) for each in gc.get_objects())


def test_training_holds_the_window_it_reads_and_the_next(
    sharded, stage, opened, tmp_path, monkeypatch
):
    monkeypatch.setattr(configs.RankingConfig, "window_events", 1)
    data = prepared.load(sharded.directory)
    before = _num(*_OF_OPENING), _num(first_stage_replay.Replay)
    ranking.train(_config(), data, tmp_path / "ranking", stage)
    assert len(opened.held) > 2 * len(data.log.shards)
    assert opened.most == 2
    gc.collect()
    assert opened.num == 0
    assert (_num(*_OF_OPENING), _num(first_stage_replay.Replay)) == before
    assert "shard" not in vars(data.log)


def test_an_open_log_holds_no_joins_and_no_cells(sharded, stage):
    before = _num(*_OF_OPENING)
    built = building.build(_config().ranking, prepared.load(sharded.directory), stage)
    assert built._log is not None  # the training impressions
    assert _num(*_OF_OPENING) == before


def test_windows_are_not_held_by_their_list(sharded, opened):
    windows = batch_streams.ShardWindows(sharded, 1)
    assert len(windows) == len(sharded.log.shards)
    for window in windows:
        assert len(window.log.watches) > 0
    del window
    assert opened.most == 1
    assert opened.num == 0


def test_of_a_single_window_the_set_itself_is_read(sharded):
    windows = batch_streams.ShardWindows(sharded, 10**9)
    assert [one is sharded for one in windows] == [True]
