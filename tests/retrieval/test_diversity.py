"""Re-ranking for diversity, by hand and by an oracle in NumPy."""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests import extras, full_log, vector_log
from ytdnn import configs
from ytdnn.base import errors, registries
from ytdnn.log import prepared
from ytdnn.retrieval import diversity, slate

BY_TOPIC = configs.CompositionConfig(diversity=2.0, diversity_by="topic")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return vector_log.prepared_data(tmp_path_factory.mktemp("diversity"))


def ranks_by_hand(
    scores: np.ndarray, penalties: np.ndarray, further: np.ndarray
) -> list[int]:
    left, chosen = list(range(len(scores))), []
    while left:
        worth = [
            scores[i]
            - max([np.float32(0.0), *(penalties[j, i] for j in chosen)])
            - sum((further[j, i] for j in chosen), np.float32(0.0))
            for i in left
        ]
        chosen.append(left.pop(int(np.argmax(worth))))
    return np.argsort(chosen).tolist()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_greedy_ranks_are_those_by_hand(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 7))
    numbers = st.integers(0, 40).map(lambda n: n / 8)  # exact in float32
    scores = data.draw(hnp.arrays(np.float32, (2, size), elements=numbers))
    pairs = [
        data.draw(hnp.arrays(np.float32, (2, size, size), elements=numbers))
        for _ in range(2)
    ]
    found = diversity.greedy_ranks(*map(tf.constant, (scores, *pairs))).numpy()
    for row in range(2):
        expected = ranks_by_hand(scores[row], *(one[row] for one in pairs))
        assert found[row].tolist() == expected


def ordered(
    rule: slate.SlateOrder, videos: list[int], logits: list[float]
) -> list[int]:
    order = rule(tf.constant([videos]), tf.constant([logits])).numpy()[0]
    places = np.argsort(-order, kind="stable")
    return [videos[i] for i in places if np.isfinite(order[i])]


def test_a_second_video_of_a_topic_needs_a_much_larger_score(
    data: prepared.PreparedData,
) -> None:
    topics = [None, *data.videos["topic"].to_list()]
    cats = [i for i, topic in enumerate(topics) if topic == "cats"][:2]
    news = topics.index("news")
    videos = [*cats, news, 0]
    rule = slate.SlateOrder(BY_TOPIC, data)
    assert ordered(rule, videos, [3.0, 2.5, 1.0, 9.0]) == [cats[0], news, cats[1]]
    assert ordered(rule, videos, [2.9, 3.5, 1.0, 9.0]) == [cats[1], news, cats[0]]
    assert ordered(rule, videos, [8.0, 7.0, 1.0, 9.0]) == [*cats, news]


def test_each_further_video_of_a_channel_counts_less(
    data: prepared.PreparedData,
) -> None:
    config = configs.CompositionConfig(channel_decay=np.exp(-1.0).item())
    channels = [None, *data.videos["channel_id"].to_list()]
    first = [i for i, channel in enumerate(channels) if channel == 1][:3]
    other = channels.index(2)
    found = ordered(
        slate.SlateOrder(config, data), [*first, other], [3.0, 2.9, 2.8, 1.0]
    )
    # The second counts 1.9, the third .8.
    assert found == [first[0], first[1], other, first[2]]


def test_only_the_best_change_places(
    data: prepared.PreparedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = [None, *data.videos["topic"].to_list()]
    cats = [i for i, topic in enumerate(topics) if topic == "cats"][:3]
    news = topics.index("news")
    monkeypatch.setattr(configs.CompositionConfig, "diversity_top", 2)
    assert ordered(
        slate.SlateOrder(BY_TOPIC, data), [*cats, news], [3.0, 2.9, 2.8, 2.7]
    ) == [*cats, news]


def test_the_alike_by_vectors_are_moved_down(data: prepared.PreparedData) -> None:
    rows = np.asarray(data.catalogue.vectors.rows("videos.clip"), np.float32)
    cosines = rows @ rows.T
    first = int(np.flatnonzero(rows.any(axis=1))[0])
    near = int(np.argsort(-cosines[first])[1])
    far = int(np.argmin(cosines[first]))
    by_vectors = dataclasses.replace(BY_TOPIC, diversity_by="videos.clip")
    assert ordered(
        slate.SlateOrder(by_vectors, data), [first, near, far], [3.0, 2.0, 1.5]
    ) == [first, far, near]


def test_columns_that_the_log_lacks_are_refused(
    data: prepared.PreparedData, tmp_path: pathlib.Path
) -> None:
    wrong = dataclasses.replace(BY_TOPIC, diversity_by="subject")
    with pytest.raises(errors.UserError, match=r"topic.*videos\.clip.*received 'subj"):
        slate.SlateOrder(wrong, data)
    log = full_log.tables()
    log["videos"] = log["videos"].drop("channel_id")
    without = full_log.prepared_data(tmp_path, log)
    with pytest.raises(
        errors.UserError, match=r"channel_decay, found none.*set it to 1"
    ):
        slate.SlateOrder(configs.CompositionConfig(channel_decay=0.5), without)


def test_registered_rerankers_follow_diversity(data: prepared.PreparedData) -> None:
    with extras.registered():

        @registries.RERANKERS.register("odd_first")
        def odd_first(config: configs.CompositionConfig, data: prepared.PreparedData):
            def reranked(videos: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
                return order + 100.0 * tf.cast(videos % 2, tf.float32)

            return reranked

        config = dataclasses.replace(BY_TOPIC, rerankers=("odd_first",))
        rule = slate.SlateOrder(config, data)
        assert [name for name, _ in rule.rerankers] == [slate.DIVERSITY, slate.RERANKED]
        alone = slate.SlateOrder(
            configs.CompositionConfig(rerankers=("odd_first",)), data
        )
        videos, logits = [2, 3, 4, 5, 0], [5.0, 4.0, 3.0, 2.0, 9.0]
        assert ordered(alone, videos, logits) == [3, 5, 2, 4]
        assert [video % 2 for video in ordered(rule, videos, logits)] == [1, 1, 0, 0]
    with pytest.raises(ValueError, match=r"re-ranker \(none\), received 'odd_first'"):
        configs.CompositionConfig(rerankers=("odd_first",))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        *((lambda order: None, "None"), (lambda order: order[0, 0], r"float32 \(\)")),
        (lambda order: tf.cast(order, tf.int32), "int32"),
        (lambda order: order[:, :1], r"float32 \(1, 1\)"),
        (lambda order: order * float("nan"), "NaN"),
    ],
)
def test_a_reranker_that_returns_no_order_is_refused(
    data: prepared.PreparedData, change: Callable[[tf.Tensor], tf.Tensor], found: str
) -> None:
    with extras.registered():
        registries.RERANKERS.register("own")(lambda *_: lambda videos, x: change(x))
        config = configs.CompositionConfig(rerankers=("own",))
        with pytest.raises(errors.UserError, match=f"re-ranker own .*found {found}"):
            slate.SlateOrder(config, data)
