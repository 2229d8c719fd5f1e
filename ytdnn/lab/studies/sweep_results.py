"""The trials of a sweep (`ytdnn/lab/studies/sweeping.py`) and its result."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class SweepTrial:
    """One trial of the journal.

    Attributes:
      number: Number of the trial, from 0.
      state: `complete`, `pruned`, `running` or `failed`.
      settings: Settings that differ from the base config, as texts.
      value: Validation metric of the best epoch; None: not complete.
      curve: (epoch, metric) of each epoch.
      seconds: Seconds of the training; None: not complete.
      milliseconds: Cost of an answer, see `answer_times.median_ms`; None: not
        complete.
      refused: The reason why its settings could not be trained; empty: they could.
    """

    number: int
    state: str
    settings: dict[str, str]
    value: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    seconds: float | None = None
    milliseconds: float | None = None
    refused: str = ""


@dataclasses.dataclass(frozen=True)
class SweepResult:
    """The outcome of a sweep.

    Attributes:
      stage: The stage.
      metric: Its validation metric.
      more_is_better: Whether a larger value is better.
      default_value: Value of the base config.
      default_milliseconds: Its cost of an answer; None: not measured.
      best: The best complete trial; None: none is better than the base config.
      trials: All trials in order.
      importances: Share of the metric's variance that each setting explains, the
        largest first; empty with too few trials.
    """

    stage: str
    metric: str
    more_is_better: bool
    default_value: float
    default_milliseconds: float | None
    best: SweepTrial | None
    trials: tuple[SweepTrial, ...]
    importances: dict[str, float]
