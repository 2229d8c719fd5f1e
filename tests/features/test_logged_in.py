from tests.features import contract
from ytdnn.features import base_feature


class TestLoggedIn(contract.FeatureContract):
    name = "logged_in"
    network = base_feature.CANDIDATES
