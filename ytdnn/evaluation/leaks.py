"""The leak check: no input of an example may lie at or after its label.

Two checks, either of which fails the run. `in_order` compares the position and time of
every input with its label's. `in_models` changes all events from the request on, for
some users, and runs the models again: a value that changes was computed from its label.
Ties of time are legal where the stated order breaks them, so inputs of the label's own
second are counted, not refused.
"""

import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn import errors, schema
from ytdnn.data import events, prepared
from ytdnn.evaluation import models, protocol, report_parts

_USERS_CHANGED = 128
_VIDEOS_SCORED = 16
_LATER_SECONDS = 10_000_019
_DAY_SECONDS = 86_400
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5  # two runs of one graph may round differently

Integers = npt.NDArray[np.int64]


def in_order(
    data: prepared.PreparedData, cases: protocol.Cases, split: prepared.Split
) -> report_parts.Leaks:
    """Checks position and time of every input of every case, and of the impressions.

    Args:
      data: The prepared set.
      cases: An example is a case and one of its answers.
      split: Evaluated split.

    Returns:
      The section `leaks` of the report.

    Raises:
      errors.UserError: An input lies at or after its label in the stated order.
    """
    rows = cases.targets.rows
    by_time = data.manifest.facts["order"][0] == schema.TIME
    later, same = _later_and_same(data, cases, rows)
    late = np.maximum(0, cases.ends[rows] - cases.labels)
    if by_time:
        late = np.maximum(late, later)
    _refuse(data, cases.users[rows], late, f"{schema.WATCHES} of the history")
    _check_training(data, cases, split)
    checked = len(cases.labels) + _check_impressions(data, split, by_time)
    return report_parts.Leaks(
        checked_examples=checked,
        inputs_at_or_after_label=0,
        same_second_inputs=int(same.sum()),
        examples_with_same_second_inputs=int((same > 0).sum()),
    )


def _later_and_same(
    data: prepared.PreparedData, cases: protocol.Cases, rows: Integers
) -> tuple[Integers, Integers]:
    """Returns how many inputs of each example are later than its label, or as late."""
    times = np.asarray(data.watches.times).astype(np.int64)
    starts = np.asarray(data.watches.offsets)[cases.users]
    sizes = cases.ends - starts
    firsts = np.append(0, np.cumsum(sizes))
    owners = np.repeat(np.arange(len(cases)), sizes)
    inputs = times[np.arange(firsts[-1]) - firsts[owners] + starts[owners]]
    lowest = int(times.min(initial=0))
    stride = int(times.max(initial=0)) - lowest + 2
    keys = np.sort(owners * stride + inputs - lowest)
    wanted = rows * stride + times[cases.labels] - lowest
    up_to = np.searchsorted(keys, wanted, side="right")
    before = np.searchsorted(keys, wanted, side="left")
    return firsts[rows + 1] - up_to, up_to - before


def _check_training(
    data: prepared.PreparedData, cases: protocol.Cases, split: prepared.Split
) -> None:
    """Checks that a window's training ends before the window begins."""
    if data.config.protocol != "temporal":
        return
    rows = data.watch_split_rows(prepared.Split.TRAIN)
    late = np.asarray(data.watches.times)[rows] >= int(cases.times.min())
    name = split.name.lower()
    _refuse(
        data,
        data.watches.users[rows],
        late.astype(np.int64),
        f"train {schema.WATCHES}, labels of a model the {name} window judges,",
    )


def _check_impressions(
    data: prepared.PreparedData, split: prepared.Split, by_time: bool
) -> int:
    """Checks the rolled-back histories of a split's impressions; returns their number.

    Where times are only estimates, the order of watches and impressions is that of the
    estimates, as `prepare` states, and there is nothing to compare it with.
    """
    if not data.has_impressions:
        return 0
    rows = np.flatnonzero(np.asarray(data.impressions.splits) == split)
    if not len(rows):
        return 0
    users = np.asarray(data.impressions.users)[rows]
    times = np.asarray(data.impressions.times)[rows]
    num_watches = np.asarray(data.impressions.num_watches)[rows]
    if by_time:
        lasts = np.asarray(data.watches.offsets)[users] + num_watches - 1
        last_times = np.asarray(data.watches.times)[np.maximum(lasts, 0)]
        late = (num_watches > 0) & (last_times >= times)
        what = f"{schema.WATCHES} before {schema.IMPRESSIONS}"
        _refuse(data, users, late.astype(np.int64), what)
    return len(rows)


