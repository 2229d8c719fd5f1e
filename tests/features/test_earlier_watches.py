from tests.features import pasts


class TestNumEarlierWatches(pasts.PastContract):
    name = "num_earlier_watches"
    always_known = True

    def by_hand(self, past: pasts.Past) -> float:
        return int((past.watched == past.video).sum())


class TestSecondsSinceWatch(pasts.PastContract):
    name = "seconds_since_video_watch"

    def by_hand(self, past: pasts.Past) -> float:
        return pasts.since(past, past.watch_times[past.watched == past.video])
