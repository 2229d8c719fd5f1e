import numpy as np
import tensorflow as tf

from tests.features import contract
from ytdnn.data import prepared


class _OfPair(contract.FeatureContract):
    def test_logged_impressions_are_joined_as_any_pair(
        self, data: prepared.PreparedData
    ) -> None:
        """Joined once for the whole log, or when asked: the same, and by hand."""
        feature, shown = self.feature(data), data.impressions
        rows = np.arange(0, len(shown), 7)
        found = contract._at_impressions(feature, data, rows)[:, 0].numpy()
        for row, value in zip(rows, found, strict=True):
            same = shown.users == shown.users[row]
            same &= shown.videos == shown.videos[row]
            before = shown.times[same & (shown.times < shown.times[row])]
            assert value == self.by_hand(before, shown.times[row])
        assert len(set(found.tolist())) > 2

    def by_hand(self, before: np.ndarray, now: int) -> float:
        raise NotImplementedError

    def test_all_are_before_a_request_of_unknown_time(
        self, data: prepared.PreparedData
    ) -> None:
        asked = contract.Asked.of(data)
        every = np.tile(np.arange(1, data.num_videos + 1), (len(asked.users), 1))
        never = contract.Asked(
            asked.users, asked.ends, np.zeros_like(asked.times), every
        )
        found = self._values(self.feature(data), data, never).numpy()
        self.check_unknown_time(data, asked.users, found)

    def check_unknown_time(
        self, data: prepared.PreparedData, users: np.ndarray, found: np.ndarray
    ) -> None:
        raise NotImplementedError


class TestNumEarlierImpressions(_OfPair):
    name = "num_earlier_impressions"
    always_known = True

    def by_hand(self, before: np.ndarray, now: int) -> float:
        return len(before)

    def check_unknown_time(
        self, data: prepared.PreparedData, users: np.ndarray, found: np.ndarray
    ) -> None:
        counts = np.bincount(data.impressions.users, minlength=data.num_users)
        assert found.sum(axis=1).tolist() == counts[users].tolist()


class TestSecondsSinceImpression(_OfPair):
    name = "seconds_since_impression"

    def by_hand(self, before: np.ndarray, now: int) -> float:
        return float(now - before.max()) if len(before) else -1.0

    def check_unknown_time(
        self, data: prepared.PreparedData, users: np.ndarray, found: np.ndarray
    ) -> None:
        del data, users
        assert (found == -1.0).all()


def test_videos_that_were_never_shown_to_a_user_have_no_past(
    data: prepared.PreparedData,
) -> None:
    asked = contract.Asked.of(data)
    unwatched = np.full_like(asked.videos, data.num_videos)
    never = contract.Asked(asked.users, asked.ends, asked.times, unwatched)
    contracts = TestNumEarlierImpressions(), TestSecondsSinceImpression()
    for held, expected in zip(contracts, (0.0, -1.0), strict=True):
        found = held._values(held.feature(data), data, never)
        tf.debugging.assert_equal(found, tf.fill(tf.shape(found), expected))
