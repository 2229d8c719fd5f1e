"""What a candidate model must say of itself: nothing is taken for granted."""

import dataclasses
import pathlib

import numpy as np
import pytest

from tests import planted
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.candidates import model
from ytdnn.evaluation import leaks, models, user_cases
from ytdnn.log import events, prepared

STATED = ("sees_request_time", "trains_on_validation")
CONFIG = configs.Config(evaluation=configs.EvaluationConfig(ks=(3,)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory: pathlib.Path = tmp_path_factory.mktemp("planted")
    return planted.prepared_data(directory)


class _Silent:
    """A model that does not say whether it sees the time of the request."""

    def __init__(self, whole: fakes.ScoresByUser) -> None:
        self.num_listed = whole.num_listed
        self.video_vectors = whole.video_vectors
        self.user_vectors = whole.user_vectors


@pytest.mark.parametrize("split", [events.Split.TEST, events.Split.VALIDATION])
def test_a_model_that_does_not_state_them_is_not_evaluated(
    data: prepared.PreparedData, split: events.Split
) -> None:
    whole = fakes.ScoresByUser(data.num_videos, lambda *_: np.ones(data.num_videos))
    silent = _Silent(whole)
    with pytest.raises(AttributeError, match="trains_on_validation"):
        fakes.evaluate_models(data, silent, None, {}, CONFIG, split)  # type: ignore[arg-type]
    cases = user_cases.cases(data, split, CONFIG.evaluation)
    with pytest.raises(AttributeError, match="sees_request_time"):
        leaks.in_models(data, cases, silent, None, seed=0)  # type: ignore[arg-type]
    assert leaks.in_models(data, cases, whole, None, seed=0) > 0


@pytest.mark.parametrize("value", [True, False])
def test_networks_and_ensembles_state_what_their_config_says(
    data: prepared.PreparedData, value: bool
) -> None:
    features = configs.FeaturesConfig(add=("request_time",) if value else ())
    config = dataclasses.replace(
        planted.tiny_config().candidates, features=features, train_on_validation=value
    )
    single: models.RetrievalModel = model.build(config, data)
    pair: models.RetrievalModel = model.joined([model.build(config, data)] * 2)
    for name in STATED:
        assert getattr(single, name) is getattr(pair, name) is value
