"""Commands that compare runs, and generate worlds for them."""

from ytdnn import registries
from ytdnn.lab.cli import experiments, live, study, sweep, world
from ytdnn.run.cli import command, resolved


@registries.COMMANDS.register("experiments")
def experiments_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "experiments",
        "the runs of a directory: what they differ in, what they reached",
        "One table of all runs below a directory, the best first: the metrics of each "
        "evaluation, and the settings in which the runs differ and which are not "
        "left at their default.",
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
        "one question, several settings: trains each, and compares them",
        "Trains and evaluates every variant of an experiment in every seed, each a run "
        "of its own in WORKDIR/VARIANT/seed-N that goes on where it was stopped; the "
        "same data and models are made once. Prints a table, and writes study.json and "
        "study.md: mean over seeds, paired difference to the first variant with its "
        "interval, popularity and training time. No bundle is written: `ytdnn export` "
        "makes one of any of the runs. Settings given hold for every variant.",
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
        "search settings by validation: Optuna's trials, and the best compared once",
        "Trains one stage with settings drawn from a space, by Optuna's TPE sampler, "
        "and stops a trial that is below the median of those before it. Validation "
        "alone decides. All trials stand in DIR/journal.log: a sweep that was killed "
        "goes on, and several processes of the same command share it. Ends with "
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
        "arms against each other, live: a world goes on day by day",
        "The world behind the runs goes on where their log ends; each user's pages "
        "come from one arm, and users respond by the world's laws. Reports what people "
        "watched of each arm, differences with intervals, what a daily look may "
        "conclude, and an A/A test; prints a table and writes OUT/report.json, "
        "report.html and the log of each arm as an event log. Finished days are kept: "
        "a test that was killed goes on. Make the runs on a world that has live days: "
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
        "write the synthetic world as an event log, with a page of plots",
        "Writes all five tables of a world as Parquet, a part for each ten thousand "
        "users, in bounded memory, and draws world.html: popularity, freshness, click "
        "rates, watch time, searches. The same settings give the same bytes.",
        (
            "ytdnn world --preset=small --out=runs/world/log",
            "ytdnn world --preset=large --out=runs/large/log --beside=ml-1m.zip",
        ),
        world.FLAGS,
        ("data.world",),
        world.run,
    )
