"""Settings of offline evaluation."""

from typing import Annotated, Literal

import pydantic

from ytdnn.base import registries
from ytdnn.base.configs import components


def _registered_metrics(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        of_impressions = registries.IMPRESSION_METRICS
        if name not in registries.METRICS and name not in of_impressions:
            raise ValueError(registries.METRICS.unknown(name))
    return names


@components.validated
class EvaluationConfig:
    """Offline evaluation (`ytdnn evaluate --explain` prints every definition).

    Attributes:
      ks: Lengths k of the lists that are measured.
      metrics: Metrics of lists, or of impressions, in addition to those always
        measured, such as `popularity_complement`; `ytdnn evaluate --explain` defines
        each.
      targets: Right answers: `all` videos watched in the evaluated window, or only the
        `next` one, both by the history before the window; or the `last` one, by all
        watches before it, as for sessions (`--sessions`).
      horizon_days: Only videos watched within this many days after the request are
        right answers; 0 = all of the window.
      remove_watched: Whether videos of the user's history are removed from every
        list. If not, they may be right answers too.
      candidate_set: Videos that may be recommended: `all` of the vocabulary and, for a
        candidate model with content, new videos uploaded by the time of the request;
        videos watched in `train`; or videos `uploaded` by the time of the request. A
        video without an upload time counts as uploaded.
      baselines: Baselines by counting, in addition to popularity: `recent_popularity`,
        `markov` (videos watched after the last watch), `co_watch` (videos others
        watched near the last ten), `user_neighbours` (videos that users with similar
        watches watched), `als` (implicit matrix factorisation, of ytdnn[baselines]).
        `auto` means the first four, except those that would take minutes on a log of
        this size. Empty: only popularity.
      slices: Columns that results are broken down by: `activity`, `new_user`,
        `video_age`, `popularity`, `channel_popularity`, `device`, and any column of
        `users` or `videos`; missing columns are left out.
      similarity_by: Column of videos for the similarity within a list: the cosine of a
        column of vectors, or equality of any other column. Empty: the first column of
        vectors, else the topic, else the channel.
      users: Users to evaluate: a file of ids, or a condition over columns of `users`
        (Polars SQL), such as "country = 'DE'". Empty: all.
      videos: Videos that count as right answers and as impressions of the ranker: a
        file of ids, or a condition over columns of `videos`; lists are not filtered.
        Empty: all.
      num_resamples: Bootstrap resamples of the users, for each interval.
      seed: Seed of the resamples and of the choice of users checked for leaks.
      window_events: Number of events that are in memory at a time; a log with more is
        measured by groups of users, with the same result.
      off_policy_pages: Number of logged slates with propensities, sampled, on which the
        reward of other slates is estimated; 0: none.
      off_policy_most_weight: Upper bound on the weight of a logged place in these
        estimates, which trades bias for noise; 0: no bound.
      num_examples: Number of users that the report shows with history, lists and right
        answers.
    """

    ks: Annotated[tuple[components.Positive, ...], pydantic.Field(min_length=1)] = (
        10,
        50,
        100,
    )
    metrics: Annotated[
        tuple[str, ...], pydantic.AfterValidator(_registered_metrics)
    ] = ()
    targets: Literal["all", "next", "last"] = "all"
    horizon_days: components.NonNegativeFloat = 0.0
    remove_watched: bool = True
    candidate_set: Literal["all", "train", "uploaded"] = "all"
    baselines: tuple[
        Annotated[str, components.NameOf(registries.CANDIDATE_MODELS, ("auto",))], ...
    ] = ("auto",)
    slices: tuple[str, ...] = (
        "activity",
        "new_user",
        "video_age",
        "popularity",
        "channel_popularity",
        "country",
        "device",
    )
    similarity_by: str = ""
    users: str = ""
    videos: str = ""
    num_resamples: components.Positive = 1_000
    seed: components.NonNegative = 0
    window_events: components.Positive = 1 << 23
    off_policy_pages: components.NonNegative = 1_000
    off_policy_most_weight: components.NonNegativeFloat = 0.0
    num_examples: components.NonNegative = 8
