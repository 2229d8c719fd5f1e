"""Plays a live test: the world continues day by day, with slates from each user's arm.

All visits of a step of the day are requested together, arm by arm. A finished day is
saved; a test that was killed repeats the saved slates and continues with the next day.
"""

import dataclasses
import json
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ytdnn.base import artifacts, configs, errors, progress
from ytdnn.lab.live import arms as live_arms
from ytdnn.lab.live import comparing, exposure, finished_days, history, measures
from ytdnn.lab.world import behaviour, corpus, event_recorder, generate, policy

TEST = "test.json"  # what is tested, beside the finished days
SECONDS, PAGES = "seconds", "pages"
Serving = dict[str, dict[str, float]]  # by name of the arm

Refresh = Callable[[pathlib.Path, pathlib.Path, Mapping[str, pl.DataFrame]], None]
"""Trains a run on with new events: from a workdir, into another, tables by name."""


@dataclasses.dataclass(frozen=True)
class Test:
    """The settings of a live test.

    Attributes:
      world: The world, with live days.
      arms: The arms; the others are compared with the first.
      num_days: Days of the test.
      seed: Seed of the split of users, and of random draws of the arms.
      count_seconds: Time from one count to the next of an arm that counts, a divisor of
        the day.
    """

    world: configs.WorldConfig
    arms: Sequence[live_arms.Arm]
    num_days: int
    seed: int = 0
    count_seconds: int = 900

    @property
    def names(self) -> list[str]:
        """Names of the arms."""
        return [arm.name for arm in self.arms]

    @property
    def spans(self) -> list[range]:
        """Parts of a day, in seconds; arms count at the begin of each."""
        whole = behaviour.WHOLE_DAY
        if not any(arm.counts for arm in self.arms):
            return [whole]
        length = self.count_seconds
        return [range(begin, begin + length) for begin in whole[::length]]

    def described(self) -> dict[str, Any]:
        """Returns the settings as JSON, which identify the test of a directory."""
        return {
            "world": configs.to_dict(self.world),
            "arms": {
                arm.name: None if arm.workdir is None else str(arm.workdir)
                for arm in self.arms
            },
            "seed": self.seed,
            "refresh_days": {arm.name: arm.refresh_days for arm in self.arms},
            "count_seconds": {a.name: a.counts * self.count_seconds for a in self.arms},
        }


@dataclasses.dataclass(frozen=True)
class LiveOutcome:
    """The outcome of a live test.

    Attributes:
      test: Settings of the test.
      world: The world.
      arm_of: `[users]`, the arm of each.
      earlier: Sums of as many days before the test.
      daily: Sums of each day.
      catalogue: Exposure and audience of the videos on pages.
      serving: Seconds and pages of each arm.
    """

    test: Test
    world: generate.World
    arm_of: npt.NDArray[np.int64]
    earlier: measures.DaySums
    daily: list[measures.DaySums]
    catalogue: exposure.CatalogueExposure
    serving: Serving

    def members(self, arm: int) -> npt.NDArray[np.int64]:
        """Returns the users of an arm."""
        return np.flatnonzero(self.arm_of == arm)


def play(
    test: Test, directory: pathlib.Path | None = None, refresh: Refresh | None = None
) -> LiveOutcome:
    """Plays a live test, or the rest of one.

    Args:
      test: Settings of the test.
      directory: Directory in which finished days are kept, needed if an arm counts;
        None: they are not kept.
      refresh: Function that continues the training of an arm's run; needed if an arm is
        refreshed.

    Raises:
      errors.UserError: The test is longer than the world, the directory has another
        test, or a bundle is missing.
    """
    _check(test, directory, refresh)
    world = generate.World(test.world)
    known = history.UserHistories(test.world.num_users)
    opened = [live_arms.RunningArm(a, world, known, directory) for a in test.arms]
    crowds = [world.crowd(number) for number in range(world.num_crowds)]
    before = [crowd.play() for crowd in progress.through(crowds, "log", "crowds")]
    known.add(before)
    since = world.end_of_log - test.num_days * corpus.SECONDS_PER_DAY
    arm_of = comparing.assign(test.world.num_users, len(test.arms), test.seed)
    split = _Split(test, world, opened, arm_of)
    played = LiveOutcome(
        test,
        world,
        arm_of,
        measures.event_sums(world, before, since),
        [],
        exposure.CatalogueExposure(world, arm_of, len(test.arms), test.num_days),
        split.serving,
    )
    del before
    for number in progress.through(range(test.num_days), "live test", "days"):
        day = test.world.num_days + number
        happened = _play_day(split, crowds, directory, day, known)
        played.daily.append(measures.event_sums(world, happened))
        played.catalogue.add(happened)
        due = [run for run in opened if run.arm.is_due(number + 1)]
        if number + 1 < test.num_days:
            _refresh(due, world, directory, day, refresh)
    return played


def _check(test: Test, directory: pathlib.Path | None, refresh: Refresh | None) -> None:
    if not 1 <= test.num_days <= test.world.live_days:
        raise errors.UserError(
            f"expected --days from 1 to the world's live_days, {test.world.live_days}, "
            f"received {test.num_days}"
        )
    is_refreshed = any(arm.refresh_days for arm in test.arms)
    if is_refreshed and (refresh is None or directory is None):
        raise ValueError("expected refresh and directory with refresh_days")
    if directory is None:
        if len(test.spans) > 1:
            raise ValueError("expected directory with counters")
        return
    path = directory / TEST
    described = test.described()
    if path.exists():
        differing = _differing(json.loads(path.read_text()), described)
        if differing:
            raise errors.UserError(
                f"expected the live test that was begun in {directory}, received "
                f"another: {differing}; name another --out, or delete it"
            )
    else:
        directory.mkdir(parents=True, exist_ok=True)
        artifacts.write_json(path, described)


