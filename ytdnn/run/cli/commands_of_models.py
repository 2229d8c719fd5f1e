"""Commands that prepare, train, evaluate and export a run."""

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
_TRAINING = (
    feature_flag.FLAG,
    repeats_flag.FLAG,
    sessions_flag.FLAG,
    tracker_flag.FLAG,
    resolved.STRATEGY,
    resolved.CHECKPOINTS,
)
_REFIT = arguments.Flag("refit", key="refit", is_switch=True)

COMMANDS = (
    command.Command(
        "run",
        "run all steps, from event log to bundle; resumes where it stopped",
        "Prepares, trains, builds the index, evaluates and exports. A step is skipped, "
        "with a line that says so, if its output is complete and was made from this "
        "config; a step that was killed resumes. Without --config, uses the workdir's "
        "config.json; without any setting of data, the quickstart on the built-in "
        "synthetic world.",
        (
            "ytdnn run --workdir=runs/quickstart",
            "ytdnn run --workdir=runs/mine --config.candidates.embedding_dim=32",
            "ytdnn run --config=runs/mine --workdir=runs/bpr "
            "--config.candidates.loss=bpr",
            "ytdnn run --workdir=runs/mine --refit",
        ),
        (
            _WORKDIR,
            _CONFIG,
            *resolved.DATA_FLAGS,
            *engine.FLAGS,
            kept_parts_flag.FLAG,
            *_TRAINING,
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
        "read, check and split an event log; writes WORKDIR/data",
        "Reads the source, refuses or drops bad rows, filters, splits and writes the "
        "prepared set; ends with a table of the rows that were read, used and left "
        "out. Without --config, the settings of `data` start from the defaults listed "
        "below, all others from the workdir's config.json.",
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
                "Print the format of an event log, with every table, column and unit, "
                "and exit.",
                is_switch=True,
            ),
            resolved.JSON,
        ),
        ("data",),
        steps.prepare,
    ),
    command.Command(
        "check",
        "list all problems of an event log at once; writes nothing",
        "Reads the source as `prepare` does, with the same flags, and lists all "
        "problems: each kind of bad row with its first occurrence, and values that "
        "look like mistakes. Exit status 1 if `prepare` would refuse the log.",
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
        "Trains on WORKDIR/data. Stages that are complete and up to date are skipped; "
        "a training that was killed resumes from its last checkpoint.",
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
                "Train this stage only; default: all.",
                example="candidates|index|ranking",
            ),
            *_TRAINING,
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
        "users of the validation window. Writes WORKDIR/index_tuning, the curve of "
        "recall and latency as JSON and HTML, and stores the best settings in the "
        "run's config as index.search, which `ytdnn train` builds the index with.",
        (
            "ytdnn index tune --workdir=runs/mine",
            "ytdnn index tune --workdir=runs/mine --kind=ivf --recall=0.9",
        ),
        tune.FLAGS,
        (),
        tune.run,
    ),
    command.Command(
        "evaluate",
        "evaluate a run, a bundle, or a file of predictions",
        "Checks for leaks, ranks all videos exactly for each test user, evaluates the "
        "ranker on test impressions, and both stages together, with intervals and "
        "slices; prints a table and writes WORKDIR/evaluation: report.json, "
        "report.html, the values of each user, TensorBoard scalars. With --bundle or "
        "--predictions, evaluates an exported bundle, or another system's table of "
        "user_id, video_id and score, in the same way.",
        (
            "ytdnn evaluate --workdir=runs/mine",
            "ytdnn evaluate --workdir=runs/mine --split=validation --k=10,50,100",
            "ytdnn evaluate --predictions=als.parquet --data=runs/mine/data",
            "ytdnn evaluate --bundle=runs/mine/bundle --data=runs/mine/data --out=DIR",
            "ytdnn evaluate --workdir=/shared/run --engine=spark "
            "--spark_master=spark://host:7077",
            "ytdnn evaluate --explain",
        ),
        evaluate.FLAGS,
        ("extensions", "composition", "evaluation"),
        evaluate.run,
    ),
    command.Command(
        "compare",
        "compare two evaluations: paired differences, and conditions that fail",
        "Takes two runs or directories of evaluations with the same protocol; the "
        "first is the baseline. Prints each metric of both, their difference over the "
        "common users and its interval. Exit status 1 if a condition of --fail_if "
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
        "export the SavedModels for serving to WORKDIR/bundle",
        "Writes the models for serving: user tower, index, ranker, and the recommender "
        "that combines them, with manifest, titles, vocabularies and a config for "
        "TensorFlow Serving. Earlier versions stay; a running server loads the new one "
        "by itself.",
        (
            "ytdnn export --workdir=runs/mine",
            "ytdnn export --workdir=runs/mine --keep=3",
        ),
        (
            _WORKDIR,
            _CONFIG,
            arguments.Flag(
                "keep",
                "Number of versions to keep, the newest; default: all.",
                example="N",
            ),
        ),
        ("composition",),
        steps.export,
    ),
)
