import tensorflow as tf

from tests.features import contract
from ytdnn.features import base_feature, part_of_day


class TestPartOfDay(contract.FeatureContract):
    name = "part_of_day"


class TestPartOfDayOfCandidates(contract.FeatureContract):
    name = "part_of_day"
    network = base_feature.CANDIDATES


def test_quarters_by_hand() -> None:
    hours = [0.5, 6.0, 11.9, 18.0, 23.9]
    times = tf.constant([86_400 * 9 + int(hour * 3_600) for hour in hours] + [0])
    assert part_of_day._parts(times).numpy().tolist() == [1, 2, 2, 4, 4, 0]
