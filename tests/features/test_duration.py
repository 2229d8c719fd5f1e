from tests.features import contract


class TestDuration(contract.FeatureContract):
    name = "duration_seconds"
