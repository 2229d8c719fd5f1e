"""Metrics of lists against right answers, both frames in memory.

    ytdnn.evaluate(lists, truth)

The formulas, ties and intervals are those of `ytdnn evaluate --predictions`, without a
prepared set: what the lists may hold is the caller's business.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import configs, errors, ragged, schema
from ytdnn.base.metrics import exact_top_k, watch_time_of_hits
from ytdnn.evaluation import report_parts, user_means
from ytdnn.log.sources import frames

_USER, _VIDEO = schema.USER_ID, schema.VIDEO_ID
_ROW = "row"
_READ = (_USER, _VIDEO, schema.SCORE, schema.RANK, schema.WATCH_SECONDS)


@dataclasses.dataclass(frozen=True)
class ListMetrics:
    """Metrics of lists.

    Attributes:
      values: Mean over users of each metric, such as `recall@10`.
      intervals: 95 % bootstrap interval over users of each.
      users: `user_id` and the user's value of each metric.
      ignored_rows: Rows of lists whose user has no right answer.
      users_without: Users with right answers and no list, who count as misses.
    """

    values: dict[str, float]
    intervals: dict[str, report_parts.Interval]
    users: pl.DataFrame
    ignored_rows: int
    users_without: int

    @property
    def frame(self) -> pl.DataFrame:
        """A row for each metric: `metric`, `value`, `low`, `high`."""
        low, high = zip(*(self.intervals[name] for name in self.values), strict=True)
        columns = {"metric": list(self.values), "value": list(self.values.values())}
        return pl.DataFrame(columns | {"low": low, "high": high})

    def __repr__(self) -> str:
        """The frame as text, with the number of users."""
        head = f"{self.users.height:,} users with right answers"
        if self.ignored_rows:
            head += f"; {self.ignored_rows:,} rows of other users ignored"
        if self.users_without:
            head += f"; {self.users_without:,} without a list are misses"
        with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True):
            return f"{head}\n{self.frame}"


@errors.checked
def evaluate(
    lists: Any, truth: Any, config: configs.EvaluationConfig | None = None
) -> ListMetrics:
    """Measures lists against right answers.

    Args:
      lists: Frame of Polars or pandas: `user_id`, `video_id`, and `score` (higher =
        first) or `rank` (lower = first). Equal ones keep the order of the rows.
      truth: Frame with the right answers, `user_id` and `video_id`, each pair once;
        with `watch_seconds`, the watch time of hits is measured too.
      config: Lengths `ks` and `num_resamples`; None: the defaults.

    Returns:
      The metrics over the users of `truth`, in the order of their first rows. A user
      without a list counts as one without a hit.

    Raises:
      errors.UserError: A frame lacks a column, is empty, or names a pair twice.

    >>> lists = pl.DataFrame({"user_id": [1, 1], "video_id": [7, 8], "rank": [1, 2]})
    >>> truth = pl.DataFrame({"user_id": [1], "video_id": [8]})
    >>> evaluate(lists, truth, configs.EvaluationConfig(ks=(2,))).values["mrr@2"]
    0.5
    """
    config = config or configs.EvaluationConfig()
    truth, lists = _read(truth, "truth"), _ordered(_read(lists, "lists"))
    wanted = truth.select(_USER).unique(maintain_order=True).with_row_index(_ROW)
    answers, listed = (_user_rows(frame, wanted) for frame in (truth, lists))
    if listed.is_empty():
        raise errors.UserError(
            f"expected lists of the users in truth, found none (first {_USER} of lists "
            f"{lists[_USER][0]!r}, of truth {truth[_USER][0]!r}): are both of one log?"
        )
    index = _indices(answers[_VIDEO], listed[_VIDEO])
    sizes = np.bincount(answers[_ROW].to_numpy(), minlength=wanted.height)
    offsets = np.append(0, np.cumsum(sizes))
    targets = ragged.Ragged(offsets, index[: answers.height])
    rows, shape = listed[_ROW].to_numpy(), (wanted.height, max(config.ks))
    top = ragged.in_columns(rows, index[answers.height :], shape)
    values = exact_top_k.metrics_at(top, *targets, config.ks)
    if schema.WATCH_SECONDS in answers.columns:
        seconds = _numbers(answers[schema.WATCH_SECONDS], "truth").to_numpy()
        hits = exact_top_k.weights_of(top, *targets, seconds)
        relevant = ragged.Ragged(offsets, seconds)
        values |= watch_time_of_hits.evaluate(hits, relevant, config.ks)
    entry = user_means.user_means(values, config)
    means = {name: float(values[name].mean()) for name in values}
    users = wanted.select(_USER, *(pl.Series(name, v) for name, v in values.items()))
    ignored = lists.height - listed.height
    without = wanted.height - listed[_ROW].n_unique()
    return ListMetrics(means, dict(entry.intervals), users, ignored, without)


def _read(source: Any, name: str) -> pl.DataFrame:
    """Returns a frame of Polars with ids, each pair once.

    Raises:
      errors.UserError: It lacks a column, is empty, or names a pair twice.
    """
    frame = frames.to_polars(source, name).collect()
    missing = [column for column in (_USER, _VIDEO) if column not in frame.columns]
    if missing:
        raise errors.UserError(
            f"expected columns {_USER} and {_VIDEO} in {name}, found only "
            f"{', '.join(frame.columns) or 'none'}: rename yours"
        )
    if not frame.height:
        raise errors.UserError(f"expected rows in {name}, received none")
    frame = frame.select(name for name in frame.columns if name in _READ)
    if frame[_USER].null_count() or frame[_VIDEO].null_count():
        raise errors.UserError(
            f"expected ids in every row of {name}, found a missing one: leave such "
            f"rows out"
        )
    twice = frame.select(_USER, _VIDEO).is_duplicated()
    if twice.any():
        row = int(twice.arg_max() or 0)
        raise errors.UserError(
            f"expected each video once for a user in {name}, found {_USER} "
            f"{frame[_USER][row]!r} with {_VIDEO} {frame[_VIDEO][row]!r} twice"
        )
    return frame


def _ordered(lists: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows of lists, best first.

    Raises:
      errors.UserError: There is neither a score nor a rank, or one is missing.
    """
    name = next((c for c in (schema.SCORE, schema.RANK) if c in lists.columns), None)
    if name is None:
        raise errors.UserError(
            f"expected a column {schema.SCORE} or {schema.RANK} in lists, found only "
            f"{', '.join(lists.columns)}: add one"
        )
    order = _numbers(lists[name], "lists")
    by = order if name == schema.RANK else -order
    return lists.with_columns(by.alias(name)).sort(name, maintain_order=True)


