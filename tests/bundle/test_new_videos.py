"""A bundle of a model with content: new videos in requests, lists and scores."""

import pytest

from tests.bundle import conftest
from ytdnn import configs
from ytdnn.evaluation import bundles, lists, user_cases
from ytdnn.log import events

CONFIG = configs.EvaluationConfig()
K = 20


@pytest.fixture
def run(content_run: conftest.Run) -> conftest.Run:
    return content_run


@pytest.mark.thorough
def test_its_lists_are_the_models_with_new_videos_among_them(run: conftest.Run) -> None:
    """Histories of test users hold new videos too."""
    data, trained = run.data, run.candidates
    cases = user_cases.cases(data, events.Split.TEST, CONFIG, trained.num_listed)
    assert (cases.watched.values > data.vocabulary_size).any()
    users = trained.user_vectors(data, cases.users, cases.ends, cases.times)
    expected = lists.from_vectors(cases, users, trained.video_vectors(), K)
    served = bundles.makers(bundles.ServedLists(run.bundle, data), CONFIG)
    found = served[lists.CANDIDATES](cases, K)
    assert (expected > data.vocabulary_size).any()
    assert (found == expected).mean() > 0.99  # but for ties of rounding
