"""Searches for the cheapest setting of a kind of index that reaches a recall.

A *build* fixes settings that cannot change afterwards: leaves of ScaNN, inverted
lists. From a start that follows the corpus size its settings are changed one
at a time while that makes searches faster. Each build is searched with every factor of
reordering and the least *effort* that reaches the recall: the share of the leaves or
lists, found by bisection, since recall rises with it. Latency is the median of single
queries; compared settings are timed in turns.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ytdnn.base import configs, errors
from ytdnn.retrieval.index import brute_force, interface, ivf, scann_index

Say = Callable[[str], None]
Component = Any  # configs.ScannConfig or configs.IvfConfig

_EFFORTS = tuple(float(x) for x in np.geomspace(0.001, 1.0, 41).round(5))
_CURVE = _EFFORTS[::4]
_TIMED_QUERIES = 60
_LEAST_GAIN = 0.95  # of the time of the best, for another to take its place


@dataclasses.dataclass(frozen=True)
class Trial:
    """One setting, measured.

    Attributes:
      config: The setting.
      recall: Share of the exact lists that it finds.
      milliseconds: Median of single queries.
      build_seconds: Time to build its index.
      megabytes: Size of that index.
    """

    config: Component
    recall: float
    milliseconds: float
    build_seconds: float
    megabytes: float


@dataclasses.dataclass(frozen=True)
class TuningResult:
    """The result of a search for settings.

    Attributes:
      kind: Kind of index.
      recall: The target.
      k: Length of the lists.
      num_videos: Number of videos in the index.
      num_queries: Number of queries.
      exact_ms: Median time of a query in exact search, in turns with the chosen one.
      chosen: The cheapest setting that reaches the target; the default where none is
        faster.
      default: The setting without tuning, measured in turns with the chosen one.
      trials: The cheapest setting of each build and variant that reaches the target.
      curve: The chosen index searched with less and more effort.
    """

    kind: str
    recall: float
    k: int
    num_videos: int
    num_queries: int
    exact_ms: float
    chosen: Trial
    default: Trial
    trials: tuple[Trial, ...]
    curve: tuple[Trial, ...]


@dataclasses.dataclass(frozen=True)
class Space:
    """The search space of a kind of index.

    Attributes:
      cls: Class of the index, whose module has `adjust(config)`.
      config: Class of its settings.
      size: Setting that a build fixes, the number of leaves or lists.
      by_size: Function of the number of videos that returns the first such number.
      powers: How often that is doubled, or halved where less than 0.
      reorder: Factors of reordering that a build is searched with.
      effort: Setting with the share of the leaves or lists that is searched.
    """

    cls: Any
    config: Any
    size: str
    by_size: Callable[[int], int]
    powers: range
    reorder: tuple[int, ...]
    effort: str

    def sizes(self, num_videos: int) -> list[int]:
        """Returns the numbers to build with, at most a quarter of the videos."""
        middle = self.by_size(num_videos)
        sizes = sorted({max(1, round(middle * 2.0**power)) for power in self.powers})
        return [n for n in sizes if n <= max(1, num_videos // 4)]

    def with_effort(self, config: Component, effort: float) -> Component:
        """Returns the setting that searches a share of the leaves or lists."""
        return dataclasses.replace(config, **{self.effort: effort})


SPACES = {
    "scann": Space(
        scann_index.Scann,
        configs.ScannConfig,
        "num_leaves",
        scann_index.leaves_by_size,
        range(-2, 4),
        (2, 3, 4, 6, 10),
        "leaves_to_search_fraction",
    ),
    "ivf": Space(
        ivf.Ivf,
        configs.IvfConfig,
        "num_lists",
        ivf.lists_by_size,
        range(-2, 3),
        (1, 2, 3),
        "lists_to_search_fraction",
    ),
}


def tune(
    vectors: interface.Vectors,
    queries: interface.Vectors,
    kind: str,
    recall: float,
    k: int,
    say: Say,
) -> TuningResult:
    """Finds the cheapest setting of a kind that reaches a recall.

    Args:
      vectors: `[num_videos, dim] float32`.
      queries: `[n, dim] float32`, held out from the training of the vectors.
      kind: `scann` or `ivf`.
      recall: Target, the share of the exact k best that the index finds.
      k: Length of the lists; cut to the number of videos.
      say: Function that prints a line of progress.

    Raises:
      errors.UserError: There is no such kind, ScaNN is missing, or no setting reaches
        the recall.
    """
    if kind not in SPACES:
        known = ", ".join(SPACES)
        raise errors.UserError(f"expected --kind to be one of {known}, received {kind}")
    return _Search(vectors, queries, kind, recall, min(k, len(vectors)), say).run()


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """An index with its settings and recall."""

    index: Any
    config: Component
    recall: float
    build_seconds: float

    def search(self, queries: interface.Vectors, k: int) -> float:
        """Returns the seconds that a search takes."""
        if not isinstance(self.config, configs.ExactConfig):
            self.index.module.adjust(self.config)
        started = time.perf_counter()
        self.index.search(queries, k)
        return time.perf_counter() - started


@dataclasses.dataclass
class _Search:
    """One search for settings; only the best and the current index are in memory."""

    _vectors: interface.Vectors
    _queries: interface.Vectors
    _kind: str
    _target: float
    _k: int
    _say: Say

    def __post_init__(self) -> None:
        self._space, number = SPACES[self._kind], len(self._vectors)
        self._exact = brute_force.BruteForce.build(self._vectors, configs.ExactConfig())
        self._wanted = self._exact.search(self._queries, self._k)[0]
        self._sizes = self._space.sizes(number)
        self._size = self._space.by_size(number)  # of the best build so far
        self._tried: set[int] = set()
        self._trials: list[Trial] = []
        self._best: _Candidate | None = None

    def run(self) -> TuningResult:
        self._measure(self._size)
        for step in (1, -1):
            self._walk(step)
        if self._best is None:
            raise errors.UserError(
                f"expected a setting of {self._kind} that reaches recall "
                f"{self._target}, found none: give a lower --recall"
            )
        return self._tuned(self._best)

    def _walk(self, step: int) -> None:
        """Changes the size of the best build while that makes searches faster."""
        is_faster = True
        while is_faster:
            place = self._sizes.index(self._size) + step
            is_inside = 0 <= place < len(self._sizes)
            is_faster = is_inside and self._measure(self._sizes[place])

    def _built(self, config: Component) -> tuple[Any, float]:
        """Returns the index of a setting, and the seconds to build it."""
        started = time.perf_counter()
        index = self._space.cls.build(self._vectors, config)
        return index, time.perf_counter() - started

    def _measure(self, size: int) -> bool:
        """Builds an index and measures its variants; tells if one is the best."""
        if size in self._tried:
            return False
        config = self._space.config(**{self._space.size: size})
        built, seconds = self._built(config)
        self._tried.add(size)
        variants = (
            dataclasses.replace(config, reorder_factor=factor)
            for factor in self._space.reorder
        )
        tried = [self._cheapest(built, variant, seconds) for variant in variants]
        candidates = [candidate for candidate in tried if candidate is not None]
        is_best = self._choose(candidates)
        if is_best:
            self._size = size
        self._report(size, seconds, candidates)
        return is_best

    def _cheapest(
        self, built: Any, variant: Component, seconds: float
    ) -> _Candidate | None:
        """Bisects the effort; None if even the largest does not reach the recall."""
        low, high, best = 0, len(_EFFORTS), None
        while low < high:
            middle = (low + high) // 2
            config = self._space.with_effort(variant, _EFFORTS[middle])
            recall = self._recall(built, config)
            if recall >= self._target:
                high, best = middle, _Candidate(built, config, recall, seconds)
            else:
                low = middle + 1
        return best

    def _choose(self, candidates: list[_Candidate]) -> bool:
        """Times the new candidates in turns with the best so far; tells if one is best.

        The best stays unless another is faster by more than the noise of the times.
        """
        if not candidates:
            return False
        choices = ([self._best] if self._best else []) + candidates
        times = self._milliseconds(choices)
        skipped = len(choices) - len(candidates)
        self._trials += map(_trial, candidates, times[skipped:])
        fastest = skipped + int(np.argmin(times[skipped:]))
        is_best = not skipped or times[fastest] < _LEAST_GAIN * times[0]
        if is_best:
            self._best = choices[fastest]
        return is_best

    def _report(self, size: int, seconds: float, candidates: list[_Candidate]) -> None:
        words = f"{self._space.size} {size}: built in {seconds:.1f} s"
        took = f"[{len(self._tried)}] {words}"
        if not candidates:
            self._say(f"{took}; does not reach recall {self._target}")
            return
        trials = self._trials[-len(candidates) :]
        best = min(trials, key=lambda trial: trial.milliseconds)
        self._say(f"{took}; {best.milliseconds:.2f} ms at recall {best.recall:.3f}")

    def _recall(self, index: Any, config: Component) -> float:
        index.module.adjust(config)
        neighbours = index.search(self._queries, self._k)[0]
        return interface.recall(neighbours, self._wanted)

    def _milliseconds(self, candidates: Sequence[_Candidate]) -> list[float]:
        """Returns the median time of single queries of each index, timed in turns."""
        queries = self._queries[: _TIMED_QUERIES + 1]
        for trial in candidates:
            trial.search(queries[:1], self._k)  # the first call of a graph prepares it
        seconds = [
            [trial.search(queries[row : row + 1], self._k) for trial in candidates]
            for row in range(len(queries))
        ]
        return (1_000.0 * np.median(seconds, axis=0)).tolist()

    def _tuned(self, best: _Candidate) -> TuningResult:
        default = self._default()
        exact = _Candidate(self._exact, configs.ExactConfig(), 1.0, 0.0)
        exact_ms, chosen_ms, default_ms = self._milliseconds([exact, best, default])
        if default.recall >= self._target and default_ms <= chosen_ms:
            best, chosen_ms = default, default_ms
        return TuningResult(
            kind=self._kind,
            recall=self._target,
            k=self._k,
            num_videos=len(self._vectors),
            num_queries=len(self._queries),
            exact_ms=exact_ms,
            chosen=_trial(best, chosen_ms),
            default=_trial(default, default_ms),
            trials=tuple(self._trials),
            curve=self._curve(best),
        )

    def _default(self) -> _Candidate:
        """Builds the index that is served without tuning."""
        config = self._space.config()
        index, seconds = self._built(config)
        return _Candidate(index, config, self._recall(index, config), seconds)

    def _curve(self, best: _Candidate) -> tuple[Trial, ...]:
        points = []
        for effort in _CURVE:
            config = self._space.with_effort(best.config, effort)
            recall = self._recall(best.index, config)
            points.append(dataclasses.replace(best, config=config, recall=recall))
        times = self._milliseconds(points)
        return tuple(map(_trial, points, times))


def _trial(candidate: _Candidate, milliseconds: float) -> Trial:
    return Trial(
        config=candidate.config,
        recall=candidate.recall,
        milliseconds=milliseconds,
        build_seconds=candidate.build_seconds,
        megabytes=candidate.index.num_bytes / 1e6,
    )
