r"""Which recommender do people watch more of, live?

Claim: both stages make people watch more than candidates alone, than the policy that
filled the log's pages and than popularity; live tests decide, and offline metrics only
guide (PAPER §2). A ranker by watch time beats one by clicks in watch time, and loses
in clicks (PAPER §4). The next watch is the better label, as an A/B test says (PAPER
§3.4, figure 5).

    python -m experiments.live --workdir=runs/live

trains three variants on the 60 days of the quickstart world's log, as

    ytdnn study --config=experiments/live.py --workdir=runs/live

does, lets the world go on for 14 days with them, the logging policy, popularity and
the bound as arms, and prints watch seconds per visit, the lift over the first arm, and
the lift that the true watch seconds of the page had promised beforehand.

- `--arms=candidates,both`: some of the variants: `both`, `candidates` alone, both with
  a ranker by `clicks`; candidates alone trained on the `held_out` watch, and with
  `example_age`.
- `--alone`: no built-in arms beside them.
- `--fresh`: both stages never refreshed, weekly and daily, and the logging policy.
  `--refresh_days=7`: all runs.
- `--diverse`: both stages beside themselves with pages re-ranked for diversity of
  topics (`composition.diversity`), with a decay for each further video of a channel,
  and with both; prints what it costs in watch seconds, and brings in channels of a
  page, distinct videos shown and good uploads found.
- `--explore`: both stages beside themselves with sampling and with reserved places.
- `--world=small`: ten thousand users and twenty thousand videos, with the settings of
  `world_small.py`; `quickstart-60`: so many live days; `--days=28` plays some of
  them.
- `--seed=1`: another world and another training.
- `--a_a=200`: 200 `tiny` worlds of other seeds with one arm; the users of each are
  split in two, and false alarms counted.

Protocol: temporal; the live days follow the log. Users are split by a hash, intervals
are over users (docs/live.md). The page has eight places, so promises are @8.

Measured 2026-11-26 to 29 on two cores beside other work, in three worlds of quickstart
(seeds 0, 1, 2 of the world and the training; two arms or more of 700 to 1,850 users)
and one of `small`; watch seconds per visit with 95 % intervals. The tables by day are
in the report that each command writes.

| `--arms=candidates,both` | seed 0 | seed 1 | seed 2 | small |
|---|---|---|---|---|
| candidates alone | 234 ± 24 | 139 ± 13 | 188 ± 17 | 223 ± 12 |
| both stages | 774 ± 66 | 708 ± 51 | 711 ± 49 | 913 ± 44 |
| logging policy | 234 ± 15 | 208 ± 15 | 218 ± 14 | 250 ± 8 |
| popularity | 248 ± 25 | 100 ± 12 | 146 ± 17 | 202 ± 16 |
| bound | 1,511 ± 100 | 1,375 ± 96 | 1,546 ± 82 | 2,200 ± 62 |
| lift of both over candidates, % | 230 ± 44 | 411 ± 60 | 279 ± 43 | 310 ± 30 |
| promised offline, % | 303 | 331 | 276 | 353 |

The claim holds; 76, 124, 101 and 88 % of what the offline page had promised over
candidates alone was kept. All that shows the best first wears out: what a user does not
click loses appeal, and what they watch is gone; the bound falls to a third in 14 days.
Of candidates, both, and both by clicks, true watch seconds@8 and watch seconds of
hits@8 would have picked the winner; hit rate@8 and true clicks@8 another.

| against the first arm | seed 0 | seed 1 | seed 2 |
|---|---|---|---|
| `both,clicks`: by clicks, time, % | -36 [-42, -30] | -38 [-42, -34] | -32 [-36, -28] |
| clicks, % | 16 | 30 | 38 |
| `--fresh`: weekly against never, % | 11 [2, 20] | 8 [0, 16] | 9 [2, 17] |
| daily against never, % | 24 [14, 34] | 19 [10, 29] | 24 [15, 32] |
| `--explore`, 60 days: sampled, % | 1 [-6, 7] | -5 [-11, 1] | -8 [-14, -3] |
| reserved, % | 7 [0, 14] | 1 [-5, 7] | 0 [-5, 6] |
| uploads found, all three, % | 20, 18, 30 | 16, 18, 25 | 14, 14, 23 |
| `--diverse`: topics, % | -4 [-13, 4] | 1 [-7, 10] | 1 [-6, 8] |
| `candidates,held_out`, % | -31 [-38, -24] | -35 [-42, -28] | -20 [-27, -12] |
| `candidates,example_age`, % | -2 [-11, 7] | -11 [-19, -2] | 5 [-3, 13] |

On `small` a daily refresh brings 33 % [26, 39] more, a weekly one 12 % [6, 18]. Never
refreshed, no arm finds a good upload. Diversity has one to two channels more on a page
of eight, with 3 to 11 % fewer, longer clicks. Offline the held-out label is level or
better: the paper's very point of A/B tests.

200 A/A tests (`--a_a=200`): 11 false alarms of a single look, 2 of the sequential test,
43 of daily looks.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import rich
from rich import table

from experiments import logs, world_small
from ytdnn import configs, registries
from ytdnn.base import errors
from ytdnn.evaluation import report_files
from ytdnn.lab.live import arms, built_in_arms, comparing, measures, play, report
from ytdnn.run import pipeline
from ytdnn.run.cli import main as program

QUICKSTART, SMALL = "quickstart", "small"
BOTH, CANDIDATES, CLICKS = "both", "candidates", "clicks"
HELD_OUT, EXAMPLE_AGE = "held_out", "example_age"  # of candidates alone
# What the runs stand beside.
BUILT_IN, EXPLORED, FRESH, ALONE = "live", "explored", "fresh", "alone"
DIVERSE = "diverse"
SAMPLED, RESERVED = "sampled", "reserved"
DAYS = 14
_EXAMPLES = pathlib.Path(__file__).parents[1] / "docs" / "examples"
_PROMISE = 0.1  # the least lift that a share of says something
_PAGE = 8  # videos of a page of the world
_EXPLORING: dict[str, dict[str, float | str]] = {
    SAMPLED: {"temperature": 0.5},
    RESERVED: {"young_every": 4},
}
_BY_TOPIC: dict[str, float | str] = {"diversity": 0.5, "diversity_by": "topic"}
_BY_CHANNEL: dict[str, float | str] = {"channel_decay": 0.7}
_DIVERSE: dict[str, dict[str, float | str]] = {
    "topics": _BY_TOPIC,
    "channels": _BY_CHANNEL,
    "topics_and_channels": {**_BY_TOPIC, **_BY_CHANNEL},
}
_COMPOSED = {EXPLORED: _EXPLORING, DIVERSE: _DIVERSE}  # changes of the page, by name
FRESH_DAYS = {"never": 0, "weekly": 7, "daily": 1}  # days between refreshes


def get_config(world: str = QUICKSTART) -> configs.Config:
    """Returns a world with live days, lists of the page's length measured.

    Args:
      world: A preset, `quickstart-60` with so many live days; of `small` the settings
        are those of `world_small.py`.
    """
    name, _, days = world.partition("-")
    of_world = world_small.get_config() if name == SMALL else logs.quickstart()
    return configs.changed(
        of_world,
        {
            "extensions": (str(_EXAMPLES / "held_out_watch.py"),),
            "data.world": configs.WORLDS[name],
            "data.world.live_days": int(days or DAYS),
            "evaluation": configs.EvaluationConfig(ks=(_PAGE, 10, 50, 100)),
        },
    )


def get_variants(world: str = QUICKSTART) -> dict[str, configs.Config]:
    """Returns both stages, candidates alone, and one change of either each."""
    config = get_config(world)
    alone = {"ranking.enabled": False}
    aged = configs.FeaturesConfig(add=(EXAMPLE_AGE,))
    held_out: Any = registries.LABELS["held_out_watch"].config
    settings: dict[str, dict[str, Any]] = {
        BOTH: {},
        CANDIDATES: alone,
        CLICKS: {"ranking.head": configs.ClickConfig(), "ranking.enabled": True},
        HELD_OUT: {"candidates.label": held_out(), **alone},
        EXAMPLE_AGE: {"candidates.features": aged, **alone},
    }
    return {name: configs.changed(config, own) for name, own in settings.items()}


@dataclasses.dataclass(frozen=True)
class LiveExperiment:
    """Settings of a live experiment.

    Attributes:
      directory: Of the experiment.
      names: Variants, the first is compared with the others.
      others: What stands beside them: the built-in arms, nothing, or both stages trying
        things out, or (instead of them) both stages refreshed daily, weekly and never.
      world: As of `get_config`.
      refresh_days: After how many days all runs are refreshed, but where the arms
        differ in that; 0: never.
      seed: Of the world and of the training.
      days: Of the test; None: all live days.
    """

    directory: pathlib.Path
    names: Sequence[str]
    others: str = BUILT_IN
    world: str = QUICKSTART
    refresh_days: int = 0
    seed: int = 0
    days: int | None = None

    @property
    def runs(self) -> dict[str, pathlib.Path]:
        """The trained run of each variant."""
        return {
            name: self.directory / name / f"seed-{self.seed}" for name in self.names
        }

    @property
    def out(self) -> pathlib.Path:
        """Directory of the live test, one for each choice of arms."""
        seed = [str(self.seed)] if self.seed else []
        return self.directory / "-".join([self.others, *self.names, *seed])


def run(experiment: LiveExperiment) -> report.LiveReport:
    """Trains the variants and plays the live test; goes on where it was stopped."""
    status = program.main(
        [
            "study",
            f"--config=experiments/live.py:{experiment.world}",
            f"--workdir={experiment.directory}",
            f"--only={','.join(experiment.names)}",
            f"--seeds={experiment.seed}",
            f"--config.data.world.seed={experiment.seed}",
        ]
    )
    if status:
        raise SystemExit(status)  # it has said why
    for path in experiment.runs.values():
        pipeline.export(path)
    tested: dict[str, pathlib.Path | None] = dict(experiment.runs)
    refreshed: int | dict[str, int] = experiment.refresh_days
    if experiment.others == BUILT_IN:
        tested |= dict.fromkeys(built_in_arms.NAMES)
    elif experiment.others in _COMPOSED:
        trained = experiment.runs[BOTH]
        tested |= {
            name: _composed(
                trained, experiment.directory / name / trained.name, changed
            )
            for name, changed in _COMPOSED[experiment.others].items()
        }
    elif experiment.others == FRESH:
        tested = dict.fromkeys(FRESH_DAYS, experiment.runs[BOTH])
        tested[built_in_arms.LOGGING], refreshed = None, FRESH_DAYS
    return pipeline.live_test(
        tested,
        experiment.out,
        days=experiment.days,
        refresh_days=refreshed,
        verbose=True,
    )


def _composed(
    trained: pathlib.Path, target: pathlib.Path, changed: Mapping[str, float | str]
) -> pathlib.Path:
    """Exports a trained run a second time, with a page composed in another way."""
    from ytdnn.base import artifacts
    from ytdnn.run.pipeline import workdir

    config = workdir.require_config(trained)
    for name in ("data", "candidates", "index", "ranking", "choice"):
        made = (trained / name).exists()  # no choice where the ranker is always on
        if made and not (target / name).exists():
            artifacts.share(trained / name, target / name)
    workdir.write_config(target, config)
    composition = configs.changed(config.composition, changed)
    pipeline.export(target, configs.changed(config, {"composition": composition}))
    return target


def promised(experiment: LiveExperiment) -> dict[str, float]:
    """Returns the true watch seconds of each variant's page, measured beforehand."""
    found = {}
    for name, workdir in experiment.runs.items():
        model = "system" if name in (BOTH, CLICKS) else "candidates"
        evaluated = report_files.read(workdir)
        found[name] = evaluated.number(model, f"true_watch_seconds@{_PAGE}")
    return found


