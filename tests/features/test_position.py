"""The position of docs/examples."""

from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from tests import changed_log, extras
from tests.features import contract
from ytdnn.base import registry
from ytdnn.features import open_features
from ytdnn.log import events, log_tensors, prepared


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    with extras.registered():
        registry.extend(str(extras.EXAMPLES / "position.py"))
        yield


class TestPosition(contract.FeatureContract):
    name = "position"
    always_known = True

    def test_it_enters_as_the_click_rate_of_the_place_over_that_of_all(
        self, data: prepared.PreparedData
    ) -> None:
        feature, shown = self.feature(data), data.impressions
        assert shown.positions is not None
        places = contract._at_impressions(feature, data, np.arange(len(shown)))
        assert places.numpy()[:, 0].tolist() == shown.positions.tolist()
        layer = feature.encoder(feature.measure(data), contract.SETTINGS)
        found = layer(places)[:, 0, 0].numpy()
        is_train = shown.splits == events.Split.TRAIN
        mean = shown.clicked[is_train].mean()
        for place in range(5):
            clicked = shown.clicked[is_train & (shown.positions == place)]
            rate = (clicked.sum() + 10 * mean) / (len(clicked) + 10)
            of_place = found[shown.positions == place]
            assert of_place == pytest.approx(np.log(rate / mean), abs=1e-6)
        assert (found[shown.positions < 0] == 0.0).all()
        assert len(np.unique(found)) == 6

    def test_every_video_is_served_at_an_average_place(
        self, data: prepared.PreparedData
    ) -> None:
        feature = self.feature(data)
        log = log_tensors.LogTensors(data)
        readers = open_features.open_log([feature], log, serving=True)
        split_requests = contract.SplitRequests.from_data(data).positions()
        (places,) = open_features.read(readers, split_requests).values()
        assert places.shape == split_requests.videos.shape
        encoded = feature.encoder(feature.measure(data), contract.SETTINGS)(places)
        tf.debugging.assert_equal(encoded, tf.zeros_like(encoded))

    def test_without_a_click_all_places_are_alike(
        self, data: prepared.PreparedData
    ) -> None:
        shown = data.impressions
        none = shown.replace(clicked=np.zeros(len(shown), bool))
        measured = self.feature(data).measure(
            changed_log.with_tables(data, impressions=none)
        )
        assert measured.numbers == ()

    def test_missing_and_unknown_have_their_encoding(
        self, data: prepared.PreparedData
    ) -> None:
        """Of what is served: an average place, of a video the log does not know too."""
        read = self._request_function(self.feature(data), data)
        value = read(self._missing(data), contract._ids(data, ["unknown"]))
        assert value.numpy().tolist() == [[-1.0]]
