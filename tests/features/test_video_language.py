from tests.features import contract


class TestVideoLanguage(contract.FeatureContract):
    name = "video_language"
