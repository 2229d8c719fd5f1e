from tests.features import contract
from ytdnn.features import base_feature
from ytdnn.log import prepared


class TestRequestTime(contract.FeatureContract):
    name = "request_time"
    network = base_feature.CANDIDATES

    def test_numbers_that_see_it_are_marked(self, data: prepared.PreparedData) -> None:
        assert self.feature(data).sees_request_time
        assert self.network not in self.feature(data).default_in
