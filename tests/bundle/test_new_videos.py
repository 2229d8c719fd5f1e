"""A bundle of a model with content: new videos in requests, lists and scores."""

import numpy as np
import pytest
import tensorflow as tf

from tests.bundle import conftest
from ytdnn import configs
from ytdnn.evaluation import bundles, lists, protocol
from ytdnn.log import events, positions
from ytdnn.retrieval import stage

CONFIG = configs.EvaluationConfig()
K = 20


@pytest.fixture
def run(content_run: conftest.Run) -> conftest.Run:
    return content_run


@pytest.mark.thorough
def test_the_bundle_says_how_many_videos_it_can_list(run: conftest.Run) -> None:
    assert run.data.num_videos > run.data.vocabulary_size
    assert run.bundle.manifest.facts["videos"] == run.data.num_videos


@pytest.mark.thorough
def test_its_lists_are_the_models_with_new_videos_among_them(run: conftest.Run) -> None:
    """Histories of test users hold new videos too."""
    data, trained = run.data, run.candidates
    size = trained.num_listed
    cases = protocol.cases(data, events.Split.TEST, CONFIG, size)
    assert (cases.watched.values > data.vocabulary_size).any()
    users = trained.user_vectors(data, cases.users, cases.ends, cases.times)
    expected = lists.from_vectors(cases, users, trained.video_vectors(), K)
    served = bundles.makers(bundles.ServedLists(run.bundle, data), CONFIG)
    found = served[lists.CANDIDATES](cases, K)
    assert (expected > data.vocabulary_size).any()
    assert (found == expected).mean() > 0.99  # but for ties of rounding


@pytest.mark.thorough
def test_the_ranker_is_told_the_score_of_a_new_video(run: conftest.Run) -> None:
    first_stage = stage.load(run.workdir / "candidates", run.data)
    vectors = tf.ones([1, run.candidates.vector_dim])
    videos = tf.constant([[1, run.data.num_videos, 0]])
    found = first_stage.scores()(vectors, videos)[0].numpy()
    expected = run.candidates.video_vectors()[-1].sum()
    np.testing.assert_allclose(found[1], expected, rtol=1e-4)
    assert found[2] == positions.NO_SCORE != found[1]
