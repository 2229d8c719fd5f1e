"""Each source against a search by hand."""

import collections
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests import extras, full_log
from ytdnn import configs
from ytdnn.base import errors, registries, registry
from ytdnn.log import events, prepared
from ytdnn.retrieval import co_watch, counted_models, fresh_uploads, interface, pool

DAY = 86_400


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return full_log.prepared_data(tmp_path_factory.mktemp("full"), full_log.tables())


@pytest.fixture(scope="module")
def asked(data: prepared.PreparedData) -> interface.SourceRequests:
    """Requests of every user, amid the log; the last has watched nothing."""
    users, ends = data.windows.first_watches(events.Split.TEST)
    ends = np.append(ends, data.watches.offsets[users[-1]])
    watched = data.log.shard_index.watched_before(np.append(users, users[-1]), ends)
    times = np.asarray(data.watches.times)[ends]
    return interface.SourceRequests(tf.constant(watched.padded()), tf.constant(times))


def rows_of(values: tf.Tensor) -> list[list[int]]:
    return [[v for v in row if v] for row in values.numpy().tolist()]


def test_popular_is_the_last_week_of_training(
    data: prepared.PreparedData, asked: interface.SourceRequests
) -> None:
    watches = data.watches
    is_train = np.asarray(watches.splits) == events.Split.TRAIN
    last = watches.times[is_train].max()
    recent = is_train & (np.asarray(watches.times) >= last - 7 * DAY)
    counts = collections.Counter(watches.videos[recent].tolist())
    ranked = sorted(counts, key=lambda video: (-counts[video], video))
    found = rows_of(counted_models.Popular(4, data).propose(asked).videos)
    for watched, row in zip(rows_of(asked.watched), found, strict=True):
        assert row == [v for v in ranked if v not in watched][:4]
    assert found[-1] == ranked[:4]


def nearest_by_hand(data: prepared.PreparedData) -> dict[int, dict[int, float]]:
    watches = data.watches
    is_train = np.asarray(watches.splits) == events.Split.TRAIN
    counts: dict[int, collections.Counter] = collections.defaultdict(
        collections.Counter
    )
    for user in range(data.num_users):
        inside = slice(*watches.offsets[user : user + 2])
        videos = watches.videos[inside][is_train[inside]].tolist()
        for place, video in enumerate(videos):
            for other in videos[max(0, place - 3) : place + 4]:
                if other != video:
                    counts[video][other] += 1
    watched = collections.Counter(watches.videos[is_train].tolist())
    return {
        video: {o: n / np.sqrt(watched[o] + 10.0) for o, n in near.items()}
        for video, near in counts.items()
    }


def test_co_watch_finds_what_others_watched_near_the_last_ones(
    data: prepared.PreparedData, asked: interface.SourceRequests
) -> None:
    weights = nearest_by_hand(data)
    found = co_watch.CoWatch(6, data).propose(asked)
    videos, seeds = found.videos.numpy(), found.seeds.numpy()
    assert not videos[-1].any()
    for row, watched in enumerate(rows_of(asked.watched)[:-1]):
        best: dict[int, float] = {}
        for age, seed in enumerate(reversed(watched[-10:])):
            for other, weight in weights.get(seed, {}).items():
                if other not in watched:
                    best[other] = max(best.get(other, 0.0), weight * 0.9**age)
        known = videos[row][videos[row] > 0]
        got = [best[video] for video in known.tolist()]
        expected = sorted(best.values(), reverse=True)[:6]
        np.testing.assert_allclose(got, expected, rtol=1e-5)
        for video, seed in zip(known, seeds[row], strict=False):
            assert seed in watched[-10:]
            assert video in weights[int(seed)]


def votes_by_hand(data: prepared.PreparedData) -> np.ndarray:
    """Returns the weights of videos `[of, other]`, from the matrix of all users."""
    watches = data.watches
    is_train = np.asarray(watches.splits) == events.Split.TRAIN
    counts = np.zeros((data.num_users, data.num_videos + 1))
    counts[watches.users[is_train], watches.videos[is_train]] = 1.0
    of_users = 1.0 / np.sqrt(1.0 + counts.sum(axis=1, keepdims=True))
    of_videos = 1.0 / np.sqrt(5.0 + counts.sum(axis=0))
    weights = (counts * of_videos).T @ (counts * of_users * of_videos)
    np.fill_diagonal(weights, 0.0)
    return weights


def test_neighbours_have_the_most_votes_of_all_watches(
    data: prepared.PreparedData, asked: interface.SourceRequests
) -> None:
    weights = votes_by_hand(data)
    with extras.registered():
        registry.extend(str(extras.EXAMPLES / "neighbours.py"))
        found = registries.SOURCES["neighbours"].make(6, data).propose(asked)
    videos, seeds = found.videos.numpy(), found.seeds.numpy()
    assert not videos[-1].any()
    assert videos[:-1].any()
    for row, watched in enumerate(rows_of(asked.watched)[:-1]):
        last = watched[-50:]
        votes = weights[last].sum(axis=0)  # of each all, who are fewer than fifty
        votes[watched] = 0.0
        known = videos[row][videos[row] > 0]
        expected = np.sort(votes)[::-1][:6]
        np.testing.assert_allclose(votes[known], expected[expected > 0], rtol=1e-5)
        for video, seed in zip(known, seeds[row], strict=False):
            assert weights[seed, video] == pytest.approx(weights[last, video].max())


