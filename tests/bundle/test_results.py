"""The score never rises with the rank, whatever a page makes of its order."""

import types

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from tests import untrained
from ytdnn import configs
from ytdnn.base import schema
from ytdnn.bundle import graphs, models_for_export, recommender_graph
from ytdnn.log import lookups
from ytdnn.ranking import heads
from ytdnn.retrieval import exploring, pool, slate


def measured(head: heads.Head, counted: float = 0.0) -> types.SimpleNamespace:
    """What is read of a ranker with a weight of counted seconds."""
    calibration = heads.Calibration(counted=counted)
    statistics = types.SimpleNamespace(calibration=calibration)
    return types.SimpleNamespace(head=head, measured=statistics)


def test_a_score_by_counted_seconds_says_so(untrained_run: untrained.Run) -> None:
    head = untrained_run.ranker.head
    plain, counted = (
        models_for_export.meanings(measured(head, weight))[schema.SCORES]  # type: ignore[arg-type]
        for weight in (0.0, 0.5)
    )
    assert counted.removeprefix(plain) == (
        ", times the video's counted mean seconds to the power 0.5"
    )


CLICKS = heads.Clicks(probability=0.2, seconds=40.0)
HEADS = [
    heads.make(config, clicks)
    for clicks in (CLICKS, heads.Clicks(0.2, 0.0))
    for config in (
        configs.ClickTimesWatchTimeConfig(),
        configs.ClickTimesWatchTimeConfig(order_by="seconds"),
        configs.WeightedLogisticConfig(),
        configs.ClickConfig(),
    )
]
COMPOSITIONS = st.fixed_dictionaries(
    {},
    optional={
        "max_per_channel": st.integers(1, 3),
        "ordered_by": st.sampled_from(["click_rate", "odds"]),
    },
)
EXPLORING = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "temperature": st.sampled_from([1e-6, 0.3, 9.0]),
            "explore_top": st.integers(1, 12),
        },
    ),
    st.fixed_dictionaries(
        {"young_every": st.integers(2, 5), "young_days": st.sampled_from([2.0, 40.0])}
    ),
)


class Scorer:
    """Predicts what a head makes of given outputs."""

    def __init__(self, run: untrained.Run, head: heads.Head, outputs: tf.Tensor):
        self.videos = lookups.VideoIds(run.data.catalogue)
        self.asks_scores = self.asks_sources = False
        self.score_of = head.score
        found = head.predict(outputs, tf.ones(outputs.shape[:-1]))
        self.tensors_of = lambda *_: None
        self.predict_of = lambda _: found


def requests_of(run: untrained.Run, rng: np.random.Generator) -> types.SimpleNamespace:
    ends = int(np.asarray(run.data.watches.times).max())
    return types.SimpleNamespace(
        times=tf.constant(rng.integers(ends - 10**6, ends, 3)),
        watched_indices=tf.constant(rng.integers(0, 9, (3, 4)), tf.int32),
    )


@hypothesis.given(
    settings=COMPOSITIONS,
    exploring_by=EXPLORING,
    head=st.sampled_from(HEADS),
    spread=st.sampled_from([0.0, 1e-7, 1.0, 60.0]),
    seed=st.integers(0, 2**32 - 1),
)
@hypothesis.settings(max_examples=60, deadline=None)
def test_the_score_falls_among_what_it_places(
    untrained_run: untrained.Run,
    settings: dict,
    exploring_by: dict,
    head: heads.Head,
    spread: float,
    seed: int,
) -> None:
    run, rng = untrained_run, np.random.default_rng(seed)
    constants = {"explore_top", "young_days"} & exploring_by.keys()
    given = {k: v for k, v in exploring_by.items() if k not in constants}
    composition = configs.CompositionConfig(**settings, **given)
    width = 20
    shape = (3, width, len(head.biases))
    outputs = tf.constant(rng.normal(0.0, spread, shape), tf.float32)
    videos = np.stack([rng.permutation(run.data.num_videos)[:width] for _ in range(3)])
    found = pool.Candidates(*(tf.constant(videos + 1, tf.int32),) * 3)
    explorer = None
    if composition.explores:
        with pytest.MonkeyPatch.context() as patch:
            for name in constants:
                value = exploring_by[name]
                patch.setattr(configs.CompositionConfig, name, value)
            explorer = exploring.Explorer(composition, run.data.catalogue)
    graph = recommender_graph.RecommenderGraph(
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        Scorer(run, head, outputs),  # type: ignore[arg-type]
        slate.SlateOrder(composition, run.data),
        explorer=explorer,
    )
    scores = tf.constant(rng.normal(0.0, 3.0, (3, width)), tf.float32)
    ranked = graph.rank(requests_of(run, rng), found, scores)  # type: ignore[arg-type]
    answer = graphs.best(graph.videos, found.videos, ranked, tf.fill([3], width))
    said = models_for_export.meanings(measured(head), composition)  # type: ignore[arg-type]
    assert set(said) | {schema.IDS, schema.NUM_RESULTS} == set(answer)
    for row in range(3):
        size = int(answer[schema.NUM_RESULTS][row])
        values = answer[schema.SCORES][row, :size].numpy()
        assert np.isfinite(values).all()
        placed = np.zeros(size, int)
        if schema.PLACED_BY in answer:
            placed = answer[schema.PLACED_BY][row, :size].numpy()
        by_score = placed == slate.NAMES.index(slate.SCORE)
        by_score |= placed == slate.NAMES.index(slate.CAP)
        assert (np.diff(values[by_score]) <= 0.0).all()
        if not composition.explores:
            assert by_score.all()


@pytest.mark.parametrize("head", HEADS[:6])
def test_a_score_never_falls_where_the_order_rises(head: heads.Head) -> None:
    """Of neighbouring float32 too, which rounding could swap."""
    for start in (-90.0, -1.0, 0.0, 1e-6, 3.0, 79.9):
        order = [np.float32(start)]
        for _ in range(500):
            order.append(np.nextafter(order[-1], np.float32(np.inf)))
        found = head.score(tf.constant(order)).numpy()
        assert (np.diff(found) >= 0.0).all()


def test_what_placed_a_video_by_hand() -> None:
    """Of five, the third exceeds a cap and a young fifth is moved to the front."""
    order = tf.constant([[5.0, 4.0, 3.0, 2.0, 1.0]])
    capped = tf.constant([[5.0, 4.0, float("-inf"), 2.0, 1.0]])
    young = tf.constant([[5.0, 4.0, float("-inf"), 2.0, 9.0]])
    codes = slate.codes(None, slate.risen(capped, young), slate.risen(order, capped))
    assert codes is not None
    names = [slate.NAMES[code] for code in codes.numpy()[0]]
    assert names == ["score", "score", "score", "cap", "reserved"]
    assert slate.codes(None, None, None) is None
    drawn = slate.codes(tf.constant([[True, False]]), None, None)
    assert drawn is not None
    assert drawn.numpy().tolist() == [[1, 0]]
