"""The report of an evaluation, typed: the meaning of every field, and null values.

`report.json` is this and nothing else, and its JSON schema is made from it
(`report_schema`). It is validated when it is made and when it is read.

MODEL is the name of a system: popularity, candidates, system (candidates in the
ranker's order), ranker, oracle, a file of predictions, or a bound of the page on a
world (candidates_by_truth, oracle_by_watch_time). `ytdnn evaluate --explain` defines
each metric.
"""

from typing import Any, Final, Literal

import pydantic

from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import report_parts

FORMAT_VERSION: Final = 5


@report_parts.part
class Entry:
    """The numbers of one model.

    Attributes:
      values: Values by METRIC@k for lists, METRIC for impressions.
      intervals: 95 % intervals by the same names.
    """

    values: dict[str, report_parts.Number]
    intervals: dict[str, report_parts.Interval]


@report_parts.part
class SliceRow:
    """The right answers that have one value of a slice.

    Attributes:
      value: The value.
      users: Number of users with such an answer.
      answers: Number of such answers.
      lists: By MODEL and METRIC@k: value, and ends of its interval.
    """

    value: str
    users: report_parts.Positive
    answers: report_parts.Positive
    lists: dict[
        str,
        dict[str, report_parts.WithInterval],
    ]


@report_parts.part
class Tenth:
    """One of ten equal parts of the impressions, by prediction; equal ones share one.

    Attributes:
      predicted: Mean prediction.
      observed: Mean observation, and ends of its interval.
      ratio: Predicted over observed, and ends of its interval; 1 is calibrated.
      impressions: Number of impressions in the part.
    """

    predicted: report_parts.Number
    observed: report_parts.WithInterval
    ratio: report_parts.WithInterval
    impressions: report_parts.Positive


@report_parts.part
class CalibrationReport:
    """The calibration of one model, lowest predictions first.

    Each field is empty where the model does not predict it.

    Attributes:
      seconds: Expected watch seconds of an impression against their mean.
      clicks: Click probability against the share of clicks.
      odds: Without predicted seconds: odds against watch seconds (or clicks, without
        watch time) over impressions without a click, the target of training.
    """

    seconds: tuple[Tenth, ...] = ()
    clicks: tuple[Tenth, ...] = ()
    odds: tuple[Tenth, ...] = ()


@report_parts.part
class OutcomesReport:
    """The outcomes of impressions besides the click (docs/feedback.md).

    Attributes:
      numbers: By OUTCOME and MODEL.
      calibration: By OUTCOME and MODEL, lowest predictions first.
      trade_offs: By weights of the ranker's predictions, which order each user's
        impressions: by QUANTITY, the share of it in the first half of the places.
    """

    numbers: dict[str, dict[str, Entry]]
    calibration: dict[str, dict[str, tuple[Tenth, ...]]]
    trade_offs: dict[str, Entry]


@report_parts.part
class TrainingReport:
    """The training of one stage.

    Attributes:
      epochs: Numbers of the epochs.
      scalars: Each logged scalar, a value for each epoch.
    """

    epochs: tuple[int, ...]
    scalars: dict[str, tuple[report_parts.Number, ...]]


@report_parts.part
class PageValue:
    """The value of a system's slates, estimated from a log with propensities.

    Attributes:
      per_place: By REWARD and ESTIMATOR (ips, snips; dr where the ranker predicts the
        reward): reward of a place that the system fills, with the places before it as
        logged.
      per_page: The same for a slate that it fills from the first place on.
      mean_weight: Mean weight of a logged place, with its interval; 1 is expected if
        the log could have shown any slate of the system.
      share_never_shown: Share of logged places with a video that the system would never
        show there: of weight 0.
      effective_places: Number of places of equal weight with the same information.
      effective_pages: Number of slates of equal weight with the same information.
    """

    per_place: dict[str, dict[str, report_parts.WithInterval]]
    per_page: dict[str, dict[str, report_parts.WithInterval]]
    mean_weight: report_parts.WithInterval
    share_never_shown: float
    effective_places: float
    effective_pages: float


