"""The descriptions of the commands of operation, registered by name."""

from ytdnn.base import registries
from ytdnn.ops.cli import adding, cluster, refitting, refreshing, removing, serve
from ytdnn.run.cli import command, resolved


@registries.COMMANDS.register("index add")
def index_add_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "index add",
        "add new uploads to the served videos, without training or a rebuild",
        "Computes their vectors from content, with the trained video tower, and "
        "searches them exactly, next to the index, which stays as built. The bundle "
        "gets a new version, which a running server loads by itself. The table is kept "
        "in WORKDIR/added_videos.parquet for all later exports.",
        ("ytdnn index add --workdir=runs/mine --file=uploads.parquet",),
        adding.FLAGS,
        (),
        adding.add,
    )


@registries.COMMANDS.register("index remove")
def index_remove_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "index remove",
        "remove videos from the served videos, without a rebuild",
        "The bundle gets a new version of the same models without these videos, in "
        "less than a second; a running TensorFlow Serving loads it by itself. The list "
        "is kept in WORKDIR/removed_videos.json for all later exports.",
        (
            "ytdnn index remove --workdir=runs/mine --videos=17,42",
            "ytdnn index remove --workdir=runs/mine --file=taken_down.txt",
        ),
        removing.REMOVAL_FLAGS,
        (),
        removing.remove,
    )


@registries.COMMANDS.register("index restore")
def index_restore_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "index restore",
        "restore removed videos",
        "Undoes `index remove`, in the same way.",
        ("ytdnn index restore --workdir=runs/mine --videos=42",),
        removing.REMOVAL_FLAGS,
        (),
        removing.restore,
    )


@registries.COMMANDS.register("serve")
def serve_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "serve",
        "serve a bundle over HTTP, with a page to inspect its answers",
        "Implements TensorFlow Serving's REST API for every model of the bundle, "
        "including ScaNN's, and a simpler /recommend and /feedback, which are logged. "
        "Loads new versions while it serves. The page at / shows candidates, their "
        "sources and scores, and the reason for each video's rank.",
        (
            "ytdnn serve --workdir=runs/mine",
            "ytdnn serve --workdir=runs/mine --inspect --port=8080",
            "ytdnn serve --bundle=bundle --host=0.0.0.0 --token_file=token "
            "--allowed_hosts=recommender.example.com",
        ),
        serve.FLAGS,
        (),
        serve.run,
    )


@registries.COMMANDS.register("join-log")
def join_log_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "join-log",
        "turn served slates and their feedback into an event log to train on",
        "Joins the answers and the feedback that `ytdnn serve` has logged, and writes "
        "impressions (with page, position, source, score, click and watch time) and "
        "watches as an event log, which `ytdnn prepare` reads as it is. Counts "
        "feedback that came within --wait of its answer; younger answers are left out, "
        "and their number is printed.",
        ("ytdnn join-log --log=runs/mine/served_log --out=logs/served",),
        serve.JOIN_FLAGS,
        (),
        serve.join,
    )


@registries.COMMANDS.register("cluster")
def cluster_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "cluster",
        "try distributed training with several processes on this machine",
        "Starts the processes of a cluster, each with the command after -- and its own "
        "TF_CONFIG: synchronous workers, or with --ps a chief, workers and parameter "
        "servers. Restarts processes that are killed; the training resumes from its "
        "last checkpoint. Prints the output of the chief; that of the others goes to "
        "WORKDIR/cluster. For several machines see docs/scale.md.",
        (
            "ytdnn cluster --workers=2 -- train --workdir=runs/mine",
            "ytdnn cluster --workers=2 --ps=2 -- train --workdir=runs/mine "
            "--stage=candidates",
        ),
        cluster.FLAGS,
        (),
        cluster.run,
        takes_command=True,
    )


@registries.COMMANDS.register("refit")
def refit_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "refit",
        "retrain the chosen models to the end of the log, and export them",
        "For serving, once settings and epochs are chosen and evaluated: candidates "
        "and ranker are trained on the whole log, validation and test included, for "
        "the best epoch count of the evaluated models. The ranker reads scores of "
        "candidates trained only before its window. Writes WORKDIR/refit, and a new "
        "version of the bundle, with the evaluation of the original run; later exports "
        "are of the refit too, until --config.refit=false.",
        ("ytdnn refit --workdir=runs/mine",),
        (
            resolved.WORKDIR,
            resolved.CONFIG,
            resolved.STRATEGY,
        ),
        (),
        refitting.run,
    )


@registries.COMMANDS.register("refresh")
def refresh_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "refresh",
        "continue the training of a run's models with newer events",
        "Appends new events to those of the run, which stays unchanged; trained "
        "weights and optimizer state are carried over to the grown vocabularies. "
        "Candidates learn from the new watches and some old ones, the ranker from the "
        "impressions since the candidates whose scores it reads were trained. Writes "
        "another workdir, which can be refreshed in turn; a refresh that was killed "
        "resumes.",
        (
            "ytdnn refresh --from=runs/monday --data_dir=logs/monday "
            "--workdir=runs/tuesday",
        ),
        refreshing.FLAGS,
        refreshing.SECTIONS,
        refreshing.run,
    )
