from tests.features import contract


class TestChannel(contract.FeatureContract):
    """Its ids are integers in this log."""

    name = "channel_id"