@report_parts.part
class OffPolicy:
    """Off-policy estimates of other slates than those of the log (IPS, SNIPS, DR).

    Attributes:
      pages: Number of evaluated slates.
      pages_known: Number of complete slates with all propensities, from which they are
        sampled.
      pages_left_out: Number of the split's other slates.
      users: Number of users of the slates.
      places: Number of places of the slates.
      most_weight: Upper bound on weights, null without: reports of 0.2 may have one.
      logged_per_place: Mean reward of a logged place, by REWARD (clicks,
        watch_seconds).
      logged_per_page: Mean reward of a logged slate, by REWARD.
      systems: Estimates by MODEL.
    """

    pages: report_parts.Positive
    pages_known: report_parts.Positive
    pages_left_out: report_parts.Count
    users: report_parts.Positive
    places: report_parts.Positive
    most_weight: float | None
    logged_per_place: dict[str, report_parts.WithInterval]
    logged_per_page: dict[str, report_parts.WithInterval]
    systems: dict[str, PageValue]


@report_parts.part
class RequestsReport:
    """Lists by the protocol `requests`: each watch is a request at its own time.

    Attributes:
      requests: Number of requests.
      watches: Number of watches of the split that they are a sample of.
      users: Users of the requests.
      delay_seconds: Age from which events are known to a request.
      repeats: Requests whose answer the user had watched before: misses of every list.
      unknown: Requests whose answer the candidate model cannot list.
      best_count: MODEL that was best on validation among the lists that are counted up
        to each request.
      rival: MODEL of the best baseline by hit rate: `best_count`, or one fitted to the
        training.
      systems: By MODEL: hit rate, nDCG and MRR by METRIC@k, means over requests.
      by_user: The same, means over users.
      ahead: By MODEL and METRIC@k: a system that is no baseline less the rival, paired
        by user, and the ends of the interval.
    """

    requests: report_parts.Positive
    watches: report_parts.Positive
    users: report_parts.Positive
    delay_seconds: report_parts.Count
    repeats: report_parts.Count
    unknown: report_parts.Count
    best_count: str
    rival: str
    systems: dict[str, Entry]
    by_user: dict[str, Entry]
    ahead: dict[str, dict[str, report_parts.WithInterval]]


@report_parts.part
class ReportVideo:
    """A video, as the log names it.

    Attributes:
      video_id: Null where it is out of the vocabulary.
      title: Null where unknown.
      topic: Null where unknown.
      channel_id: Null where unknown.
    """

    video_id: report_parts.Id | None
    title: str | None = None
    topic: report_parts.Id | None = None
    channel_id: report_parts.Id | None = None


@report_parts.part
class ListedVideo(ReportVideo):
    """A recommended video.

    Attributes:
      video_id: See `ReportVideo`.
      title: See `ReportVideo`.
      topic: See `ReportVideo`.
      channel_id: See `ReportVideo`.
      is_answer: Whether the user watched it afterwards.
    """

    is_answer: bool


@report_parts.part
class Example:
    """A user with history, recommendations and right answers.

    Attributes:
      user_id: Id as in the log.
      facts: Columns of the user.
      history_length: Number of watches before the request.
      history: The last watches, most recent last.
      lists: List of each MODEL.
      num_answers: Number of right answers.
      answers: The first right answers.
    """

    user_id: report_parts.Id
    facts: dict[str, str | float | int | bool]
    history_length: report_parts.Count
    history: tuple[ReportVideo, ...]
    lists: dict[str, tuple[ListedVideo, ...]]
    num_answers: report_parts.Count
    answers: tuple[ReportVideo, ...]


