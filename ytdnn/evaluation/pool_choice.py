"""Chooses the candidates of the ranker by the watch time they hold on validation.

Held are the videos that a user watches in it, and their watch seconds. A default source
leaves where candidates without it surely hold more seconds (of a log without watch
time, more videos). Mean seconds then count as much as is best for

    log(seconds held) + 5 · log(videos held)

and makes them surely hold half a percent more seconds: a percent of them is worth a
fifth of a percent of the videos, as a log cannot say how long others would be watched.
"""

import dataclasses
import math
import pathlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, errors
from ytdnn.base.metrics import bootstrap
from ytdnn.evaluation import (
    composed_slates,
    lists,
    order_choice_artifact,
    user_cases,
    user_means,
    users_in_parts,
)
from ytdnn.features import first_stage_features
from ytdnn.log import events, prepared
from ytdnn.retrieval import seconds_order, trained_stage

Floats = npt.NDArray[np.float64]
Choice = order_choice_artifact.Choice
Composition = configs.CompositionConfig

_WEIGHTS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
_VIDEOS_FOR_SECONDS = 5.0
_LEAST_GAIN = 0.005
_MOST_USERS = 4_000
_LEAST_USERS = 100


def from_run(config: configs.Config, workdir: pathlib.Path, served: Choice) -> Choice:
    """Returns a choice of a run with the ranker's candidates chosen, too.

    Args:
      config: Config of the run.
      workdir: Directory of the run, with `data` and `candidates`.
      served: What was chosen before: the order, the weights of live terms.
    """
    asks_sources = first_stage_features.OF_SOURCES & set(config.ranking.features.add)
    if asks_sources or served.live_weights or not served.serves_ranker:
        return served
    data = prepared.load(workdir / prepared.KIND)
    own = dataclasses.replace(config.composition, live_weights=(), seconds_weight=0.0)
    stage = trained_stage.load(workdir / trained_stage.KIND, data, own)
    return choose(data, stage, config.evaluation, served)


def choose(
    data: prepared.PreparedData,
    stage: trained_stage.FirstStage,
    config: configs.EvaluationConfig,
    served: Choice,
) -> Choice:
    """Returns a choice with the ranker's candidates chosen, too.

    Args:
      data: The prepared set.
      stage: The candidate model and the other sources, with a weight of seconds of 0.
      config: Rules of right answers, resamples and their seed.
      served: What was chosen before.
    """
    rules = dataclasses.replace(config, users="", videos="")
    try:
        cases = user_cases.cases(data, events.Split.VALIDATION, rules, stage.num_videos)
    except errors.UserError:  # nobody watched anything new
        return served
    if len(cases) < _LEAST_USERS or stage.candidates.trains_on_validation:
        return served
    rows = np.linspace(0, len(cases) - 1, min(_MOST_USERS, len(cases))).astype(int)
    pools = _Pools(data, stage, config, user_cases.take(cases, rows))
    left_out = tuple(pools.left_out())
    kept = stage.composition.without(left_out)
    weight = pools.seconds_weight(kept) if data.log.has_watch_seconds else 0.0
    words = f"{served.words}. {pools.words(left_out, weight)}".removeprefix(". ")
    return dataclasses.replace(
        served, words=words, left_out=left_out, seconds_weight=weight
    )


class _Pools:
    """Candidates of all sources for the users of a window, and what they hold."""

    def __init__(
        self,
        data: prepared.PreparedData,
        stage: trained_stage.FirstStage,
        config: configs.EvaluationConfig,
        cases: user_cases.Cases,
    ) -> None:
        """Lists the candidate model's videos; see `choose`."""
        windows = users_in_parts.WindowOpener(config.window_events)
        trained = users_in_parts.by_window(stage.candidates, windows)
        vectors = trained.video_vectors(int(cases.times.min()))
        number = seconds_order.DEPTH * stage.composition.num_candidates
        self._ranked = lists.from_model(data, trained, vectors)(cases, number)
        self._data, self._stage, self._config = data, stage, config
        self._cases = cases
        self._own = self._held(stage.composition)

    def left_out(self) -> Iterator[str]:
        """Yields the default sources without which candidates surely hold more."""
        composition, kept = self._stage.composition, self._own
        if composition.sources != configs.DEFAULT_SOURCES:
            return
        for source in self._stage.other_sources:
            fewer = composition.without([source.kind])
            held = self._held(fewer)
            if self._surely_more(held, kept):
                composition, kept = fewer, held
                yield source.kind

    def seconds_weight(self, composition: Composition) -> float:
        """Returns the weight of seconds with which candidates hold most of them."""
        without = self._held(composition)
        best, chosen = _worth(without), 0.0
        for weight in _WEIGHTS:
            held = self._held(dataclasses.replace(composition, seconds_weight=weight))
            if _worth(held) > best and self._surely_more(held, without, _LEAST_GAIN):
                best, chosen = _worth(held), weight
        return chosen

    def words(self, left_out: tuple[str, ...], weight: float) -> str:
        """Returns the choice in words."""
        own = self._stage.composition
        chosen = dataclasses.replace(own.without(left_out), seconds_weight=weight)
        numbers = [
            f"{values[0].mean():,.4g}" for values in (self._held(chosen), self._own)
        ]
        unit = "watch seconds" if self._data.log.has_watch_seconds else "watched videos"
        without = f"without {' and '.join(left_out)}, " if left_out else ""
        return (
            f"The ranker's {own.num_candidates} candidates ({without}"
            f"composition.seconds_weight={weight:g}) hold {numbers[0]} {unit} of a "
            f"validation user, with all sources and a weight of 0 {numbers[1]}"
        )

    def _held(self, composition: Composition) -> tuple[Floats, Floats]:
        """Returns watch seconds and number of the right answers held, `[users]` each.

        Without watch time both are the number.
        """
        sources = tuple(
            source
            for source in self._stage.other_sources
            if source.kind in composition.num_places
        )
        cases, rows = self._cases, self._cases.targets.rows
        listed = composed_slates.pooled(
            lambda cases, k: self._ranked[:, :k], sources, composition, self._data
        )(cases, composition.num_candidates)
        is_held = (listed[rows] == cases.targets.values[:, np.newaxis]).any(axis=1)
        number = np.bincount(rows, is_held, len(cases)).astype(np.float64)
        if cases.seconds is None:
            return number, number
        seconds = np.bincount(rows, is_held * cases.seconds, len(cases))
        return seconds.astype(np.float64), number

    def _surely_more(
        self,
        more: tuple[Floats, Floats],
        less: tuple[Floats, Floats],
        gain: float = 0.0,
    ) -> bool:
        """Whether one holds surely more seconds than another, and a share on top."""
        parts = {"": bootstrap.mean_parts(more[0] - (1.0 + gain) * less[0])}
        _, low, _ = user_means.with_intervals(parts, self._config)[""]
        return (low or 0.0) > 0.0


def _worth(held: tuple[Floats, Floats]) -> float:
    """Returns the number that candidates are chosen by."""
    seconds, videos = (max(float(values.sum()), 1e-9) for values in held)
    return math.log(seconds) + _VIDEOS_FOR_SECONDS * math.log(videos)
