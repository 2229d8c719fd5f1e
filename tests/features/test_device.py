from tests.features import contract
from ytdnn.features import base_feature


class TestDevice(contract.FeatureContract):
    name = "device"
    network = base_feature.CANDIDATES


class TestDeviceOfImpressions(contract.FeatureContract):
    name = "device"
