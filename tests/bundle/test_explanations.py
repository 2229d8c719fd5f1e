"""What a bundle says of its candidates and of the reasons for their scores."""

import numpy as np
import pytest
import tensorflow as tf

from tests import untrained
from ytdnn.base import schema
from ytdnn.bundle import batches, bundle, explanations, graphs, user_requests
from ytdnn.log import lookups
from ytdnn.retrieval import interface

MODEL = bundle.RECOMMENDER + bundle.EXACT
USERS = ("u1", "u2", "u5")


@pytest.fixture(scope="module")
def run(untrained_run: untrained.Run) -> untrained.Run:
    return untrained_run


@pytest.fixture(scope="module")
def asked(run: untrained.Run) -> dict:
    """Returns the inputs of three users, without `k`."""
    fields = run.bundle.inputs(MODEL)
    batch = []
    for user in USERS:
        request = run.bundle.fitting(user_requests.at_end(run.data, user))
        length = len(request[schema.WATCHED_VIDEO_IDS])
        of_watches = {n for n, v in request.items() if n.startswith("watch")}
        request |= {n: request[n][-8:] for n in of_watches}
        assert length > 8
        batch.append(request)
    inputs = batches.inputs(batch, fields)
    return {name: value for name, value in inputs.items() if name != schema.K}


def ask(run: untrained.Run, signature: str, inputs: dict) -> dict:
    fields = run.bundle.inputs(MODEL) | run.bundle.inputs(bundle.RANKER)
    function = run.bundle.model(MODEL, signature)
    found = function(**batches.tensors(inputs, fields))
    return {name: value.numpy() for name, value in found.items()}


@pytest.mark.thorough
def test_candidates_in_the_order_of_their_ranks_are_the_page(
    run: untrained.Run, asked: dict
) -> None:
    found = ask(run, bundle.CANDIDATES, asked)
    page = run.bundle.run(MODEL, asked | {schema.K: np.full(len(USERS), 12, np.int32)})
    for row in range(len(USERS)):
        size = int(page[schema.NUM_RESULTS][row])
        ranks = found[bundle.RANKS][row]
        places = [int(np.flatnonzero(ranks == n)[0]) for n in range(1, size + 1)]
        assert (ranks > size).sum() == 0
        for name in (schema.IDS, schema.SCORES):
            expected = page[name][row].numpy()[:size]
            np.testing.assert_array_equal(found[name][row][places], expected)
        assert size <= found[schema.NUM_RESULTS][row] <= 12
    # The cap of two of a channel leaves candidates out.
    assert page[schema.NUM_RESULTS].numpy().sum() < found[schema.NUM_RESULTS].sum()


@pytest.mark.thorough
def test_candidates_have_their_source_and_seed(run: untrained.Run, asked: dict) -> None:
    found = ask(run, bundle.CANDIDATES, asked)
    sources = {interface.NAMES[n - 1] for n in found[bundle.SOURCES].ravel() if n}
    assert sources == set(interface.NAMES)
    by_co_watch = found[bundle.SOURCES] == 1 + interface.NAMES.index("co_watch")
    watched = asked[schema.WATCHED_VIDEO_IDS]
    for row, column in np.argwhere(by_co_watch).tolist():
        assert found[bundle.SEED_IDS][row, column].decode() in watched[row].tolist()
    assert (found[bundle.SEED_IDS][~by_co_watch] == b"").all()
    assert (found[bundle.STAGE_SECONDS] > 0).all()


@pytest.mark.thorough
def test_each_counterfactual_is_the_score_with_one_feature_neutral(
    run: untrained.Run, asked: dict
) -> None:
    """All in one batch are as each by itself through the trained network."""
    videos = np.array([["v1", "v2", "v3"]] * len(USERS), object)
    inputs = {n: asked[n] for n in run.bundle.inputs(bundle.RANKER) if n in asked}
    inputs |= {schema.VIDEO_IDS: videos}
    found = ask(run, explanations.EXPLAIN, inputs)
    own = found[schema.SCORES]
    expected = ask(run, bundle.RANKER, inputs)[schema.SCORES]
    np.testing.assert_allclose(own, expected, rtol=1e-6)
    fields = run.bundle.inputs(MODEL) | run.bundle.inputs(bundle.RANKER)
    tensors = tensors_of(run, batches.tensors(inputs, fields))
    features = {f.name for f in run.ranker.features} - {"example_age"}
    assert set(run.ranker.neutral) == features | {
        schema.HISTORY_VIDEOS,
        schema.IMPRESSION_VIDEOS,
    }
    changing = 0
    for name, value in run.ranker.neutral.items():
        read = tensors[name]
        neutral = tf.fill(tf.shape(read), tf.cast(value, read.dtype))
        predicted = run.ranker.predict(tensors | {name: neutral})
        expected = run.ranker.head.score(predicted.order)
        without = found[explanations.WITHOUT + name]
        np.testing.assert_allclose(without, expected, rtol=1e-5)
        changing += not np.allclose(without, own, rtol=1e-5)
    assert changing > len(features) / 2


def tensors_of(run: untrained.Run, raw: dict) -> dict:
    """Returns what the network reads of a request."""
    videos = lookups.VideoIds(run.data.catalogue)
    scorer = graphs.Scorer(run.data, videos, run.ranker)
    tower = graphs.UserTowerGraph(run.data, videos, run.stage.candidates)
    ranker = graphs.RankerGraph(scorer, tower, run.stage.scores(), run.stage.pool())
    return ranker.tensors(raw)


@pytest.mark.thorough
def test_nearest_watched_videos_are_those_of_the_largest_cosines(
    run: untrained.Run, asked: dict
) -> None:
    videos = np.array([["v1", "v4"]] * len(USERS), object)
    inputs = {n: asked[n] for n in run.bundle.inputs(bundle.RANKER) if n in asked}
    found = ask(run, explanations.EXPLAIN, inputs | {schema.VIDEO_IDS: videos})
    vectors = run.stage.candidates.video_vectors()[:, :-1]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = run.data.videos[schema.VIDEO_ID].to_list()
    for row in range(len(USERS)):
        history = [v for v in asked[schema.WATCHED_VIDEO_IDS][row] if v][-50:]
        known = {v for v in history if ids.index(v) < len(vectors)}
        for column, video in enumerate(("v1", "v4")):
            own = vectors[ids.index(video)]
            best = sorted((-float(own @ vectors[ids.index(v)]), v) for v in known)[:3]
            nearest = found[explanations.NEAREST_IDS][row, column].tolist()
            assert [v.decode() for v in nearest] == [v for _, v in best]
            cosines = found[explanations.NEAREST_COSINES][row, column]
            np.testing.assert_allclose(cosines, [-c for c, _ in best], rtol=1e-4)
