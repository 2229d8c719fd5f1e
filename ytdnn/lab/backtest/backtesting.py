"""`ytdnn backtest`: replays a log, step by step, under several ways to update.

    DIR/run                       training up to the first step, shared by all arms
    DIR/arms/ARM/SECONDS          the model of an arm from a moment on; only the last
    DIR/steps/00000/ARM.json      answers of a step, written when the step is done

An arm's model learns the watches before a moment from the prepared set of the run
(`ytdnn/log/derived_sets.py`), as a refresh or a refit does; requests are those of the
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

from ytdnn.base import artifacts, configs, errors, formats, machine_facts, progress
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import (
    continued_models,
    lists,
    live_term_choice,
    live_term_lists,
    request_cases,
    request_measure,
    user_cases,
    users_in_parts,
)
from ytdnn.lab.backtest import arms
from ytdnn.log import derived_sets, events, prepared
from ytdnn.retrieval import live_counts, live_terms, trained_stage
from ytdnn.run.pipeline import graph, log_size, runner, steps, workdir
from ytdnn.training import candidates, continued_training

RUN, STEPS = "run", "steps"
_BEGUN, _COST, _CHOICE = "begun.json", "cost.json", "choice.json"
_STEPS = (graph.DATA, graph.CONTEST, graph.CANDIDATES, graph.TO_TEST)
_TEST = events.Split.TEST
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
    arms: tuple[arms.BacktestArm, ...]
    every: int
    num_steps: int | None = None


def run(backtest: Backtest, say: runner.Say) -> "RollingEvaluation":
    """Trains on the first part of the log, and answers the steps that are missing.

    Args:
      backtest: The backtest.
      say: Function that is called with each line.

    Raises:
      errors.UserError: The directory has another backtest, or the log has no requests
        in time.
    """
    config = backtest.config
    if config.data.protocol != "temporal":
        raise errors.UserError(
            f"expected data.protocol=temporal for a backtest, received "
            f"{config.data.protocol}: requests need a split in time"
        )
    steps.require_vectors(config)
    config = configs.changed(config, {"ranking.enabled": False})
    with workdir.lock(backtest.directory), progress.shown(True):
        _begin(backtest, config)
        home = backtest.directory / RUN
        with workdir.keep_config(home, config):
            train = functools.partial(runner.run, _STEPS, config, home, say)
            _measured(home / _COST, functools.partial(train, is_full=False))
        played = RollingEvaluation(backtest, log_size.resolved(config, home))
        number, begin = len(played.spans), formats.utc(played.begin)
        say(f"trained up to {begin}; arms answer {number} steps from then on")
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
    """Runs a function, and writes its processor time, of several calls the longest."""
    started = sum(os.times()[:4])
    make()
    cost = max(_cost(path), sum(os.times()[:4]) - started)
    artifacts.write_json(path, {"core_seconds": cost})


def _cost(path: pathlib.Path) -> float:
    """Returns the processor time of what was made; 0 if nothing was."""
    return json.loads(path.read_text())["core_seconds"] if path.exists() else 0.0


class FrozenCandidates(live_term_lists.LiveCandidates):
    """A candidate model and what was watched before the first step."""

    def requests(self, cases: user_cases.Cases) -> live_terms.LiveRequests:
        """Returns the requests of some cases, with counts up to the first step."""
        moments = np.full(len(cases), self.begin)
        return dataclasses.replace(super().requests(cases), moments=moments)


class RollingEvaluation:
    """The steps of a backtest and their records.

    Attributes:
      backtest: The backtest.
      begin: First second of the first step.
      spans: First second of each step, and the second after its last.
      training_core_seconds: Processor time of the training that all arms share.
      serves_live: Whether validation chose to count up to each request.
      best_count: Name of the counted list that was best on validation.
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
        index, rows = self._data.log.shard_index, self._data.windows.watches_of(_TEST)
        self._times = np.sort(index.gather("watches", "times", rows).astype(np.int64))
        every, last = backtest.every, int(self._times[-1])
        starts = range(self.begin, last + 1, every)[: backtest.num_steps]
        self.spans = [(start, start + every) for start in starts]
        path = self._run / _CHOICE
        if not path.exists():
            artifacts.write_json(path, self._choose())
        choice = json.loads(path.read_text())
        self.training_core_seconds = _cost(self._run / _COST)
        self.serves_live, self.best_count = choice["serves_live"], choice["best_count"]
        self._weights, self._delay = choice["weights"], config.evaluation.delay_seconds
        self._counted_from = self.begin - self._delay
        if not self._weights and arms.COUNTERS in (arm.kind for arm in backtest.arms):
            raise errors.UserError(
                f"expected hundreds of watches held out before "
                f"{formats.utc(self.begin)} for the arm counters, found fewer: leave "
                f"it out, or begin later, --config.data.test_from=DATE"
            )
        self._windows = users_in_parts.WindowOpener(config.evaluation.window_events)

    def play(self, arm: arms.BacktestArm) -> None:
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

    def records(self, arm: arms.BacktestArm) -> list[Record]:
        """Returns the records of an arm, one for each step.

        Args:
          arm: An arm that was played.
        """
        paths = (self._path(arm, number) for number in range(len(self.spans)))
        return [json.loads(path.read_text()) for path in paths]

    def _path(self, arm: arms.BacktestArm, number: int) -> pathlib.Path:
        return self.backtest.directory / STEPS / f"{number:05d}" / f"{arm.folder}.json"

    def _place(self, arm: arms.BacktestArm, moment: int) -> pathlib.Path:
        """Returns the folder of an arm's model from a moment on; 0: the first."""
        if not moment:
            return continued_models.home(self.config, self._run)
        return self.backtest.directory / "arms" / arm.folder / str(moment)

    def _updates(self, arm: arms.BacktestArm) -> list[int]:
        """Returns the moments of an arm's updates, each with watches since the last."""
        every, end = arm.every or 1 << 40, self.spans[-1][1]
        due = np.arange(self.begin + every, end, every)
        is_new = np.diff(np.searchsorted(self._times, due), prepend=0) > 0
        return [int(moment) for moment in due[is_new]]

    def _made(self, arm: arms.BacktestArm, moment: int) -> pathlib.Path:
        """Returns the folder of an arm's model from a moment on, made if missing."""
        place = self._place(arm, moment)
        if not moment or (place / _COST).exists():
            return place
        before = max([m for m in self._updates(arm) if m < moment], default=0)
        is_refresh = arm.kind == arms.REFRESH
        home = self._made(arm, before) if is_refresh else self._run
        shutil.rmtree(place, ignore_errors=True)  # its cost is that of all of it
        place.mkdir(parents=True)
        update = functools.partial(self._update, home, place, moment, is_refresh)
        with progress.shown(not is_refresh):  # a refresh is brief
            _measured(place / _COST, update)
        machine_facts.collect()
        if before:
            shutil.rmtree(self._place(arm, before), ignore_errors=True)
        return place

    def _update(
        self, home: pathlib.Path, place: pathlib.Path, moment: int, is_refresh: bool
    ) -> None:
        """Makes the model of a place, which knows the watches before a moment."""
        windows, whole = self._data.manifest.facts["windows"], derived_sets.Part.WHOLE
        begins, target = windows["ranking"], place / prepared.KIND
        data = derived_sets.derive(self._data, whole, target, False, begins, moment)
        has_all = {"candidates.train_on_validation": True, "candidates.auto": ()}
        config = configs.changed(self.config, has_all)
        target = place / trained_stage.KIND
        if not is_refresh:
            chosen = artifacts.read_manifest(home / target.name, target.name)
            candidates.train(config, data, target, chosen)
            return
        known = prepared.load(home / prepared.KIND)
        if self.config.candidates.train_on_validation or home != self._run:
            known = known.with_validation_in_training()
        learned_to = known.windows.training_window[1]
        data = data.with_validation_in_training()
        continued_training.carry_candidates(config, home, data, target, learned_to)

    def _choose(self) -> dict[str, Any]:
        """Returns the weights of counts and the counted list that validation chose."""
        data, config = self._data, self.config
        own, rules = config.composition, config.evaluation
        stage = trained_stage.load(self._run / trained_stage.KIND, data)
        choose = functools.partial(live_term_choice.choose, data, stage.candidates)
        choice = choose(config)
        weights = own.live_weights or choice.live_weights
        serves = bool(weights and own.live)
        if not weights:  # for the arm of counts, which is to show what they bring
            config = configs.changed(config, {"composition.live": True})
            weights = choose(config).live_weights
        begins = data.manifest.facts["windows"]["validation"] - rules.delay_seconds
        counts = live_counts.LiveCounts(data, int(begins))
        best = request_measure.best_count(data, counts, rules)
        return {"serves_live": serves, "weights": weights, "best_count": best}

    @functools.lru_cache(maxsize=1)  # noqa: B019, one for each arm in turn
    def _loaded(
        self, arm: arms.BacktestArm, place: pathlib.Path
    ) -> tuple[prepared.PreparedData, lists.Maker, int]:
        """Returns an arm's data, the maker of its lists, and how many it can list."""
        data = prepared.load(place / prepared.KIND)
        trained = trained_stage.load(place / trained_stage.KIND, data).candidates
        trained = users_in_parts.by_window(trained, self._windows)
        vectors = trained.video_vectors()
        is_live = self.serves_live or arm.kind == arms.COUNTERS
        if not self._weights or not is_live:
            return data, lists.from_model(data, trained, vectors), trained.num_listed
        frozen, ongoing = FrozenCandidates, live_term_lists.LiveCandidates
        kind = frozen if arm.kind == arms.NEVER else ongoing
        number = self.config.composition.num_candidates
        live = kind(data, trained, vectors, self._counted_from, self._delay, number)
        weights = live_terms.weights(np.array(self._weights))
        return data, live.maker(weights), trained.num_listed

    def _answered(
        self, arm: arms.BacktestArm, place: pathlib.Path, span: tuple[int, int]
    ) -> Record:
        """Returns the record of a step: its requests and how they were answered."""
        rules = self.config.evaluation
        data, maker, num_listed = self._loaded(arm, place)
        asked = request_cases.cases(data, _TEST, rules, num_listed, span)
        if asked is None:
            return {"begin": span[0], "requests": 0, "users": [], "ranks": []}
        if arm.kind == arms.COUNTED:
            make = functools.partial(live_counts.LiveCounts, data, self._counted_from)
            counts = data.once((arm, self._counted_from), make)
            window = self.best_count.removesuffix(live_counts.THEN_NEXT)
            ranks = counts.ranks(window, asked.counted(data))[self.best_count]
            ranks = request_measure.without_repeats(ranks, asked)
        else:
            makers, k = {arm.name: maker}, max(rules.ks)
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
