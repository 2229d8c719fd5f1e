"""`live_test`: compares arms in a world that continues day by day."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ytdnn.base import artifacts, configs, errors, progress, registries, user_paths
from ytdnn.evaluation import report_files
from ytdnn.run.pipeline import runner, workdir

if TYPE_CHECKING:
    import polars as pl

    from ytdnn.lab.live import arms as live_arms
    from ytdnn.lab.live import play, report

REPORT, PAGE = "report.json", "report.html"
LOGS = "logs"


@registries.HOOKS.register("live_test")
def live_test(
    arms: Sequence[str] | Mapping[str, str | os.PathLike[str] | None],
    out: str | os.PathLike[str],
    *,
    days: int | None = None,
    world: configs.WorldConfig | None = None,
    seed: int = 0,
    refresh_days: int | Mapping[str, int] = 0,
    counters: Collection[str] = (),
    verbose: runner.Verbose = False,
) -> "report.LiveReport":
    """Runs a live test: the world continues, and each user's slates are made by an arm.

    Finished days are saved in `out`: the same call resumes where it was stopped.

    Args:
      arms: `NAME=WORKDIR` or `logging`, `popularity`, `bound`; or workdirs by name,
        None for a built-in arm. The others are compared with the first.
      out: Directory of the test.
      days: Length of the test; None: all live days of the world.
      world: The world, if no arm is a run.
      seed: Seed of the split of users, and of random draws of the arms.
      refresh_days: Number of days after which the runs are refreshed on the events of
        their own arm's users, one number or by name of the arm; 0: never.
      counters: Names of arms whose counters and live terms follow what their own users
        do, as those of `ytdnn serve`; those of other arms are as of their export.
      verbose: See `ytdnn.run.pipeline.api`.

    Returns:
      The report, which is also in `out` as JSON and as a page.

    Raises:
      errors.UserError: An arm is unknown, runs are of different worlds, the world has
        no live days, `refresh_days` is no number of days of a run, `counters` names an
        arm without any, or `out` holds another test.
    """
    from ytdnn.lab.live import arms as live_arms
    from ytdnn.lab.live import play, report

    if isinstance(arms, Mapping):
        arms = [n if p is None else f"{n}={os.fspath(p)}" for n, p in arms.items()]
    parsed_arms = live_arms.refreshed(live_arms.parse(arms), refresh_days)
    parsed_arms = live_arms.counting(parsed_arms, counters)
    lived = live_arms.world_of(parsed_arms, world)
    test = play.Test(lived, parsed_arms, days or lived.live_days, seed)
    directory, say = user_paths.expanded(out), runner.speaker(verbose)
    directory.mkdir(parents=True, exist_ok=True)
    with workdir.lock(directory), progress.shown(bool(verbose)):
        say(
            f"live test: {test.num_days} days behind a log of {lived.num_days}, "
            f"{lived.num_users:,} users in {len(parsed_arms)} arms"
        )
        offline = _offline(parsed_arms, say)
        played = play.play(test, directory, _refresh)
        live_report = dataclasses.replace(report.from_played(played), offline=offline)
        _publish(directory, played, live_report)
    return live_report


def _offline(
    arms: "Sequence[live_arms.Arm]", say: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Returns offline metrics of the served lists of each run that was evaluated."""
    values = {}
    for arm in arms:
        if arm.workdir is None:
            continue
        directory = arm.workdir / report_files.DIRECTORIES["test"]
        if not (directory / artifacts.MANIFEST).exists():
            continue
        try:
            values[arm.name] = _evaluated(arm.workdir, directory)
        except errors.UserError as error:
            say(f"arm {arm.name} without the numbers of its evaluation: {error}")
    return values


def _evaluated(workdir: pathlib.Path, directory: pathlib.Path) -> dict[str, float]:
    """Returns the metrics of an evaluation for the lists that a run serves.

    Raises:
      errors.UserError: The evaluation is damaged, or belongs to other models.
    """
    from ytdnn.evaluation import lists

    entries = report_files.read_report(directory).lists
    manifest = artifacts.load_manifest(directory, report_files.KIND)
    for name in manifest.inputs:
        source = artifacts.load_manifest(workdir / name, name)
        artifacts.require_input(manifest, directory, name, source)
    served = entries.get(lists.SYSTEM) or entries.get(lists.CANDIDATES)
    values = {} if served is None else served.values
    return {name: value for name, value in values.items() if value is not None}


def _refresh(
    from_workdir: pathlib.Path,
    workdir: pathlib.Path,
    tables: "Mapping[str, pl.DataFrame]",
) -> None:
    """Trains a run on with new events."""
    registries.HOOKS["refresh"].make(from_workdir, workdir, tables=tables)


def _publish(
    directory: pathlib.Path,
    played: "play.LiveOutcome",
    live_report: "report.LiveReport",
) -> None:
    """Writes the report, its page, and the log of each arm."""
    from ytdnn.lab.live import finished_days
    from ytdnn.lab.pages import live_page

    artifacts.write_json(directory / REPORT, dataclasses.asdict(live_report))
    artifacts.write_text(directory / PAGE, live_page.draw(live_report))
    begin = played.test.world.num_days
    numbers = range(begin, begin + played.test.num_days)
    for arm in played.test.names:
        finished_days.write_log(
            directory / LOGS / arm, directory, numbers, arm, played.world
        )
