"""Commands that change a bundle, and that answer from it."""

from ytdnn.cli import (
    adding,
    command,
    recommend,
    removing,
    serve,
    similar,
    vectors,
)

COMMANDS = (
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
        "recommendations for one user, a request, or all users into a file",
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
)
