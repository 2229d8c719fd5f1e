"""Commands that make the models of a run and measure them."""

import dataclasses

from ytdnn.run.cli import (
    arguments,
    check,
    command,
    compare,
    engine,
    evaluate,
    feature_flag,
    kept_parts_flag,
    repeats_flag,
    resolved,
    sessions_flag,
    steps,
    tracker_flag,
    tune,
)

_WORKDIR, _CONFIG, _K = resolved.WORKDIR, resolved.CONFIG, resolved.K
_REFIT = arguments.Flag("refit", key="refit", is_switch=True)

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
            *resolved.DATA_FLAGS,
            *engine.FLAGS,
            kept_parts_flag.FLAG,
            feature_flag.FLAG,
            repeats_flag.FLAG,
            sessions_flag.FLAG,
            tracker_flag.FLAG,
            resolved.STRATEGY,
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
            "ytdnn prepare --source=log --data_dir=logs --workdir=runs/today "
            "--parts=parts",
            "ytdnn prepare --explain",
        ),
        (
            dataclasses.replace(_WORKDIR, required=False),
            _CONFIG,
            *resolved.DATA_FLAGS,
            *engine.FLAGS,
            kept_parts_flag.FLAG,
            arguments.Flag(
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
        (_CONFIG, *resolved.DATA_FLAGS, resolved.JSON),
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
            arguments.Flag(
                "stage",
                "One stage alone; default: all.",
                example="candidates|index|ranking",
            ),
            feature_flag.FLAG,
            repeats_flag.FLAG,
            sessions_flag.FLAG,
            tracker_flag.FLAG,
            resolved.STRATEGY,
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
            arguments.Flag(
                "keep",
                "Newest versions that stay, the others are removed; default: all.",
                example="N",
            ),
        ),
        ("composition",),
        steps.export,
    ),
)
