"""The leak check: no input of an example may lie at or after its label.

Either of two checks fails the run. `in_order` compares the position and time of every
input with those of its label. `in_models` changes all events after the request, for
some users, and runs the models again: a value that changes was computed from later
events.

Ties of time are legal if the stated order breaks them, so inputs of the label's own
second are counted, not refused.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import errors, formats, ragged, schema
from ytdnn.evaluation import models, report_parts, user_cases
from ytdnn.log import events, prepared, prepared_log, shard_index

PreparedData = prepared.PreparedData

Cases = user_cases.Cases
UserLog = prepared_log.UserLog
Split = events.Split

_USERS_CHANGED = 128  # with another future; one answer that changes is a leak
_VIDEOS_SCORED = 16  # by the ranker for each of them
# 116 days and no whole number of hours, so that the hour and the weekday change too.
_LATER_SECONDS = 10_000_019
_WATCHES_A_PART = 1 << 22
_NEVER = np.iinfo(np.int64).max
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5  # two runs of one graph may round differently

Integers = npt.NDArray[np.int64]
Positions = tuple[npt.NDArray[np.integer], Integers, Integers]
"""Users, the flat positions where their histories end, and the times of requests."""


def in_order(data: PreparedData, cases: Cases, split: Split) -> report_parts.Leaks:
    """Checks position and time of every input of every case, and of the impressions.

    Args:
      data: The prepared set.
      cases: Cases; an example is a case and one of its answers.
      split: Evaluated split.

    Returns:
      The section `leaks` of the report.

    Raises:
      errors.UserError: An input is at or after its label in the stated order.
    """
    rows = cases.targets.rows
    by_time = data.manifest.facts["order"][0] == schema.TIME
    later, same = _later_and_same(data.log, cases, rows)
    late = np.maximum(0, cases.ends[rows] - cases.labels)
    if by_time:
        late = np.maximum(late, later)
    _refuse(data.log, cases.users[rows], late, f"{schema.WATCHES} of the history")
    trained = _trained_later(data, cases, "watches")
    _refuse(
        data.log,
        data.log.shard_index.gather("watches", "users", trained),
        np.ones(len(trained), np.int64),
        f"train {schema.WATCHES}, labels of a model that the {split.name.lower()} "
        f"window judges,",
    )
    checked = len(cases.labels) + _check_impressions(data.log, split, by_time)
    return report_parts.Leaks(
        checked_examples=checked,
        inputs_at_or_after_label=0,
        same_second_inputs=int(same.sum()),
        examples_with_same_second_inputs=int((same > 0).sum()),
    )


def _later_and_same(
    log: UserLog, cases: Cases, rows: Integers
) -> tuple[Integers, Integers]:
    """Returns how many inputs of each example are later than its label, or as late."""
    index = log.shard_index
    starts = index.offsets("watches")[cases.users]
    bounds = np.searchsorted(rows, np.arange(len(cases) + 1))
    counts = []
    for part in shard_index.bounded(cases.ends - starts, _WATCHES_A_PART):
        history = ragged.ranges(starts[part], cases.ends[part])
        own = slice(bounds[part.start], bounds[part.stop])
        inputs, labels = (
            index.gather("watches", "times", places).astype(np.int64)
            for places in (history.values, cases.labels[own])
        )
        lowest = int(min(inputs.min(initial=0), labels.min(initial=0)))
        stride = int(max(inputs.max(initial=0), labels.max(initial=0))) - lowest + 2
        owners = rows[own] - part.start
        keys = np.sort(history.rows * stride + inputs - lowest)
        wanted = owners * stride + labels - lowest
        up_to = np.searchsorted(keys, wanted, side="right")
        before = np.searchsorted(keys, wanted, side="left")
        counts.append((history.offsets[owners + 1] - up_to, up_to - before))
    later, same = (np.concatenate(side) for side in zip(*counts, strict=True))
    return later, same


def _trained_later(data: PreparedData, cases: Cases, table: str) -> Integers:
    """Returns the training events of a table since the first request of a window."""
    if data.config.protocol != "temporal":
        return np.zeros(0, np.int64)
    begin, train = int(cases.times.min()), Split.TRAIN
    return data.log.shard_index.find(
        table, lambda some: (np.asarray(some.splits) == train) & (some.times >= begin)
    )


def _check_impressions(log: UserLog, split: Split, by_time: bool) -> int:
    """Checks the rolled-back histories of a split's impressions; returns their number.

    If times are only estimates, the order of watches and impressions is that of the
    estimates, as `prepare` states, and there is nothing to check.
    """
    if not log.has_impressions:
        return 0
    index, table = log.shard_index, "impressions"
    rows = index.find(table, lambda shown: np.asarray(shown.splits) == split)
    if not len(rows):
        return 0
    users, times, num_watches = (
        index.gather(table, name, rows) for name in ("users", "times", "num_watches")
    )
    if by_time:
        lasts = index.offsets("watches")[users] + num_watches - 1
        last_times = index.gather("watches", "times", np.maximum(lasts, 0))
        late = (num_watches > 0) & (last_times >= times)
        what = f"{schema.WATCHES} before {schema.IMPRESSIONS}"
        _refuse(log, users, late.astype(np.int64), what)
    return len(rows)


def ranker_learns_later(data: PreparedData, cases: Cases) -> bool:
    """Whether the ranker was trained on later events than the evaluated window.

    It was for the candidate model's validation window (temporal protocol): the ranker
    must not order lists that are measured by clicks it was trained on.
    """
    if not data.log.has_impressions:
        return False
    return bool(len(_trained_later(data, cases, "impressions")))


def require_held_out(data: PreparedData) -> None:
    """Checks that a prepared set has held-out events, unlike the set of a refit.

    Raises:
      errors.UserError: All events are trained on.
    """
    if prepared.REFIT in data.manifest.facts:
        raise errors.UserError(
            f"expected a run with held-out watches, found models refitted to the end "
            f"of the log next to {data.directory}, which were trained on every answer: "
            f"evaluate the original run"
        )


def require_later(cases: Cases, split: Split, name: str, trained_to: int) -> None:
    """Checks that a bundle is evaluated on events after those that it knows.

    Raises:
      errors.UserError: The bundle learned from some answers, or counted them.
    """
    first = int(cases.times.min())
    if first < trained_to:
        raise errors.UserError(
            f"expected the {split.name.lower()} window to begin after the training "
            f"data of {name}, found a bundle that knows what was watched up to "
            f"{formats.utc(trained_to)} and requests from {formats.utc(first)} on: "
            f"evaluate it on a later log, the original run with `ytdnn evaluate "
            f"--workdir=…`, or what --config.advance=test exports"
        )


def _refuse(
    log: UserLog, users: npt.NDArray[np.integer], num_late: Integers, what: str
) -> None:
    examples = np.flatnonzero(num_late)
    if len(examples):
        user = log.users[schema.USER_ID][int(users[examples[0]])]
        raise errors.UserError(
            f"leak: expected every input before its label, found "
            f"{int(num_late.sum()):,} {what} at or after it in {len(examples):,} "
            f"examples, the first of user {user}, in {log.directory}: run prepare "
            f"again"
        )


def in_models(
    data: PreparedData,
    cases: Cases,
    trained: models.RetrievalModel | None,
    ranker: models.RankingModel | None,
    seed: int,
) -> int:
    """Changes some users' future and checks that no earlier value changes.

    Args:
      data: The prepared set.
      cases: Cases, 128 of which are computed twice.
      trained: The candidate model, if there is one.
      ranker: The ranker, if there is one.
      seed: Seed of the choice of users.

    Returns:
      Number of users checked.

    Raises:
      errors.UserError: A model read events after the request.
    """
    rng = np.random.default_rng(seed)
    days = cases.times // schema.DAY_SECONDS
    groups, counts = np.unique(days, return_counts=True)
    among = np.flatnonzero(days == groups[np.argmax(counts)])  # with most requests
    size = min(_USERS_CHANGED, len(among))
    rows = np.sort(rng.choice(among, size, replace=False))
    positions = cases.users[rows], cases.ends[rows], cases.times[rows]
    shape = size, _VIDEOS_SCORED
    videos = rng.integers(1, data.num_videos + 1, shape).astype(np.int32)
    # Counters know all users' events before a request: none of those may be changed.
    index, begin = data.log.shard_index, np.full(size, positions[2].min())
    num_before = index.num_before(schema.WATCHES, positions[0], begin)
    starts = index.offsets(schema.WATCHES)[positions[0]]
    first = positions[0], starts + num_before, begin
    checked: list[tuple[str, Any, str, str, Positions, tuple[Any, ...]]] = [
        ("candidate model", trained, "vectors", "user_vectors", positions, ()),
        ("ranker", ranker, "scores", "score_candidates", first, (videos,)),
    ]
    for name, model, what, method, asked, more in checked:
        if model is not None:
            answer = getattr(model, method)
            other = with_other_future(data, *asked, model.sees_request_time)
            answers = [
                {**model.readings(d, *asked, *more), what: answer(d, *asked, *more)}
                for d in (data, other)
            ]
            _compare(data.log, positions[0], answers, name)
    return size


def with_other_future(
    data: PreparedData,
    users: npt.NDArray[np.integer],
    ends: Integers,
    times: Integers,
    keep_request_time: bool = False,
) -> PreparedData:
    """Returns the prepared set with changed videos, times, searches and clicks.

    Only events from each user's request on are changed.

    Args:
      data: The prepared set.
      users: `[n]` user indices.
      ends: `[n]` flat positions where each history ends.
      times: `[n]` of the requests.
      keep_request_time: Whether the time of the first watch after the history stays,
        for a model that may read it.
    """
    begins = np.full(data.num_users, _NEVER)  # flat positions
    begins[users] = ends
    asked_at = np.full(data.num_users, _NEVER)
    asked_at[users] = times
    flat = data.log.shard_index.offsets("watches")

    def change(shard: events.Shard, first: int) -> events.Shard:
        own = slice(first, first + len(shard.watches.offsets) - 1)
        here = np.where(begins[own] == _NEVER, _NEVER, begins[own] - flat[first])
        videos = data.num_videos
        watches = _other_watches(shard.watches, here, videos, keep_request_time)
        searches, shown = shard.searches, shard.impressions
        if searches is not None:
            size = data.catalogue.tokens.height
            searches = _other_searches(searches, asked_at[own], size)
        if shown is not None:
            shown = _other_impressions(shown, asked_at[own], videos)
        return events.Shard(watches, searches, shown)

    return data.with_log(data.log.changed_by_user(change))


def _other_watches(
    watches: events.Watches, begins: Integers, num_videos: int, keep_request_time: bool
) -> events.Watches:
    """Returns the watches, changed from the row of each user's request on."""
    owners = watches.users
    rows, starts = np.arange(len(watches)), begins[owners]
    is_later = rows >= starts
    videos = _others(watches.videos, is_later, num_videos)
    if keep_request_time:
        is_later = rows > starts
    moved = np.asarray(watches.times) + _LATER_SECONDS
    times = np.where(is_later, moved, watches.times)
    return watches.replace(videos=videos, times=times)


