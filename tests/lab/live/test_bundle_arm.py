"""Pages of a bundle: the requests are those of the log, the batch does not matter."""

import dataclasses
import pathlib

import numpy as np
import pytest

from tests.lab.live.conftest import WORLD
from ytdnn.base import errors, schema
from ytdnn.bundle import batches, bundle, user_requests
from ytdnn.lab.live import arms, built_in_arms, bundle_arm, history
from ytdnn.lab.world import corpus, generate, policy
from ytdnn.log import prepared


@pytest.fixture(scope="module")
def asked() -> tuple[generate.World, history.UserHistories, policy.PageRequests]:
    """All requests of a round of the first live day."""
    world = generate.World(WORLD)
    crowd = world.crowd(0)
    known = history.UserHistories(WORLD.num_users)
    known.add([crowd.play()])
    found: list[policy.PageRequests] = []

    def keep(requests: policy.PageRequests) -> policy.Page:
        found.append(requests.subset(np.arange(len(requests.rows)), requests.rng))
        return policy.make_pages(requests)

    crowd.play_day(WORLD.num_days, keep)
    first = next(one for one in found if len(one.rows) > 5)
    # Before anybody did anything on that day.
    first = dataclasses.replace(first, happened=type(first.happened)())
    return world, known, first


@pytest.mark.thorough
def test_requests_are_those_of_the_log(
    workdir: pathlib.Path,
    asked: tuple[generate.World, history.UserHistories, policy.PageRequests],
) -> None:
    world, known, first = asked
    data = prepared.load(workdir / "data")
    opened = bundle.load(workdir / "bundle")
    fields = opened.inputs(opened.recommender())
    ((rows, inputs),) = bundle_arm.Requester(world, known).inputs(first, fields, 8)
    ids = set(data.users[schema.USER_ID])
    compared = 0
    for place, row in enumerate(rows):
        user = f"u{first.users.first + first.rows[row]}"
        if user not in ids:
            continue
        request = opened.fitting(user_requests.at_end(data, user, 8))
        expected = batches.inputs([request], fields)
        for name in fields:
            values = inputs[name].numpy()[place]
            if name in (schema.TIME, schema.DEVICE, schema.LOGGED_IN):
                continue  # of the visit
            wanted = expected[name][0]
            if fields[name].is_list:
                values = values[len(values) - len(wanted) :]
            if fields[name].dtype == "string":
                values = np.vectorize(bytes.decode, otypes=[object])(values)
            np.testing.assert_array_equal(values, wanted, err_msg=name)
        compared += 1
    assert compared > 3


@pytest.mark.thorough
def test_todays_events_are_in_the_request(
    workdir: pathlib.Path,
    asked: tuple[generate.World, history.UserHistories, policy.PageRequests],
) -> None:
    world, known, first = asked
    opened = bundle.load(workdir / "bundle")
    fields = opened.inputs(opened.recommender())
    user = int(first.users.first + first.rows[0])
    happened = type(first.happened)()
    one = {"users": [user], "times": [first.times[0] - 60], "devices": [0]}
    happened.watches.add(**one, logged_in=[True], videos=[17], seconds=[5.0])
    today = dataclasses.replace(first, happened=happened)
    (rows, inputs), *_ = bundle_arm.Requester(world, known).inputs(today, fields, 8)
    place = rows.tolist().index(0)
    assert inputs[schema.WATCHED_VIDEO_IDS].numpy()[place, -1] == b"v17"
    assert inputs[schema.WATCHED_SECONDS].numpy()[place, -1] == 5.0


@pytest.mark.thorough
def test_pages_do_not_depend_on_the_batch(
    workdir: pathlib.Path,
    asked: tuple[generate.World, history.UserHistories, policy.PageRequests],
) -> None:
    world, known, first = asked
    make_pages = bundle_arm.policy_of(
        bundle.load(workdir / "bundle"), bundle_arm.Requester(world, known), 5
    )
    whole = make_pages(first)
    alone = make_pages(first.subset(np.array([2]), first.rng))
    np.testing.assert_array_equal(whole.videos[2], alone.videos[0])
    assert (whole.videos >= 0).all()
    users = first.users.first + first.rows
    watched = known.columns("watches", users, first.happened)["videos"]
    for row, page in enumerate(whole.videos):
        history_of = watched.values[watched.offsets[row] : watched.offsets[row + 1]]
        assert not np.isin(page, history_of).any()


@pytest.mark.thorough
def test_popularity_shows_what_was_watched_most(
    asked: tuple[generate.World, history.UserHistories, policy.PageRequests],
) -> None:
    world, known, first = asked
    page = built_in_arms.popularity(world, known, WORLD.num_days, 0)(first)
    since = corpus.START + (WORLD.num_days - 7) * corpus.SECONDS_PER_DAY
    counts = known.watch_counts(since, WORLD.num_videos)
    seen = first.remembered.has_watched(
        first.rows, np.repeat(np.arange(WORLD.num_videos)[None], len(first.rows), 0)
    )
    best = np.where(seen, -1, counts).max(axis=1)
    np.testing.assert_array_equal(counts[page.videos[:, 0]], best)


@pytest.mark.thorough
def test_the_bound_is_worth_more_than_any_other_page(
    asked: tuple[generate.World, history.UserHistories, policy.PageRequests],
) -> None:
    from ytdnn.lab.world import page_values

    world, known, first = asked
    users = first.users.first + first.rows

    def worth(page: policy.Page) -> float:
        found = page_values.page_values(
            world,
            users,
            page.videos,
            first.times,
            np.arange(8),
            first.remembered.num_unclicked(first.rows, page.videos),
            first.remembered.has_watched(first.rows, page.videos),
        )
        return float(found.seconds.sum())

    best = worth(built_in_arms.bound(world, 0)(first))
    assert best > 1.5 * worth(built_in_arms.popularity(world, known, 20, 0)(first))
    assert best > 1.5 * worth(policy.make_pages(first))


@pytest.mark.thorough
def test_a_run_without_live_days_and_one_of_another_world_are_refused(
    workdir: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [arms.Arm("a", workdir), arms.Arm("b", workdir / "other")]
    with pytest.raises(errors.UserError, match="found no data"):
        arms.world_of(both, None)
    with pytest.raises(errors.UserError, match="expected no --preset"):
        arms.world_of(both[:1], WORLD)
    monkeypatch.setattr(
        arms, "_world", lambda path: dataclasses.replace(WORLD, seed=len(path.parts))
    )
    with pytest.raises(
        errors.UserError, match=r"one world, found different ones in .*seed"
    ):
        arms.world_of(both, None)
    monkeypatch.setattr(
        arms, "_world", lambda path: dataclasses.replace(WORLD, live_days=0)
    )
    with pytest.raises(errors.UserError, match=r"live_days 0 in .*live_days=14"):
        arms.world_of(both[:1], None)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["logging", "popularty"], "received 'popularty': did you mean popularity"),
        (["logging"], "at least two arms to compare, received logging"),
        (["logging", "logging"], "logging twice"),
        (["a=", "logging"], "NAME=WORKDIR"),
        (["bound=runs/x", "logging"], "bound is a built-in arm"),
        (["a/b=runs/x", "logging"], "letters, digits"),
    ],
)
def test_mistakes_in_arms(words: list[str], message: str) -> None:
    with pytest.raises(errors.UserError, match=message):
        arms.parse(words)


@pytest.mark.thorough
def test_built_in_arms_need_a_world() -> None:
    with pytest.raises(errors.UserError, match="--preset"):
        arms.world_of(arms.parse(["logging", "bound"]), None)