def show(found: report.LiveReport, beforehand: Mapping[str, float]) -> table.Table:
    """Returns each arm, its lift over the first, and what was promised."""
    result = table.Table(title="watch seconds per visit, live")
    for heading in ("arm", "live", "lift", "promised", "lift promised", "share kept"):
        result.add_column(heading, justify="right")
    base = beforehand.get(found.first)
    for name, arm in found.arms.items():
        value = arm.metrics[measures.HEADLINE]
        row = [name, _ends(value)]
        if name in found.differences:
            lift = found.differences[name][measures.HEADLINE].lift
            row.append(_ends(lift, percent=True))
            if name in beforehand and base:
                expected = beforehand[name] / base - 1.0
                row += [f"{beforehand[name]:,.0f}", f"{expected:+.0%}"]
                if abs(expected) >= _PROMISE:
                    row.append(f"{(lift.value or 0.0) / expected:.0%}")
        elif base:
            row += ["", f"{base:,.0f}"]
        result.add_row(*row)
    return result


def variety(found: report.LiveReport) -> table.Table:
    """Returns what each arm brings besides watch seconds."""
    result = table.Table(title="variety of the pages, live")
    for heading in ("arm", "seconds", "channels of a page", "videos", "good uploads"):
        result.add_column(heading, justify="right")
    for name, arm in found.arms.items():
        channels = arm.metrics["channels_per_visit"].value or 0.0
        good = arm.found_audience.value or 0.0
        seconds = _ends(arm.metrics[measures.HEADLINE])
        shown = f"{arm.videos_shown:,}"
        result.add_row(name, seconds, f"{channels:.2f}", shown, f"{good:.3f}")
    return result


