"""Commands that change a bundle, and that answer from it."""

from ytdnn.run.cli import command, recommend, similar, vectors

COMMANDS = (
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
)
