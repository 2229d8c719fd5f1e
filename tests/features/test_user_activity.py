from tests.features import pasts

DAY = 86_400


class TestNumWatches(pasts.PastContract):
    name = "user_watches"
    always_known = True

    def by_hand(self, past: pasts.Past) -> float:
        return len(past.watched)


class TestNumWatchesOfLastDay(pasts.PastContract):
    name = "user_watches_of_last_day"

    def by_hand(self, past: pasts.Past) -> float:
        recent = past.watch_times >= past.now - DAY
        return int(recent.sum()) if past.now else -1.0


class TestMeanWatchSeconds(pasts.PastContract):
    name = "user_mean_watch_seconds"

    def by_hand(self, past: pasts.Past) -> float:
        return pasts.mean(past.watch_seconds)


class TestUserClickRate(pasts.PastContract):
    name = "user_click_rate"

    def by_hand(self, past: pasts.Past) -> float:
        if not len(past.shown):
            return -1.0
        return float((past.clicked.sum() + 1) / (len(past.shown) + 10))
