from tests.features import contract
from ytdnn.features import interface


class TestLoggedIn(contract.FeatureContract):
    name = "logged_in"
    network = interface.CANDIDATES
