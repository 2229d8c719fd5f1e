"""The descriptions of the laboratory's commands, registered by name."""

from ytdnn.base import registries
from ytdnn.lab.cli import experiments, live, study, sweep, world
from ytdnn.run.cli import command, resolved


@registries.COMMANDS.register("experiments")
def experiments_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "experiments",
        "list the runs below a directory, with their differing settings and metrics",
        "One table of all runs below a directory, the best first: the metrics of each "
        "evaluation, and the settings that differ between the runs and from their "
        "defaults.",
        (
            "ytdnn experiments --dir=runs",
            "ytdnn experiments --dir=runs --sort=ranker/auc "
            "--metrics=candidates/recall@50,ranker/auc",
        ),
        experiments.FLAGS,
        (),
        experiments.run,
    )


@registries.COMMANDS.register("study")
def study_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "study",
        "train several variants of a config, and compare them",
        "Trains and evaluates every variant of an experiment in every seed, each as a "
        "run in WORKDIR/VARIANT/seed-N that resumes where it stopped; data and models "
        "that variants share are made once. Prints a table, and writes study.json and "
        "study.md: mean over seeds, paired difference to the first variant with its "
        "interval, popularity and training time. Writes no bundle: `ytdnn export` "
        "writes one for any of the runs. Settings given as flags apply to every "
        "variant.",
        (
            "ytdnn study --config=experiments/features_and_depth.py "
            "--workdir=runs/depth --stage=candidates --split=validation",
            "ytdnn study --config=experiments/quickstart.py --workdir=runs/seeds "
            "--seeds=0,1,2",
        ),
        study.FLAGS,
        (
            "extensions",
            "data",
            "candidates",
            "index",
            "ranking",
            "composition",
            "evaluation",
            "seed",
            "strategy",
        ),
        study.run,
    )


@registries.COMMANDS.register("sweep")
def sweep_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "sweep",
        "search settings on validation with Optuna, and test the best once",
        "Trains one stage with settings drawn from a space, by Optuna's TPE sampler, "
        "and stops a trial that is below the median of those before it. Only "
        "validation decides. All trials are kept in DIR/journal.log: a sweep that was "
        "killed resumes, and several processes of the same command share it. Ends with "
        "DIR/best.py, a config file to run, DIR/sweep.html, and the paired difference "
        "of the best and the base config on the test window. Needs the extra `sweep`.",
        (
            "ytdnn sweep --source=movielens --name=ml-100k --trials=30 "
            "--workdir=runs/sweep",
            "ytdnn sweep --config=mine.py --minutes=120 --workdir=runs/sweep",
            "ytdnn sweep --stage=ranking --trials=20 --workdir=runs/ranker_sweep",
        ),
        (*sweep.FLAGS, *resolved.DATA_FLAGS),
        ("data", "candidates", "ranking", "composition", "evaluation", "seed"),
        sweep.run,
    )


@registries.COMMANDS.register("live")
def live_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "live",
        "run an A/B test of several runs on simulated users",
        "The simulated world of the runs continues where their log ends; each user "
        "gets all slates from one arm, and responds by the world's laws. Reports the "
        "watches of each arm, differences with intervals, conclusions allowed to a "
        "daily look, and an A/A test; prints a table and writes OUT/report.json, "
        "report.html and the log of each arm as an event log. Finished days are kept, "
        "so a test that was killed resumes. The runs need a world with live days: "
        "--config.data.world.live_days=14.",
        (
            "ytdnn live --arms=logging,popularity,mine=runs/mine --out=runs/live",
            "ytdnn live --arms=a=runs/a,b=runs/b --days=14 --refresh_days=7 "
            "--out=runs/a_b",
            "ytdnn live --arms=never=runs/a,daily=runs/a --refresh_days=daily=1 "
            "--out=runs/fresh",
            "ytdnn live --arms=logging,bound --preset=tiny "
            "--config.data.world.live_days=14 --out=runs/tiny_live",
        ),
        live.FLAGS,
        ("data.world",),
        live.run,
    )


@registries.COMMANDS.register("world")
def world_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "world",
        "write the synthetic world as an event log, with plots",
        "Writes all five tables of a world as Parquet, one part per ten thousand "
        "users, in bounded memory, and plots in world.html: popularity, freshness, "
        "click rates, watch time. The same settings give the same bytes.",
        (
            "ytdnn world --preset=small --out=runs/world/log",
            "ytdnn world --preset=large --out=runs/large/log --beside=ml-1m.zip",
        ),
        world.FLAGS,
        ("data.world",),
        world.run,
    )