def _differing(begun: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Returns why a directory's test is not the requested one; empty if it is."""
    worlds = begun.get("world", {}), now["world"]
    if begun.keys() != now.keys() or worlds[0].keys() != worlds[1].keys():
        return "it was begun by another version of ytdnn"
    keys = configs.differences(begun, now)
    return ", ".join(f"{path} {how}" for path, how in keys.items())


def _play_day(
    split: "_Split",
    crowds: Sequence[behaviour.Crowd],
    directory: pathlib.Path | None,
    day: int,
    known: history.UserHistories,
) -> list[event_recorder.Events]:
    """Plays a day, from the arms or as recorded on disk; returns the events."""
    is_finished = directory is not None and finished_days.is_finished(directory, day)
    test = split.test
    if directory is not None and is_finished:
        length = test.world.impressions_per_page
        make_pages = finished_days.recorded(directory, day, test.names, length)
        _add(split.serving, finished_days.serving(directory, day))
    else:
        make_pages = split.open(day)
    happened: list[event_recorder.Events] = []
    for span in test.spans:
        if not is_finished:
            split.count_events(day, span.start)
        for crowd in crowds:
            crowd.play_day(day, make_pages, span)
        new = [crowd.take_recorded() for crowd in crowds]
        known.add(new)
        split.post(new, day, span.stop)
        happened += new
    if directory is not None and not is_finished:
        finished_days.write(directory, day, split.tables(happened), split.today)
    return happened


class _Split:
    """Sends each request to its user's arm."""

    def __init__(
        self,
        test: Test,
        world: generate.World,
        opened: Sequence[live_arms.RunningArm],
        arm_of: npt.NDArray[np.int64],
    ) -> None:
        self.test, self.arm_of = test, arm_of
        self._world, self._opened = world, opened
        self._counters = {run.arm.name: run.counters for run in opened if run.counters}
        self.serving, self.today = self._nothing(), self._nothing()

    def open(self, day: int) -> policy.Policy:
        """Returns the policy that makes the pages of a day."""
        makers = [one.open(day) for one in self._opened]
        rng = np.random.default_rng([self.test.world.seed, self.test.seed, day])
        streams = rng.spawn(len(makers))
        self.today = self._nothing()

        def make_pages(requests: policy.PageRequests) -> policy.Page:
            arm = self.arm_of[requests.users.first + requests.rows]
            rows, pages = [], []
            for place, maker in enumerate(makers):
                at = np.flatnonzero(arm == place)
                if len(at):
                    part = requests.subset(at, streams[place])
                    pages.append(self._timed(place, maker, part))
                    rows.append(at)
            if not pages:
                return policy.make_pages(requests)
            return joined(pages, np.concatenate(rows))

        return make_pages

    def _timed(
        self, place: int, maker: policy.Policy, requests: policy.PageRequests
    ) -> policy.Page:
        started = time.perf_counter()
        page = maker(requests)
        spent = {SECONDS: time.perf_counter() - started, PAGES: len(requests.rows)}
        for counts in (self.today, self.serving):
            _add(counts, {self.test.names[place]: spent})
        return page

    def tables(
        self, happened: Sequence[event_recorder.Events]
    ) -> dict[str, finished_days.Frames]:
        """Returns the tables of each arm's users."""
        frames = finished_days.frames(self._world, happened)
        return finished_days.split_by_arm(frames, self.test.names, self.arm_of)

    def post(
        self, happened: Sequence[event_recorder.Events], day: int, second: int
    ) -> None:
        """Posts events to the states of their arms, at a second of a day."""
        tables = self.tables(happened) if self._counters else {}
        for name, counters in self._counters.items():
            counters.post(tables[name], finished_days.begin(day) + second)

    def count_events(self, day: int, second: int) -> None:
        """Counts the events of each arm that counts, up to a second of a day."""
        for counters in self._counters.values():
            counters.count(finished_days.begin(day) + second)

    def _nothing(self) -> Serving:
        return {name: {SECONDS: 0.0, PAGES: 0} for name in self.test.names}


def _add(counts: Serving, spent: Serving) -> None:
    """Adds seconds and pages of some arms to others."""
    for arm, numbers in spent.items():
        for name, value in numbers.items():
            counts[arm][name] += value


def joined(pages: Sequence[policy.Page], rows: npt.NDArray[np.int64]) -> policy.Page:
    """Returns the slates of several policies as one.

    Args:
      pages: Slates of each policy.
      rows: Row of each slate in the result.
    """
    back = np.argsort(rows)

    wide = ([np.broadcast_to(one, page.videos.shape) for one in page] for page in pages)
    parts = zip(*wide, strict=True)
    return policy.Page(*(np.concatenate(part)[back] for part in parts))


def _refresh(
    due: Sequence[live_arms.RunningArm],
    world: generate.World,
    directory: pathlib.Path | None,
    day: int,
    refresh: Refresh | None,
) -> None:
    """Trains the runs of arms on with their own log since the last time."""
    if directory is None or refresh is None:
        return
    for run in due:
        if run.workdir is None:
            continue
        workdir = directory / "refreshed" / run.arm.name / f"{day:04d}"
        if not live_arms.has_bundle(workdir):  # the last step of a refresh
            first = day - run.arm.refresh_days + 1
            new = finished_days.between(directory, run.arm.name, world, first, day + 1)
            last = day - world.config.num_days + 1
            progress.say(
                f"live test: {run.arm.name} is trained on with what its users "
                f"did until day {last}"
            )
            refresh(run.workdir, workdir, new)
        run.serve(workdir)
