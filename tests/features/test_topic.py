from tests.features import contract


class TestTopic(contract.FeatureContract):
    name = "topic"