@report_parts.part
class Report:
    """The content of report.json, which `ytdnn evaluate` writes.

    Attributes:
      format_version: Version of this layout.
      name: Name of the measured run, bundle or file.
      made: Time, duration and environment of the measurement.
      protocol: Every rule that the numbers depend on.
      leaks: Result of the leak check.
      lists: By MODEL: numbers of the lists.
      requests: Lists by requests at the time of each watch; null where the protocol or
        the log has no such times.
      slices: By SLICE: a row for each value; without baselines but popularity, and the
        bounds of the page.
      impressions: By MODEL: numbers of the ranker; empty without impressions.
      best_baselines: By kind of prediction, `clicks` and `seconds`: the best baseline
        beside the ranker; without those that it does not predict.
      calibration: By MODEL.
      outcomes: Outcomes besides the click; null where the log has none, or no model
        predicts one.
      shown_lists: Orders of the videos shown to each user; null without impressions.
      ranker_gain: By METRIC@k: system less candidates, paired by user, and the ends of
        its interval; empty without a system.
      examples: A few users, evenly spaced in the order of recall of the last MODEL that
        is no oracle or bound.
      training: By stage; empty except for runs.
      index: Recall of ScaNN; empty without it.
      latency: Milliseconds for one user; empty where nothing was timed.
      vector_width: Coordinates of a served vector, a bias among them; 0 without
        candidates.
      off_policy: Off-policy estimates of the systems' pages; null where the log has no
        propensities.
      warnings: That a run is not better than popularity, with the likely reasons; that
        estimates rest on little data.
      config: The whole config of a run; for predictions and bundles only data and
        evaluation.
    """

    format_version: Literal[5] = FORMAT_VERSION
    name: str = ""
    made: report_parts.Measurement
    protocol: report_parts.Protocol
    leaks: report_parts.Leaks
    lists: dict[str, Entry]
    slices: dict[str, tuple[SliceRow, ...]]
    impressions: dict[str, Entry] = pydantic.Field(default_factory=dict)
    calibration: dict[str, CalibrationReport] = pydantic.Field(default_factory=dict)
    outcomes: OutcomesReport | None = None
    shown_lists: report_parts.ShownLists | None = None
    ranker_gain: dict[str, report_parts.WithInterval] = pydantic.Field(
        default_factory=dict
    )
    examples: tuple[Example, ...]
    training: dict[str, TrainingReport] = pydantic.Field(default_factory=dict)
    index: dict[str, report_parts.Number] = pydantic.Field(default_factory=dict)
    latency: dict[str, report_parts.Number] = pydantic.Field(default_factory=dict)
    vector_width: int = 0
    off_policy: OffPolicy | None = None
    requests: RequestsReport | None = None
    best_baselines: dict[str, report_parts.BestBaseline] = pydantic.Field(
        default_factory=dict
    )
    warnings: tuple[str, ...] = ()
    config: dict[str, Any]

    @property
    def kinds(self) -> tuple[dict[str, Entry], dict[str, Entry]]:
        """Numbers of lists, and of impressions."""
        return self.lists, self.impressions

    @property
    def by_requests(self) -> dict[str, Entry]:
        """Numbers by the protocol `requests`, by `requests/MODEL`."""
        systems = {} if self.requests is None else self.requests.systems
        return {metric_names.REQUESTS + name: entry for name, entry in systems.items()}


ADAPTER = pydantic.TypeAdapter(Report)


def to_json(report: Report) -> str:
    """Returns a report as the text of report.json."""
    return ADAPTER.dump_json(report, indent=2).decode() + "\n"


def from_json(text: str | bytes) -> Report:
    """Returns the report in a text.

    Raises:
      ValueError: The text is no report; a `pydantic.ValidationError` names the field.
    """
    return ADAPTER.validate_json(text)


def to_dict(report: Report) -> dict[str, Any]:
    """Returns a report as nested values of JSON, for tables of all numbers."""
    return ADAPTER.dump_python(report, mode="json")
