import numpy as np
import tensorflow as tf

from tests.features import contract, pasts
from ytdnn.log import prepared


class TestNumEarlierImpressions(pasts.PastContract):
    name = "num_earlier_impressions"
    always_known = True

    def by_hand(self, past: pasts.Past) -> float:
        return int((past.shown == past.video).sum())


class TestNumUnclickedImpressions(pasts.PastContract):
    name = "num_unclicked_impressions"
    always_known = True

    def by_hand(self, past: pasts.Past) -> float:
        return int((past.shown[~past.clicked] == past.video).sum())


class TestNumRecentImpressions(pasts.PastContract):
    name = "num_impressions_of_last_96"
    always_known = True

    def by_hand(self, past: pasts.Past) -> float:
        return int((past.shown[-96:] == past.video).sum())


class TestSecondsSinceImpression(pasts.PastContract):
    name = "seconds_since_impression"

    def by_hand(self, past: pasts.Past) -> float:
        return pasts.since(past, past.shown_times[past.shown == past.video])


def test_videos_that_were_never_shown_to_a_user_have_no_past(
    data: prepared.PreparedData,
) -> None:
    split_requests = contract.SplitRequests.from_data(data)
    unwatched = np.full_like(split_requests.videos, data.num_videos)
    never = contract.SplitRequests(
        split_requests.users, split_requests.ends, split_requests.times, unwatched
    )
    contracts = TestNumEarlierImpressions(), TestSecondsSinceImpression()
    for held, expected in zip(contracts, (0.0, -1.0), strict=True):
        found = held._values(held.feature(data), data, never)
        tf.debugging.assert_equal(found, tf.fill(tf.shape(found), expected))
