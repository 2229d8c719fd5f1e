import pathlib

import pytest

from tests import full_log
from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import prepared
from ytdnn.run.pipeline import steps

WRONG = configs.FeaturesConfig(add=("videos.genr",))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    directory: pathlib.Path = tmp_path_factory.mktemp("full")
    return full_log.prepared_data(directory, full_log.tables())


def test_features_of_both_networks_are_checked(data: prepared.PreparedData) -> None:
    steps.require_features(configs.Config(), data)
    for config in (
        configs.Config(ranking=configs.RankingConfig(features=WRONG)),
        configs.Config(candidates=configs.CandidatesConfig(features=WRONG)),
        configs.Config(
            candidates=configs.CandidatesConfig(
                content=configs.ContentConfig(features=WRONG)
            )
        ),
    ):
        with pytest.raises(errors.UserError, match=r'received "videos\.genr"'):
            steps.require_features(config, data)


def test_without_impressions_there_is_no_ranker_to_check(
    tmp_path: pathlib.Path,
) -> None:
    log = full_log.tables()
    del log["impressions"]
    data = full_log.prepared_data(tmp_path, log)
    config = configs.Config(ranking=configs.RankingConfig(features=WRONG))
    steps.require_features(config, data)
