"""The commands: the flags, help and implementation of each.

Others are registered, by modules of this folder or by packages (docs/extending.md).
"""

import dataclasses

from ytdnn import errors, registries
from ytdnn.cli import (
    adding,
    check,
    cluster,
    command,
    compare,
    engine,
    evaluate,
    experiments,
    feature_flag,
    live,
    recommend,
    refreshing,
    removing,
    resolved,
    serve,
    similar,
    steps,
    study,
    sweep,
    tune,
    vectors,
    world,
)

Flag = command.Flag

_WORKDIR, _CONFIG, _K = resolved.WORKDIR, resolved.CONFIG, resolved.K
_DATA_FLAGS = (
    Flag("source", key="data.source"),
    Flag("data_dir", key="data.dir", example="PATH"),
    Flag("name", key="data.name", example="NAME"),
    Flag(
        "files",
        "Own files of tables, as watches=clicks.parquet.",
        key="data.files",
        example="TABLE=FILE,…",
    ),
    Flag(
        "columns",
        "Own column names, as watches.video_id=item_id,watches.time=timestamp.",
        key="data.columns",
        example="TABLE.COLUMN=OWN,…",
    ),
    Flag("where", key="data.where", example="SQL"),
    Flag("bad_rows", key="data.bad_rows"),
    Flag("min_item_count", key="data.min_item_count", example="N"),
    Flag("protocol", key="data.protocol"),
)
_STRATEGY = Flag("strategy", key="strategy")


def _repeated(value: str) -> dict[str, str]:
    """Returns the settings that `--repeats` fills."""
    removes = str(value != "True").lower()
    return {
        "composition.remove_watched": removes,
        "evaluation.remove_watched": removes,
        "candidates.validate_repeats": str(value == "True").lower(),
    }


_REPEATS = Flag(
    "repeats",
    "Watched videos may be recommended again, and are right answers, as for music. "
    "Fills config.composition.remove_watched, config.evaluation.remove_watched and "
    "config.candidates.validate_repeats.",
    is_switch=True,
    fills=_repeated,
)
_REFIT = Flag("refit", key="refit", is_switch=True)


