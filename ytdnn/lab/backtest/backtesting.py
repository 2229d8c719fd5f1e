"""`ytdnn backtest`: lives a log again, step by step, under several ways to update.

    DIR/run                       training up to the first step, shared by all arms
    DIR/arms/ARM/SECONDS          the model of an arm from a moment on; only the last
    DIR/steps/00000/ARM.json      answers of a step, written when the step is done

An arm's model learns the watches before a moment from the prepared set of the run
(`ytdnn/log/later_sets.py`), as a refresh or a refit does; requests are those of the
protocol `requests`. So an update's cost is that of learning, without reading the log.
"""

import dataclasses
import functools
import json
import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import artifacts, configs, environment, errors, formats, progress
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    later_models,
    lists,
    live_choice,
    live_lists,
    protocol,
    request_measure,
    request_protocol,
    user_windows,
)
from ytdnn.lab.backtest import arms
from ytdnn.log import events, later_sets, prepared
from ytdnn.retrieval import live_counts, live_terms
from ytdnn.retrieval import stage as retrieval_stage
from ytdnn.run.pipeline import graph, runner, sizes, steps, workdir
from ytdnn.training import candidates, continued

RUN, STEPS = "run", "steps"
_BEGUN, _COST, _CHOICE = "begun.json", "cost.json", "choice.json"
_STEPS = (graph.DATA, graph.CONTEST, graph.CANDIDATES, graph.TO_TEST)
_TEST = events.Split.TEST
Say = Callable[[str], None]
Record = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Backtest:
    """A backtest as it was asked for.

    Attributes:
      directory: Its directory.
      config: Config of its runs; training ends where the test window begins.
      arms: The arms, the first compared with all others.
      every: Seconds of a step.
      num_steps: Number of steps; None: up to the end of the log.
    """

    directory: pathlib.Path
    config: configs.Config
    arms: tuple[arms.Arm, ...]
    every: int
    num_steps: int | None = None


def run(backtest: Backtest, say: Say) -> "Played":
    """Trains on the first part of the log, and answers the steps that are missing.

    Args:
      backtest: The backtest.
      say: Function that is called with each line.

    Raises:
      errors.UserError: The directory has another backtest, or the log has no requests
        in time.
    """
    config = backtest.config
    if config.data.protocol != "temporal" or not config.evaluation.num_requests:
        raise errors.UserError(
            f"expected data.protocol=temporal and evaluation.num_requests above 0, "
            f"received {config.data.protocol} and {config.evaluation.num_requests}: a "
            f"backtest answers requests in time"
        )
    steps.require_vectors(config)
    ranking = dataclasses.replace(config.ranking, enabled=False)
    config = dataclasses.replace(config, ranking=ranking)
    with workdir.lock(backtest.directory), progress.shown(True):
        _begin(backtest, config)
        home = backtest.directory / RUN
        with workdir.keep_config(home, config):
            _measured(
                home / _COST,
                lambda: runner.run(_STEPS, config, home, say, is_full=False),
            )
        played = Played(backtest, sizes.resolved(config, home))
        say(played.words)
        for arm in backtest.arms:
            played.play(arm)
    return played


def _begin(backtest: Backtest, config: configs.Config) -> None:
    """Records what all calls on a directory must share."""
    path = backtest.directory / _BEGUN
    made = {"every": backtest.every, "config": configs.to_dict(config)}
    made = json.loads(json.dumps(made))
    begun = json.loads(path.read_text()) if path.exists() else made
    if differing := configs.differences(begun, made):
        raise errors.UserError(
            f"expected the settings of the backtest in {backtest.directory}, received "
            f"another {next(iter(differing))}: give another --workdir, or delete it"
        )
    artifacts.write_json(path, made)


def _measured(path: pathlib.Path, make: Callable[[], object]) -> None:
    """Runs a function, and writes the processor time that it took in all calls."""
    before = _cost(path)
    started = sum(os.times()[:4])
    make()
    artifacts.write_json(path, {"core_seconds": before + sum(os.times()[:4]) - started})


def _cost(path: pathlib.Path) -> float:
    """Returns the processor time of what was made; 0 if nothing was."""
    if not path.exists():
        return 0.0
    return float(json.loads(path.read_text())["core_seconds"])


class FrozenCandidates(live_lists.LiveCandidates):
    """A candidate model and what was watched before the first step."""

    def requests(self, cases: protocol.Cases) -> live_terms.LiveRequests:
        """Returns the requests of some cases, with counts up to the first step."""
        moments = np.full(len(cases), self._begin)
        return dataclasses.replace(super().requests(cases), moments=moments)