def _numbers(column: pl.Series, name: str) -> pl.Series:
    """Returns a column of a frame as floats.

    Raises:
      errors.UserError: A value is missing, or no finite number.
    """
    numbers = column.cast(pl.Float64, strict=False)
    is_bad = ~numbers.is_finite().fill_null(False) | column.dtype.is_temporal()
    if is_bad.any():
        raise errors.UserError(
            f"expected finite numbers in {column.name} of {name}, found "
            f"{column.filter(is_bad)[0]} (of {is_bad.sum():,} rows)"
        )
    return numbers


def _user_rows(frame: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows of the asked users with their `row`, in its order.

    Raises:
      errors.UserError: The types of the ids do not agree.
    """
    ids = pl.col(_USER).cast(_one_type(_USER, frame[_USER], wanted[_USER]))
    both = frame.with_columns(ids), wanted.with_columns(ids)
    rows = both[0].join(both[1], on=_USER, maintain_order="left")
    return rows.sort(_ROW, maintain_order=True)


def _indices(answers: pl.Series, listed: pl.Series) -> npt.NDArray[np.int64]:
    """Returns an index from 1 for each video, of the answers and then of the lists.

    Raises:
      errors.UserError: The types of the ids do not agree.
    """
    same = _one_type(_VIDEO, listed, answers)
    both = pl.concat([answers.cast(same), listed.cast(same)])
    return both.rank("dense").to_numpy().astype(np.int64)


def _one_type(
    name: str, listed: pl.Series, answers: pl.Series
) -> pl.DataType | type[pl.DataType]:
    """Returns the type in which ids of both frames are compared.

    Raises:
      errors.UserError: One has integers, the other none.
    """
    if listed.dtype.is_integer() != answers.dtype.is_integer():
        raise errors.UserError(
            f"expected {name} of one type in lists and truth, received "
            f"{listed.dtype} and {answers.dtype}"
        )
    is_one = listed.dtype == answers.dtype and answers.dtype.is_integer()
    return answers.dtype if is_one else pl.String
