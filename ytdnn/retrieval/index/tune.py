"""Searches for the cheapest setting of a kind of index that reaches a recall.

A *build* fixes settings that cannot change afterwards: leaves and codes of ScaNN,
inverted lists. From a start that follows the corpus size its
settings are changed one at a time while that makes searches faster. Of each build,
every *variant* that needs no other build (reordering of ScaNN and lists) is searched
with the least *effort* that reaches the recall: the share of the leaves, of the lists,
or of the videos, found by bisection, since recall rises with it. Latency is the median
of single queries; compared settings are timed in turns.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ytdnn.base import configs, errors
from ytdnn.retrieval.index import brute_force, interface, tuning_spaces

Say = Callable[[str], None]

_EFFORTS = tuple(float(x) for x in np.geomspace(0.001, 1.0, 41).round(5))
_CURVE = _EFFORTS[::4]
_TIMED_QUERIES = 60
_LEAST_GAIN = 0.95  # of the time of the best, for another to take its place
_SAMPLE = 20_000  # videos of the build that the prediction is scaled from


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

    config: tuning_spaces.Component
    recall: float
    milliseconds: float
    build_seconds: float
    megabytes: float


@dataclasses.dataclass(frozen=True)
class BuildCost:
    """The predicted cost of a build.

    Attributes:
      build_seconds: Time on this machine.
      megabytes: Size of the index.
    """

    build_seconds: float
    megabytes: float


@dataclasses.dataclass(frozen=True)
class Tuned:
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


def predict(
    vectors: interface.Vectors, kind: str, config: tuning_spaces.Component
) -> BuildCost:
    """Predicts the cost of a build from a build of a sample of the vectors.

    Args:
      vectors: `[num_videos, dim] float32`.
      kind: `scann` or `ivf`.
      config: Setting to build.
    """
    space, (size, dim) = tuning_spaces.BY_KIND[kind], vectors.shape
    part = vectors[:: max(1, size // _SAMPLE)][:_SAMPLE]
    small = space.start(len(part))
    started = time.perf_counter()
    space.build(part, small)
    seconds = time.perf_counter() - started
    ratio = space.work(size, dim, config) / space.work(len(part), dim, small)
    megabytes = space.num_bytes(size, dim, config) / 1e6
    return BuildCost(seconds * ratio, megabytes)


def tune(
    vectors: interface.Vectors,
    queries: interface.Vectors,
    kind: str,
    recall: float,
    k: int,
    say: Say,
) -> Tuned:
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
    if kind not in tuning_spaces.BY_KIND:
        known = ", ".join(tuning_spaces.BY_KIND)
        raise errors.UserError(f"expected --kind to be one of {known}, received {kind}")
    return _Search(vectors, queries, kind, recall, min(k, len(vectors)), say).run()


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """An index with its settings and recall."""

    index: Any
    config: tuning_spaces.Component
    recall: float
    build_seconds: float

    def search(self, queries: interface.Vectors, k: int) -> float:
        """Returns the seconds that a search takes."""
        self.index.module.adjust(self.config)
        started = time.perf_counter()
        self.index.search(queries, k)
        return time.perf_counter() - started


class _Exact(_Candidate):
    """Exact search, with nothing to adjust."""

    def __init__(self, index: brute_force.BruteForce) -> None:
        super().__init__(index, configs.ExactConfig(), 1.0, 0.0)

    def search(self, queries: interface.Vectors, k: int) -> float:
        """Returns the seconds that a search takes."""
        started = time.perf_counter()
        self.index.search(queries, k)
        return time.perf_counter() - started


class _Search:
    """One search for settings; only the best and the current index are in memory."""

    def __init__(
        self,
        vectors: interface.Vectors,
        queries: interface.Vectors,
        kind: str,
        recall: float,
        k: int,
        say: Say,
    ) -> None:
        self._vectors, self._queries = vectors, queries
        self._kind, self._target, self._k, self._say = kind, recall, k, say
        self._space = tuning_spaces.BY_KIND[kind]
        self._exact = brute_force.BruteForce.build(vectors, configs.ExactConfig())
        self._wanted = self._exact.search(queries, k)[0]
        self._tried: dict[tuning_spaces.Component, float] = {}
        self._trials: list[Trial] = []
        self._best: _Candidate | None = None

    def run(self) -> Tuned:
        size = len(self._vectors)
        config, axes = self._space.start(size), self._space.axes(size)
        self._announce(config, axes)
        self._measure(config)
        for name, values in axes.items():
            for step in (1, -1):
                self._walk(name, values, step)
        if self._best is None:
            raise errors.UserError(
                f"expected a setting of {self._kind} that reaches recall "
                f"{self._target}, found none: give a lower --recall"
            )
        return self._tuned(self._best)

    def _announce(
        self, config: tuning_spaces.Component, axes: dict[str, Sequence[int]]
    ) -> None:
        first = predict(self._vectors, self._kind, config)
        most = 1 + sum(len(values) - 1 for values in axes.values())
        self._say(
            f"predicted: a build takes {first.build_seconds:,.0f} s and "
            f"{first.megabytes:,.0f} MB; at most {most} builds, together about "
            f"{most * first.build_seconds:,.0f} s, and the searches that are measured"
        )

    def _walk(self, name: str, values: Sequence[int], step: int) -> None:
        """Changes one setting of the best build while that makes searches faster."""
        while True:
            config = self._at()
            place = list(values).index(getattr(config, name)) + step
            if not 0 <= place < len(values):
                return
            if not self._measure(dataclasses.replace(config, **{name: values[place]})):
                return

    def _at(self) -> tuning_spaces.Component:
        """Returns the build of the best setting, or where the search began."""
        begun = next(iter(self._tried))
        if self._best is None:
            return begun
        own = {name: getattr(self._best.config, name) for name in self._axes()}
        return dataclasses.replace(begun, **own)

    def _axes(self) -> list[str]:
        return list(self._space.axes(len(self._vectors)))

    def _measure(self, config: tuning_spaces.Component) -> bool:
        """Builds an index and measures its variants; tells if one is the best."""
        if config in self._tried:
            return False
        started = time.perf_counter()
        built = self._space.build(self._vectors, config)
        seconds = time.perf_counter() - started
        self._tried[config] = seconds
        found = [
            candidate
            for variant in self._space.variants(config)
            if (candidate := self._cheapest(built, variant, seconds)) is not None
        ]
        former = self._best
        self._choose(found)
        self._report(config, seconds, found)
        return self._best is not former

    def _cheapest(
        self, built: Any, variant: tuning_spaces.Component, seconds: float
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

    def _choose(self, found: list[_Candidate]) -> None:
        """Times the new candidates in turns with the best so far.

        The best stays unless another is faster by more than the noise of the times.
        """
        if not found:
            return
        several = ([self._best] if self._best else []) + found
        times = self._milliseconds(several)
        skipped = len(several) - len(found)
        self._trials += [
            _trial(one, ms)
            for one, ms in zip(several[skipped:], times[skipped:], strict=True)
        ]
        fastest = skipped + int(np.argmin(times[skipped:]))
        if not skipped or times[fastest] < _LEAST_GAIN * times[0]:
            self._best = several[fastest]

    def _report(
        self, config: tuning_spaces.Component, seconds: float, found: list[_Candidate]
    ) -> None:
        words = ", ".join(f"{name} {getattr(config, name)}" for name in self._axes())
        took = f"[{len(self._tried)}] {words}: built in {seconds:.1f} s"
        if not found:
            self._say(f"{took}; does not reach recall {self._target}")
            return
        best = min(self._trials[-len(found) :], key=lambda trial: trial.milliseconds)
        self._say(f"{took}; {best.milliseconds:.2f} ms at recall {best.recall:.3f}")

    def _recall(self, index: Any, config: tuning_spaces.Component) -> float:
        index.module.adjust(config)
        found = index.search(self._queries, self._k)[0]
        return interface.recall(found, self._wanted)

    def _milliseconds(self, several: Sequence[_Candidate]) -> list[float]:
        """Returns the median time of single queries of each index, timed in turns."""
        queries = self._queries[: _TIMED_QUERIES + 1]
        for one in several:
            one.search(queries[:1], self._k)  # the first call of a graph prepares it
        seconds = [
            [one.search(queries[row : row + 1], self._k) for one in several]
            for row in range(len(queries))
        ]
        medians: list[float] = (1_000.0 * np.median(seconds, axis=0)).tolist()
        return medians

    def _tuned(self, best: _Candidate) -> Tuned:
        default = self._default()
        exact_ms, chosen_ms, default_ms = self._milliseconds(
            [_Exact(self._exact), best, default]
        )
        if default.recall >= self._target and default_ms <= chosen_ms:
            best, chosen_ms = default, default_ms
        return Tuned(
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
        config = tuning_spaces.DEFAULTS[self._kind]
        started = time.perf_counter()
        index = self._space.build(self._vectors, config)
        seconds = time.perf_counter() - started
        recall = self._recall(index, config)
        return _Candidate(index, config, recall, seconds)

    def _curve(self, best: _Candidate) -> tuple[Trial, ...]:
        several = []
        for effort in _CURVE:
            config = self._space.with_effort(best.config, effort)
            recall = self._recall(best.index, config)
            several.append(dataclasses.replace(best, config=config, recall=recall))
        times = self._milliseconds(several)
        return tuple(map(_trial, several, times))


def _trial(candidate: _Candidate, milliseconds: float) -> Trial:
    return Trial(
        config=candidate.config,
        recall=candidate.recall,
        milliseconds=milliseconds,
        build_seconds=candidate.build_seconds,
        megabytes=candidate.index.num_bytes / 1e6,
    )