def ranker_learns_later(data: prepared.PreparedData, cases: protocol.Cases) -> bool:
    """Whether the ranker's training is later than a window that is evaluated.

    This is so for the candidate model's validation window (temporal): the ranker must
    not order lists that are measured by clicks it was trained on.
    """
    if not data.has_impressions or data.config.protocol != "temporal":
        return False
    is_train = np.asarray(data.impressions.splits) == prepared.Split.TRAIN
    late = np.asarray(data.impressions.times)[is_train] >= int(cases.times.min())
    return bool(late.any())


def require_held_out(data: prepared.PreparedData) -> None:
    """Checks that a set holds something out, which that of a refit does not.

    Raises:
      errors.UserError: All of it is trained on.
    """
    if prepared.REFIT in data.manifest.facts:
        raise errors.UserError(
            f"expected a run with held-out watches, found models refitted to the end "
            f"of the log beside {data.directory}, which were trained on every "
            f"answer: evaluate the original run"
        )


def require_later(
    cases: protocol.Cases, split: prepared.Split, name: str, trained_to: int
) -> None:
    """Checks that a refitted bundle is evaluated on events after its training.

    Raises:
      errors.UserError: It was trained on some answers.
    """
    first = int(cases.times.min())
    if first < trained_to:
        raise errors.UserError(
            f"expected the {split.name.lower()} window to begin after the training "
            f"data of {name}, found a bundle refitted to {_utc(trained_to)} and "
            f"requests "
            f"from {_utc(first)} on: it was trained on the answers; measure it on a "
            f"later log, or the original run with `ytdnn evaluate --workdir=…`"
        )


def _utc(seconds: int) -> str:
    time = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _refuse(
    data: prepared.PreparedData,
    users: npt.NDArray[np.integer],
    num_late: Integers,
    what: str,
) -> None:
    examples = np.flatnonzero(num_late)
    if len(examples):
        user = data.users[schema.USER_ID][int(users[examples[0]])]
        raise errors.UserError(
            f"leak: expected every input before its label, found "
            f"{int(num_late.sum()):,} {what} at or after it in {len(examples):,} "
            f"examples, the first of user {user}, in {data.directory}: run prepare "
            f"again"
        )


def in_models(
    data: prepared.PreparedData,
    cases: protocol.Cases,
    trained: models.RetrievalModel | None,
    ranker: models.RankingModelLike | None,
    seed: int,
) -> int:
    """Changes some users' future and checks that no earlier value changes.

    Args:
      data: The prepared set.
      cases: Cases; 128 of them are computed twice.
      trained: The candidate model, if there is one.
      ranker: The ranker, if there is one.
      seed: Seed of the choice of users.

    Returns:
      Number of users checked.

    Raises:
      errors.UserError: A model read events after the request.
    """
    rng = np.random.default_rng(seed)
    among = _of_one_day(cases)
    size = min(_USERS_CHANGED, len(among))
    rows = np.sort(rng.choice(among, size, replace=False))
    users, ends, times = cases.users[rows], cases.ends[rows], cases.times[rows]
    if trained is not None:
        knows_time = trained.sees_request_time
        other = with_other_future(data, users, ends, times, knows_time)
        read = [trained.readings(d, users, ends, times) for d in (data, other)]
        _compare_readings(data, users, read, "candidate model")
        pair = [trained.user_vectors(d, users, ends, times) for d in (data, other)]
        _compare(data, users, pair, "vectors of the candidate model")
    if ranker is not None:
        knows_time = ranker.sees_request_time
        other = with_other_future(data, users, ends, times, knows_time)
        shape = size, _VIDEOS_SCORED
        videos = rng.integers(1, data.num_videos + 1, shape).astype(np.int32)
        asked = users, ends, times, videos
        read = [ranker.readings(d, *asked) for d in (data, other)]
        _compare_readings(data, users, read, "ranker")
        pair = [ranker.score_candidates(d, *asked) for d in (data, other)]
        _compare(data, users, pair, "scores of the ranker")
    return size