def _ends(one: report.IntervalEstimate, percent: bool = False) -> str:
    value, low, high = (x or 0.0 for x in (one.value, one.low, one.high))
    if percent:
        return f"{value:+.0%} [{low:+.0%}, {high:+.0%}]"
    return f"{value:,.0f} ± {(high - low) / 2:,.0f}"


def a_a(repeats: int) -> comparing.FalseAlarms:
    """Plays worlds of other seeds with one arm, and tests halves of each once."""
    fixed = sequentially = peeking = users = 0
    for seed in range(repeats):
        world = configs.changed(
            configs.WORLDS["tiny"], {"live_days": DAYS, "seed": 1_000 + seed}
        )
        played = play.play(play.Test(world, [arms.Arm(built_in_arms.LOGGING)], DAYS))
        one = comparing.false_alarms(
            played.earlier,
            played.daily,
            world.num_users,
            np.arange(world.num_users),
            measures.METRICS[measures.HEADLINE],
            repeats=1,
        )
        if one is not None:
            fixed += one.fixed
            sequentially += one.sequential
            peeking += one.peeking
            users += one.users
    return comparing.FalseAlarms(repeats, users, fixed, sequentially, peeking)


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, plays, and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--arms", default=f"{CANDIDATES},{BOTH},{CLICKS}")
    parser.add_argument("--world", default=QUICKSTART)
    for name in ("refresh_days", "seed", "a_a"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--days", type=int)
    kind = parser.add_mutually_exclusive_group()
    for flag, value in (
        ("--explore", EXPLORED),
        ("--diverse", DIVERSE),
        ("--fresh", FRESH),
        ("--alone", ALONE),
    ):
        kind.add_argument(flag, dest="others", action="store_const", const=value)
    parser.set_defaults(others=BUILT_IN)
    options = parser.parse_args(arguments)
    if options.a_a:
        rich.print(a_a(options.a_a))
        return
    if options.workdir is None:
        parser.error("expected --workdir or --a_a")
    names = options.arms.split(",")
    experiment = LiveExperiment(
        directory=options.workdir,
        names=names if options.others in (BUILT_IN, ALONE) else [BOTH],
        others=options.others,
        world=options.world,
        refresh_days=options.refresh_days,
        seed=options.seed,
        days=options.days,
    )
    try:
        found = run(experiment)
        rich.print(show(found, promised(experiment)))
        if experiment.others == DIVERSE:
            rich.print(variety(found))
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
