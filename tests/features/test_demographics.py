import tensorflow as tf

from tests.features import contract
from ytdnn.features import base_feature
from ytdnn.log import prepared


class TestGender(contract.FeatureContract):
    name = "gender"


class TestCountry(contract.FeatureContract):
    name = "country"
    network = base_feature.CANDIDATES


class TestAge(contract.FeatureContract):
    name = "age"

    def test_a_century_is_one_and_more_is_clipped(
        self, data: prepared.PreparedData
    ) -> None:
        ages = tf.constant([0.0, 25.0, 100.0, 250.0, -1.0])
        read = self.feature(data).open_request(data)
        shares = read(type("Request", (), {"raw": {"age": ages}}))
        assert shares.numpy().tolist() == [0.0, 0.25, 1.0, 1.0, -1.0]


class TestUserLanguage(contract.FeatureContract):
    name = "user_language"