def _other_impressions(
    shown: events.Impressions, asked_at: Integers, num_videos: int
) -> events.Impressions:
    """Returns the impressions, changed from each user's request on."""
    is_later = shown.times >= asked_at[shown.users]
    return shown.replace(
        videos=_others(shown.videos, is_later, num_videos),
        clicked=np.where(is_later, ~np.asarray(shown.clicked), shown.clicked),
    )


def _other_searches(
    searches: events.Searches, asked_at: Integers, num_tokens: int
) -> events.Searches:
    """Returns the searches, with changed tokens from each user's request on."""
    owners = ragged.rows_of(searches.offsets)
    is_later = np.asarray(searches.times) >= asked_at[owners]
    change = np.repeat(is_later, np.diff(searches.token_offsets))
    return searches.replace(tokens=_others(searches.tokens, change, num_tokens))


def _others(
    videos: npt.NDArray[np.int32], change: npt.NDArray[np.bool_], num_videos: int
) -> npt.NDArray[np.int32]:
    return np.where(change, videos % num_videos + 1, videos).astype(np.int32)


def _compare(
    log: UserLog,
    users: npt.NDArray[np.integer],
    answers: list[dict[str, Any]],
    model: str,
) -> None:
    """Checks each feature by itself, to name the one that leaks, then the output."""
    for name in answers[0]:
        before, after = (values[name].reshape(len(users), -1) for values in answers)
        close = np.isclose(before, after, rtol=_RELATIVE, atol=_ABSOLUTE).all(axis=1)
        if not close.all():
            user = log.users[schema.USER_ID][int(users[np.argmin(close)])]
            raise errors.UserError(
                f"leak: expected {name} of the {model} to depend on nothing after the "
                f"request, found {int((~close).sum())} of {len(close)} changed with "
                f"it, the first of user {user}: numbers of this model are void"
            )
