from tests.features import contract
from ytdnn.features import interface


class TestDevice(contract.FeatureContract):
    name = "device"
    network = interface.CANDIDATES


class TestDeviceOfImpressions(contract.FeatureContract):
    name = "device"