class Played:
    """The steps of a backtest and their records.

    Attributes:
      backtest: The backtest.
      begin: First second of the first step.
      spans: First second of each step, and the second after its last.
      serves_live: Whether validation chose to count up to each request.
    """

    def __init__(self, backtest: Backtest, config: configs.Config) -> None:
        """Reads the run that all arms begin with, and chooses the counts.

        Args:
          backtest: The backtest.
          config: Config of the run, with the settings that were chosen by its size.
        """
        self.backtest, self.config = backtest, config
        self._run = backtest.directory / RUN
        self._data = prepared.load(self._run / prepared.KIND)
        self.begin = int(self._data.manifest.facts["windows"]["test"])
        if not len(self._times):
            raise errors.UserError(
                f"expected watches from {formats.utc(self.begin)} on, where training "
                f"ends, found none: begin earlier, --config.data.test_from=DATE"
            )
        end = int(self._times[-1])
        number = -(-(end + 1 - self.begin) // backtest.every)
        number = min(number, backtest.num_steps or number)
        starts = [self.begin + i * backtest.every for i in range(number)]
        self.spans = [(start, start + backtest.every) for start in starts]
        path = self._run / _CHOICE
        if not path.exists():
            artifacts.write_json(path, self._choose())
        choice = json.loads(path.read_text())
        self.serves_live, self._best_count = choice["serves_live"], choice["best_count"]
        weights = choice["weights"]
        self._weights = live_terms.weights(np.array(weights)) if weights else None
        self._windows = user_windows.WindowOpener(config.evaluation.window_events)

    @property
    def words(self) -> str:
        """The time and number of the steps in a line."""
        return (
            f"backtest: trained to {formats.utc(self.begin)}, then {len(self.spans)} "
            f"steps to {formats.utc(self.spans[-1][1])}"
        )

    @property
    def best_count(self) -> str:
        """Name of the counted list that was best on validation."""
        return str(self._best_count)

    @property
    def training_core_seconds(self) -> float:
        """Processor time of the training that all arms share."""
        return _cost(self._run / _COST)

    def play(self, arm: arms.Arm) -> None:
        """Answers the steps of an arm that have no record.

        Args:
          arm: The arm.
        """
        missing = [n for n in range(len(self.spans)) if not self._path(arm, n).exists()]
        for number in progress.through(missing, arm.name, "steps"):
            span, path = self.spans[number], self._path(arm, number)
            moment = max([m for m in self._updates(arm) if m <= span[0]], default=0)
            record = self._answered(arm, self._made(arm, moment), span)
            if moment == span[0]:
                record["core_seconds"] = _cost(self._place(arm, moment) / _COST)
            path.parent.mkdir(parents=True, exist_ok=True)
            artifacts.write_json(path, record)

    def records(self, arm: arms.Arm) -> list[Record]:
        """Returns what is written of each step of an arm.

        Args:
          arm: An arm that was played.
        """
        paths = (self._path(arm, number) for number in range(len(self.spans)))
        return [json.loads(path.read_text()) for path in paths]

    def _path(self, arm: arms.Arm, number: int) -> pathlib.Path:
        directory = self.backtest.directory / STEPS / f"{number:05d}"
        return directory / f"{arm.name.replace('=', '-')}.json"

    def _place(self, arm: arms.Arm, moment: int) -> pathlib.Path:
        """Returns the folder of an arm's model from a moment on; 0: the first."""
        name = arm.name.replace("=", "-")
        first = later_models.home(self.config, self._run)
        own = self.backtest.directory / "arms" / name / str(moment)
        return own if moment else first

    @functools.cached_property
    def _times(self) -> npt.NDArray[np.int64]:
        """Times of all watches after the first training, ascending."""
        index = self._data.log.shard_index
        rows = self._data.windows.watches_of(_TEST)
        rows = rows[index.gather("watches", "are_completed", rows)]
        return np.sort(index.gather("watches", "times", rows).astype(np.int64))

    def _updates(self, arm: arms.Arm) -> list[int]:
        """Returns the moments of an arm's updates, each with watches since the last."""
        if not arm.every:
            return []
        due = np.arange(self.begin + arm.every, self.spans[-1][1], arm.every)
        number = np.searchsorted(self._times, due)
        return due[np.diff(number, prepend=0) > 0].tolist()

    def _made(self, arm: arms.Arm, moment: int) -> pathlib.Path:
        """Returns the folder of an arm's model from a moment on, made if missing."""
        place = self._place(arm, moment)
        if not moment or (place / _COST).exists():
            return place
        before = max([m for m in self._updates(arm) if m < moment], default=0)
        is_refresh = arm.kind == arms.REFRESH
        home = self._made(arm, before) if is_refresh else self._run
        shutil.rmtree(place, ignore_errors=True)  # its cost is that of all of it
        place.mkdir(parents=True)
        with progress.shown(not is_refresh):  # a refresh is brief
            _measured(
                place / _COST, lambda: self._update(home, place, moment, is_refresh)
            )
        environment.collect()
        if before:
            shutil.rmtree(self._place(arm, before), ignore_errors=True)
        return place

    def _update(
        self, home: pathlib.Path, place: pathlib.Path, moment: int, is_refresh: bool
    ) -> None:
        """Makes the model of a place, which knows the watches before a moment."""
        windows, whole = self._data.manifest.facts["windows"], later_sets.Part.WHOLE
        begins, target = windows["ranking"], place / prepared.KIND
        data = later_sets.derive(self._data, whole, target, False, begins, moment)
        own = self.config.candidates
        settings = dataclasses.replace(own, train_on_validation=True, auto=())
        config = dataclasses.replace(self.config, candidates=settings)
        target = place / retrieval_stage.KIND
        if not is_refresh:
            chosen = artifacts.read_manifest(home / target.name, target.name)
            candidates.train(config, data, target, chosen)
            return
        known = prepared.load(home / prepared.KIND)
        if own.train_on_validation or home != self._run:
            known = known.with_validation_in_training()
        learned_to = known.windows.training_window[1]
        data = data.with_validation_in_training()
        continued.carry_candidates(config, home, data, target, learned_to)

    def _choose(self) -> dict[str, Any]:
        """Returns the weights of counts and the counted list that validation chose."""
        data, config = self._data, self.config
        own, rules = config.composition, config.evaluation
        stage = retrieval_stage.load(self._run / retrieval_stage.KIND, data)
        choice = live_choice.choose(data, stage.candidates, config)
        weights = own.live_weights or choice.live_weights
        serves = bool(weights and own.live)
        if not weights:  # for the arm of counts, which is to show what they bring
            counted = dataclasses.replace(own, live=True)
            config = dataclasses.replace(config, composition=counted)
            forced = live_choice.choose(data, stage.candidates, config)
            weights = forced.live_weights
        begins = data.manifest.facts["windows"]["validation"] - rules.delay_seconds
        counts = live_counts.LiveCounts(data, int(begins))
        best = request_measure.best_count(data, counts, rules)
        return {"serves_live": serves, "weights": weights, "best_count": best}

    @functools.lru_cache(maxsize=1)  # noqa: B019, one for each arm in turn
    def _loaded(
        self, arm: arms.Arm, place: pathlib.Path
    ) -> tuple[prepared.PreparedData, lists.Maker, int]:
        """Returns an arm's data, the maker of its lists, and how many it can list."""
        data = prepared.load(place / prepared.KIND)
        trained = retrieval_stage.load(place / retrieval_stage.KIND, data).candidates
        trained = user_windows.by_window(trained, self._windows)
        vectors = trained.video_vectors()
        is_live = self.serves_live or arm.kind == arms.COUNTERS
        if self._weights is None or not is_live:
            return data, lists.from_model(data, trained, vectors), trained.num_listed
        is_frozen = arm.kind == arms.NEVER
        kind = FrozenCandidates if is_frozen else live_lists.LiveCandidates
        rules, number = self.config.evaluation, self.config.composition.num_candidates
        begin = self.begin - int(rules.delay_seconds)
        live = kind(data, trained, vectors, begin, int(rules.delay_seconds), number)
        return data, live.maker(self._weights), trained.num_listed

    def _answered(
        self, arm: arms.Arm, place: pathlib.Path, span: tuple[int, int]
    ) -> Record:
        """Returns the record of a step: its requests and how they were answered."""
        rules = self.config.evaluation
        data, maker, num_listed = self._loaded(arm, place)
        asked = request_protocol.cases(data, _TEST, rules, num_listed, span)
        if asked is None:
            return {"begin": span[0], "requests": 0, "users": [], "ranks": []}
        if arm.kind == arms.COUNTED:
            begin = self.begin - int(rules.delay_seconds)
            key = live_counts.LiveCounts, begin
            counts = data.once(key, lambda: live_counts.LiveCounts(data, begin))
            window = self.best_count.removesuffix(live_counts.THEN_NEXT)
            ranks = counts.ranks(window, asked.counted(data))[self.best_count]
            ranks = request_measure.without_repeats(ranks, asked)
        else:
            k, makers = max(rules.ks), {arm.name: maker}
            made = lists.made(data, asked.cases, makers, k, self._windows)
            ranks = request_measure.answer_ranks(made[arm.name], asked)
        k = min(rules.ks)
        gains = request_measure.gains(ranks, k)
        record = {metric_names.at(n, k): float(v.mean()) for n, v in gains.items()}
        index, labels = data.log.shard_index, asked.cases.labels
        if index.has("watches", "seconds"):
            seconds = index.gather("watches", "seconds", labels) * gains["hit_rate"]
            record["hit_watch_seconds"] = float(seconds.mean())
        return record | {
            "begin": span[0],
            "requests": len(asked),
            "watches": asked.num_watches,
            "users": asked.cases.users.tolist(),
            "ranks": ranks.tolist(),
        }