def _of_one_day(cases: protocol.Cases) -> Integers:
    """Returns the cases of the day with most requests.

    A statistic of the corpus as of that midnight may use any user's earlier events, but
    none of the changed ones: each user's future begins on that day.
    """
    days = cases.times // _DAY_SECONDS
    found, counts = np.unique(days, return_counts=True)
    return np.flatnonzero(days == found[np.argmax(counts)])


def with_other_future(
    data: prepared.PreparedData,
    users: npt.NDArray[np.integer],
    ends: Integers,
    times: Integers,
    keep_request_time: bool = False,
) -> prepared.PreparedData:
    """Returns the set with other videos, times, searches and clicks from requests on.

    Args:
      data: The prepared set.
      users: `[n]` user indices.
      ends: `[n]` flat positions where each history ends.
      times: `[n]` of the requests.
      keep_request_time: Whether the time of the first watch after the history stays,
        for a model that may read it.
    """
    lasts = np.asarray(data.watches.offsets)[users + 1]
    edges = np.zeros(len(data.watches) + 1, np.int64)
    np.add.at(edges, ends, 1)
    np.add.at(edges, lasts, -1)
    is_later = np.cumsum(edges)[:-1] > 0
    videos = _others(data.watches.videos, is_later, data.num_videos)
    moved = np.asarray(data.watches.times) + _LATER_SECONDS
    if keep_request_time:
        is_later[ends[ends < lasts]] = False
    watch_times = np.where(is_later, moved, data.watches.times)
    changed: dict[str, Any] = {
        "watches": data.watches.replace(videos=videos, times=watch_times)
    }
    asked_at = np.full(data.num_users, np.iinfo(np.int64).max)
    asked_at[users] = times
    if data.has_searches:
        tokens = _other_searches(data, asked_at)
        changed["searches"] = data.searches.replace(tokens=tokens)
    if data.has_impressions:
        changed["impressions"] = _other_impressions(data, asked_at)
    return data.with_events(**changed)


def _other_impressions(
    data: prepared.PreparedData, asked_at: Integers
) -> events.Impressions:
    """Returns the impressions, others from each user's request on."""
    shown = data.impressions
    is_later = shown.times >= asked_at[shown.users]
    return shown.replace(
        videos=_others(shown.videos, is_later, data.num_videos),
        clicked=np.where(is_later, ~np.asarray(shown.clicked), shown.clicked),
    )


def _other_searches(
    data: prepared.PreparedData, asked_at: Integers
) -> npt.NDArray[np.int32]:
    """Returns the tokens of searches, others from each user's request on."""
    owners = np.repeat(np.arange(data.num_users), np.diff(data.searches.offsets))
    is_later = np.asarray(data.searches.times) >= asked_at[owners]
    change = np.repeat(is_later, np.diff(data.searches.token_offsets))
    return _others(data.searches.tokens, change, data.tokens.height)


def _others(
    videos: npt.NDArray[np.int32], change: npt.NDArray[np.bool_], num_videos: int
) -> npt.NDArray[np.int32]:
    return np.where(change, videos % num_videos + 1, videos).astype(np.int32)


def _compare_readings(
    data: prepared.PreparedData,
    users: npt.NDArray[np.integer],
    pair: list[models.Readings],
    model: str,
) -> None:
    """Checks each feature apart, so that the one that leaks is named."""
    for name in pair[0]:
        values = [found[name].reshape(len(users), -1) for found in pair]
        _compare(data, users, values, f"the feature {name} of the {model}")


def _compare(
    data: prepared.PreparedData,
    users: npt.NDArray[np.integer],
    pair: list[Any],
    what: str,
) -> None:
    before, after = pair
    close = np.isclose(before, after, rtol=_RELATIVE, atol=_ABSOLUTE).all(axis=1)
    if not close.all():
        user = data.users[schema.USER_ID][int(users[np.argmin(close)])]
        raise errors.UserError(
            f"leak: expected {what} to depend on nothing after the request, found "
            f"{int((~close).sum())} of {len(close)} changed with it, the first of user "
            f"{user}: numbers of this model are void"
        )
