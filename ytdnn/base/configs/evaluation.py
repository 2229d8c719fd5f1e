"""Settings of offline evaluation, and the space that `ytdnn sweep` searches."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import pydantic

from ytdnn.base import registries
from ytdnn.base.configs import setting_types

Value = bool | int | float | str | tuple[int | float | str, ...]
Space = Mapping[str, "Options | Range"]


@setting_types.validated
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
      baselines: Candidate models to compare with, in addition to popularity:
        `recent_popularity`, `markov` (videos watched after the last watch),
        `own_watches` (the user's own, where lists hold them), `co_watch` (videos
        others watched near the last ten), `rp3beta` (random walks),
        `item_neighbours`, `user_neighbours`, `als` (implicit matrix factorisation),
        `ease`, or any other registered one. `auto`: all of these, with their settings
        chosen on validation, as far as a fifth of the training's time allows.
        `lightgbm`: boosted trees on the ranker's inputs, for impressions only. Empty:
        only popularity.
      slices: Columns that results are broken down by: `activity`, `new_user`,
        `video_age`, `popularity`, `channel_popularity`, `device`, and any column of
        `users` or `videos`; missing columns are left out.
      users: Users to evaluate: a file of ids, or a condition over columns of `users`
        (Polars SQL), such as "country = 'DE'". Empty: all.
      videos: Videos that count as right answers and as impressions of the ranker: a
        file of ids, or a condition over columns of `videos`; lists are not filtered.
        Empty: all.
      num_requests: Maximum number of requests of the protocol `requests`, in which
        each watch of the window is a request of its own; of more a sample is drawn.
        0: none, only one request for each user.
      delay_seconds: Age from which events are known to these requests, and impressions
        to the counts that they are ordered by.
      num_resamples: Bootstrap resamples of the users, for each interval.
    """

    ks: Annotated[tuple[setting_types.Positive, ...], pydantic.Field(min_length=1)] = (
        10,
        50,
        100,
    )
    metrics: Annotated[
        tuple[str, ...],
        setting_types.names_of(registries.METRICS, registries.IMPRESSION_METRICS),
    ] = ()
    targets: Literal["all", "next", "last"] = "all"
    horizon_days: setting_types.NonNegativeFloat = 0.0
    remove_watched: bool = True
    baselines: tuple[
        Annotated[
            str, setting_types.NameOf(registries.CANDIDATE_MODELS, ("auto", "lightgbm"))
        ],
        ...,
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
    users: str = ""
    videos: str = ""
    num_requests: setting_types.NonNegative = 3_000
    delay_seconds: setting_types.NonNegative = 0
    num_resamples: setting_types.Positive = 1_000
    seed: ClassVar[int] = 0  # of the resamples: reports can be compared
    window_events: ClassVar[int] = 1 << 23  # in memory at a time; same results
    off_policy_pages: ClassVar[int] = 1_000  # logged ones, sampled
    num_examples: ClassVar[int] = 8  # users with history and lists in the report


@setting_types.validated
class Options:
    """One of several values.

    Attributes:
      values: The values, as a config has them; a kind of component by its name.
      when: Values of earlier settings of the space for which this one is searched; of
        several values of one setting, any.
    """

    values: tuple[Value, ...]
    when: tuple[tuple[str, Value], ...] = ()

    @pydantic.model_validator(mode="after")
    def _has_values(self) -> "Options":
        if not self.values:
            raise ValueError("expected one value or more in a choice, received none")
        return self


@setting_types.validated
class Range:
    """A number in a closed interval.

    Attributes:
      low: Smallest value.
      high: Largest value.
      log: Whether it is drawn uniformly on a logarithmic scale.
      whole: Whether it is an integer.
      when: See `Options`.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False
    when: tuple[tuple[str, Value], ...] = ()

    @pydantic.model_validator(mode="after")
    def _is_a_range(self) -> "Range":
        if not self.low < self.high:
            raise ValueError(
                f"expected low below high, received {self.low:g} and {self.high:g}"
            )
        if self.log and self.low <= 0.0:
            raise ValueError(
                f"expected a positive low on a logarithmic scale, received {self.low:g}"
            )
        return self


def read_space(given: Mapping[str, object]) -> dict[str, Options | Range]:
    """Returns a space; options may be given as plain lists.

    Args:
      given: A `Options`, a `Range` or a list of values for each setting, by its key in
        the config, such as `candidates.training.learning_rate`.

    Raises:
      ValueError: A value is of another type.
    """
    space: dict[str, Options | Range] = {}
    for key, values in given.items():
        if isinstance(values, Options | Range):
            space[key] = values
        elif isinstance(values, Sequence) and not isinstance(values, str):
            space[key] = Options(values=tuple(values))
        else:
            raise ValueError(
                f"expected a list of values, a configs.Options or a configs.Range for "
                f"{key}, received {values!r}"
            )
    return space
