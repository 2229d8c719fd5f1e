"""Popular videos of recent topics, against a search by hand."""

import collections
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import full_log
from ytdnn import configs
from ytdnn.base import registries
from ytdnn.log import events, prepared
from ytdnn.retrieval import interface, topic_popular


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return full_log.prepared_data(tmp_path_factory.mktemp("full"), full_log.tables())


def test_it_proposes_the_most_watched_of_recent_topics(
    data: prepared.PreparedData,
) -> None:
    users, ends = data.windows.first_watches(events.Split.TEST)
    watched = data.log.shard_index.watched_before(users, ends).padded()
    made = registries.SOURCES["topic_popular"].make(5, data)
    found = made.propose(
        interface.SourceRequests(tf.constant(watched), tf.zeros(len(users), tf.int64))
    )
    is_train = np.asarray(data.watches.splits) == events.Split.TRAIN
    counts = collections.Counter(np.asarray(data.watches.videos)[is_train].tolist())
    topics = [None, *data.videos["topic"].to_list()]
    for row in range(len(users)):
        history = [v for v in watched[row].tolist() if v]
        recent = {topics[v] for v in history[-20:]} - {None}
        known = [v for v in counts if topics[v] in recent and v not in history]
        best = sorted(-counts[v] for v in known)[:5]
        got = [v for v in found.videos[row].numpy().tolist() if v]
        assert [-counts[v] for v in got] == best
        for video, seed in zip(got, found.seeds[row].numpy().tolist(), strict=False):
            of_topic = [v for v in history[-20:] if topics[v] == topics[video]]
            assert seed == of_topic[-1]


def test_it_is_named_in_a_composition_and_needs_topics(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    composition = configs.CompositionConfig(sources=(("topic_popular", 0.1),))
    assert composition.num_places == {"topic_popular": 30}
    assert composition.source_names.index("topic_popular") == 4
    tables = full_log.tables()
    tables["videos"] = tables["videos"].drop("topic")
    assert topic_popular.exists(data)
    assert not topic_popular.exists(full_log.prepared_data(tmp_path, tables))
