"""The arms of a live test: parsed, checked, and opened day by day."""

import dataclasses
import pathlib
from collections.abc import Collection, Mapping, Sequence

from ytdnn.base import artifacts, configs, errors, user_paths
from ytdnn.bundle import bundle
from ytdnn.lab.live import built_in_arms, bundle_arm, counters, history
from ytdnn.lab.sources import world as world_source
from ytdnn.lab.world import generate, policy
from ytdnn.log import prepared

SOURCES = (*policy.SOURCES, bundle_arm.SOURCE, built_in_arms.BOUND)
_BUNDLE, _DATA, _STATES = "bundle", "data", "states"


@dataclasses.dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
      name: Name of the arm.
      workdir: The run with the bundle that makes the slates; None: a built-in arm.
      refresh_days: Number of days after which the run is refreshed; 0: never.
      counts: Whether its counters and live terms follow what its users do.
    """

    name: str
    workdir: pathlib.Path | None = None
    refresh_days: int = 0
    counts: bool = False

    @property
    def meaning(self) -> str:
        """Description of the policy that makes the slates, for people."""
        if self.workdir is None:
            return built_in_arms.NAMES[self.name]
        text = f"the bundle of {self.workdir}"
        if self.counts:
            text += ", with counters up to date"
        if not self.refresh_days:
            return text
        days = "day" if self.refresh_days == 1 else f"{self.refresh_days} days"
        return f"{text}, refreshed every {days}"

    def is_due(self, days_done: int) -> bool:
        """Returns whether the run is refreshed after a number of days of a test."""
        return bool(self.refresh_days) and days_done % self.refresh_days == 0


def parse(words: Sequence[str]) -> list[Arm]:
    """Parses arms: `NAME=WORKDIR`, or the name of a built-in arm.

    Raises:
      errors.UserError: An arm is neither, a name is given twice, or there are fewer
        than two arms.
    """
    arms: dict[str, Arm] = {}
    for word in words:
        name, is_run, path = word.strip().partition("=")
        if not is_run and name not in built_in_arms.NAMES:
            hint = errors.hint(name, built_in_arms.NAMES)
            raise errors.UserError(
                f"expected {', '.join(built_in_arms.NAMES)} or NAME=WORKDIR in --arms, "
                f"received {word!r}{hint}"
            )
        if is_run and (not name.replace("-", "_").isidentifier() or not path):
            raise errors.UserError(
                f"expected in --arms NAME=WORKDIR, the name of letters, digits, _ and "
                f"-, received {word!r}"
            )
        if name in arms:
            raise errors.UserError(
                f"expected a name for each arm, received {name} twice: rename one"
            )
        if is_run and name in built_in_arms.NAMES:
            raise errors.UserError(
                f"expected another name for the arm of {path}: {name} is a built-in arm"
            )
        arms[name] = Arm(name, user_paths.expanded(path) if is_run else None)
    if len(arms) < 2:
        raise errors.UserError(
            f"expected at least two arms to compare, received "
            f"{', '.join(arms) or 'none'}: --arms=logging,mine=runs/mine"
        )
    return list(arms.values())


def refreshed(arms: Sequence[Arm], days: int | Mapping[str, int]) -> list[Arm]:
    """Returns the arms with the number of days after which each run is refreshed.

    Args:
      arms: The arms.
      days: Number of days, one for all runs, or by name of the arm (others are never
        refreshed); 0: never.

    Raises:
      errors.UserError: A number is negative, or no run has a name.
    """
    runs = [arm.name for arm in arms if arm.workdir is not None]
    of_run = dict(days) if isinstance(days, Mapping) else dict.fromkeys(runs, days)
    _require_runs(arms, "refresh_days", of_run)
    numbers = of_run.values() if isinstance(days, Mapping) else [days]
    if any(number < 0 for number in numbers):
        raise errors.UserError(
            f"expected --refresh_days of 0 or more, received {min(numbers)}"
        )
    return [
        dataclasses.replace(arm, refresh_days=of_run.get(arm.name, 0)) for arm in arms
    ]


def counting(arms: Sequence[Arm], names: Collection[str]) -> list[Arm]:
    """Returns the arms, some of which count what their users do.

    Args:
      arms: The arms.
      names: Names of those that count.

    Raises:
      errors.UserError: A name is not that of a run.
    """
    _require_runs(arms, "counters", names)
    return [dataclasses.replace(arm, counts=arm.name in names) for arm in arms]


def _require_runs(arms: Sequence[Arm], flag: str, names: Collection[str]) -> None:
    runs = [arm.name for arm in arms if arm.workdir is not None]
    for name in names:
        if name not in runs:
            raise errors.UserError(
                f"expected --{flag} to name arms that are runs "
                f"({', '.join(runs) or 'there is none'}), received {name}"
            )


def world_of(
    arms: Sequence[Arm], of_preset: configs.WorldConfig | None
) -> configs.WorldConfig:
    """Returns the world that all arms were trained in.

    Args:
      arms: The arms.
      of_preset: The world for tests without runs; None: an arm must be a run.

    Raises:
      errors.UserError: Runs were trained in different worlds, or in none, or the world
        has no live days.
    """
    runs = [arm.workdir for arm in arms if arm.workdir is not None]
    worlds = {str(path): _world(path) for path in runs}
    for path, world in worlds.items():
        first, expected = next(iter(worlds.items()))
        if world != expected:
            raise errors.UserError(
                f"expected all arms to share one world, found different ones in "
                f"{first} and {path}: {_differing(expected, world)}"
            )
    if worlds and of_preset is not None:
        raise errors.UserError(
            f"expected no --preset with the run in {next(iter(worlds))}, which has "
            f"its own world: leave it out"
        )
    chosen = next(iter(worlds.values()), of_preset)
    if chosen is None:
        raise errors.UserError(
            "expected a world where all arms are built-in: name one with --preset"
        )
    if not chosen.live_days:
        where = next(iter(worlds), "the settings")
        raise errors.UserError(
            f"expected a world with days after the end of its log, found live_days 0 "
            f"in {where}: make the run with --config.data.world.live_days=14"
        )
    return chosen


def has_bundle(workdir: pathlib.Path) -> bool:
    """Returns whether a run has a bundle."""
    return (workdir / _BUNDLE / artifacts.MANIFEST).exists()


def _world(workdir: pathlib.Path) -> configs.WorldConfig:
    path = workdir / _DATA
    if not (path / artifacts.MANIFEST).exists():
        raise errors.UserError(
            f"expected a run with {_DATA} and {_BUNDLE} in {workdir}, found no "
            f"{_DATA}: name the workdir of `ytdnn run`"
        )
    config = world_source.config_of(artifacts.load_manifest(path, prepared.KIND).facts)
    if config is None:
        raise errors.UserError(
            f"expected a run on the synthetic world in {workdir}, found another log: "
            f"a live test needs the synthetic world"
        )
    return config


def _differing(first: configs.WorldConfig, second: configs.WorldConfig) -> str:
    one, other = (configs.to_dict(world) for world in (first, second))
    names = [name for name in one if one[name] != other[name]]
    return ", ".join(f"{name} {one[name]} and {other[name]}" for name in names)


class RunningArm:
    """An arm in a running test.

    Attributes:
      arm: The arm.
      workdir: The run that serves; a refreshed run replaces it.
      counters: Its live state; None: it does not count.
    """

    def __init__(
        self,
        arm: Arm,
        world: generate.World,
        known: history.UserHistories,
        directory: pathlib.Path | None = None,
    ) -> None:
        """Loads the bundle, if the arm is a run.

        Args:
          arm: The arm.
          world: The world.
          known: Events of all users so far.
          directory: Directory of the test, needed if the arm counts.

        Raises:
          errors.UserError: The bundle is missing or damaged, or counts nothing.
        """
        self.arm, self.workdir = arm, arm.workdir
        self._world, self._known = world, known
        self._requester: bundle_arm.Requester | None = None
        self.counters: counters.ArmCounters | None = None
        if directory is not None and arm.counts:
            self.counters = counters.ArmCounters(directory / _STATES / f"{arm.name}.db")
        if arm.workdir is not None:
            self.serve(arm.workdir)

    def serve(self, workdir: pathlib.Path) -> None:
        """Switches to the newest bundle of a run."""
        if self._requester is None:
            self._requester = bundle_arm.Requester(self._world, self._known)
        self.workdir = workdir
        self._bundle = bundle.load(workdir / _BUNDLE)
        if self.counters is not None:
            self.counters.serve(workdir, self._bundle, self._world.end_of_log)

    def open(self, day: int) -> policy.Policy:
        """Returns the policy that makes the slates of a day."""
        if self._requester is not None:
            source = SOURCES.index(bundle_arm.SOURCE)
            return bundle_arm.policy_of(self._bundle, self._requester, source)
        if self.arm.name == built_in_arms.POPULARITY:
            return built_in_arms.popularity(
                self._world, self._known, day, policy.POPULAR
            )
        if self.arm.name == built_in_arms.BOUND:
            return built_in_arms.bound(self._world, SOURCES.index(built_in_arms.BOUND))
        return policy.make_pages