def test_fresh_uploads_are_the_latest_of_watched_channels(
    data: prepared.PreparedData, asked: interface.SourceRequests
) -> None:
    channels = data.videos["channel_id"].to_list()
    uploads = data.videos["upload_time"].to_list()
    source = fresh_uploads.FreshUploads(5, data)
    # Ten days before the first upload of the log there is none.
    early = np.where(np.arange(len(asked.times)) % 2, asked.times, 1_597_500_000)
    for times in (asked.times.numpy(), early, np.zeros_like(early)):
        given = interface.SourceRequests(asked.watched, tf.constant(times))
        found = rows_of(source.propose(given).videos)
        assert sum(map(len, found)) > len(found) / 2
        for row, watched in enumerate(rows_of(asked.watched)):
            recent = {channels[v - 1] for v in watched[-20:]} - {None}
            now = times[row] or np.inf
            known = [
                v
                for v in range(1, data.num_videos + 1)
                if channels[v - 1] in recent
                and uploads[v - 1] is not None
                and uploads[v - 1] <= now
                and v not in watched
            ]
            assert found[row] == sorted(known, key=lambda v: -uploads[v - 1])[:5]


def test_the_candidate_model_has_the_places_that_are_left() -> None:
    config = configs.CompositionConfig(
        sources=(("co_watch", 0.1), ("fresh_uploads", 0.2), ("popular", 0.05))
    )
    assert config.num_places == {"co_watch": 30, "fresh_uploads": 60, "popular": 15}
    assert config.num_from_tower == 195
    assert config.source_names == configs.SOURCE_NAMES
    assert "sources" not in configs.CompositionConfig().places
    assert configs.CompositionConfig(sources=(("popular", 0.0),)).num_places == {}


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ((("co_wach", 0.1),), r"source \(.*fresh_uploads.*mean co_watch\?"),
        ((("popular", 0.1), ("popular", 0.2)), "each source once"),
        (
            (("popular", 0.6), ("co_watch", 0.5)),
            "leave the candidate model at least one",
        ),
    ],
)
def test_sources_that_do_not_fit_are_refused(sources, message: str) -> None:
    with pytest.raises(errors.UserError, match=message):
        configs.CompositionConfig(sources=sources)


def test_a_source_of_a_package_proposes_in_the_pool(
    data: prepared.PreparedData, asked: interface.SourceRequests, tmp_path: pathlib.Path
) -> None:
    with extras.installed(tmp_path):
        composition = configs.CompositionConfig(
            num_candidates=8, sources=(("all_time_popular", 0.5),)
        )
        made = registries.SOURCES["all_time_popular"].make(4, data)
    counts = data.videos[prepared.TRAIN_COUNT].to_list()
    ranked = sorted(range(1, len(counts) + 1), key=lambda v: (-counts[v - 1], v))
    proposal = made.propose(asked)
    for watched, row in zip(
        rows_of(asked.watched), rows_of(proposal.videos), strict=True
    ):
        left = [v for v in ranked if counts[v - 1] and v not in watched]
        assert row == left[:4]
    nothing = tf.zeros([len(asked.watched), 8], tf.int32)
    found = pool.join(nothing, [made.kind], [proposal], composition)
    assert set(found.sources.numpy().ravel().tolist()) == {0, 5}
    assert composition.source_names[5 - 1] == "all_time_popular"


def test_in_a_pool_the_tower_fills_what_others_leave() -> None:
    places = configs.CompositionConfig(
        num_candidates=6, sources=(("co_watch", 0.5), ("popular", 0.17))
    )
    nearest = tf.constant([[5, 3, 8, 6, 1, 2], [4, 0, 0, 0, 0, 0]])
    near = interface.Proposal(
        tf.constant([[3, 8, 0], [7, 9, 0]]), tf.constant([[9, 7, 0], [1, 2, 0]])
    )
    known = interface.Proposal(tf.constant([[8], [7]]), tf.constant([[0], [0]]))
    kinds = [interface.CO_WATCH, interface.POPULAR]
    found = pool.join(nearest, kinds, [near, known], places)
    assert found.videos.numpy().tolist() == [[5, 3, 8, 6, 1, 2], [4, 7, 9, 0, 0, 0]]
    assert found.sources.numpy().tolist() == [[1, 1, 2, 1, 1, 1], [1, 2, 2, 0, 0, 0]]
    assert found.seeds.numpy().tolist() == [[0, 0, 7, 0, 0, 0], [0, 1, 2, 0, 0, 0]]
    sources, seeds = found.sources_of(tf.constant([[8, 3, 0, 4], [7, 8, 9, 0]]))
    assert sources.numpy().tolist() == [[2, 1, 0, 0], [2, 0, 2, 0]]
    assert seeds.numpy().tolist() == [[7, 0, 0, 0], [1, 0, 2, 0]]
    alone = pool.join(
        nearest, [], [], configs.CompositionConfig(6, (("popular", 0.0),))
    )
    assert alone.videos.numpy().tolist() == nearest.numpy().tolist()
    assert alone.sources.numpy().tolist() == [[1] * 6, [1, 0, 0, 0, 0, 0]]