COMMANDS = (
    command.Command(
        "run",
        "all steps, from event log to bundle; goes on where it was stopped",
        "Prepares, trains, builds the index, evaluates and exports. A step whose "
        "output is complete and was made from this config is skipped, and said so; one "
        "that was killed goes on. Without --config the workdir's config.json is used; "
        "without a setting of data, the quickstart on the embedded synthetic world.",
        (
            "ytdnn run --config=experiments/quickstart.py --workdir=runs/quickstart",
            "ytdnn run --workdir=runs/mine --config.candidates.embedding_dim=32",
            "ytdnn run --workdir=runs/mine --refit",
        ),
        (
            _WORKDIR,
            _CONFIG,
            *_DATA_FLAGS,
            *engine.FLAGS,
            feature_flag.FLAG,
            _REPEATS,
            _STRATEGY,
            _REFIT,
            _K,
        ),
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
            "cluster",
            "refresh",
            "refit",
        ),
        steps.run,
    ),
    command.Command(
        "prepare",
        "read and check an event log, split it: writes WORKDIR/data",
        "Reads the source, refuses or drops bad rows, filters, splits and writes the "
        "prepared set; ends with a table of what was read, used and left out. Without "
        "--config the settings of `data` start from the defaults listed below, all "
        "others from config.json of the workdir.",
        (
            "ytdnn prepare --source=log --data_dir=logs --workdir=runs/mine",
            "ytdnn prepare --source=movielens --data_dir=ml-1m.zip --workdir=runs/ml",
            "ytdnn prepare --source=log --data_dir=/shared/logs --workdir=/shared/run "
            "--engine=spark --spark_master=spark://host:7077",
            "ytdnn prepare --explain",
        ),
        (
            dataclasses.replace(_WORKDIR, required=False),
            _CONFIG,
            *_DATA_FLAGS,
            *engine.FLAGS,
            Flag(
                "explain",
                "Print what an event log is: every table, column and unit; and stop.",
                is_switch=True,
            ),
            resolved.JSON,
        ),
        ("data",),
        steps.prepare,
    ),
    command.Command(
        "check",
        "every mistake and note of an event log at once; writes nothing",
        "Reads the source as `prepare` does, with the same flags, and says all that is "
        "wrong with it: each kind of bad row with its first place, and what looks like "
        "a mistake. Exit status 1 where `prepare` would refuse the log.",
        (
            "ytdnn check --source=log --data_dir=logs",
            "ytdnn check --source=log --data_dir=logs "
            "--columns=watches.video_id=item_id",
        ),
        (_CONFIG, *_DATA_FLAGS, resolved.JSON),
        ("data",),
        check.run,
    ),
    command.Command(
        "train",
        "train candidates, build the index, train the ranker",
        "Trains on WORKDIR/data. Stages that are complete and current are skipped; a "
        "killed training goes on from its last checkpoint.",
        (
            "ytdnn train --workdir=runs/mine",
            "ytdnn train --workdir=runs/mine --stage=ranking "
            "--config.ranking.tower=256,128",
        ),
        (
            _WORKDIR,
            _CONFIG,
            Flag(
                "stage",
                "One stage alone; default: all.",
                example="candidates|index|ranking",
            ),
            feature_flag.FLAG,
            _REPEATS,
            _STRATEGY,
        ),
        (
            "extensions",
            "candidates",
            "index",
            "ranking",
            "composition",
            "seed",
            "strategy",
            "cluster",
        ),
        steps.train,
    ),
    command.Command(
        "cluster",
        "a training by several processes of this machine, to try it",
        "Starts the processes of a cluster, each with the command after -- and a "
        "TF_CONFIG of its own: workers that train in step, or with --ps a chief, "
        "workers and parameter servers. Starts again what is killed; the training goes "
        "on from its last checkpoint. Output of the chief is shown, that of the others "
        "lies in WORKDIR/cluster. Several machines: docs/scale.md.",
        (
            "ytdnn cluster --workers=2 -- train --workdir=runs/mine",
            "ytdnn cluster --workers=2 --ps=2 -- train --workdir=runs/mine "
            "--stage=candidates",
        ),
        cluster.FLAGS,
        (),
        cluster.run,
        takes_command=True,
    ),
    command.Command(
        "index tune",
        "find the cheapest settings of the index that reach a recall",
        "Tries leaves, leaves searched, codes and reordering of ScaNN, or tables, bits "
        "and videos scored of LSH, on the vectors of the run's candidates and of the "
        "users of the validation window. Writes WORKDIR/index_tuning: the curve of "
        "recall and latency as JSON and as a page; and the settings found as "
        "index.search of the run, with which `ytdnn train` builds the index.",
        (
            "ytdnn index tune --workdir=runs/mine",
            "ytdnn index tune --workdir=runs/mine --kind=lsh --recall=0.9",
        ),
        tune.FLAGS,
        (),
        tune.run,
    ),
    command.Command(
        "evaluate",
        "measure a run, a bundle, or a file of predictions: report and page",
        "Checks for leaks, ranks all videos exactly for each test user, measures the "
        "ranker on test impressions, and both stages together, with intervals and "
        "slices; prints a table and writes WORKDIR/evaluation: report.json, "
        "report.html, the values of each user, TensorBoard scalars. With --bundle or "
        "--predictions the same of an exported bundle, or of any other system's "
        "user_id, video_id, score.",
        (
            "ytdnn evaluate --workdir=runs/mine",
            "ytdnn evaluate --workdir=runs/mine --split=validation --k=10,50,100",
            "ytdnn evaluate --predictions=als.parquet --data=runs/mine/data",
            "ytdnn evaluate --bundle=runs/mine/bundle --data=runs/mine/data --out=DIR",
            "ytdnn evaluate --explain",
        ),
        evaluate.FLAGS,
        ("extensions", "composition", "evaluation"),
        evaluate.run,
    ),
    command.Command(
        "compare",
        "two reports: paired differences, and conditions that fail",
        "Takes two runs, or directories of evaluations, that were asked the same: the "
        "first is the baseline. Prints each metric of both, their difference over the "
        "common users and its interval. Exit status 1 where a condition of --fail_if "
        "holds.",
        (
            "ytdnn compare --fail_if='recall@10 < 0.95 * baseline' runs/main runs/mine",
            "ytdnn compare --models=candidates,als runs/mine als_evaluation",
        ),
        compare.FLAGS,
        (),
        compare.run,
        compare.OPERANDS,
    ),
    command.Command(
        "export",
        "write the bundle of SavedModels: WORKDIR/bundle",
        "Writes the models that serve: user tower, index, ranker, and the recommender "
        "that joins them, with manifest, titles and vocabularies, and what TensorFlow "
        "Serving is started with. A new version stands beside the earlier ones, under "
        "a number that a running server loads by itself.",
        (
            "ytdnn export --workdir=runs/mine",
            "ytdnn export --workdir=runs/mine --keep=3",
        ),
        (
            _WORKDIR,
            _CONFIG,
            Flag(
                "keep",
                "Newest versions that stay, the others are removed; default: all.",
                example="N",
            ),
        ),
        ("composition",),
        steps.export,
    ),
    command.Command(
        "refit",
        "train the chosen models again to the end of the log, and export them",
        "For serving, after settings and epochs are chosen and measured: candidates "
        "and ranker learn from all of the log, validation and test included, as many "
        "epochs as the measured models' best took. The ranker learns from the scores "
        "of candidates trained before its window alone. Writes WORKDIR/refit, and a "
        "new version of the bundle, which carries the evaluation of the measured run; "
        "later exports are of the refit too, until --config.refit=false.",
        ("ytdnn refit --workdir=runs/mine",),
        (_WORKDIR, _CONFIG, _STRATEGY),
        (),
        steps.refit,
    ),
    command.Command(
        "refresh",
        "let the models of a run go on learning with the events since",
        "New events are put behind those of the run, which is left as it is; trained "
        "weights and the state of the optimisers are carried over to the grown "
        "vocabularies. Candidates learn from the new watches and some old ones, the "
        "ranker from the impressions since the candidates whose scores it reads were "
        "trained. Writes another workdir, which can be refreshed in turn; one that was "
        "killed goes on.",
        (
            "ytdnn refresh --from=runs/monday --data_dir=logs/monday "
            "--workdir=runs/tuesday",
        ),
        refreshing.FLAGS,
        refreshing.SECTIONS,
        refreshing.run,
    ),
    command.Command(
        "index add",
        "put new uploads into every answer, without training or a rebuild",
        "Their vectors are made by the content side of the trained candidates, and "
        "searched exactly in a delta part beside the index as it was built. The bundle "
        "gets a new version, which a running server loads by itself. The table lies in "
        "WORKDIR/added_videos.parquet, and every later export carries it.",
        ("ytdnn index add --workdir=runs/mine --file=uploads.parquet",),
        adding.FLAGS,
        (),
        adding.add,
    ),
    command.Command(
        "index remove",
        "take videos out of every answer, without a rebuild",
        "The bundle gets a new version of the same models without these videos, in "
        "less than a second; a running TensorFlow Serving loads it by itself. The list "
        "lies in WORKDIR/removed_videos.json, and every later export carries it.",
        (
            "ytdnn index remove --workdir=runs/mine --videos=17,42",
            "ytdnn index remove --workdir=runs/mine --file=taken_down.txt",
        ),
        removing.REMOVAL_FLAGS,
        (),
        removing.remove,
    ),
    command.Command(
        "index restore",
        "take removed videos back",
        "The opposite of `index remove`, in the same way.",
        ("ytdnn index restore --workdir=runs/mine --videos=42",),
        removing.REMOVAL_FLAGS,
        (),
        removing.restore,
    ),
    command.Command(
        "recommend",
        "recommendations for one user, a request, or everybody into a file",
        "With --workdir and --user: takes the user's history from the prepared set and "
        "asks WORKDIR/bundle. With --bundle and --request: needs the bundle alone; the "
        "request is a JSON object whose members the bundle's manifest describes. With "
        "--users and --out: asks for all users of the log, or those of a file, in "
        "batches, and writes user_id, rank, video_id, title and score; the file takes "
        "its place when it is whole.",
        (
            "ytdnn recommend --workdir=runs/mine --user=42",
            "ytdnn recommend --bundle=runs/mine/bundle --request=request.json",
            "ytdnn recommend --workdir=runs/mine --users=all --k=50 --out=recs.parquet",
            "ytdnn recommend --workdir=runs/mine --users=members.csv --noranker "
            "--exclude=taken_down.txt --out=recs.csv",
        ),
        recommend.FLAGS,
        (),
        recommend.run,
    ),
    command.Command(
        "similar",
        "the videos nearest to one, or to each into a file",
        "Nearest by the cosine of the videos' vectors without their bias. A video is "
        "not similar to itself, and removed videos are similar to none. Those that "
        "were not watched in the training window have no vector. With --by it is the "
        "log's own vectors that are compared.",
        (
            "ytdnn similar --workdir=runs/mine --video=17",
            "ytdnn similar --workdir=runs/mine --video=17 --by=videos.clip",
            "ytdnn similar --workdir=runs/mine --all --k=20 --out=similar.parquet",
        ),
        similar.FLAGS,
        (),
        similar.run,
    ),
    command.Command(
        "vectors",
        "the vectors of users or videos as Parquet",
        "Writes user_id or video_id and an array of float32. The dot product of a "
        "user's and a video's vector is the candidate score; the video's last "
        "coordinate is its bias, where the user's is 1.",
        (
            "ytdnn vectors --workdir=runs/mine --users=all --out=users.parquet",
            "ytdnn vectors --workdir=runs/mine --videos=all --out=videos.parquet",
        ),
        vectors.FLAGS,
        (),
        vectors.run,
    ),
    command.Command(
        "serve",
        "a bundle as a service, and a page that shows it at work",
        "Answers TensorFlow Serving's REST API for every model of the bundle, ScaNN's "
        "too, and a friendlier /recommend and /feedback, which are logged. Loads new "
        "versions by itself while it serves. The page at / shows candidates, their "
        "sources and scores, and why each video stands where it does.",
        (
            "ytdnn serve --workdir=runs/mine",
            "ytdnn serve --workdir=runs/mine --inspect --port=8080",
            "ytdnn serve --bundle=bundle --host=0.0.0.0 --token_file=token "
            "--allowed_hosts=recommender.example.com",
        ),
        serve.FLAGS,
        (),
        serve.run,
    ),
    command.Command(
        "join-log",
        "what was served and what became of it, as an event log to train on",
        "Joins the answers and the feedback that `ytdnn serve` has logged, and writes "
        "impressions (with page, position, source, score, click and watch time) and "
        "watches as an event log, which `ytdnn prepare` reads as it is. Feedback "
        "counts that came within --wait of its answer; answers younger than that are "
        "left out, and said.",
        ("ytdnn join-log --log=runs/mine/served_log --out=logs/served",),
        serve.JOIN_FLAGS,
        (),
        serve.join,
    ),
    command.Command(
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
    ),
    command.Command(
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
    ),
    command.Command(
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
        (*sweep.FLAGS, *_DATA_FLAGS),
        ("data", "candidates", "ranking", "composition", "evaluation", "seed"),
        sweep.run,
    ),
    command.Command(
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
    ),
    command.Command(
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
    ),
)


_BY_NAME = {each.name: each for each in COMMANDS}


def names() -> list[str]:
    """Returns the names of all commands."""
    return [*_BY_NAME, *registries.COMMANDS.names()]


def find(name: str) -> command.Command:
    """Returns a command; one of a package that fails says so when it is run.

    Args:
      name: One of `names`.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    try:
        made: command.Command = registries.COMMANDS[name].make()
    except errors.UserError as error:
        made = _broken(name, error)
    return dataclasses.replace(made, name=name)


def _broken(name: str, error: errors.UserError) -> command.Command:
    """Returns a command that cannot be loaded, so that the others can be run."""

    def run(given: command.Arguments) -> None:
        raise error

    words = "(its package cannot be loaded)"
    return command.Command(name, words, str(error), (f"ytdnn {name}",), (), (), run)
