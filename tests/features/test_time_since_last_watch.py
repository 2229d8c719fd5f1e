from tests.features import contract


class TestSecondsSinceLastWatch(contract.FeatureContract):
    name = "seconds_since_last_watch"
