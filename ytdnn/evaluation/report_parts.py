"""Parts of the report that describe the measurement, and types that all parts share.

`report_types` has the measurements, and the whole report.
"""

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

import numpy as np
import pydantic
from pydantic import dataclasses as pydantic_dataclasses

_T = TypeVar("_T")


def _defined(value: Any) -> Any:
    """Returns a number as a Python number; None for NaN and infinity."""
    if isinstance(value, float | np.number):
        return float(value) if math.isfinite(value) else None
    return value


# A number that is not defined is null; there is no NaN or infinity.
Number = Annotated[float | None, pydantic.BeforeValidator(_defined)]
Interval = tuple[Number, Number]
WithInterval = tuple[Number, Number, Number]  # value, low end, high end
Count = Annotated[int, pydantic.Field(ge=0)]
Positive = Annotated[int, pydantic.Field(ge=1)]
Id = str | int


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(pydantic.Field,)
)
def part(cls: type[_T]) -> type[_T]:
    """Decorator for parts of the report: frozen, and validated."""
    decorate: Callable[[type[_T]], Any] = pydantic_dataclasses.dataclass(
        frozen=True,
        kw_only=True,
        config=pydantic.ConfigDict(
            strict=True,
            json_schema_serialization_defaults_required=True,
        ),
    )
    return decorate(cls)


@part
class Measurement:
    """Time, duration and environment of a measurement.

    Attributes:
      time: ISO 8601, UTC.
      seconds: Duration of measuring; loading is not counted.
      versions: Versions of Python and packages.
      git_commit: `-changed` appended where files differ from it; null outside a clone.
      machine: System, architecture, processors.
      seed: Seed of the bootstrap.
    """

    time: str
    seconds: Annotated[float, pydantic.Field(ge=0.0)]
    versions: dict[str, str]
    git_commit: str | None
    machine: str
    seed: int


@part
class ImpressionRules:
    """The rules that the numbers of the ranker depend on.

    Attributes:
      impressions: Logged impressions in the split.
      users: Users with an impression.
      watch_time_weights: Whether the log has watch time to weigh clicks by.
      pairs: Rule by which impressions are grouped into slates, for the per-user loss.
    """

    impressions: Count
    users: Count
    watch_time_weights: bool
    pairs: str


@part
class PredictionCounts:
    """Counts of a file of predictions.

    Attributes:
      rows: Number of rows in the file.
      of_other_users: Rows of users (or requests) outside the evaluation, ignored.
      out_of_vocabulary: Rows of videos that are not in the prepared set.
      users_without: Evaluated users (or requests) without a row: an empty list.
    """

    rows: Count
    of_other_users: Count
    out_of_vocabulary: Count
    users_without: Count


@part
class Protocol:
    """Every rule that the numbers depend on.

    Attributes:
      name: Protocol: how the log is split into training, validation and test.
      split: Evaluated split.
      source: Source of the log.
      order: Order of a user's watches; each column breaks the ties of the one before.
      split_column: Whether the split comes from a column of the log.
      users: Evaluated users, one request each.
      of_users: Part of the users that is evaluated: a file or a condition; empty: all.
      of_videos: Part of the videos that are right answers, likewise.
      users_left_out: Users with watches in the split but no right answer among them.
      videos: Videos in the vocabulary: those with a trained embedding.
      catalogue: Videos in the catalogue, with or without an embedding.
      candidate_set: Videos that may be listed.
      candidate_set_videos: Number of videos that may be listed for at least one user.
      targets: Watches of the split that are right answers.
      horizon_days: Days after the request in which answers are watched; null: the
        whole window.
      answers: Right answers of all users.
      answers_out_of_vocabulary: Answers first watched after the training window, which
        can be retrieved only by content.
      answers_out_of_candidate_set: Answers outside the candidate set, which cannot be
        retrieved.
      remove_watched: Whether videos of the history are removed from every list.
      sees_request_time: Whether the candidate model reads the time of the request,
        which is that of the first answer.
      trains_on_validation: Whether the watches held out for validation were labels of
        the candidate model: numbers of the test are then those of a final fit.
      learned_to: Second up to which candidates went on learning after their training,
        which the system `as_trained` did not; null: they did not.
      num_candidates: Candidates that the ranker orders; null without one.
      system_left_out: Reason why both stages are not measured; null if it is.
      served_order: Order that `ranking.enabled=auto` has chosen to serve, and why, in
        words; null where the setting is another.
      ranker: Rules of the impressions; null without impressions.
      predictions: Counts of a file of predictions; null for runs and bundles.
      contest: What each round of the contest of the candidates' settings found.
    """

    name: Literal["temporal", "leave_one_out", "split"]
    split: Literal["test", "validation"]
    source: str
    order: str
    split_column: bool
    users: Positive
    of_users: str = ""
    of_videos: str = ""
    users_left_out: Count
    videos: Count
    catalogue: Count
    candidate_set: Literal["all", "train", "uploaded"]
    candidate_set_videos: Count
    targets: Literal["all", "next", "last"]
    horizon_days: float | None
    answers: Positive
    answers_out_of_vocabulary: Count
    answers_out_of_candidate_set: Count
    remove_watched: bool
    sees_request_time: bool = False
    trains_on_validation: bool = False
    learned_to: int | None = None
    num_candidates: int | None = None
    system_left_out: str | None = None
    served_order: str | None = None
    ranker: ImpressionRules | None = None
    predictions: PredictionCounts | None = None
    contest: tuple[str, ...] = ()


@part
class Leaks:
    """Counts of the leak check; a leak fails the run, so a report has none.

    Attributes:
      checked_examples: Right answers and impressions whose inputs were checked.
      inputs_at_or_after_label: Always 0; a leak is an error.
      same_second_inputs: Inputs of the label's own second, before it in the order.
      examples_with_same_second_inputs: Examples that have such inputs.
      users_with_changed_future: Users whose future was changed to check that no model's
        output changes; null if no model was run.
    """

    checked_examples: Count
    inputs_at_or_after_label: Literal[0]
    same_second_inputs: Count
    examples_with_same_second_inputs: Count
    users_with_changed_future: int | None = None


@part
class BestBaseline:
    """The best baseline of one kind of prediction, beside the ranker.

    Attributes:
      name: MODEL of the baseline.
      judge: METRIC by which it is the best on the evaluated window.
      ahead: By METRIC: the ranker less the baseline, paired by user, and the ends of
        the interval.
    """

    name: str
    judge: str
    ahead: dict[str, WithInterval]


@part
class ShownLists:
    """Orders of the videos that each user was shown in the window, one list a user.

    Attributes:
      users: Users with two or more impressions, so with a list to order.
      users_left_out: Users with one impression.
      impressions: Impressions in the lists.
      gain: Gain of an impression: watch seconds, or clicks where the log has no watch
        time.
      total: Total gain of all lists.
      logged_order: Definition of the order `logged`: positions on pages, or without
        these the order in time.
      systems: By MODEL (`logged`, `random` and `best`, by the gain itself, among them)
        and METRIC of impressions: value, and ends of its interval.
      ahead: By MODEL and METRIC: the ranker (without one the candidates) less the
        model, paired by user, and the ends of the interval.
    """

    users: Positive
    users_left_out: Count
    impressions: Positive
    gain: Literal["watch_seconds", "clicks"]
    total: float
    logged_order: Literal["position", "time"]
    systems: dict[str, dict[str, WithInterval]]
    ahead: dict[str, dict[str, WithInterval]]
