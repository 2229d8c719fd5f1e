"""Commands of daily operation, and of several processes."""

from ytdnn import registries
from ytdnn.ops.cli import adding, cluster, refitting, refreshing, removing, serve
from ytdnn.run.cli import command, resolved


@registries.COMMANDS.register("index add")
def index_add_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
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
    )


@registries.COMMANDS.register("index remove")
def index_remove_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
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
    )


@registries.COMMANDS.register("index restore")
def index_restore_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "index restore",
        "take removed videos back",
        "The opposite of `index remove`, in the same way.",
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
    )


@registries.COMMANDS.register("join-log")
def join_log_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
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
    )


@registries.COMMANDS.register("cluster")
def cluster_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
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
    )


@registries.COMMANDS.register("refit")
def refit_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
        "refit",
        "train the chosen models again to the end of the log, and export them",
        "For serving, after settings and epochs are chosen and measured: candidates "
        "and ranker learn from all of the log, validation and test included, as many "
        "epochs as the measured models' best took. The ranker learns from the scores "
        "of candidates trained before its window alone. Writes WORKDIR/refit, and a "
        "new version of the bundle, which carries the evaluation of the measured run; "
        "later exports are of the refit too, until --config.refit=false.",
        ("ytdnn refit --workdir=runs/mine",),
        (resolved.WORKDIR, resolved.CONFIG, resolved.STRATEGY),
        (),
        refitting.run,
    )


@registries.COMMANDS.register("refresh")
def refresh_command() -> command.Command:
    """Returns the description of the command."""
    return command.Command(
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
    )
